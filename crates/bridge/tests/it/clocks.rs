//! A machine whose clock is wrong, and is set right.

use std::sync::{Arc, Mutex};

use bridge::Clock;
use domain::time::Timestamp;
use jiff::SignedDuration;

use crate::world::World;

const A_YEAR: i64 = 365 * 24;

/// The clock of the bridge's machine, which is so many hours ahead of the stack's.
struct WrongClock {
    right: Arc<dyn Clock>,
    ahead: Mutex<i64>,
}

impl WrongClock {
    /// Gives the machine of the bridge a clock of its own.
    fn of(world: &mut World) -> Arc<Self> {
        let clock = Arc::new(Self {
            right: Arc::clone(&world.environment.clock),
            ahead: Mutex::new(0),
        });
        world.environment.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        clock
    }

    fn set(&self, ahead: i64) {
        *self.ahead.lock().unwrap() = ahead;
    }
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        self.right.now() + SignedDuration::from_hours(*self.ahead.lock().unwrap())
    }
}

/// Waits until some more hours were read and delivered.
async fn until_it_goes_on(world: &World) {
    let through = world.server.state.lock().unwrap().through.unwrap_or(world.start);
    let hours = through.epoch_hours() - world.start.epoch_hours();
    world.until_reported(hours + 3).await;
}

/// Sets the clock so many hours ahead until that is said, and right again: reading goes on, and the trouble is over.
async fn set_wrong_until(world: &World, clock: &WrongClock, ahead: i64, is_said: impl Fn(&[String]) -> bool) {
    clock.set(ahead);
    world
        .until("it is said", |world| is_said(&world.troubles()))
        .await;
    clock.set(0);
    until_it_goes_on(world).await;
    world
        .until("trouble is over", |world| world.troubles().is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_ahead_and_is_set_right_would_have_ended_the_reading_for_as_long_as_it_was_ahead() {
    let mut world = World::new().await;
    let clock = WrongClock::of(&mut world);
    world.report_hours(20, 3);
    world.start_bridge().await;
    for ahead in [48, 24 * 7, A_YEAR] {
        // Hours are asked for that are not over.
        let said = |troubles: &[String]| troubles.contains(&"HourNotOver".to_owned());
        set_wrong_until(&world, &clock, ahead, said).await;
    }
    world.until_reported(20).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_reads_nothing_because_its_clock_was_set_back_would_have_passed_for_one_that_works() {
    let mut world = World::new().await;
    let clock = WrongClock::of(&mut world);
    world.report_hours(20, 3);
    world.start_bridge().await;
    for behind in [24 * 90, A_YEAR] {
        until_it_goes_on(&world).await;
        set_wrong_until(&world, &clock, -behind, |troubles| troubles == ["ClockSetBack"]).await;
    }
    world.until_reported(20).await;
    world.assert_kept();
}

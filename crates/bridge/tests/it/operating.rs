//! What whoever operates the bridge sees and does.

use std::sync::Arc;
use std::time::Duration;

use bridge::{Bridge, Part, Pause, StackState, Timer};
use domain::time::HourInterval;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stack_stub::{CLOUD, PROVIDER};
use crate::world::{World, activation_key};

const OTHER: &str = "e6135d07-4efa-439c-b899-24e03cbac5f9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_usage_of_another_stack_is_not_even_read() {
    let mut world = World::new().await;
    world.report_hours(3, 3);
    let foreign = format!("/x/registrations/AzureStack-{OTHER}");
    world.stack.state.lock().unwrap().registration = Some(foreign);
    world.start_bridge().await;
    world
        .until("it is refused", |world| world.troubles() == ["ForeignStack"])
        .await;
    let status = world.status();
    assert!(status.stacks[0].troubles[0].held);
    assert_eq!(world.stack.state.lock().unwrap().asked, []);
    // Set right at the stack's side, it goes on by itself.
    let own = format!("/x/registrations/AzureStack-{CLOUD}");
    world.stack.state.lock().unwrap().registration = Some(own);
    world.until_reported(3).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_replaced_in_its_file_is_taken_up() {
    let mut world = World::new().await;
    world.report_hours(4, 3);
    world.server.state.lock().unwrap().key = Some(activation_key(CLOUD, "two"));
    world.start_bridge().await;
    world
        .until("it is refused, with what to do", |world| {
            world.status().stacks[0].troubles.iter().any(|it| {
                it.part == Part::Delivering
                    && it.held
                    && it.trouble.code == "AuthenticationFailed"
                    && it.trouble.advice.contains("activation-key-file")
            })
        })
        .await;
    // A key of another stack is no way out.
    std::fs::write(world.path("key"), activation_key(OTHER, "two")).unwrap();
    world
        .until("it is refused", |world| {
            world.troubles().contains(&"ForeignKey".to_owned())
        })
        .await;
    std::fs::write(world.path("key"), activation_key(CLOUD, "two")).unwrap();
    world.until_reported(4).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_of_another_stack_is_not_delivered() {
    let mut world = World::new().await;
    world.report_hours(3, 3);
    world.start_bridge().await;
    world.until_reported(2).await;
    world.kill_bridge().await;
    std::fs::write(world.path("key"), activation_key(OTHER, "one")).unwrap();
    world.start_bridge().await;
    world
        .until("it is refused", |world| world.troubles() == ["ForeignSpool"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_refused_is_said_to_be_and_tried_with_what_is_in_its_file() {
    let mut world = World::new().await;
    std::fs::write(world.path("secret"), "wrong").unwrap();
    world.report_hours(2, 3);
    world.start_bridge().await;
    world
        .until("it is refused", |world| {
            world.troubles() == ["StackSignInRefused"]
        })
        .await;
    std::fs::write(world.path("secret"), "s3cret\n").unwrap();
    world.until_reported(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_never_use_one_spool() {
    let mut world = World::new().await;
    world.start_bridge().await;
    let second = Bridge::open(world.config.clone(), world.environment.clone());
    assert_eq!(second.unwrap_err().code, "SpoolInUse");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_it_is_can_be_read_in_a_file_and_asked_for() {
    let mut world = World::new().await;
    world.report_hours(5, 3);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    world.config.listen = Some(address);
    world.config.stacks[0].address.provider_subscription = Some(PROVIDER.to_owned());
    world.start_bridge().await;
    world.until_reported(5).await;
    world
        .until("the file says it", |world| {
            let status = bridge::read_status(&world.config.spool_directory);
            status.is_ok_and(|status| status.stacks[0].delivered.accepted == 15)
        })
        .await;
    let status = bridge::read_status(&world.config.spool_directory).unwrap();
    assert_eq!(status.stacks[0].cloud_id.as_deref(), Some(CLOUD));
    for (path, expected) in [
        (
            "/metrics",
            "meterbridge_bridge_records_total{stack=\"north\",outcome=\"accepted\"} 15",
        ),
        ("/healthz", "HTTP/1.1 200 OK"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_is_in_trouble_holds_up_no_other() {
    let mut world = World::new().await;
    world.report_hours(3, 3);
    let mut south = world.config.stacks[0].clone();
    south.name = "south".to_owned();
    south.activation_key_file = world.path("missing.key");
    world.config.stacks.insert(0, south);
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
    let status = world.status();
    let south = &status.stacks[0].troubles[0];
    assert_eq!(
        (south.part, south.trouble.code.as_ref()),
        (Part::Start, "FileUnreadable")
    );
}

#[test]
fn a_bridge_that_never_ran_has_no_status() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(
        bridge::read_status(directory.path()).unwrap_err().code,
        "NoStatus"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_was_stopped_is_said_to_be_and_not_to_work() {
    let mut world = World::new().await;
    world.report_hours(3, 3);
    for _ in 0..10 {
        world.start_bridge().await;
        world
            .until("the file says that it runs", |world| {
                bridge::read_status(&world.config.spool_directory).is_ok_and(|status| !status.stopped)
            })
            .await;
        world.stop_bridge().await;
        let status = bridge::read_status(&world.config.spool_directory).unwrap();
        assert!(status.stopped, "{status:?}");
        let at = status.at.parse().unwrap();
        assert!(!status.is_of_a_running_bridge(at));
        assert_eq!(status.state_of(&status.stacks[0], at), StackState::Stopped);
    }
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_was_killed_would_have_been_said_to_work_for_a_minute() {
    let mut world = World::new().await;
    world.start_bridge().await;
    let spool = world.config.spool_directory.clone();
    let read = || bridge::read_status(&spool);
    world
        .until("the file says that it runs", |_| {
            read().is_ok_and(|it| it.is_of_a_running_bridge(it.at.parse().unwrap()))
        })
        .await;
    world.kill_bridge().await;
    world
        .until("it is said to be gone, at the moment of its last word", |_| {
            let status = read().unwrap();
            let at = status.at.parse().unwrap();
            !status.stopped && status.state_of(&status.stacks[0], at) == StackState::Stopped
        })
        .await;
    // What was found out is about who looks, and nothing that is written.
    assert!(
        !std::fs::read_to_string(spool.join("status.json"))
            .unwrap()
            .contains("abandoned")
    );
}

/// From the seventh failure in a row on, every pause is as long.
const A_LONG_PAUSE: Duration = Duration::from_secs(16);

/// A timer whose long pauses never end.
struct PausesForEver(Arc<dyn Timer>);

impl Timer for PausesForEver {
    fn pause(&self, duration: Duration) -> Pause {
        if duration >= A_LONG_PAUSE {
            return Box::pin(std::future::pending());
        }
        self.0.pause(duration)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_could_not_have_been_taken_back_for_as_long_as_the_stack_is_not_reached() {
    let mut world = World::new().await;
    world.report_hours(4, 3);
    world.start_bridge().await;
    world.until_reported(2).await;
    world.stop_bridge().await;
    world.config.stacks[0].address.endpoint = "http://127.0.0.1:1".to_owned();
    world.environment.timer = Arc::new(PausesForEver(Arc::clone(&world.environment.timer)));
    world.start_bridge().await;
    world
        .until("it is not reached, and waited for", |world| {
            let status = world.status();
            let mut troubles = status.stacks[0].troubles.iter();
            troubles.any(|it| it.trouble.code == "StackUnreachable" && it.failures >= 7)
        })
        .await;
    let spool = world.config.spool_directory.clone();
    let range = HourInterval::new(world.hour(-9), world.hour(-3)).unwrap();
    bridge::request_backfill(&spool, "north", range).unwrap();
    world
        .until("it is taken up", |world| {
            bridge::waiting_backfill(&spool, "north").is_none()
                && world.status().stacks[0].backfills.len() == 1
        })
        .await;
    bridge::withdraw_backfills(&spool, "north").unwrap();
    world
        .until("it is taken back", |world| {
            let status = &world.status().stacks[0];
            status.withdrawals == 1 && status.backfills.is_empty()
        })
        .await;
    assert!(world.troubles().contains(&"StackUnreachable".to_owned()));
    world.stop_bridge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trying_a_configuration_out_refuses_what_running_it_refuses() {
    let mut world = World::new().await;
    let good = world.config.clone();
    assert!(good.try_open(&world.environment).is_ok());
    assert!(!good.spool_directory.exists(), "nothing is made by trying it out");

    let mut twice = good.clone();
    let mut second = good.stacks[0].clone();
    second.name = "south".to_owned();
    twice.stacks.push(second);
    let mut future = good.clone();
    future.stacks[0].start = Some(world.hour(24 * 365 * 50));
    let mut unusable = good.clone();
    unusable.spool_directory = world.path("key");
    let mut impossible = good.clone();
    impossible.spool_directory = "/proc/self/there/spool".into();
    // Wrong in two ways: the same is said of it first.
    let mut twofold = impossible.clone();
    twofold.stacks[0].start = future.stacks[0].start;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut listening = good.clone();
    listening.listen = Some(taken.local_addr().unwrap());
    for (config, code) in [
        (twice, "StackTwice"),
        (future.clone(), "StartInFuture"),
        (unusable, "SpoolUnusable"),
        (impossible, "SpoolUnusable"),
        (twofold, "SpoolUnusable"),
        (listening, "CannotListen"),
    ] {
        let tried = config.try_open(&world.environment).unwrap_err();
        let run = Bridge::open(config, world.environment.clone()).unwrap_err();
        assert_eq!((tried.code.as_ref(), run.code.as_ref()), (code, code), "{tried}");
    }

    // A stack that was read goes on where it was, whatever `start` says: a clock that was set back ends no bridge.
    world.start_bridge().await;
    world
        .until("something is in its spool", |world| {
            let through = world.config.stacks[0].try_spool(&world.config.spool_directory, &world.environment);
            through.is_ok_and(|it| it > Some(world.start.to_string()))
        })
        .await;
    assert!(future.try_open(&world.environment).is_ok(), "also while it runs");
    world.stop_bridge().await;
    drop(Bridge::open(future, world.environment.clone()).unwrap());
    // Whose spool it is can be seen before anything is delivered from it.
    let stack = &good.stacks[0];
    let through = stack
        .try_spool(&good.spool_directory, &world.environment)
        .unwrap();
    assert!(through > Some(world.start.to_string()), "{through:?}");
    std::fs::write(world.path("key"), activation_key(OTHER, "one")).unwrap();
    let foreign = stack.try_spool(&good.spool_directory, &world.environment);
    assert_eq!(foreign.unwrap_err().code, "ForeignSpool");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_a_stack_for_the_server_is_told_so_and_not_to_fetch_another_key() {
    let mut world = World::new().await;
    world.report_hours(3, 3);
    let good = world.config.clone();
    world.config.server.url = world.stack.url.clone();
    let stack = world.config.stacks[0].clone();
    let tried = stack.try_server(&world.config.server, &world.environment).await;
    assert_eq!(tried.unwrap_err().code, "ServerIsStack");
    world.start_bridge().await;
    world
        .until("it is said", |world| {
            world.troubles().contains(&"ServerIsStack".to_owned())
        })
        .await;
    world.kill_bridge().await;

    world.config = good.clone();
    world.config.stacks[0].address.endpoint = world.server.url.clone();
    let stack = world.config.stacks[0].clone();
    let tried = stack.try_stack(&world.environment).await;
    assert_eq!(tried.unwrap_err().code, "EndpointIsServer");
    world.start_bridge().await;
    world
        .until("it is said", |world| world.troubles() == ["EndpointIsServer"])
        .await;
    assert!(world.status().stacks[0].troubles[0].held);
    world.kill_bridge().await;

    world.config = good;
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
}

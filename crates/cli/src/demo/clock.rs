//! The demonstration's clock: it stands where it is set, so that a month passes in seconds.

use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Timestamp;
use server::Clock;

/// A clock that is set by hand until it is released.
pub(super) struct DemoClock {
    hand: Mutex<Hand>,
    system: Arc<dyn Clock>,
}

#[derive(Clone, Copy)]
enum Hand {
    Stands(Timestamp),
    Released { not_before: Timestamp },
}

impl DemoClock {
    /// A clock that stands at a time.
    pub(super) fn at(time: Timestamp, system: Arc<dyn Clock>) -> Self {
        Self {
            hand: Mutex::new(Hand::Stands(time)),
            system,
        }
    }

    /// Sets the clock forward. It is never set back.
    pub(super) fn advance_to(&self, time: Timestamp) {
        self.turn(|hand| match hand {
            Hand::Stands(now) => Hand::Stands(now.max(time)),
            Hand::Released { .. } => hand,
        });
    }

    /// Lets the clock go with the system's from now on, as soon as that has come as far.
    pub(super) fn release(&self) {
        self.turn(|hand| match hand {
            Hand::Stands(now) => Hand::Released { not_before: now },
            Hand::Released { .. } => hand,
        });
    }

    fn turn(&self, turn: impl FnOnce(Hand) -> Hand) -> Hand {
        // A hand is copied as a whole: no panic can leave half of one.
        let mut hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        *hand = turn(*hand);
        *hand
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        match self.turn(|hand| hand) {
            Hand::Stands(now) => now,
            Hand::Released { not_before } => self.system.now().max(not_before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Timestamp);

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    #[test]
    fn the_clock_is_set_forward_and_never_back_not_even_when_it_is_released() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, middle, system) = (
            at("2026-10-01T00:00:00Z"),
            at("2026-10-12T14:37:00Z"),
            at("2026-10-05T00:00:00Z"),
        );
        let clock = DemoClock::at(first, Arc::new(Fixed(system)));
        assert_eq!(clock.now(), first);
        clock.advance_to(middle);
        clock.advance_to(first);
        assert_eq!(clock.now(), middle);
        clock.release();
        assert_eq!(clock.now(), middle, "the system's clock has not come as far");
    }
}

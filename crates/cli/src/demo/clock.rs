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
        Self { hand: Mutex::new(Hand::Stands(time)), system }
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

//! Time and randomness: the one place where they come from the machine.

use jiff::Timestamp;
use server::{Clock, Random};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl bridge::Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Clock::now(self)
    }
}

/// The operating system's randomness, good for secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that draws random numbers"
    )]
    #[expect(
        clippy::panic,
        reason = "without randomness no secret can be made, and none may be made up"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random numbers: {error}");
        }
    }
}

impl bridge::Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        Random::fill(self, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ids_are_the_same() {
        assert_ne!(SystemRandom.uuid(), SystemRandom.uuid());
        assert_eq!(SystemRandom.uuid().get_version_num(), 4);
    }

    #[test]
    fn time_does_not_stand_at_its_origin() {
        assert!(SystemClock.now() > Timestamp::UNIX_EPOCH);
    }
}

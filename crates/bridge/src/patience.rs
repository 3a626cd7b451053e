//! How long to wait before the same is tried again.

use std::time::Duration;

/// The wait after the first failure, before jitter.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts, whatever was asked for.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(5 * 60);
/// The wait between two attempts of what was refused and will be until somebody does something about it.
pub(crate) const HELD_WAIT: Duration = WAIT_MAX;
/// After how many failures in a row the wait has stopped growing for certain.
const FAILURES_COUNTED_MAX: u32 = 16;

/// How long to wait after this many failures in a row (at least 1): twice as long after each, never longer than
/// [`WAIT_MAX`], and of that a part between a half and the whole that `draw` decides, so that many who failed together
/// do not come back together. Who is `asked` to wait for a time waits that long, and up to a tenth longer.
pub(crate) fn wait(failures: u32, asked: Option<Duration>, draw: u32) -> Duration {
    let part = |of: Duration| of.mul_f64(f64::from(draw) / f64::from(u32::MAX));
    if let Some(asked) = asked {
        let asked = asked.min(WAIT_MAX);
        return asked + part(asked / 10);
    }
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(FAILURES_COUNTED_MAX));
    let longest = doubled.min(WAIT_MAX);
    longest / 2 + part(longest / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_and_stop_growing() {
        let seconds = |failures| wait(failures, None, u32::MAX).as_secs_f64();
        assert_eq!([1, 2, 3, 4].map(seconds), [0.5, 1.0, 2.0, 4.0]);
        assert_eq!(seconds(1000), WAIT_MAX.as_secs_f64());
    }

    proptest! {
        #[test]
        fn a_wait_is_never_nothing_and_never_longer_than_the_limit(failures in 0u32..100, draw: u32) {
            let (shortest, it) = (wait(failures, None, 0), wait(failures, None, draw));
            prop_assert!(it >= shortest && it <= shortest * 2);
            prop_assert!(it >= FIRST_WAIT / 2 && it <= WAIT_MAX);
        }

        #[test]
        fn who_asks_for_time_gets_it_up_to_the_limit(failures in 0u32..100, asked in 0u64..1_000_000, draw: u32) {
            let asked = Duration::from_secs(asked);
            let it = wait(failures, Some(asked), draw);
            prop_assert!(it >= asked.min(WAIT_MAX));
            prop_assert!(it <= WAIT_MAX + WAIT_MAX / 10);
        }
    }
}

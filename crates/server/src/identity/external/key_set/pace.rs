//! How often an issuer is asked.

use std::time::Duration;

use domain::time::Timestamp;

/// How long after one fetch the next may begin. A key that an issuer has just begun to sign with is known after this.
const FETCH_INTERVAL_MIN: Duration = Duration::from_secs(2);
/// How many fetches may follow one another as fast as that.
const FETCHES_AT_ONCE_MAX: u32 = 10;
/// How often one more is allowed: whoever sends tokens with keys that do not exist can make us ask the issuer this often and
/// no more.
const FETCH_EVERY: Duration = Duration::from_secs(30);

/// Fetches that may still be made: they are used up by each, and come back with time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Timestamp>,
    /// Of [`FETCHES_AT_ONCE_MAX`], those that were used and have not come back.
    used: u32,
    /// Since when the next one is coming back.
    since: Option<Timestamp>,
}

impl Pace {
    /// Whether the issuer may be asked now; if so, it counts as asked.
    pub(super) fn may_go(&mut self, now: Timestamp) -> bool {
        let passed = |since: Timestamp| now.duration_since(since).unsigned_abs();
        if self.last.is_some_and(|last| passed(last) < FETCH_INTERVAL_MIN) {
            return false;
        }
        let since = self.since.unwrap_or(now);
        let back = passed(since).as_secs() / FETCH_EVERY.as_secs();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(back);
        self.since = if self.used == 0 {
            Some(now)
        } else {
            since.checked_add(FETCH_EVERY.saturating_mul(back)).ok()
        };
        if self.used >= FETCHES_AT_ONCE_MAX {
            return false;
        }
        self.used += 1;
        self.last = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_rotates_is_asked_at_once_and_whoever_makes_up_keys_does_not_have_it_asked_forever() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut pace = Pace::default();
        assert!(pace.may_go(at(0)));
        assert!(!pace.may_go(at(1)));
        assert!(pace.may_go(at(2)));
        let asked = |pace: &mut Pace, seconds: std::ops::Range<i64>| {
            seconds.filter(|second| pace.may_go(at(*second))).count()
        };
        assert_eq!(asked(&mut pace, 3..30), 8);
        assert_eq!(asked(&mut pace, 30..3630), 120);
        assert_eq!(asked(&mut pace, 10_000..10_020), 10, "after a rest all are back");
    }
}

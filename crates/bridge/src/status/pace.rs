//! How fast a bridge catches up.

use domain::time::{Hour, Timestamp};

const SECONDS_OF_AN_HOUR: i128 = 3600;

/// Where and when a bridge was when it began to catch up undisturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) since: Timestamp,
    pub(super) from: Hour,
}

impl Pace {
    /// In how many seconds nothing is due any more, if it goes on like this: of `through` the server has everything, and
    /// so many hours are due. While it catches up further hours come to be due. None as long as nothing can be told.
    pub(super) fn seconds_left(self, now: Timestamp, through: Hour, due: i32) -> Option<u64> {
        let elapsed = i128::from(now.duration_since(self.since).as_secs());
        let done = i128::from(through.epoch_hours()) - i128::from(self.from.epoch_hours());
        let gained = done * SECONDS_OF_AN_HOUR - elapsed;
        if elapsed <= 0 || gained <= 0 {
            return None;
        }
        u64::try_from(i128::from(due) * SECONDS_OF_AN_HOUR * elapsed / gained).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn who_waits_for_a_bridge_to_catch_up_is_told_how_long_and_nothing_that_cannot_be_told() {
        let from: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let since: Timestamp = "2026-10-20T00:00:00Z".parse().unwrap();
        let left = |seconds: i64, done: i32, due: i32| {
            let now = since + SignedDuration::from_secs(seconds);
            Pace { since, from }.seconds_left(now, from.plus(done), due)
        };
        for (seconds, done, due, expected) in [
            (0, 5, 100, None),
            (60, 0, 100, None),
            // As fast as hours come: it never catches up.
            (7200, 2, 100, None),
            (7200, 1, 100, None),
            // Two hours in each hour: one of them is new.
            (3600, 2, 3, Some(3 * 3600)),
            // 120 hours a minute, of which a sixtieth is new.
            (60, 120, 240, Some(120)),
            // The clock was set back.
            (-60, 120, 240, None),
        ] {
            assert_eq!(left(seconds, done, due), expected, "{seconds} {done} {due}");
        }
    }
}

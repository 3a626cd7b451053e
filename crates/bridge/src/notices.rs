//! What every delivery may say again: said once, and after that how often it was, at growing intervals.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::time::Timestamp;
use jiff::SignedDuration;

/// How long after the first time it is said again.
const FIRST_INTERVAL: Duration = Duration::from_secs(60);
/// The longest interval: each is twice as long as the one before.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What was said, by its code.
#[derive(Debug, Default)]
pub(crate) struct Notices(BTreeMap<String, Notice>);

#[derive(Debug)]
struct Notice {
    said_at: Timestamp,
    interval: Duration,
    since_then: Sum,
}

/// What came since it was said last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) deliveries: u64,
    pub(crate) records: u64,
}

impl Sum {
    const fn plus(self, records: u64) -> Self {
        Self {
            deliveries: self.deliveries.saturating_add(1),
            records: self.records.saturating_add(records),
        }
    }
}

impl Notices {
    /// It was said of so many records of a delivery. Answers what is to be said of it now: nothing, or of how many since the
    /// last time.
    pub(crate) fn heard(&mut self, code: &str, records: u64, now: Timestamp) -> Option<Sum> {
        let Some(notice) = self.0.get_mut(code) else {
            let notice = Notice {
                said_at: now,
                interval: FIRST_INTERVAL,
                since_then: Sum::default(),
            };
            self.0.insert(code.to_owned(), notice);
            return Some(Sum::default().plus(records));
        };
        notice.since_then = notice.since_then.plus(records);
        let interval = SignedDuration::try_from(notice.interval).unwrap_or(SignedDuration::MAX);
        // Where the clock was set back, the interval is over.
        if (SignedDuration::ZERO..interval).contains(&now.duration_since(notice.said_at)) {
            return None;
        }
        notice.said_at = now;
        notice.interval = (notice.interval * 2).min(INTERVAL_MAX);
        Some(std::mem::take(&mut notice.since_then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_of_every_delivery_would_have_buried_all_others_in_the_log() {
        let mut notices = Notices::default();
        let begin: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
        let (mut said, mut records) = (Vec::new(), 0);
        // 520 deliveries in a quarter of an hour.
        for number in 0..520_i64 {
            let now = begin + SignedDuration::from_millis(number * 1_731);
            if let Some(sum) = notices.heard("UnregisteredUsage", 10, now) {
                said.push(sum.deliveries);
                records += sum.records;
            }
        }
        assert_eq!(said, [1, 35, 70, 139]);
        let later = begin + SignedDuration::from_hours(1);
        let rest = notices.heard("UnregisteredUsage", 10, later).unwrap();
        assert_eq!(
            (rest.deliveries, rest.records + records),
            (276, 5_210),
            "all are said in the end"
        );
        let once = Sum {
            deliveries: 1,
            records: 1,
        };
        assert_eq!(notices.heard("Other", 1, begin), Some(once), "each by itself");
        // Set back: what comes is said.
        assert_eq!(notices.heard("UnregisteredUsage", 1, begin), Some(once));
        let a_year = begin + SignedDuration::from_hours(365 * 24);
        assert!(notices.heard("UnregisteredUsage", 1, a_year).is_some());
        assert!(notices.0.values().all(|it| it.interval <= INTERVAL_MAX));
    }
}

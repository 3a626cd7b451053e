//! Ranges of reported time that are read again, one hour after the other, and how far they were.

use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};

use crate::cursor::{InvalidCursor, hour};

/// Of more ranges than this no hour is taken out to be read later: a range that does not get on is, as a whole.
const RANGES_DIVIDED_MAX: usize = 64;

/// A range of reported time that is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backfill {
    /// All of it.
    pub(crate) range: HourInterval,
    /// The first hour that was not yet read.
    pub(crate) next: Hour,
    /// It lies before the hour with which reading began, and is read by itself: nobody asked for it.
    pub(crate) is_before_start: bool,
}

impl Backfill {
    /// A range of which nothing was read yet.
    pub(crate) const fn whole(range: HourInterval) -> Self {
        Self {
            range,
            next: range.start(),
            is_before_start: false,
        }
    }

    /// What is left to be read.
    pub(crate) fn left(&self) -> Option<HourInterval> {
        HourInterval::new(self.next, self.range.end())
    }
}

/// An hour was read, or left out, with which the first range was to go on. Says whether it was: it may be another one by now.
pub(crate) fn read_on(ranges: &mut Vec<Backfill>, hour: Hour) -> bool {
    let first = ranges.first_mut().filter(|it| it.next == hour);
    let was_it = first.is_some();
    if let Some(first) = first {
        first.next = hour.plus(1);
    }
    ranges.retain(|it| it.next < it.range.end());
    was_it
}

/// An hour did not work with which the first range was to go on: all others come first.
pub(crate) fn put_off_hour(ranges: &mut Vec<Backfill>, hour: Hour) {
    let Some(first) = ranges.first().copied().filter(|it| it.next == hour) else {
        return;
    };
    if ranges.len() > RANGES_DIVIDED_MAX {
        return put_off_range(ranges, hour);
    }
    let rest = HourInterval::new(hour.plus(1), first.range.end());
    ranges.splice(..1, rest.map(Backfill::whole));
    // Hours that did not work one after the other stay one range.
    match ranges.last_mut() {
        Some(last) if last.range.end() == hour => {
            last.range = HourInterval::new(last.range.start(), hour.plus(1)).unwrap_or(last.range);
        }
        _ => ranges.extend(HourInterval::new(hour, hour.plus(1)).map(Backfill::whole)),
    }
}

/// The same, where a range stays in one piece, since somebody waits for it.
pub(crate) fn put_off_range(ranges: &mut [Backfill], hour: Hour) {
    if ranges.first().is_some_and(|it| it.next == hour) {
        ranges.rotate_left(1);
    }
}

/// A range in the file of the cursor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoredBackfill {
    from: String,
    to: String,
    next: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    before_start: bool,
}

impl StoredBackfill {
    pub(crate) fn of(backfill: &Backfill) -> Self {
        Self {
            from: backfill.range.start().to_string(),
            to: backfill.range.end().to_string(),
            next: backfill.next.to_string(),
            before_start: backfill.is_before_start,
        }
    }

    pub(crate) fn read(&self) -> Result<Backfill, InvalidCursor> {
        let range = HourInterval::new(hour(&self.from)?, hour(&self.to)?);
        Ok(Backfill {
            range: range.ok_or_else(InvalidCursor::backwards)?,
            next: hour(&self.next)?,
            is_before_start: self.before_start,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(hour: i32) -> Hour {
        Hour::from_epoch_hours(500_000 + hour).unwrap()
    }

    fn range(from: i32, to: i32) -> Backfill {
        Backfill::whole(HourInterval::new(at(from), at(to)).unwrap())
    }

    fn hours(ranges: &[Backfill]) -> BTreeSet<Hour> {
        let left = ranges.iter().filter_map(Backfill::left);
        let each = |it: HourInterval| (0..it.hours()).map(move |hour| it.start().plus(hour));
        left.flat_map(each).collect()
    }

    #[test]
    fn an_hour_that_does_not_work_would_keep_all_that_was_lost_behind_it_from_being_read() {
        let mut ranges = vec![range(0, 4), range(9, 10)];
        put_off_hour(&mut ranges, at(0));
        assert_eq!(ranges, [range(1, 4), range(9, 10), range(0, 1)]);
        put_off_hour(&mut ranges, at(1));
        assert_eq!(ranges, [range(2, 4), range(9, 10), range(0, 2)], "one range");
        assert!(read_on(&mut ranges, at(2)) && read_on(&mut ranges, at(3)));
        put_off_hour(&mut ranges, at(9));
        assert_eq!(ranges, [range(0, 2), range(9, 10)]);
        // What somebody gave up meanwhile is not put off.
        put_off_hour(&mut ranges, at(1));
        assert!(!read_on(&mut ranges, at(1)));
        assert_eq!(ranges, [range(0, 2), range(9, 10)]);
    }

    proptest! {
        #[test]
        fn no_hour_is_left_out_and_no_cursor_grows_however_many_do_not_work(
            works in prop::collection::vec(any::<bool>(), 1..600),
        ) {
            let mut ranges = vec![range(0, 300), range(400, 500)];
            let mut left = hours(&ranges);
            for works in works {
                let Some(next) = ranges.first().map(|it| it.next) else { break };
                if works {
                    prop_assert!(read_on(&mut ranges, next));
                    left.remove(&next);
                } else {
                    put_off_hour(&mut ranges, next);
                }
                prop_assert!(ranges.len() <= RANGES_DIVIDED_MAX + 1);
            }
            prop_assert_eq!(hours(&ranges), left);
        }
    }
}

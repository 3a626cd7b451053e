//! Facts with two times: the hours for which they hold, and the moment at which they were recorded.
//!
//! An assertion says "in these hours the value is this" and is never changed or removed. Where assertions overlap,
//! the one recorded last holds. So the present view, and the view as it was known at any earlier moment, are both
//! functions of one list.

use crate::ids::ObjectId;
use crate::time::{Hour, HourInterval, Timestamp};

/// When and by whom a fact was recorded. Entries of the books are numbered from 1 without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// The number of the entry in the books.
    pub entry: u64,
    /// The moment of recording.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: ObjectId,
}

/// "In these hours the value is this", as recorded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion<T> {
    /// The hours for which it holds.
    pub valid: HourInterval,
    /// Its recording.
    pub recorded: Recorded,
    /// What holds.
    pub value: T,
}

/// All assertions about one thing, in the order of their recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline<T> {
    assertions: Vec<Assertion<T>>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self {
            assertions: Vec::new(),
        }
    }
}

impl<T> Timeline<T> {
    /// Adds an assertion; it holds over all earlier ones in its hours.
    pub fn assert(&mut self, assertion: Assertion<T>) {
        self.assertions.push(assertion);
    }

    /// Every assertion, in the order of recording.
    #[must_use]
    pub fn assertions(&self) -> &[Assertion<T>] {
        &self.assertions
    }

    /// What holds in an hour.
    #[must_use]
    pub fn at(&self, hour: Hour) -> Option<&Assertion<T>> {
        self.assertions
            .iter()
            .rev()
            .find(|assertion| assertion.valid.contains(hour))
    }

    /// This timeline as it was known at a moment: without what was recorded later.
    #[must_use]
    pub fn as_known_at(&self, moment: Timestamp) -> Self
    where
        T: Clone,
    {
        let known = self
            .assertions
            .iter()
            .filter(|assertion| assertion.recorded.at <= moment);
        Self {
            assertions: known.cloned().collect(),
        }
    }

    /// The hours of an interval in order, split exactly where what holds changes.
    #[must_use]
    pub fn segments(&self, within: HourInterval) -> Vec<(HourInterval, Option<&Assertion<T>>)> {
        let edges = self
            .assertions
            .iter()
            .flat_map(|a| [a.valid.start(), a.valid.end()]);
        let mut segments: Vec<(HourInterval, Option<&Assertion<T>>)> = Vec::new();
        for part in within.split_at(edges) {
            let holds = self.at(part.start());
            match segments.last_mut() {
                Some((last, same)) if same.map(std::ptr::from_ref) == holds.map(std::ptr::from_ref) => {
                    *last = HourInterval::new(last.start(), part.end()).unwrap_or(*last);
                }
                _ => segments.push((part, holds)),
            }
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hour(hours: i32) -> Hour {
        Hour::from_epoch_hours(hours).unwrap()
    }

    fn assertion(start: i32, end: i32, value: u32) -> Assertion<u32> {
        let recorded = Recorded {
            entry: u64::from(value),
            at: Timestamp::from_second(i64::from(value)).unwrap(),
            by: ObjectId::from_bytes([0; 16]),
        };
        Assertion {
            valid: HourInterval::new(hour(start), hour(end)).unwrap(),
            recorded,
            value,
        }
    }

    #[test]
    fn what_was_recorded_last_holds_and_what_was_known_before_can_still_be_asked() {
        let mut timeline = Timeline::default();
        timeline.assert(assertion(0, 100, 1));
        timeline.assert(assertion(10, 20, 2));
        timeline.assert(assertion(15, 30, 3));
        let shape: Vec<_> = timeline
            .segments(HourInterval::new(hour(5), hour(110)).unwrap())
            .into_iter()
            .map(|(part, holds)| {
                (
                    part.start().epoch_hours(),
                    part.end().epoch_hours(),
                    holds.map(|a| a.value),
                )
            })
            .collect();
        assert_eq!(
            shape,
            [
                (5, 10, Some(1)),
                (10, 15, Some(2)),
                (15, 30, Some(3)),
                (30, 100, Some(1)),
                (100, 110, None)
            ]
        );
        let earlier = timeline.as_known_at(Timestamp::from_second(2).unwrap());
        assert_eq!(earlier.at(hour(16)).map(|a| a.value), Some(2));
    }

    proptest! {
        #[test]
        fn segments_cover_the_interval_and_agree_with_every_hour(
            spans in prop::collection::vec((0i32..50, 1i32..20), 0..8), start in 0i32..40, length in 1i32..40,
        ) {
            let mut timeline = Timeline::default();
            for (value, (from, hours)) in (1u32..).zip(spans) {
                timeline.assert(assertion(from, from + hours, value));
            }
            let within = HourInterval::new(hour(start), hour(start + length)).unwrap();
            let segments = timeline.segments(within);
            prop_assert_eq!(segments.iter().map(|(part, _)| part.hours()).sum::<i32>(), length);
            for (part, holds) in segments {
                for offset in 0..part.hours() {
                    let at = timeline.at(part.start().plus(offset)).map(|a| a.value);
                    prop_assert_eq!(at, holds.map(|a| a.value));
                }
            }
        }
    }
}

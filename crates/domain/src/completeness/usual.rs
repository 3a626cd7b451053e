//! What is usual for an hour.

use super::{COMPARABLE_DAYS, COMPARABLE_DAYS_MIN, Facts, LOOK_BACK_DAYS, RANGE_FACTOR, RANGE_RECORDS_MIN};
use crate::time::{Day, Hour};

const HOURS_OF_DAY: i32 = 24;

/// What came in comparable hours, in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The median of the records of one hour.
    pub of_hour: u64,
    /// The median of the records of the whole day.
    pub of_day: u64,
    /// The fewest there ever were, of both together, where there were any.
    pub fewest: u64,
    /// The most.
    pub most: u64,
    /// Whether there were some in each of them.
    pub always: bool,
}

impl Usual {
    /// What is usual for an hour, if enough is known.
    pub(super) fn of(facts: &Facts, hour: Hour) -> Option<Self> {
        let today = hour.day().epoch_days();
        let before = (1..=LOOK_BACK_DAYS).map(|days| Day::from_epoch_days(today - days));
        let comparable: Vec<_> = before
            .filter(|day| facts.records.any_on(*day) || facts.said_all_of(*day))
            .map(|day| {
                let days = today - day.epoch_days();
                facts.records.at(hour.plus(-HOURS_OF_DAY * days))
            })
            .take(COMPARABLE_DAYS)
            .collect();
        if comparable.len() < COMPARABLE_DAYS_MIN {
            return None;
        }
        let totals = || comparable.iter().map(|it| it.total());
        Some(Self {
            of_hour: median(comparable.iter().map(|it| it.of_hour).collect())?,
            of_day: median(comparable.iter().map(|it| it.of_day).collect())?,
            fewest: totals().filter(|total| *total > 0).min().unwrap_or_default(),
            most: totals().max().unwrap_or_default(),
            always: totals().all(|total| total > 0),
        })
    }

    /// How many records are expected.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.of_hour + self.of_day
    }

    /// Whether so many are far fewer than have to be here.
    pub(super) fn is_drop(&self, received: u64, due: u64) -> bool {
        received.saturating_mul(RANGE_FACTOR) < due
            && received < self.fewest
            && due - received >= RANGE_RECORDS_MIN
    }

    /// Whether so many are far more than usual.
    pub(super) fn is_jump(&self, received: u64) -> bool {
        let expected = self.expected();
        received > expected.saturating_mul(RANGE_FACTOR)
            && received > self.most
            && received - expected >= RANGE_RECORDS_MIN
    }
}

/// The value in the middle; of two the smaller one.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

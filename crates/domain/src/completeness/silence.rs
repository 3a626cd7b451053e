//! Series that used to report and do so no longer.

use std::collections::BTreeMap;

use crate::ids::{LocalMeterId, LocalSubscriptionId};
use crate::time::Hour;

/// Over how many days before the stack's last usage the rhythm of a series is looked at.
pub const RHYTHM_DAYS: i32 = 14;
/// How many hours a series that used to report says nothing before it is called silent, while its stack goes on.
pub const SILENT_AFTER_HOURS: i32 = 24;
/// The fewest hours with usage that are a habit.
const HOURS_OF_HABIT: u32 = 24;

/// When a series reported, over the last [`RHYTHM_DAYS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The first hour with usage.
    pub first: Hour,
    /// The last one.
    pub last: Hour,
    /// How many hours its records cover.
    pub hours: u32,
}

impl Rhythm {
    /// Of how many hours, from the first to the last.
    #[must_use]
    pub fn span(&self) -> u32 {
        u32::try_from(self.last.epoch_hours() - self.first.epoch_hours() + 1).unwrap_or_default()
    }

    /// Whether it reported in most hours and says nothing now, where the stack's last usage is of hour `latest`.
    #[must_use]
    pub fn is_silent(&self, latest: Hour) -> bool {
        let quiet = latest.epoch_hours() - self.last.epoch_hours();
        quiet >= SILENT_AFTER_HOURS
            && self.hours >= HOURS_OF_HABIT
            && self.hours.saturating_mul(2) >= self.span()
    }
}

/// A series that used to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentSeries {
    /// The local subscription.
    pub local_subscription: LocalSubscriptionId,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// The resource, in the case first seen.
    pub resource_uri: String,
    /// When it reported.
    pub rhythm: Rhythm,
}

/// The series of a stack that used to report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silence {
    /// Some of them, those that fell silent last first.
    pub series: Vec<SilentSeries>,
    /// How many series each hour was the last one of.
    pub by_last_hour: BTreeMap<Hour, u64>,
}

impl Silence {
    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_last_hour.values().sum()
    }
}

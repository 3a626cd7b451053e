//! When the next bundle of a stack without a connection is expected.

use super::behind::Patience;
use crate::time::{Hour, HourInterval};

/// Of how many of the last bundles the rhythm is looked at.
const BUNDLES_LOOKED_AT: usize = 8;

/// How often a stack delivers by bundle. *(ours)*
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleRhythm {
    /// The end of the window of the last one.
    pub(super) last: Hour,
    /// How many hours the windows of two end apart, as a rule.
    hours_apart: i32,
}

impl BundleRhythm {
    /// The rhythm of a stack's bundles, by their windows of reported time, in order: each begins where the one before
    /// ended. The first one holds what had gathered until then, and says nothing about it unless it is the only one.
    #[must_use]
    pub fn of(windows: &[HourInterval]) -> Option<Self> {
        let last = windows.last()?.end();
        let told = if windows.len() > 1 { &windows[1..] } else { windows };
        let mut apart: Vec<i32> = told
            .iter()
            .rev()
            .take(BUNDLES_LOOKED_AT)
            .map(|it| it.hours())
            .collect();
        apart.sort_unstable();
        let usual = apart.get(apart.len() / 2).copied()?;
        Some(Self {
            last,
            hours_apart: usual,
        })
    }

    /// How far behind the stack may be.
    pub(super) fn patience(self) -> Patience {
        Patience::of(self.hours_apart, 0)
    }
}

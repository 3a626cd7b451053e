//! What a reader of all reports should have counted in the end.

use std::collections::BTreeMap;

use domain::usage::QuarantineCode;

use crate::fate::{Fate, TellingKind};
use crate::series::hours_of;
use crate::stack::Stack;

/// How many records a stack reports in all, and as what they count.
///
/// It holds for a server that took in every record of every hourly window at least once, each with its window's start
/// as the reported time, in any order. Records that were delivered again, or in other windows, are duplicates on top
/// of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// Records in all pages: the sum of the four below.
    pub sent: u64,
    /// True records: each is counted once.
    pub counted: u64,
    /// Quantities that were said of a true record and are not the one that counts.
    pub superseded: u64,
    /// Records that said again what had been said: key and quantity were known.
    pub duplicates: u64,
    /// Malformed records, by the code under which they go to quarantine.
    pub quarantined: BTreeMap<QuarantineCode, u64>,
    /// Of the true records, those of which nothing was heard in the hour after their usage hour.
    pub late: u64,
}

impl Expected {
    pub(crate) fn of(stack: &Stack) -> Self {
        let mut expected = Self::default();
        for hour in hours_of(stack.month()) {
            for (index, series) in stack.series.iter().enumerate() {
                if series.phase_at(hour).is_some() {
                    expected.add(stack.fate(index, hour), stack);
                }
            }
        }
        expected
    }

    fn add(&mut self, fate: Fate, stack: &Stack) {
        for telling in fate.tellings(&stack.odds) {
            self.sent += 1;
            match telling.kind {
                TellingKind::First => {
                    self.counted += 1;
                    self.late += u64::from(telling.after > 1);
                }
                TellingKind::Revision => self.superseded += 1,
                TellingKind::Duplicate => self.duplicates += 1,
            }
        }
        if let Some(malformation) = fate.malformed(&stack.odds) {
            self.sent += 1;
            *self.quarantined.entry(malformation.code()).or_default() += 1;
        }
    }
}

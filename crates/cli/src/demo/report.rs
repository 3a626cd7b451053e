//! What came of the demonstration: one document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use wire::api::{Statement, UnmappedUsage};

use super::audit::Check;
use super::closing::Closing;
use super::delivery::Tally;
use super::memory;
use super::operator::Registered;

/// Something that was done in the month.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Done {
    /// When.
    pub(super) at: String,
    /// What.
    pub(super) what: String,
}

/// What became of the records.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Records {
    /// What was answered to the deliveries of the month, added up.
    pub(super) delivered: Tally,
    /// Of the accepted, records of which nothing had been heard in the hour after their usage hour.
    pub(super) late: u64,
    /// Records in quarantine, by code.
    pub(super) quarantined_by_code: BTreeMap<String, u64>,
    /// What was answered when all of it was delivered again, in another order and under new names.
    pub(super) delivered_again: Tally,
    /// What was answered when some of it was delivered once more, under its old names: what had been answered then.
    pub(super) delivered_under_old_names: Tally,
}

/// How fast it went.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Speed {
    /// Records of the month, delivered through HTTPS, each durable before it was acknowledged.
    pub(super) records: u64,
    /// Deliveries.
    pub(super) deliveries: u64,
    /// How long that took.
    pub(super) milliseconds: u64,
    /// Records in a second.
    pub(super) records_per_second: u64,
    /// How long everything took.
    pub(super) total_milliseconds: u64,
    /// The most memory this process held, where the system tells: simulator, client and server together.
    pub(super) peak_memory_bytes: Option<u64>,
}

impl Speed {
    /// The speed of deliveries that took so long, the time of everything, and the memory up to now.
    pub(super) fn of(records: u64, deliveries: u64, took: Duration, everything: Duration) -> Self {
        let milliseconds = millis(took);
        Self {
            records,
            deliveries,
            milliseconds,
            records_per_second: records.saturating_mul(1000) / milliseconds.max(1),
            total_milliseconds: millis(everything),
            peak_memory_bytes: memory::peak_bytes(),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What came of the demonstration.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Whether every law and every check held.
    pub(super) held: bool,
    /// The month.
    pub(super) period: String,
    /// The seed that the stacks were made from.
    pub(super) seed: u64,
    /// How the stacks were registered.
    pub(super) stacks: Vec<Registered>,
    /// What was done in the month.
    pub(super) events: Vec<Done>,
    /// What became of the records.
    pub(super) records: Records,
    /// What each subscription owes.
    pub(super) statements: Vec<Statement>,
    /// Usage that no tenant mapping claims.
    pub(super) unmapped: Vec<UnmappedUsage>,
    /// What was invoiced when the month was closed, and what set it right.
    pub(super) closing: Closing,
    /// What must hold, and whether it does.
    pub(super) checks: Vec<Check>,
    /// How fast it went.
    pub(super) speed: Speed,
}

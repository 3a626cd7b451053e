//! What must hold in the end, and what differs where it does not.

pub(super) mod bills;
pub(super) mod records;
pub(super) mod unclaimed;

use std::fmt::Display;

use serde::Serialize;
use wire::api::Reason;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What.
    pub(super) what: String,
    /// Whether it does.
    pub(super) held: bool,
    /// What differs; nothing, if it holds.
    pub(super) differences: Vec<String>,
}

impl Check {
    /// Something that holds unless something differs.
    pub(super) fn of(what: impl Into<String>, differences: Vec<String>) -> Self {
        Self {
            what: what.into(),
            held: differences.is_empty(),
            differences,
        }
    }
}

/// Says what differs, if something does.
fn differs<T: PartialEq + Display + Copy>(what: impl Display, found: T, expected: T) -> Option<String> {
    (found != expected).then(|| format!("{what}: {found}, not {expected}"))
}

/// A reason as the API writes it.
fn reason_text(reason: Reason) -> String {
    match reason {
        Reason::TenantMapping => "tenantMapping",
        Reason::TenantNotMapped => "tenantNotMapped",
        Reason::LocalSubscriptionUnknown => "localSubscriptionUnknown",
        Reason::Unregistered => "unregistered",
        Reason::Several => "several",
    }
    .to_owned()
}

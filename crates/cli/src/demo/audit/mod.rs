//! What must hold in the end, and what differs where it does not.

pub(super) mod bills;
pub(super) mod meters;
pub(super) mod prices;
pub(super) mod records;
pub(super) mod unclaimed;

use std::fmt::Display;

use serde::Serialize;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What.
    pub(super) what: String,
    /// The figures on both sides of it, where it is about figures.
    pub(super) figures: Option<String>,
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
            figures: None,
            held: differences.is_empty(),
            differences,
        }
    }

    /// Shows the figures on both sides.
    pub(super) fn with(self, figures: String) -> Self {
        Self {
            figures: Some(figures),
            ..self
        }
    }
}

/// Says what differs, if something does.
fn differs<T: PartialEq + Display + Copy>(what: impl Display, found: T, expected: T) -> Option<String> {
    (found != expected).then(|| format!("{what}: {found}, not {expected}"))
}

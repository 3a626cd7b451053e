//! The stored form of entries: JSON with a version, apart from the domain's types, so that those can change while
//! what was written stays readable. `golden_v1.ndjson` holds an entry of each kind as it was first written; the
//! form of a version never changes, a changed entry gets a version of its own.

pub(crate) mod bills;
mod budgets;
mod bundles;
mod directories;
mod entry;
mod notices;
pub(crate) mod parts;
mod pricing;
mod quarantine;
mod roles;

use domain::books::Entry;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use entry::StoredEntry;

/// The version that is written.
const VERSION: u32 = 1;

/// An entry with the version of its form.
#[derive(Serialize, Deserialize)]
pub(crate) struct Versioned<T> {
    pub(crate) version: u32,
    pub(crate) entry: T,
}

/// Why a stored entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Not JSON of the form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// Written by a newer program.
    #[error("its form has version {0}, and this program knows versions up to {VERSION}")]
    Newer(u32),
    /// A value that cannot be one.
    #[error("{0}")]
    Value(String),
}

pub(super) fn encode(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let versioned = Versioned {
        version: VERSION,
        entry: StoredEntry::from(entry),
    };
    serde_json::to_vec(&versioned).map_err(StoreError::unavailable)
}

pub(super) fn decode(body: &[u8]) -> Result<Entry, Unreadable> {
    let Versioned { version, .. } = serde_json::from_slice::<Versioned<serde::de::IgnoredAny>>(body)?;
    if version > VERSION {
        return Err(Unreadable::Newer(version));
    }
    serde_json::from_slice::<Versioned<StoredEntry>>(body)?
        .entry
        .try_into()
}

#[cfg(test)]
mod tests;

//! The stored form of entries about bundles.

use std::num::NonZeroU32;

use domain::books::BundleEntry;
use domain::bundle::{Bundle, Digest};
use domain::ids::RegistrationId;
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::parts::{Bytes, Hours, Text};

/// An entry about bundles, version 1. Variants and members are those of [`BundleEntry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredBundleEntry {
    KeyRegistered {
        registration: Text<RegistrationId>,
        key: Bytes<32>,
    },
    Taken {
        registration: Text<RegistrationId>,
        sequence: NonZeroU32,
        digest: Text<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Text<Digest>>,
        window: Hours,
        parts: u32,
        records: u64,
    },
}

impl From<&BundleEntry> for StoredBundleEntry {
    fn from(entry: &BundleEntry) -> Self {
        match entry {
            BundleEntry::KeyRegistered { registration, key } => Self::KeyRegistered {
                registration: Text(*registration),
                key: Bytes(*key),
            },
            BundleEntry::Taken {
                registration,
                bundle,
                parts,
                records,
            } => Self::Taken {
                registration: Text(*registration),
                sequence: bundle.sequence,
                digest: Text(bundle.digest),
                previous: bundle.previous.map(Text),
                window: bundle.window.into(),
                parts: *parts,
                records: *records,
            },
        }
    }
}

impl TryFrom<StoredBundleEntry> for BundleEntry {
    type Error = Unreadable;

    fn try_from(stored: StoredBundleEntry) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredBundleEntry::KeyRegistered { registration, key } => Self::KeyRegistered {
                registration: registration.0,
                key: key.0,
            },
            StoredBundleEntry::Taken {
                registration,
                sequence,
                digest,
                previous,
                window,
                parts,
                records,
            } => Self::Taken {
                registration: registration.0,
                bundle: Bundle {
                    sequence,
                    digest: digest.0,
                    previous: previous.map(|previous| previous.0),
                    window: window.try_into()?,
                },
                parts,
                records,
            },
        })
    }
}

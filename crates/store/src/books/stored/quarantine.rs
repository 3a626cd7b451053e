//! The stored form of what was done with records in quarantine.

use domain::ids::QuarantineActId;
use domain::quarantine::{Positions, QuarantineAct, QuarantineActKind, Reason};
use serde::{Deserialize, Serialize};

use super::parts::Text;

/// A [`QuarantineAct`], version 1.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredQuarantineAct {
    id: Text<QuarantineActId>,
    act: StoredKind,
    records: Text<Positions>,
    #[serde(default = "none", skip_serializing_if = "is_none")]
    mended: Text<Positions>,
    reason: Text<Reason>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredKind {
    Release,
    Purge,
}

fn none() -> Text<Positions> {
    Text(Positions::default())
}

fn is_none(positions: &Text<Positions>) -> bool {
    positions.0.is_empty()
}

impl From<&QuarantineAct> for StoredQuarantineAct {
    fn from(act: &QuarantineAct) -> Self {
        Self {
            id: Text(act.id),
            act: match act.kind {
                QuarantineActKind::Release => StoredKind::Release,
                QuarantineActKind::Purge => StoredKind::Purge,
            },
            records: Text(act.records.clone()),
            mended: Text(act.mended.clone()),
            reason: Text(act.reason.clone()),
        }
    }
}

impl From<StoredQuarantineAct> for QuarantineAct {
    fn from(stored: StoredQuarantineAct) -> Self {
        Self {
            id: stored.id.0,
            kind: match stored.act {
                StoredKind::Release => QuarantineActKind::Release,
                StoredKind::Purge => QuarantineActKind::Purge,
            },
            records: stored.records.0,
            mended: stored.mended.0,
            reason: stored.reason.0,
        }
    }
}

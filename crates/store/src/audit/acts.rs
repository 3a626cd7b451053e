//! What was done with records in quarantine, with what the journal says of it: nothing was released or purged that nobody
//! answers for.

use std::collections::HashMap;

use domain::ids::QuarantineActId;
use domain::quarantine::{QuarantineAct, QuarantineActKind};

use super::{Checked, Difference, Finding, FoundAt, Read, read_all};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, values};

/// Records read at one time.
const PAGE: usize = 1000;

/// What the journal says.
pub(super) type Acts = HashMap<QuarantineActId, QuarantineAct>;

/// A record with which something was done.
struct Acted {
    position: u64,
    act: QuarantineActId,
    released: bool,
    mended: bool,
}

impl Acted {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            position: row.get(0)?,
            act: row.get(1)?,
            released: row.integer(2)?.is_some(),
            mended: row.text(3)?.is_some(),
        })
    }

    /// In what the journal says something else, if it does.
    fn contradiction(&self, acts: &Acts) -> Option<String> {
        let id = self.act;
        let Some(act) = acts.get(&id) else {
            return Some(format!("the journal has no act {id}"));
        };
        let kind = if self.released {
            QuarantineActKind::Release
        } else {
            QuarantineActKind::Purge
        };
        if act.kind != kind {
            return Some(format!(
                "by the journal {id} is a {}, not a {}",
                act.kind.as_str(),
                kind.as_str()
            ));
        }
        if !act.records.contains(self.position) {
            return Some(format!("by the journal {id} is about other records"));
        }
        (self.mended && !act.mended.contains(self.position))
            .then(|| format!("by the journal {id} has mended no text of this record"))
    }
}

pub(super) fn check(
    transaction: &dyn Transaction,
    acts: &Acts,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let at = |position: u64| FoundAt {
        quarantine: Some(position),
        ..FoundAt::default()
    };
    read_all(
        PAGE,
        |after, limit| {
            let sql = "SELECT position, act, released_by, mended FROM quarantine WHERE act IS NOT NULL AND position > ?1
                       ORDER BY position LIMIT ?2";
            let after = after.copied().unwrap_or(0);
            transaction.rows(sql, &values![after, limit], Acted::from_row)
        },
        |after| {
            let sql = "SELECT position FROM quarantine WHERE act IS NOT NULL AND position > ?1 ORDER BY position LIMIT 1";
            transaction.row(sql, &values![after.copied().unwrap_or(0)], |row| row.get(0))
        },
        |acted: &Acted| acted.position,
        |read| {
            match read {
                Read::Rows(page) => {
                    for acted in page {
                        checked.examined += 1;
                        if let Some(contradiction) = acted.contradiction(acts) {
                            let finding = Finding::new(Difference::QuarantineAct, at(acted.position));
                            checked.add(Finding {
                                found: Some(contradiction),
                                ..finding
                            });
                        }
                    }
                }
                Read::Unreadable(position, error) => checked.add_unreadable(at(position), &error),
            }
            Ok(())
        },
    )
}

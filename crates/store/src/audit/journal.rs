//! The entries of the journal are numbered without a gap, each linked to the one before.

use std::collections::HashSet;

use domain::ids::CloudId;

use super::acts::Acts;
use super::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::books::OfUsage;
use crate::error::StoreError;
use crate::journal::{self, StoredEntry};
use crate::sqlite::backup::Link;
use crate::transaction::{Transaction, values};

/// Entries read at one time. The longest takes a few MiB.
const ENTRIES_PAGE: usize = 100;

/// What the entries say of what is in the usage ledger.
#[derive(Default)]
pub(super) struct Told {
    /// What was done with records in quarantine.
    pub(super) acts: Acts,
    /// The stacks that were ever registered.
    pub(super) registered: HashSet<CloudId>,
    /// Whether there are entries that cannot be read: they may say more.
    pub(super) in_part: bool,
}

impl Told {
    fn add(&mut self, said: OfUsage) {
        match said {
            OfUsage::QuarantineActed(act) => {
                self.acts.insert(act.id, act);
            }
            OfUsage::Registered(stack) => {
                self.registered.insert(stack);
            }
            OfUsage::Nothing => {}
            OfUsage::Unknown => self.in_part = true,
        }
    }
}

/// Returns the last entry, unless it cannot be read, and what the entries say of what is in the usage ledger.
pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(Option<Link>, Told), StoreError> {
    let rows: u64 = transaction.the_row("SELECT count(*) FROM entry", &[], |row| row.get(0))?;
    let what = "following the journal";
    watch(AuditStep::Begins {
        what,
        rows: Some(rows),
    });
    let mut last = 0;
    let mut told = Told::default();
    // Nothing after an entry that cannot be read.
    let mut before = Some(Link::default().chain);
    read_all(
        ENTRIES_PAGE,
        |after, limit| journal::entries_after(transaction, after.copied().unwrap_or(0), limit),
        |after| {
            let sql = "SELECT sequence FROM entry WHERE sequence > ?1 ORDER BY sequence LIMIT 1";
            transaction.row(sql, &values![after.copied().unwrap_or(0)], |row| row.get(0))
        },
        |entry: &StoredEntry| entry.sequence,
        |read| {
            match read {
                Read::Rows(page) => {
                    watch(AuditStep::Done(page.len() as u64));
                    for entry in page {
                        compare(&entry, last, before, checked);
                        told.add(OfUsage::of(&entry.body));
                        (last, before) = (entry.sequence, Some(entry.chain));
                    }
                }
                Read::Unreadable(sequence, error) => {
                    checked.add_unreadable(at(sequence), &error);
                    told.in_part = true;
                    (last, before) = (sequence, None);
                }
            }
            Ok(())
        },
    )?;
    let end = before.map(|chain| Link {
        sequence: last,
        chain,
    });
    Ok((end, told))
}

fn at(sequence: u64) -> FoundAt {
    FoundAt {
        entry: Some(sequence),
        ..FoundAt::default()
    }
}

fn compare(entry: &StoredEntry, last: u64, before: Option<[u8; 32]>, checked: &mut Checked) {
    checked.examined += 1;
    let next = last + 1;
    let found = |difference| Finding::new(difference, at(entry.sequence));
    if entry.sequence != next {
        let finding = found(Difference::JournalGap);
        checked.add(finding.but(format!("number {next}"), format!("number {}", entry.sequence)));
    } else if let Some(before) = before {
        let expected = entry.chained_after(&before);
        if expected != entry.chain {
            let [expected, stored] = [expected, entry.chain].map(hex::encode);
            checked.add(found(Difference::JournalChain).but(expected, stored));
        }
    }
}

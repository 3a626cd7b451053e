//! The documents of periods that were closed: each is what its digest says, under the key that it was written under.
//!
//! That none was taken away is for the entries of the journal to tell which closed the periods.

use super::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::bills::{Stored, StoredKey, next_bill, next_catalog, page_of_bills, page_of_catalogs};
use crate::error::StoreError;
use crate::transaction::Transaction;

/// Documents read at one time, at the most.
const PAGE: usize = 1000;

pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    let counts = "SELECT (SELECT count(*) FROM bill) + (SELECT count(*) FROM catalog)";
    let rows: u64 = transaction.the_row(counts, &[], |row| row.get(0))?;
    watch(AuditStep::Begins {
        what: "reading documents",
        rows: Some(rows),
    });
    let key = |stored: &Stored| stored.key.clone();
    read_all(
        PAGE,
        |after, limit| page_of_bills(transaction, after, limit),
        |after| next_bill(transaction, after),
        key,
        |read| look_at(read, checked, &mut *watch),
    )?;
    read_all(
        PAGE,
        |after, limit| page_of_catalogs(transaction, after, limit),
        |after| next_catalog(transaction, after),
        key,
        |read| look_at(read, checked, &mut *watch),
    )
}

fn at(key: &StoredKey) -> FoundAt {
    FoundAt {
        row: Some(key.to_string()),
        ..FoundAt::default()
    }
}

fn look_at(read: Read<Stored, StoredKey>, checked: &mut Checked, watch: Watch<'_>) -> Result<(), StoreError> {
    match read {
        Read::Unreadable(key, error) => checked.add_unreadable(at(&key), &error),
        Read::Rows(page) => {
            watch(AuditStep::Done(page.len() as u64));
            for stored in page {
                checked.examined += 1;
                if let Err(unfit) = stored.open() {
                    let finding = Finding::new(Difference::Document, at(&stored.key));
                    checked.add(Finding {
                        found: Some(unfit.to_string()),
                        ..finding
                    });
                }
            }
        }
    }
    Ok(())
}

//! Where chains ended once, as somebody noted it somewhere else, with the chains that are stored: what was cut off an end
//! leaves a chain that agrees with itself.

use domain::ids::CloudId;

use super::{Checked, Difference, Finding, FoundAt};
use crate::error::StoreError;
use crate::sqlite::backup::{Heads, Link};
use crate::transaction::{Columns, Transaction, Value, values};

pub(super) fn check(
    transaction: &dyn Transaction,
    noted: &[Heads],
    checked: &mut Checked,
) -> Result<(), StoreError> {
    for heads in noted {
        compare(transaction, &Chain::Journal, heads.journal, checked)?;
        for (stack, link) in &heads.stacks {
            compare(transaction, &Chain::Receipts(*stack), *link, checked)?;
        }
    }
    Ok(())
}

/// A chain, and how its links are found.
enum Chain {
    Journal,
    Receipts(CloudId),
}

impl Chain {
    fn at(&self, sequence: u64) -> FoundAt {
        let mut at = FoundAt::default();
        match self {
            Self::Journal => at.entry = Some(sequence),
            Self::Receipts(stack) => (at.stack, at.receipt) = (Some(*stack), Some(sequence)),
        }
        at
    }

    /// What its links are, one and several.
    const fn links(&self) -> [&'static str; 2] {
        match self {
            Self::Journal => ["entry", "entries"],
            Self::Receipts(_) => ["receipt", "receipts"],
        }
    }

    /// The chain value of a link, if it is there.
    fn value(&self, transaction: &dyn Transaction, sequence: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let read = |row: &dyn Columns| row.get(0);
        let sequence = Value::from(sequence);
        match self {
            Self::Journal => {
                transaction.row("SELECT chain FROM entry WHERE sequence = ?1", &[sequence], read)
            }
            Self::Receipts(stack) => {
                let sql = "SELECT batch.chain FROM batch JOIN stack ON stack.id = batch.stack
                           WHERE cloud_id = ?1 AND batch.sequence = ?2";
                transaction.row(sql, &[Value::Bytes(stack.as_bytes()), sequence], read)
            }
        }
    }

    /// The number of its last link up to one, or 0.
    fn last_until(&self, transaction: &dyn Transaction, sequence: u64) -> Result<u64, StoreError> {
        let read = |row: &dyn Columns| row.get(0);
        match self {
            Self::Journal => {
                let sql = "SELECT coalesce(max(sequence), 0) FROM entry WHERE sequence <= ?1";
                transaction.the_row(sql, &values![sequence], read)
            }
            Self::Receipts(stack) => {
                let sql =
                    "SELECT coalesce(max(batch.sequence), 0) FROM batch JOIN stack ON stack.id = batch.stack
                           WHERE cloud_id = ?1 AND batch.sequence <= ?2";
                transaction.the_row(sql, &values![stack.as_bytes(), sequence], read)
            }
        }
    }
}

/// Looks for a link that was the last one of a chain once. What is after it came later.
fn compare(
    transaction: &dyn Transaction,
    chain: &Chain,
    noted: Link,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    checked.examined += 1;
    // There was nothing yet.
    if noted.sequence == 0 {
        return Ok(());
    }
    let expected = hex::encode(noted.chain);
    let found = match chain.value(transaction, noted.sequence)? {
        Some(value) if value == noted.chain => return Ok(()),
        Some(value) => (Difference::HeadDiffers, hex::encode(value)),
        None => {
            let first = chain.last_until(transaction, noted.sequence)? + 1;
            let [link, links] = chain.links();
            let missing = if first == noted.sequence {
                format!("{link} {first} is missing")
            } else {
                format!("{links} {first} to {} are missing", noted.sequence)
            };
            (Difference::HeadMissing, missing)
        }
    };
    let finding = Finding::new(found.0, chain.at(noted.sequence));
    checked.add(finding.but(expected, found.1));
    Ok(())
}

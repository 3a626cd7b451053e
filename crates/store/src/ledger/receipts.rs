//! Batches and their receipts, and what of them is in quarantine.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use domain::ids::{BatchId, CloudId};
use domain::time::Day;

use super::delivery::{Delivery, Refused};
use super::ids::{BatchRow, Place, StackRow};
use crate::error::StoreError;
use crate::portion::rows_at_once;
use crate::receipt::{BatchCounts, Kept, Problem, Receipt};
use crate::transaction::{Columns, Transaction, Value, values};
use crate::usage::{Appended, ReportedWindow};

/// A batch of this transaction, to be written at its end.
struct New<'d> {
    batch: BatchRow,
    stack: StackRow,
    idempotency_key: Option<&'d str>,
    receipt: Receipt,
    refused: Cow<'d, [Refused]>,
    late_days: BTreeSet<Place<Day>>,
}

/// The batches of one transaction.
#[derive(Default)]
pub(super) struct Receipts<'d>(Vec<New<'d>>);

impl<'d> Receipts<'d> {
    /// Takes a batch in.
    pub(super) fn add(
        &mut self,
        (batch, stack): (BatchRow, StackRow),
        delivery: &'d Delivery,
        receipt: Receipt,
        refused: Cow<'d, [Refused]>,
        late_days: BTreeSet<Place<Day>>,
    ) {
        self.0.push(New {
            batch,
            stack,
            idempotency_key: delivery.idempotency_key.as_deref(),
            receipt,
            refused,
            late_days,
        });
    }

    /// The receipt of this transaction's batch that a stack delivered under an idempotency key.
    pub(super) fn by_key(&self, stack: StackRow, key: &str) -> Option<&Receipt> {
        let same = |new: &&New<'_>| new.stack == stack && new.idempotency_key == Some(key);
        self.0.iter().find(same).map(|new| &new.receipt)
    }

    /// Writes batches, the days about which they came late, and quarantine.
    pub(super) fn write(&self, transaction: &dyn Transaction) -> Result<(), StoreError> {
        // As texts, and kept until they are written.
        let received: Vec<String> = self
            .0
            .iter()
            .map(|new| new.receipt.received_at.to_string())
            .collect();
        let batches: Vec<_> = self
            .0
            .iter()
            .zip(&received)
            .map(|(new, at)| new.values(at))
            .collect();
        transaction.execute_each(
            "INSERT INTO batch (id, batch_id, stack, sequence, received_at, reported_start, reported_end,
             reported_through, idempotency_key, digest, received, accepted, duplicate, revised, quarantined, chain, kept,
             kept_digest, released, still_quarantined, revised_not_counting, late_days)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
            &batches,
        )?;
        let late = self.0.iter().flat_map(|new| {
            let days = new.late_days.iter();
            days.map(|(day, block)| values![*day, *block, new.batch])
        });
        transaction.execute_each(
            "INSERT INTO late_day (day, block, batch) VALUES (?1, ?2, ?3)",
            &late.collect::<Vec<_>>(),
        )?;
        let refused = self
            .0
            .iter()
            .flat_map(|new| new.refused.iter().map(move |it| (new, it)));
        let refused: Vec<_> = refused.collect();
        let refused: Vec<_> = refused
            .into_iter()
            .map(|(new, it)| {
                let (code, message, raw) = (it.code.as_str(), &it.message, &it.raw);
                values![
                    new.stack,
                    new.batch,
                    it.index,
                    code,
                    message,
                    raw,
                    &it.text_digest,
                    it.raw_bytes
                ]
            })
            .collect();
        if !refused.is_empty() {
            transaction.lock_quarantine()?;
        }
        transaction.execute_each(
            "INSERT INTO quarantine (stack, batch, place, code, message, raw, raw_digest, raw_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &refused,
        )
    }
}

impl New<'_> {
    fn values<'n>(&'n self, received_at: &'n str) -> [Value<'n>; 22] {
        let receipt = &self.receipt;
        let ReportedWindow { start, end, through } = receipt.window;
        let BatchCounts {
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
        } = receipt.counts;
        values![
            self.batch,
            receipt.batch.as_bytes(),
            self.stack,
            receipt.sequence,
            received_at,
            start,
            end,
            through,
            self.idempotency_key,
            &receipt.digest,
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
            &receipt.chain,
            receipt.kept.as_ref().map(|kept| kept.sayings),
            receipt.kept.as_ref().map(|kept| &kept.digest),
            u32::from(receipt.released),
            receipt.still_quarantined,
            receipt.revised_not_counting,
            self.late_days.len(),
        ]
    }
}

/// The receipt of a delivery, not yet linked to the one before.
pub(super) fn unlinked(delivery: &Delivery, counts: BatchCounts, refused: &[Refused], kept: Kept) -> Receipt {
    let problems = refused.iter().map(|it| Problem {
        index: it.index,
        code: it.code,
        message: it.message.clone(),
    });
    Receipt {
        batch: delivery.id,
        stack: delivery.stack,
        sequence: 0,
        received_at: delivery.received_at,
        window: delivery.window,
        digest: delivery.digest,
        counts,
        released: false,
        still_quarantined: 0,
        revised_not_counting: None,
        problems: problems.collect(),
        kept: Some(kept),
        chain: [0; 32],
    }
}

/// The answers to deliveries that are stored already: under their idempotency keys or, if this unit of work may have been
/// done before, by it.
pub(super) fn answered_before(
    transaction: &dyn Transaction,
    deliveries: &[(StackRow, &Delivery)],
) -> Result<HashMap<BatchId, Appended>, StoreError> {
    let mut answers = HashMap::new();
    if transaction.again() {
        let batches: Vec<BatchId> = deliveries.iter().map(|(_, it)| it.id).collect();
        for receipt in of_batches(transaction, &batches)?.into_iter().flatten() {
            answers.insert(receipt.batch, Appended::New(receipt));
        }
    }
    let keyed: Vec<_> = deliveries
        .iter()
        .filter(|(_, it)| !answers.contains_key(&it.id))
        .filter_map(|(stack, it)| Some((*stack, *it, it.idempotency_key.as_deref()?)))
        .collect();
    let keys: Vec<_> = keyed.iter().map(|(stack, _, key)| (*stack, *key)).collect();
    for ((_, delivery, _), first) in keyed.into_iter().zip(by_keys(transaction, &keys)?) {
        if let Some(first) = first {
            answers.insert(delivery.id, answer_under_key(first, delivery));
        }
    }
    Ok(answers)
}

/// The answer to a delivery whose idempotency key is known. The digest does not say how the body was read, as lines or as a
/// page; where that made other records of the same bytes, it was another delivery.
pub(super) fn answer_under_key(first: Receipt, delivery: &Delivery) -> Appended {
    if first.digest == delivery.digest && first.counts.received == delivery.received {
        Appended::Repeated(first)
    } else {
        Appended::KeyReused { first: first.batch }
    }
}

/// What one problem takes in memory, about: its sentence is a few lines at the most.
const PROBLEM_BYTES: u64 = 512;

/// A receipt, and by which number its problems are found.
type Found = (BatchRow, Receipt);

/// Receipts are read the same way wherever they are looked for.
macro_rules! receipts_where {
    ($condition:literal) => {
        concat!(
            "SELECT batch.id, batch_id, cloud_id, batch.sequence, received_at, reported_start, reported_end,
             batch.reported_through, digest, received, accepted, duplicate, revised, quarantined, batch.chain,
             kept, kept_digest, released, still_quarantined, revised_not_counting
             FROM batch JOIN stack ON stack.id = batch.stack WHERE ",
            $condition
        )
    };
}

/// The receipts of batches that stacks delivered under idempotency keys.
fn by_keys(
    transaction: &dyn Transaction,
    keys: &[(StackRow, &str)],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let keys: Vec<_> = keys.iter().map(|(stack, key)| values![*stack, *key]).collect();
    let sql = receipts_where!("batch.stack = ?1 AND idempotency_key = ?2");
    let found = select_each(transaction, sql, &keys)?;
    with_problems(transaction, found)
}

/// The receipts of what a stack delivered under idempotency keys, without their problems.
pub(super) fn under_keys(
    transaction: &dyn Transaction,
    stack: CloudId,
    keys: &[String],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| values![stack.as_bytes(), key.as_str()])
        .collect();
    let sql = receipts_where!("cloud_id = ?1 AND idempotency_key = ?2");
    Ok(without_problems(select_each(transaction, sql, &keys)?))
}

/// The receipts of batches.
pub(super) fn of_batches(
    transaction: &dyn Transaction,
    batches: &[BatchId],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let found = found_by_batches(transaction, batches)?;
    with_problems(transaction, found)
}

/// The receipts of batches, without their problems.
pub(crate) fn by_batches(
    transaction: &dyn Transaction,
    batches: &[BatchId],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    Ok(without_problems(found_by_batches(transaction, batches)?))
}

fn found_by_batches(
    transaction: &dyn Transaction,
    batches: &[BatchId],
) -> Result<Vec<Option<Found>>, StoreError> {
    let keys: Vec<_> = batches.iter().map(|batch| values![batch.as_bytes()]).collect();
    select_each(transaction, receipts_where!("batch_id = ?1"), &keys)
}

/// The receipts of a stack after a number, in order, without their problems.
pub(super) fn after(
    transaction: &dyn Transaction,
    stack: CloudId,
    after: u64,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let sql = receipts_where!("cloud_id = ?1 AND batch.sequence > ?2 ORDER BY batch.sequence LIMIT ?3");
    let found = transaction.rows(sql, &values![stack.as_bytes(), after, limit], receipt)?;
    Ok(found.into_iter().map(|(_, receipt)| receipt).collect())
}

/// The same with their problems, as they are chained: no more of them than fit easily into memory.
pub(super) fn chained_after(
    transaction: &dyn Transaction,
    stack: CloudId,
    after: u64,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let sql = "SELECT batch.quarantined FROM batch JOIN stack ON stack.id = batch.stack
               WHERE cloud_id = ?1 AND batch.sequence > ?2 ORDER BY batch.sequence LIMIT ?3";
    let problems = transaction.rows(sql, &values![stack.as_bytes(), after, limit], |row| {
        row.get::<u64>(0)
    })?;
    let limit = rows_at_once(problems.iter().map(|it| it.saturating_mul(PROBLEM_BYTES)));
    let sql = receipts_where!("cloud_id = ?1 AND batch.sequence > ?2 ORDER BY batch.sequence LIMIT ?3");
    let mut found = transaction.rows(sql, &values![stack.as_bytes(), after, limit], receipt)?;
    add_problems(transaction, found.iter_mut())?;
    Ok(found.into_iter().map(|(_, receipt)| receipt).collect())
}

fn select_each<const N: usize>(
    transaction: &dyn Transaction,
    sql: &'static str,
    keys: &[[Value<'_>; N]],
) -> Result<Vec<Option<Found>>, StoreError> {
    transaction.row_each(sql, keys, receipt)
}

fn without_problems(found: Vec<Option<Found>>) -> Vec<Option<Receipt>> {
    let found = found.into_iter();
    found.map(|it| it.map(|(_, receipt)| receipt)).collect()
}

fn with_problems(
    transaction: &dyn Transaction,
    mut found: Vec<Option<Found>>,
) -> Result<Vec<Option<Receipt>>, StoreError> {
    add_problems(transaction, found.iter_mut().flatten())?;
    Ok(without_problems(found))
}

fn receipt(row: &dyn Columns) -> Result<Found, StoreError> {
    let receipt = Receipt {
        batch: row.get(1)?,
        stack: row.get(2)?,
        sequence: row.get(3)?,
        received_at: row.get(4)?,
        window: ReportedWindow {
            start: row.get(5)?,
            end: row.optional(6)?,
            through: row.optional(7)?,
        },
        digest: row.get(8)?,
        counts: BatchCounts {
            received: row.get(9)?,
            accepted: row.get(10)?,
            duplicate: row.get(11)?,
            revised: row.get(12)?,
            quarantined: row.get(13)?,
        },
        released: row.get::<u32>(17)? == 1,
        still_quarantined: row.get(18)?,
        revised_not_counting: row.optional(19)?,
        problems: Vec::new(),
        kept: kept(row, 15)?,
        chain: row.get(14)?,
    };
    Ok((row.get(0)?, receipt))
}

/// What is kept of a batch, from its number of sayings in one column and their digest in the next.
pub(super) fn kept(row: &dyn Columns, first: usize) -> Result<Option<Kept>, StoreError> {
    let sayings: Option<u32> = row.optional(first)?;
    let digest: Option<[u8; 32]> = row.optional(first + 1)?;
    Ok(sayings
        .zip(digest)
        .map(|(sayings, digest)| Kept { sayings, digest }))
}

fn add_problems<'r>(
    transaction: &dyn Transaction,
    receipts: impl Iterator<Item = &'r mut Found>,
) -> Result<(), StoreError> {
    let mut receipts: Vec<_> = receipts.collect();
    let batches: Vec<_> = receipts.iter().map(|(batch, _)| values![*batch]).collect();
    transaction.each(
        "SELECT place, code, message FROM quarantine WHERE batch = ?1 ORDER BY position",
        &batches,
        &mut |place, row| {
            receipts[place].1.problems.push(Problem {
                index: row.get(0)?,
                code: row.get(1)?,
                message: row.get(2)?,
            });
            Ok(())
        },
    )
}

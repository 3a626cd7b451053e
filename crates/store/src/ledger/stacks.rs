//! The stacks of one transaction, locked: nobody else writes about them until it ends, so that what is read of a stack
//! is still so when it is written.

use std::collections::BTreeMap;

use domain::ids::{BatchId, CloudId};
use domain::time::Hour;

use super::delivery::Delivery;
use super::ids::StackRow;
use crate::error::StoreError;
use crate::receipt::{Link, Receipt};
use crate::transaction::{Columns, Transaction, Value, Writer, values};
use crate::usage::Appended;

/// What is kept of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Its number.
    pub(crate) row: StackRow,
    /// The number of its last batch.
    pub(crate) sequence: u64,
    /// The chain value of that.
    pub(crate) chain: [u8; 32],
    /// The furthest hour up to which it ever declared to have reported everything.
    pub(crate) reported_through: Option<Hour>,
    /// The number of its last batch that changed attributes of a series that was known before.
    pub(crate) attributes_sequence: u64,
}

/// The columns of a stack, as [`Stack::from_row`] reads them.
macro_rules! stack_columns {
    () => {
        "id, sequence, chain, reported_through, attributes_sequence"
    };
}
pub(crate) use stack_columns;

impl Stack {
    /// Its last batch.
    pub(super) const fn last(&self) -> Link {
        Link {
            sequence: self.sequence,
            chain: self.chain,
        }
    }

    pub(crate) fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            row: row.get(0)?,
            sequence: row.get(1)?,
            chain: row.get(2)?,
            reported_through: row.optional(3)?,
            attributes_sequence: row.get(4)?,
        })
    }

    /// Links the next receipt to the last one.
    pub(super) fn link(&mut self, receipt: &mut Receipt) {
        receipt.sequence = self.sequence + 1;
        receipt.chain = receipt.chained_after(&self.chain);
        self.sequence = receipt.sequence;
        self.chain = receipt.chain;
        self.reported_through = self.reported_through.max(receipt.window.through);
    }
}

/// The chain values of receipts, each by the number of its stack and its own.
pub(super) fn chains(
    transaction: &dyn Transaction,
    receipts: &[[Value<'_>; 2]],
) -> Result<Vec<Option<[u8; 32]>>, StoreError> {
    let sql = "SELECT chain FROM batch WHERE stack = ?1 AND sequence = ?2";
    transaction.row_each(sql, receipts, |row| row.get(0))
}

/// Refuses a ledger in which the last receipt of a stack is not there: a part of a dump that was restored without the rest looks
/// like that, and answers whoever asks for usage that there is none. Where that cannot be read it is for others to tell.
pub(super) fn refuse_half(storage: &mut impl Writer) -> Result<(), StoreError> {
    let sql = "SELECT cloud_id, sequence FROM stack WHERE sequence > 0 AND NOT EXISTS (
                   SELECT 1 FROM batch WHERE batch.stack = stack.id AND batch.sequence = stack.sequence)
               ORDER BY cloud_id LIMIT 1";
    let half = storage.write(|transaction| {
        transaction.rows(sql, &[], |row| Ok((row.get::<CloudId>(0)?, row.get::<u64>(1)?)))
    });
    match half {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "the last receipts of stacks cannot be read: verify the store");
            Ok(())
        }
        half => match half?.first() {
            None => Ok(()),
            Some((stack, sequence)) => Err(StoreError::corrupt(format!(
                "stack {stack} has delivered {sequence} batches, and the last receipt is not there: a part of the store is missing"
            ))),
        },
    }
}

/// The stacks of a transaction.
pub(super) struct Stacks(BTreeMap<CloudId, Stack>);

impl Stacks {
    /// Locks them, in the order of their ids: of two who want the same stacks one waits for the other.
    pub(super) fn lock(
        transaction: &dyn Transaction,
        stacks: impl Iterator<Item = CloudId>,
    ) -> Result<Self, StoreError> {
        let mut ids: Vec<CloudId> = stacks.collect();
        ids.sort_unstable();
        ids.dedup();
        let locked = transaction.lock_stacks(&ids)?;
        Ok(Self(ids.into_iter().zip(locked).collect()))
    }

    pub(super) fn get(&mut self, stack: CloudId) -> Result<&mut Stack, StoreError> {
        let found = self.0.get_mut(&stack);
        found.ok_or_else(|| StoreError::corrupt(format!("stack {stack} is not locked")))
    }

    /// The answers to deliveries that rely on a receipt which is not here. It is before the answer under a key: who is told that
    /// a delivery was stored shall know that what they rely on is there, too.
    pub(super) fn without_known(
        &mut self,
        transaction: &dyn Transaction,
        deliveries: &[&Delivery],
    ) -> Result<Vec<(BatchId, Appended)>, StoreError> {
        let mut asked = Vec::new();
        for delivery in deliveries {
            let stack = self.get(delivery.stack)?.clone();
            let not_last = delivery.known_receipts.iter().filter(|it| **it != stack.last());
            asked.extend(not_last.map(|known| (delivery.id, stack.clone(), *known)));
        }
        let of_receipts: Vec<_> = asked
            .iter()
            .map(|(_, stack, known)| values![stack.row, known.sequence])
            .collect();
        let chains = chains(transaction, &of_receipts)?;
        let missing = asked
            .into_iter()
            .zip(chains)
            .filter(|((_, _, known), chain)| *chain != Some(known.chain));
        let answers = missing.map(|((id, stack, missing), _)| {
            let (last, reported_through) = (stack.sequence, stack.reported_through);
            let answer = Appended::ReceiptNotKnown {
                missing,
                last,
                reported_through,
            };
            (id, answer)
        });
        Ok(answers.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (CloudId, &Stack)> {
        self.0.iter().map(|(id, stack)| (*id, stack))
    }

    /// Writes what has become of them.
    pub(super) fn write(&self, transaction: &dyn Transaction) -> Result<(), StoreError> {
        let stacks: Vec<_> = self
            .0
            .values()
            .map(|it| {
                let (row, chain) = (it.row, &it.chain);
                values![
                    row,
                    it.sequence,
                    chain,
                    it.reported_through,
                    it.attributes_sequence
                ]
            })
            .collect();
        transaction.execute_each(
            "UPDATE stack SET sequence = ?2, chain = ?3, reported_through = ?4, attributes_sequence = ?5
             WHERE id = ?1",
            &stacks,
        )
    }
}

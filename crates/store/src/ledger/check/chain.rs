//! The receipts of each stack: numbered without a gap, each linked to the one before, each adds up, and the stack knows the
//! last of them.

use domain::ids::CloudId;
use domain::time::Hour;

use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::ids::BatchRow;
use crate::ledger::receipts;
use crate::ledger::stacks::{Stack, stack_columns};
use crate::receipt::{BatchCounts, Receipt};
use crate::transaction::{Transaction, values};

use super::names;

/// Receipts read at one time, at the most.
const RECEIPTS_PAGE: usize = 1000;

pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    without_a_stack(transaction, checked)?;
    let sql = concat!("SELECT ", stack_columns!(), ", cloud_id FROM stack ORDER BY id");
    let stacks: Vec<(Stack, CloudId)> =
        transaction.rows(sql, &[], |row| Ok((Stack::from_row(row)?, row.get(5)?)))?;
    for (stack, id) in stacks {
        let mut chain = Chain::new(id, checked);
        chain.follow(transaction, watch)?;
        chain.end(&stack);
    }
    Ok(())
}

/// Batches of no stack: nobody would ever read their receipts.
fn without_a_stack(transaction: &dyn Transaction, checked: &mut Checked) -> Result<(), StoreError> {
    let sql = "SELECT batch.id FROM batch LEFT JOIN stack ON stack.id = batch.stack WHERE stack.id IS NULL";
    let lost: Vec<BatchRow> = transaction.rows(sql, &[], |row| row.get(0))?;
    for batch in lost {
        let at = names::of_batch(transaction, batch)?;
        checked.add(Finding::new(Difference::UnknownStack, at));
    }
    Ok(())
}

/// The receipts of one stack, as far as they were followed.
struct Chain<'c> {
    stack: CloudId,
    checked: &'c mut Checked,
    sequence: u64,
    /// The chain value of the last receipt, if it could be read.
    chain: Option<[u8; 32]>,
    /// The furthest hour declared.
    through: Option<Hour>,
    /// Whether all receipts could be read.
    whole: bool,
}

impl<'c> Chain<'c> {
    fn new(stack: CloudId, checked: &'c mut Checked) -> Self {
        Self {
            stack,
            checked,
            sequence: 0,
            chain: Some([0; 32]),
            through: None,
            whole: true,
        }
    }

    fn follow(&mut self, transaction: &dyn Transaction, watch: Watch<'_>) -> Result<(), StoreError> {
        let stack = self.stack;
        read_all(
            RECEIPTS_PAGE,
            |after, limit| receipts::chained_after(transaction, stack, after.copied().unwrap_or(0), limit),
            |after| {
                let sql = "SELECT batch.sequence FROM batch JOIN stack ON stack.id = batch.stack
                           WHERE cloud_id = ?1 AND batch.sequence > ?2 ORDER BY batch.sequence LIMIT 1";
                let after = after.copied().unwrap_or(0);
                transaction.row(sql, &values![stack.as_bytes(), after], |row| row.get(0))
            },
            |receipt: &Receipt| receipt.sequence,
            |read| {
                match read {
                    Read::Rows(page) => {
                        page.iter().for_each(|receipt| self.receipt(receipt));
                        watch(AuditStep::Done(page.len() as u64));
                    }
                    Read::Unreadable(sequence, error) => self.unreadable(sequence, &error),
                }
                Ok(())
            },
        )
    }

    fn at(&self, receipt: &Receipt) -> FoundAt {
        FoundAt {
            stack: Some(self.stack),
            receipt: Some(receipt.sequence),
            batch: Some(receipt.batch),
            received_at: Some(receipt.received_at),
            ..FoundAt::default()
        }
    }

    fn add(&mut self, difference: Difference, receipt: &Receipt, expected: String, found: String) {
        let finding = Finding::new(difference, self.at(receipt)).but(expected, found);
        self.checked.add(finding);
    }

    fn unreadable(&mut self, sequence: u64, error: &StoreError) {
        let at = FoundAt {
            stack: Some(self.stack),
            receipt: Some(sequence),
            ..FoundAt::default()
        };
        self.checked.add_unreadable(at, error);
        (self.sequence, self.chain, self.whole) = (sequence, None, false);
    }

    fn receipt(&mut self, receipt: &Receipt) {
        self.checked.examined += 1;
        let next = self.sequence + 1;
        if receipt.sequence != next {
            let found = receipt.sequence.to_string();
            self.add(
                Difference::ReceiptGap,
                receipt,
                format!("number {next}"),
                format!("number {found}"),
            );
        } else if let Some(before) = self.chain {
            let expected = receipt.chained_after(&before);
            if expected != receipt.chain {
                let [expected, found] = [expected, receipt.chain].map(hex::encode);
                self.add(Difference::ReceiptChain, receipt, expected, found);
            }
        }
        self.counts(receipt);
        self.sequence = receipt.sequence;
        self.chain = Some(receipt.chain);
        self.through = self.through.max(receipt.window.through);
    }

    fn counts(&mut self, receipt: &Receipt) {
        let BatchCounts {
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
        } = receipt.counts;
        if !receipt.counts.add_up() {
            let found = format!(
                "{accepted} accepted, {duplicate} duplicate, {revised} revised and {quarantined} quarantined"
            );
            self.add(
                Difference::ReceiptCounts,
                receipt,
                format!("{received} records"),
                found,
            );
        }
        let stored = receipt.problems.len();
        if u32::try_from(stored) != Ok(quarantined) {
            self.add(
                Difference::QuarantineCount,
                receipt,
                quarantined.to_string(),
                stored.to_string(),
            );
        }
    }

    /// Compares with what is known of the stack.
    fn end(self, stack: &Stack) {
        let at = FoundAt {
            stack: Some(self.stack),
            ..FoundAt::default()
        };
        let mut add = |difference, expected: String, found: String| {
            let finding = Finding::new(difference, at.clone()).but(expected, found);
            self.checked.add(finding);
        };
        let told = |sequence: u64, chain: [u8; 32]| format!("number {sequence}, {}", hex::encode(chain));
        if let Some(chain) = self.chain
            && (stack.sequence, stack.chain) != (self.sequence, chain)
        {
            add(
                Difference::LastReceipt,
                told(stack.sequence, stack.chain),
                told(self.sequence, chain),
            );
        }
        if self.whole && stack.reported_through != self.through {
            let told = |hour: Option<Hour>| hour.map_or_else(|| "none".to_owned(), |hour| hour.to_string());
            add(
                Difference::ReportedThrough,
                told(self.through),
                told(stack.reported_through),
            );
        }
        if stack.attributes_sequence > stack.sequence {
            add(
                Difference::AttributesSequence,
                format!("{} at most", stack.sequence),
                stack.attributes_sequence.to_string(),
            );
        }
    }
}

//! Receipts that somebody else kept, with those that are stored.

use domain::ids::BatchId;

use super::{Checked, Difference, Finding, FoundAt};
use crate::error::StoreError;
use crate::ledger;
use crate::receipt::{BatchCounts, Receipt};
use crate::transaction::Transaction;

/// Receipts looked for at one time.
const PAGE: usize = 1000;

/// A receipt as somebody else kept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The batch.
    pub batch: BatchId,
    /// Its number among the batches of its stack.
    pub sequence: u64,
    /// The digest of what was delivered.
    pub digest: [u8; 32],
    /// What became of its records.
    pub counts: BatchCounts,
    /// The chain value, which says all the rest and everything before.
    pub chain: [u8; 32],
}

impl From<&Receipt> for Witness {
    fn from(receipt: &Receipt) -> Self {
        Self {
            batch: receipt.batch,
            sequence: receipt.sequence,
            digest: receipt.digest,
            counts: receipt.counts,
            chain: receipt.chain,
        }
    }
}

impl Witness {
    fn told(&self) -> String {
        let BatchCounts {
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
        } = self.counts;
        let [digest, chain] = [self.digest, self.chain].map(hex::encode);
        format!(
            "number {}, {received} received, {accepted} accepted, {duplicate} duplicate, {revised} revised, {quarantined} \
             quarantined, digest {digest}, chain {chain}",
            self.sequence
        )
    }
}

pub(super) fn check(
    transaction: &dyn Transaction,
    witnesses: &[Witness],
    checked: &mut Checked,
) -> Result<(), StoreError> {
    // The number of the witness before, if that is not stored any more.
    let mut missing_before: Option<u64> = None;
    for page in witnesses.chunks(PAGE) {
        let batches: Vec<BatchId> = page.iter().map(|it| it.batch).collect();
        let stored = ledger::by_batches(transaction, &batches)?;
        for (witness, stored) in page.iter().zip(stored) {
            checked.examined += 1;
            let mut at = FoundAt {
                receipt: Some(witness.sequence),
                batch: Some(witness.batch),
                ..FoundAt::default()
            };
            let Some(stored) = stored else {
                // What was lost with a restore is years of receipts, one after the other.
                let before = missing_before.replace(witness.sequence);
                if before.is_some_and(|before| before.checked_add(1) == Some(witness.sequence)) {
                    checked.add_place(at);
                } else {
                    checked.add(Finding::new(Difference::WitnessMissing, at));
                }
                continue;
            };
            missing_before = None;
            let found = Witness::from(&stored);
            if found != *witness {
                at.stack = Some(stored.stack);
                at.received_at = Some(stored.received_at);
                let finding = Finding::new(Difference::WitnessDiffers, at);
                checked.add(finding.but(witness.told(), found.told()));
            }
        }
    }
    Ok(())
}

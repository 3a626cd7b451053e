//! Receipts: what became of one delivery, chained.
//!
//! The chain shows accidental damage, and edits by whoever does not compute it anew from there on. It has no key:
//! whoever may write the file and takes that trouble can change any receipt. What proves more is a receipt, or its
//! chain value, kept somewhere else: since each receipt has the digest of what is kept of its batch, records cannot be
//! changed without changing the chain either.

use domain::ids::{BatchId, CloudId};
use domain::time::{Hour, Timestamp};
use domain::usage::QuarantineCode;

use crate::usage::ReportedWindow;

/// What became of the records of one batch: `received = accepted + duplicate + revised + quarantined`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Records delivered.
    pub received: u32,
    /// Records whose key was new.
    pub accepted: u32,
    /// Records that said again what was known: same key, same quantity; or, of those that cannot be counted, the same text.
    pub duplicate: u32,
    /// Records that gave a known key another quantity, whether or not that one counts now.
    pub revised: u32,
    /// Records put into quarantine.
    pub quarantined: u32,
}

impl BatchCounts {
    /// Whether every record received became something.
    pub(crate) fn add_up(&self) -> bool {
        let parts = [self.accepted, self.duplicate, self.revised, self.quarantined];
        u64::from(self.received) == parts.into_iter().map(u64::from).sum::<u64>()
    }
}

/// What is kept of a batch, to be compared with what is stored whenever somebody likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many of its sayings are kept: records that were new, those that gave a known key another quantity, and those
    /// of its duplicates that were reported earlier than what they repeat.
    pub sayings: u32,
    /// BLAKE3 of these sayings, of the batch's idempotency key, and of the texts of its records in quarantine.
    pub digest: [u8; 32],
}

/// A receipt, told from every other: two histories of a stack that went apart before it have different ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// [`Receipt::sequence`].
    pub sequence: u64,
    /// [`Receipt::chain`].
    pub chain: [u8; 32],
}

/// Why one record of a batch was put into quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its place in the delivery, from 0.
    pub index: u32,
    /// Why.
    pub code: QuarantineCode,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The receipt of one batch. Permanent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The batch.
    pub batch: BatchId,
    /// The stack that delivered it.
    pub stack: CloudId,
    /// Its number among the batches of the stack: from 1, without a gap.
    pub sequence: u64,
    /// When it was taken in.
    pub received_at: Timestamp,
    /// The reported-time window it was read from.
    pub window: ReportedWindow,
    /// BLAKE3 of the body as delivered and of the parameters that came with it.
    pub digest: [u8; 32],
    /// What became of its records.
    pub counts: BatchCounts,
    /// Whether its records had been received before, and were released from quarantine by it: then the digest is
    /// BLAKE3 of each record's position, as 8 bytes, and of the BLAKE3 of the text it was counted by, in order.
    pub released: bool,
    /// How many of its duplicates repeat records that waited in quarantine since an earlier batch when it came: nobody
    /// may take them for records that count.
    pub still_quarantined: u32,
    /// How many of its revisions did not count once all of it was taken in: of the same record another quantity did, which
    /// was reported later, or at the same time and is larger. Nothing in a receipt that was made out before receipts had that.
    pub revised_not_counting: Option<u32>,
    /// Why records were put into quarantine, by index.
    pub problems: Vec<Problem>,
    /// What is kept of it; nothing in a receipt that was made out before receipts had that.
    pub kept: Option<Kept>,
    /// BLAKE3 of the chain value of the stack's receipt before (32 zero bytes before the first) and of this
    /// receipt's content.
    pub chain: [u8; 32],
}

impl Receipt {
    /// What [`Receipt::chain`] has to be after the given chain value.
    #[must_use]
    pub fn chained_after(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut content = Content(blake3::Hasher::new());
        content.0.update(previous);
        content.0.update(self.batch.as_bytes());
        content.0.update(self.stack.as_bytes());
        content.number(self.sequence);
        content.text(&self.received_at.to_string());
        content.hour(Some(self.window.start));
        content.hour(self.window.end);
        content.hour(self.window.through);
        content.0.update(&self.digest);
        let BatchCounts {
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
        } = self.counts;
        for count in [received, accepted, duplicate, revised, quarantined] {
            content.number(u64::from(count));
        }
        for problem in &self.problems {
            content.number(u64::from(problem.index));
            content.text(problem.code.as_str());
            content.text(&problem.message);
        }
        if let Some(Kept { sayings, digest }) = self.kept {
            // No index of a problem is as large.
            content.number(u64::MAX);
            content.number(u64::from(sayings));
            content.0.update(&digest);
        }
        if self.released {
            content.text("released");
        }
        if self.still_quarantined > 0 {
            content.text("still quarantined");
            content.number(u64::from(self.still_quarantined));
        }
        if let Some(revisions) = self.revised_not_counting {
            content.text("revised not counting");
            content.number(u64::from(revisions));
        }
        *content.0.finalize().as_bytes()
    }
}

/// A hash over parts none of which can be mistaken for another: each has a fixed length or tells it.
struct Content(blake3::Hasher);

impl Content {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.0.update(text.as_bytes());
    }

    fn hour(&mut self, hour: Option<Hour>) {
        match hour {
            Some(hour) => self.0.update(&[1]).update(&hour.epoch_hours().to_be_bytes()),
            None => self.0.update(&[0]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Kept = Kept {
        sayings: 4,
        digest: [7; 32],
    };

    fn receipt() -> Receipt {
        let hour = |hours| Hour::from_epoch_hours(hours).unwrap();
        Receipt {
            batch: BatchId::from_bytes([1; 16]),
            stack: CloudId::from_bytes([2; 16]),
            sequence: 3,
            received_at: Timestamp::from_second(1_790_000_000).unwrap(),
            window: ReportedWindow {
                start: hour(9),
                end: Some(hour(10)),
                through: None,
            },
            digest: [4; 32],
            counts: BatchCounts {
                received: 5,
                accepted: 3,
                duplicate: 1,
                revised: 0,
                quarantined: 1,
            },
            released: false,
            still_quarantined: 0,
            revised_not_counting: None,
            problems: vec![Problem {
                index: 0,
                code: QuarantineCode::InvalidQuantity,
                message: "expected a decimal number".to_owned(),
            }],
            kept: None,
            chain: [0; 32],
        }
    }

    #[test]
    fn whatever_changes_in_a_receipt_changes_its_link_in_the_chain() {
        let original = receipt().chained_after(&[0; 32]);
        let changes: [fn(&mut Receipt); 16] = [
            |it| it.batch = BatchId::from_bytes([9; 16]),
            |it| it.stack = CloudId::from_bytes([9; 16]),
            |it| it.sequence = 4,
            |it| it.received_at = Timestamp::from_second(1_790_000_001).unwrap(),
            |it| (it.window.end, it.window.through) = (it.window.through, it.window.end),
            |it| it.digest[31] = 5,
            |it| (it.counts.accepted, it.counts.duplicate) = (1, 3),
            |it| it.problems[0].message.push('.'),
            |it| it.problems.clear(),
            |it| it.released = true,
            |it| it.still_quarantined = 1,
            |it| it.revised_not_counting = Some(0),
            |it| it.revised_not_counting = Some(1),
            |it| it.kept = Some(KEPT),
            |it| it.kept = Some(Kept { sayings: 5, ..KEPT }),
            |it| {
                it.kept = Some(Kept {
                    digest: [8; 32],
                    ..KEPT
                });
            },
        ];
        let mut chains = std::collections::BTreeSet::from([original]);
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = receipt();
            change(&mut changed);
            assert!(chains.insert(changed.chained_after(&[0; 32])), "change {number}");
        }
        assert_ne!(receipt().chained_after(&[1; 32]), original);
    }

    #[test]
    fn the_chain_is_the_same_on_every_machine_and_in_every_version() {
        let with = |kept, revised_not_counting| {
            let receipt = Receipt {
                kept,
                revised_not_counting,
                ..receipt()
            };
            blake3::Hash::from_bytes(receipt.chained_after(&[0; 32])).to_string()
        };
        assert_eq!(
            with(None, None),
            "296f75a44fecdbe54a2de82e87df36d388b073c9bd478cab6024b2155a5ab5e8"
        );
        assert_eq!(
            with(Some(KEPT), None),
            "540077325192c4b632702059ef4f686f3ff503559680c7d0cb29ccbe0b201276"
        );
        assert_eq!(
            with(Some(KEPT), Some(2)),
            "09d2b9910e955587f9641786ece6fd3895b6d4faa66ad2bef025795d8903d11c"
        );
    }
}

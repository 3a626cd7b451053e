//! A release on its way to the writer, and what the writer does with it.

use domain::ids::QuarantineActId;

use super::apply::{self, News, Outcome};
use super::cache::SeriesCache;
use super::changes::Changes;
use super::delivery::{Delivery, OfRelease, Releasing, Wanted};
use super::quarantine::{self, Became};
use crate::error::StoreError;
use crate::quarantine::{RefusedAgain, Release, Released, ReleasedBatch};
use crate::transaction::Transaction;
use crate::usage::{Appended, Batch, DeliveredRecord, ReportedWindow};

/// A release as the writer takes it.
pub(super) struct Prepared {
    act: QuarantineActId,
    deliveries: Vec<Delivery>,
    refused: Vec<RefusedAgain>,
    /// All records it is about.
    positions: Vec<u64>,
    pub(super) rehearsal: bool,
}

/// What came of a release.
pub(super) enum Came {
    /// It is part of the transaction.
    Done(Released, News),
    /// Nothing of it may be stored: it has to come again and bring more.
    Again(Wanted),
}

impl Prepared {
    /// Looks every series up.
    pub(super) fn new(release: &Release<'_>, cache: &SeriesCache, wanted: &Wanted) -> Self {
        let of_batches = release.batches.iter().flat_map(|batch| batch.records);
        let positions = of_batches
            .map(|it| it.position)
            .chain(release.refused.iter().map(|it| it.position));
        Self {
            act: release.act,
            deliveries: release
                .batches
                .iter()
                .map(|batch| delivery(release, batch, cache, wanted))
                .collect(),
            refused: release.refused.to_vec(),
            positions: positions.collect(),
            rehearsal: release.rehearsal,
        }
    }

    /// The memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let refused = |it: &RefusedAgain| size_of::<RefusedAgain>() + it.message.len();
        size_of::<Self>()
            + self.positions.len() * size_of::<u64>()
            + self.deliveries.iter().map(Delivery::bytes).sum::<usize>()
            + self.refused.iter().map(refused).sum::<usize>()
    }

    /// Releases what can be released. After an error the transaction is good for nothing but being rolled back.
    pub(super) fn apply(
        &self,
        transaction: &dyn Transaction,
        cache: &SeriesCache,
        changes: &mut Changes,
    ) -> Result<Came, StoreError> {
        let deliveries: Vec<&Delivery> = self.deliveries.iter().collect();
        let (outcomes, mut news) = apply::apply(transaction, &deliveries, cache, changes)?;
        let mut receipts = Vec::new();
        for outcome in outcomes {
            match outcome {
                Outcome::Again(wanted) => return Ok(Came::Again(wanted)),
                Outcome::Done(Appended::New(receipt) | Appended::Repeated(receipt)) => receipts.push(receipt),
                Outcome::Done(Appended::KeyReused { .. } | Appended::ReceiptNotKnown { .. })
                | Outcome::Nothing => {}
            }
        }
        quarantine::refuse_again(transaction, &self.refused)?;
        let Became { waiting, gone, .. } = quarantine::became(transaction, self.act, &self.positions)?;
        let released = Released {
            receipts,
            not_counting: std::mem::take(&mut news.not_counting),
            refused: waiting,
            gone,
        };
        Ok(Came::Done(released, news))
    }
}

fn delivery(
    release: &Release<'_>,
    batch: &ReleasedBatch<'_>,
    cache: &SeriesCache,
    wanted: &Wanted,
) -> Delivery {
    let records: Vec<DeliveredRecord<'_>> = (0..)
        .zip(batch.records)
        .map(|(index, it)| DeliveredRecord {
            index,
            record: it.record.clone(),
        })
        .collect();
    let as_delivered = Batch {
        id: batch.id,
        stack: batch.stack,
        received_at: release.released_at,
        window: ReportedWindow {
            start: batch.reported,
            end: None,
            through: None,
        },
        idempotency_key: None,
        known_receipts: &[],
        // It has one when it is known which of the records were released.
        digest: [0; 32],
        records: &records,
        quarantined: &[],
        raw: &|_| String::new(),
    };
    let records = batch.records.iter().map(|it| Releasing {
        position: it.position,
        mended: it.mended.map(str::to_owned),
        text_digest: it.text_digest,
    });
    Delivery {
        release: Some(OfRelease {
            act: release.act,
            records: records.collect(),
        }),
        ..Delivery::prepare(&as_delivered, cache, wanted)
    }
}

//! Deliveries on their way: a few at a time, compressed, each under an idempotency key.

use std::sync::Arc;

use bytes::Bytes;
use client::{Answered, Client, ClientError, Delivery, Encoding};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::api::DeliveryReceipt;

use super::outcome::Imported;
use super::paging::Paging;
use super::reading::{Piece, Places, Source};
use super::undelivered::{not_answered, not_delivered};
use crate::failure::Failure;
use crate::printer::Progress;

/// How many deliveries are on their way at a time.
pub(super) const IN_FLIGHT_MAX: usize = 4;
/// Deliveries are compressed to be small soon, not to be as small as can be.
const ZSTD_LEVEL: i32 = 1;

/// What all deliveries have in common.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) cloud_id: String,
    /// What the idempotency keys begin with: each delivery adds its number.
    pub(super) run: String,
    pub(super) reported_start: Option<String>,
    pub(super) reported_end: Option<String>,
    pub(super) compress: bool,
}

/// Sends all pieces, and counts what comes of them.
///
/// # Errors
/// If one does not arrive; those that were under way before it may have.
pub(super) async fn send_all(
    sender: &Arc<Sender>,
    mut pieces: mpsc::Receiver<Piece>,
    progress: &Progress,
    imported: &mut Imported,
) -> Result<(), Failure> {
    let mut in_flight = JoinSet::new();
    let mut number = 0_u64;
    loop {
        let piece = if in_flight.len() < IN_FLIGHT_MAX {
            pieces.recv().await
        } else {
            None
        };
        if let Some(piece) = piece {
            number += 1;
            let sender = Arc::clone(sender);
            in_flight.spawn(async move { sender.send(number, piece).await });
            continue;
        }
        let Some(sent) = in_flight.join_next().await else {
            return Ok(());
        };
        let (piece, delivered) =
            sent.map_err(|error| Failure::new("A delivery was cut off.").because(error.to_string()))?;
        progress.add(u64::from(piece.records));
        let delivered = delivered.map_err(|error| not_delivered(error, &piece, &sender.cloud_id))?;
        imported.add(&piece, delivered.value, delivered.repeated);
    }
}

/// What is left of a piece when it has been sent.
pub(super) struct Sent {
    pub(super) source: Source,
    pub(super) places: Places,
    pub(super) records: u32,
}

impl Sender {
    async fn send(
        &self,
        number: u64,
        piece: Piece,
    ) -> (Sent, Result<Answered<DeliveryReceipt>, ClientError>) {
        let Piece { source, places, part } = piece;
        let sent = Sent {
            source,
            places,
            records: part.records,
        };
        let (body, encoding) = self.encode(part.body);
        let key = format!("{}-{number}", self.run);
        let delivery = Delivery {
            body,
            format: part.format,
            encoding,
            reported_start: self.reported_start.as_deref(),
            reported_end: self.reported_end.as_deref(),
            reported_through: None,
            idempotency_key: Some(&key),
            known_receipts: None,
        };
        let delivered = self.client.deliver_usage_told(&self.cloud_id, delivery);
        (sent, delivered.await)
    }

    /// Compressed, if that can be done and is wanted.
    fn encode(&self, body: Bytes) -> (Bytes, Option<Encoding>) {
        let compressed = self
            .compress
            .then(|| zstd::bulk::compress(&body, ZSTD_LEVEL).ok())
            .flatten();
        compressed.map_or((body, None), |compressed| {
            (compressed.into(), Some(Encoding::Zstd))
        })
    }

    /// Says that the stack has reported completely up to an hour, unless the pages speak against it: with a delivery of
    /// nothing, after all others.
    pub(super) async fn declare_complete(&self, through: &str, paging: &Paging) -> Result<(), Failure> {
        if let Some(doubt) = paging.doubt() {
            let what = format!("It was not declared that the stack has reported completely up to {through}.");
            return Err(Failure::new(what).coded("NotDeclared").because(doubt).hint(
                "What is in these files was delivered. Declare it with the import of all pages: what is there already \
                 is recognised.",
            ));
        }
        // Of one file a further hour may be declared later.
        let key = format!("{}-complete-{through}", self.run);
        let delivery = Delivery {
            body: Bytes::from_static(b"{\"value\":[]}"),
            format: client::Format::Json,
            encoding: None,
            reported_start: self.reported_start.as_deref(),
            reported_end: self.reported_end.as_deref(),
            reported_through: Some(through),
            idempotency_key: Some(&key),
            known_receipts: None,
        };
        let declared = self.client.deliver_usage(&self.cloud_id, delivery).await;
        declared
            .map(drop)
            .map_err(|error| not_answered(error, &self.cloud_id))
    }
}

//! `usage import`: what the provider usage API returned, delivered.
//!
//! One thread reads files and cuts them into parts; a few deliveries are on their way at a time. What a bill says does
//! not depend on the order in which they arrive.

mod outcome;
mod paging;
mod reading;
mod undelivered;

use std::sync::Arc;

use bytes::Bytes;
use client::{Client, ClientError, Delivery, Encoding};
use server::Random as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::api::DeliveryReceipt;

use self::outcome::Imported;
use self::paging::Paging;
use self::reading::{Files, Piece, Source, read_files};
use self::undelivered::{not_answered, not_delivered};
use crate::args::{ImportArgs, ServerArgs};
use crate::commands::stack_credential::{StackCredential, stack_credential};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::printer::{Printer, Progress};

/// How many deliveries are on their way at a time.
const IN_FLIGHT_MAX: usize = 4;
/// Deliveries are compressed to be small soon, not to be as small as can be.
const ZSTD_LEVEL: i32 = 1;

/// What all deliveries have in common.
struct Sender {
    client: Client,
    cloud_id: String,
    run: String,
    reported_start: Option<String>,
    reported_end: Option<String>,
    compress: bool,
}

/// Imports files.
///
/// # Errors
/// If a file cannot be read, or a delivery does not arrive. What was delivered until then stays. Also if records are in
/// quarantine and that shall be a failure, or if a completeness that shall be declared is in doubt.
pub(super) async fn import(server: &ServerArgs, args: ImportArgs, printer: &Printer) -> Result<(), Failure> {
    let StackCredential { client, cloud_id } =
        stack_credential(server, &args.key, args.cloud_id.as_deref()).await?;
    let files = Files::found(args.files)?;
    let sender = Arc::new(Sender {
        client,
        cloud_id,
        // A name for this run, so that a delivery whose answer is lost can be sent again without counting twice, while
        // a later import of the same files is told that every record is a duplicate.
        run: SystemRandom.uuid().to_string(),
        reported_start: args.reported_start.clone(),
        reported_end: args.reported_end.clone(),
        compress: !args.no_compression,
    });
    if let Some(warning) = lost_corrections(args.reported_start.as_deref(), files.count()) {
        printer.warning(&warning);
    }
    let progress = printer.progress(None, "records");
    let mut imported = Imported::default();
    let (pieces, reading) = read_files(files, args.batch);
    let sent = send_all(&sender, pieces, &progress, &mut imported).await;
    progress.finish();
    let read = reading
        .await
        .unwrap_or_else(|error| Err(Failure::new("Reading ended.").because(error.to_string())));
    let done = sent.and(read);
    if done.is_ok() || !imported.is_nothing() {
        imported.report(&sender.cloud_id, printer)?;
    }
    let paging = done?;
    if args.fail_on_quarantine {
        imported.none_quarantined()?;
    }
    match &args.reported_through {
        Some(through) => sender.declare_complete(through, &paging).await,
        None => {
            paging.doubt().iter().for_each(|doubt| printer.warning(doubt));
            Ok(())
        }
    }
}

/// What to know if corrections could be lost in this import: of quantities that are reported at the same time the
/// largest counts, so a correction to less needs a window of its own.
fn lost_corrections(reported_start: Option<&str>, files: usize) -> Option<String> {
    match reported_start {
        None => Some(
            "Without --reported-start, records count as reported now. A correction that is imported in the same hour \
             as what it corrects cannot lower it: name the window with --reported-start."
                .to_owned(),
        ),
        Some(start) if files > 1 => Some(format!(
            "All {files} files count as reported at {start}. Where they hold different quantities of the same usage, \
             the largest counts: import files that were read from different windows one window at a time."
        )),
        Some(_) => None,
    }
}

async fn send_all(
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
        imported.add(&piece, delivered);
    }
}

/// What is left of a piece when it has been sent.
struct Sent {
    source: Source,
    first_index: u64,
    records: u32,
}

impl Sender {
    async fn send(&self, number: u64, piece: Piece) -> (Sent, Result<DeliveryReceipt, ClientError>) {
        let Piece {
            source,
            first_index,
            part,
        } = piece;
        let sent = Sent {
            source,
            first_index,
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
        };
        (sent, self.client.deliver_usage(&self.cloud_id, delivery).await)
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
    async fn declare_complete(&self, through: &str, paging: &Paging) -> Result<(), Failure> {
        if let Some(doubt) = paging.doubt() {
            let what = format!("It was not declared that the stack has reported completely up to {through}.");
            return Err(Failure::new(what).coded("NotDeclared").because(doubt).hint(
                "What is in these files was delivered. Declare it with the import of all pages: what is there already \
                 is recognised.",
            ));
        }
        let key = format!("{}-complete", self.run);
        let delivery = Delivery {
            body: Bytes::from_static(b"{\"value\":[]}"),
            format: client::Format::Json,
            encoding: None,
            reported_start: self.reported_start.as_deref(),
            reported_end: self.reported_end.as_deref(),
            reported_through: Some(through),
            idempotency_key: Some(&key),
        };
        let declared = self.client.deliver_usage(&self.cloud_id, delivery).await;
        declared
            .map(drop)
            .map_err(|error| not_answered(error, &self.cloud_id))
    }
}

#[cfg(test)]
mod tests {
    use super::lost_corrections;

    #[test]
    fn only_one_file_with_its_window_is_taken_without_a_warning() {
        let start = Some("2026-10-01T13:00:00Z");
        assert_eq!(lost_corrections(start, 1), None);
        let several = lost_corrections(start, 3).unwrap();
        assert!(
            several.contains("3 files count as reported at 2026-10-01T13:00:00Z"),
            "{several}"
        );
        for files in [1, 3] {
            let unnamed = lost_corrections(None, files).unwrap();
            assert!(
                unnamed.contains("count as reported now") && unnamed.contains("--reported-start"),
                "{unnamed}"
            );
        }
    }
}

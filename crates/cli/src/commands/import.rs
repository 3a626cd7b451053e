//! `usage import`: what the provider usage API returned, delivered.
//!
//! One thread reads files and cuts them into parts; a few deliveries are on their way at a time. What a bill says does
//! not depend on the order in which they arrive.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use client::{Client, ClientError, Delivery, Encoding};
use serde::Serialize;
use server::Random as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::api::DeliveryReceipt;

use crate::args::{ImportArgs, ServerArgs};
use crate::commands::stack_credential::{StackCredential, stack_credential};
use crate::delivery_file::{Ended, FileError, Part, cut, named};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Progress};

/// How many deliveries are on their way at a time.
const IN_FLIGHT_MAX: usize = 4;
/// How many problems are printed; the others are in quarantine all the same.
const PROBLEMS_SHOWN_MAX: usize = 20;
/// Deliveries are compressed to be small soon, not to be as small as can be.
const ZSTD_LEVEL: i32 = 1;
const READ_BYTES: usize = 1024 * 1024;

/// What came of all deliveries.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    deliveries: u64,
    records: u64,
    accepted: u64,
    duplicate: u64,
    revised: u64,
    quarantined: u64,
    problems: Vec<Problem>,
}

/// A record that cannot be counted as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    file: String,
    record: u64,
    code: String,
    message: String,
}

/// A part with where it comes from.
struct Piece {
    file: Arc<str>,
    first_record: u64,
    part: Part,
}

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
/// If a file cannot be read, or a delivery does not arrive. What was delivered until then stays.
pub(super) async fn import(server: &ServerArgs, args: ImportArgs, printer: &Printer) -> Result<(), Failure> {
    let StackCredential { client, cloud_id } = stack_credential(server, &args).await?;
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
    if let Some(warning) = lost_corrections(args.reported_start.as_deref(), args.files.len()) {
        printer.warning(&warning);
    }
    let progress = printer.progress(None, "records");
    let mut imported = Imported::default();
    let (pieces, files) = read_files(args.files, args.batch);
    let sent = send_all(&sender, pieces, &progress, &mut imported).await;
    progress.finish();
    let read = files
        .await
        .unwrap_or_else(|error| Err(Failure::new("Reading ended.").because(error.to_string())));
    let done = sent.and(read);
    if let (Ok(()), Some(through)) = (&done, &args.reported_through) {
        sender.declare_complete(through).await?;
    }
    report(&imported, printer)?;
    done
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

/// Reads the files one after the other, in a thread of its own.
fn read_files(
    files: Vec<PathBuf>,
    records_max: u32,
) -> (
    mpsc::Receiver<Piece>,
    tokio::task::JoinHandle<Result<(), Failure>>,
) {
    let (sender, pieces) = mpsc::channel(IN_FLIGHT_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        files
            .iter()
            .try_for_each(|path| match read_file(path, records_max, &sender) {
                // Whoever took the pieces has failed and says why.
                Ok(()) | Err(Ended::NotWanted) => Ok(()),
                Err(Ended::File(error)) => Err(unreadable(path, &error)),
            })
    });
    (pieces, reading)
}

fn read_file(path: &Path, records_max: u32, pieces: &mpsc::Sender<Piece>) -> Result<(), Ended> {
    let file: Arc<str> = path.display().to_string().into();
    let mut first_record = 1;
    let take = |part: Part| {
        let records = u64::from(part.records);
        let piece = Piece {
            file: Arc::clone(&file),
            first_record,
            part,
        };
        first_record += records;
        pieces.blocking_send(piece).is_ok()
    };
    if path.as_os_str() == "-" {
        cut(
            BufReader::with_capacity(READ_BYTES, io::stdin()),
            None,
            records_max,
            take,
        )
    } else {
        cut(
            BufReader::with_capacity(READ_BYTES, File::open(path)?),
            named(path),
            records_max,
            take,
        )
    }
}

fn unreadable(path: &Path, error: &FileError) -> Failure {
    let failure =
        Failure::new(format!("{} cannot be read to its end.", path.display())).because(error.to_string());
    failure.hint(
        "What came before was delivered. Import the file again when it is whole: what is there already is recognised.",
    )
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
        imported.add(&piece, delivered?);
    }
}

/// What is left of a piece when it has been sent.
struct Sent {
    file: Arc<str>,
    first_record: u64,
    records: u32,
}

impl Sender {
    async fn send(&self, number: u64, piece: Piece) -> (Sent, Result<DeliveryReceipt, ClientError>) {
        let Piece {
            file,
            first_record,
            part,
        } = piece;
        let sent = Sent {
            file,
            first_record,
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

    /// Says that the stack has reported completely up to an hour: with a delivery of nothing, after all others.
    async fn declare_complete(&self, through: &str) -> Result<(), Failure> {
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
        self.client.deliver_usage(&self.cloud_id, delivery).await?;
        Ok(())
    }
}

impl Imported {
    fn add(&mut self, sent: &Sent, delivered: DeliveryReceipt) {
        self.deliveries += 1;
        self.records += u64::from(sent.records);
        self.accepted += u64::from(delivered.accepted);
        self.duplicate += u64::from(delivered.duplicate);
        self.revised += u64::from(delivered.revised);
        self.quarantined += u64::from(delivered.quarantined);
        self.problems
            .extend(delivered.problems.into_iter().map(|problem| Problem {
                file: sent.file.to_string(),
                record: sent.first_record + u64::from(problem.index),
                code: problem.code,
                message: problem.message,
            }));
    }
}

fn report(imported: &Imported, printer: &Printer) -> Result<(), Failure> {
    for problem in imported.problems.iter().take(PROBLEMS_SHOWN_MAX) {
        let Problem {
            file,
            record,
            code,
            message,
        } = problem;
        printer.warning(&format!("{file}, record {record}: {message} [{code}]"));
    }
    let more = imported.problems.len().saturating_sub(PROBLEMS_SHOWN_MAX);
    if more > 0 {
        printer.warning(&format!("{} more in quarantine.", counted(more as u64, "record")));
    }
    printer.show(imported, || {
        let Imported {
            records,
            accepted,
            duplicate,
            revised,
            quarantined,
            ..
        } = imported;
        format!(
            "{}: {} accepted, {} duplicate, {} revised, {} quarantined",
            counted(*records, "record"),
            count(*accepted),
            count(*duplicate),
            count(*revised),
            count(*quarantined),
        )
    })?;
    if imported.quarantined > 0 {
        printer.hint("List what is in quarantine with `meterbridge usage quarantine`.");
    }
    Ok(())
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

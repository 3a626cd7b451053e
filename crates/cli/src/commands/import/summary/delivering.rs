//! A summary on its way: cut into deliveries in a thread of its own.

use std::sync::Arc;

use bytes::Bytes;
use client::Format;
use tokio::sync::mpsc;

use super::super::outcome::Imported;
use super::super::reading::{Piece, Places, Source};
use super::super::sending::{IN_FLIGHT_MAX, Sender, send_all};
use super::Examined;
use super::unusable::{Reached, unusable};
use crate::delivery_file::{DELIVERY_BYTES_MAX, Part};
use crate::failure::Failure;
use crate::printer::Progress;
use crate::usage_summary::{Item, Record};

/// Delivers the records of a file, `records_max` at a time.
///
/// # Errors
/// If a delivery does not arrive, or the file is no longer what it was.
pub(super) async fn deliver(
    file: &Examined,
    sender: &Arc<Sender>,
    records_max: u32,
    progress: &Progress,
    imported: &mut Imported,
) -> Result<(), Failure> {
    let (pieces, parts) = mpsc::channel(IN_FLIGHT_MAX);
    let (source, summary) = (file.source.clone(), Arc::clone(&file.summary));
    let reading = tokio::task::spawn_blocking(move || {
        let mut packer = Packer::new(&source, records_max, &pieces);
        let read = summary.read(|item| match item {
            Item::Record(record) => packer.add(&record),
            Item::Rejected(_) => true,
        });
        // After a fault too: what was read before it is good.
        packer.hand_over();
        read.map_err(|error| unusable(&source, &error, Reached::Deliveries))
    });
    let sent = send_all(sender, parts, progress, imported).await;
    let read = reading
        .await
        .unwrap_or_else(|error| Err(Failure::new("Reading ended.").because(error.to_string())));
    sent.and(read)
}

/// Puts records together until they make a delivery.
struct Packer<'a> {
    source: &'a Source,
    records_max: usize,
    pieces: &'a mpsc::Sender<Piece>,
    body: Vec<u8>,
    lines: Vec<u64>,
}

impl<'a> Packer<'a> {
    fn new(source: &'a Source, records_max: u32, pieces: &'a mpsc::Sender<Piece>) -> Self {
        Self {
            source,
            records_max: usize::try_from(records_max).unwrap_or(usize::MAX),
            pieces,
            body: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Takes a record. Tells whether more are wanted.
    fn add(&mut self, record: &Record) -> bool {
        let is_full = self.body.len() + record.delivered.len() > DELIVERY_BYTES_MAX;
        if is_full && !self.hand_over() {
            return false;
        }
        self.body.extend_from_slice(&record.delivered);
        self.body.push(b'\n');
        self.lines.push(record.line);
        self.lines.len() < self.records_max || self.hand_over()
    }

    fn hand_over(&mut self) -> bool {
        let lines = std::mem::take(&mut self.lines);
        let Ok(records @ 1..) = u32::try_from(lines.len()) else {
            return true;
        };
        let piece = Piece {
            source: self.source.clone(),
            places: Places::Lines(lines.into()),
            part: Part {
                body: Bytes::from(std::mem::take(&mut self.body)),
                format: Format::Ndjson,
                records,
            },
        };
        self.pieces.blocking_send(piece).is_ok()
    }
}

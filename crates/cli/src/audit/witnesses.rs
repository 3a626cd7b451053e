//! Receipts that somebody kept, read from files.

use std::fs;
use std::path::{Path, PathBuf};

use domain::ids::BatchId;
use serde::Deserialize;
use server::audit::{BatchCounts, Witness};
use wire::api::Receipt;

use crate::failure::Failure;

/// The forms in which receipts are kept: as the API lists them, a page with members beside them, or as commands do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Page { value: Vec<Receipt> },
    List(Vec<Receipt>),
    One(Box<Receipt>),
}

/// Reads all receipts of some files.
///
/// # Errors
/// If one cannot be read, or holds something else.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Witness>, Failure> {
    let mut witnesses = Vec::new();
    for file in files {
        let text = fs::read(file).map_err(|error| Failure::file(file, &error))?;
        // One document, or one in each line.
        for document in serde_json::Deserializer::from_slice(&text).into_iter::<Kept>() {
            let receipts = match document.map_err(|error| no_receipts(file, &error.to_string()))? {
                Kept::Page { value } => value,
                Kept::List(list) => list,
                Kept::One(receipt) => vec![*receipt],
            };
            for receipt in receipts {
                witnesses.push(witness(&receipt).ok_or_else(|| {
                    let sequence = receipt.sequence;
                    no_receipts(
                        file,
                        &format!("receipt {sequence} has an id or a digest that is none"),
                    )
                })?);
            }
        }
    }
    Ok(witnesses)
}

fn witness(receipt: &Receipt) -> Option<Witness> {
    let digest = |text: &str| blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes());
    Some(Witness {
        batch: receipt.batch_id.parse::<BatchId>().ok()?,
        sequence: receipt.sequence,
        digest: digest(&receipt.digest)?,
        counts: BatchCounts {
            received: receipt.received,
            accepted: receipt.accepted,
            duplicate: receipt.duplicate,
            revised: receipt.revised,
            quarantined: receipt.quarantined,
        },
        chain: digest(&receipt.chain)?,
    })
}

fn no_receipts(file: &Path, why: &str) -> Failure {
    Failure::new(format!("{} holds no receipts.", file.display()))
        .coded("InvalidReceipts")
        .because(why)
        .hint("`meterbridge stack receipts CLOUD-ID --output json > receipts.json` writes a file of them.")
}

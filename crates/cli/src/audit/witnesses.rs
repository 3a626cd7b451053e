//! Receipts that somebody kept, read from files.

use std::fs;
use std::path::{Path, PathBuf};

use domain::ids::BatchId;
use serde_json::Value;
use server::audit::{BatchCounts, Witness};
use wire::api::Receipt;

use crate::failure::Failure;

/// Reads all receipts of some files.
///
/// # Errors
/// If one cannot be read, or holds something else.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Witness>, Failure> {
    let mut witnesses = Vec::new();
    for file in files {
        let text = fs::read(file).map_err(|error| Failure::file(file, &error))?;
        let of_file = of_file(&text).map_err(|why| no_receipts(file, &why))?;
        // Nothing would be compared, and everything said to be as it was.
        if of_file.is_empty() {
            return Err(no_receipts(file, "there is none in it"));
        }
        witnesses.extend(of_file);
    }
    Ok(witnesses)
}

/// The receipts of a file: one document, or one in each line.
fn of_file(text: &[u8]) -> Result<Vec<Witness>, String> {
    let mut witnesses = Vec::new();
    for document in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        for receipt in receipts(document.map_err(|error| error.to_string())?)? {
            let number = witnesses.len() + 1;
            let receipt: Receipt = serde_json::from_value(receipt)
                .map_err(|error| format!("receipt {number} of it: {error}"))?;
            let sequence = receipt.sequence;
            let witness = witness(&receipt);
            witnesses.push(
                witness.ok_or_else(|| format!("receipt {sequence} has an id or a digest that is none"))?,
            );
        }
    }
    Ok(witnesses)
}

/// The receipts of a document: as the API lists them, a page with members beside them, or as commands do.
fn receipts(document: Value) -> Result<Vec<Value>, String> {
    match document {
        Value::Array(list) => Ok(list),
        Value::Object(mut members) => match members.remove("value") {
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err("its member `value` is no array".to_owned()),
            None if members.contains_key("batchId") => Ok(vec![Value::Object(members)]),
            None => Err("it is an object without `value` and without `batchId`".to_owned()),
        },
        _ => Err("it is neither an array nor an object".to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_receipts_is_not_taken_for_one_that_agrees() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("receipts.json");
        for (text, why) in [
            ("", "there is none in it"),
            ("[]", "there is none in it"),
            (r#"{"value": []}"#, "there is none in it"),
            ("{}", "without `value` and without `batchId`"),
            (r#"{"value": {}}"#, "`value` is no array"),
            ("7", "neither an array nor an object"),
            (r#"[{"sequence": 1}]"#, "receipt 1 of it: missing field"),
            ("{", "EOF"),
        ] {
            fs::write(&file, text).unwrap();
            let failure = read(std::slice::from_ref(&file)).unwrap_err();
            assert_eq!(failure.code(), "InvalidReceipts");
            let told = failure.causes().join("; ");
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}

//! Where chains ended once, read from what an earlier comparison or a backup said of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::ids::CloudId;
use serde::Deserialize;
use server::audit::{Heads, Link};

use crate::failure::Failure;

/// What `audit verify --output json` says, and the manifest of a backup, as far as it is about ends of chains.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Noted {
    journal: End,
    stacks: Vec<StackEnd>,
}

#[derive(Deserialize)]
struct End {
    sequence: u64,
    chain: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StackEnd {
    cloud_id: String,
    #[serde(flatten)]
    end: End,
}

/// Reads the ends of all chains that each file has.
///
/// # Errors
/// If one cannot be read, or holds something else.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Heads>, Failure> {
    files.iter().map(|file| noted(file)).collect()
}

fn noted(file: &Path) -> Result<Heads, Failure> {
    let text = fs::read(file).map_err(|error| Failure::file(file, &error))?;
    let Noted { journal, stacks } =
        serde_json::from_slice(&text).map_err(|error| no_heads(file, &error.to_string()))?;
    let stacks: Result<BTreeMap<CloudId, Link>, String> = stacks
        .iter()
        .map(|it| {
            let stack = it.cloud_id.parse::<CloudId>();
            let stack = stack.map_err(|_| format!("{:?} is no id of a stack", it.cloud_id))?;
            Ok((stack, link(&it.end)?))
        })
        .collect();
    let heads = link(&journal).and_then(|journal| {
        Ok(Heads {
            journal,
            stacks: stacks?,
        })
    });
    heads.map_err(|why| no_heads(file, &why))
}

fn link(end: &End) -> Result<Link, String> {
    let chain = blake3::Hash::from_hex(&end.chain);
    let chain = chain.map_err(|_| format!("{:?} is no chain value, which has 64 digits", end.chain))?;
    Ok(Link {
        sequence: end.sequence,
        chain: *chain.as_bytes(),
    })
}

fn no_heads(file: &Path, why: &str) -> Failure {
    Failure::new(format!("{} does not say where chains ended.", file.display()))
        .coded("InvalidHeads")
        .because(why)
        .hint(
            "`meterbridge audit verify --output json > heads.json` writes a file that does, unless they could not be read; the \
             manifest.json of a backup is one, too.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = "296f75a44fecdbe54a2de82e87df36d388b073c9bd478cab6024b2155a5ab5e8";
    const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

    fn of(text: &str) -> Result<Heads, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        noted(file.path())
    }

    #[test]
    fn ends_are_read_whatever_else_the_file_says() {
        let text = format!(
            r#"{{"holds":true,"journal":{{"sequence":7,"chain":"{CHAIN}"}},
                "stacks":[{{"cloudId":"{STACK}","sequence":3,"chain":"{CHAIN}"}}],"files":[]}}"#
        );
        let heads = of(&text).unwrap();
        assert_eq!(heads.journal.sequence, 7);
        assert_eq!(heads.stacks[&STACK.parse().unwrap()].sequence, 3);
    }

    #[test]
    fn a_file_that_says_nothing_of_ends_would_prove_nothing_and_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"journal":{"sequence":7,"chain":"29"},"stacks":[]}"#,
            &format!(r#"{{"journal":{{"sequence":7,"chain":"{CHAIN}"}}}}"#),
        ] {
            assert_eq!(of(text).unwrap_err().code(), "InvalidHeads", "{text}");
        }
    }
}

//! A data directory out of a backup, checked as a whole before it is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use app::App;
use app::environment::{Clock, Random};
use domain::ids::CloudId;
use domain::laws::{self, RecordCounts};
use domain::time::{Hour, HourInterval};
use serde::Serialize;
use store::backup::{DATABASES, Heads, Link};
use store::{Audit, Store, StoreConfig, StoreError};
use wire::catalog;

use super::contents::{self, STORE};
use super::manifest::{Head, Manifest, stacks};
use super::unfinished::Unfinished;
use super::verify::{difference, verify};
use super::{BackupError, Step, Watch};
use crate::house::OpenError;

/// What came of restoring a backup.
#[derive(Debug)]
pub struct Restored {
    /// What the backup said of itself.
    pub manifest: Manifest,
    /// What was checked. If anything in it has problems, the data directory was not made.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it was.
    pub what: &'static str,
    /// What was found there.
    pub found: String,
    /// Everything that is not as it should be, a sentence each.
    pub problems: Vec<String>,
}

impl Restored {
    /// Whether everything is as it was backed up, and sound.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.problems.is_empty())
    }
}

/// Makes a data directory of a backup, where nothing is or an empty folder. It is there only if every check of it holds:
/// digests, SQLite's own integrity check, the chains of journal and receipts against the manifest, and the audit of the
/// ledger. Blocks.
///
/// # Errors
/// [`BackupError`]; nothing was made then.
pub async fn restore(
    backup: &Path,
    data: &Path,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    watch: &mut Watch<'_>,
) -> Result<Restored, BackupError> {
    let made = Unfinished::make_for(data)?;
    let manifest = verify(backup, watch)?;
    copy(backup, made.path(), &manifest, watch)?;
    watch(Step::Begins {
        what: "checking the ledger",
        bytes: None,
    });
    let checks = checks(made.path(), &manifest, clock, random).await?;
    let restored = Restored { manifest, checks };
    if restored.is_sound() {
        made.finish()?;
    }
    Ok(restored)
}

/// Copies what was verified, and looks once more at what it copies.
fn copy(backup: &Path, to: &Path, manifest: &Manifest, watch: &mut Watch<'_>) -> Result<(), BackupError> {
    watch(Step::Begins {
        what: "copying",
        bytes: Some(manifest.bytes()),
    });
    contents::make_folder(&to.join(STORE))?;
    for file in &manifest.files {
        let copied = contents::copy(backup, to, &file.path, watch)?;
        if let Some(changed) = difference(file, copied) {
            return Err(BackupError::Damaged(vec![changed]));
        }
    }
    Ok(())
}

async fn checks(
    data: &Path,
    manifest: &Manifest,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Vec<Check>, BackupError> {
    let directory = data.join(STORE);
    let files = manifest.files.len();
    let mut checks = vec![Check {
        what: "files",
        found: format!(
            "{}, {}",
            counted(files as u64, "file"),
            counted(manifest.bytes(), "byte")
        ),
        problems: Vec::new(),
    }];
    let integrity = integrity(&directory)?;
    let readable = integrity.problems.is_empty();
    checks.push(integrity);
    // What cannot be relied on is not asked any further.
    if !readable {
        return Ok(checks);
    }
    let heads = store::backup::heads(&directory)?;
    let store = store::open(&StoreConfig::Sqlite { directory })?;
    let catalog = catalog::meters().map_err(OpenError::from)?;
    let app = App::open(store.clone(), catalog, clock, random).await;
    let loaded = app.as_ref().err().map(ToString::to_string);
    checks.push(journal(manifest, &heads, loaded));
    let audited = audit(&store).await;
    checks.push(receipts(manifest, &heads));
    checks.push(ledger(audited)?);
    if let Ok(app) = app {
        checks.push(books_and_usage(&app, delivered(&heads.stacks).count()).await?);
    }
    Ok(checks)
}

fn integrity(directory: &Path) -> Result<Check, StoreError> {
    let mut problems = Vec::new();
    for name in DATABASES {
        let findings = store::backup::findings(&directory.join(name))?;
        problems.extend(findings.iter().map(|it| format!("{STORE}/{name}: {it}")));
    }
    Ok(Check {
        what: "databases",
        found: DATABASES.join(", "),
        problems,
    })
}

/// Whoever could load the books has followed the chain from the first entry to the last.
fn journal(manifest: &Manifest, heads: &Heads, not_loaded: Option<String>) -> Check {
    let found = Head::from(heads.journal);
    let mut problems: Vec<String> = not_loaded.into_iter().collect();
    if found != manifest.journal {
        problems.push(other_end("the journal", Some(&manifest.journal), Some(&found)));
    }
    Check {
        what: "journal",
        found: match found.sequence {
            1 => "1 entry".to_owned(),
            several => format!("{several} entries"),
        },
        problems,
    }
}

fn receipts(manifest: &Manifest, heads: &Heads) -> Check {
    let found = stacks(heads);
    let mut problems = Vec::new();
    for expected in &manifest.stacks {
        let here = found.iter().find(|it| it.cloud_id == expected.cloud_id);
        if here != Some(expected) {
            let chain = format!("the receipts of stack {}", expected.cloud_id);
            let here = here.map(|it| &it.receipt);
            problems.push(other_end(&chain, Some(&expected.receipt), here));
        }
    }
    for here in &found {
        if !manifest.stacks.iter().any(|it| it.cloud_id == here.cloud_id) {
            let chain = format!("the receipts of stack {}", here.cloud_id);
            problems.push(other_end(&chain, None, Some(&here.receipt)));
        }
    }
    // A chain without gaps has as many receipts as its last number says; a gap is told by the audit of the ledger.
    let receipts: u64 = delivered(&heads.stacks).map(|it| it.sequence).sum();
    let stacks = delivered(&heads.stacks).count();
    Check {
        what: "receipts",
        found: format!(
            "{} of {}",
            counted(receipts, "receipt"),
            counted(stacks as u64, "stack")
        ),
        problems,
    }
}

/// The ends of those chains that have a receipt: a stack may be known of which nothing was taken in.
fn delivered(stacks: &BTreeMap<CloudId, Link>) -> impl Iterator<Item = &Link> {
    stacks.values().filter(|it| it.sequence > 0)
}

/// A count of things, of which one is a `thing` and several are `things`.
fn counted(number: u64, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{end}")
}

fn other_end(chain: &str, expected: Option<&Head>, found: Option<&Head>) -> String {
    let end = |head: Option<&Head>| match head {
        Some(Head { sequence, chain }) => format!("at number {sequence} with chain value {chain}"),
        None => "nowhere".to_owned(),
    };
    format!(
        "{chain} end {}, and in the manifest {}",
        end(found),
        end(expected)
    )
}

/// The ledger compared with itself. No usage is asked for.
async fn audit(store: &Store) -> Result<Audit, StoreError> {
    let last_hour = HourInterval::from(Hour::MAX);
    store.usage.audit(last_hour, Box::new(|_| Vec::new())).await
}

fn ledger(audited: Result<Audit, StoreError>) -> Result<Check, StoreError> {
    let what = "ledger";
    let Audit {
        mut problems, counts, ..
    } = match audited {
        Err(StoreError::Corrupt { detail }) => {
            return Ok(Check {
                what,
                found: "it cannot be read".to_owned(),
                problems: vec![detail],
            });
        }
        audited => audited?,
    };
    let lost = laws::no_record_lost(RecordCounts {
        received: counts.received,
        counted: counts.counted,
        superseded: counts.superseded,
        duplicate: counts.duplicate,
        quarantined: counts.quarantined,
    });
    problems.extend(lost.err().map(|violation| violation.to_string()));
    Ok(Check {
        what,
        found: format!(
            "{} received: {} counted, {} superseded, {} duplicate, {} quarantined",
            counted(counts.received, "record"),
            counts.counted,
            counts.superseded,
            counts.duplicate,
            counts.quarantined
        ),
        problems,
    })
}

async fn books_and_usage(app: &App, stacks: usize) -> Result<Check, BackupError> {
    let unknown = app.stacks_unknown_to_the_books().await.map_err(OpenError::from)?;
    let unknown = unknown.iter();
    Ok(Check {
        what: "books and usage",
        found: format!("{} with receipts", counted(stacks as u64, "stack")),
        problems: unknown
            .map(|stack| format!("stack {stack} has usage, and the books know no registration of it"))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use domain::ids::BatchId;
    use domain::time::Timestamp;
    use store::{Batch, ReportedWindow};

    use super::super::manifest::{DIGEST_FILE, FILE, StackHead};
    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl Random for Still {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    /// The backup of a store in which a stack, of which the books know nothing, has delivered without any records.
    async fn backup(folder: &Path) -> Manifest {
        let data = folder.join("data");
        let directory = data.join(STORE);
        let store = store::open(&StoreConfig::Sqlite { directory }).unwrap();
        let batch = Batch {
            id: BatchId::from_bytes([1; 16]),
            stack: CloudId::from_bytes([2; 16]),
            received_at: Timestamp::UNIX_EPOCH,
            window: ReportedWindow {
                start: Hour::MIN,
                end: None,
                through: None,
            },
            idempotency_key: None,
            known_receipts: &[],
            digest: [3; 32],
            records: &[],
            quarantined: &[],
            raw: &|_| String::new(),
        };
        store.usage.append(batch).await.unwrap();
        let to = folder.join("backup");
        let store = crate::house::embedded_store(&data);
        super::super::make(&data, &store, &to, true, Timestamp::UNIX_EPOCH, &mut |_| ()).unwrap()
    }

    async fn problems(folder: &Path) -> Vec<(&'static str, Vec<String>)> {
        let (from, data) = (folder.join("backup"), folder.join("restored"));
        let restored = restore(&from, &data, Arc::new(Still), Arc::new(Still), &mut |_| ()).await;
        let restored = restored.unwrap();
        assert!(!restored.is_sound());
        let mut left: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["backup", "data"],
            "what is not sound is not left to be served"
        );
        let checks = restored.checks.into_iter();
        checks
            .filter(|check| !check.problems.is_empty())
            .map(|check| (check.what, check.problems))
            .collect()
    }

    #[tokio::test]
    async fn books_and_usage_that_do_not_belong_together_are_not_restored() {
        let folder = tempfile::tempdir().unwrap();
        backup(folder.path()).await;
        let [(what, told)] = problems(folder.path()).await.try_into().unwrap();
        assert_eq!(what, "books and usage");
        assert!(
            told[0].starts_with("stack 02020202-0202-0202-0202-020202020202 has usage"),
            "{told:?}"
        );
    }

    #[test]
    fn receipts_of_a_restored_store_would_be_taken_for_stacks() {
        let of = |numbers: &[u64]| {
            let stacks = (1..).zip(numbers).map(|(stack, sequence)| {
                let link = Link {
                    sequence: *sequence,
                    ..Link::default()
                };
                (CloudId::from_bytes([stack; 16]), link)
            });
            let heads = Heads {
                stacks: stacks.collect(),
                ..Heads::default()
            };
            let manifest = Manifest::new(Timestamp::UNIX_EPOCH, true, &heads, Vec::new());
            let Check { found, problems, .. } = receipts(&manifest, &heads);
            assert_eq!(problems, [""; 0]);
            found
        };
        assert_eq!(of(&[135]), "135 receipts of 1 stack");
        assert_eq!(of(&[135, 0, 1]), "136 receipts of 2 stacks");
        assert_eq!(of(&[1]), "1 receipt of 1 stack");
        assert_eq!(of(&[]), "0 receipts of 0 stacks");
    }

    #[tokio::test]
    async fn a_store_whose_chains_end_elsewhere_than_the_manifest_says_is_not_restored() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = backup(folder.path()).await;
        let to = folder.path().join("backup");
        manifest.journal.sequence = 4;
        manifest.stacks[0].receipt.chain = "00".repeat(32);
        manifest.stacks.push(StackHead {
            cloud_id: "09090909-0909-0909-0909-090909090909".to_owned(),
            receipt: manifest.journal.clone(),
        });
        for name in [FILE, DIGEST_FILE] {
            fs::remove_file(to.join(name)).unwrap();
        }
        manifest.write(&to).unwrap();
        let problems = problems(folder.path()).await;
        let told = |what: &str| -> &[String] { &problems.iter().find(|it| it.0 == what).unwrap().1 };
        assert!(
            told("journal")[0].contains("in the manifest at number 4"),
            "{problems:?}"
        );
        let [other, missing] = told("receipts") else {
            panic!("{problems:?}");
        };
        assert!(other.contains("02020202-"), "{other}");
        assert!(
            missing.contains("09090909-") && missing.contains("end nowhere"),
            "{missing}"
        );
    }
}

//! Copying a whole memory into another one, of the same back end or the other: a server moves, and behaves as before.
//!
//! The copy is of one moment. An embedded store is locked against everybody else; of a database of PostgreSQL, which
//! others may have open, everything is read in one snapshot, and in the end it is looked at again: if anybody has written
//! meanwhile, the copy is not called good.
//!
//! Every table is brought in the order of its keys, a page in each transaction, with its numbers as they are. Before
//! anything else the target gets a mark, with which nobody opens it; it goes away when all is done. So a copy can be cut
//! off at any point and done again: what is there already is read and not written again, and what the source has changed
//! since is brought again. What is never changed must be there as it is in the source, or the target is the copy of
//! another one.
//!
//! Then both are read side by side and compared record by record, in a form that is the same on all back ends, and the
//! laws are checked on the target: the chains, the totals, what counts, and that no record was lost.
//!
//! Sign-ins are copied too. A backup leaves them out because somebody may sign out after it was made; nobody does so at a
//! server that is stopped.

mod carry;
mod compare;
mod mark;
mod record;
mod rows;
mod sayings;
mod sheets;
mod tables;

use std::fmt;

use self::compare::Differences;
pub(crate) use self::mark::refuse_unfinished;
use self::record::Record;
use self::tables::Table;
use crate::error::StoreError;
use crate::transaction::{Role, Transaction, Whole};
use crate::{StoreConfig, journal, ledger, postgres, sqlite};

/// Entries of the journal whose chain is checked at one time.
const ENTRIES_PAGE: usize = 1000;

/// Why there is no copy, or none that is good.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Source and target are one.
    #[error("the source and the target are the same")]
    SameStore,
    /// Nothing was ever kept there.
    #[error("there is no store where it should be copied from")]
    NoStore,
    /// There is something in the target that is no unfinished copy.
    #[error("the target is not empty: there is something in its table `{table}`")]
    NotEmpty {
        /// Where.
        table: &'static str,
    },
    /// The target is an unfinished copy of another source.
    #[error(
        "the target is the unfinished copy of another store: {record} is not in the source, or not as it is there"
    )]
    OfAnother {
        /// What it has.
        record: String,
    },
    /// The target is not what the source is.
    #[error("the copy differs from the source in {count} records")]
    Different {
        /// The first of the differences, each with its table and key.
        first: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// The copy is what the source is, and that contradicts itself.
    #[error("the copy is what the source is, and the source contradicts itself")]
    Unsound(
        /// How, a sentence each.
        Vec<String>,
    ),
    /// Somebody has written to the source while it was copied: the books, usage, or sign-ins.
    #[error(
        "the source was written to while it was copied: {entries} entries of the journal and {deliveries} deliveries more, \
         or a sign-in"
    )]
    Moved {
        /// Entries of the journal that came meanwhile.
        entries: u64,
        /// Deliveries that came meanwhile.
        deliveries: u64,
    },
    /// The source failed.
    #[error("the source: {0}")]
    Source(StoreError),
    /// The target failed.
    #[error("the target: {0}")]
    Target(StoreError),
    /// What copies has ended before its end.
    #[error("copying was cut off")]
    CutOff,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// Something begins.
    Begins {
        /// What is done now.
        what: &'static str,
        /// How many rows there are to do, where that is known.
        rows: Option<u64>,
    },
    /// So many more rows are done.
    Done(u64),
}

/// A copy that is good.
#[derive(Debug, Clone)]
pub struct Copied {
    /// What was compared, table by table.
    pub tables: Vec<CopiedTable>,
    /// How many records of usage count.
    pub records: u64,
    /// Why the database of the target could not look at how much there is, if it could not: until it does so by itself, it
    /// may answer slowly.
    pub not_looked_over: Option<StoreError>,
}

/// A table of a copy. Its digests are of all its records, in a form that is the same on all back ends and in this
/// version of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// What the databases call it.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The digest of what is in the source.
    pub in_source: Digest,
    /// The digest of what is in the target.
    pub in_target: Digest,
}

impl Copied {
    /// The digest of all that is in the source.
    #[must_use]
    pub fn in_source(&self) -> Digest {
        Digest::of_all(self.tables.iter().map(|table| &table.in_source))
    }

    /// The digest of all that is in the target.
    #[must_use]
    pub fn in_target(&self) -> Digest {
        Digest::of_all(self.tables.iter().map(|table| &table.in_target))
    }
}

/// BLAKE3 of what was read. As a text, 64 digits of base 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    fn of(read: &blake3::Hasher) -> Self {
        Self(*read.finalize().as_bytes())
    }

    fn of_all<'d>(tables: impl Iterator<Item = &'d Self>) -> Self {
        let mut all = blake3::Hasher::new();
        tables.for_each(|digest| {
            all.update(&digest.0);
        });
        Self::of(&all)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Who is told how far it is.
type Watch<'w> = &'w mut (dyn FnMut(CopyStep) + Send);

/// Copies everything from one memory to another, which is empty or a copy of it that was cut off, and verifies it. Blocks.
///
/// # Errors
/// [`CopyError`]. Whatever has come of it, it can be done again, and goes on where it ended.
///
/// # Panics
/// If `watch` does.
pub fn copy(from: &StoreConfig, to: &StoreConfig, watch: Watch<'_>) -> Result<Copied, CopyError> {
    // On a thread of its own: connections to PostgreSQL are driven by the thread that uses them.
    let ended = std::thread::scope(|scope| scope.spawn(|| copy_here(from, to, watch)).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn copy_here(from: &StoreConfig, to: &StoreConfig, watch: Watch<'_>) -> Result<Copied, CopyError> {
    if are_one(from, to) {
        return Err(CopyError::SameStore);
    }
    if !is_there(from).map_err(CopyError::Source)? {
        return Err(CopyError::NoStore);
    }
    let mut source = open(from, Role::Source).map_err(CopyError::Source)?;
    let mut target = open(to, Role::Target).map_err(CopyError::Target)?;
    begin(&mut *target, &from.to_string())?;
    let (mut copied, moment) = reading(&mut *source, CopyError::Source, |source| {
        let moment = Moment::read(source).map_err(CopyError::Source)?;
        carry(source, &mut *target, watch)?;
        Ok((verify(source, &mut *target, watch)?, moment))
    })?;
    let now = reading(&mut *source, CopyError::Source, |source| {
        Moment::read(source).map_err(CopyError::Source)
    })?;
    moment.is_still(&now)?;
    target.write(&mut mark::remove).map_err(CopyError::Target)?;
    watch(CopyStep::Begins {
        what: "gathering statistics",
        rows: None,
    });
    copied.not_looked_over = target.look_over().err();
    Ok(copied)
}

/// Whether they are one memory, by whatever path a directory is named.
fn are_one(from: &StoreConfig, to: &StoreConfig) -> bool {
    let (StoreConfig::Sqlite { directory: one }, StoreConfig::Sqlite { directory: other }) = (from, to)
    else {
        return from == to;
    };
    // What is not there yet is no other one that is.
    let real = one.canonicalize().ok().zip(other.canonicalize().ok());
    one == other || real.is_some_and(|(one, other)| one == other)
}

/// Whether anything was ever kept there.
fn is_there(config: &StoreConfig) -> Result<bool, StoreError> {
    match config {
        StoreConfig::Sqlite { directory } => sqlite::is_there(directory),
        StoreConfig::Postgres(config) => postgres::is_there(config),
    }
}

fn open(config: &StoreConfig, role: Role) -> Result<Box<dyn Whole>, StoreError> {
    Ok(match config {
        StoreConfig::Sqlite { directory } => Box::new(sqlite::open_whole(directory, role)?),
        StoreConfig::Postgres(config) => Box::new(postgres::open_whole(config, role)?),
    })
}

/// Reads one state of a memory.
fn reading<T>(
    memory: &mut dyn Whole,
    failed: fn(StoreError) -> CopyError,
    read: impl FnOnce(&dyn Transaction) -> Result<T, CopyError>,
) -> Result<T, CopyError> {
    let (mut read, mut answer) = (Some(read), None);
    memory
        .read(&mut |transaction| {
            answer = read.take().map(|read| read(transaction));
            Ok(())
        })
        .map_err(failed)?;
    answer.unwrap_or(Err(CopyError::CutOff))
}

/// Puts the mark.
fn begin(target: &mut dyn Whole, of: &str) -> Result<(), CopyError> {
    let mut not_empty = None;
    target
        .write(&mut |transaction| {
            not_empty = mark::put(transaction, of)?;
            Ok(())
        })
        .map_err(CopyError::Target)?;
    not_empty.map_or(Ok(()), |table| Err(CopyError::NotEmpty { table }))
}

fn carry(source: &dyn Transaction, target: &mut dyn Whole, watch: Watch<'_>) -> Result<(), CopyError> {
    let rows = tables::all()
        .map(|table| table.count(source))
        .sum::<Result<u64, _>>();
    watch(CopyStep::Begins {
        what: "copying",
        rows: Some(rows.map_err(CopyError::Source)?),
    });
    for table in tables::all() {
        carry::carry(table, source, target, &mut |rows| watch(CopyStep::Done(rows)))?;
    }
    // The counters of the target have to go on after the last of the numbers that were brought.
    target
        .write(&mut |transaction| transaction.settle())
        .map_err(CopyError::Target)
}

/// Compares both record by record, and checks the laws on the target.
fn verify(source: &dyn Transaction, target: &mut dyn Whole, watch: Watch<'_>) -> Result<Copied, CopyError> {
    reading(target, CopyError::Target, |target| {
        let rows = tables::all()
            .map(|table| table.count(source))
            .sum::<Result<u64, _>>();
        watch(CopyStep::Begins {
            what: "comparing",
            rows: Some(rows.map_err(CopyError::Source)?),
        });
        let mut differences = Differences::default();
        let tables = tables::all()
            .map(|table| {
                let done = &mut |rows| watch(CopyStep::Done(rows));
                compare::compare(table, source, target, &mut differences, done)
            })
            .collect::<Result<_, _>>()?;
        let Differences { first, count } = differences;
        if count > 0 {
            return Err(CopyError::Different { first, count });
        }
        watch(CopyStep::Begins {
            what: "checking the laws",
            rows: None,
        });
        let records = check_laws(target)?;
        Ok(Copied {
            tables,
            records,
            not_looked_over: None,
        })
    })
}

/// Checks a memory against itself. Returns how many records of usage count.
fn check_laws(target: &dyn Transaction) -> Result<u64, CopyError> {
    let mut last = 0;
    loop {
        let page = journal::read_after(target, last, ENTRIES_PAGE);
        let page = page.map_err(unsound)?;
        let Some(entry) = page.last() else { break };
        last = entry.sequence;
    }
    let (mut findings, counts) = ledger::laws(target).map_err(unsound)?;
    if !counts.add_up() {
        findings.push(format!(
            "not every record received has become something: {counts:?}"
        ));
    }
    if findings.is_empty() {
        Ok(counts.counted)
    } else {
        Err(CopyError::Unsound(findings))
    }
}

/// What a contradiction within a copy means that is what its source is.
fn unsound(error: StoreError) -> CopyError {
    match error {
        StoreError::Corrupt { detail } => CopyError::Unsound(vec![detail]),
        other => CopyError::Target(other),
    }
}

/// A record of a table, in words.
fn named(table: &'static dyn Table, record: &Record) -> String {
    format!("`{}` {record}", table.name())
}

/// The tables of which one is changed whenever anything is written, beside the journal.
const CHANGED_WITH_ALL: [&str; 3] = ["stack", "session", "operator_seen"];

/// By which a state of a memory is told from all others.
#[derive(Debug, PartialEq, Eq)]
struct Moment {
    entries: u64,
    deliveries: u64,
    /// Records released from quarantine or purged: a purge changes nothing else here, and was entered before.
    acted_on: u64,
    digests: Vec<Digest>,
}

impl Moment {
    fn read(transaction: &dyn Transaction) -> Result<Self, StoreError> {
        let entries = "SELECT coalesce(max(sequence), 0) FROM entry";
        let deliveries = "SELECT CAST(coalesce(sum(sequence), 0) AS bigint) FROM stack";
        let acted_on = "SELECT count(*) FROM quarantine WHERE act IS NOT NULL";
        Ok(Self {
            entries: transaction.the_row(entries, &[], |row| row.get(0))?,
            deliveries: transaction.the_row(deliveries, &[], |row| row.get(0))?,
            acted_on: transaction.the_row(acted_on, &[], |row| row.get(0))?,
            digests: tables::named(&CHANGED_WITH_ALL)
                .map(|table| compare::digest(table, transaction))
                .collect::<Result<_, _>>()?,
        })
    }

    fn is_still(&self, now: &Self) -> Result<(), CopyError> {
        if self == now {
            return Ok(());
        }
        Err(CopyError::Moved {
            entries: now.entries.saturating_sub(self.entries),
            deliveries: now.deliveries.saturating_sub(self.deliveries),
        })
    }
}

//! The batches whose sayings are being read.

use std::collections::{BTreeSet, HashMap};

use domain::quantity::Quantity;
use domain::time::{Day, Hour, Timestamp};
use domain::usage::Granularity;

use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::check::names;
use crate::ledger::ids::{BatchRow, SeriesKey};
use crate::ledger::kept::KeptSayings;
use crate::ledger::late;
use crate::ledger::observations::{Between, Key};
use crate::ledger::receipts;
use crate::receipt::Kept;
use crate::transaction::{Columns, Transaction, values};

/// Batches read at one time.
const BATCHES_PAGE: usize = 1000;

/// What a batch's row says of its sayings.
struct Said {
    batch: BatchRow,
    reported: Hour,
    accepted: u64,
    duplicate: u64,
    revised: u64,
    quarantined: u64,
    kept: Option<Kept>,
    revised_not_counting: Option<u32>,
    idempotency_key: Option<String>,
    /// What it says about days before this one was late; nothing if that was not written down, or nobody can read when it came.
    late_before: Option<Day>,
}

macro_rules! said_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, reported_start, accepted, duplicate, revised, quarantined, kept, kept_digest, idempotency_key,
             revised_not_counting, late_days, received_at FROM batch WHERE ",
            $condition
        )
    };
}

impl Said {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            batch: row.get(0)?,
            reported: row.get(1)?,
            accepted: row.get(2)?,
            duplicate: row.get(3)?,
            revised: row.get(4)?,
            quarantined: row.get(5)?,
            kept: receipts::kept(row, 6)?,
            idempotency_key: row.optional(8)?,
            revised_not_counting: row.optional(9)?,
            late_before: match row.optional::<u64>(10)? {
                // One that cannot be read is told with the receipts.
                Some(_) => row.get::<Timestamp>(11).ok().map(late::before),
                None => None,
            },
        })
    }
}

/// What was read of a batch so far.
enum OfBatch {
    /// It is not there.
    Unknown,
    /// It says how many sayings are kept of it, and what they are.
    Open(Box<Open>),
    /// All of them were read; further ones are too many.
    Closed { reported: Hour, extra: u64 },
    /// It was stored before batches said that.
    Counted { reported: Hour, count: u64 },
}

struct Open {
    said: Said,
    kept: Kept,
    read: SayingsRead,
    first: Hour,
    last: Hour,
}

/// The sayings of a batch, as far as they were read.
#[derive(Default)]
struct SayingsRead {
    sayings: KeptSayings,
    /// Of the revisions among them.
    not_counting: Between,
}

#[derive(Default)]
pub(super) struct Batches {
    met: HashMap<BatchRow, OfBatch>,
    /// [`Said::late_before`] of these.
    late_before: HashMap<BatchRow, Day>,
    /// Those that may be complete.
    complete: Vec<BatchRow>,
    unknown: Vec<BatchRow>,
}

impl Batches {
    /// Looks up those that were not met before.
    pub(super) fn meet(
        &mut self,
        transaction: &dyn Transaction,
        batches: impl Iterator<Item = BatchRow>,
    ) -> Result<(), StoreError> {
        let mut last = None;
        let mut new = BTreeSet::new();
        for batch in batches {
            if last != Some(batch) && !self.met.contains_key(&batch) {
                new.insert(batch);
            }
            last = Some(batch);
        }
        let asked: Vec<_> = new.iter().map(|batch| values![*batch]).collect();
        let mut found: Vec<Option<Said>> = new.iter().map(|_| None).collect();
        transaction.each(said_where!("id = ?1"), &asked, &mut |place, row| {
            // One that cannot be read is told with the receipts.
            found[place] = Said::from_row(row).ok();
            Ok(())
        })?;
        for (batch, said) in new.into_iter().zip(found) {
            let of_batch = match said {
                None => {
                    self.unknown.push(batch);
                    OfBatch::Unknown
                }
                Some(said) => {
                    self.late_before
                        .extend(said.late_before.map(|before| (batch, before)));
                    OfBatch::new(said)
                }
            };
            self.met.insert(batch, of_batch);
        }
        Ok(())
    }

    /// The reported time of a batch, if it is there.
    pub(super) fn reported(&self, batch: BatchRow) -> Option<Hour> {
        match self.met.get(&batch)? {
            OfBatch::Unknown => None,
            OfBatch::Open(open) => Some(open.said.reported),
            OfBatch::Closed { reported, .. } | OfBatch::Counted { reported, .. } => Some(*reported),
        }
    }

    /// Before which day what a batch says was late, if that was written down.
    pub(super) fn late_before(&self, batch: BatchRow) -> Option<Day> {
        self.late_before.get(&batch).copied()
    }

    /// Takes in a saying of a batch that was met.
    pub(super) fn say(
        &mut self,
        batch: BatchRow,
        key: Key,
        of: SeriesKey,
        granularity: Granularity,
        quantity: Quantity,
    ) {
        match self.met.get_mut(&batch) {
            None | Some(OfBatch::Unknown) => {}
            Some(OfBatch::Closed { extra, .. }) => *extra += 1,
            Some(OfBatch::Counted { count, .. }) => *count += 1,
            Some(OfBatch::Open(open)) => {
                let sayings = &mut open.read.sayings;
                if sayings.count() == 0 {
                    open.first = key.1;
                }
                open.last = key.1;
                sayings.add(key, &of, granularity, quantity);
                if sayings.count() == open.kept.sayings {
                    self.complete.push(batch);
                }
            }
        }
    }

    /// Takes in that so many revisions of a batch that was met did not count.
    pub(super) fn not_counting(&mut self, batch: BatchRow, revisions: Between) {
        if let Some(OfBatch::Open(open)) = self.met.get_mut(&batch) {
            let Between { least, most } = &mut open.read.not_counting;
            *least = least.saturating_add(revisions.least);
            *most = most.saturating_add(revisions.most);
        }
    }

    /// Compares the batches of which everything was read, and tells which are not there.
    pub(super) fn settle(
        &mut self,
        transaction: &dyn Transaction,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        for batch in std::mem::take(&mut self.unknown) {
            let at = names::of_batch(transaction, batch)?;
            checked.add(Finding::new(Difference::UnknownBatch, at));
        }
        for batch in std::mem::take(&mut self.complete) {
            let Some(of_batch) = self.met.get_mut(&batch) else {
                continue;
            };
            // One with more than it should have stays open, and is told at the end.
            let complete = |open: &Open| open.read.sayings.count() == open.kept.sayings;
            if !matches!(of_batch, OfBatch::Open(open) if complete(open)) {
                continue;
            }
            let reported = match of_batch {
                OfBatch::Open(open) => open.said.reported,
                _ => continue,
            };
            if let OfBatch::Open(open) = std::mem::replace(of_batch, OfBatch::Closed { reported, extra: 0 }) {
                let Open {
                    said,
                    kept,
                    read,
                    first,
                    last,
                } = *open;
                compare(transaction, &said, kept, read, Some((first, last)), checked)?;
            }
        }
        Ok(())
    }

    /// Looks at all batches: of some nothing was read, of others not everything, or too much.
    pub(super) fn end(
        mut self,
        transaction: &dyn Transaction,
        checked: &mut Checked,
        watch: Watch<'_>,
    ) -> Result<(), StoreError> {
        read_all(
            BATCHES_PAGE,
            |after, limit| {
                let after = after.copied().unwrap_or(BatchRow(0));
                let sql = said_where!("id > ?1 ORDER BY id LIMIT ?2");
                transaction.rows(sql, &values![after, limit], Said::from_row)
            },
            |after| {
                let after = after.copied().unwrap_or(BatchRow(0));
                let sql = "SELECT id FROM batch WHERE id > ?1 ORDER BY id LIMIT 1";
                transaction.row(sql, &values![after], |row| row.get(0))
            },
            |said: &Said| said.batch,
            |read| {
                // One that cannot be read is told with the receipts.
                let Read::Rows(page) = read else { return Ok(()) };
                watch(AuditStep::Done(page.len() as u64));
                page.iter()
                    .try_for_each(|said| self.end_of(transaction, said, checked))
            },
        )
    }

    fn end_of(
        &mut self,
        transaction: &dyn Transaction,
        said: &Said,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        checked.examined += 1;
        let count = match self.met.remove(&said.batch) {
            None | Some(OfBatch::Unknown) => 0,
            Some(OfBatch::Open(open)) => u64::from(open.read.sayings.count()),
            Some(OfBatch::Closed { extra: 0, .. }) => return Ok(()),
            Some(OfBatch::Closed { extra, .. }) => {
                extra + said.kept.map_or(0, |kept| u64::from(kept.sayings))
            }
            Some(OfBatch::Counted { count, .. }) => count,
        };
        let least = said.accepted + said.revised;
        let expected = match said.kept {
            Some(kept) if u64::from(kept.sayings) == count => {
                return compare(transaction, said, kept, SayingsRead::default(), None, checked);
            }
            Some(kept) => kept.sayings.to_string(),
            None => {
                checked.not_covered += 1;
                if (least..=least + said.duplicate).contains(&count) {
                    return Ok(());
                }
                format!("{least} to {}", least + said.duplicate)
            }
        };
        let at = names::of_batch(transaction, said.batch)?;
        let finding = Finding::new(Difference::BatchRecords, at);
        checked.add(finding.but(expected, count));
        Ok(())
    }
}

impl OfBatch {
    fn new(said: Said) -> Self {
        let Some(kept) = said.kept else {
            return Self::Counted {
                reported: said.reported,
                count: 0,
            };
        };
        let (first, last) = (said.reported, said.reported);
        Self::Open(Box::new(Open {
            said,
            kept,
            read: SayingsRead::default(),
            first,
            last,
        }))
    }
}

/// Compares what was read of a batch, with its key and its texts in quarantine, with what it says is kept.
fn compare(
    transaction: &dyn Transaction,
    said: &Said,
    kept: Kept,
    read: SayingsRead,
    hours: Option<(Hour, Hour)>,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let mut texts: Vec<(u32, [u8; 32])> = Vec::new();
    if said.quarantined > 0 {
        let sql = "SELECT place, raw_digest FROM quarantine WHERE batch = ?1 ORDER BY place";
        texts = transaction.rows(sql, &values![said.batch], |row| {
            Ok((row.get(0)?, row.optional(1)?.unwrap_or_default()))
        })?;
    }
    let SayingsRead {
        sayings,
        not_counting: Between { least, most },
    } = read;
    let found = sayings.finish(said.idempotency_key.as_deref(), texts.into_iter());
    let at = || {
        Ok::<_, StoreError>(FoundAt {
            hour: hours.map(|(first, _)| first),
            last_hour: hours.filter(|(first, last)| first != last).map(|(_, last)| last),
            ..names::of_batch(transaction, said.batch)?
        })
    };
    if found.digest != kept.digest {
        let [expected, found] = [kept.digest, found.digest].map(hex::encode);
        checked.add(Finding::new(Difference::BatchContent, at()?).but(expected, found));
    }
    // What was stored before receipts told it has nothing to compare with.
    if let Some(told) = said.revised_not_counting
        && !(least..=most).contains(&told)
    {
        let found = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        checked.add(Finding::new(Difference::RevisedNotCounting, at()?).but(told, found));
    }
    Ok(())
}

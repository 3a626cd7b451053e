//! What is done with records that could not be counted: they are listed, released once they can be, and purged by name.
//!
//! Both are acts of the platform's operators *(ours)*: what is released is charged to somebody, at an hour that nobody
//! looked at any more. They are entered in the books first, so that nothing is done that nobody answers for.

use std::collections::BTreeMap;

use domain::books::Entry;
use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::quarantine::{Positions, QuarantineAct, QuarantineActKind, RECORDS_PER_ACT_MAX, Reason};
use domain::time::{Hour, Timestamp};
use domain::timeline::Recorded;
use domain::usage::{QuarantineCode, UsageRecord, latest_hour};
use store::{
    ActOutcome, Purged, QuarantineCount, QuarantineFilter, QuarantineState, QuarantinedRecord, RefusedAgain,
    Release, Released, ReleasedBatch, ReleasedRecord,
};

use crate::access::{Caller, Right, view_of};
use crate::error::not_stored;
use crate::me::name_of;
use crate::{App, Error, Kind};

/// Which records something is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those at these positions.
    At(Positions),
    /// Those that wait and fit a filter.
    Fitting {
        /// The filter.
        filter: QuarantineFilter,
        /// How many there are. Without it nothing is done, and only told what would be.
        expected: Option<u64>,
    },
}

/// A release that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsked {
    /// Which records.
    pub records: Selection,
    /// Texts that records are read from instead of their own, by position.
    pub mended: BTreeMap<u64, String>,
    /// Why.
    pub reason: Reason,
    /// Whether only to tell what would come of it.
    pub dry_run: bool,
}

/// A purge that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeAsked {
    /// Which records.
    pub records: Selection,
    /// Why.
    pub reason: Reason,
    /// Whether only to tell what would come of it.
    pub dry_run: bool,
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted<T> {
    /// The act in the books: none of a dry run, and none where nothing waited.
    pub act: Option<QuarantineActId>,
    /// What came of it.
    pub outcome: T,
}

/// An act with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAct {
    /// The act.
    pub act: QuarantineAct,
    /// When and by whom it was entered.
    pub recorded: Recorded,
    /// The name of that, where the caller may know it.
    pub by_name: Option<String>,
    /// What came of it.
    pub outcome: ActOutcome,
}

/// Reads a record from its text: what it says, or why it cannot be counted.
pub type ReadRecord = fn(&str) -> Result<UsageRecord<'_>, (QuarantineCode, String)>;

/// What records say now.
#[derive(Default)]
struct ReadAgain<'r> {
    readable: BTreeMap<(CloudId, Hour), Vec<ReleasedRecord<'r>>>,
    refused: Vec<RefusedAgain>,
}

impl App {
    /// The records that are or were in quarantine and fit a filter, by position: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<QuarantinedRecord>, Error> {
        Ok(self.usage.quarantine(filter, after, limit).await?)
    }

    /// The record at a position of the quarantine, whatever has become of it, if there is one.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantined_at(&self, position: u64) -> Result<Vec<QuarantinedRecord>, Error> {
        Ok(self.usage.quarantined_at(&[position]).await?)
    }

    /// How many records wait in quarantine, by stack and reason.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantine_counts(&self, stack: Option<CloudId>) -> Result<Vec<QuarantineCount>, Error> {
        Ok(self.usage.quarantine_counts(stack).await?)
    }

    /// Has records read again by today's rules. Those that can be counted count as if they had been delivered so at the
    /// reported time of their delivery; the others wait on, with the reason that was found now.
    ///
    /// # Errors
    /// `QuarantinedRecordNotFound`, `QuarantineCountDiffers`, `TooManyQuarantinedRecords`, `ExpectedCountMissing`,
    /// `MendedRecordNotNamed`, `MendedRecordNotCountable`, `AuthorizationFailed`, or as the store; then nothing was done,
    /// or the act is in the books and nothing came of it.
    pub async fn release_quarantined(
        &self,
        caller: &Caller,
        asked: ReleaseAsked,
        read: ReadRecord,
    ) -> Result<Acted<Released>, Error> {
        self.authorize(caller, Right::Operate)?;
        let (waiting, gone) = self.selected(&asked.records, asked.dry_run).await?;
        let waits = |position: &u64| waiting.iter().any(|it| it.position == *position);
        // What was released before may come once more with its mended text: that changes nothing, as without one.
        let named = |position: &u64| waits(position) || gone.contains(position);
        if let Some(position) = asked.mended.keys().find(|position| !named(position)) {
            return Err(not_named(*position));
        }
        let now = self.clock.now();
        let again = read_again(&waiting, &asked.mended, read, latest_hour(now))?;
        let act = QuarantineAct {
            id: QuarantineActId::from_uuid(self.random.uuid()),
            kind: QuarantineActKind::Release,
            records: waiting.iter().map(|it| it.position).collect(),
            mended: asked.mended.keys().copied().filter(waits).collect(),
            reason: asked.reason,
        };
        let entered = self.enter_act(caller, &act, asked.dry_run).await?;
        let mut released = self.release(&act, &again, now, asked.dry_run).await?;
        released.gone.extend(gone);
        Ok(Acted {
            act: entered,
            outcome: released,
        })
    }

    async fn release(
        &self,
        act: &QuarantineAct,
        again: &ReadAgain<'_>,
        released_at: Timestamp,
        rehearsal: bool,
    ) -> Result<Released, Error> {
        if act.records.is_empty() {
            return Ok(Released::default());
        }
        let batch = |((stack, reported), records): (&(CloudId, Hour), _)| ReleasedBatch {
            id: BatchId::from_uuid(self.random.uuid()),
            stack: *stack,
            reported: *reported,
            records,
        };
        let batches: Vec<ReleasedBatch<'_>> = again
            .readable
            .iter()
            .map(|(of, records)| batch((of, records.as_slice())))
            .collect();
        let release = Release {
            act: act.id,
            released_at,
            batches: &batches,
            refused: &again.refused,
            rehearsal,
        };
        self.usage.release(release).await.map_err(not_stored)
    }

    /// Has the texts of records that wait removed for good. That they were there stays, with the digests of their texts.
    ///
    /// # Errors
    /// As [`App::release_quarantined`], as far as it is not about texts.
    pub async fn purge_quarantined(
        &self,
        caller: &Caller,
        asked: PurgeAsked,
    ) -> Result<Acted<Purged>, Error> {
        self.authorize(caller, Right::Operate)?;
        let (waiting, gone) = self.selected(&asked.records, asked.dry_run).await?;
        let act = QuarantineAct {
            id: QuarantineActId::from_uuid(self.random.uuid()),
            kind: QuarantineActKind::Purge,
            records: waiting.iter().map(|it| it.position).collect(),
            mended: Positions::default(),
            reason: asked.reason,
        };
        let entered = self.enter_act(caller, &act, asked.dry_run).await?;
        let mut purged = Purged::default();
        if !act.records.is_empty() {
            let positions = act.records.as_slice();
            purged = self
                .usage
                .purge(act.id, positions, asked.dry_run)
                .await
                .map_err(not_stored)?;
        }
        purged.gone.extend(gone);
        Ok(Acted {
            act: entered,
            outcome: purged,
        })
    }

    /// What was done with records in quarantine, by the number of the entry in the books: what was entered after one,
    /// `limit` at the most.
    ///
    /// # Errors
    /// `AuthorizationFailed`, or as the store.
    pub async fn quarantine_history(
        &self,
        caller: &Caller,
        after: u64,
        limit: usize,
    ) -> Result<Vec<PastAct>, Error> {
        self.authorize(caller, Right::Operate)?;
        let mut past: Vec<PastAct> = self.read(|books| {
            let view = view_of(books, caller);
            let acts = books.quarantine_acts().iter();
            let later = acts.filter(|(_, recorded)| recorded.entry > after).take(limit);
            let past = later.map(|(act, recorded)| PastAct {
                act: act.clone(),
                recorded: *recorded,
                by_name: name_of(books, &view, recorded.by),
                outcome: ActOutcome::default(),
            });
            past.collect()
        });
        let ids: Vec<QuarantineActId> = past.iter().map(|it| it.act.id).collect();
        for (past, outcome) in past.iter_mut().zip(self.usage.acts(&ids).await?) {
            past.outcome = outcome;
        }
        Ok(past)
    }

    /// The selected records that wait, and the positions of those that do not any more.
    async fn selected(
        &self,
        selection: &Selection,
        dry_run: bool,
    ) -> Result<(Vec<QuarantinedRecord>, Vec<u64>), Error> {
        let records = match selection {
            Selection::At(positions) => {
                let found = self.usage.quarantined_at(positions.as_slice()).await?;
                let mut unknown = positions.as_slice().iter();
                let there = |position: u64| found.binary_search_by_key(&position, |it| it.position).is_ok();
                if let Some(position) = unknown.find(|position| !there(**position)) {
                    let message = format!("No record was ever at position {position} of the quarantine.");
                    return Err(Error::not_found("QuarantinedRecordNotFound", message).about("positions"));
                }
                found
            }
            Selection::Fitting { filter, expected } => self.fitting(filter, *expected, dry_run).await?,
        };
        let waits = |it: &QuarantinedRecord| it.state() == QuarantineState::Waiting;
        let (waiting, gone): (Vec<_>, Vec<_>) = records.into_iter().partition(waits);
        Ok((waiting, gone.iter().map(|it| it.position).collect()))
    }

    async fn fitting(
        &self,
        filter: &QuarantineFilter,
        expected: Option<u64>,
        dry_run: bool,
    ) -> Result<Vec<QuarantinedRecord>, Error> {
        let found = self.usage.quarantine(filter, 0, RECORDS_PER_ACT_MAX + 1).await?;
        if found.len() > RECORDS_PER_ACT_MAX {
            let message = format!(
                "More than {RECORDS_PER_ACT_MAX} records fit the filter, and no more are taken at one time. Narrow it, or \
                 name positions."
            );
            return Err(Error::new(Kind::Conflict, "TooManyQuarantinedRecords", message).about("filter"));
        }
        let found_count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        match expected {
            Some(expected) if expected == found_count => Ok(found),
            None if dry_run => Ok(found),
            None => {
                let message = format!(
                    "{found_count} records fit the filter now. Expected this number as expectedCount, so that nothing is \
                     done with records that nobody has seen."
                );
                Err(Error::new(Kind::Invalid, "ExpectedCountMissing", message).about("expectedCount"))
            }
            Some(expected) => {
                let message = format!(
                    "{found_count} records fit the filter, not {expected}. Look at them again, and nothing is done until \
                     the number is right."
                );
                Err(Error::new(Kind::Conflict, "QuarantineCountDiffers", message).about("expectedCount"))
            }
        }
    }

    /// Enters an act in the books, if anything shall come of it.
    async fn enter_act(
        &self,
        caller: &Caller,
        act: &QuarantineAct,
        dry_run: bool,
    ) -> Result<Option<QuarantineActId>, Error> {
        if dry_run || act.records.is_empty() {
            return Ok(None);
        }
        self.change(caller, |_| Ok((vec![Entry::QuarantineActed(act.clone())], ())))
            .await?;
        Ok(Some(act.id))
    }
}

/// Reads records again, each from its own text or from the one that was mended for it.
fn read_again<'r>(
    waiting: &'r [QuarantinedRecord],
    mended: &'r BTreeMap<u64, String>,
    read: ReadRecord,
    latest: Hour,
) -> Result<ReadAgain<'r>, Error> {
    let mut again = ReadAgain::default();
    for it in waiting {
        let mended = mended.get(&it.position).map(String::as_str);
        let text = mended.unwrap_or(&it.raw);
        match read(text).and_then(|record| not_in_future(record, latest)) {
            Ok(record) => {
                let of = again.readable.entry((it.stack, it.reported)).or_default();
                of.push(ReleasedRecord {
                    position: it.position,
                    mended,
                    text_digest: *blake3::hash(text.as_bytes()).as_bytes(),
                    record,
                });
            }
            Err((code, message)) if mended.is_some() => {
                let message = format!(
                    "The mended text of the record at position {} cannot be counted either ({code}): {message}. Nothing was \
                     done.",
                    it.position
                );
                return Err(Error::new(Kind::Invalid, "MendedRecordNotCountable", message).about("mended"));
            }
            Err((code, message)) => again.refused.push(RefusedAgain {
                position: it.position,
                code,
                message,
            }),
        }
    }
    Ok(again)
}

fn not_in_future(record: UsageRecord<'_>, latest: Hour) -> Result<UsageRecord<'_>, (QuarantineCode, String)> {
    if record.start <= latest {
        return Ok(record);
    }
    let message = format!(
        "properties.usageStartTime is {}, in the future: expected {latest} or earlier. Release the record again when that \
         hour has come",
        record.start
    );
    Err((QuarantineCode::UsageInFuture, message))
}

fn not_named(position: u64) -> Error {
    let message = format!(
        "There is a mended text for the record at position {position}, and that is not among the records that are named."
    );
    Error::new(Kind::Invalid, "MendedRecordNotNamed", message).about("mended")
}

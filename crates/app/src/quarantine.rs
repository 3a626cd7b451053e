//! What is done with records that could not be counted: they are listed, released once they can be, and purged by name.
//!
//! Both are acts of the platform's operators *(ours)*: what is released is charged to somebody, at an hour that nobody
//! looked at any more. They are entered in the books first, so that nothing is done that nobody answers for.

use std::collections::BTreeMap;

use domain::books::Entry;
use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::quarantine::{
    Positions, QuarantineAct, QuarantineActKind, RECORD_TEXT_BYTES_MAX, RECORDS_PER_ACT_MAX, Reason,
};
use domain::time::{Hour, Timestamp};
use domain::timeline::Recorded;
use domain::usage::{QuarantineCode, UsageRecord, latest_hour};
use store::{
    ActOutcome, Purged, QuarantineCount, QuarantineFilter, QuarantinePage, QuarantineState,
    QuarantinedRecord, RefusedAgain, Release, Released, ReleasedBatch, ReleasedRecord, StoreError,
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
    /// The positions that were named and at which no record ever was.
    pub unknown: Vec<u64>,
    /// Why it did not come to the last of them, if it did not.
    pub stopped: Option<Stopped>,
}

/// The store failed when a part was done: that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Why, and what to do.
    pub error: Error,
    /// The positions of the records that were not come to.
    pub left: Vec<u64>,
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

/// The records that something is to be done with, by their positions.
#[derive(Default)]
struct Selected {
    waiting: Positions,
    /// Those that do not wait any more.
    gone: Vec<u64>,
    /// Those that are named and never were.
    unknown: Vec<u64>,
}

/// What records say now.
#[derive(Default)]
struct ReadAgain<'r> {
    readable: BTreeMap<(CloudId, Hour), Vec<ReleasedRecord<'r>>>,
    refused: Vec<RefusedAgain>,
}

impl App {
    /// The records that are or were in quarantine and fit a filter, by position: those after `after`, `limit` at the most, and
    /// fewer if their texts are long.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: u64,
        limit: usize,
    ) -> Result<QuarantinePage, Error> {
        Ok(self.usage.quarantine(filter, after, limit).await?)
    }

    /// The record at a position of the quarantine, whatever has become of it, if there is one.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantined_at(&self, position: u64) -> Result<QuarantinePage, Error> {
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
    /// or the act is in the books and nothing came of it. Where the store fails later, what was done until then is the answer
    /// ([`Acted::stopped`]).
    pub async fn release_quarantined(
        &self,
        caller: &Caller,
        asked: ReleaseAsked,
        read: ReadRecord,
    ) -> Result<Acted<Released>, Error> {
        self.authorize(caller, Right::Operate)?;
        let selected = self.selected(&asked.records, asked.dry_run).await?;
        let now = self.clock.now();
        let reader = Reader {
            mended: &asked.mended,
            read,
            latest: latest_hour(now),
        };
        reader.check_mended(&selected)?;
        let waits = |position: &u64| selected.waiting.contains(*position);
        let act = QuarantineAct {
            id: QuarantineActId::from_uuid(self.random.uuid()),
            kind: QuarantineActKind::Release,
            mended: asked.mended.keys().copied().filter(waits).collect(),
            records: selected.waiting,
            reason: asked.reason,
        };
        let entered = self.enter_act(caller, &act, asked.dry_run).await?;
        let (mut outcome, mut stopped) = (Released::default(), None);
        let mut left = act.records.as_slice();
        while !left.is_empty() && stopped.is_none() {
            match self
                .release_first(&act, left, &reader, (now, asked.dry_run))
                .await
            {
                Ok((released, further)) => {
                    outcome.receipts.extend(released.receipts);
                    outcome.not_counting.extend(released.not_counting);
                    outcome.refused.extend(released.refused);
                    outcome.gone.extend(released.gone);
                    left = further;
                }
                Err(error) if asked.dry_run || left.len() == act.records.len() => {
                    return Err(not_stored(error));
                }
                Err(error) => stopped = Some(Stopped::at(left, error)),
            }
        }
        outcome.gone.extend(selected.gone);
        Ok(Acted {
            act: entered,
            outcome,
            unknown: selected.unknown,
            stopped,
        })
    }

    /// Releases the first of some records, as many as fit into memory, and says which are left.
    async fn release_first<'p>(
        &self,
        act: &QuarantineAct,
        positions: &'p [u64],
        reader: &Reader<'_>,
        (now, dry_run): (Timestamp, bool),
    ) -> Result<(Released, &'p [u64]), StoreError> {
        let page = self.usage.quarantined_at(positions).await?;
        let again = reader.read(&page.records);
        let released = self.release(act.id, &again, now, dry_run).await?;
        Ok((released, not_read(positions, &page)))
    }

    async fn release(
        &self,
        act: QuarantineActId,
        again: &ReadAgain<'_>,
        released_at: Timestamp,
        rehearsal: bool,
    ) -> Result<Released, StoreError> {
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
            act,
            released_at,
            batches: &batches,
            refused: &again.refused,
            rehearsal,
        };
        self.usage.release(release).await
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
        let selected = self.selected(&asked.records, asked.dry_run).await?;
        let act = QuarantineAct {
            id: QuarantineActId::from_uuid(self.random.uuid()),
            kind: QuarantineActKind::Purge,
            records: selected.waiting,
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
        purged.gone.extend(selected.gone);
        Ok(Acted {
            act: entered,
            outcome: purged,
            unknown: selected.unknown,
            stopped: None,
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

    /// Finds the records that something is to be done with. Their texts are not kept: they may be long.
    async fn selected(&self, selection: &Selection, dry_run: bool) -> Result<Selected, Error> {
        match selection {
            Selection::At(positions) => self.selected_at(positions).await,
            Selection::Fitting { filter, expected } => self.fitting(filter, *expected, dry_run).await,
        }
    }

    async fn selected_at(&self, positions: &Positions) -> Result<Selected, Error> {
        let mut found: Vec<(u64, QuarantineState)> = Vec::new();
        let mut left = positions.as_slice();
        while !left.is_empty() {
            let page = self.usage.quarantined_at(left).await?;
            left = not_read(left, &page);
            found.extend(page.records.iter().map(|it| (it.position, it.state())));
        }
        if found.is_empty() {
            let message =
                format!("No record was ever in quarantine with a number that is named: {positions}.");
            return Err(Error::not_found("QuarantinedRecordNotFound", message).about("positions"));
        }
        let there: Positions = found.iter().map(|(position, _)| *position).collect();
        let unknown = positions.as_slice().iter();
        let unknown = unknown.copied().filter(|position| !there.contains(*position));
        let of = |waiting: bool| {
            let found = found.iter();
            found.filter(move |(_, state)| (*state == QuarantineState::Waiting) == waiting)
        };
        Ok(Selected {
            waiting: of(true).map(|(position, _)| *position).collect(),
            gone: of(false).map(|(position, _)| *position).collect(),
            unknown: unknown.collect(),
        })
    }

    async fn fitting(
        &self,
        filter: &QuarantineFilter,
        expected: Option<u64>,
        dry_run: bool,
    ) -> Result<Selected, Error> {
        let filter = QuarantineFilter {
            state: QuarantineState::Waiting,
            ..filter.clone()
        };
        let mut found: Vec<u64> = Vec::new();
        let mut more = true;
        while more && found.len() <= RECORDS_PER_ACT_MAX {
            let after = found.last().copied().unwrap_or_default();
            let limit = RECORDS_PER_ACT_MAX + 1 - found.len();
            let page = self.usage.quarantine(&filter, after, limit).await?;
            found.extend(page.records.iter().map(|it| it.position));
            more = page.more;
        }
        if found.len() > RECORDS_PER_ACT_MAX {
            let message = format!(
                "More than {RECORDS_PER_ACT_MAX} records fit the filter, and no more are taken at one time. Narrow it, or \
                 name positions."
            );
            return Err(Error::new(Kind::Conflict, "TooManyQuarantinedRecords", message).about("filter"));
        }
        let found_count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let selected = Selected {
            waiting: found.into_iter().collect(),
            ..Selected::default()
        };
        match expected {
            Some(expected) if expected == found_count => Ok(selected),
            None if dry_run => Ok(selected),
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

impl Stopped {
    fn at(left: &[u64], error: StoreError) -> Self {
        let uncertain = matches!(error, StoreError::Uncertain { .. });
        let error = not_stored(error);
        let (left, first) = (left.to_vec(), left.first().copied().unwrap_or_default());
        let what = if uncertain {
            "The storage did not answer when the next records were to be stored, and may have stored them"
        } else {
            "The storage failed, and nothing was done with the others"
        };
        let message = format!(
            "A part of the records was released, those before position {first}. {what}. Release the others once more when the \
             storage is well again: what was released is told as such, and nothing counts twice."
        );
        Self {
            error: Error { message, ..error },
            left,
        }
    }
}

/// Those of some positions, which are in order, that come after a page.
fn not_read<'p>(positions: &'p [u64], page: &QuarantinePage) -> &'p [u64] {
    let Some(last) = page.records.last().filter(|_| page.more) else {
        return &[];
    };
    &positions[positions.partition_point(|position| *position <= last.position)..]
}

/// Reads records again, each from its own text or from the one that was mended for it.
struct Reader<'m> {
    mended: &'m BTreeMap<u64, String>,
    read: ReadRecord,
    latest: Hour,
}

impl<'m> Reader<'m> {
    fn record<'r>(&self, text: &'r str) -> Result<UsageRecord<'r>, (QuarantineCode, String)> {
        (self.read)(text).and_then(|record| not_in_future(record, self.latest))
    }

    /// Every mended text is one for a record that is selected, and can be counted.
    fn check_mended(&self, selected: &Selected) -> Result<(), Error> {
        for (position, text) in self.mended {
            // What was released before may come once more with its mended text: that changes nothing, as without one.
            if selected.gone.contains(position) {
                continue;
            }
            if !selected.waiting.contains(*position) {
                return Err(not_named(*position));
            }
            let fitting = if text.len() > RECORD_TEXT_BYTES_MAX {
                let message = format!(
                    "it has {} bytes: expected {RECORD_TEXT_BYTES_MAX} at most",
                    text.len()
                );
                Err((QuarantineCode::TextTooLong, message))
            } else {
                self.record(text).map(drop)
            };
            if let Err((code, message)) = fitting {
                let message = format!(
                    "The mended text of the record at position {position} cannot be counted either ({code}): {message}. \
                     Nothing was done."
                );
                return Err(Error::new(Kind::Invalid, "MendedRecordNotCountable", message).about("mended"));
            }
        }
        Ok(())
    }

    fn read<'r>(&self, records: &'r [QuarantinedRecord]) -> ReadAgain<'r>
    where
        'm: 'r,
    {
        let mut again = ReadAgain::default();
        for it in records {
            let mended = self.mended.get(&it.position).map(String::as_str);
            let refused = |(code, message)| RefusedAgain {
                position: it.position,
                code,
                message,
            };
            if it.raw_bytes.is_some() && mended.is_none() {
                // The beginning says nothing that could be counted: what is wrong is what was found in all of it.
                again.refused.push(refused((it.code, it.message.clone())));
                continue;
            }
            let text = mended.unwrap_or(&it.raw);
            match self.record(text) {
                Ok(record) => {
                    let of = again.readable.entry((it.stack, it.reported)).or_default();
                    of.push(ReleasedRecord {
                        position: it.position,
                        mended,
                        text_digest: *blake3::hash(text.as_bytes()).as_bytes(),
                        record,
                    });
                }
                Err(why) => again.refused.push(refused(why)),
            }
        }
        again
    }
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

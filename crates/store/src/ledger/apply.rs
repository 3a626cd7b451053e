//! The batches of one transaction, applied one after the other.

mod release;
mod twins;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Day, Hour};
use domain::usage::{Granularity, QuarantineCode};

use super::cache::{Fingerprint, KnownSeries, SeriesCache};
use super::changes::Changes;
use super::delivery::{Delivery, Refused, Releasing, Row, Wanted};
use super::ids::{AttributesRow, BatchRow, SeriesId, SeriesKey};
use super::intern::{Interned, Named};
use super::receipts::{self, Receipts};
use super::records::{Recorded, Recorder, Tally};
use super::repeats::PutThere;
use super::stacks::Stacks;
use super::{history, intern, late, quarantine};
use crate::error::StoreError;
use crate::quarantine::NotCounting;
use crate::receipt::{BatchCounts, Receipt};
use crate::transaction::Transaction;
use crate::usage::Appended;

/// What came of a batch.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each delivery, and nearly all are done"
)]
pub(super) enum Outcome {
    /// It is part of the transaction, or need not be.
    Done(Appended),
    /// None of the records to be released can be counted: there is no batch.
    Nothing,
    /// Nothing of it was applied: it has to come again and bring more.
    Again(Wanted),
}

/// Applies deliveries of any stacks in one transaction. After an error it is good for nothing but being rolled back.
pub(super) fn apply(
    transaction: &dyn Transaction,
    deliveries: &[&Delivery],
    cache: &SeriesCache,
    changes: &mut Changes,
) -> Result<(Vec<Outcome>, News), StoreError> {
    let mut group = Group::begin(transaction, deliveries, cache, changes)?;
    let outcomes = deliveries.iter().map(|delivery| group.apply(delivery, changes));
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    Ok((outcomes, group.write(cache)?))
}

/// The batches of one transaction, and what of them is not written yet.
struct Group<'t, 'd> {
    transaction: &'t dyn Transaction,
    stacks: Stacks,
    /// The answers known already, by the deliveries' ids.
    answers: HashMap<BatchId, Appended>,
    /// The numbers for its batches.
    numbers: std::vec::IntoIter<BatchRow>,
    series: HashMap<SeriesKey, Interned>,
    attributes: HashMap<[u8; 16], AttributesRow>,
    recorded: Recorded,
    receipts: Receipts<'d>,
    /// What its batches put into quarantine.
    put_there: PutThere,
    /// The records that its batches release from quarantine, by which act.
    released: Vec<(BatchRow, QuarantineActId, &'d Releasing)>,
    /// What these say, each with its position in the quarantine.
    released_rows: Vec<(Row, u64)>,
    /// Attributes of records that count. They are set when all sheets are written.
    attributes_of: BTreeMap<(SeriesId, Hour), AttributesRow>,
    /// The series that the cache does not know, or not as they will be.
    touched: HashMap<SeriesId, Touched>,
}

/// The records, by index, that cannot be recorded, and the granularity that their series has on their day.
type Conflicts = BTreeMap<u32, Granularity>;

struct Touched {
    stack: CloudId,
    /// By which the cache knows it; nothing where the same text may be another series.
    fingerprint: Option<Fingerprint>,
    key: SeriesKey,
    /// Whether this transaction created it, so that nobody has looked up its attributes.
    created: bool,
}

/// What to tell the cache once the transaction is committed.
pub(super) struct News {
    series: Vec<(Fingerprint, KnownSeries)>,
    /// Those of them whose attributes others may have looked up before.
    changed: Vec<SeriesId>,
    /// The stacks as they are now.
    stacks: Stacks,
    /// The records released from quarantine whose quantities do not count.
    pub(super) not_counting: Vec<NotCounting>,
}

impl<'t, 'd> Group<'t, 'd> {
    /// Locks the stacks, and looks up or adds what the deliveries refer to: all at one time, and in an order in which
    /// nobody waits in a circle.
    fn begin(
        transaction: &'t dyn Transaction,
        deliveries: &[&'d Delivery],
        cache: &SeriesCache,
        changes: &mut Changes,
    ) -> Result<Self, StoreError> {
        let mut stacks = Stacks::lock(transaction, deliveries.iter().map(|it| it.stack))?;
        changes.meet(transaction, &stacks, cache)?;
        let mut of_stacks = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            of_stacks.push((stacks.get(delivery.stack)?.row, *delivery));
        }
        let mut answers = receipts::answered_before(transaction, &of_stacks)?;
        answers.extend(stacks.without_known(transaction, deliveries)?);
        of_stacks.retain(|(_, it)| !answers.contains_key(&it.id) && !changes.outdate(it));
        let open = || of_stacks.iter().map(|(_, delivery)| *delivery);
        let unknown = of_stacks
            .iter()
            .flat_map(|(stack, it)| it.unknown.iter().map(|unknown| (*stack, unknown)));
        let mut recorded = Recorded::default();
        recorded
            .sheets
            .read(transaction, open().flat_map(|it| &it.rows))?;
        Ok(Self {
            transaction,
            numbers: transaction.batch_numbers(of_stacks.len())?.into_iter(),
            series: intern::series(transaction, &unknown.collect::<Vec<_>>())?,
            attributes: intern::attributes(transaction, open().flat_map(|it| &it.attributes))?,
            stacks,
            answers,
            recorded,
            receipts: Receipts::default(),
            put_there: PutThere::default(),
            released: Vec::new(),
            released_rows: Vec::new(),
            attributes_of: BTreeMap::new(),
            touched: HashMap::new(),
        })
    }

    fn apply(&mut self, delivery: &'d Delivery, changes: &Changes) -> Result<Outcome, StoreError> {
        if let Some(answer) = self.answers.remove(&delivery.id) {
            return Ok(Outcome::Done(answer));
        }
        let stack = self.stacks.get(delivery.stack)?.row;
        if let Some(key) = &delivery.idempotency_key
            && let Some(first) = self.receipts.by_key(stack, key)
        {
            return Ok(Outcome::Done(receipts::answer_under_key(first.clone(), delivery)));
        }
        if changes.outdate(delivery) {
            return Ok(Outcome::Again(Wanted {
                all_attributes: true,
                ..Wanted::default()
            }));
        }
        let rows = self.rows(delivery)?;
        if let Some(release) = &delivery.release {
            return self.release(delivery, release, rows.into_owned());
        }
        let conflicts = self.conflicts(&rows)?;
        let raw: Vec<u32> = conflicts
            .keys()
            .filter(|index| !delivery.raw.contains_key(index))
            .copied()
            .collect();
        if !raw.is_empty() {
            return Ok(Outcome::Again(Wanted {
                raw,
                ..Wanted::default()
            }));
        }
        let receipt = self.store(delivery, &rows, &conflicts)?;
        Ok(Outcome::Done(Appended::New(receipt)))
    }

    /// Records everything but the conflicting records, and makes out the receipt.
    fn store(
        &mut self,
        delivery: &'d Delivery,
        rows: &[Row],
        conflicts: &Conflicts,
    ) -> Result<Receipt, StoreError> {
        let batch = self.next_batch()?;
        let Tally {
            mut counts,
            revised_not_counting,
            kept,
            late_days,
        } = self.record(batch, delivery, rows, conflicts)?;
        let stack = self.stacks.get(delivery.stack)?;
        let of = (stack.row, batch, delivery.window.start);
        let refused = refused(delivery, conflicts);
        let (refused, repeats) = self.put_there.take_repeats(self.transaction, of, refused)?;
        let texts = refused.iter().map(|it| (it.index, it.text_digest));
        let kept = kept.finish(delivery.idempotency_key.as_deref(), texts);
        counts.quarantined = u32::try_from(refused.len()).unwrap_or(u32::MAX);
        counts.duplicate += repeats.all;
        counts.received = delivery.received;
        check_nothing_lost(&counts)?;
        let mut receipt = Receipt {
            still_quarantined: repeats.waiting,
            revised_not_counting: Some(revised_not_counting),
            ..receipts::unlinked(delivery, counts, &refused, kept)
        };
        stack.link(&mut receipt);
        self.receipts
            .add((batch, stack.row), delivery, receipt.clone(), refused, late_days);
        Ok(receipt)
    }

    fn next_batch(&mut self) -> Result<BatchRow, StoreError> {
        let batch = self.numbers.next();
        batch.ok_or_else(|| StoreError::corrupt("there is no number for a batch"))
    }

    /// The records of a delivery, all of them with the numbers of their series, in the order of the sheets.
    fn rows(&mut self, delivery: &'d Delivery) -> Result<Cow<'d, [Row]>, StoreError> {
        let stack = delivery.stack;
        for (series, (fingerprint, key)) in &delivery.changing {
            let touched = Touched {
                stack,
                fingerprint: Some(*fingerprint),
                key: *key,
                created: false,
            };
            self.touched.entry(*series).or_insert(touched);
        }
        if delivery.unknown.is_empty() {
            return Ok(Cow::Borrowed(&delivery.rows));
        }
        let mut rows = delivery.rows.clone();
        for unknown in &delivery.unknown {
            let interned = self.series.get(&unknown.key).cloned();
            let interned = interned.ok_or_else(|| StoreError::corrupt("a series has no number"))?;
            let from = rows.len();
            for said in &unknown.records {
                rows.push(match &interned {
                    Interned::New(Named { series, key }) | Interned::Known(Named { series, key }) => Row {
                        series: *series,
                        key: *key,
                        said: *said,
                    },
                    Interned::Several(several) => self.row_among(several, *said)?,
                });
            }
            let is_one = !matches!(interned, Interned::Several(_));
            for row in &rows[from..] {
                self.touched.entry(row.series).or_insert(Touched {
                    stack,
                    fingerprint: is_one.then_some(unknown.fingerprint),
                    key: row.key,
                    created: matches!(interned, Interned::New(_)),
                });
            }
        }
        Row::sort(&mut rows);
        Ok(Cow::Owned(rows))
    }

    /// The records whose series has another granularity on their day: by earlier batches, or by a record that comes
    /// before them in this one.
    fn conflicts(&mut self, rows: &[Row]) -> Result<Conflicts, StoreError> {
        let mut conflicts = Conflicts::new();
        let mixed = rows
            .windows(2)
            .any(|pair| pair[0].said.granularity != pair[1].said.granularity);
        let mut first_of_day = Vec::new();
        for (of_sheet, here) in Row::by_sheet(rows) {
            let sheet = self.recorded.sheets.day(self.transaction, here)?;
            for row in of_sheet {
                match sheet.entry(row.series.slot()) {
                    Some(entry) if entry.granularity != row.said.granularity => {
                        conflicts.insert(row.said.index, entry.granularity);
                    }
                    None if mixed => first_of_day.push(row),
                    Some(_) | None => {}
                }
            }
        }
        first_of_day.sort_unstable_by_key(|row| row.said.index);
        let mut settled: HashMap<(SeriesId, Day), Granularity> = HashMap::new();
        for row in first_of_day {
            let day = (row.series, row.said.start.day());
            let granularity = *settled.entry(day).or_insert(row.said.granularity);
            if granularity != row.said.granularity {
                conflicts.insert(row.said.index, granularity);
            }
        }
        Ok(conflicts)
    }

    /// Records everything but the conflicting records of a batch.
    fn record(
        &mut self,
        batch: BatchRow,
        delivery: &Delivery,
        rows: &[Row],
        conflicts: &Conflicts,
    ) -> Result<Tally, StoreError> {
        let attributes = delivery.attributes.iter().map(|it| self.attributes.get(&it.key));
        let attributes: Vec<AttributesRow> = attributes
            .map(|row| {
                row.copied()
                    .ok_or_else(|| StoreError::corrupt("attributes have no number"))
            })
            .collect::<Result<_, _>>()?;
        let pending = &mut self.attributes_of;
        let at = delivery.window.start;
        let late_before = late::before(delivery.received_at);
        let mut recorder = Recorder::new(self.transaction, &mut self.recorded, (batch, at), late_before);
        for (of_sheet, here) in Row::by_sheet(rows) {
            let of_sheet = of_sheet
                .iter()
                .filter(|row| conflicts.is_empty() || !conflicts.contains_key(&row.said.index));
            recorder.record(of_sheet, here, |row| {
                let key = (row.series, row.said.start);
                match row.said.attributes {
                    Some(place) => pending.insert(key, attributes[place]),
                    // It has those in force, whatever an earlier record of this key and group was to change.
                    None => pending.remove(&key),
                };
            })?;
        }
        Ok(recorder.tally)
    }

    /// Writes what is not written yet: the last thing to do before the commit.
    fn write(mut self, cache: &SeriesCache) -> Result<News, StoreError> {
        let not_counting = self.not_counting()?;
        self.recorded.write(self.transaction)?;
        let mut changed = history::set(self.transaction, &self.attributes_of)?;
        let created = |series: &SeriesId| self.touched.get(series).is_some_and(|touched| touched.created);
        changed.retain(|series| !created(series));
        for series in &changed {
            if let Some(Touched { stack, .. }) = self.touched.get(series) {
                let locked = self.stacks.get(*stack)?;
                locked.attributes_sequence = locked.sequence;
            }
        }
        self.stacks.write(self.transaction)?;
        let series = self.newest_attributes(cache)?;
        self.receipts.write(self.transaction)?;
        quarantine::mark_released(self.transaction, &self.released)?;
        Ok(News {
            series,
            changed,
            stacks: self.stacks,
            not_counting,
        })
    }

    /// What the cache is to know of the series touched.
    fn newest_attributes(&self, cache: &SeriesCache) -> Result<Vec<(Fingerprint, KnownSeries)>, StoreError> {
        let touched: Vec<SeriesId> = self.touched.keys().copied().collect();
        let newest = history::newest(self.transaction, &touched)?;
        let mut fingerprints: BTreeMap<AttributesRow, Option<Fingerprint>> = newest
            .iter()
            .flatten()
            .map(|(_, attributes)| (*attributes, None))
            .collect();
        let rows: Vec<AttributesRow> = fingerprints.keys().copied().collect();
        let texts = history::texts(self.transaction, &rows)?;
        for (fingerprint, texts) in fingerprints.values_mut().zip(&texts) {
            *fingerprint = Some(cache.attributes_of(texts));
        }
        let known = |(series, newest): (SeriesId, Option<(Hour, AttributesRow)>)| {
            let (since, attributes) = newest?;
            let touched = self.touched.get(&series)?;
            let known = KnownSeries {
                series,
                key: touched.key,
                attributes: (*fingerprints.get(&attributes)?)?,
                since,
                as_of: 0,
            };
            Some((touched.fingerprint?, known))
        };
        Ok(touched.into_iter().zip(newest).filter_map(known).collect())
    }
}

impl News {
    /// Tells those who deliver, and those whose deliveries wait.
    pub(super) fn publish(self, cache: &SeriesCache, changes: &mut Changes) {
        for (fingerprint, known) in self.series {
            cache.insert(fingerprint, known);
        }
        changes.left(&self.stacks);
        if !self.changed.is_empty() {
            changes.remember(self.changed, cache.attributes_changed());
        }
    }
}

fn check_nothing_lost(counts: &BatchCounts) -> Result<(), StoreError> {
    if counts.add_up() {
        return Ok(());
    }
    Err(StoreError::corrupt(format!(
        "a delivery's records got lost on their way into the ledger, or some got in twice: {counts:?}"
    )))
}

/// What is wrong with a record whose series has this granularity on its day.
fn conflict(granularity: Granularity) -> String {
    let expected = match granularity {
        Granularity::Hour => "one UTC hour, because the series has been reported by the hour",
        Granularity::Day => "one UTC day, because the series has been reported as a whole",
    };
    format!("usageStartTime, usageEndTime: expected {expected} on this day before")
}

/// The quarantine of a delivery, by index: what it brought and its conflicting records.
fn refused<'d>(delivery: &'d Delivery, conflicts: &Conflicts) -> Cow<'d, [Refused]> {
    if conflicts.is_empty() {
        return Cow::Borrowed(&delivery.refused);
    }
    let mut refused = delivery.refused.clone();
    for (index, granularity) in conflicts {
        let raw = delivery.raw.get(index).map_or("", String::as_str);
        let code = QuarantineCode::GranularityConflict;
        refused.push(Refused::new(*index, code, conflict(*granularity), raw));
    }
    refused.sort_by_key(|refused| refused.index);
    Cow::Owned(refused)
}

#[cfg(test)]
mod tests;

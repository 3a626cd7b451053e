//! The batches of one transaction, applied one after the other.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use domain::time::{Day, Hour};
use domain::usage::{Granularity, QuarantineCode};
use rusqlite::Connection;

use super::cache::{Fingerprint, KnownSeries, SeriesCache};
use super::delivery::{Delivery, Refused, Row, Wanted};
use super::history;
use super::ids::{AttributesRow, BatchRow, SeriesId, StackRow};
use super::intern;
use super::receipts;
use super::records::{Recorder, Reported};
use super::staged::Sheets;
use crate::error::StoreError;
use crate::receipt::BatchCounts;
use crate::usage::Appended;

/// What came of a batch.
pub(super) enum Outcome {
    /// It is part of the transaction, or need not be.
    Done(Appended),
    /// Nothing of it was applied: it has to come again and bring more.
    Again(Wanted),
}

/// The batches of one transaction, and what of them is not written yet.
pub(super) struct Group<'c> {
    connection: &'c Connection,
    sheets: Sheets,
    reported: Reported,
    /// Attributes of records that count. They are set when all sheets are written.
    attributes: BTreeMap<(SeriesId, Hour), AttributesRow>,
    /// The series that the cache does not know, or not as they will be.
    touched: HashMap<SeriesId, Touched>,
}

/// The records, by index, that cannot be recorded, and the granularity that their series has on their day.
type Conflicts = BTreeMap<u32, Granularity>;

struct Touched {
    fingerprint: Fingerprint,
    /// Whether this transaction created it, so that nobody has looked up its attributes.
    created: bool,
}

/// What to tell the cache once the transaction is committed.
pub(super) struct News {
    series: Vec<(Fingerprint, KnownSeries)>,
    attributes_changed: bool,
}

impl<'c> Group<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            sheets: Sheets::default(),
            reported: Reported::default(),
            attributes: BTreeMap::new(),
            touched: HashMap::new(),
        }
    }

    /// Applies a batch. After an error the transaction is good for nothing but being rolled back.
    pub(super) fn apply(&mut self, delivery: &Delivery, cache: &SeriesCache) -> Result<Outcome, StoreError> {
        let stack = intern::stack(self.connection, delivery.stack)?;
        if let Some(key) = delivery.idempotency_key.as_deref()
            && let Some(first) = receipts::by_key(self.connection, stack, key)?
        {
            let same = first.digest == delivery.digest;
            let answer = if same {
                Appended::Repeated(first)
            } else {
                Appended::KeyReused { first: first.batch }
            };
            return Ok(Outcome::Done(answer));
        }
        if delivery
            .looked_up_at
            .is_some_and(|count| count != cache.attribute_changes())
        {
            return Ok(Outcome::Again(Wanted {
                all_attributes: true,
                raw: Vec::new(),
            }));
        }
        let attributes = delivery
            .attributes
            .iter()
            .map(|attributes| intern::attributes(self.connection, attributes));
        let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
        let rows = self.rows(stack, delivery)?;
        let conflicts = self.conflicts(&rows)?;
        let raw: Vec<u32> = conflicts
            .keys()
            .filter(|index| !delivery.raw.contains_key(index))
            .copied()
            .collect();
        if !raw.is_empty() {
            return Ok(Outcome::Again(Wanted {
                all_attributes: false,
                raw,
            }));
        }
        let batch = receipts::next_batch(self.connection)?;
        let mut counts = self.record((batch, delivery.window.start), &rows, &conflicts, &attributes)?;
        let refused = refused(delivery, &conflicts);
        counts.quarantined = u32::try_from(refused.len()).unwrap_or(u32::MAX);
        counts.received = counts.accepted + counts.duplicate + counts.revised + counts.quarantined;
        let receipt = receipts::store(self.connection, (batch, stack), delivery, counts, &refused)?;
        Ok(Outcome::Done(Appended::New(receipt)))
    }

    /// The records of a delivery, all of them with the numbers of their series, in the order of the sheets.
    fn rows<'d>(&mut self, stack: StackRow, delivery: &'d Delivery) -> Result<Cow<'d, [Row]>, StoreError> {
        for (series, fingerprint) in &delivery.changing {
            let touched = Touched {
                fingerprint: *fingerprint,
                created: false,
            };
            self.touched.entry(*series).or_insert(touched);
        }
        if delivery.unknown.is_empty() {
            return Ok(Cow::Borrowed(&delivery.rows));
        }
        let mut rows = delivery.rows.clone();
        for unknown in &delivery.unknown {
            let (series, created) = intern::series(self.connection, stack, unknown)?;
            self.touched.entry(series).or_insert(Touched {
                fingerprint: unknown.fingerprint,
                created,
            });
            rows.extend(unknown.records.iter().map(|said| Row { series, said: *said }));
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
        for run in rows.chunk_by(Row::same_sheet) {
            let sheet = self
                .sheets
                .day(self.connection, run[0].said.start.day(), run[0].series.block())?;
            for row in run {
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

    /// Records everything but the conflicting records of a batch reported at `at`.
    fn record(
        &mut self,
        (batch, at): (BatchRow, Hour),
        rows: &[Row],
        conflicts: &Conflicts,
        attributes: &[AttributesRow],
    ) -> Result<BatchCounts, StoreError> {
        let pending = &mut self.attributes;
        let mut recorder = Recorder::new(self.connection, &mut self.sheets, &mut self.reported, (batch, at));
        for run in rows.chunk_by(Row::same_sheet) {
            let run = run
                .iter()
                .filter(|row| conflicts.is_empty() || !conflicts.contains_key(&row.said.index));
            recorder.record(run, |row| {
                let key = (row.series, row.said.start);
                match row.said.attributes {
                    Some(place) => pending.insert(key, attributes[place]),
                    // It has those in force, whatever an earlier record of this key and group was to change.
                    None => pending.remove(&key),
                };
            })?;
        }
        Ok(recorder.counts)
    }

    /// Writes what is not written yet: the last thing to do before the commit.
    pub(super) fn write(mut self, cache: &SeriesCache) -> Result<News, StoreError> {
        self.sheets.write(self.connection)?;
        let mut attributes_changed = false;
        for ((series, hour), attributes) in &self.attributes {
            let changed = history::set(self.connection, *series, *hour, *attributes)?;
            attributes_changed |= changed && self.touched.get(series).is_some_and(|touched| !touched.created);
        }
        let mut news = News {
            series: Vec::with_capacity(self.touched.len()),
            attributes_changed,
        };
        let mut fingerprints = HashMap::new();
        for (series, touched) in self.touched {
            let Some((since, attributes)) = history::newest(self.connection, series)? else {
                continue;
            };
            let attributes = match fingerprints.entry(attributes) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    *new.insert(cache.attributes_of(&history::texts(self.connection, attributes)?))
                }
            };
            news.series.push((
                touched.fingerprint,
                KnownSeries {
                    series,
                    attributes,
                    since,
                },
            ));
        }
        Ok(news)
    }
}

impl News {
    pub(super) fn publish(self, cache: &SeriesCache) {
        for (fingerprint, known) in self.series {
            cache.insert(fingerprint, known);
        }
        if self.attributes_changed {
            cache.attributes_changed();
        }
    }
}

/// The quarantine of a delivery, by index: what it brought and its conflicting records.
fn refused<'d>(delivery: &'d Delivery, conflicts: &Conflicts) -> Cow<'d, [Refused]> {
    if conflicts.is_empty() {
        return Cow::Borrowed(&delivery.refused);
    }
    let mut refused = delivery.refused.clone();
    for (index, granularity) in conflicts {
        let expected = match granularity {
            Granularity::Hour => "one UTC hour, because the series has been reported by the hour",
            Granularity::Day => "one UTC day, because the series has been reported as a whole",
        };
        refused.push(Refused {
            index: *index,
            code: QuarantineCode::GranularityConflict,
            message: format!("usageStartTime, usageEndTime: expected {expected} on this day before"),
            raw: delivery.raw.get(index).cloned().unwrap_or_default(),
        });
    }
    refused.sort_by_key(|refused| refused.index);
    Cow::Owned(refused)
}

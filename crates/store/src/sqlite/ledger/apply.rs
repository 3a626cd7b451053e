//! The batches of one transaction, applied one after the other.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use domain::time::{Day, Hour};
use domain::usage::{Granularity, QuarantineCode};
use rusqlite::Connection;

use super::cache::{Fingerprint, KnownSeries, SeriesCache};
use super::changes::AttributeChanges;
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
    /// Those of them whose attributes others may have looked up before.
    changed: Vec<SeriesId>,
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
    pub(super) fn apply(
        &mut self,
        delivery: &Delivery,
        changes: &AttributeChanges,
    ) -> Result<Outcome, StoreError> {
        let stack = intern::stack(self.connection, delivery.stack)?;
        if let Some(answer) = self.answered_before(stack, delivery)? {
            return Ok(Outcome::Done(answer));
        }
        if changes.outdate(delivery) {
            return Ok(Outcome::Again(Wanted {
                all_attributes: true,
                ..Wanted::default()
            }));
        }
        let rows = self.rows(stack, delivery)?;
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
        let batch = receipts::next_batch(self.connection)?;
        let attributes = delivery
            .attributes
            .iter()
            .map(|attributes| intern::attributes(self.connection, attributes));
        let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
        let mut counts = self.record((batch, delivery.window.start), &rows, &conflicts, &attributes)?;
        let refused = refused(delivery, &conflicts);
        counts.quarantined = u32::try_from(refused.len()).unwrap_or(u32::MAX);
        counts.received = delivery.received;
        if !counts.add_up() {
            return Err(StoreError::corrupt(format!(
                "a delivery's records got lost on their way into the ledger, or some got in twice: {counts:?}"
            )));
        }
        let receipt = receipts::store(self.connection, (batch, stack), delivery, counts, &refused)?;
        Ok(Outcome::Done(Appended::New(receipt)))
    }

    /// The answer to a delivery whose idempotency key is known.
    fn answered_before(&self, stack: StackRow, delivery: &Delivery) -> Result<Option<Appended>, StoreError> {
        let Some(key) = delivery.idempotency_key.as_deref() else {
            return Ok(None);
        };
        let first = receipts::by_key(self.connection, stack, key)?;
        Ok(first.map(|first| {
            let same = first.digest == delivery.digest;
            if same {
                Appended::Repeated(first)
            } else {
                Appended::KeyReused { first: first.batch }
            }
        }))
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
        let mut changed = Vec::new();
        for ((series, hour), attributes) in &self.attributes {
            let set = history::set(self.connection, *series, *hour, *attributes)?;
            if set && self.touched.get(series).is_none_or(|touched| !touched.created) {
                changed.push(*series);
            }
        }
        let series = self.newest_attributes(cache)?;
        Ok(News { series, changed })
    }

    /// What the cache is to know of the series touched.
    fn newest_attributes(self, cache: &SeriesCache) -> Result<Vec<(Fingerprint, KnownSeries)>, StoreError> {
        let mut fingerprints = HashMap::new();
        let mut known = Vec::with_capacity(self.touched.len());
        for (series, touched) in self.touched {
            let Some((since, attributes)) = history::newest(self.connection, series)? else {
                continue;
            };
            let attributes = match fingerprints.entry(attributes) {
                Entry::Occupied(seen) => *seen.get(),
                Entry::Vacant(new) => {
                    *new.insert(cache.attributes_of(&history::texts(self.connection, attributes)?))
                }
            };
            known.push((
                touched.fingerprint,
                KnownSeries {
                    series,
                    attributes,
                    since,
                },
            ));
        }
        Ok(known)
    }
}

impl News {
    /// Tells those who deliver, and those whose deliveries wait.
    pub(super) fn publish(self, cache: &SeriesCache, changes: &mut AttributeChanges) {
        for (fingerprint, known) in self.series {
            cache.insert(fingerprint, known);
        }
        if !self.changed.is_empty() {
            changes.remember(self.changed, cache.attributes_changed());
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
    use domain::time::Timestamp;
    use domain::usage::UsageRecord;

    use super::*;
    use crate::sqlite::migrations::USAGE;
    use crate::usage::{Batch, DeliveredRecord, ReportedWindow};

    fn hour(number: i32) -> Hour {
        Hour::from_epoch_hours(500_000 + number).unwrap()
    }

    /// A delivery of one record of one series, prepared with what the cache knows now.
    fn delivery(cache: &SeriesCache, number: u8, start: i32, quantity: &str, tags: &str) -> Delivery {
        let record = UsageRecord {
            local_subscription: LocalSubscriptionId::from_bytes([1; 16]),
            local_meter: LocalMeterId::from_bytes([1; 16]),
            resource_uri: Cow::Borrowed("/vm"),
            location: Cow::Borrowed(""),
            tags: Cow::Borrowed(tags),
            additional_info: Cow::Borrowed(""),
            start: hour(start),
            granularity: Granularity::Hour,
            quantity: quantity.parse().unwrap(),
        };
        let batch = Batch {
            id: BatchId::from_bytes([number; 16]),
            stack: CloudId::from_bytes([1; 16]),
            received_at: Timestamp::UNIX_EPOCH,
            window: ReportedWindow {
                start: hour(50),
                end: None,
                through: None,
            },
            idempotency_key: None,
            digest: [0; 32],
            records: &[DeliveredRecord { index: 0, record }],
            quarantined: &[],
            raw: &|_| String::new(),
        };
        Delivery::prepare(&batch, cache, &Wanted::default())
    }

    struct Ledger {
        connection: Connection,
        cache: SeriesCache,
        changes: AttributeChanges,
    }

    impl Ledger {
        fn new() -> Self {
            let mut connection = Connection::open_in_memory().unwrap();
            USAGE.apply(&mut connection).unwrap();
            Self {
                connection,
                cache: SeriesCache::new(100),
                changes: AttributeChanges::default(),
            }
        }

        /// Stores deliveries in one transaction.
        fn store(&mut self, deliveries: &[Delivery]) -> Vec<Outcome> {
            let mut group = Group::new(&self.connection);
            let outcomes = deliveries
                .iter()
                .map(|delivery| group.apply(delivery, &self.changes).unwrap());
            let outcomes = outcomes.collect();
            group
                .write(&self.cache)
                .unwrap()
                .publish(&self.cache, &mut self.changes);
            outcomes
        }

        fn tags(&self, start: i32) -> String {
            let series =
                self.connection
                    .query_row("SELECT id FROM series WHERE resource_uri = '/vm'", [], |row| {
                        row.get(0)
                    });
            let attributes = history::in_force(&self.connection, series.unwrap(), hour(start))
                .unwrap()
                .unwrap();
            history::texts(&self.connection, attributes).unwrap().tags
        }
    }

    #[test]
    fn of_two_deliveries_in_one_transaction_the_record_that_counts_gives_its_attributes() {
        for (first, second) in [("other", "known"), ("known", "other"), ("other", "another")] {
            let mut ledger = Ledger::new();
            ledger.store(&[delivery(&ledger.cache, 0, 0, "1", "known")]);
            let both = [
                delivery(&ledger.cache, 1, 5, "1", first),
                delivery(&ledger.cache, 2, 5, "2", second),
            ];
            assert!(
                ledger
                    .store(&both)
                    .iter()
                    .all(|outcome| matches!(outcome, Outcome::Done(_)))
            );
            assert_eq!(
                (ledger.tags(0).as_str(), ledger.tags(5).as_str()),
                ("known", second)
            );
        }
    }

    #[test]
    fn a_delivery_that_relied_on_attributes_changed_since_has_to_bring_them() {
        let mut ledger = Ledger::new();
        ledger.store(&[delivery(&ledger.cache, 0, 0, "1", "known")]);
        let relying = delivery(&ledger.cache, 1, 5, "1", "known");
        ledger.store(&[delivery(&ledger.cache, 2, 4, "1", "changed")]);
        let outcomes = ledger.store(&[relying]);
        assert!(matches!(
            &outcomes[..],
            [Outcome::Again(Wanted {
                all_attributes: true,
                ..
            })]
        ));
        let stored: i64 = ledger
            .connection
            .query_row("SELECT count(*) FROM batch", [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored, 2, "nothing of it is stored");
        ledger.store(&[delivery(&ledger.cache, 1, 5, "1", "known")]);
        assert_eq!(
            (ledger.tags(4).as_str(), ledger.tags(5).as_str()),
            ("changed", "known")
        );
    }
}

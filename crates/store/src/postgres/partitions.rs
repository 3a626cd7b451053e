//! The months in which sheets are kept: a partition each, made before anything is put into it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::{Hour, Period};

use super::link::Link;
use super::migrations::SCHEMA_LOCK;
use crate::error::StoreError;

/// The years that have partitions by month. What is said to be before or after is kept in one partition each: a stack
/// with a wrong clock must not make a hundred thousand tables.
const FIRST_YEAR: &str = "2015-01";
const YEARS_END: &str = "2100-01";
/// The months made ahead.
const AHEAD: usize = 3;

/// The months that have partitions, as far as this process knows.
#[derive(Clone, Default)]
pub(super) struct Partitions(Arc<Mutex<BTreeSet<Period>>>);

impl Partitions {
    /// Of the months of these hours those that are not known to have partitions.
    pub(super) fn missing(&self, hours: impl Iterator<Item = Hour>) -> BTreeSet<Period> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last: Option<Hour> = None;
        let mut missing = BTreeSet::new();
        for hour in hours {
            // Hours of one day come together.
            if last.is_none_or(|last| last.day() != hour.day()) {
                let month = hour.period();
                if by_month(month) && !known.contains(&month) {
                    missing.insert(month);
                }
            }
            last = Some(hour);
        }
        missing
    }

    /// Makes the partitions of months, outside of any transaction. Readers and writers of other months go on.
    pub(super) fn make(&self, link: &mut Link, months: &BTreeSet<Period>) -> Result<(), StoreError> {
        for month in months {
            link.execute(&statements(*month))?;
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(*month);
        }
        Ok(())
    }

    /// Makes the partitions of the months around now, by the clock of the server.
    pub(super) fn make_ahead(&self, link: &mut Link) -> Result<(), StoreError> {
        let now = link.ask(async |client| {
            let row = client
                .query_one("SELECT floor(extract(epoch FROM now()) / 3600)::integer", &[])
                .await?;
            row.try_get::<_, i32>(0)
        })?;
        let now = Hour::from_epoch_hours(now).ok_or_else(|| {
            StoreError::unavailable("the clock of the PostgreSQL server is before 1970 or after 9999")
        })?;
        let mut months = BTreeSet::from([now.period()]);
        months.extend(now.period().previous());
        let mut month = now.period();
        for _ in 0..AHEAD {
            month = month.interval().end().period();
            months.insert(month);
        }
        months.retain(|month| by_month(*month));
        self.make(link, &months)
    }
}

fn by_month(month: Period) -> bool {
    let year: Result<Period, _> = FIRST_YEAR.parse();
    let end: Result<Period, _> = YEARS_END.parse();
    year.is_ok_and(|first| first <= month) && end.is_ok_and(|end| month < end)
}

/// A table is made beside the others and then attached: unlike making it in its place, that lets everybody read and
/// write on. Two servers that want the same month do it one after the other.
fn statements(month: Period) -> String {
    let interval = month.interval();
    let (start, end) = (interval.start(), interval.end());
    let name = month.to_string().replace('-', "_");
    let attached = |table: &str, from: i32, to: i32| {
        format!(
            "IF to_regclass('{table}_{name}') IS NULL THEN
                 CREATE TABLE {table}_{name} (LIKE {table} INCLUDING ALL);
                 ALTER TABLE {table} ATTACH PARTITION {table}_{name} FOR VALUES FROM ({from}) TO ({to});
             END IF;"
        )
    };
    format!(
        "DO $$ BEGIN
             PERFORM pg_advisory_xact_lock({SCHEMA_LOCK});
             {}
             {}
         END $$",
        attached("hour_sheet", start.epoch_hours(), end.epoch_hours()),
        attached("day_sheet", start.day().epoch_days(), end.day().epoch_days()),
    )
}

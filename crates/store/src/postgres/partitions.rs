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

    /// Makes the partitions of months, each table's in a transaction of its own. Everybody else waits for the moment
    /// that takes; who reads already is waited for, and if that takes too long it fails as [`StoreError::Busy`].
    pub(super) fn make(&self, link: &mut Link, months: &BTreeSet<Period>) -> Result<(), StoreError> {
        for month in months {
            for statement in statements(*month) {
                link.execute(&statement)?;
            }
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

/// How long whoever reads or writes a table is waited for; everybody who comes later waits behind. In milliseconds.
const TABLE_WAIT: u32 = 3_000;

/// What makes the partitions of a month, a statement for each table. Of two servers that want the same month the second
/// finds it made.
///
/// The table is locked against everybody. To attach a partition PostgreSQL needs no such lock, but then a connection
/// that opens the table for the first time at that very moment may note the partitions as they were, and go by that for as
/// long as it lives: it cannot write to the new month, and reads it as empty. One table is locked at a time: a reader has
/// them in any order.
fn statements(month: Period) -> [String; 2] {
    let interval = month.interval();
    let (start, end) = (interval.start(), interval.end());
    let name = month.to_string().replace('-', "_");
    let made = |table: &str, from: i32, to: i32| {
        format!(
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock({SCHEMA_LOCK});
                 IF to_regclass('{table}_{name}') IS NULL THEN
                     PERFORM set_config('lock_timeout', '{TABLE_WAIT}', true);
                     LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;
                     CREATE TABLE {table}_{name} PARTITION OF {table} FOR VALUES FROM ({from}) TO ({to});
                 END IF;
             END $$"
        )
    };
    [
        made("hour_sheet", start.epoch_hours(), end.epoch_hours()),
        made("day_sheet", start.day().epoch_days(), end.day().epoch_days()),
    ]
}

//! The months in which sheets are kept: a partition each, made before anything is put into it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::time::{Hour, Period};

use super::failure::{Failure, Remedy};
use super::link::Link;
use super::migrations::SCHEMA_LOCK;
use crate::error::StoreError;

/// The years that have partitions by month. What is said to be before or after is kept in one partition each: a stack
/// with a wrong clock must not make a hundred thousand tables.
const FIRST_YEAR: &str = "2015-01";
const YEARS_END: &str = "2100-01";
/// The months made ahead.
const AHEAD: usize = 3;
/// How often that is done, and how long after it failed.
const BETWEEN_LOOKS_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// How long a month that could not be made is refused before it is tried again: everybody waits while it is.
const REFUSED: Duration = Duration::from_secs(30);

/// The months that have partitions. What one connection learns of them, all of this process know.
#[derive(Clone, Default)]
pub(super) struct Partitions(Arc<Mutex<Months>>);

#[derive(Default)]
struct Months {
    known: BTreeSet<Period>,
    /// Those that could not be made: when that was, and why.
    refused: BTreeMap<Period, (Instant, StoreError)>,
    /// When months have to be made ahead again.
    look_ahead: Option<Instant>,
}

impl Partitions {
    /// Of the months of these hours those that are not known to have partitions.
    pub(super) fn missing(&self, hours: impl Iterator<Item = Hour>) -> BTreeSet<Period> {
        let known = &self.lock().known;
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
    /// that takes; who reads already is waited for, and if that takes too long it fails as [`StoreError::Busy`], and the
    /// next who come are told the same at once.
    pub(super) fn make(&self, link: &mut Link, months: &BTreeSet<Period>) -> Result<(), StoreError> {
        for month in months {
            self.check_refused(*month)?;
            let made = make_month(link, *month);
            let mut all = self.lock();
            match made {
                Ok(()) => {
                    all.refused.remove(month);
                    all.known.insert(*month);
                }
                Err(failure) => {
                    tracing::warn!(%month, %failure, "usage of a month cannot be kept: no place for it can be made");
                    let reconnect = failure.remedy() == Remedy::Reconnect;
                    let error = StoreError::from(failure);
                    if !reconnect {
                        all.refused.insert(*month, (Instant::now(), error.clone()));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn check_refused(&self, month: Period) -> Result<(), StoreError> {
        match self.lock().refused.get(&month) {
            Some((when, error)) if when.elapsed() < REFUSED => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Somebody took a month away: what is known of them is not to be relied on.
    pub(super) fn forget(&self) {
        self.lock().known.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Months> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the partitions of the months around now, if it is time to do so again. What fails is tried again later:
    /// the months may be there for long, and who needs one that is not makes it.
    pub(super) fn keep_ahead(&self, link: &mut Link) {
        let now = Instant::now();
        {
            let mut all = self.lock();
            if all.look_ahead.is_some_and(|when| now < when) {
                return;
            }
            // Nobody else does it in the meantime.
            all.look_ahead = Some(now + BETWEEN_LOOKS_AHEAD);
        }
        if let Err(error) = self.make_ahead(link) {
            tracing::warn!(%error, "the next months of usage could not be made ahead");
            self.lock().look_ahead = Some(now + LOOK_AGAIN);
        }
    }

    /// Makes the partitions of the months around now, by the clock of the server.
    fn make_ahead(&self, link: &mut Link) -> Result<(), StoreError> {
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
const TABLE_WAIT: u32 = 200;
/// How often that is tried.
const TABLE_TRIES: u32 = 3;
/// The pause between two tries, in which those who wait behind get through.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

fn make_month(link: &mut Link, month: Period) -> Result<(), Failure> {
    for statement in statements(month) {
        let mut tries = 1;
        while let Err(failure) = link.execute(&statement) {
            if tries == TABLE_TRIES || !failure.is_about_a_lock() {
                return Err(failure);
            }
            tries += 1;
            std::thread::sleep(BETWEEN_TRIES);
        }
    }
    Ok(())
}

/// Sheets of totals are written anew with each hour of their day: the new version of a row finds its place beside the old
/// one, where no index hears of it, and what it leaves is used again.
const ROOM: &str = "WITH (fillfactor = 50)";

/// What makes the partitions of a month, a statement for each table. Of two servers that want the same month the second
/// finds it made. A table of that name that is no partition is not taken for one: whoever took it out has its records, and
/// has to put it back.
///
/// The table is locked against everybody. To attach a partition PostgreSQL needs no such lock, but then a connection
/// that opens the table for the first time at that very moment may note the partitions as they were, and go by that for as
/// long as it lives: it cannot write to the new month, and reads it as empty. One table is locked at a time: a reader has
/// them in any order.
fn statements(month: Period) -> [String; 2] {
    let interval = month.interval();
    let (start, end) = (interval.start(), interval.end());
    let name = month.to_string().replace('-', "_");
    let made = |table: &str, (from, to): (i32, i32), storage: &str| {
        format!(
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock({SCHEMA_LOCK});
                 IF NOT EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                                WHERE inhparent = '{table}'::regclass AND relname = '{table}_{name}') THEN
                     PERFORM set_config('lock_timeout', '{TABLE_WAIT}', true);
                     LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;
                     CREATE TABLE {table}_{name} PARTITION OF {table} FOR VALUES FROM ({from}) TO ({to}) {storage};
                 END IF;
             END $$"
        )
    };
    [
        made("hour_sheet", (start.epoch_hours(), end.epoch_hours()), ""),
        made(
            "day_sheet",
            (start.day().epoch_days(), end.day().epoch_days()),
            ROOM,
        ),
    ]
}

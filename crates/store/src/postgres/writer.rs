//! A connection that writes.

use std::time::Duration;

use super::failure::{Failure, Remedy};
use super::link::{Connector, Link};
use super::partitions::Partitions;
use super::transaction::{Left, PostgresTransaction};
use crate::error::StoreError;
use crate::transaction::{Transaction, Writer};

/// How often a unit of work is done again because somebody else got into its way, or the connection was lost.
const ATTEMPTS_MAX: u32 = 6;
/// The pause before the second attempt; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Each statement sees what was committed before it began: what a unit of work decides on it has locked before.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// Goes to the disk and to whoever has to have it before a commit is answered, as any commit does that writes something.
const PROBE: &str = "SELECT pg_logical_emit_message(true, 'meterbridge', ''); COMMIT";
/// How long that may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct PostgresWriter {
    connector: Connector,
    partitions: Partitions,
    link: Option<Link>,
    /// Whether the last commit got no answer. Until one gets one nothing else is written: it would hang as well, each time
    /// on another connection, and with the locks of what it wrote.
    unanswered: bool,
}

/// Why an attempt came to nothing.
enum Failed {
    /// Another one would not do better.
    ForGood(StoreError),
    /// Somebody else got in the way, or the connection was lost.
    ForNow(StoreError),
    /// A month had no place to be kept: now it has.
    MonthsMade,
}

impl Failed {
    fn new(error: StoreError, remedy: Remedy) -> Self {
        match remedy {
            Remedy::None => Self::ForGood(error),
            Remedy::Again | Remedy::Reconnect | Remedy::Months => Self::ForNow(error),
        }
    }
}

impl PostgresWriter {
    pub(super) fn new(connector: Connector, partitions: Partitions) -> Self {
        Self {
            connector,
            partitions,
            link: None,
            unanswered: false,
        }
    }

    fn attempt<T>(
        &mut self,
        again: bool,
        work: &mut impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, Failed> {
        if self.unanswered {
            self.probe().map_err(Failed::ForGood)?;
        }
        let link = self.connector.begin(self.link.take(), BEGIN);
        let link = link.map_err(Failed::ForGood)?;
        let transaction = PostgresTransaction::new(link, &self.partitions, again);
        let done = work(&transaction);
        let left = transaction.end();
        match done {
            Ok(done) => self.commit(left.link).map(|()| done),
            Err(error) => Err(self.roll_back(left, error)),
        }
    }

    fn commit(&mut self, mut link: Link) -> Result<(), Failed> {
        if let Err(failure) = link.commit() {
            self.unanswered = matches!(failure, Failure::Silent(_));
            let remedy = failure.remedy();
            self.link = Some(link);
            let error = match remedy {
                Remedy::Reconnect => uncertain(failure),
                Remedy::Again | Remedy::Months | Remedy::None => failure.into(),
            };
            return Err(Failed::new(error, remedy));
        }
        self.partitions.keep_ahead(&mut link);
        self.link = Some(link);
        Ok(())
    }

    fn roll_back(&mut self, left: Left, error: StoreError) -> Failed {
        let Left {
            mut link,
            missing,
            remedy,
        } = left;
        if remedy == Remedy::Months {
            self.partitions.forget();
        }
        if link.execute("ROLLBACK").is_err() {
            return Failed::new(error, remedy);
        }
        let made = self.partitions.make(&mut link, &missing);
        self.link = Some(link);
        match made {
            Err(error) => Failed::ForGood(error),
            Ok(()) if !missing.is_empty() => Failed::MonthsMade,
            Ok(()) => Failed::new(error, remedy),
        }
    }
}

/// The failure of a commit whose answer was lost.
fn uncertain(failure: impl std::fmt::Display) -> StoreError {
    StoreError::Uncertain {
        detail: failure.to_string(),
    }
}

/// Why a unit of work could not be done again that may have been done before.
fn in_doubt(error: StoreError) -> StoreError {
    match error {
        StoreError::Busy | StoreError::Unavailable { .. } => uncertain(error),
        other => other,
    }
}

impl Writer for PostgresWriter {
    fn write<T>(
        &mut self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut attempts = 1;
        let mut may_be_stored = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.attempt(may_be_stored, &mut work) {
                Ok(done) => return Ok(done),
                // Nobody got in the way, and there are only so many months.
                Err(Failed::MonthsMade) => continue,
                Err(Failed::ForNow(error)) if attempts < ATTEMPTS_MAX => error,
                Err(Failed::ForNow(error) | Failed::ForGood(error)) => {
                    return Err(if may_be_stored { in_doubt(error) } else { error });
                }
            };
            may_be_stored |= matches!(error, StoreError::Uncertain { .. });
            tracing::info!(%error, "a unit of work is done again");
            attempts += 1;
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        let mut link = self.connector.begin(self.link.take(), BEGIN)?;
        link.be_quick(PROBE_PATIENCE);
        // Should it hang it may be cancelled: there is nothing in it.
        link.execute(PROBE)?;
        link.be_usual();
        self.link = Some(link);
        self.unanswered = false;
        Ok(())
    }

    fn close(&mut self) {
        self.link = None;
    }
}

//! A connection that writes.

use std::time::Duration;

use super::failure::Remedy;
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

pub(super) struct PostgresWriter {
    connector: Connector,
    partitions: Partitions,
    link: Option<Link>,
}

/// Why an attempt came to nothing.
struct Failed {
    error: StoreError,
    remedy: Remedy,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            remedy: Remedy::None,
        }
    }
}

impl PostgresWriter {
    pub(super) fn new(connector: Connector, partitions: Partitions) -> Self {
        Self {
            connector,
            partitions,
            link: None,
        }
    }

    fn attempt<T>(
        &mut self,
        again: bool,
        work: &mut impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, Failed> {
        let link = self.connector.begin(self.link.take(), BEGIN)?;
        let transaction = PostgresTransaction::new(link, &self.partitions, again);
        let done = work(&transaction);
        let Left {
            mut link,
            missing,
            remedy,
        } = transaction.end();
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                if link.execute("ROLLBACK").is_ok() {
                    let remedy = if missing.is_empty() { remedy } else { Remedy::Again };
                    let made = self.partitions.make(&mut link, &missing);
                    self.link = Some(link);
                    made?;
                    return Err(Failed { error, remedy });
                }
                return Err(Failed { error, remedy });
            }
        };
        match link.execute("COMMIT") {
            Ok(()) => {
                self.link = Some(link);
                Ok(done)
            }
            Err(failure) => {
                let remedy = failure.remedy();
                if remedy != Remedy::Reconnect {
                    self.link = Some(link);
                }
                Err(Failed {
                    error: failure.into(),
                    remedy,
                })
            }
        }
    }
}

impl Writer for PostgresWriter {
    fn write<T>(
        &mut self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut again = false;
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS_MAX {
            let Failed { error, remedy } = match self.attempt(again, &mut work) {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            if remedy == Remedy::None {
                return Err(error);
            }
            tracing::info!(%error, "a unit of work is done again");
            again = true;
            std::thread::sleep(pause);
            pause *= 2;
        }
        self.attempt(again, &mut work).map_err(|failed| failed.error)
    }

    /// Asks for the number of a transaction, which is what makes a commit go to the disk.
    fn probe(&mut self) -> Result<(), StoreError> {
        let mut link = self.connector.begin(self.link.take(), BEGIN)?;
        link.execute("SELECT pg_current_xact_id(); COMMIT")?;
        self.link = Some(link);
        Ok(())
    }

    fn close(&mut self) {
        self.link = None;
    }
}

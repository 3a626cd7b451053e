//! All of a database for one thread.

use std::time::Duration;

use super::link::{Connector, Link};
use super::partitions::Partitions;
use super::transaction::PostgresTransaction;
use super::writer::PostgresWriter;
use super::{PostgresConfig, check, migrations, refuse_unfinished};
use crate::audit::AuditError;
use crate::error::StoreError;
use crate::transaction::{Role, Transaction, Whole, Writer as _};

/// Held while a copy is put into the database: a number that nothing else in it has.
const COPY_LOCK: i64 = 0x6d62_636f_7079_0001;
/// How long a statement may take that reads what somebody copies: a table may have to be counted.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// All is read in one snapshot, however long it waits between two pages for what is done with them. Pages come in the
/// order of keys: the plan that sorts the whole table for each would be the better one only for the whole table.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";

pub(crate) struct PostgresWhole {
    connector: Connector,
    writer: PostgresWriter,
    /// Holds the lock of the target.
    _lock: Option<Link>,
}

/// Whether anything was ever kept there.
pub(crate) fn is_there(config: &PostgresConfig) -> Result<bool, StoreError> {
    let mut link = Connector::new(config)?.connect()?;
    Ok(link.ask(async |client| {
        let sql = "SELECT to_regclass('hour_sheet') IS NOT NULL";
        client.query_one(sql, &[]).await?.try_get(0)
    })?)
}

/// Opens a database, which others may have open too.
pub(crate) fn open_whole(config: &PostgresConfig, role: Role) -> Result<PostgresWhole, StoreError> {
    let connector = Connector::new(config)?;
    let mut link = connector.connect()?;
    check(&mut link)?;
    migrations::apply(&mut link)?;
    let lock = match role {
        Role::Source => {
            drop(refuse_unfinished(link)?);
            None
        }
        Role::Target => {
            lock(&mut link)?;
            Some(link)
        }
    };
    Ok(PostgresWhole {
        writer: PostgresWriter::new(connector.clone(), Partitions::default()),
        connector,
        _lock: lock,
    })
}

/// Reads a database, which others may have open too, without changing anything in it.
pub(crate) fn read_as_it_is(
    config: &PostgresConfig,
    read: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
) -> Result<(), AuditError> {
    if !is_there(config)? {
        return Err(AuditError::NoStore);
    }
    let connector = Connector::new(config)?;
    let mut link = connector.connect()?;
    check(&mut link)?;
    let found = migrations::version(&mut link).map_err(StoreError::from)?;
    AuditError::unless_of_version(found, migrations::known())?;
    let mut whole = PostgresWhole {
        writer: PostgresWriter::new(connector.clone(), Partitions::default()),
        connector,
        _lock: None,
    };
    Ok(whole.read(read)?)
}

/// Keeps others from copying into the same database, until the connection ends.
fn lock(link: &mut Link) -> Result<(), StoreError> {
    let locked = link.ask(async |client| {
        let sql = "SELECT pg_try_advisory_lock($1)";
        client.query_one(sql, &[&COPY_LOCK]).await?.try_get(0)
    })?;
    if locked {
        Ok(())
    } else {
        Err(StoreError::unavailable(
            "somebody else is copying into this database",
        ))
    }
}

impl Whole for PostgresWhole {
    fn read(
        &mut self,
        read: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut link = self.connector.begin(None, BEGIN)?;
        link.be_patient(PATIENCE)?;
        // Nothing is put anywhere here.
        let partitions = Partitions::default();
        read(&PostgresTransaction::new(link, &partitions, false))
    }

    fn write(
        &mut self,
        work: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.writer.write(work)
    }

    fn look_over(&mut self) -> Result<(), StoreError> {
        let mut link = self.connector.connect()?;
        link.execute("SET statement_timeout = 0")?;
        link.be_quick(PATIENCE);
        Ok(link.execute("ANALYZE")?)
    }
}

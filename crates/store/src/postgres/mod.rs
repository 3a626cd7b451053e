//! PostgreSQL: books, usage and sign-ins in one database, which several servers may write at once.
//!
//! A [`link`] is a connection that its thread drives by itself; a [`transaction`] on it speaks the language of all back
//! ends. [`pool`] has connections that read, [`writer`] one that writes and does a unit of work again when somebody was
//! faster or the connection was lost. [`sheets`] and [`numeric`] say how records become rows, [`partitions`] makes the
//! months they are kept in, [`migrations`] the tables.
//!
//! Units of work and what keeps them apart:
//!
//! - A group of deliveries: READ COMMITTED, and a lock on the rows of its stacks, in the order of their ids. Whatever is
//!   read and written of a stack (series, sheets, history, receipts) is so under its lock. What stacks share (meters,
//!   attributes) is added where it is not there, in the order of the keys.
//! - Quarantine: positions become visible in their order, by a lock that all who put something there take last.
//! - The journal: who finds another last entry than expected is told so; of two who append the same number the second
//!   fails, looks again, and is told so.
//! - Bills: who puts a document there looks at what is there then.
//! - A sign-in, a code: what it goes on from is a condition of the statement that changes it, so who comes late changes
//!   nothing. Whoever heard nothing of their commit knows what they wrote of a code by something in it that was drawn for it.
//! - Reading: REPEATABLE READ, so that an answer is of one moment.

mod config;
mod definitions;
mod failure;
mod link;
mod migrations;
mod numeric;
mod partitions;
mod pool;
mod sheets;
mod text;
mod tls;
mod transaction;
mod values;
mod whole;
mod writer;

use std::sync::Arc;

pub use self::config::{InvalidPostgresUrl, PostgresConfig};
use self::link::{Connector, Link};
use self::partitions::Partitions;
use self::pool::ReadPool;
use self::transaction::PostgresTransaction;
pub(crate) use self::whole::{is_there, open_whole, read_as_it_is};
use self::writer::PostgresWriter;
use crate::Store;
use crate::bills::KeptBills;
use crate::codes::KeptCodes;
use crate::copy;
use crate::error::StoreError;
use crate::journal::KeptJournal;
use crate::ledger::Ledger;
use crate::sessions::KeptSessions;
use crate::turns::Turns;

/// The oldest version that is known to do all that is asked of it, as the server counts them.
const OLDEST_VERSION: i32 = 150_000;
/// The most that read usage at one time.
const USAGE_READERS_MAX: usize = 8;
/// The most that look for sign-ins and codes at one time: each of them takes a fraction of a millisecond.
const SIGN_IN_READERS_MAX: usize = 4;
/// The most that read bills at one time.
const BILL_READERS_MAX: usize = 4;
/// Those who look for new entries share their looks.
const JOURNAL_READERS_MAX: usize = 1;

/// Opens it on a thread of its own: connections are driven by the thread that uses them, which must not be one that
/// drives something else already.
pub(crate) fn open(config: &PostgresConfig) -> Result<Store, StoreError> {
    let opened = std::thread::scope(|scope| scope.spawn(|| open_here(config)).join());
    opened.map_err(|_| StoreError::unavailable("PostgreSQL could not be opened"))?
}

/// Whether the tables of a memory are there.
pub(crate) fn is_made(config: &PostgresConfig) -> Result<bool, StoreError> {
    let looked = std::thread::scope(|scope| {
        let look = || Ok(migrations::are_begun(&mut Connector::new(config)?.connect()?)?);
        scope.spawn(look).join()
    });
    looked.map_err(|_| StoreError::unavailable("PostgreSQL could not be asked"))?
}

fn open_here(config: &PostgresConfig) -> Result<Store, StoreError> {
    let connector = Connector::new(config)?;
    let mut link = connector.connect()?;
    check(&mut link)?;
    migrations::apply(&mut link)?;
    let mut link = refuse_unfinished(link)?;
    let partitions = Partitions::default();
    partitions.keep_ahead(&mut link);
    let readers = |max| ReadPool::new(connector.clone(), max);
    let writer = || PostgresWriter::new(connector.clone(), partitions.clone());
    let (sign_ins, books) = (readers(SIGN_IN_READERS_MAX), Arc::new(Turns::new(writer())));
    // What is asked before each request never waits for somebody who reads usage.
    Ok(Store {
        journal: Arc::new(KeptJournal::new(readers(JOURNAL_READERS_MAX), books)),
        usage: Arc::new(Ledger::start(readers(USAGE_READERS_MAX), writer())?),
        bills: Arc::new(KeptBills::new(
            readers(BILL_READERS_MAX),
            Arc::new(Turns::new(writer())),
        )),
        sessions: Arc::new(KeptSessions::new(sign_ins.clone(), writer())),
        codes: Arc::new(KeptCodes::new(sign_ins, Arc::new(Turns::new(writer())))),
    })
}

/// Gives the connection back, unless what is there is an unfinished copy.
fn refuse_unfinished(link: Link) -> Result<Link, StoreError> {
    let partitions = Partitions::default();
    let transaction = PostgresTransaction::new(link, &partitions, false);
    copy::refuse_unfinished(&transaction)?;
    Ok(transaction.end().link)
}

/// Whether the server is one that keeps what it is given as it is given.
fn check(link: &mut Link) -> Result<(), StoreError> {
    let (version, encoding, fsync) = link.ask(async |client| {
        let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'),
                   coalesce(current_setting('fsync', true), 'on')";
        let row = client.query_one(sql, &[]).await?;
        Ok((
            row.try_get::<_, i32>(0)?,
            row.try_get::<_, String>(1)?,
            row.try_get::<_, String>(2)?,
        ))
    })?;
    if version < OLDEST_VERSION {
        return Err(StoreError::unavailable(format_args!(
            "the PostgreSQL server has version {}; use 15 or newer",
            version / 10_000
        )));
    }
    if encoding != "UTF8" {
        return Err(StoreError::unavailable(format_args!(
            "the database has the encoding {encoding}; create one with ENCODING 'UTF8'"
        )));
    }
    if fsync != "on" {
        tracing::warn!(
            "PostgreSQL runs with fsync = {fsync}: what is acknowledged may be lost with its machine"
        );
    }
    Ok(())
}

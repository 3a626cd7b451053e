//! Several sayings about one key: all that matter are kept, and one of them counts.
//!
//! The one that counts stands in the hour sheet, as said at its earliest reported time; every other quantity, and
//! every later saying that was once taken for the earliest, is a row of `observation`.

use domain::quantity::Quantity;
use domain::time::Hour;
use domain::usage::{Observation, that_counts};
use rusqlite::{Connection, params};

use super::columns;
use super::ids::{BatchRow, SeriesId};
use crate::error::StoreError;

/// What a batch said about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) observation: Observation,
    pub(super) batch: BatchRow,
}

impl Saying {
    pub(super) fn new(quantity: Quantity, reported: Hour, batch: BatchRow) -> Self {
        Self {
            observation: Observation { quantity, reported },
            batch,
        }
    }
}

/// What came of one more saying about a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whether its quantity had been said before.
    pub(super) known: bool,
    /// What counts now.
    pub(super) counts: Saying,
}

/// Takes in a saying about a key of which `counting` has counted so far.
pub(super) fn hear(
    connection: &Connection,
    (series, hour): (SeriesId, Hour),
    counting: Saying,
    said: Saying,
) -> Result<Heard, StoreError> {
    let same = |known: &Saying| known.observation.quantity == said.observation.quantity;
    let repeated = |known: &Saying| same(known) && known.observation.reported <= said.observation.reported;
    if repeated(&counting) {
        return Ok(Heard {
            known: true,
            counts: counting,
        });
    }
    let mut all = others(connection, series, hour)?;
    all.push(counting);
    let known = all.iter().any(same);
    if all.iter().any(repeated) {
        return Ok(Heard {
            known,
            counts: counting,
        });
    }
    all.push(said);
    Ok(Heard {
        known,
        counts: settle(connection, (series, hour), &all)?,
    })
}

/// Writes every saying but the one that counts, and returns that.
fn settle(
    connection: &Connection,
    (series, hour): (SeriesId, Hour),
    all: &[Saying],
) -> Result<Saying, StoreError> {
    let counts = counting(all)
        .ok_or_else(|| StoreError::corrupt(format!("no quantity of series {} counts at {hour}", series.0)))?;
    connection
        .prepare_cached("DELETE FROM observation WHERE series = ?1 AND hour = ?2")?
        .execute(params![series, hour.epoch_hours()])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO observation (series, hour, quantity, batch, reported, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for saying in all.iter().filter(|saying| **saying != counts) {
        let Observation { quantity, reported } = saying.observation;
        insert.execute(params![
            series,
            hour.epoch_hours(),
            columns::quantity_bytes(quantity),
            saying.batch,
            reported.epoch_hours(),
            is_again(saying, all)
        ])?;
    }
    Ok(counts)
}

/// The saying that counts: of the quantity that counts, the earliest.
pub(super) fn counting(all: &[Saying]) -> Option<Saying> {
    let observations: Vec<Observation> = all.iter().map(|saying| saying.observation).collect();
    let counts = that_counts(&observations)?;
    let of_quantity = all
        .iter()
        .filter(|saying| saying.observation.quantity == counts.quantity);
    of_quantity
        .min_by_key(|saying| (saying.observation.reported, saying.batch))
        .copied()
}

/// Whether its quantity was said at an earlier reported time.
pub(super) fn is_again(saying: &Saying, all: &[Saying]) -> bool {
    let when = |it: &Saying| (it.observation.reported, it.batch);
    all.iter()
        .any(|other| other.observation.quantity == saying.observation.quantity && when(other) < when(saying))
}

/// The sayings about a key beside the one that counts.
pub(super) fn others(
    connection: &Connection,
    series: SeriesId,
    hour: Hour,
) -> Result<Vec<Saying>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT quantity, batch, reported FROM observation WHERE series = ?1 AND hour = ?2",
    )?;
    let mut rows = statement.query(params![series, hour.epoch_hours()])?;
    let mut sayings = Vec::new();
    while let Some(row) = rows.next()? {
        let quantity: Vec<u8> = row.get(0)?;
        let quantity = columns::quantity(&quantity)?;
        sayings.push(Saying::new(quantity, columns::hour(row.get(2)?)?, row.get(1)?));
    }
    Ok(sayings)
}

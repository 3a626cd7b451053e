//! Observations: a record is all that was said about one hour of a series, since the databases order quantities
//! differently.

use domain::quantity::Quantity;

use super::record::Record;
use super::tables::Table;
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, Value, values};

/// Hours of series read, and written in one transaction.
const PAGE: usize = 1000;
/// The columns beside the key.
const COLUMNS: usize = 4;

/// The table of observations.
pub(super) struct Sayings;

/// A row beside its key.
struct Saying {
    batch: i64,
    quantity: Quantity,
    reported: i64,
    again: i64,
}

impl Saying {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            batch: row.get(2)?,
            quantity: row.get(3)?,
            reported: row.get(4)?,
            again: row.get(5)?,
        })
    }
}

/// A series and an hour.
type Key = [i64; 2];

fn key(row: &dyn Columns) -> Result<Key, StoreError> {
    Ok([row.get(0)?, row.get(1)?])
}

fn keys(transaction: &dyn Transaction, after: Option<&Record>) -> Result<Vec<Key>, StoreError> {
    let Some(after) = after else {
        let sql = "SELECT DISTINCT series, hour FROM observation ORDER BY series, hour LIMIT ?1";
        return transaction.rows(sql, &values![PAGE], key);
    };
    let mut values = after.key_values()?;
    values.push(PAGE.into());
    let sql = "SELECT DISTINCT series, hour FROM observation WHERE (series, hour) > (?1, ?2)
               ORDER BY series, hour LIMIT ?3";
    transaction.rows(sql, &values, key)
}

fn record(key: Key, mut sayings: Vec<Saying>) -> Record {
    sayings.sort_unstable_by_key(|it| {
        (
            it.batch,
            it.reported,
            it.quantity.scale(),
            it.quantity.coefficient(),
        )
    });
    let mut record = Record::new();
    for part in key {
        record.put(Value::Integer(part));
    }
    record.end_key();
    record.rows = sayings.len() as u64;
    for Saying {
        batch,
        quantity,
        reported,
        again,
    } in sayings
    {
        record.put(Value::Integer(batch));
        record.put(quantity.into());
        record.put(Value::Integer(reported));
        record.put(Value::Integer(again));
    }
    record
}

impl Table for Sayings {
    fn name(&self) -> &'static str {
        "observation"
    }

    fn of_facts(&self) -> bool {
        false
    }

    fn count(&'static self, transaction: &dyn Transaction) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM observation";
        transaction.the_row(sql, &[], |row| row.get(0))
    }

    fn page(
        &'static self,
        transaction: &dyn Transaction,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, StoreError> {
        let keys = keys(transaction, after)?;
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(Vec::new());
        };
        let bounds = [first[0], first[1], last[0], last[1]].map(Value::Integer);
        let mut rows = transaction
            .rows(
                "SELECT series, hour, batch, quantity, reported, again FROM observation
                 WHERE (series, hour) >= (?1, ?2) AND (series, hour) <= (?3, ?4) ORDER BY series, hour",
                &bounds,
                |row| Ok((key(row)?, Saying::from_row(row)?)),
            )?
            .into_iter()
            .peekable();
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let of_key = std::iter::from_fn(|| rows.next_if(|(of, _)| *of == key));
            records.push(record(key, of_key.map(|(_, saying)| saying).collect()));
        }
        Ok(records)
    }

    fn put(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        self.remove(transaction, records)?;
        let mut rows = Vec::new();
        for record in records {
            let (key, values) = (record.key_values()?, record.values()?);
            for saying in values[key.len()..].chunks(COLUMNS) {
                rows.extend(&key);
                rows.extend(saying);
            }
        }
        transaction.run(
            "INSERT INTO observation (series, hour, batch, quantity, reported, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            rows.len() / (2 + COLUMNS),
            &rows,
            &mut |_, _| Ok(()),
        )
    }

    fn remove(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        let mut keys = Vec::with_capacity(records.len() * 2);
        for record in records {
            keys.extend(record.key_values()?);
        }
        let sql = "DELETE FROM observation WHERE series = ?1 AND hour = ?2";
        transaction.run(sql, records.len(), &keys, &mut |_, _| Ok(()))
    }
}

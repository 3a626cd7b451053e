//! Tables whose rows are alike on all back ends: a record is a row.

use super::record::Record;
use super::tables::Table;
use crate::error::StoreError;
use crate::portion::rows_at_once;
use crate::transaction::{Columns, Transaction, Value};

/// Rows read, and written in one transaction, at the most.
const PAGE: usize = 1000;

/// Whether rows change once they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    Never,
    WithTime,
}

/// A column, by what it holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Integer(&'static str),
    Bytes(&'static str),
    /// A text of a few KiB at the most.
    Text(&'static str),
    /// A text of any length.
    LongText(&'static str),
    /// Bytes of any length.
    LongBytes(&'static str),
}

impl Column {
    /// In quotes: one of them is a word of SQL.
    fn quoted(self) -> String {
        let (Self::Integer(name)
        | Self::Bytes(name)
        | Self::Text(name)
        | Self::LongText(name)
        | Self::LongBytes(name)) = self;
        format!("\"{name}\"")
    }

    fn read(self, row: &dyn Columns, at: usize, record: &mut Record) -> Result<(), StoreError> {
        match self {
            Self::Integer(_) => record.put(row.integer(at)?.map_or(Value::Null, Value::Integer)),
            Self::Bytes(_) | Self::LongBytes(_) => record.put(row.bytes(at)?.into()),
            Self::Text(_) | Self::LongText(_) => record.put(row.text(at)?.as_deref().into()),
        }
        Ok(())
    }
}

/// How rows are read.
struct Pages {
    rows: String,
    /// How many bytes the long values of each have, if they have any.
    bytes: Option<String>,
}

impl Pages {
    /// Those of a table that fit a condition and so on.
    fn new(name: &str, columns: &[Column], which: &str) -> Self {
        let names: Vec<String> = columns.iter().map(|column| column.quoted()).collect();
        let long = columns
            .iter()
            .filter(|it| matches!(it, Column::LongText(_) | Column::LongBytes(_)));
        let long: Vec<String> = long
            .map(|it| format!("coalesce(octet_length({}), 0)", it.quoted()))
            .collect();
        let bytes = format!("SELECT CAST({} AS bigint) FROM {name} {which}", long.join(" + "));
        Self {
            rows: format!("SELECT {} FROM {name} {which}", names.join(", ")),
            bytes: (!long.is_empty()).then_some(bytes),
        }
    }

    /// Reads a page. The last of the values is to be how many rows it has.
    fn read(
        &'static self,
        transaction: &dyn Transaction,
        mut values: Vec<Value<'_>>,
        read: impl Fn(&dyn Columns) -> Result<Record, StoreError>,
    ) -> Result<Vec<Record>, StoreError> {
        values.push(PAGE.into());
        if let Some(bytes) = &self.bytes {
            let bytes = transaction.rows(bytes, &values, |row| row.get(0))?;
            values.pop();
            values.push(rows_at_once(bytes).into());
        }
        transaction.rows(&self.rows, &values, read)
    }
}

/// A table of rows.
pub(super) struct Rows {
    name: &'static str,
    changes: Changes,
    /// How many of the first columns are the key.
    key: usize,
    columns: &'static [Column],
    count: String,
    first: Pages,
    after: Pages,
    put: String,
    remove: String,
}

impl Rows {
    pub(super) fn new(name: &'static str, changes: Changes, key: usize, columns: &'static [Column]) -> Self {
        let names: Vec<String> = columns.iter().map(|column| column.quoted()).collect();
        let (of_key, others) = names.split_at(key);
        let values = |count: usize| {
            (1..=count)
                .map(|it| format!("?{it}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let list = |names: &[String]| names.join(", ");
        let order = list(of_key);
        let now = match changes {
            Changes::Never => "DO NOTHING".to_owned(),
            Changes::WithTime => {
                let set: Vec<_> = others.iter().map(|it| format!("{it} = excluded.{it}")).collect();
                format!("({order}) DO UPDATE SET {}", list(&set))
            }
        };
        let this: Vec<_> = (1..)
            .zip(of_key)
            .map(|(at, it)| format!("{it} = ?{at}"))
            .collect();
        Self {
            name,
            changes,
            key,
            columns,
            count: format!("SELECT count(*) FROM {name}"),
            first: Pages::new(name, columns, &format!("ORDER BY {order} LIMIT ?1")),
            after: Pages::new(
                name,
                columns,
                &format!(
                    "WHERE ({order}) > ({}) ORDER BY {order} LIMIT ?{}",
                    values(key),
                    key + 1
                ),
            ),
            put: format!(
                "INSERT INTO {name} ({}) VALUES ({}) ON CONFLICT {now}",
                list(&names),
                values(columns.len())
            ),
            remove: format!("DELETE FROM {name} WHERE {}", this.join(" AND ")),
        }
    }

    fn record(&self, row: &dyn Columns) -> Result<Record, StoreError> {
        let mut record = Record::new();
        for (at, column) in self.columns.iter().enumerate() {
            if at == self.key {
                record.end_key();
            }
            column.read(row, at, &mut record)?;
        }
        if self.key == self.columns.len() {
            record.end_key();
        }
        Ok(record)
    }
}

impl Table for Rows {
    fn name(&self) -> &'static str {
        self.name
    }

    fn of_facts(&self) -> bool {
        self.changes == Changes::Never
    }

    fn count(&'static self, transaction: &dyn Transaction) -> Result<u64, StoreError> {
        transaction.the_row(&self.count, &[], |row| row.get(0))
    }

    fn page(
        &'static self,
        transaction: &dyn Transaction,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, StoreError> {
        let read = |row: &dyn Columns| self.record(row);
        let Some(after) = after else {
            return self.first.read(transaction, Vec::new(), read);
        };
        self.after.read(transaction, after.key_values()?, read)
    }

    fn put(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        let mut values = Vec::with_capacity(records.len() * self.columns.len());
        for record in records {
            values.extend(record.values()?);
        }
        transaction.run(&self.put, records.len(), &values, &mut |_, _| Ok(()))
    }

    fn remove(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        let mut keys = Vec::with_capacity(records.len() * self.key);
        for record in records {
            keys.extend(record.key_values()?);
        }
        transaction.run(&self.remove, records.len(), &keys, &mut |_, _| Ok(()))
    }
}

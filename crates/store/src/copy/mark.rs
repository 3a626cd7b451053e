//! The mark of a memory that is a copy, and not whole yet: nobody else may open it.

use super::tables;
use crate::error::StoreError;
use crate::transaction::{Transaction, values};

/// Refuses a memory that has the mark.
pub(crate) fn refuse_unfinished(transaction: &dyn Transaction) -> Result<(), StoreError> {
    match read(transaction)? {
        Some(of) => Err(StoreError::Unfinished { of }),
        None => Ok(()),
    }
}

/// What this is an unfinished copy of, if it is one.
fn read(transaction: &dyn Transaction) -> Result<Option<String>, StoreError> {
    transaction.row("SELECT copied_from FROM unfinished_copy", &[], |row| row.get(0))
}

/// Puts the mark, if there is none, on a memory with nothing in it. Otherwise says in which table there is something.
pub(super) fn put(transaction: &dyn Transaction, of: &str) -> Result<Option<&'static str>, StoreError> {
    if read(transaction)?.is_none() {
        for table in tables::all() {
            if !table.is_empty(transaction)? {
                return Ok(Some(table.name()));
            }
        }
    }
    remove(transaction)?;
    let sql = "INSERT INTO unfinished_copy (copied_from) VALUES (?1)";
    transaction.execute_each(sql, &[values![of]])?;
    Ok(None)
}

/// Takes the mark away: the memory is whole.
pub(super) fn remove(transaction: &dyn Transaction) -> Result<(), StoreError> {
    transaction.execute_each("DELETE FROM unfinished_copy", &[[]; 1])
}

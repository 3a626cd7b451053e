//! Codes that are out, whatever database is behind them.

use std::sync::Arc;

use async_trait::async_trait;
use domain::time::Timestamp;

use super::{Code, CodeKey, Codes};
use crate::error::StoreError;
use crate::transaction::{Columns, Readers, Transaction, Value, Writer, values};
use crate::turns::Turns;

/// Codes on connections of a back end.
pub(crate) struct KeptCodes<R: Readers, W: Writer> {
    readers: R,
    writer: Arc<Turns<W>>,
}

impl<R: Readers, W: Writer> KeptCodes<R, W> {
    pub(crate) fn new(readers: R, writer: Arc<Turns<W>>) -> Self {
        Self { readers, writer }
    }
}

#[async_trait]
impl<R: Readers, W: Writer> Codes for KeptCodes<R, W> {
    async fn put(
        &self,
        key: CodeKey,
        body: Vec<u8>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer
            .write(move |transaction| {
                let over = [values![seconds(now)]];
                transaction.execute_each("DELETE FROM code WHERE ends <= ?1", &over)?;
                let put = transaction.row(
                "INSERT INTO code (key, version, body, ends) VALUES (?1, 1, ?2, ?3) ON CONFLICT DO NOTHING
                 RETURNING version, body",
                &values![&key, &body, seconds(until)],
                code,
            )?;
                Ok(put.is_some() || was_done_before(transaction, key, 1, &body)?)
            })
            .await
    }

    async fn get(&self, key: CodeKey, now: Timestamp) -> Result<Option<Code>, StoreError> {
        let find = move |transaction: &dyn Transaction| {
            let sql = "SELECT version, body FROM code WHERE key = ?1 AND ends > ?2";
            transaction.row(sql, &values![&key, seconds(now)], code)
        };
        self.readers.glance(find).await
    }

    async fn replace(&self, key: CodeKey, version: u64, body: Vec<u8>) -> Result<bool, StoreError> {
        self.writer
            .write(move |transaction| {
                let replaced = transaction.row(
                    "UPDATE code SET version = version + 1, body = ?3 WHERE key = ?1 AND version = ?2
                 RETURNING version, body",
                    &values![&key, version, &body],
                    code,
                )?;
                Ok(replaced.is_some() || was_done_before(transaction, key, version + 1, &body)?)
            })
            .await
    }

    async fn remove(&self, key: CodeKey) -> Result<bool, StoreError> {
        self.writer
            .write(move |transaction| {
                let sql = "DELETE FROM code WHERE key = ?1 RETURNING version, body";
                Ok(transaction.row(sql, &values![&key], code)?.is_some())
            })
            .await
    }
}

/// Whether this very unit of work wrote this before, and heard nothing of it. Nobody else writes the same body.
fn was_done_before(
    transaction: &dyn Transaction,
    key: CodeKey,
    version: u64,
    body: &[u8],
) -> Result<bool, StoreError> {
    if !transaction.again() {
        return Ok(false);
    }
    let sql = "SELECT version, body FROM code WHERE key = ?1";
    let kept = transaction.row(sql, &values![&key], code)?;
    Ok(kept.is_some_and(|kept| kept.version == version && kept.body == body))
}

fn seconds(at: Timestamp) -> Value<'static> {
    Value::Integer(at.as_second())
}

fn code(row: &dyn Columns) -> Result<Code, StoreError> {
    Ok(Code {
        version: row.get(0)?,
        body: row.get(1)?,
    })
}

//! What lasts of sign-ins, whatever database is behind it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;

use super::Sessions;
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, Value, Writer, values};

/// Sign-ins on a connection of a back end. One does for both: everything is read once, at the start, and then only
/// written.
pub(crate) struct KeptSessions<W: Writer>(Arc<Mutex<W>>);

impl<W: Writer> KeptSessions<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = Arc::clone(&self.0);
        let work = move || writer.lock().unwrap_or_else(PoisonError::into_inner).write(work);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}

impl<W: Writer> Drop for KeptSessions<W> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

#[async_trait]
impl<W: Writer> Sessions for KeptSessions<W> {
    async fn all(&self) -> Result<Vec<Session>, StoreError> {
        self.with(|transaction| {
            transaction.rows(
                r#"SELECT id, "user", client, valid_since, begun, number, renewed, ends
                   FROM session ORDER BY id"#,
                &[],
                session,
            )
        })
        .await
    }

    async fn begin(&self, session: Session) -> Result<(), StoreError> {
        self.with(move |transaction| {
            let (begun, renewed, ends) = (session.begun, session.renewed, session.ends);
            let row = values![
                session.id.as_bytes(),
                session.user.as_bytes(),
                session.client.as_bytes(),
                session.since,
                seconds(begun),
                session.number,
                seconds(renewed),
                seconds(ends),
            ];
            // It may be there already, if this unit of work is done again.
            transaction.execute_each(
                r#"INSERT INTO session
                   (id, "user", client, valid_since, begun, number, renewed, ends)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"#,
                &[row],
            )
        })
        .await
    }

    async fn go_on(&self, session: Session) -> Result<(), StoreError> {
        self.with(move |transaction| {
            let row = values![
                session.id.as_bytes(),
                session.since,
                session.number,
                seconds(session.renewed),
                seconds(session.ends),
            ];
            transaction.execute_each(
                "UPDATE session SET valid_since = ?2, number = ?3, renewed = ?4, ends = ?5
                 WHERE id = ?1 AND number <= ?3",
                &[row],
            )
        })
        .await
    }

    async fn end(&self, sessions: Vec<SessionId>) -> Result<(), StoreError> {
        self.with(move |transaction| {
            let rows: Vec<_> = sessions
                .iter()
                .map(|session| values![session.as_bytes()])
                .collect();
            transaction.execute_each("DELETE FROM session WHERE id = ?1", &rows)
        })
        .await
    }

    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError> {
        self.with(|transaction| {
            let seen = |row: &dyn Columns| Ok((OperatorId::from_bytes(row.get(0)?), instant(row, 1)?));
            transaction.rows(
                "SELECT operator, at FROM operator_seen ORDER BY operator",
                &[],
                seen,
            )
        })
        .await
    }

    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError> {
        self.with(move |transaction| {
            transaction.execute_each(
                "INSERT INTO operator_seen (operator, at) VALUES (?1, ?2)
                 ON CONFLICT (operator) DO UPDATE SET at = excluded.at WHERE operator_seen.at < excluded.at",
                &[values![operator.as_bytes(), seconds(at)]],
            )
        })
        .await
    }
}

fn seconds(at: Timestamp) -> Value<'static> {
    Value::Integer(at.as_second())
}

fn instant(row: &dyn Columns, column: usize) -> Result<Timestamp, StoreError> {
    let second: i64 = row.get(column)?;
    Timestamp::from_second(second)
        .map_err(|_| StoreError::corrupt(format!("the sessions name the second {second}")))
}

fn session(row: &dyn Columns) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_bytes(row.get(0)?),
        user: ObjectId::from_bytes(row.get(1)?),
        client: ApplicationId::from_bytes(row.get(2)?),
        since: row.get(3)?,
        begun: instant(row, 4)?,
        number: row.get(5)?,
        renewed: instant(row, 6)?,
        ends: instant(row, 7)?,
    })
}

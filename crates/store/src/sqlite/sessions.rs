//! Sessions on SQLite: a file of their own, so that a sign-in never waits for a decision about the books.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::migrations;
use crate::error::StoreError;
use crate::sessions::Sessions;

/// One connection does for both: everything is read once, at the start, and then only written.
pub(super) struct SqliteSessions {
    connection: Arc<Mutex<Connection>>,
    _lock: Arc<File>,
}

impl SqliteSessions {
    pub(super) fn open(path: &Path, lock: Arc<File>) -> Result<Self, StoreError> {
        let connection = super::open_for_writing(path, &migrations::SESSIONS)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            _lock: lock,
        })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let work = move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}

impl Drop for SqliteSessions {
    /// Leaves everything in the one file.
    fn drop(&mut self) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        super::checkpoint(&connection, "the sessions");
    }
}

#[async_trait]
impl Sessions for SqliteSessions {
    async fn all(&self) -> Result<Vec<Session>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, user, client, valid_since, begun, number, renewed, ends, burst, burst_began
                 FROM session ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let mut sessions = Vec::new();
            while let Some(row) = rows.next()? {
                sessions.push(session(row)?);
            }
            Ok(sessions)
        })
        .await
    }

    async fn begin(&self, session: Session) -> Result<(), StoreError> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO session (id, user, client, valid_since, begun, number, renewed, ends, burst, burst_began)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    session.id.as_bytes(),
                    session.user.as_bytes(),
                    session.client.as_bytes(),
                    session.since,
                    session.begun.as_second(),
                    session.number,
                    session.renewed.as_second(),
                    session.ends.as_second(),
                    session.burst.0,
                    session.burst.1.as_second()
                ])?;
            Ok(())
        })
        .await
    }

    async fn go_on(&self, session: Session) -> Result<(), StoreError> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE session SET valid_since = ?2, number = ?3, renewed = ?4, ends = ?5, burst = ?6,
                         burst_began = ?7
                     WHERE id = ?1 AND number <= ?3",
                )?
                .execute(params![
                    session.id.as_bytes(),
                    session.since,
                    session.number,
                    session.renewed.as_second(),
                    session.ends.as_second(),
                    session.burst.0,
                    session.burst.1.as_second()
                ])?;
            Ok(())
        })
        .await
    }

    async fn end(&self, sessions: Vec<SessionId>) -> Result<(), StoreError> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            {
                let mut delete = transaction.prepare_cached("DELETE FROM session WHERE id = ?1")?;
                for session in &sessions {
                    delete.execute([session.as_bytes()])?;
                }
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare("SELECT operator, at FROM operator_seen ORDER BY operator")?;
            let mut rows = statement.query([])?;
            let mut seen = Vec::new();
            while let Some(row) = rows.next()? {
                seen.push((OperatorId::from_bytes(row.get(0)?), time(row, 1)?));
            }
            Ok(seen)
        })
        .await
    }

    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO operator_seen (operator, at) VALUES (?1, ?2)
                     ON CONFLICT (operator) DO UPDATE SET at = max(at, excluded.at)",
                )?
                .execute(params![operator.as_bytes(), at.as_second()])?;
            Ok(())
        })
        .await
    }
}

fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_bytes(row.get(0)?),
        user: ObjectId::from_bytes(row.get(1)?),
        client: ApplicationId::from_bytes(row.get(2)?),
        since: row.get(3)?,
        begun: time(row, 4)?,
        number: row.get(5)?,
        renewed: time(row, 6)?,
        ends: time(row, 7)?,
        burst: (row.get(8)?, time(row, 9)?),
    })
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    let second: i64 = row.get(column)?;
    Timestamp::from_second(second)
        .map_err(|_| StoreError::corrupt(format!("the sessions name the second {second}")))
}

//! What lasts of sign-ins, whatever database is behind it.

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;

use super::Sessions;
use crate::error::StoreError;
use crate::transaction::{Columns, Readers, Transaction, Value, Writer, values};
use crate::turns::Turns;

/// Sessions, of which a condition says which.
macro_rules! sessions {
    ($which:literal) => {
        concat!(
            r#"SELECT id, "user", client, valid_since, begun, number, renewed, ends FROM session "#,
            $which
        )
    };
}

/// Sign-ins on connections of a back end.
pub(crate) struct KeptSessions<R: Readers, W: Writer> {
    readers: R,
    writer: Turns<W>,
}

impl<R: Readers, W: Writer> KeptSessions<R, W> {
    pub(crate) fn new(readers: R, writer: W) -> Self {
        Self {
            readers,
            writer: Turns::new(writer),
        }
    }
}

impl<R: Readers, W: Writer> Drop for KeptSessions<R, W> {
    fn drop(&mut self) {
        self.readers.close_idle();
    }
}

#[async_trait]
impl<R: Readers, W: Writer> Sessions for KeptSessions<R, W> {
    async fn find(&self, user: ObjectId, id: SessionId) -> Result<Option<Session>, StoreError> {
        let find = move |transaction: &dyn Transaction| {
            let sql = sessions!(r#"WHERE id = ?1 AND "user" = ?2"#);
            transaction.row(sql, &values![id.as_bytes(), user.as_bytes()], session)
        };
        self.readers.glance(find).await
    }

    async fn of_user(&self, user: ObjectId) -> Result<Vec<Session>, StoreError> {
        let find = move |transaction: &dyn Transaction| {
            let sql = sessions!(r#"WHERE "user" = ?1 ORDER BY id"#);
            transaction.rows(sql, &values![user.as_bytes()], session)
        };
        self.readers.glance(find).await
    }

    async fn page(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        let read = move |transaction: &dyn Transaction| match after {
            None => transaction.rows(sessions!("ORDER BY id LIMIT ?1"), &values![limit], session),
            Some(after) => {
                let sql = sessions!("WHERE id > ?1 ORDER BY id LIMIT ?2");
                transaction.rows(sql, &values![after.as_bytes(), limit], session)
            }
        };
        self.readers.glance(read).await
    }

    async fn begin(&self, session: Session) -> Result<(), StoreError> {
        self.writer
            .write(move |transaction| {
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

    async fn go_on(&self, next: Session) -> Result<Option<Session>, StoreError> {
        self.writer
            .write(move |transaction| {
                let row = values![
                    next.id.as_bytes(),
                    next.since,
                    next.number,
                    seconds(next.renewed),
                    seconds(next.ends),
                ];
                transaction.execute_each(
                    "UPDATE session SET valid_since = ?2, number = ?3, renewed = ?4, ends = ?5
                 WHERE id = ?1 AND number < ?3",
                    &[row],
                )?;
                transaction.row(sessions!("WHERE id = ?1"), &values![next.id.as_bytes()], session)
            })
            .await
    }

    async fn end(&self, sessions: Vec<SessionId>) -> Result<usize, StoreError> {
        self.writer
            .write(move |transaction| {
                let rows: Vec<_> = sessions.iter().map(|id| values![id.as_bytes()]).collect();
                let mut ended = 0;
                transaction.each(
                    "DELETE FROM session WHERE id = ?1 RETURNING id",
                    &rows,
                    &mut |_, _| {
                        ended += 1;
                        Ok(())
                    },
                )?;
                Ok(ended)
            })
            .await
    }

    async fn end_unchanged(&self, sessions: Vec<Session>) -> Result<(), StoreError> {
        self.writer
            .write(move |transaction| {
                let rows: Vec<_> = sessions
                    .iter()
                    .map(|it| values![it.id.as_bytes(), it.number])
                    .collect();
                transaction.execute_each("DELETE FROM session WHERE id = ?1 AND number = ?2", &rows)
            })
            .await
    }

    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError> {
        let read = |transaction: &dyn Transaction| {
            let sql = "SELECT operator, at FROM operator_seen ORDER BY operator";
            let seen = |row: &dyn Columns| Ok((OperatorId::from_bytes(row.get(0)?), instant(row, 1)?));
            transaction.rows(sql, &[], seen)
        };
        self.readers.glance(read).await
    }

    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |transaction| {
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

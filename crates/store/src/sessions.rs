//! The port of what lasts of sign-ins: sessions of people, and when operators' credentials were last used.

mod kept;

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;

pub(crate) use self::kept::KeptSessions;
use crate::error::StoreError;

/// What lasts of sign-ins.
///
/// It is apart from the books: a session changes with each use, once an hour for everybody who works, and nobody will
/// ever ask for what it was. It is durable all the same, since a restart must neither forget that a refresh token was used
/// nor that somebody signed out. Without it everybody signs in again, and nothing else is lost.
///
/// Several servers use one memory: what one of them was told is what the others find, from then on.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// A session of a user, unless it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find(&self, user: ObjectId, session: SessionId) -> Result<Option<Session>, StoreError>;

    /// Every session of a user.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn of_user(&self, user: ObjectId) -> Result<Vec<Session>, StoreError>;

    /// Every session by id: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn page(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError>;

    /// Keeps a new session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn begin(&self, session: Session) -> Result<(), StoreError>;

    /// Keeps how a session goes on, unless it has gone on as far already. What it is then: none if it has ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn go_on(&self, next: Session) -> Result<Option<Session>, StoreError>;

    /// Ends sessions, however they went on; those that are not there are passed over. How many were there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn end(&self, sessions: Vec<SessionId>) -> Result<usize, StoreError>;

    /// Ends sessions that are still as they are given here. One that went on in the meantime does so.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn end_unchanged(&self, sessions: Vec<Session>) -> Result<(), StoreError>;

    /// When each operator's credential was last used, of those that were.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError>;

    /// An operator's credential was used.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError>;
}

//! The port of what lasts of sign-ins: sessions of people, and when operators' credentials were last used.

mod kept;

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{OperatorId, SessionId};
use domain::time::Timestamp;

pub(crate) use self::kept::KeptSessions;
use crate::error::StoreError;

/// What lasts of sign-ins.
///
/// It is apart from the books: a session changes with each use, once an hour for everybody who works, and nobody will
/// ever ask for what it was. It is durable all the same, since a restart must neither forget that a refresh token was used
/// nor that somebody signed out. Without it everybody signs in again, and nothing else is lost.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Every session.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn all(&self) -> Result<Vec<Session>, StoreError>;

    /// Keeps a new session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn begin(&self, session: Session) -> Result<(), StoreError>;

    /// Keeps how a session goes on, unless it has ended or has gone on further already: then nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn go_on(&self, session: Session) -> Result<(), StoreError>;

    /// Forgets sessions; those that are not there are passed over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn end(&self, sessions: Vec<SessionId>) -> Result<(), StoreError>;

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

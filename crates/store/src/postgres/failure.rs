//! Why PostgreSQL did not do what it was asked to do, and whether it is worth asking again.

use tokio_postgres::error::SqlState;

use crate::error::StoreError;

/// A failure of a connection or of a statement.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What PostgreSQL or the connection to it says.
    #[error("{}", text(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No answer came in time.
    #[error("PostgreSQL did not answer within {0} s")]
    Silent(u64),
    /// Whoever asked does not wait for the answer any more.
    #[error("nobody waits for the answer any more")]
    Abandoned,
    /// The connection has failed before.
    #[error("the connection to PostgreSQL has ended")]
    Ended,
    /// The server follows another one.
    #[error("it is a standby, which takes no writes")]
    Standby,
    /// This machine cannot do what it needs for a connection.
    #[error("no connection to PostgreSQL can be made: {0}")]
    System(#[from] std::io::Error),
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The connection is of no more use. What was not committed has not happened.
    Reconnect,
    /// Somebody else was faster: the unit of work is done again.
    Again,
    /// A month that had a place to be kept has none any more: the same, after a look at which have.
    Months,
    /// Nothing.
    None,
}

/// An error of `tokio_postgres` says what kind it is; the reason is behind it.
fn text(error: &tokio_postgres::Error) -> String {
    if let Some(database) = error.as_db_error() {
        return format!(
            "PostgreSQL says: {} ({}){}",
            database.message(),
            database.code().code(),
            advice(database.code())
        );
    }
    let told = match std::error::Error::source(error) {
        Some(reason) => format!("{error}: {reason}"),
        None => error.to_string(),
    };
    if told.ends_with("server does not support TLS") {
        return format!(
            "{told}; give it a certificate, or say sslmode=disable in the URL if it is on this machine or in a network of \
             its own"
        );
    }
    if told.ends_with("password missing") {
        return format!("{told}: it is a part of the URL; PGPASSWORD and ~/.pgpass are not read");
    }
    told
}

/// What to do about what PostgreSQL says of a user.
fn advice(code: &SqlState) -> &'static str {
    if *code == SqlState::INVALID_PASSWORD {
        "; in the URL, what is special in a password is percent-encoded"
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        "; the user has to own the database, or to have CREATE on its schema"
    } else {
        ""
    }
}

impl Failure {
    pub(super) fn remedy(&self) -> Remedy {
        let Self::Postgres(error) = self else {
            return Remedy::Reconnect;
        };
        match error.code() {
            Some(code) if conflicts(code) => Remedy::Again,
            Some(code) if *code == SqlState::CHECK_VIOLATION && !names_constraint(error) => Remedy::Months,
            Some(code) if ends_connection(code) => Remedy::Reconnect,
            Some(_) => Remedy::None,
            // The connection, not the server, says something; or an answer is not what was expected.
            None if error.is_closed() || is_io(error) => Remedy::Reconnect,
            None => Remedy::None,
        }
    }

    /// Whether somebody else held what is needed for too long.
    pub(super) fn is_about_a_lock(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// Whether nothing more is to be asked on the connection. That a lock or an answer took too long says nothing about it;
    /// else what it has prepared may not fit any more what is there, after a restore say, and a new one starts afresh.
    pub(super) fn spoils_connection(&self) -> bool {
        match (self.remedy(), self) {
            (Remedy::Again | Remedy::Months, _) => false,
            (Remedy::None, Self::Postgres(error)) => !error.code().is_some_and(takes_too_long),
            (Remedy::None | Remedy::Reconnect, _) => true,
        }
    }
}

/// A row that has no place in any partition violates a condition without a name.
fn names_constraint(error: &tokio_postgres::Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|error| error.constraint().is_some())
}

fn takes_too_long(code: &SqlState) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code)
}

/// Of two transactions that get into each other's way one has to be done again. So has one that added a row which was
/// not there when it looked.
fn conflicts(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ]
    .contains(code)
}

fn ends_connection(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
        || code.code().starts_with("08")
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(reason) = source {
        if reason.is::<std::io::Error>() {
            return true;
        }
        source = reason.source();
    }
    false
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let Failure::Postgres(error) = &failure else {
            return Self::unavailable(failure);
        };
        let wrong_value = || std::error::Error::source(error).is_some_and(|it| !it.is::<std::io::Error>());
        match error.code() {
            // Somebody else holds what is needed, for longer than anybody should have to wait.
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Self::Busy,
            // A row that is there again and again is no race that was lost: whoever looks after the database has to know
            // of it.
            Some(code) if conflicts(code) && *code != SqlState::UNIQUE_VIOLATION => Self::Busy,
            None if error.to_string().starts_with("error deserializing") && wrong_value() => {
                Self::corrupt(failure.to_string())
            }
            _ => Self::unavailable(failure),
        }
    }
}

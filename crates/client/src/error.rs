//! What can go wrong between a client and the server.

use std::error::Error;

use reqwest::StatusCode;

/// A request that was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be built so.
    #[error("{0}")]
    Settings(String),
    /// At this URL there cannot be a server.
    #[error("'{url}' is not a server's URL: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// There was no connection, or it broke.
    #[error("{server} cannot be reached: {cause}")]
    Unreachable {
        /// The server.
        server: String,
        /// What the network said.
        cause: String,
    },
    /// The server's certificate is not one of those trusted.
    #[error("The certificate of {server} is not trusted: {cause}")]
    Untrusted {
        /// The server.
        server: String,
        /// What the check said.
        cause: String,
    },
    /// The server's certificate is trusted, but for other names than the one it was called by.
    #[error("The certificate of {server} is not for that name: {cause}")]
    OtherName {
        /// The server.
        server: String,
        /// What the check said.
        cause: String,
    },
    /// The server did not answer in time.
    #[error("{server} did not answer in time")]
    TimedOut {
        /// The server.
        server: String,
    },
    /// A list is longer than is taken here.
    #[error(
        "The list {request} of {server} has more than {items_max} items, which is as many as are taken at one time"
    )]
    ListTooLong {
        /// The server.
        server: String,
        /// The request's method and path.
        request: String,
        /// How many are.
        items_max: usize,
    },
    /// What was answered is not what the contract says.
    #[error("The answer of {server} to {request} is not of the expected shape: {cause}")]
    Unintelligible {
        /// The server.
        server: String,
        /// The request's method and path.
        request: String,
        /// What is wrong with the answer.
        cause: String,
    },
}

/// How the server said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{code}]")]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: String,
    /// What happened, why, and what would be right.
    pub message: String,
    /// The member or parameter at fault.
    pub target: Option<String>,
    /// What would help, where the server says so.
    pub hint: Option<String>,
    /// The id under which the server's log knows the request.
    pub request_id: Option<String>,
}

impl ClientError {
    /// The server's stable code, if it was the server that said no.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// Sorts what the HTTP library says into what an operator can act on.
    pub(crate) fn of_transport(server: &str, error: &reqwest::Error) -> Self {
        let server = server.to_owned();
        if error.is_timeout() {
            return Self::TimedOut { server };
        }
        let cause = innermost(error);
        if cause.contains("certificate not valid for name") {
            Self::OtherName { server, cause }
        } else if cause.contains("certificate") {
            Self::Untrusted { server, cause }
        } else {
            Self::Unreachable { server, cause }
        }
    }
}

/// The text of the cause of all causes: the library's own texts repeat the URL and say little else.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

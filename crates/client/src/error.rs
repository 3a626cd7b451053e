//! What can go wrong between a client and the server, and what to do about it.

use std::error::Error;

use reqwest::StatusCode;

/// A request that was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be built so.
    #[error("{0}")]
    Settings(String),
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
    /// The server did not answer in time.
    #[error("{server} did not answer in time")]
    TimedOut {
        /// The server.
        server: String,
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

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { .. } => {
                Some("Check that the server runs and that the URL names its address and port.")
            }
            Self::Untrusted { .. } => Some(
                "Trust the server's own CA: it prints the path of its CA certificate when it starts. Copy that file \
                 here and name it.",
            ),
            Self::TimedOut { .. } => Some("The server may be busy. Try again; nothing is counted twice."),
            Self::Unintelligible { .. } => Some(
                "Client and server may be of different versions, or something between them answered instead.",
            ),
            Self::Refused(refusal) if refusal.hint.is_some() => refusal.hint.as_deref(),
            Self::Refused(refusal) => match refusal.status {
                StatusCode::UNAUTHORIZED => {
                    Some("Check the credential: it is printed once, when it is made.")
                }
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    Some("The server is busy. Try again later; nothing is counted twice.")
                }
                _ => None,
            },
            Self::Settings(_) => None,
        }
    }

    /// Sorts what the HTTP library says into what an operator can act on.
    pub(crate) fn of_transport(server: &str, error: &reqwest::Error) -> Self {
        let server = server.to_owned();
        if error.is_timeout() {
            return Self::TimedOut { server };
        }
        let cause = innermost(error);
        if cause.contains("certificate") {
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

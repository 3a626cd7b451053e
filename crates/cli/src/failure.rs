//! Why a command did not do what it was asked, for whoever asked.

use std::io;
use std::path::Path;

use client::ClientError;

/// A command failed: what happened, because of what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    causes: Vec<String>,
    hint: Option<String>,
    exit_code: u8,
}

/// The command failed.
const FAILED: u8 = 1;
/// The command was not given as it should be; the parser of arguments uses the same number.
const WRONG_USAGE: u8 = 2;

impl Failure {
    /// What happened, as a sentence.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            causes: Vec::new(),
            hint: None,
            exit_code: FAILED,
        }
    }

    /// The command cannot be carried out as it was given.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self {
            exit_code: WRONG_USAGE,
            ..Self::new(what)
        }
    }

    /// A file or a folder could not be used.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("{} cannot be used.", path.display())).because(error.to_string())
    }

    /// Adds what it was caused by.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Says what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// With which code the process leaves.
    pub(crate) const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// What happened.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What it was caused by, the nearest cause first.
    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do about it.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let hint = match &error {
            ClientError::Untrusted { .. } => Some(
                "Name the server's CA certificate with --ca FILE; `meterbridge serve` prints where it is.",
            ),
            ClientError::Unreachable { .. } => {
                Some("Is the server running? Name its address with --url, such as https://localhost:8443.")
            }
            ClientError::Refused(refusal) if refusal.status == client::StatusCode::UNAUTHORIZED => Some(
                "Give an operator's credential with --credential-file FILE or METERBRIDGE_CREDENTIAL; `meterbridge init \
                 --new-credential` makes a new one.",
            ),
            other => other.hint(),
        };
        let failure = match &error {
            ClientError::Refused(refusal) => {
                let mut failure = Self::new(refusal.message.clone());
                let target = refusal.target.as_ref().map(|target| format!(", about {target}"));
                let answer = format!("the server answered {} {}", refusal.status.as_u16(), refusal.code);
                failure
                    .causes
                    .push(format!("{answer}{}", target.unwrap_or_default()));
                failure.causes.extend(
                    refusal
                        .request_id
                        .as_ref()
                        .map(|id| format!("request {id} in its log")),
                );
                failure
            }
            ClientError::Unreachable { server, cause } => {
                Self::new(format!("{server} cannot be reached.")).because(cause.clone())
            }
            ClientError::Untrusted { server, cause } => {
                Self::new(format!("The certificate of {server} is not trusted.")).because(cause.clone())
            }
            ClientError::Settings(text) => Self::usage(text.clone()),
            other => Self::new(other.to_string()),
        };
        Self {
            hint: hint.map(str::to_owned),
            ..failure
        }
    }
}

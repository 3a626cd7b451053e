//! Why a command did not do what it was asked, for whoever asked.

use std::io;
use std::path::Path;

use client::{ClientError, Refusal, StatusCode};
use serde::Serialize;

use crate::commands_of_routes::with_commands;

/// A command failed: what happened, because of what, and what to do about it.
///
/// As JSON it is the body of an error as the API writes it, with causes and hint beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    code: Box<str>,
    #[serde(rename = "message")]
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    exit_code: u8,
}

/// The command failed.
const FAILED: u8 = 1;
/// The command did what it was asked, but not with all that it was given.
const IN_PART: u8 = 3;
/// What was to be checked was checked, and is not what it should be.
const DIFFERS: u8 = 4;
/// The command was not given as it should be; the parser of arguments uses the same number.
const WRONG_USAGE: u8 = 2;

impl Failure {
    /// What happened, as a sentence.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            code: "Failed".into(),
            what: what.into(),
            target: None,
            causes: Vec::new(),
            hint: None,
            exit_code: FAILED,
        }
    }

    /// The command cannot be carried out as it was given.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self {
            exit_code: WRONG_USAGE,
            ..Self::new(what).coded("WrongUsage")
        }
    }

    /// The command did what it was asked, but not with all that it was given.
    pub(crate) fn in_part(what: impl Into<String>) -> Self {
        Self {
            exit_code: IN_PART,
            ..Self::new(what)
        }
    }

    /// What was to be checked was checked, and is not what it should be.
    pub(crate) fn differs(what: impl Into<String>) -> Self {
        Self {
            exit_code: DIFFERS,
            ..Self::new(what)
        }
    }

    /// A file or a folder could not be used.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("{} cannot be used.", path.display()))
            .coded("UnusableFile")
            .because(error.to_string())
    }

    /// The same, under a stable code that programs can go by.
    pub(crate) fn coded(self, code: impl Into<Box<str>>) -> Self {
        Self {
            code: code.into(),
            ..self
        }
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

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.code
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
        let hint = hint(&error);
        let failure = match error {
            ClientError::Refused(refusal) => Self::refused(*refusal),
            ClientError::Unreachable { server, cause } => Self::new(format!("{server} cannot be reached."))
                .coded("ServerUnreachable")
                .because(cause),
            ClientError::Untrusted { server, cause } => {
                Self::new(format!("The certificate of {server} is not trusted."))
                    .coded("CertificateNotTrusted")
                    .because(cause)
            }
            ClientError::OtherName { server, cause } => {
                Self::new(format!("The certificate of {server} is not for that name."))
                    .coded("CertificateOfOtherName")
                    .because(cause)
            }
            ClientError::Url { .. } => Self::usage(format!("{error}.")).coded("InvalidUrl"),
            ClientError::Settings(what) => Self::new(what).coded("InvalidSettings"),
            ClientError::TimedOut { .. } => Self::new(format!("{error}.")).coded("ServerTimedOut"),
            ClientError::ListTooLong { .. } => Self::new(format!("{error}.")).coded("ListTooLong"),
            ClientError::Unintelligible { .. } => Self::new(format!("{error}.")).coded("UnexpectedAnswer"),
        };
        Self { hint, ..failure }
    }
}

impl Failure {
    /// The server's own words.
    fn refused(refusal: Refusal) -> Self {
        let Refusal {
            status,
            code,
            message,
            target,
            request_id,
            ..
        } = refusal;
        let about = target.as_ref().map(|target| format!(", about {target}"));
        let failure = Self::new(with_commands(&message)).because(format!(
            "the server answered {} {code}{}",
            status.as_u16(),
            about.unwrap_or_default()
        ));
        let failure = match request_id {
            Some(id) => failure.because(format!("request {id} in its log")),
            None => failure,
        };
        Self {
            target: target.map(String::into_boxed_str),
            ..failure.coded(code)
        }
    }
}

/// What to do about it, where that is known.
fn hint(error: &ClientError) -> Option<String> {
    let hint = match error {
        ClientError::Unreachable { server: url, .. } | ClientError::Url { url, .. }
            if url.starts_with("http:") =>
        {
            let url = url.replacen("http:", "https:", 1);
            return Some(format!("The server speaks HTTPS only. Try --url {url}."));
        }
        ClientError::Unreachable { .. } => {
            "Is the server running? Name its address with --url or METERBRIDGE_URL, such as https://localhost:8443."
        }
        ClientError::Url { .. } => {
            "Name the server with --url or METERBRIDGE_URL, such as https://localhost:8443."
        }
        ClientError::Untrusted { .. } => {
            "Name the server's CA certificate with --ca FILE or METERBRIDGE_CA; `meterbridge serve` prints where it is."
        }
        ClientError::OtherName { .. } => {
            "Call the server by a name of its certificate, or have it made for this name too: `meterbridge serve \
             --host-name NAME`."
        }
        ClientError::TimedOut { .. } => "The server may be busy. Try again; nothing is counted twice.",
        ClientError::ListTooLong { .. } => {
            "Ask for less at one time, where the command has options for it. The API gives all of it, page by page: follow \
             `nextLink` of each page."
        }
        ClientError::Unintelligible { .. } => {
            "Client and server may be of different versions, or something between them answered instead."
        }
        ClientError::Settings(_) => return None,
        ClientError::Refused(refusal) => return hint_to_refusal(refusal),
    };
    Some(hint.to_owned())
}

fn hint_to_refusal(refusal: &Refusal) -> Option<String> {
    let hint = match refusal.status {
        _ if refusal.code == "UnknownBillingMeter" => {
            "`meterbridge meter list` shows what each local meter is billed as, with the billing meter's id. `meterbridge \
             price-list show NAME --as-file` writes prices to begin with."
        }
        _ if refusal.hint.is_some() => return refusal.hint.as_deref().map(with_commands),
        // The text says whom to ask.
        _ if refusal.message.contains("is disabled") => return None,
        _ if refusal.code == "invalid_client" => {
            "Is it the application's own secret or certificate, and still good? `meterbridge application show` lists \
             what it has."
        }
        _ if refusal.code == "expired_token" => "Begin again with `meterbridge login`.",
        _ if refusal.code == "ActivationKeyRevoked" => {
            "`meterbridge registration activation-key CLOUD-ID` prints the one that is good now. If there is no registration \
             any more, as after a restore from a backup that is older: `meterbridge registration register`, `meterbridge \
             registration backdate CLOUD-ID --from HOUR`, and for a stack that delivers by bundle `meterbridge registration \
             bundle-key` and `meterbridge bridge export` from the beginning on."
        }
        // Whoever signed in has no operator's credential that could be lost.
        _ if refusal.code.contains("AuthenticationToken") => "Sign in again with `meterbridge login`.",
        StatusCode::UNAUTHORIZED => {
            "Sign in with `meterbridge login`, or give an operator's credential with --credential-file FILE or \
             METERBRIDGE_CREDENTIAL. If it is lost, stop the server and make another with `meterbridge init --data \
             DIRECTORY --new-credential`."
        }
        _ if refusal.code == "StorageUnavailable" => {
            "What the server keeps its data in does not answer as it should; its log says why."
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            "The server is busy. Try again later; nothing is counted twice."
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

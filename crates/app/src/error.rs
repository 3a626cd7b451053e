//! The one error of the use-cases: few kinds, a stable code, a text for the caller, and details for the log apart.

use domain::authorization::ScopeLocked;
use domain::books::{BudgetRefused, DeletionRefused, LimitReached, PeriodRefused, Refused};
use domain::money::MoneyError;
use domain::registration::RefusalKind;
use store::StoreError;

/// What kind of failure it is; a transport turns it into its own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not right.
    Invalid,
    /// Nobody knows who calls.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// What it is about is not there.
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// It is not as the caller said that it must be for this.
    PreconditionFailed,
    /// Too much is waiting; the same request may succeed later.
    Busy,
    /// The memory cannot be reached or written. Nothing was done, unless the message says otherwise.
    Unavailable,
    /// Another system that was asked failed.
    UpstreamFailed,
    /// A defect, or damage.
    Internal,
}

/// A failure of a use-case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Error {
    /// What kind of failure.
    pub kind: Kind,
    /// The stable code.
    pub code: &'static str,
    /// What happened, why, and what would be right: for the caller.
    pub message: String,
    /// The member or parameter at fault.
    pub target: Option<&'static str>,
    /// What to do, where the message is a documented text that does not say it.
    pub hint: Option<String>,
    /// What only an operator should read: for the log.
    pub detail: Option<String>,
}

impl Error {
    /// A failure with its code and text.
    #[must_use]
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            target: None,
            hint: None,
            detail: None,
        }
    }

    /// The same, naming the member or parameter at fault.
    #[must_use]
    pub fn about(self, target: &'static str) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message)
    }
}

impl From<RefusalKind> for Kind {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::NotFound => Self::NotFound,
            RefusalKind::Forbidden => Self::Forbidden,
            RefusalKind::Conflict => Self::Conflict,
            RefusalKind::Invalid => Self::Invalid,
            RefusalKind::UpstreamFailed => Self::UpstreamFailed,
        }
    }
}

impl From<ScopeLocked> for Error {
    fn from(locked: ScopeLocked) -> Self {
        Self::new(Kind::Conflict, ScopeLocked::CODE, locked.to_string())
    }
}

impl From<LimitReached> for Error {
    fn from(reached: LimitReached) -> Self {
        Self::new(Kind::Conflict, reached.0.code(), reached.to_string())
    }
}

impl From<DeletionRefused> for Error {
    fn from(refused: DeletionRefused) -> Self {
        Self::new(Kind::Conflict, refused.code(), refused.to_string())
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let kind = match refused {
            Refused::AlreadyExists(_)
            | Refused::IdWasUsed(_)
            | Refused::TooMany { .. }
            | Refused::ScopeTaken(_)
            | Refused::ListDiffers(_)
            | Refused::CurrencyChange(_) => Kind::Conflict,
            _ => Kind::Invalid,
        };
        Self::new(kind, refused.code(), refused.to_string()).about(refused.target())
    }
}

impl From<PeriodRefused> for Error {
    fn from(refused: PeriodRefused) -> Self {
        let kind = match refused {
            PeriodRefused::IsClosed(_)
            | PeriodRefused::TooEarly { .. }
            | PeriodRefused::NotEnded(_)
            | PeriodRefused::NotTheNext { .. }
            | PeriodRefused::WouldBeFirst(_)
            | PeriodRefused::IsClosing(_)
            | PeriodRefused::NotBegun(_) => Kind::Conflict,
            PeriodRefused::UnknownStack(_) | PeriodRefused::UnknownTrader(_) => Kind::NotFound,
            _ => Kind::Invalid,
        };
        let target = match refused {
            PeriodRefused::Terms(_) => Some("terms"),
            PeriodRefused::NoSuchSale { .. } => Some("buyer"),
            PeriodRefused::UnknownSeller(_) => Some("seller"),
            PeriodRefused::NoCores => Some("cores"),
            PeriodRefused::InvalidRate => Some("rate"),
            PeriodRefused::InvalidReason => Some("reason"),
            _ => None,
        };
        let message = format!("{}.", sentence(&refused.to_string()));
        Self {
            target,
            ..Self::new(kind, refused.code(), message)
        }
    }
}

impl From<BudgetRefused> for Error {
    fn from(refused: BudgetRefused) -> Self {
        let (kind, target) = match &refused {
            BudgetRefused::Invalid(invalid) => (Kind::Invalid, Some(invalid.member())),
            BudgetRefused::Unknown(_) => (Kind::NotFound, None),
            BudgetRefused::OfSomethingElse(_) | BudgetRefused::TooMany(_) => (Kind::Conflict, None),
            BudgetRefused::NoSuchSale => (Kind::Invalid, Some("buyer")),
        };
        let message = format!("{}.", sentence(&refused.to_string()));
        Self {
            target,
            ..Self::new(kind, refused.code(), message)
        }
    }
}

/// A text that goes on after something, as one that stands alone.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// What to do about a damaged store: for whoever operates the server.
const DAMAGED: &str = "Whoever operates the server stops it, keeps a copy of the store as it is, and has `meterbridge audit verify` \
                       say all that is damaged; then the newest backup of which it says that nothing differs is restored. Stacks \
                       deliver again what came later, and nothing is counted twice.";

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let detail = Some(error.to_string());
        match error {
            StoreError::Busy => Self {
                detail,
                ..Self::new(
                    Kind::Busy,
                    "StorageBusy",
                    "The storage has more to do at the moment than it can. Nothing of this request was stored; send it \
                     again later.",
                )
            },
            StoreError::Unavailable { .. } => Self {
                detail,
                ..Self::new(
                    Kind::Unavailable,
                    "StorageUnavailable",
                    "The storage cannot be read or written at the moment. Nothing of this request was stored; it \
                     may be sent again.",
                )
            },
            StoreError::Uncertain { .. } => Self {
                detail,
                ..Self::new(
                    Kind::Unavailable,
                    "StorageUnavailable",
                    "The storage did not answer when this request was to be stored, and may have stored it. Usage may be \
                     sent again: it is counted once. Of anything else look first whether it is there.",
                )
            },
            StoreError::WentBack { .. } => Self {
                detail,
                ..Self::new(
                    Kind::Unavailable,
                    "StorageUnavailable",
                    "The storage was set back to an earlier state while this server was running. Nothing of this request \
                     was stored, and nothing is answered until whoever operates the server restarts it.",
                )
            },
            StoreError::Corrupt { .. } => Self {
                detail,
                hint: Some(DAMAGED.to_owned()),
                ..Self::new(
                    Kind::Internal,
                    "StoreDamaged",
                    "What the storage holds is damaged in a place that this request needs, so it cannot be answered; nothing of \
                     it was stored. The operator's log says where.",
                )
            },
            StoreError::FileMissing { .. }
            | StoreError::FileEmpty { .. }
            | StoreError::TablesMissing { .. }
            | StoreError::InUse { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::OfOthers { .. }
            | StoreError::Unfinished { .. } => Self {
                detail,
                ..internal("The storage holds something it should not; the operator's log says what.")
            },
        }
    }
}

/// What a delivery is told that was not stored.
pub(crate) fn not_stored(error: StoreError) -> Error {
    let told = Error::from(error);
    if told.kind != Kind::Busy {
        return told;
    }
    Error {
        detail: told.detail,
        ..Error::new(
            Kind::Busy,
            "TooManyDeliveries",
            "Too many deliveries are waiting to be stored. Nothing of this one was. Send it again later.",
        )
    }
}

impl From<MoneyError> for Error {
    fn from(error: MoneyError) -> Self {
        Self {
            detail: Some(error.to_string()),
            ..internal("An amount is more than can be kept.")
        }
    }
}

/// A defect of ours.
pub(crate) fn internal(message: &str) -> Error {
    Error::new(Kind::Internal, "InternalError", message)
}

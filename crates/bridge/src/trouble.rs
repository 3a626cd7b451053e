//! What went wrong, for whoever operates the bridge.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What happened, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} {advice} [{code}]")]
pub struct Trouble {
    /// A stable code.
    pub code: Cow<'static, str>,
    /// What happened and why.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl Trouble {
    /// Trouble with this code.
    #[must_use]
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            advice: advice.into(),
        }
    }
}

/// What is done about trouble that passes by itself.
pub(crate) const PASSES: &str = "Nothing has to be done: the bridge asks again until it is answered.";

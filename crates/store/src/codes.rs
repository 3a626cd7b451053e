//! The port of codes that are out: what somebody who is signing in finishes within minutes.

mod kept;

use async_trait::async_trait;
use domain::time::Timestamp;

pub(crate) use self::kept::KeptCodes;
use crate::error::StoreError;

/// What finds a code: a digest of it and of what kind of code it is.
pub type CodeKey = [u8; 32];

/// A code that is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// How often it was written.
    pub version: u64,
    /// What it stands for. Nobody looks into it here.
    pub body: Vec<u8>,
}

/// Codes that are out. Whichever server gave one out, each of them finds it, and one of them uses it up.
///
/// What is written has to be unlike what anybody else writes, with something in it that was drawn for it: where a commit got
/// no answer and was asked for again, whoever wrote recognises their own by it, and would take the same from somebody else for
/// it. Two would use up one code.
///
/// They are not durable: whoever is signing in when their memory ends begins again, and nothing else is lost.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Gives a code out until a moment; false if its key is out already. Those that are over `now` are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn put(
        &self,
        key: CodeKey,
        body: Vec<u8>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A code, unless it is over `now` or was never out.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn get(&self, key: CodeKey, now: Timestamp) -> Result<Option<Code>, StoreError>;

    /// Writes what a code stands for from now on, if it is at this version still. Whether it was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn replace(&self, key: CodeKey, version: u64, body: Vec<u8>) -> Result<bool, StoreError>;

    /// Uses a code up. Whether it was out: of several who do so at once one at most is told that it was. Nobody is where a commit
    /// got no answer and was asked for again: then it is used up, and whoever did so does not know.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn remove(&self, key: CodeKey) -> Result<bool, StoreError>;
}

//! Of which platform a store is, and a data directory: keys of one are no good with the books of another.

use std::io;
use std::path::{Path, PathBuf};

use app::{App, Error};

use crate::secret_file;

/// Where a platform began: the chain value of the first entry in its books, as 64 digits of base 16. No other platform has
/// the same, and it stays the same in every copy of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The file in a data directory that says it.
    pub const FILE: &str = "platform";

    /// Of an open store.
    ///
    /// # Errors
    /// As the store.
    pub async fn of_store(app: &App) -> Result<Self, Error> {
        let chain = blake3::Hash::from_bytes(app.origin().await?);
        Ok(Self(chain.to_hex().to_string()))
    }

    /// Of a data directory; none if nothing says it there.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of_directory(data: &Path) -> io::Result<Option<Self>> {
        let said = secret_file::read(&Self::file_in(data))?;
        Ok(said.map(|said| Self(said.trim().to_owned())))
    }

    /// Says it in a data directory: durable, or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_to(&self, data: &Path) -> io::Result<()> {
        secret_file::write(&Self::file_in(data), format!("{}\n", self.0).as_bytes())
    }

    /// Where that file is.
    #[must_use]
    pub fn file_in(data: &Path) -> PathBuf {
        data.join(Self::FILE)
    }
}

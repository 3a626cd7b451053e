//! Whether the books and the usage ledger belong together.
//!
//! They are two files. A backup that lost one of them, or took them from two moments, opens without complaint, and its
//! bills would be silently wrong.

use domain::ids::CloudId;

use crate::{App, Error};

impl App {
    /// The stacks that delivered usage and that the books know no registration of, by id. Usage is delivered with the key
    /// of a registration, so where there is one, these are not the books under which it was delivered.
    ///
    /// # Errors
    /// As the store.
    pub async fn stacks_unknown_to_the_books(&self) -> Result<Vec<CloudId>, Error> {
        let delivered = self.usage.stacks().await?;
        Ok(self.read(|books| {
            let unknown = |stack: &CloudId| books.registrations_ever_of(*stack).is_empty();
            delivered.into_iter().filter(unknown).collect()
        }))
    }

    /// Whether somebody was ever admitted as its operator, which is how a platform begins.
    #[must_use]
    pub fn has_operators(&self) -> bool {
        self.read(|books| books.operators().next().is_some())
    }

    /// What tells this platform from every other, and stays the same wherever its books are brought: the chain value of the
    /// first entry in them.
    ///
    /// # Errors
    /// As the store.
    pub async fn origin(&self) -> Result<[u8; 32], Error> {
        Ok(self.books.origin().await?)
    }

    /// Whether anybody works with this platform: it has partners, subscriptions, stacks or usage.
    ///
    /// # Errors
    /// As the store.
    pub async fn is_in_use(&self) -> Result<bool, Error> {
        let told = self.read(|books| {
            books.partners().next().is_some()
                || books.subscriptions().next().is_some()
                || books.stacks().next().is_some()
        });
        Ok(told || !self.usage.stacks().await?.is_empty())
    }
}

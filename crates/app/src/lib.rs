//! What happens when: one module for each use-case, over `domain` and `store`, with a clock.
//!
//! Everything here runs without HTTP: the server calls it, and so can a test. A use-case reads the books, asks the
//! rules in `domain` what follows, and hands the store one unit of work.

pub mod access;
pub mod accounts;
pub mod bills;
pub mod directory;
pub mod environment;
pub mod error;
pub mod prices;
pub mod registrations;
pub mod resource_groups;
pub mod tenants;
pub mod usage;

use std::sync::Arc;

use domain::books::{Books as State, Entry};
use domain::catalog::Catalog;
use domain::ids::ObjectId;
use domain::time::Hour;
use store::{Books, ChangeError, Store, UsageLedger};

use crate::access::Caller;
use crate::environment::{Clock, Random};
pub use crate::error::{Error, Kind};

/// Everything the use-cases work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    books: Books,
    usage: Arc<dyn UsageLedger>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl App {
    /// Loads the books of a store.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] or [`Kind::Internal`] if they cannot be read or contradict themselves.
    pub async fn open(
        store: Store,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        let books = Books::load(store.journal).await?;
        Ok(Self {
            books,
            usage: store.usage,
            catalog: Arc::new(catalog),
            clock,
            random,
        })
    }

    /// The meters.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The clock that the use-cases go by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The randomness that the use-cases draw ids from.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// Whether the memory can be read and, as far as is known, written. Costs next to nothing.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.usage.ready().await?)
    }

    /// The UTC hour it is: from its start on holds what is done now.
    fn this_hour(&self) -> Hour {
        Hour::containing(self.clock.now())
    }

    /// Asks the books.
    fn read<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        self.books.read(ask)
    }

    /// Decides on the books and enters what follows, as one unit of work. The decision may be made again if somebody
    /// else wrote in between.
    async fn change<T>(
        &self,
        caller: &Caller,
        decide: impl Fn(&State) -> Result<(Vec<Entry>, T), Error> + Send + Sync,
    ) -> Result<T, Error>
    where
        T: Send,
    {
        self.enter(caller.id(), decide).await
    }

    async fn enter<T>(
        &self,
        by: ObjectId,
        decide: impl Fn(&State) -> Result<(Vec<Entry>, T), Error> + Send + Sync,
    ) -> Result<T, Error>
    where
        T: Send,
    {
        match self.books.change(self.clock.now(), by, decide).await {
            Ok(outcome) => Ok(outcome),
            Err(ChangeError::Refused(error)) => Err(error),
            Err(ChangeError::Store(error)) => Err(error.into()),
        }
    }
}

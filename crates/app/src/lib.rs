//! What happens when: one module for each use-case, over `domain` and `store`, with a clock.
//!
//! Everything here runs without HTTP: the server calls it, and so can a test. A use-case reads the books, asks the
//! rules in `domain` what follows, and hands the store one unit of work.

pub mod access;
pub mod accounts;
pub mod authorization;
pub mod bills;
pub mod bundles;
pub mod completeness;
pub mod directory;
pub mod environment;
pub mod error;
pub mod identity;
pub mod list_price;
pub mod mappings;
pub mod me;
pub mod moves;
pub mod network;
pub mod operators;
pub mod periods;
pub mod precondition;
pub mod prices;
pub mod quarantine;
pub mod registrations;
pub mod resource_groups;
pub mod seen;
pub mod shares;
pub mod soundness;
pub mod suggestions;
pub mod tenants;
mod tenure;
pub mod unmapped;
pub mod usage;
pub mod webhooks;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::books::{Books as State, Entry};
use domain::catalog::Catalog;
use domain::ids::{ObjectId, TenantId};
use domain::time::Hour;
use store::{Bills, Books, ChangeError, Codes, Journal, Store, UsageLedger};
use tokio::sync::Semaphore;

use crate::access::Caller;
use crate::environment::{Clock, Random};
pub use crate::error::{Error, Kind};
use crate::identity::{Sessions, SignIns};

/// How many things are asked about while the books are held.
const READ_AT_ONCE: usize = 256;

/// Everything the use-cases work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    books: Books,
    journal: Arc<dyn Journal>,
    usage: Arc<dyn UsageLedger>,
    bills: Arc<dyn Bills>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sign_ins: Arc<SignIns>,
    sessions: Arc<Sessions>,
    codes: Arc<dyn Codes>,
    directories_elsewhere: Arc<BTreeSet<TenantId>>,
    evaluations: Arc<completeness::Evaluations>,
    /// Held while a period is closed: here one at a time is enough.
    closing: Arc<Semaphore>,
    replaying: Arc<periods::Places>,
    reckonings: Arc<periods::Places>,
    /// What this holds while it reckons something for somebody.
    #[expect(
        dead_code,
        reason = "it is given back when nothing holds it any more, and asked for nothing"
    )]
    place: Option<Arc<periods::Place>>,
    as_closed: Arc<periods::AsClosed>,
    budget_pieces_max: usize,
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
        let books = Books::load(Arc::clone(&store.journal)).await?;
        Ok(Self {
            books,
            journal: store.journal,
            usage: store.usage,
            bills: store.bills,
            catalog: Arc::new(catalog),
            clock,
            random,
            sign_ins: Arc::default(),
            sessions: Arc::new(Sessions::new(store.sessions)),
            codes: store.codes,
            directories_elsewhere: Arc::default(),
            evaluations: Arc::default(),
            closing: Arc::new(Semaphore::new(1)),
            replaying: Arc::new(periods::Places::for_replays()),
            reckonings: Arc::new(periods::Places::for_reckonings()),
            place: None,
            as_closed: Arc::default(),
            budget_pieces_max: periods::BUDGET_PIECES_MAX,
        })
    }

    /// The same, where issuers elsewhere are trusted to speak for these directories: nobody but an operator claims one.
    #[must_use]
    pub fn with_directories_elsewhere(self, directories: BTreeSet<TenantId>) -> Self {
        Self {
            directories_elsewhere: Arc::new(directories),
            ..self
        }
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

    /// The codes that are out, for whoever speaks with those who sign in.
    #[must_use]
    pub fn codes(&self) -> Arc<dyn Codes> {
        Arc::clone(&self.codes)
    }

    /// Whether what every request and every delivery needs of the memory can be read and, as far as is known, written, and the
    /// books known here are still those that are kept. Costs next to nothing.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if not, and `StoreDamaged` as long as something of that is damaged.
    pub async fn ready(&self) -> Result<(), Error> {
        self.catch_up().await?;
        self.books.ready().await?;
        Ok(self.usage.ready().await?)
    }

    /// Takes in what other servers have entered in the books: everything that any of them acknowledged before this was
    /// called. To be called before each request; it costs next to nothing where no other server writes.
    ///
    /// # Errors
    /// As the store: what is known here may be older than what somebody was told elsewhere.
    pub async fn catch_up(&self) -> Result<(), Error> {
        Ok(self.books.catch_up().await?)
    }

    /// The UTC hour it is: from its start on holds what is done now.
    fn this_hour(&self) -> Hour {
        Hour::containing(self.clock.now())
    }

    /// Asks the books.
    fn read<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        self.books.read(ask)
    }

    /// Asks the books about one thing after the other. Whoever changes them waits for a few of these, not for all: what
    /// is asked about two things may be as of two moments.
    fn read_in_parts<T>(&self, things: &[T], mut ask: impl FnMut(&State, &T)) {
        for part in things.chunks(READ_AT_ONCE) {
            self.read(|books| part.iter().for_each(|thing| ask(books, thing)));
        }
    }

    /// Does what takes processor time where it holds up nobody else's request.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.map_err(|stopped| Error {
            detail: Some(stopped.to_string()),
            ..error::internal("A computation stopped before its end; the operator's log says why.")
        })
    }

    /// Everything as it would be if what is decided were entered, if there is anything to enter: for asking only.
    fn supposing(
        &self,
        by: ObjectId,
        decide: impl FnOnce(&State) -> Result<Option<Entry>, Error>,
    ) -> Result<Option<Self>, Error> {
        let supposed = self.books.supposing(self.clock.now(), by, decide);
        let supposed = supposed.map_err(not_changed)?;
        Ok(supposed.map(|books| Self {
            books,
            ..self.clone()
        }))
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
        let changed = self.books.change(self.clock.now(), by, decide).await;
        changed.map_err(not_changed)
    }
}

fn not_changed(error: ChangeError<Error>) -> Error {
    match error {
        ChangeError::Refused(error) => error,
        ChangeError::Store(error) => error.into(),
    }
}

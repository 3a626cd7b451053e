//! The books in memory, kept in step with the journal.

mod looks;
pub(crate) mod stored;

use std::sync::{Arc, PoisonError, RwLock};

use domain::books::{Books as State, Entry};
use domain::ids::{CloudId, ObjectId};
use domain::quarantine::QuarantineAct;
use domain::time::Timestamp;
use domain::timeline::Recorded;

use self::looks::Looks;
use crate::error::StoreError;
use crate::journal::{Journal, JournalAppended, StoredEntry};

/// How many entries are read from the journal at a time, at most.
const ENTRIES_PER_READ: usize = 1_000;
/// How often a decision is made again because another process wrote in between.
const DECISIONS_MAX: usize = 16;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// The decision was against it.
    #[error("{0}")]
    Refused(E),
    /// The memory failed.
    #[error(transparent)]
    Store(StoreError),
}

impl<E> From<StoreError> for ChangeError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What an entry of the journal says of what is in the usage ledger.
pub(crate) enum OfUsage {
    /// This was done with records in quarantine.
    QuarantineActed(QuarantineAct),
    /// This stack was registered.
    Registered(CloudId),
    /// Nothing.
    Nothing,
    /// Nobody knows: it is no entry that this program can read.
    Unknown,
}

impl OfUsage {
    /// Reads the body of an entry.
    pub(crate) fn of(body: &[u8]) -> Self {
        match stored::decode(body) {
            Ok(Entry::QuarantineActed(act)) => Self::QuarantineActed(act),
            Ok(Entry::Registered { token, .. } | Entry::Reregistered { token, .. }) => {
                Self::Registered(token.cloud_id)
            }
            Ok(_) => Self::Nothing,
            Err(_) => Self::Unknown,
        }
    }
}

/// The books: what the journal's entries add up to. Cheap to clone; all clones see the same state.
#[derive(Clone)]
pub struct Books {
    journal: Arc<dyn Journal>,
    state: Arc<RwLock<State>>,
    /// Held while a change is made: the writers of one process wait for each other instead of deciding in vain.
    writing: Arc<tokio::sync::Mutex<()>>,
    looks: Arc<Looks>,
}

impl Books {
    /// Reads the whole journal.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an entry cannot be read or contradicts the entries before it, or as the journal.
    pub async fn load(journal: Arc<dyn Journal>) -> Result<Self, StoreError> {
        let books = Self {
            journal,
            state: Arc::default(),
            writing: Arc::default(),
            looks: Arc::default(),
        };
        books.catch_up().await?;
        Ok(books)
    }

    /// The state as it was when the journal had the entries up to this one and no others, whatever was entered since: all of
    /// them are read and folded again, so the answer is for ever the same. Without any entries the books are empty.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the journal has no such entry, and as [`Books::load`].
    pub async fn at(journal: &dyn Journal, position: u64) -> Result<State, StoreError> {
        let mut state = State::default();
        loop {
            let known = state.entries();
            let missing = usize::try_from(position.saturating_sub(known)).unwrap_or(usize::MAX);
            if missing == 0 {
                return Ok(state);
            }
            let entries = journal.read_after(known, missing.min(ENTRIES_PER_READ)).await?;
            if entries.is_empty() {
                return Err(StoreError::corrupt(format!(
                    "the journal has no entry {position}"
                )));
            }
            let decoded: Vec<(Recorded, Entry)> = entries.iter().map(decode).collect::<Result<_, _>>()?;
            apply(&mut state, &decoded)?;
        }
    }

    /// The chain value of the journal's first entry, by which one platform is told from every other; 32 zero bytes as long as
    /// there is none.
    ///
    /// # Errors
    /// As [`Books::catch_up`].
    pub async fn origin(&self) -> Result<[u8; 32], StoreError> {
        let first = self.journal.read_after(0, 1).await?;
        Ok(first.first().map(|entry| entry.chain).unwrap_or_default())
    }

    /// Asks the state as it is known here. Everything that this process entered is in it.
    pub fn read<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        // A poisoned lock cannot hold a half-applied entry: one that does not fit changes nothing.
        ask(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The books as they would be with the entry that is decided on them, if there is one, apart from these: for asking only,
    /// since what is entered later is not in them and what would be decided on them does not fit the journal.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] with the decision's own error, or [`StoreError::Corrupt`] if the entry contradicts what it was
    /// decided on.
    pub fn supposing<E>(
        &self,
        at: Timestamp,
        by: ObjectId,
        decide: impl FnOnce(&State) -> Result<Option<Entry>, E>,
    ) -> Result<Option<Self>, ChangeError<E>> {
        let mut state = self.read(State::clone);
        let Some(entry) = decide(&state).map_err(ChangeError::Refused)? else {
            return Ok(None);
        };
        let recorded = Recorded {
            entry: state.entries() + 1,
            at,
            by,
        };
        state
            .apply(&entry, recorded)
            .map_err(|contradiction| StoreError::corrupt(contradiction.to_string()))?;
        Ok(Some(Self {
            journal: Arc::clone(&self.journal),
            state: Arc::new(RwLock::new(state)),
            writing: Arc::default(),
            looks: Arc::default(),
        }))
    }

    /// Whether the end of the journal can be read, and is as it is known here.
    ///
    /// # Errors
    /// As the journal.
    pub async fn ready(&self) -> Result<(), StoreError> {
        match self.read(State::entries) {
            0 => Ok(()),
            known => self.journal.read_after(known - 1, 1).await.map(drop),
        }
    }

    /// Takes in what others have entered: everything that was acknowledged before this was called, by whichever process.
    /// Where nobody else writes that costs next to nothing, and elsewhere one short question for all who ask at a time.
    ///
    /// # Errors
    /// As [`Books::load`], and [`StoreError::WentBack`] if the journal is no longer what these books were made of: they are
    /// nobody's books any more, and stay as they are until they are loaded anew.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        if self.journal.is_known_to_end_at(self.read(State::entries)) {
            return Ok(());
        }
        self.looks.share(self.take_in()).await
    }

    async fn take_in(&self) -> Result<(), StoreError> {
        loop {
            let known = self.read(State::entries);
            let entries = self.journal.read_after(known, ENTRIES_PER_READ).await?;
            if entries.is_empty() {
                return Ok(());
            }
            let decoded: Vec<(Recorded, Entry)> = entries.iter().map(decode).collect::<Result<_, _>>()?;
            self.apply(&decoded)?;
        }
    }

    /// Decides on the state and enters what follows, as one unit of work: either all of it was decided on the latest
    /// state and is durable, or nothing of it. If somebody else writes in between, the decision is made again.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] with the decision's own error, or [`ChangeError::Store`].
    pub async fn change<T, E>(
        &self,
        at: Timestamp,
        by: ObjectId,
        decide: impl Fn(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<T, ChangeError<E>> {
        let _writing = self.writing.lock().await;
        for _ in 0..DECISIONS_MAX {
            let (known, decision) = self.read(|state| (state.entries(), decide(state)));
            let (entries, outcome) = decision.map_err(ChangeError::Refused)?;
            if entries.is_empty() {
                return Ok(outcome);
            }
            let bodies = entries.iter().map(stored::encode).collect::<Result<_, _>>()?;
            match self.journal.append(known, bodies, at, by).await? {
                JournalAppended::Appended { .. } => {
                    let numbered = (known + 1..).zip(entries);
                    let recorded = |(entry, what)| (Recorded { entry, at, by }, what);
                    self.apply(&numbered.map(recorded).collect::<Vec<_>>())?;
                    return Ok(outcome);
                }
                JournalAppended::Conflict { .. } => self.catch_up().await?,
            }
        }
        Err(ChangeError::Store(StoreError::Busy))
    }

    /// Applies entries that are in the journal. Those that are in the state already are passed over: a concurrent
    /// reader may have been faster.
    fn apply(&self, entries: &[(Recorded, Entry)]) -> Result<(), StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        apply(&mut state, entries)
    }
}

fn apply(state: &mut State, entries: &[(Recorded, Entry)]) -> Result<(), StoreError> {
    for (recorded, entry) in entries {
        if recorded.entry > state.entries() {
            state
                .apply(entry, *recorded)
                .map_err(|error| StoreError::corrupt(error.to_string()))?;
        }
    }
    Ok(())
}

fn decode(entry: &StoredEntry) -> Result<(Recorded, Entry), StoreError> {
    let recorded = Recorded {
        entry: entry.sequence,
        at: entry.recorded_at,
        by: entry.by,
    };
    let decoded = stored::decode(&entry.body).map_err(|error| {
        StoreError::corrupt(format!(
            "entry {} of the journal cannot be read: {error}",
            entry.sequence
        ))
    })?;
    Ok((recorded, decoded))
}

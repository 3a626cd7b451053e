//! How many may have much reckoned at the same time. The platform's operators have places of their own: whatever others
//! ask for, it never turns them away. And whatever the people and programs of one directory ask for, those of another
//! have their turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::{Caller, Right};
use crate::{App, Error, Kind};

/// How many reckonings of several bills run at a time, for the platform's operators and for all others each. Each holds
/// a copy of the books and what all of these bills are made of.
pub const RECKONINGS_AT_ONCE_MAX: usize = 2;

/// How many more may wait for that, of the platform's operators and of all others each.
pub const RECKONINGS_WAITING_MAX: usize = 8;

/// How many reckonings the people and programs of one directory may have under way, who are no operators; one of them
/// runs at a time, and the others wait for it.
pub const RECKONINGS_OF_A_DIRECTORY_MAX: usize = 4;

/// Places for one kind of work.
pub(crate) struct Places {
    of_operators: Lane,
    of_others: Lane,
}

impl Places {
    /// For reckonings of several bills.
    pub(crate) fn for_reckonings() -> Self {
        Self::new(RECKONINGS_AT_ONCE_MAX, RECKONINGS_WAITING_MAX)
    }

    /// For replays: each reads all usage of its period, and they are not piled up.
    pub(crate) fn for_replays() -> Self {
        Self::new(1, 0)
    }

    fn new(at_once_max: usize, waiting_max: usize) -> Self {
        Self {
            of_operators: Lane::new(at_once_max, waiting_max),
            of_others: Lane::new(at_once_max, waiting_max),
        }
    }
}

/// So many at once, and so many that wait for it.
struct Lane {
    at_once: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    directories: Mutex<BTreeMap<TenantId, Directory>>,
}

/// What one directory has under way.
struct Directory {
    turn: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            admitted: Arc::new(Semaphore::new(RECKONINGS_OF_A_DIRECTORY_MAX)),
        }
    }
}

impl Lane {
    fn new(at_once_max: usize, waiting_max: usize) -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(at_once_max)),
            admitted: Arc::new(Semaphore::new(at_once_max + waiting_max)),
            directories: Mutex::default(),
        }
    }

    /// A place for somebody of a directory, when it is free; none if too many wait already.
    async fn place(&self, directory: Option<TenantId>) -> Option<Place> {
        let mut held = Vec::new();
        let mut turn = None;
        if let Some(directory) = directory {
            let (admitted, its_turn) = self.admit(directory)?;
            held.push(admitted);
            turn = Some(its_turn);
        }
        held.push(Arc::clone(&self.admitted).try_acquire_owned().ok()?);
        // First the directory's turn: while it waits for that, it keeps no other from a place.
        if let Some(turn) = turn {
            held.push(turn.acquire_owned().await.ok()?);
        }
        held.push(Arc::clone(&self.at_once).acquire_owned().await.ok()?);
        Some(Place { _held: held })
    }

    /// Admits one more of a directory. Directories with nothing under way are forgotten.
    fn admit(&self, directory: TenantId) -> Option<(OwnedSemaphorePermit, Arc<Semaphore>)> {
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        directories.retain(|_, of| of.admitted.available_permits() < RECKONINGS_OF_A_DIRECTORY_MAX);
        let of = directories.entry(directory).or_default();
        let admitted = Arc::clone(&of.admitted).try_acquire_owned().ok()?;
        Some((admitted, Arc::clone(&of.turn)))
    }
}

/// Held while something is reckoned.
pub(crate) struct Place {
    _held: Vec<OwnedSemaphorePermit>,
}

impl App {
    /// Waits until several bills may be reckoned for a caller, and gives that to work with which holds the place: what it
    /// computes keeps the place to its end, even if nobody waits for it any more.
    ///
    /// # Errors
    /// `TooManyReckonings` if too many wait already.
    pub(super) async fn place_to_reckon(&self, caller: &Caller) -> Result<Self, Error> {
        self.placed(&self.reckonings, caller).await.ok_or_else(|| {
            let message = "Too many wait already for bills that are being reckoned. Ask again in a while.";
            Error::new(Kind::Busy, "TooManyReckonings", message)
        })
    }

    /// Lets invoices be replayed for a caller, by what holds the place as for [`App::place_to_reckon`].
    ///
    /// # Errors
    /// `ReplayRunning` while others are.
    pub(super) async fn place_to_replay(&self, caller: &Caller) -> Result<Self, Error> {
        self.placed(&self.replaying, caller).await.ok_or_else(|| {
            let message = "Other invoices are being replayed. Ask again when that has ended.";
            Error::new(Kind::Busy, "ReplayRunning", message)
        })
    }

    async fn placed(&self, places: &Places, caller: &Caller) -> Option<Self> {
        let place = if self.authorize(caller, Right::Operate).is_ok() {
            places.of_operators.place(None).await
        } else {
            let directory = match caller {
                Caller::Principal(principal) => Some(principal.tenant),
                Caller::Operator { .. } | Caller::Stack { .. } => None,
            };
            places.of_others.place(directory).await
        };
        Some(Self {
            place: Some(Arc::new(place?)),
            ..self.clone()
        })
    }
}

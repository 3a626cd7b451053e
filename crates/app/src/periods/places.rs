//! How many may have much reckoned at the same time. The platform's operators have places of their own: whatever others
//! ask for, it never turns them away.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::access::{Caller, Right};
use crate::{App, Error, Kind};

/// How many reckonings of several bills run at a time, for the platform's operators and for all others each. Each holds
/// a copy of the books and what all of these bills are made of.
pub const RECKONINGS_AT_ONCE_MAX: usize = 2;

/// How many more may wait for that, of the platform's operators and of all others each.
pub const RECKONINGS_WAITING_MAX: usize = 8;

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

    const fn lane(&self, is_operator: bool) -> &Lane {
        if is_operator {
            &self.of_operators
        } else {
            &self.of_others
        }
    }
}

/// So many at once, and so many that wait for it.
struct Lane {
    at_once: Semaphore,
    admitted: Semaphore,
}

impl Lane {
    fn new(at_once_max: usize, waiting_max: usize) -> Self {
        Self {
            at_once: Semaphore::new(at_once_max),
            admitted: Semaphore::new(at_once_max + waiting_max),
        }
    }

    /// A place, when it is free; none if too many wait already.
    async fn place(&self) -> Option<Place<'_>> {
        let admitted = self.admitted.try_acquire().ok()?;
        let turn = self.at_once.acquire().await.ok()?;
        Some(Place {
            _turn: turn,
            _admitted: admitted,
        })
    }
}

/// Held while something is reckoned.
pub(super) struct Place<'a> {
    _turn: SemaphorePermit<'a>,
    _admitted: SemaphorePermit<'a>,
}

impl App {
    /// Waits until several bills may be reckoned for a caller.
    ///
    /// # Errors
    /// `TooManyReckonings` if too many wait already.
    pub(super) async fn place_to_reckon(&self, caller: &Caller) -> Result<Place<'_>, Error> {
        let place = self.reckonings.lane(self.is_operator(caller)).place().await;
        place.ok_or_else(|| {
            let message = "Too many wait already for bills that are being reckoned. Ask again in a while.";
            Error::new(Kind::Busy, "TooManyReckonings", message)
        })
    }

    /// Lets invoices be replayed for a caller.
    ///
    /// # Errors
    /// `ReplayRunning` while others are.
    pub(super) async fn place_to_replay(&self, caller: &Caller) -> Result<Place<'_>, Error> {
        let place = self.replaying.lane(self.is_operator(caller)).place().await;
        place.ok_or_else(|| {
            let message = "Other invoices are being replayed. Ask again when that has ended.";
            Error::new(Kind::Busy, "ReplayRunning", message)
        })
    }

    fn is_operator(&self, caller: &Caller) -> bool {
        self.authorize(caller, Right::Operate).is_ok()
    }
}

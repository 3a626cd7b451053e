//! What the writer does between deliveries, each in a transaction of its own: work with the quarantine.

use domain::ids::QuarantineActId;
use tokio::sync::oneshot;

use super::delivery::Wanted;
use super::release::Prepared;
use crate::error::StoreError;
use crate::quarantine::{Purged, Released};

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// An errand, and where its answer goes.
pub(super) enum Errand {
    Release(Prepared, Answer<Answered>),
    Purge(Purge, Answer<Purged>),
}

/// The answer to a release.
pub(super) enum Answered {
    Done(Released),
    /// Nothing of it was stored: it has to come again and bring more.
    Again(Wanted),
}

/// Records whose texts are to be removed.
pub(super) struct Purge {
    pub(super) act: QuarantineActId,
    pub(super) positions: Vec<u64>,
    pub(super) rehearsal: bool,
}

impl Errand {
    /// The memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Release(release, _) => release.bytes(),
            Self::Purge(purge, _) => size_of::<Purge>() + purge.positions.len() * size_of::<u64>(),
        }
    }

    /// Tells whoever waits why it was not done.
    pub(super) fn refuse(self, error: StoreError) {
        // Whoever has stopped waiting will ask again.
        match self {
            Self::Release(_, answer) => drop(answer.send(Err(error))),
            Self::Purge(_, answer) => drop(answer.send(Err(error))),
        }
    }
}

//! What the stack's side knows of its bundles: which were made, and which have arrived.

use std::num::NonZeroU32;

use super::{Bundle, Digest};
use crate::time::Hour;

/// What became of a bundle, as far as the stack's side knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is on its way: there is no receipt.
    Outstanding,
    /// It was taken in: by its own receipt, or by that of one that follows it.
    Arrived,
    /// Nobody waits for it any more, and another one was made in its place. Its receipt may come all the same.
    GivenUp,
}

/// A bundle that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The bundle.
    pub bundle: Bundle,
    /// What became of it.
    pub state: State,
}

/// What the next bundle has to say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextBundle {
    /// Its number.
    pub sequence: NonZeroU32,
    /// The bundle before.
    pub previous: Option<Digest>,
    /// The hour with which its window begins; any, for the first.
    pub start: Option<Hour>,
}

/// A receipt is of a bundle that was not made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no bundle with digest {0} was made here")]
pub struct UnknownBundle(pub Digest);

/// The bundles that the stack's side made in one life of the registration, in the order in which it made them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain(Vec<Made>);

impl Chain {
    /// The chain that was remembered.
    #[must_use]
    pub const fn new(made: Vec<Made>) -> Self {
        Self(made)
    }

    /// Every bundle, in the order of making.
    #[must_use]
    pub fn made(&self) -> &[Made] {
        &self.0
    }

    /// What the next bundle follows: the last one that was not given up.
    #[must_use]
    pub fn next(&self) -> NextBundle {
        let kept = self.0.iter().filter(|it| it.state != State::GivenUp);
        let last = kept.max_by_key(|it| it.bundle.sequence).map(|it| it.bundle);
        NextBundle {
            sequence: last.map_or(NonZeroU32::MIN, |last| last.sequence.saturating_add(1)),
            previous: last.map(|last| last.digest),
            start: last.map(|last| last.window.end()),
        }
    }

    /// Takes note of a bundle that was made as [`Self::next`] says.
    pub fn add(&mut self, bundle: Bundle) {
        self.0.push(Made {
            bundle,
            state: State::Outstanding,
        });
    }

    /// Waits no longer for what has not arrived: the next bundle follows the last one that has.
    pub fn give_up(&mut self) {
        for made in &mut self.0 {
            if made.state == State::Outstanding {
                made.state = State::GivenUp;
            }
        }
    }

    /// Takes note of a receipt. Bundles are taken in in order, so whatever the bundle follows has arrived with it, and
    /// what was made in place of any of these never will be taken in.
    ///
    /// # Errors
    /// [`UnknownBundle`] if it was not made here.
    pub fn arrived(&mut self, digest: Digest) -> Result<(), UnknownBundle> {
        let find = |digest| move |it: &Made| it.bundle.digest == digest;
        let mut at = self.0.iter().position(find(digest));
        at.ok_or(UnknownBundle(digest))?;
        while let Some(made) = at.and_then(|at| self.0.get_mut(at)) {
            made.state = State::Arrived;
            let previous = made.bundle.previous;
            at = previous.and_then(|previous| self.0.iter().position(find(previous)));
        }
        // Whatever was made in place of one of these was made for nothing, with all that follows it.
        let mut live = vec![digest];
        for made in &mut self.0 {
            let Bundle { digest, previous, .. } = made.bundle;
            if previous.is_some_and(|previous| live.contains(&previous)) {
                live.push(digest);
            } else if made.state == State::Outstanding {
                made.state = State::GivenUp;
            }
        }
        Ok(())
    }
}

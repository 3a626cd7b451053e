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

    /// Gives up every bundle behind one, or all of them for 0, also those that have arrived: the platform was restored from
    /// a backup and does not know of them any more. Answers with those of them that had arrived, or with nothing, and then
    /// gives nothing up, if that one is not known here.
    pub fn give_up_after(&mut self, number: u32) -> Option<Vec<Bundle>> {
        let mut kept = self.0.iter().filter(|it| it.state != State::GivenUp);
        if number > 0 && !kept.any(|it| it.bundle.sequence.get() == number) {
            return None;
        }
        let behind = self.0.iter_mut().filter(|it| it.bundle.sequence.get() > number);
        let states = behind.map(|it| (it.bundle, std::mem::replace(&mut it.state, State::GivenUp)));
        Some(
            states
                .filter(|(_, state)| *state == State::Arrived)
                .map(|(bundle, _)| bundle)
                .collect(),
        )
    }

    /// The hour with which the first bundle began, if that one is known.
    #[must_use]
    pub fn begins(&self) -> Option<Hour> {
        let firsts = self.0.iter().filter(|it| it.bundle.sequence == NonZeroU32::MIN);
        let kept = firsts.filter(|it| it.state != State::GivenUp);
        kept.map(|it| it.bundle.window.start()).min()
    }

    /// Takes note of a receipt. Bundles are taken in in order, so whatever the bundle follows has arrived with it, and
    /// what was made in place of any of these never will be taken in. One that is not known here, since what was known was
    /// lost, is known from then on, but for what it follows; that is answered with true.
    pub fn arrived(&mut self, bundle: Bundle) -> bool {
        let find = |digest| move |it: &Made| it.bundle.digest == digest;
        let mut at = self.0.iter().position(find(bundle.digest));
        let is_unknown = at.is_none();
        if is_unknown {
            self.add(bundle);
            at = self.0.len().checked_sub(1);
        }
        while let Some(made) = at.and_then(|at| self.0.get_mut(at)) {
            made.state = State::Arrived;
            let previous = made.bundle.previous;
            at = previous.and_then(|previous| self.0.iter().position(find(previous)));
        }
        self.give_up_beside(bundle);
        is_unknown
    }

    /// Gives up what neither follows a bundle that has arrived nor one that has arrived after it: it was made in place of
    /// one of these, for nothing.
    fn give_up_beside(&mut self, arrived: Bundle) {
        let is_later = |it: &&Made| it.state == State::Arrived && it.bundle.sequence >= arrived.sequence;
        let mut live: Vec<Digest> = self
            .0
            .iter()
            .filter(is_later)
            .map(|it| it.bundle.digest)
            .collect();
        for made in &mut self.0 {
            let Bundle { digest, previous, .. } = made.bundle;
            if previous.is_some_and(|previous| live.contains(&previous)) {
                live.push(digest);
            } else if made.state == State::Outstanding {
                made.state = State::GivenUp;
            }
        }
    }
}

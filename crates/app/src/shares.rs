//! Shares: how much of something each caller or network holds, and the most that one of them may.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How much of something everybody holds.
#[derive(Clone)]
pub struct Shares<K> {
    held: Arc<Mutex<HashMap<K, usize>>>,
    /// The most that one may hold.
    one_max: usize,
}

/// What one holder has in one place; given back when it is dropped.
pub struct Share<K: Hash + Eq + Clone> {
    shares: Shares<K>,
    holder: Option<K>,
    amount: usize,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    /// Shares of which one holder may have so much.
    #[must_use]
    pub fn new(one_max: usize) -> Self {
        Self {
            held: Arc::default(),
            one_max,
        }
    }

    /// A share of nothing yet. Without a holder it is nobody's in particular, and may be as large as it likes.
    #[must_use]
    pub fn empty(&self, holder: Option<K>) -> Share<K> {
        Share {
            shares: self.clone(),
            holder,
            amount: 0,
        }
    }

    fn with_held<T>(&self, act: impl FnOnce(&mut HashMap<K, usize>) -> T) -> T {
        // Numbers are good after a panic, too.
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Hash + Eq + Clone> Share<K> {
    /// Takes so much more, if the holder may have it beside all that it holds elsewhere.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let Some(holder) = &self.holder else {
            return true;
        };
        let grown = self.shares.with_held(|all| {
            let held = all.get(holder).copied().unwrap_or_default();
            let wanted = held.saturating_add(more);
            let allowed = wanted <= self.shares.one_max;
            if allowed {
                all.insert(holder.clone(), wanted);
            }
            allowed
        });
        if grown {
            self.amount += more;
        }
        grown
    }
}

impl<K: Hash + Eq + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        let Some(holder) = &self.holder else {
            return;
        };
        self.shares.with_held(|all| {
            if let Some(held) = all.get_mut(holder) {
                *held = held.saturating_sub(self.amount);
                if *held == 0 {
                    all.remove(holder);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_cannot_take_everything_and_what_it_gives_back_can_be_taken_again() {
        let shares = Shares::new(3);
        let mut first = shares.empty(Some("one"));
        assert!(first.grow(2));
        let mut second = shares.empty(Some("one"));
        assert!(!second.grow(2));
        assert!(second.grow(1));
        assert!(shares.empty(Some("other")).grow(3), "others have their own share");
        drop(first);
        assert!(second.grow(2));
        assert!(!second.grow(1));
        drop(second);
        assert!(
            shares.with_held(|all| all.is_empty()),
            "nobody is remembered for ever"
        );
    }

    #[test]
    fn what_is_nobodys_in_particular_is_not_limited_here() {
        let shares = Shares::<&str>::new(1);
        assert!(shares.empty(None).grow(usize::MAX));
    }
}

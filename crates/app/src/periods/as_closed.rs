//! What closing periods fixed, kept in memory for a while: whoever opens a line of an invoice asks level by level for the
//! same, and to read it means to go through the whole journal, and to reckon an account anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::books::Books as State;
use domain::catalog::Catalog;
use domain::chain::Account;
use domain::invoice::Invoice;
use domain::reckoning::{Basis, Reckoning};
use domain::time::Period;
use tokio::sync::OnceCell;

use crate::Error;

/// Of how many closes the books are kept in memory.
const CLOSES_MAX: usize = 3;

/// Of how many accounts their invoice, and what they were reckoned from, are kept in memory.
const ACCOUNTS_MAX: usize = 6;

/// What closing periods fixed, by the entry of the journal with which each close began: what is entered before it, nobody
/// changes any more.
#[derive(Default)]
pub(crate) struct AsClosed {
    pub(super) books: Recent<u64, (Arc<State>, Arc<Catalog>), CLOSES_MAX>,
    pub(super) invoices: Recent<(Period, Account), Arc<Invoice>, ACCOUNTS_MAX>,
    pub(super) accounts: Recent<(u64, Period, Account), Arc<(Basis, Reckoning)>, ACCOUNTS_MAX>,
}

impl AsClosed {
    /// Has everything read anew from what is kept.
    pub(super) fn forget(&self) {
        self.books.forget();
        self.invoices.forget();
        self.accounts.forget();
    }
}

/// The values that were asked for last.
pub(super) struct Recent<K, V, const MAX: usize> {
    kept: Mutex<VecDeque<(K, Arc<OnceCell<V>>)>>,
}

impl<K, V, const MAX: usize> Default for Recent<K, V, MAX> {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }
}

impl<K: PartialEq, V: Clone, const MAX: usize> Recent<K, V, MAX> {
    /// A value, made if it is not there. Who asks for what is being made waits for that; what cannot be made is made anew
    /// for whoever asks next.
    ///
    /// # Errors
    /// As making it.
    pub(super) async fn get(&self, key: K, make: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
        let value = self.place_of(key);
        value.get_or_try_init(|| make).await.cloned()
    }

    fn place_of(&self, key: K) -> Arc<OnceCell<V>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(known, _)| *known == key);
        let (key, value) = known
            .and_then(|place| kept.remove(place))
            .unwrap_or_else(|| (key, Arc::default()));
        kept.push_back((key, Arc::clone(&value)));
        if kept.len() > MAX {
            kept.pop_front();
        }
        value
    }

    fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

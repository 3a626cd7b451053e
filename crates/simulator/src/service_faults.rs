//! What the service does wrong that answers for a stack: the one list of it, by chance and counted.
//!
//! The faults of [`crate::Faults`] are of the usage that a stack reports; these are of single answers, and none of them
//! takes anything away: who asks again long enough has everything in the end.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::random::Random;

/// The most requests in a row that meet one overload of the gateway.
const GATEWAY_TIMEOUTS_MAX: u64 = 4;

/// What may be wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceFault {
    /// 504 of the gateway, for a few requests in a row.
    GatewayTimeout,
    /// 502 of the gateway, with a page for people.
    GatewayPage,
    /// 503 that does not say for how long.
    Busy,
    /// 503 with `Retry-After`.
    BusyFor,
    /// 429 with `Retry-After`.
    TooMany,
    /// 401: none of the tokens that were given is good any more.
    TokensExpired,
    /// The connection ends in the middle of the answer.
    CutConnection,
    /// The answer ends in the middle of its JSON, and is complete as far as HTTP goes.
    CutJson,
    /// 202: the window is not ready.
    NotReady,
    /// The link to the next page, twice in one.
    DoubledLink,
    /// The link to the next page, its token escaped once too often.
    EscapedLink,
    /// A link to the next page that leads nowhere.
    LinkToNowhere,
    /// A page that is not the last one has no link. Never the first page of a window: by its length alone nobody can tell
    /// that there are more, unless it is as long as those of real stacks.
    LinkLost,
    /// The first page of the window instead of the one that was asked for.
    FirstPageAgain,
    /// 400: the continuation token is not known any more.
    TokenForgotten,
    /// The times of the records in another of the forms that stacks write them in.
    OtherTimes,
}

impl ServiceFault {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::GatewayTimeout,
        Self::GatewayPage,
        Self::Busy,
        Self::BusyFor,
        Self::TooMany,
        Self::TokensExpired,
        Self::CutConnection,
        Self::CutJson,
        Self::NotReady,
        Self::DoubledLink,
        Self::EscapedLink,
        Self::LinkToNowhere,
        Self::LinkLost,
        Self::FirstPageAgain,
        Self::TokenForgotten,
        Self::OtherTimes,
    ];

    /// Whether it may meet such an answer.
    fn fits(self, asked: &Asked<'_>) -> bool {
        match self {
            Self::GatewayTimeout
            | Self::GatewayPage
            | Self::Busy
            | Self::BusyFor
            | Self::TooMany
            | Self::CutConnection
            | Self::CutJson => true,
            Self::TokensExpired => asked.bears_token,
            Self::NotReady => asked.page == Some(Place::First),
            Self::OtherTimes => asked.page.is_some(),
            Self::FirstPageAgain | Self::TokenForgotten => asked.page == Some(Place::Later),
            Self::DoubledLink | Self::EscapedLink | Self::LinkToNowhere => asked.has_next_page,
            Self::LinkLost => asked.has_next_page && asked.page == Some(Place::Later),
        }
    }
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What was asked, as far as it decides what may go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The path and the query.
    pub(crate) target: &'a str,
    /// Whether a token came with it.
    pub(crate) bears_token: bool,
    /// Which page of usage, if it is one.
    pub(crate) page: Option<Place>,
    /// Whether the page has one after it.
    pub(crate) has_next_page: bool,
}

/// Where a page of usage is in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Later,
}

/// Decides what goes wrong, by chance: the same seed and the same requests meet the same faults. Shared by whoever serves
/// the stack and whoever counts.
#[derive(Debug)]
pub struct ServiceFaults(Mutex<State>);

#[derive(Debug)]
struct State {
    random: Random,
    per_mille: u16,
    /// What comes next: all kinds before any comes again.
    bag: Vec<ServiceFault>,
    /// How many more requests the gateway is overloaded for.
    overloaded_for: u64,
    /// Requests whose answer has lost its link once. Twice in a row would be more than any reader can notice.
    lost_links: HashSet<String>,
    met: BTreeMap<ServiceFault, u64>,
}

impl ServiceFaults {
    /// So many requests in a thousand meet a fault.
    #[must_use]
    pub fn new(seed: u64, per_mille: u16) -> Self {
        Self(Mutex::new(State {
            random: Random::new(seed),
            per_mille,
            bag: Vec::new(),
            overloaded_for: 0,
            lost_links: HashSet::new(),
            met: BTreeMap::new(),
        }))
    }

    /// Changes how many meet one.
    pub fn set_share(&self, per_mille: u16) {
        let mut state = self.state();
        state.per_mille = per_mille;
        state.overloaded_for = 0;
    }

    /// How many requests met each fault.
    #[must_use]
    pub fn met(&self) -> BTreeMap<ServiceFault, u64> {
        self.state().met.clone()
    }

    /// What goes wrong with this answer.
    pub(crate) fn meet(&self, asked: &Asked<'_>) -> Option<ServiceFault> {
        let mut state = self.state();
        let fault = state.draw(asked)?;
        *state.met.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// A choice that has to be made about a fault.
    pub(crate) fn choose<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        self.state().random.pick(among)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn draw(&mut self, asked: &Asked<'_>) -> Option<ServiceFault> {
        if self.overloaded_for > 0 {
            self.overloaded_for -= 1;
            return Some(ServiceFault::GatewayTimeout);
        }
        if !self.random.happens(self.per_mille.into()) {
            return None;
        }
        if self.bag.is_empty() {
            self.fill_bag();
        }
        let fits = |fault: &ServiceFault| {
            fault.fits(asked) && (*fault != ServiceFault::LinkLost || !self.lost_links.contains(asked.target))
        };
        let place = self.bag.iter().position(fits)?;
        let fault = self.bag.remove(place);
        match fault {
            ServiceFault::GatewayTimeout => {
                self.overloaded_for = self.random.between(0, GATEWAY_TIMEOUTS_MAX);
            }
            ServiceFault::LinkLost => {
                self.lost_links.insert(asked.target.to_owned());
            }
            _ => {}
        }
        Some(fault)
    }

    fn fill_bag(&mut self) {
        self.bag = ServiceFault::ALL.to_vec();
        for last in (1..self.bag.len()).rev() {
            let other = self.random.between(0, last as u64 + 1);
            self.bag.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER_PAGE: Asked<'static> = Asked {
        target: "/usage?continuationToken=x",
        bears_token: true,
        page: Some(Place::Later),
        has_next_page: true,
    };

    #[test]
    fn every_fault_is_listed_once_and_met_before_any_is_met_again_and_again() {
        let distinct: HashSet<_> = ServiceFault::ALL.into_iter().collect();
        assert_eq!(distinct.len(), ServiceFault::ALL.len());
        let faults = ServiceFaults::new(3, 500);
        for number in 0..1000 {
            let target = format!("/usage?continuationToken={number}");
            let page = if number % 2 == 0 {
                Place::First
            } else {
                Place::Later
            };
            faults.meet(&Asked {
                target: &target,
                page: Some(page),
                ..LATER_PAGE
            });
        }
        let met = faults.met();
        assert!(ServiceFault::ALL.iter().all(|fault| met[fault] > 10), "{met:?}");
    }

    #[test]
    fn a_page_that_lost_its_link_has_it_ever_after() {
        let faults = ServiceFaults::new(1, 1000);
        for _ in 0..1000 {
            faults.meet(&LATER_PAGE);
        }
        assert_eq!(faults.met()[&ServiceFault::LinkLost], 1);
    }

    #[test]
    fn nothing_goes_wrong_that_was_not_asked_for() {
        let faults = ServiceFaults::new(1, 0);
        assert!((0..1000).all(|_| faults.meet(&LATER_PAGE).is_none()));
        let faults = ServiceFaults::new(1, 1000);
        faults.set_share(0);
        assert_eq!(faults.meet(&LATER_PAGE), None);
    }
}

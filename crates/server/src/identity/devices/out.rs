//! The codes that were given out here and may be out still, with a bound on how many there are and how many one network
//! has. A code that another server used up counts until its time is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use app::network::{single_network, site};
use domain::time::Timestamp;

use super::{DEVICE_CODE_LIFETIME, UserCode};

/// The most codes at once.
pub(super) const CODES_MAX: usize = 16 * 1024;
/// The most codes at once that one network asked for. This machine itself is none, since a proxy on it speaks for everybody.
pub(super) const CODES_PER_NETWORK_MAX: usize = 64;

/// Codes are numbered as they are begun, and all are good for as long: the one with the lowest number is over first.
#[derive(Default)]
pub(super) struct Out {
    next: u64,
    codes: BTreeMap<u64, Given>,
    by_user_code: HashMap<UserCode, u64>,
    networks: HashMap<IpAddr, usize>,
    sites: HashMap<IpAddr, BTreeSet<u64>>,
    /// The sites by how many codes they have.
    ranked: BTreeSet<(usize, IpAddr)>,
}

/// A code, to which network it was given and when.
struct Given {
    code: UserCode,
    network: IpAddr,
    at: Timestamp,
}

/// There is no room for one more, or its letters are out already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Out {
    /// Counts one more code of a network. The one that has to make room for it, if one has to.
    pub(super) fn insert(
        &mut self,
        code: UserCode,
        network: IpAddr,
        now: Timestamp,
    ) -> Result<Option<UserCode>, Full> {
        self.forget(now);
        if self.by_user_code.contains_key(&code) {
            return Err(Full);
        }
        let removed = self.make_room(network)?;
        let number = self.next;
        self.next += 1;
        self.by_user_code.insert(code, number);
        *self.networks.entry(network).or_default() += 1;
        self.of_site(network, |codes| codes.insert(number));
        let given = Given {
            code,
            network,
            at: now,
        };
        self.codes.insert(number, given);
        Ok(removed)
    }

    pub(super) fn remove(&mut self, code: &UserCode) {
        if let Some(number) = self.by_user_code.get(code).copied() {
            self.remove_number(number);
        }
    }

    /// Makes room for one more code of a network, if it may have one. When all are out, the site that has the most of them
    /// loses its oldest; unless that would only turn the two round, and then the site that asks loses its own.
    fn make_room(&mut self, network: IpAddr) -> Result<Option<UserCode>, Full> {
        let of_network = self.networks.get(&network).copied().unwrap_or_default();
        if of_network >= CODES_PER_NETWORK_MAX && single_network(network).is_some() {
            return Err(Full);
        }
        if self.codes.len() < CODES_MAX {
            return Ok(None);
        }
        let own_site = site(network);
        let own = self.sites.get(&own_site).map_or(0, BTreeSet::len);
        let loser = match self.ranked.last() {
            Some((most, greediest)) if *most > own + 1 => *greediest,
            _ => own_site,
        };
        let oldest = self.sites.get(&loser).and_then(|codes| codes.first().copied());
        let removed = oldest.and_then(|number| self.remove_number(number));
        removed.map(Some).ok_or(Full)
    }

    /// Forgets those that are over.
    fn forget(&mut self, now: Timestamp) {
        while let Some((number, given)) = self.codes.first_key_value()
            && given.is_over(now)
        {
            let number = *number;
            self.remove_number(number);
        }
    }

    fn remove_number(&mut self, number: u64) -> Option<UserCode> {
        let Given { code, network, .. } = self.codes.remove(&number)?;
        self.by_user_code.remove(&code);
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
        self.of_site(network, |codes| codes.remove(&number));
        Some(code)
    }

    /// Changes the codes of a network's site, and with them its rank.
    fn of_site(&mut self, network: IpAddr, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) {
        let site = site(network);
        let codes = self.sites.entry(site).or_default();
        self.ranked.remove(&(codes.len(), site));
        change(codes);
        if codes.is_empty() {
            self.sites.remove(&site);
        } else {
            self.ranked.insert((codes.len(), site));
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self, network: IpAddr) -> usize {
        self.networks.get(&network).copied().unwrap_or_default()
    }
}

impl Given {
    fn is_over(&self, now: Timestamp) -> bool {
        let until = self.at.checked_add(DEVICE_CODE_LIFETIME);
        until.is_ok_and(|until| until <= now)
    }
}

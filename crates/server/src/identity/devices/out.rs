//! The codes that are out, found by either code, with a bound on how many there are and how many one network has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use app::network::{single_network, site};
use domain::time::Timestamp;

use super::{DEVICE_CODE_LIFETIME, USER_CODE_LETTERS, Waiting};

/// The most codes at once.
pub(super) const CODES_MAX: usize = 16 * 1024;
/// The most codes at once that one network asked for. This machine itself is none, since a proxy on it speaks for everybody.
pub(super) const CODES_PER_NETWORK_MAX: usize = 64;

/// The digest of the code that a program keeps.
pub(super) type DeviceCode = [u8; 32];
/// The letters of the code that people type.
pub(super) type UserCode = [u8; USER_CODE_LETTERS];

/// Codes are numbered as they are begun, and all are good for as long: the one with the lowest number is over first.
#[derive(Default)]
pub(super) struct Out {
    next: u64,
    codes: BTreeMap<u64, Waiting>,
    by_device_code: HashMap<DeviceCode, u64>,
    by_user_code: HashMap<UserCode, u64>,
    networks: HashMap<IpAddr, usize>,
    sites: HashMap<IpAddr, BTreeSet<u64>>,
    /// The sites by how many codes they have.
    ranked: BTreeSet<(usize, IpAddr)>,
}

/// There is no room for one more, or its letters are out already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Out {
    pub(super) fn insert(&mut self, waiting: Waiting, now: Timestamp) -> Result<(), Full> {
        self.forget(now);
        if self.by_user_code.contains_key(&waiting.user_code) || !self.make_room(waiting.network) {
            return Err(Full);
        }
        let number = self.next;
        self.next += 1;
        self.by_device_code.insert(waiting.device_code, number);
        self.by_user_code.insert(waiting.user_code, number);
        *self.networks.entry(waiting.network).or_default() += 1;
        self.of_site(waiting.network, |codes| codes.insert(number));
        self.codes.insert(number, waiting);
        Ok(())
    }

    pub(super) fn by_device_code(&mut self, code: &DeviceCode, now: Timestamp) -> Option<&mut Waiting> {
        let number = self.by_device_code.get(code)?;
        self.codes.get_mut(number).filter(|waiting| !waiting.is_over(now))
    }

    pub(super) fn by_user_code(&mut self, code: &UserCode, now: Timestamp) -> Option<&mut Waiting> {
        let number = self.by_user_code.get(code)?;
        self.codes.get_mut(number).filter(|waiting| !waiting.is_over(now))
    }

    pub(super) fn remove(&mut self, code: &DeviceCode) {
        if let Some(number) = self.by_device_code.get(code).copied() {
            self.remove_number(number);
        }
    }

    /// Makes room for one more code of a network, if it may have one. When all are out, the site that has the most of them
    /// loses its oldest; unless that would only turn the two round, and then the site that asks loses its own.
    fn make_room(&mut self, network: IpAddr) -> bool {
        let of_network = self.networks.get(&network).copied().unwrap_or_default();
        if of_network >= CODES_PER_NETWORK_MAX && single_network(network).is_some() {
            return false;
        }
        if self.codes.len() < CODES_MAX {
            return true;
        }
        let own_site = site(network);
        let own = self.sites.get(&own_site).map_or(0, BTreeSet::len);
        let loser = match self.ranked.last() {
            Some((most, greediest)) if *most > own + 1 => *greediest,
            _ => own_site,
        };
        let oldest = self.sites.get(&loser).and_then(|codes| codes.first().copied());
        oldest.map(|number| self.remove_number(number)).is_some()
    }

    /// Forgets those that are over.
    fn forget(&mut self, now: Timestamp) {
        while let Some((number, waiting)) = self.codes.first_key_value()
            && waiting.is_over(now)
        {
            let number = *number;
            self.remove_number(number);
        }
    }

    fn remove_number(&mut self, number: u64) {
        let Some(waiting) = self.codes.remove(&number) else {
            return;
        };
        self.by_device_code.remove(&waiting.device_code);
        self.by_user_code.remove(&waiting.user_code);
        if let Some(count) = self.networks.get_mut(&waiting.network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&waiting.network);
            }
        }
        self.of_site(waiting.network, |codes| codes.remove(&number));
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

impl Waiting {
    fn is_over(&self, now: Timestamp) -> bool {
        let until = self.begun.checked_add(DEVICE_CODE_LIFETIME);
        until.is_ok_and(|until| until <= now)
    }
}

//! Slowing down who tries passwords.
//!
//! Failures are counted for each account and for each network that they come from. After the first few, the next
//! attempt has to wait, twice as long each time, up to a minute; nobody is locked out for good, since that would be a
//! way of locking out others. Names that no user has are counted as well: otherwise one could tell them apart.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use domain::time::Timestamp;

/// How many failures of one account are free.
const ACCOUNT_FREE: u32 = 5;
/// How many failures from one network are free: many people may be behind one address.
const NETWORK_FREE: u32 = 50;
/// The longest wait, in seconds.
const WAIT_SECONDS_MAX: i64 = 60;
/// After how many seconds without a failure all is forgotten.
const FORGOTTEN_AFTER_SECONDS: i64 = 15 * 60;
/// How many accounts, and how many networks, are remembered. The memory that an attacker can take is bounded by it.
const REMEMBERED_MAX: usize = 10_000;

/// An account that somebody tries to sign in to: the digest of its name, so that long names take no memory.
type Account = [u8; 32];

/// Wait this many seconds before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

/// The failures that are remembered.
#[derive(Default)]
pub(super) struct Attempts {
    accounts: Failures<Account>,
    networks: Failures<IpAddr>,
}

impl Attempts {
    /// An attempt is about to be made. It counts as failed until [`Attempts::succeeded`], so that many at once are not
    /// all free.
    pub(super) fn begin(&mut self, name: &str, peer: IpAddr, now: Timestamp) -> Result<(), Wait> {
        let (account, network) = (account(name), network(peer));
        let waits = [
            self.accounts.wait(&account, ACCOUNT_FREE, now),
            self.networks.wait(&network, NETWORK_FREE, now),
        ];
        if let Some(longest) = waits.into_iter().flatten().max() {
            return Err(Wait(longest));
        }
        self.accounts.count(account, now);
        self.networks.count(network, now);
        Ok(())
    }

    /// The attempt was not made after all.
    pub(super) fn not_made(&mut self, name: &str, peer: IpAddr) {
        self.accounts.uncount(&account(name));
        self.networks.uncount(&network(peer));
    }

    /// The attempt was good.
    pub(super) fn succeeded(&mut self, name: &str, peer: IpAddr) {
        self.accounts.forget(&account(name));
        self.networks.uncount(&network(peer));
    }
}

fn account(name: &str) -> Account {
    blake3::hash(name.to_lowercase().as_bytes()).into()
}

/// The network of a peer: whoever has one IPv6 address has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// How often something failed, and when last.
struct Failed {
    times: u32,
    last: Timestamp,
}

struct Failures<K>(HashMap<K, Failed>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_second().saturating_sub(earlier.as_second())
}

impl<K: Hash + Eq + Clone> Failures<K> {
    /// How many seconds are still to wait, if any.
    fn wait(&self, key: &K, free: u32, now: Timestamp) -> Option<u64> {
        let failed = self.0.get(key)?;
        let since = seconds_between(failed.last, now);
        if since >= FORGOTTEN_AFTER_SECONDS {
            return None;
        }
        let doublings = failed.times.checked_sub(free)?.min(WAIT_SECONDS_MAX.ilog2() + 1);
        let wait = (1_i64 << doublings).min(WAIT_SECONDS_MAX);
        u64::try_from(wait - since.max(0))
            .ok()
            .filter(|seconds| *seconds > 0)
    }

    fn count(&mut self, key: K, now: Timestamp) {
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let failed = self.0.entry(key).or_insert(Failed { times: 0, last: now });
        if seconds_between(failed.last, now) >= FORGOTTEN_AFTER_SECONDS {
            failed.times = 0;
        }
        failed.times = failed.times.saturating_add(1);
        failed.last = now;
    }

    /// Forgets what is old, or else what failed longest ago.
    fn make_room(&mut self, now: Timestamp) {
        self.0
            .retain(|_, failed| seconds_between(failed.last, now) < FORGOTTEN_AFTER_SECONDS);
        if self.0.len() < REMEMBERED_MAX {
            return;
        }
        let oldest = self
            .0
            .iter()
            .min_by_key(|(_, failed)| failed.last)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.0.remove(&key);
        }
    }

    fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    fn uncount(&mut self, key: &K) {
        if let Some(failed) = self.0.get_mut(key) {
            failed.times = failed.times.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn each_failure_after_the_free_ones_waits_twice_as_long_up_to_a_minute() {
        let mut attempts = Attempts::default();
        for _ in 0..5 {
            attempts.begin("anna@contoso.example", peer(1), at(0)).unwrap();
        }
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(
                attempts.begin("ANNA@contoso.example", peer(2), at(now)),
                Err(Wait(wait))
            );
            now += i64::try_from(wait).unwrap();
            attempts.begin("anna@contoso.example", peer(3), at(now)).unwrap();
        }
        attempts.begin("otto@contoso.example", peer(1), at(now)).unwrap();
    }

    #[test]
    fn a_success_and_a_quarter_of_an_hour_make_up_for_failures() {
        let mut attempts = Attempts::default();
        for _ in 0..5 {
            attempts.begin("anna", peer(1), at(0)).unwrap();
        }
        assert!(attempts.begin("anna", peer(1), at(0)).is_err());
        attempts.begin("anna", peer(1), at(900)).unwrap();
        attempts.begin("anna", peer(1), at(900)).unwrap();
        for _ in 0..4 {
            attempts.begin("otto", peer(1), at(900)).unwrap();
        }
        attempts.succeeded("otto", peer(1));
        for _ in 0..5 {
            attempts.begin("otto", peer(1), at(900)).unwrap();
        }
    }

    #[test]
    fn one_network_that_tries_many_names_is_slowed_and_others_go_on() {
        let mut attempts = Attempts::default();
        for number in 0..50 {
            attempts
                .begin(&format!("user{number}"), "2001:db8::1".parse().unwrap(), at(0))
                .unwrap();
        }
        assert_eq!(
            attempts.begin("another", "2001:db8::2".parse().unwrap(), at(0)),
            Err(Wait(1))
        );
        attempts
            .begin("another", "2001:db8:0:1::1".parse().unwrap(), at(0))
            .unwrap();
    }

    #[test]
    fn good_sign_ins_of_many_behind_one_address_slow_nobody() {
        let mut attempts = Attempts::default();
        for number in 0..200 {
            let name = format!("user{number}");
            attempts.begin(&name, peer(1), at(0)).unwrap();
            attempts.succeeded(&name, peer(1));
        }
    }

    #[test]
    fn trying_any_number_of_names_takes_bounded_memory_and_forgets_the_oldest() {
        let mut attempts = Attempts::default();
        for _ in 0..5 {
            attempts.begin("anna", peer(1), at(0)).unwrap();
        }
        let tried = i64::try_from(REMEMBERED_MAX).unwrap() + 50;
        for number in 0..tried {
            let from = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            attempts
                .begin(&format!("user{number}"), from, at(1 + number / 100))
                .unwrap();
        }
        assert_eq!(attempts.accounts.0.len(), REMEMBERED_MAX);
        assert_eq!(attempts.networks.0.len(), REMEMBERED_MAX);
        assert!(!attempts.accounts.0.contains_key(&account("anna")));
        assert!(
            attempts
                .accounts
                .0
                .contains_key(&account(&format!("user{}", tried - 1)))
        );
    }
}

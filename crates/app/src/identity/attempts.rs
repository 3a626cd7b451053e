//! Slowing down who tries passwords, and nobody else.
//!
//! Guesses cannot be told from mistakes, so they are slowed where they come from. What failed is counted
//!
//! - for each account *and* the network that tries it: after a few failures the next attempt has to wait, twice as long
//!   each time. Somebody elsewhere who tries the same account does not wait for that;
//! - for each network, whichever accounts it tries;
//! - for each account, over all networks that it is not known to sign in from: only so many tries in an hour, however
//!   many networks they come from. Whoever signed in lately is not held up by that where they signed in.
//!
//! So nobody locks an account out: its user goes on from where it signed in lately. From anywhere else it takes one of the
//! tries that come free, half of which are kept for networks that have not tried before. Names that no user has are counted as
//! well: otherwise one could tell them apart.

use std::net::IpAddr;
use std::time::Duration;

use domain::time::Timestamp;

use super::remembered::{Remembered, Table};
use crate::network::network;

/// How many failures of one account from one network are free.
const FREE: u32 = 5;
/// How many failures from one network are free: many people may be behind one address.
const NETWORK_FREE: u32 = 50;
/// The longest wait of a network that the account signed in from lately, and of a network as a whole.
const WAIT_SECONDS_MAX: i64 = 60;
/// The longest wait of any other network that tries an account: so no one network uses up the tries of all.
const STRANGE_WAIT_SECONDS_MAX: i64 = 15 * 60;
/// After how many seconds without a failure nobody waits any more.
const CALM_AFTER_SECONDS: i64 = 60 * 60;
/// After how many seconds it is forgotten that there was a failure.
const FORGOTTEN_AFTER_SECONDS: i64 = 24 * 60 * 60;

/// How many tries of one account are free, from all the networks together that it is not known to sign in from.
const STRANGE_TRIES: u32 = 20;
/// How many of them are kept for networks that have not failed before.
const TRIES_KEPT: u32 = STRANGE_TRIES / 2;
/// After how long one more is free. In an hour that makes 50 tries at the most, and 30 in each one after.
const STRANGE_TRY_EVERY: Duration = Duration::from_secs(2 * 60);

/// For how long a network is one that the account signed in from lately.
const FAMILIAR_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// From how many networks, the last ones, that is remembered of one account.
const FAMILIAR_NETWORKS_MAX: usize = 8;

/// How many accounts, networks, and pairs of both are remembered. The memory that an attacker can take is bounded by it.
const REMEMBERED_MAX: usize = 10_000;

/// An account that somebody tries to sign in to: the digest of its name, so that long names take no memory.
type Account = [u8; 32];

/// Wait this many seconds before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

/// An attempt that may be made. Until it is said how it went, it counts as failed: so many at once are not all free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    account: Account,
    network: IpAddr,
    familiar: bool,
}

/// What is remembered of attempts.
pub(super) struct Attempts {
    pairs: Table<(Account, IpAddr), Failed>,
    networks: Table<IpAddr, Failed>,
    strange: Table<Account, Tries>,
    familiar: Table<Account, Familiar>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            pairs: Table::new(REMEMBERED_MAX),
            networks: Table::new(REMEMBERED_MAX),
            strange: Table::new(REMEMBERED_MAX),
            familiar: Table::new(REMEMBERED_MAX),
        }
    }
}

impl Attempts {
    /// Whether an attempt may be made now.
    pub(super) fn begin(&mut self, name: &str, peer: IpAddr, now: Timestamp) -> Result<Attempt, Wait> {
        let (account, network) = (account(name), network(peer));
        let known = self.familiar.get(&account, now);
        let familiar = known.is_some_and(|known| known.has(network, now));
        let attempt = Attempt {
            account,
            network,
            familiar,
        };
        match self.wait(&attempt, now) {
            Some(seconds) => Err(Wait(seconds)),
            None => {
                self.count(&attempt, now);
                Ok(attempt)
            }
        }
    }

    fn wait(&self, attempt: &Attempt, now: Timestamp) -> Option<u64> {
        let longest = if attempt.familiar {
            WAIT_SECONDS_MAX
        } else {
            STRANGE_WAIT_SECONDS_MAX
        };
        let failed = self.pairs.get(&attempt.pair(), now);
        let pair = failed.and_then(|failed| failed.wait(FREE, longest, now));
        if attempt.familiar {
            return pair;
        }
        let network = self.networks.get(&attempt.network, now);
        let network = network.and_then(|failed| failed.wait(NETWORK_FREE, WAIT_SECONDS_MAX, now));
        let strange = self.strange.get(&attempt.account, now);
        let kept = if failed.is_some_and(|failed| failed.times > 0) {
            TRIES_KEPT
        } else {
            0
        };
        let strange = strange.and_then(|tries| tries.wait(kept, now));
        [pair, network, strange].into_iter().flatten().max()
    }

    fn count(&mut self, attempt: &Attempt, now: Timestamp) {
        self.pairs.entry(attempt.pair(), Failed::new(now), now).count(now);
        if !attempt.familiar {
            self.networks
                .entry(attempt.network, Failed::new(now), now)
                .count(now);
            self.strange
                .entry(attempt.account, Tries::new(now), now)
                .count(now);
        }
    }

    /// The attempt was not made after all.
    pub(super) fn not_made(&mut self, attempt: Attempt) {
        if let Some(failed) = self.pairs.get_mut(&attempt.pair()) {
            failed.uncount();
        }
        self.uncount(&attempt);
    }

    /// The attempt was good.
    pub(super) fn succeeded(&mut self, attempt: Attempt, now: Timestamp) {
        self.pairs.remove(&attempt.pair());
        self.uncount(&attempt);
        let known = self.familiar.entry(attempt.account, Familiar::default(), now);
        known.add(attempt.network, now);
    }

    /// Takes back what was counted beside the pair. What others tried stays counted.
    fn uncount(&mut self, attempt: &Attempt) {
        if attempt.familiar {
            return;
        }
        if let Some(failed) = self.networks.get_mut(&attempt.network) {
            failed.uncount();
        }
        if let Some(tries) = self.strange.get_mut(&attempt.account) {
            tries.uncount();
        }
    }
}

impl Attempt {
    const fn pair(&self) -> (Account, IpAddr) {
        (self.account, self.network)
    }
}

fn account(name: &str) -> Account {
    blake3::hash(name.to_lowercase().as_bytes()).into()
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_second().saturating_sub(earlier.as_second())
}

/// How often something failed, and when last.
struct Failed {
    times: u32,
    last: Timestamp,
}

impl Failed {
    const fn new(now: Timestamp) -> Self {
        Self { times: 0, last: now }
    }

    /// How many seconds are still to wait, if any.
    fn wait(&self, free: u32, longest: i64, now: Timestamp) -> Option<u64> {
        let since = seconds_between(self.last, now).max(0);
        if since >= CALM_AFTER_SECONDS {
            return None;
        }
        let doublings = self.times.checked_sub(free)?.min(longest.ilog2() + 1);
        let left = (1_i64 << doublings).min(longest) - since;
        u64::try_from(left).ok().filter(|seconds| *seconds > 0)
    }

    fn count(&mut self, now: Timestamp) {
        if seconds_between(self.last, now) >= CALM_AFTER_SECONDS {
            self.times = self.times.min(1);
        }
        self.times = self.times.saturating_add(1);
        self.last = now;
    }

    fn uncount(&mut self) {
        self.times = self.times.saturating_sub(1);
    }
}

impl Remembered for Failed {
    type Weight = (u32, Timestamp);

    fn weight(&self) -> Self::Weight {
        (self.times, self.last)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        seconds_between(self.last, now) >= FORGOTTEN_AFTER_SECONDS
    }
}

/// The tries of an account that were made: when all of them will be free again.
struct Tries {
    free_again: Timestamp,
}

impl Tries {
    const fn new(now: Timestamp) -> Self {
        Self { free_again: now }
    }

    /// How many seconds are still to wait until there is one beside those that are kept.
    fn wait(&self, kept: u32, now: Timestamp) -> Option<u64> {
        let all = STRANGE_TRY_EVERY.saturating_mul(STRANGE_TRIES - kept - 1);
        let left = seconds_between(now.checked_add(all).ok()?, self.free_again);
        u64::try_from(left).ok().filter(|seconds| *seconds > 0)
    }

    fn count(&mut self, now: Timestamp) {
        let from = self.free_again.max(now);
        self.free_again = from.checked_add(STRANGE_TRY_EVERY).unwrap_or(from);
    }

    fn uncount(&mut self) {
        let before = self.free_again.checked_sub(STRANGE_TRY_EVERY);
        self.free_again = before.unwrap_or(self.free_again);
    }
}

impl Remembered for Tries {
    type Weight = Timestamp;

    fn weight(&self) -> Timestamp {
        self.free_again
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.free_again <= now
    }
}

/// The networks that an account signed in from lately, the last one at the end.
#[derive(Default)]
struct Familiar(Vec<(IpAddr, Timestamp)>);

impl Familiar {
    fn has(&self, network: IpAddr, now: Timestamp) -> bool {
        let mut lately = self.0.iter().filter(|(_, at)| is_lately(*at, now));
        lately.any(|(known, _)| *known == network)
    }

    fn add(&mut self, network: IpAddr, now: Timestamp) {
        self.0.retain(|(known, _)| *known != network);
        if self.0.len() >= FAMILIAR_NETWORKS_MAX {
            self.0.remove(0);
        }
        self.0.push((network, now));
    }

    fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|(_, at)| *at)
    }
}

fn is_lately(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < FAMILIAR_FOR
}

impl Remembered for Familiar {
    type Weight = Option<Timestamp>;

    fn weight(&self) -> Self::Weight {
        self.last()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.last().is_some_and(|at| !is_lately(at, now))
    }
}

#[cfg(test)]
mod tests;

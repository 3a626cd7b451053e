//! How often a wrong code may be entered: codes are short, since people type them.
//!
//! From one network that is slow, and all networks together find no code in an hour even if they are all out. Only wrong
//! codes count: whoever enters the one that their device shows takes nothing from anybody, and neither does who is refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use app::network::{network, single_network, site};
use domain::time::Timestamp;

/// So many wrong codes are free, and one more each time that so long went by.
#[derive(Clone, Copy)]
struct Quota {
    free: u32,
    one_more_every: Duration,
}

const OF_NETWORK: Quota = Quota {
    free: 20,
    one_more_every: Duration::from_secs(3),
};
const OF_SITE: Quota = Quota {
    free: 60,
    one_more_every: Duration::from_secs(1),
};
const OF_ALL: Quota = Quota {
    free: 600,
    one_more_every: Duration::from_millis(100),
};
/// How many of all are kept for sites that entered no wrong code lately.
const KEPT: u32 = OF_ALL.free / 2;
/// For how long it is remembered who entered a wrong code. In that time all together enter 6,600 at the most, so what is
/// remembered has a bound.
const LATELY: Duration = Duration::from_secs(10 * 60);
/// With so many remembered, those are forgotten who did so longer ago. There are always some.
const REMEMBERED_MAX: usize = 8 * 1024;

/// Try again after so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Wait(pub(in super::super) u64);

/// The wrong codes that were entered.
#[derive(Default)]
pub(super) struct Guesses {
    networks: HashMap<IpAddr, Wrong>,
    sites: HashMap<IpAddr, Wrong>,
    all: Wrong,
}

impl Guesses {
    /// Whether somebody at a peer may enter a code now. This machine itself is no one party, since a proxy on it speaks for
    /// everybody: it is limited as all are, and has no part of what is kept once a code was wrong.
    pub(super) fn may_enter(&self, peer: IpAddr, now: Timestamp) -> Result<(), Wait> {
        let of_site = lately(&self.sites, site(peer), now);
        let kept = if of_site.is_some() { KEPT } else { 0 };
        let mut waits = vec![self.all.wait(OF_ALL, kept, now)];
        if let Some(network) = single_network(peer) {
            let of_network = lately(&self.networks, network, now);
            waits.extend(of_network.map(|wrong| wrong.wait(OF_NETWORK, 0, now)));
            waits.extend(of_site.map(|wrong| wrong.wait(OF_SITE, 0, now)));
        }
        match waits.into_iter().max() {
            Some(wait) if wait > Duration::ZERO => Err(Wait(wait.as_secs() + 1)),
            _ => Ok(()),
        }
    }

    /// The code that somebody entered was wrong.
    pub(super) fn was_wrong(&mut self, peer: IpAddr, now: Timestamp) {
        self.all.count(OF_ALL, now);
        remembered(&mut self.networks, network(peer), now).count(OF_NETWORK, now);
        remembered(&mut self.sites, site(peer), now).count(OF_SITE, now);
    }
}

fn lately(all: &HashMap<IpAddr, Wrong>, whose: IpAddr, now: Timestamp) -> Option<&Wrong> {
    all.get(&whose).filter(|wrong| wrong.is_lately(now))
}

fn remembered(all: &mut HashMap<IpAddr, Wrong>, whose: IpAddr, now: Timestamp) -> &mut Wrong {
    if all.len() >= REMEMBERED_MAX {
        all.retain(|_, wrong| wrong.is_lately(now));
    }
    all.entry(whose).or_default()
}

/// The wrong codes of somebody: when the last one was entered, and when all that are free will be so again.
#[derive(Default)]
struct Wrong {
    last: Timestamp,
    free_again: Timestamp,
}

impl Wrong {
    /// How long to wait until there is one beside those that are kept.
    fn wait(&self, quota: Quota, kept: u32, now: Timestamp) -> Duration {
        let others = quota.one_more_every.saturating_mul(quota.free - kept - 1);
        let from = now.checked_add(others).unwrap_or(Timestamp::MAX);
        Duration::try_from(self.free_again.duration_since(from)).unwrap_or_default()
    }

    fn count(&mut self, quota: Quota, now: Timestamp) {
        let from = self.free_again.max(now);
        self.free_again = from.checked_add(quota.one_more_every).unwrap_or(from);
        self.last = now;
    }

    fn is_lately(&self, now: Timestamp) -> bool {
        now.duration_since(self.last).unsigned_abs() < LATELY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// One of many sites.
    fn bot(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    /// How many of a thousand wrong codes are looked at.
    fn guesses(guesses: &mut Guesses, peer: impl Fn(u32) -> IpAddr, now: Timestamp) -> usize {
        let made = (0..1000).filter(|number| {
            let made = guesses.may_enter(peer(*number), now).is_ok();
            if made {
                guesses.was_wrong(peer(*number), now);
            }
            made
        });
        made.count()
    }

    #[test]
    fn a_thousand_wrong_codes_of_one_place_would_keep_everybody_from_signing_in_on_a_device() {
        let mut all = Guesses::default();
        let (v4, site) = (ip("192.0.2.1"), |n: u32| ip(&format!("2001:db8:1:{n:x}::1")));
        assert_eq!(guesses(&mut all, |_| v4, at(0)), 20);
        assert_eq!(guesses(&mut all, |_| site(1), at(0)), 20);
        assert_eq!(guesses(&mut all, site, at(0)), 40, "its other networks");
        // Refused a thousand times each, they have taken 80 of all.
        assert_eq!(all.all.free_again, at(8));
        assert_eq!(all.may_enter(v4, at(0)), Err(Wait(4)));
        assert_eq!(guesses(&mut all, |_| v4, at(60)), 20);
        assert!(all.may_enter(ip("198.51.100.1"), at(60)).is_ok());
    }

    #[test]
    fn guesses_through_a_proxy_here_or_of_many_sites_leave_half_for_those_who_made_none() {
        let mut all = Guesses::default();
        let here = ip("127.0.0.1");
        assert_eq!(guesses(&mut all, |_| here, at(0)), 300);
        for second in 1..60 {
            assert_eq!(guesses(&mut all, |_| here, at(second)), 10);
        }
        assert_eq!(guesses(&mut all, bot, at(60)), 310);
        assert!(all.may_enter(bot(5000), at(61)).is_ok(), "one is free again");
        assert!(all.may_enter(bot(1), at(61)).is_err());
        assert!(all.may_enter(bot(1), at(60 + 600)).is_ok(), "long ago");
    }

    #[test]
    fn who_guesses_is_remembered_in_memory_that_has_a_bound() {
        let mut all = Guesses::default();
        for number in 0..40_000 {
            let now = at(i64::from(number / 10));
            if all.may_enter(bot(number), now).is_ok() {
                all.was_wrong(bot(number), now);
            }
        }
        assert!(all.sites.len() <= REMEMBERED_MAX && all.networks.len() <= REMEMBERED_MAX);
        assert!(all.sites.contains_key(&bot(39_999)));
    }
}

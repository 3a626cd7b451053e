//! How often somebody may call, and fail to prove who they are.

use std::hash::Hash;
use std::net::IpAddr;

use app::network::network;
use domain::ids::ObjectId;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::error::Failure;
use crate::limits::{Limits, RATES_REMEMBERED_MAX};

/// Counts by key, and tells how many more there may be at once.
type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

fn limiter<K: Hash + Eq + Clone>(quota: Quota) -> Limiter<K> {
    RateLimiter::keyed(quota).with_middleware()
}

/// The rates of all callers and peers.
pub(crate) struct Rates {
    by_caller: Limiter<ObjectId>,
    anonymous_by_peer: Limiter<IpAddr>,
    failures_by_peer: Limiter<IpAddr>,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            by_caller: limiter(Quota::per_second(limits.requests_per_second_max)),
            anonymous_by_peer: limiter(Quota::per_second(limits.anonymous_requests_per_second_max)),
            failures_by_peer: limiter(Quota::per_minute(limits.failed_authentications_per_minute_max)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of a caller, and says how many more it may send at once.
    pub(crate) fn count_request(&self, caller: ObjectId) -> Result<u32, Failure> {
        let message = "This caller sends more requests than the limit allows. Send fewer, or wait and go on.";
        self.count(&self.by_caller, &caller, message)
    }

    /// Counts a request of nobody in particular: it needs no credential, so its peer is all that there is to go by.
    pub(crate) fn count_anonymous(&self, peer: IpAddr) -> Result<(), Failure> {
        let message =
            "Too many requests without a credential came from this address. Send fewer, or wait and go on.";
        self.count(&self.anonymous_by_peer, &network(peer), message)?;
        Ok(())
    }

    /// Counts a failed authentication of a peer.
    ///
    /// Only failures are held back, never a good credential from the same address: it may be a proxy with many clients
    /// behind it, and 256 random bits are not found by trying. What is limited is the work and the noise.
    pub(crate) fn count_failure(&self, peer: IpAddr) -> Result<(), Failure> {
        let message =
            "Too many failed authentications came from this address. Wait, and send a valid credential.";
        self.count(&self.failures_by_peer, &network(peer), message)?;
        Ok(())
    }

    fn count<K: Hash + Eq + Clone>(
        &self,
        limiter: &Limiter<K>,
        key: &K,
        message: &'static str,
    ) -> Result<u32, Failure> {
        if limiter.len() > RATES_REMEMBERED_MAX {
            limiter.retain_recent();
        }
        let counted = limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Failure::too_many_requests(message, wait.as_secs() + 1)
        })?;
        Ok(counted.remaining_burst_capacity())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn failures_of_one_network_are_counted_together_and_others_go_on() {
        let one = NonZeroU32::MIN;
        let limits = Limits {
            failed_authentications_per_minute_max: one,
            ..Limits::default()
        };
        let rates = Rates::new(&limits);
        let count = |peer: &str| rates.count_failure(peer.parse().unwrap()).is_ok();
        assert!(count("2001:db8::1"));
        assert!(!count("2001:db8::2"));
        assert!(count("2001:db8:0:1::1"));
        assert!(count("192.0.2.1"));
        assert!(!count("::ffff:192.0.2.1"));
    }
}

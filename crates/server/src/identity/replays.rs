//! Assertions that were presented: whoever got hold of one on its way cannot present it from elsewhere.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::ids::ApplicationId;
use domain::time::Timestamp;

use super::assertion::Verified;
use super::expiring::Expiring;
use super::refusal::Refusal;

/// The most assertions that are remembered at once, each for the minutes that it is good.
const ASSERTIONS_MAX: usize = 64 * 1024;

/// The assertions that were presented, with the address that did.
///
/// Azure's client for JavaScript presents one assertion again and again while it is good, so a second time is no crime
/// as long as it comes from the same address.
pub(super) struct Assertions(Mutex<Expiring<[u8; 32], IpAddr>>);

impl Assertions {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Expiring::new(ASSERTIONS_MAX)))
    }

    /// Remembers a verified assertion of a client.
    pub(super) fn present(
        &self,
        client: ApplicationId,
        assertion: &Verified,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(client.as_bytes());
        hasher.update(assertion.id.as_bytes());
        let key = hasher.finalize().into();
        let mut presented = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match presented.get_mut(&key, now) {
            Some(first) if *first == peer => Ok(()),
            Some(_) => {
                let text = "The client assertion was presented before, from another address. Make a new one.";
                Err(Refusal::client(700_027, text))
            }
            None => presented
                .insert(key, peer, now, assertion.life)
                .map_err(|_| Refusal::later("Too many clients are signing in. Try again later.", 60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_copied_assertion_is_of_no_use_elsewhere_and_its_owner_may_repeat_it() {
        let presented = Assertions::new();
        let client = ApplicationId::from_bytes([1; 16]);
        let (owner, thief) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let one = |id: &str| Verified {
            id: id.to_owned(),
            life: Duration::from_secs(600),
        };
        let now = Timestamp::from_second(0).unwrap();
        assert_eq!(presented.present(client, &one("a"), owner, now), Ok(()));
        assert_eq!(presented.present(client, &one("a"), owner, now), Ok(()));
        let refused = presented.present(client, &one("a"), thief, now).unwrap_err();
        assert_eq!(refused.error, "invalid_client");
        assert_eq!(presented.present(client, &one("b"), thief, now), Ok(()));
        let other = ApplicationId::from_bytes([2; 16]);
        assert_eq!(presented.present(other, &one("a"), thief, now), Ok(()));
    }
}

//! Assertions that were presented: whoever got hold of one on its way cannot present it from elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::ids::ApplicationId;
use domain::time::Timestamp;

use super::assertion::Verified;
use super::expiring::Expiring;
use super::refusal::Refusal;

/// The most assertions of one application that are remembered at once, each for the minutes that it is good. Its share is
/// its own: an application that is at its limit is refused, and no other one is. *(ours)*
const ASSERTIONS_PER_APPLICATION_MAX: usize = 1024;

/// The assertions that were presented, with the address that did, by the application that made them. There are no more
/// tables than applications in the books: what is remembered was signed with the key of one.
///
/// Azure's client for JavaScript presents one assertion again and again while it is good, so a second time is no crime
/// as long as it comes from the same address.
pub(super) struct Assertions(Mutex<HashMap<ApplicationId, Presented>>);

type Presented = Expiring<[u8; 32], IpAddr>;

impl Assertions {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Remembers a verified assertion of a client.
    pub(super) fn present(
        &self,
        client: ApplicationId,
        assertion: &Verified,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = blake3::hash(assertion.id.as_bytes()).into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&client) {
            all.retain(|_, presented| presented.values_mut(now).next().is_some());
        }
        let presented = all
            .entry(client)
            .or_insert_with(|| Expiring::new(ASSERTIONS_PER_APPLICATION_MAX));
        match presented.get_mut(&key, now) {
            Some(first) if *first == peer => Ok(()),
            Some(_) => {
                let text = "The client assertion was presented before, from another address. Make a new one.";
                Err(Refusal::client(700_027, text))
            }
            None => presented.insert(key, peer, now, assertion.life).map_err(|_| {
                let text = format!(
                    "The application has presented {ASSERTIONS_PER_APPLICATION_MAX} client assertions that are good still, \
                     which is the most. Use tokens until they end, and let assertions end after ten minutes."
                );
                Refusal::later(text, 60)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_application_that_presents_without_end_stops_itself_and_nobody_else() {
        let presented = Assertions::new();
        let [greedy, other] = [1, 2].map(|id| ApplicationId::from_bytes([id; 16]));
        let peer = IpAddr::from([192, 0, 2, 1]);
        let at = |second| Timestamp::from_second(second).unwrap();
        let present = |client, number: usize, second| {
            let assertion = Verified {
                id: number.to_string(),
                life: Duration::from_secs(600),
            };
            presented.present(client, &assertion, peer, at(second))
        };
        for number in 0..ASSERTIONS_PER_APPLICATION_MAX {
            present(greedy, number, 0).unwrap();
        }
        let refused = present(greedy, ASSERTIONS_PER_APPLICATION_MAX, 1).unwrap_err();
        assert_eq!(refused.error, "temporarily_unavailable");
        assert_eq!(
            present(greedy, 0, 1),
            Ok(()),
            "what is remembered is not forgotten for it"
        );
        assert_eq!(present(other, 0, 1), Ok(()));
        assert_eq!(present(greedy, ASSERTIONS_PER_APPLICATION_MAX, 601), Ok(()));
    }

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

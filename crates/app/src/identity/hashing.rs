//! Hashing passwords on threads of their own, a few at a time.
//!
//! Each hash takes tens of milliseconds and 19 MiB. Checking passwords and setting them have places of their own, so that
//! neither whoever tries to sign in nor whoever creates users holds up the other.

use std::net::IpAddr;
use std::sync::Arc;

use domain::identity::PasswordHash;
use tokio::sync::Semaphore;

use super::password;
use crate::error::internal;
use crate::network::{single_network, site};
use crate::shares::{Share, Shares};
use crate::{Error, Kind};

/// How many passwords are checked at once.
const CHECKED_AT_ONCE_MAX: usize = 4;
/// How many more may wait for it.
const CHECKS_WAITING_MAX: usize = 64;
/// How many of all these passwords one site may have checked: there are always places for the others.
const CHECKS_OF_ONE_SITE_MAX: usize = (CHECKED_AT_ONCE_MAX + CHECKS_WAITING_MAX) / 4;
/// How many passwords are set at once.
const SET_AT_ONCE_MAX: usize = 2;
/// How many more may wait for it.
const SETTINGS_WAITING_MAX: usize = 32;

/// Where passwords are hashed.
pub(crate) struct Hashing {
    checks: Places,
    sites: Shares<IpAddr>,
    settings: Places,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            checks: Places::new(CHECKED_AT_ONCE_MAX, CHECKS_WAITING_MAX),
            sites: Shares::new(CHECKS_OF_ONE_SITE_MAX),
            settings: Places::new(SET_AT_ONCE_MAX, SETTINGS_WAITING_MAX),
        }
    }
}

impl Hashing {
    /// What is kept of a password.
    pub(super) async fn hash(
        &self,
        password: String,
        salt: [u8; password::SALT_BYTES],
    ) -> Result<PasswordHash, Error> {
        let hashed = self.settings.run(move || password::hash(&password, salt)).await;
        hashed.unwrap_or_else(|TooMany| {
            let message =
                "Too many passwords are being set at this moment. Nothing was changed. Try again in a second.";
            Err(Error::new(Kind::Busy, "TooManyPasswords", message))
        })
    }

    /// Whether a password is the one that this was kept of, for somebody at a peer.
    pub(super) async fn proves(
        &self,
        password: String,
        kept: Option<PasswordHash>,
        peer: IpAddr,
    ) -> Result<Result<bool, Error>, TooMany> {
        let share = self.share_of(peer)?;
        self.checks
            .run(move || {
                let proven = password::is(&password, kept.as_ref());
                // As the turn does, it ends with the work, whether or not somebody waits for the answer.
                drop(share);
                proven
            })
            .await
    }

    fn share_of(&self, peer: IpAddr) -> Result<Share<IpAddr>, TooMany> {
        let mut share = self.sites.empty(single_network(peer).map(site));
        share.grow(1).then_some(share).ok_or(TooMany)
    }
}

/// Too many wait already, of all or of one site.
#[derive(Debug)]
pub(super) struct TooMany;

/// So many at once, and so many that wait for it.
struct Places {
    at_once: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Places {
    fn new(at_once_max: usize, waiting_max: usize) -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(at_once_max)),
            admitted: Semaphore::new(at_once_max + waiting_max),
        }
    }

    /// Runs what takes long on a thread where it holds up nobody, if not too many wait for that.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<Result<T, Error>, TooMany> {
        let _admitted = self.admitted.try_acquire().map_err(|_| TooMany)?;
        let turn = Arc::clone(&self.at_once)
            .acquire_owned()
            .await
            .map_err(|_| TooMany)?;
        // The turn ends with the work, and not already when nobody waits for the answer any more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await;
        Ok(done.unwrap_or_else(|_| Err(internal("The password could not be checked."))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test]
    async fn a_flood_of_sign_ins_keeps_nobody_from_setting_passwords_and_the_other_way_round() {
        let hashing = Hashing::default();
        let full = |places: &Places, count: usize| {
            places
                .admitted
                .try_acquire_many(u32::try_from(count).unwrap())
                .unwrap()
                .forget();
        };
        full(&hashing.checks, CHECKED_AT_ONCE_MAX + CHECKS_WAITING_MAX);
        assert!(
            hashing
                .proves("any password".to_owned(), None, PEER)
                .await
                .is_err()
        );
        let salt = [7; password::SALT_BYTES];
        let kept = hashing.hash("correct horse".to_owned(), salt).await.unwrap();

        let hashing = Hashing::default();
        full(&hashing.settings, SET_AT_ONCE_MAX + SETTINGS_WAITING_MAX);
        let refused = hashing.hash("correct horse".to_owned(), salt).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (Kind::Busy, "TooManyPasswords"));
        let proven = hashing.proves("correct horse".to_owned(), Some(kept), PEER).await;
        assert!(matches!(proven, Ok(Ok(true))));
    }

    #[tokio::test]
    async fn one_site_that_floods_all_places_would_keep_nobody_else_from_signing_in() {
        let hashing = Hashing::default();
        // Each of its requests comes from another IPv6 network.
        let of_site = |number: usize| format!("2001:db8:1:{number:x}::1").parse().unwrap();
        let taken: Vec<_> = (0..)
            .map_while(|number| hashing.share_of(of_site(number)).ok())
            .collect();
        assert_eq!(taken.len(), CHECKS_OF_ONE_SITE_MAX);
        let prove = |peer: IpAddr| hashing.proves("any password".to_owned(), None, peer);
        assert!(prove(of_site(999)).await.is_err());
        assert!(matches!(prove(PEER).await, Ok(Ok(false))));
        drop(taken);
        assert!(matches!(prove(of_site(999)).await, Ok(Ok(false))));
        let proxied: Vec<_> = (0..CHECKS_OF_ONE_SITE_MAX + 1)
            .map(|_| hashing.share_of(IpAddr::from([127, 0, 0, 1])).unwrap())
            .collect();
        drop(proxied);
    }

    #[tokio::test]
    async fn those_who_wait_get_their_turn() {
        let places = Arc::new(Places::new(1, 2));
        let waiting: Vec<_> = (0..3)
            .map(|number| {
                let places = Arc::clone(&places);
                tokio::spawn(async move { places.run(move || Ok(number)).await })
            })
            .collect();
        for (number, done) in waiting.into_iter().enumerate() {
            assert!(matches!(done.await.unwrap(), Ok(Ok(done)) if done == number));
        }
    }
}

//! Hashing passwords on threads of their own, a few at a time.
//!
//! Each hash takes tens of milliseconds and 19 MiB. Checking passwords and setting them have places of their own, so that
//! neither whoever tries to sign in nor whoever creates users holds up the other.

use std::sync::Arc;

use domain::identity::PasswordHash;
use tokio::sync::Semaphore;

use super::password;
use crate::error::internal;
use crate::{Error, Kind};

/// How many passwords are checked at once.
const CHECKED_AT_ONCE_MAX: usize = 4;
/// How many more may wait for it.
const CHECKS_WAITING_MAX: usize = 64;
/// How many passwords are set at once.
const SET_AT_ONCE_MAX: usize = 2;
/// How many more may wait for it.
const SETTINGS_WAITING_MAX: usize = 32;

/// Where passwords are hashed.
pub(crate) struct Hashing {
    checks: Places,
    settings: Places,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            checks: Places::new(CHECKED_AT_ONCE_MAX, CHECKS_WAITING_MAX),
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

    /// Whether a password is the one that this was kept of.
    pub(super) async fn proves(
        &self,
        password: String,
        kept: Option<PasswordHash>,
    ) -> Result<Result<bool, Error>, TooMany> {
        self.checks
            .run(move || password::is(&password, kept.as_ref()))
            .await
    }
}

/// Too many wait already.
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
        assert!(hashing.proves("any password".to_owned(), None).await.is_err());
        let salt = [7; password::SALT_BYTES];
        let kept = hashing.hash("correct horse".to_owned(), salt).await.unwrap();

        let hashing = Hashing::default();
        full(&hashing.settings, SET_AT_ONCE_MAX + SETTINGS_WAITING_MAX);
        let refused = hashing.hash("correct horse".to_owned(), salt).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (Kind::Busy, "TooManyPasswords"));
        let proven = hashing.proves("correct horse".to_owned(), Some(kept)).await;
        assert!(matches!(proven, Ok(Ok(true))));
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

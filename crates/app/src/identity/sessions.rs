//! Sign-ins of people that last: begun with the first refresh token, renewed with each, and ended by a sign-out, by a copy
//! of a token that was used, or by time.
//!
//! Whoever changes a password or disables a user has nothing to call here: a session is good only while the account is as
//! it was when the session began (`since`, which every [`DirectoryEntry::PasswordSet`] and
//! [`DirectoryEntry::UserEnabledSet`] moves on), so all sessions of the user are void with that entry, durably.
//!
//! [`DirectoryEntry::PasswordSet`]: domain::books::DirectoryEntry::PasswordSet
//! [`DirectoryEntry::UserEnabledSet`]: domain::books::DirectoryEntry::UserEnabledSet

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::identity::{Session, Shown};
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use store::StoreError;

use super::sign_in::{SignInRefused, SignedIn};
use crate::{App, Error};

/// The most sessions of one user: with more, the one that was used least recently ends. *(ours)*
const SESSIONS_PER_USER_MAX: usize = 64;
/// How exactly it is known when an operator's credential was last used. *(ours)*
const SEEN_EVERY: Duration = Duration::from_secs(60);

type Key = (ObjectId, SessionId);

/// Every session, with the memory behind it.
///
/// What takes something away is done here first and kept then: whatever fails in between, nobody has more than they should.
pub(crate) struct Sessions {
    kept: Arc<dyn store::Sessions>,
    known: RwLock<BTreeMap<Key, Session>>,
    operators_seen: RwLock<BTreeMap<OperatorId, Timestamp>>,
}

/// A refresh token, once its signature was seen to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it is of.
    pub session: SessionId,
    /// Whom it was given to.
    pub user: ObjectId,
    /// By way of which client.
    pub client: ApplicationId,
    /// Its number in the session.
    pub number: u64,
}

impl Sessions {
    /// Those that the memory holds; the ones that are over are forgotten.
    pub(crate) async fn load(kept: Arc<dyn store::Sessions>, now: Timestamp) -> Result<Self, StoreError> {
        let (live, over): (Vec<_>, Vec<_>) = kept.all().await?.into_iter().partition(|it| it.ends > now);
        if !over.is_empty() {
            kept.end(over.iter().map(|it| it.id).collect()).await?;
        }
        let operators_seen = kept.operators_seen().await?.into_iter().collect();
        Ok(Self {
            known: RwLock::new(live.into_iter().map(|it| ((it.user, it.id), it)).collect()),
            operators_seen: RwLock::new(operators_seen),
            kept,
        })
    }

    fn find(&self, user: ObjectId, id: SessionId) -> Option<Session> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(user, id)).copied()
    }

    async fn begin(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        let removed = self.change(|known| {
            let removed = superfluous(known, session.user, now);
            for id in &removed {
                known.remove(&(session.user, *id));
            }
            known.insert((session.user, session.id), session);
            removed
        });
        if !removed.is_empty() {
            self.kept.end(removed).await?;
        }
        self.kept.begin(session).await
    }

    async fn end(&self, user: ObjectId, id: SessionId) -> Result<bool, StoreError> {
        if self.change(|known| known.remove(&(user, id))).is_none() {
            return Ok(false);
        }
        self.kept.end(vec![id]).await?;
        Ok(true)
    }

    /// Uses a refresh token up.
    async fn show(
        &self,
        token: &RefreshToken,
        now: Timestamp,
        good_for: Duration,
    ) -> Result<Session, SignInRefused> {
        let key = (token.user, token.session);
        let decided = self.change(|known| {
            let session = known.get_mut(&key).filter(|it| it.client == token.client)?;
            let shown = session.show(token.number, now, good_for);
            if let Shown::Next(next) = shown {
                *session = next;
            }
            Some((*session, shown))
        });
        let (session, shown) = decided.ok_or(SignInRefused::Over)?;
        let kept = match shown {
            Shown::Next(next) => self.kept.go_on(next).await,
            Shown::Repeated => Ok(()),
            Shown::Copied | Shown::Over => self.end(token.user, token.session).await.map(|_| ()),
        };
        kept.map_err(|error| SignInRefused::Failed(error.into()))?;
        match shown {
            Shown::Next(_) | Shown::Repeated => Ok(session),
            Shown::Copied => {
                tracing::warn!(
                    user = %token.user, client = %token.client, session = %token.session, number = token.number,
                    "a refresh token was shown that had been used before: somebody has a copy, and the sign-in was ended"
                );
                Err(SignInRefused::Copied)
            }
            Shown::Over => Err(SignInRefused::Over),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<Key, Session>) -> T) -> T {
        // Each change is one step, so the map is good after a panic, too.
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn all_of(user: ObjectId) -> RangeInclusive<Key> {
    (user, SessionId::from_bytes([0; 16]))..=(user, SessionId::from_bytes([u8::MAX; 16]))
}

/// The sessions of a user that are over, and what is too much when one more begins.
fn superfluous(known: &BTreeMap<Key, Session>, user: ObjectId, now: Timestamp) -> Vec<SessionId> {
    let mut sessions: Vec<&Session> = known.range(all_of(user)).map(|(_, it)| it).collect();
    sessions.sort_unstable_by_key(|it| (it.ends > now, it.renewed));
    let over = sessions.iter().filter(|it| it.ends <= now).count();
    let too_many = (sessions.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
    sessions.iter().take(over.max(too_many)).map(|it| it.id).collect()
}

impl App {
    /// Begins a session of somebody who has just signed in. What is given now is good for so long.
    ///
    /// # Errors
    /// As the store.
    pub async fn begin_session(
        &self,
        signed_in: &SignedIn,
        client: ApplicationId,
        now: Timestamp,
        good_for: Duration,
    ) -> Result<Session, Error> {
        let session = Session {
            id: SessionId::from_uuid(self.random.uuid()),
            user: signed_in.principal.id,
            client,
            since: signed_in.since,
            begun: now,
            number: 1,
            renewed: now,
            burst: (1, now),
            ends: Session::end(now, now, good_for),
        };
        self.sessions.begin(session, now).await?;
        Ok(session)
    }

    /// Goes on with a session: the token is used up, and the session has another number.
    ///
    /// # Errors
    /// [`SignInRefused::Over`], [`SignInRefused::Changed`], [`SignInRefused::Copied`], or as the store.
    pub async fn renew_session(
        &self,
        token: &RefreshToken,
        now: Timestamp,
        good_for: Duration,
    ) -> Result<(SignedIn, Session), SignInRefused> {
        // Before the token is used up: who may not sign in gets nothing for it.
        let signed_in = self.session(token.user, token.session, token.client)?;
        let session = self.sessions.show(token, now, good_for).await?;
        Ok((signed_in, session))
    }

    /// Who is signed in with a session, as the account is now.
    ///
    /// # Errors
    /// [`SignInRefused::Over`] if it has ended or is another client's, [`SignInRefused::Changed`] if the password was changed
    /// or the user disabled since it began.
    pub fn session(
        &self,
        user: ObjectId,
        session: SessionId,
        client: ApplicationId,
    ) -> Result<SignedIn, SignInRefused> {
        let known = self.sessions.find(user, session);
        let session = known
            .filter(|it| it.client == client)
            .ok_or(SignInRefused::Over)?;
        self.renew(user, Some(client), session.since)
    }

    /// Ends a session: nothing that was given in it is good any more. Whether there was one.
    ///
    /// # Errors
    /// As the store; nothing of the session is good until the next start then.
    pub async fn end_session(&self, user: ObjectId, session: SessionId) -> Result<bool, Error> {
        Ok(self.sessions.end(user, session).await?)
    }

    /// An operator's credential is used. That this cannot be kept is no reason to refuse it.
    pub async fn operator_seen(&self, operator: OperatorId) {
        let (sessions, now) = (&self.sessions, self.clock.now());
        let before = self.operator_last_seen(operator);
        if before.is_some_and(|seen| now.duration_since(seen).unsigned_abs() < SEEN_EVERY) {
            return;
        }
        sessions
            .operators_seen
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(operator, now);
        if let Err(error) = sessions.kept.operator_seen(operator, now).await {
            tracing::warn!(%error, %operator, "it was not kept when an operator's credential was used");
        }
    }

    /// When an operator's credential was last used, to the minute.
    pub(crate) fn operator_last_seen(&self, operator: OperatorId) -> Option<Timestamp> {
        let seen = &self.sessions.operators_seen;
        let seen = seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.get(&operator).copied()
    }
}

//! Sign-ins of people that last: begun with the first refresh token, renewed with each, and ended by a sign-out, by a copy
//! of a token that was used, or by time.
//!
//! A session is good only while the account and the client are as they were when it began (`since`, which every
//! [`DirectoryEntry::PasswordSet`], [`DirectoryEntry::UserEnabledSet`] and [`DirectoryEntry::ApplicationEnabledSet`] moves
//! on), so all sessions of the user, or with the client, are void with that entry, durably. That they are forgotten then as
//! well only saves room.
//!
//! [`DirectoryEntry::PasswordSet`]: domain::books::DirectoryEntry::PasswordSet
//! [`DirectoryEntry::UserEnabledSet`]: domain::books::DirectoryEntry::UserEnabledSet
//! [`DirectoryEntry::ApplicationEnabledSet`]: domain::books::DirectoryEntry::ApplicationEnabledSet

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::identity::{Session, Shown};
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use store::StoreError;

use super::sign_in::{SignInRefused, SignedIn, still_signed_in};
use crate::{App, Error};

/// The most sessions of one user: with more, the one that was used least recently ends. *(ours)*
const SESSIONS_PER_USER_MAX: usize = 64;
/// How exactly it is known when an operator's credential was last used. *(ours)*
const SEEN_EVERY: Duration = Duration::from_secs(60);

type Key = (ObjectId, SessionId);

/// Every session, with the memory behind it.
///
/// What gives something is kept first and done here then; what takes something away is done here first and kept then.
/// Whatever fails in between, nobody has more than they should, and nobody loses what they have.
pub(crate) struct Sessions {
    kept: Arc<dyn store::Sessions>,
    known: RwLock<BTreeMap<Key, Session>>,
    /// Those that ended, and that the memory may still hold because it failed: a start would wake them up.
    still_kept: Mutex<BTreeSet<SessionId>>,
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
            still_kept: Mutex::default(),
            operators_seen: RwLock::new(operators_seen),
            kept,
        })
    }

    fn find(&self, user: ObjectId, id: SessionId) -> Option<Session> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(user, id)).copied()
    }

    /// Those for which this holds.
    fn select(&self, of: impl Fn(&Session) -> bool) -> Vec<Session> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|it| of(it)).copied().collect()
    }

    fn of_user(&self, user: ObjectId) -> Vec<Session> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.range(all_of(user)).map(|(_, it)| *it).collect()
    }

    async fn begin(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        self.kept.begin(session).await?;
        let removed = self.change(|known| {
            let removed = superfluous(known, session.user, now);
            for id in &removed {
                known.remove(&(session.user, *id));
            }
            known.insert((session.user, session.id), session);
            removed
        });
        self.forget_now_or_later(removed).await;
        Ok(())
    }

    /// Ends a session, also one that is not known any more: it may have been ended before and still be kept.
    async fn end(&self, user: ObjectId, id: SessionId) -> Result<bool, StoreError> {
        let was_known = self.change(|known| known.remove(&(user, id))).is_some();
        self.forget(&[id]).await?;
        Ok(was_known)
    }

    /// Ends sessions that nobody gave back, unless they went on in the meantime.
    async fn drop_all(&self, sessions: &[Session]) {
        let dropped = self.change(|known| {
            let unchanged = |it: &&Session| known.get(&(it.user, it.id)) == Some(*it);
            let dropped: Vec<&Session> = sessions.iter().filter(unchanged).collect();
            for it in &dropped {
                known.remove(&(it.user, it.id));
            }
            dropped.iter().map(|it| it.id).collect()
        });
        self.forget_now_or_later(dropped).await;
    }

    /// Has the memory forget sessions that ended. What fails is remembered until it succeeds.
    async fn forget(&self, ended: &[SessionId]) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        self.change_still_kept(|ids| ids.extend(ended));
        self.kept.end(ended.to_vec()).await?;
        self.change_still_kept(|ids| ended.iter().for_each(|id| _ = ids.remove(id)));
        Ok(())
    }

    async fn forget_now_or_later(&self, ended: Vec<SessionId>) {
        if let Err(error) = self.forget(&ended).await {
            tracing::warn!(
                %error, sessions = ended.len(),
                "sign-ins that ended could not be removed from the memory; it is tried again within an hour"
            );
        }
    }

    fn change_still_kept<T>(&self, change: impl FnOnce(&mut BTreeSet<SessionId>) -> T) -> T {
        change(&mut self.still_kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses a refresh token up.
    async fn show(
        &self,
        token: &RefreshToken,
        now: Timestamp,
        good_for: Duration,
    ) -> Result<Session, SignInRefused> {
        let session = self.find(token.user, token.session);
        let session = session
            .filter(|it| it.client == token.client)
            .ok_or(SignInRefused::Over)?;
        match session.show(token.number, now, good_for) {
            Shown::Next(next) => {
                // While it is not kept, the token is not used up: whoever gets no answer comes again with it.
                let kept = self.kept.go_on(next).await;
                kept.map_err(|error| SignInRefused::Failed(error.into()))?;
                self.went_on(next).ok_or(SignInRefused::Over)
            }
            Shown::Repeated => Ok(session),
            Shown::Copied => {
                self.drop_one(&session).await;
                tracing::warn!(
                    user = %token.user, client = %token.client, session = %token.session, number = token.number,
                    "a refresh token was shown that had been used before: somebody has a copy, and the sign-in was ended"
                );
                Err(SignInRefused::Copied)
            }
            Shown::Over => {
                self.drop_one(&session).await;
                Err(SignInRefused::Over)
            }
        }
    }

    /// Ends a session, however it went on in the meantime.
    async fn drop_one(&self, session: &Session) {
        self.change(|known| known.remove(&(session.user, session.id)));
        self.forget_now_or_later(vec![session.id]).await;
    }

    /// What a session is, once it is kept that it went on so: somebody else may have been faster. None if it has ended.
    fn went_on(&self, next: Session) -> Option<Session> {
        self.change(|known| {
            let session = known.get_mut(&(next.user, next.id))?;
            if session.number < next.number {
                *session = next;
            }
            Some(*session)
        })
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
            ends: Session::end(now, now, good_for),
        };
        self.sessions.begin(session, now).await?;
        Ok(session)
    }

    /// Goes on with a session: the token is used up, and the session has another number.
    ///
    /// # Errors
    /// [`SignInRefused::Over`], [`SignInRefused::Copied`], as [`App::renew`], or as the store: the token is good still then.
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
    /// [`SignInRefused::Over`] if it has ended or is another client's, and as [`App::renew`].
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
    /// As the store; nothing of the session is good then until the next start. Ending it again makes sure of that.
    pub async fn end_session(&self, user: ObjectId, session: SessionId) -> Result<bool, Error> {
        Ok(self.sessions.end(user, session).await?)
    }

    /// Forgets the sign-ins that are good no more and that nobody comes back to, and those that could not be removed from
    /// the memory when they ended. To be called every hour.
    pub async fn forget_ended_sessions(&self, now: Timestamp) {
        let (over, going_on): (Vec<_>, Vec<_>) = self
            .sessions
            .select(|_| true)
            .into_iter()
            .partition(|it| it.ends <= now);
        self.sessions.drop_all(&over).await;
        self.forget_void(going_on).await;
        let still_kept = self
            .sessions
            .change_still_kept(|ids| ids.iter().copied().collect());
        self.sessions.forget_now_or_later(still_kept).await;
    }

    /// Forgets what was void by a change of a user.
    pub(super) async fn forget_void_sessions_of(&self, user: ObjectId) {
        self.forget_void(self.sessions.of_user(user)).await;
    }

    /// Forgets what was void by a change of an application.
    pub(super) async fn forget_void_sessions_with(&self, client: ApplicationId) {
        self.forget_void(self.sessions.select(|it| it.client == client))
            .await;
    }

    async fn forget_void(&self, mut sessions: Vec<Session>) {
        let mut good = BTreeSet::new();
        self.read_in_parts(&sessions, |books, it| {
            if still_signed_in(books, it.user, Some(it.client), it.since).is_ok() {
                good.insert(it.id);
            }
        });
        sessions.retain(|it| !good.contains(&it.id));
        self.sessions.drop_all(&sessions).await;
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

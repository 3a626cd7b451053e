//! Sign-ins of people that last: begun with the first refresh token, renewed with each, and ended by a sign-out, by a copy
//! of a token that was used, or by time.
//!
//! A session is good only while the account and the client are as they were when it began (`since`, which every
//! [`DirectoryEntry::PasswordSet`], [`DirectoryEntry::UserEnabledSet`] and [`DirectoryEntry::ApplicationEnabledSet`] moves
//! on), so all sessions of the user, or with the client, are void with that entry, durably. That they are forgotten then as
//! well only saves room.
//!
//! Several servers may use one memory, so it is asked each time: what ended at one of them is good at no other.
//!
//! [`DirectoryEntry::PasswordSet`]: domain::books::DirectoryEntry::PasswordSet
//! [`DirectoryEntry::UserEnabledSet`]: domain::books::DirectoryEntry::UserEnabledSet
//! [`DirectoryEntry::ApplicationEnabledSet`]: domain::books::DirectoryEntry::ApplicationEnabledSet

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::identity::{Session, Shown};
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use store::StoreError;

use super::sign_in::{SignInRefused, SignedIn, still_signed_in};
use crate::{App, Error};

/// The most sessions of one user: with more, the one that was used least recently ends. Of servers at which one user begins
/// sessions at the same moment each may leave as many. *(ours)*
const SESSIONS_PER_USER_MAX: usize = 64;
/// How exactly it is known when an operator's credential was last used. *(ours)*
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// How many sessions are looked through at a time.
const SESSIONS_PER_PAGE: usize = 1_000;

/// The memory of sessions, and what has to be known where it fails.
///
/// What gives something is kept first and done then; what takes something away is done here first and kept then. Whatever
/// fails in between, nobody has more than they should, and nobody loses what they have.
pub(crate) struct Sessions {
    kept: Arc<dyn store::Sessions>,
    /// Those that ended here, and that the memory may still hold because it failed: they are good for nothing here.
    still_kept: Mutex<BTreeSet<SessionId>>,
    /// When it was last kept from here that an operator's credential was used.
    operators_seen: Mutex<BTreeMap<OperatorId, Timestamp>>,
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
    pub(crate) fn new(kept: Arc<dyn store::Sessions>) -> Self {
        Self {
            kept,
            still_kept: Mutex::default(),
            operators_seen: Mutex::default(),
        }
    }

    async fn find(&self, user: ObjectId, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.unless_ended(self.kept.find(user, id).await?))
    }

    /// What the memory holds, unless it should not hold it any more.
    fn unless_ended(&self, kept: Option<Session>) -> Option<Session> {
        kept.filter(|it| !self.change_still_kept(|ids| ids.contains(&it.id)))
    }

    async fn begin(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        self.kept.begin(session).await?;
        match self.kept.of_user(session.user).await {
            Ok(all) => self.end_now_or_later(superfluous(all, session.id, now)).await,
            Err(error) => tracing::warn!(
                %error, user = %session.user,
                "it is not known how many sign-ins a user has; it is looked again with the next one"
            ),
        }
        Ok(())
    }

    /// Ends sessions, here at once. What the memory fails to forget is remembered until it succeeds. How many there were.
    async fn end(&self, ended: &[SessionId]) -> Result<usize, StoreError> {
        if ended.is_empty() {
            return Ok(0);
        }
        self.change_still_kept(|ids| ids.extend(ended));
        let were_kept = self.kept.end(ended.to_vec()).await?;
        self.change_still_kept(|ids| ended.iter().for_each(|id| _ = ids.remove(id)));
        Ok(were_kept)
    }

    async fn end_now_or_later(&self, ended: Vec<SessionId>) {
        if let Err(error) = self.end(&ended).await {
            tracing::warn!(
                %error, sessions = ended.len(),
                "sign-ins that ended could not be removed from the memory; it is tried again within an hour"
            );
        }
    }

    fn change_still_kept<T>(&self, change: impl FnOnce(&mut BTreeSet<SessionId>) -> T) -> T {
        // Each change is one step, so the set is good after a panic, too.
        change(&mut self.still_kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses a refresh token of a session up.
    async fn show(
        &self,
        session: Session,
        number: u64,
        now: Timestamp,
        good_for: Duration,
    ) -> Result<Session, SignInRefused> {
        match session.show(number, now, good_for) {
            Shown::Next(next) => {
                // While it is not kept, the token is not used up: whoever gets no answer comes again with it. Somebody else
                // may have been faster, or have ended it.
                let kept = self.kept.go_on(next).await.map_err(failed)?;
                self.unless_ended(kept).ok_or(SignInRefused::Over)
            }
            Shown::Repeated => Ok(session),
            Shown::Copied => {
                self.end_now_or_later(vec![session.id]).await;
                tracing::warn!(
                    user = %session.user, client = %session.client, session = %session.id, number,
                    "a refresh token was shown that had been used before: somebody has a copy, and the sign-in was ended"
                );
                Err(SignInRefused::Copied)
            }
            Shown::Over => Err(SignInRefused::Over),
        }
    }

    /// Whether it is time to keep again that an operator's credential is used.
    fn is_time_to_keep(&self, operator: OperatorId, now: Timestamp) -> bool {
        let mut seen = self.operators_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.get(&operator);
        let lately = before.is_some_and(|seen| now.duration_since(*seen).unsigned_abs() < SEEN_EVERY);
        if !lately {
            seen.insert(operator, now);
        }
        !lately
    }
}

/// Of a user's sessions, when another one has begun, those that are over or too many.
fn superfluous(mut sessions: Vec<Session>, begun: SessionId, now: Timestamp) -> Vec<SessionId> {
    sessions.retain(|it| it.id != begun);
    sessions.sort_unstable_by_key(|it| (it.ends > now, it.renewed, it.id));
    let over = sessions.iter().filter(|it| it.ends <= now).count();
    let too_many = (sessions.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
    sessions.iter().take(over.max(too_many)).map(|it| it.id).collect()
}

fn failed(error: StoreError) -> SignInRefused {
    SignInRefused::Failed(error.into())
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
        let (signed_in, session) = self.known(token.user, token.session, token.client).await?;
        let session = self.sessions.show(session, token.number, now, good_for).await?;
        Ok((signed_in, session))
    }

    /// Who is signed in with a session, as the account is now.
    ///
    /// # Errors
    /// [`SignInRefused::Over`] if it has ended or is another client's, as [`App::renew`], or as the store.
    pub async fn session(
        &self,
        user: ObjectId,
        session: SessionId,
        client: ApplicationId,
    ) -> Result<SignedIn, SignInRefused> {
        let (signed_in, _) = self.known(user, session, client).await?;
        Ok(signed_in)
    }

    async fn known(
        &self,
        user: ObjectId,
        session: SessionId,
        client: ApplicationId,
    ) -> Result<(SignedIn, Session), SignInRefused> {
        let known = self.sessions.find(user, session).await.map_err(failed)?;
        let session = known
            .filter(|it| it.client == client)
            .ok_or(SignInRefused::Over)?;
        Ok((self.renew(user, Some(client), session.since)?, session))
    }

    /// Ends a session: nothing that was given in it is good any more. Whether there was one.
    ///
    /// # Errors
    /// As the store; nothing of the session is good at this server then, until its next start. Ending it again makes sure of
    /// that, there and elsewhere.
    pub async fn end_session(&self, session: SessionId) -> Result<bool, Error> {
        Ok(self.sessions.end(&[session]).await? > 0)
    }

    /// Forgets the sign-ins that are good no more and that nobody comes back to, and those that could not be removed from
    /// the memory when they ended. To be called every hour, by any number of servers.
    pub async fn forget_ended_sessions(&self, now: Timestamp) {
        let still_kept: Vec<_> = self
            .sessions
            .change_still_kept(|ids| ids.iter().copied().collect());
        self.sessions.end_now_or_later(still_kept).await;
        warn_if_kept(self.forget_spent(|_| true, |it| it.ends <= now).await);
    }

    /// Forgets what was void by a change of a user.
    pub(super) async fn forget_void_sessions_of(&self, user: ObjectId) {
        let forgotten = async {
            let sessions = self.sessions.kept.of_user(user).await?;
            self.forget_void(sessions).await
        };
        warn_if_kept(forgotten.await);
    }

    /// Forgets what was void by a change of an application.
    pub(super) async fn forget_void_sessions_with(&self, client: ApplicationId) {
        warn_if_kept(self.forget_spent(|it| it.client == client, |_| false).await);
    }

    /// Forgets those of the sessions `of` which it is said that are over or void.
    async fn forget_spent(
        &self,
        of: impl Fn(&Session) -> bool + Send,
        is_over: impl Fn(&Session) -> bool + Send,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mut page = self.sessions.kept.page(after, SESSIONS_PER_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            page.retain(&of);
            let (over, going_on): (Vec<_>, Vec<_>) = page.into_iter().partition(&is_over);
            if !over.is_empty() {
                self.sessions.kept.end_unchanged(over).await?;
            }
            self.forget_void(going_on).await?;
        }
    }

    /// Forgets those that are void. None of these goes on, so nothing has to be known of them here.
    async fn forget_void(&self, mut sessions: Vec<Session>) -> Result<(), Error> {
        // What they began with was entered before they were kept. Not to know it here would be to take them for void.
        self.catch_up().await?;
        let mut good = BTreeSet::new();
        self.read_in_parts(&sessions, |books, it| {
            if still_signed_in(books, it.user, Some(it.client), it.since).is_ok() {
                good.insert(it.id);
            }
        });
        sessions.retain(|it| !good.contains(&it.id));
        if !sessions.is_empty() {
            self.sessions.kept.end_unchanged(sessions).await?;
        }
        Ok(())
    }

    /// An operator's credential is used. That this cannot be kept is no reason to refuse it.
    pub async fn operator_seen(&self, operator: OperatorId) {
        let now = self.clock.now();
        if !self.sessions.is_time_to_keep(operator, now) {
            return;
        }
        if let Err(error) = self.sessions.kept.operator_seen(operator, now).await {
            tracing::warn!(%error, %operator, "it was not kept when an operator's credential was used");
        }
    }

    /// When each operator's credential was last used, to the minute, at whichever server.
    pub(crate) async fn operators_last_seen(&self) -> Result<BTreeMap<OperatorId, Timestamp>, Error> {
        Ok(self.sessions.kept.operators_seen().await?.into_iter().collect())
    }
}

fn warn_if_kept(forgotten: Result<(), Error>) {
    if let Err(error) = forgotten {
        let detail = error.detail.as_deref().unwrap_or_default();
        tracing::warn!(
            %error, detail,
            "sign-ins that are good no more stay in the memory for now; it is tried again within an hour"
        );
    }
}

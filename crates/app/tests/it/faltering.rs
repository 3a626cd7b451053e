//! A memory of sign-ins that fails, or takes its time, when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use store::{Sessions, StoreError};
use tokio::sync::oneshot::{Receiver, Sender, channel};

pub(crate) struct Faltering {
    memory: Arc<dyn Sessions>,
    fails: AtomicBool,
    is_away: AtomicBool,
    hold: Mutex<Option<Receiver<()>>>,
}

impl Faltering {
    pub(crate) fn of(memory: Arc<dyn Sessions>) -> Arc<Self> {
        Arc::new(Self {
            memory,
            fails: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            hold: Mutex::new(None),
        })
    }

    /// From now on everything that is to be kept fails, or nothing any more.
    pub(crate) fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// From now on nothing can be read either, or everything again.
    pub(crate) fn is_away(&self, is_away: bool) {
        self.fails(is_away);
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    fn check_reading(&self) -> Result<(), StoreError> {
        if self.is_away.load(Ordering::SeqCst) {
            let detail = "nobody answers".to_owned();
            return Err(StoreError::Unavailable { detail });
        }
        Ok(())
    }

    /// The next session that begins is kept when this is sent to.
    pub(crate) fn hold_the_next(&self) -> Sender<()> {
        let (release, held) = channel();
        *self.hold.lock().unwrap() = Some(held);
        release
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            let detail = "the disk is full".to_owned();
            return Err(StoreError::Unavailable { detail });
        }
        Ok(())
    }
}

#[async_trait]
impl Sessions for Faltering {
    async fn find(&self, user: ObjectId, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.check_reading()?;
        self.memory.find(user, session).await
    }
    async fn of_user(&self, user: ObjectId) -> Result<Vec<Session>, StoreError> {
        self.check_reading()?;
        self.memory.of_user(user).await
    }
    async fn page(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.check_reading()?;
        self.memory.page(after, limit).await
    }
    async fn begin(&self, session: Session) -> Result<(), StoreError> {
        self.check()?;
        let held = self.hold.lock().unwrap().take();
        if let Some(held) = held {
            held.await.unwrap();
        }
        self.memory.begin(session).await
    }
    async fn go_on(&self, next: Session) -> Result<Option<Session>, StoreError> {
        self.check()?;
        self.memory.go_on(next).await
    }
    async fn end(&self, sessions: Vec<SessionId>) -> Result<usize, StoreError> {
        self.check()?;
        self.memory.end(sessions).await
    }
    async fn end_unchanged(&self, sessions: Vec<Session>) -> Result<(), StoreError> {
        self.check()?;
        self.memory.end_unchanged(sessions).await
    }
    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError> {
        self.memory.operators_seen().await
    }
    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError> {
        self.check()?;
        self.memory.operator_seen(operator, at).await
    }
}

//! A memory of sign-ins that fails, or takes its time, when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::identity::Session;
use domain::ids::{OperatorId, SessionId};
use domain::time::Timestamp;
use store::{Sessions, StoreError};
use tokio::sync::oneshot::{Receiver, Sender, channel};

pub(crate) struct Faltering {
    memory: Arc<dyn Sessions>,
    fails: AtomicBool,
    hold: Mutex<Option<Receiver<()>>>,
}

impl Faltering {
    pub(crate) fn of(memory: Arc<dyn Sessions>) -> Arc<Self> {
        Arc::new(Self {
            memory,
            fails: AtomicBool::new(false),
            hold: Mutex::new(None),
        })
    }

    /// From now on everything that is to be kept fails, or nothing any more.
    pub(crate) fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
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
    async fn all(&self) -> Result<Vec<Session>, StoreError> {
        self.memory.all().await
    }
    async fn begin(&self, session: Session) -> Result<(), StoreError> {
        self.check()?;
        let held = self.hold.lock().unwrap().take();
        if let Some(held) = held {
            held.await.unwrap();
        }
        self.memory.begin(session).await
    }
    async fn go_on(&self, session: Session) -> Result<(), StoreError> {
        self.check()?;
        self.memory.go_on(session).await
    }
    async fn end(&self, sessions: Vec<SessionId>) -> Result<(), StoreError> {
        self.check()?;
        self.memory.end(sessions).await
    }
    async fn operators_seen(&self) -> Result<Vec<(OperatorId, Timestamp)>, StoreError> {
        self.memory.operators_seen().await
    }
    async fn operator_seen(&self, operator: OperatorId, at: Timestamp) -> Result<(), StoreError> {
        self.check()?;
        self.memory.operator_seen(operator, at).await
    }
}

//! Time, randomness and the disk, passed in.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use uuid::Uuid;

use crate::disk::Disk;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Draws random numbers that nobody can guess.
pub trait Random: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A pause that is over when it is ready.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lets time pass.
pub trait Timer: Send + Sync {
    /// Waits for this long.
    fn pause(&self, duration: Duration) -> Pause;
}

/// The timer of the runtime.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeTimer;

impl Timer for RuntimeTimer {
    fn pause(&self, duration: Duration) -> Pause {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Everything outside of the bridge but the network.
#[derive(Clone)]
pub struct Environment {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of idempotency keys and of jitter.
    pub random: Arc<dyn Random>,
    /// What waits.
    pub timer: Arc<dyn Timer>,
    /// Where the spool is.
    pub disk: Arc<dyn Disk>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// A random id (UUID version 4).
    pub(crate) fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// How long somebody waits who failed this often in a row; jitter is drawn here.
    pub(crate) fn wait_after(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        crate::patience::wait(failures, asked, u32::from_le_bytes(bytes))
    }
}

//! The file that says how the bridge is, in the directory of the spool.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Board, BridgeStatus, of_all};
use crate::environment::Environment;
use crate::trouble::Trouble;

const FILE: &str = "status.json";
/// How often it is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// The file, for the bridge that writes it.
pub(crate) struct StatusFile {
    path: PathBuf,
    environment: Environment,
    boards: Vec<Arc<Board>>,
    /// Whether the last that there is to say was written: what was about to be written before comes too late.
    is_ended: Arc<Mutex<bool>>,
}

impl StatusFile {
    pub(crate) fn new(spool_directory: &Path, environment: &Environment, boards: &[Arc<Board>]) -> Self {
        Self {
            path: spool_directory.join(FILE),
            environment: environment.clone(),
            boards: boards.to_vec(),
            is_ended: Arc::default(),
        }
    }

    /// Writes it again and again, for ever.
    pub(crate) async fn keep(&self) {
        loop {
            self.write(of_all(&*self.environment.clock, &self.boards)).await;
            self.environment.timer.pause(WRITTEN_EVERY).await;
        }
    }

    /// Writes it for the last time: the bridge was stopped.
    pub(crate) async fn end(&self) {
        let status = of_all(&*self.environment.clock, &self.boards);
        let last = BridgeStatus {
            stopped: true,
            ..status
        };
        self.write(last).await;
    }

    async fn write(&self, status: BridgeStatus) {
        let Ok(json) = serde_json::to_vec_pretty(&status) else {
            return;
        };
        let (disk, path) = (Arc::clone(&self.environment.disk), self.path.clone());
        let is_ended = Arc::clone(&self.is_ended);
        let write = move || {
            let mut is_ended = is_ended.lock().unwrap_or_else(PoisonError::into_inner);
            if !*is_ended {
                *is_ended = status.stopped;
                // It is written again in a moment; a disk that fails is reported by those who need it.
                let _ = disk.replace(&path, &json);
            }
        };
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

/// What the bridge with this spool directory last wrote about itself.
///
/// # Errors
/// [`Trouble`] if it never wrote anything there, or it cannot be read.
pub fn read_status(spool_directory: &Path) -> Result<BridgeStatus, Trouble> {
    let path = spool_directory.join(FILE);
    let refuse = |why: String| {
        Trouble::new(
            "NoStatus",
            format!("{} cannot be read: {why}.", path.display()),
            "Name the configuration of the bridge, and see that it runs: `meterbridge bridge run`.",
        )
    };
    let text = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))
}

//! The file that says how the bridge is, in the directory of the spool.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Board, BridgeStatus, Part, StackState, StackStatus, of_all};
use crate::bundle;
use crate::environment::Environment;
use crate::opening::is_abandoned;
use crate::trouble::Trouble;

const FILE: &str = "status.json";
/// How often it is written while nothing changes that somebody has to know at once.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether something does. While nothing is known of a stack yet, it is written as often.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

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
        let (mut said, mut silent) = (Vec::new(), Duration::ZERO);
        loop {
            let status = of_all(&*self.environment.clock, &self.boards);
            let news: Vec<_> = status.stacks.iter().map(in_a_word).collect();
            let is_starting = news.iter().any(|(state, _)| *state == StackState::Starting);
            if is_starting || news != said || silent >= WRITTEN_EVERY {
                (said, silent) = (news, Duration::ZERO);
                self.write(status).await;
            }
            self.environment.timer.pause(LOOKED_EVERY).await;
            silent += LOOKED_EVERY;
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

/// How it goes with a stack, and what is wrong: that is not told late.
fn in_a_word(stack: &StackStatus) -> (StackState, Vec<(Part, String)>) {
    let troubles = stack.troubles.iter();
    let troubles = troubles.map(|it| (it.part, it.trouble.code.to_string()));
    (stack.state(), troubles.collect())
}

/// What the bridge with this spool directory last wrote about itself, and whether it is there still.
///
/// # Errors
/// [`Trouble`] if it never wrote anything there, or it cannot be read.
pub fn read_status(spool_directory: &Path) -> Result<BridgeStatus, Trouble> {
    let path = spool_directory.join(FILE);
    let refuse = |why: String| {
        let advice = if bundle::are_made_in(spool_directory) {
            "There are bundles of a stack without a connection: `meterbridge bridge bundles` lists them, and no bridge runs for \
             that stack. For any other, name the configuration of its bridge, and see that it runs: `meterbridge bridge run`."
        } else {
            "Name the configuration of the bridge, and see that it runs: `meterbridge bridge run`."
        };
        Trouble::new(
            "NoStatus",
            format!("{} cannot be read: {why}.", path.display()),
            advice,
        )
    };
    // In this order: a bridge that is stopped meanwhile says so with the last that it writes.
    let abandoned = is_abandoned(spool_directory);
    let text = std::fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if !bundle::are_made_in(spool_directory) => has_not_run(spool_directory),
        _ => refuse(error.to_string()),
    })?;
    let status = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
    Ok(BridgeStatus { abandoned, ..status })
}

fn has_not_run(spool_directory: &Path) -> Trouble {
    Trouble::new(
        "NoStatus",
        format!(
            "The bridge has not run yet: it has written nothing in its spool, {}.",
            spool_directory.display()
        ),
        "Start it: `meterbridge bridge run`. If it runs already, name its configuration or its spool: that is another one.",
    )
}

//! What somebody asks a bridge that runs: taken up within seconds, whatever the stack does meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backfill::{self, Asked};
use crate::depot::Depot;
use crate::environment::Environment;
use crate::spool::{Spool, SpoolError};
use crate::status::Reporter;
use crate::trouble::Trouble;

/// How often it is looked whether somebody asks for something.
const LOOKED_AFTER: Duration = Duration::from_secs(5);

/// Takes up what is asked of one stack.
pub(crate) struct Requests {
    pub(crate) depot: Arc<Depot>,
    /// The folder of the stack.
    pub(crate) directory: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) reporter: Reporter,
    /// How the stack is called in the configuration.
    pub(crate) stack: String,
}

impl Requests {
    /// Takes up what is asked until the spool cannot be used any more.
    pub(crate) async fn run(self) -> SpoolError {
        let mut failures = 0;
        loop {
            let wait = match self.take_up().await {
                Ok(()) => {
                    failures = 0;
                    LOOKED_AFTER
                }
                Err(error) if error.passes() => {
                    failures += 1;
                    let wait = self.environment.wait_after(failures, None);
                    self.reporter.failed(&error.trouble(), failures, wait);
                    wait
                }
                Err(error) => return error,
            };
            self.environment.timer.pause(wait).await;
        }
    }

    /// Takes up what is there. The request is removed when everybody can see that it was taken up. One that cannot be read or
    /// removed is said to be there.
    async fn take_up(&self) -> Result<(), SpoolError> {
        let directory = self.directory.clone();
        let take_up = move |spool: &mut Spool| backfill::take_up(&directory, spool);
        let done = match self.depot.work(take_up).await? {
            Asked::Nothing => {
                self.reporter.well();
                return Ok(());
            }
            Asked::Unreadable(trouble) => {
                self.reporter.failed(&trouble, 1, LOOKED_AFTER);
                return Ok(());
            }
            done => done,
        };
        let (disk, directory) = (Arc::clone(&self.environment.disk), self.directory.clone());
        let forget = move |_: &mut Spool| Ok(backfill::forget_request(&*disk, &directory));
        let forgotten = self.depot.work(forget).await?;
        // What cannot be removed is found again and again, and said once: but there is nothing to give up any more then.
        if forgotten.is_ok() || matches!(&done, Asked::GivenUp(hours) if !hours.is_empty()) {
            self.log(&done);
        }
        match forgotten {
            Err(trouble) => self.reporter.failed(&trouble, 1, LOOKED_AFTER),
            Ok(()) => self.reporter.well(),
        }
        Ok(())
    }

    fn log(&self, done: &Asked) {
        let stack = &self.stack;
        match done {
            Asked::Nothing | Asked::Unreadable(_) => {}
            Asked::TakenUp(None) => tracing::info!(stack, "nothing is read again: it is read anyway"),
            Asked::TakenUp(Some(range)) => {
                tracing::info!(stack, "{range} is read again, as it was asked for");
            }
            Asked::Withdrawn => tracing::info!(stack, "what was to be read again is taken back"),
            Asked::GivenUp(hours) if hours.is_empty() => {
                tracing::info!(stack, "nothing is given up: what was to be is not lost any more");
            }
            Asked::GivenUp(hours) => {
                for range in hours.intervals() {
                    tracing::warn!(
                        stack,
                        "{range}, which the server lost or which lies before the start, was given up: it is \
                         not read again by itself, and is not declared"
                    );
                }
            }
            Asked::Refused(Trouble {
                code,
                message,
                advice,
            }) => tracing::warn!(stack, %code, "{message} {advice}"),
        }
    }
}

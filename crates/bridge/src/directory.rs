//! Telling the server who is on a stack: its local subscriptions, whenever they have changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::CloudId;

use crate::activation::ActivationKey;
use crate::connection::Connection;
use crate::deliver::{ServerAddress, Verdict, judge};
use crate::depot::Depot;
use crate::environment::Environment;
use crate::stack::Failure;
use crate::status::Reporter;

/// How often the directory is read.
const READ_EVERY: Duration = Duration::from_secs(15 * 60);
/// After how many readings it is delivered although nothing has changed: the server may have been restored.
const DELIVERED_AFTER: u32 = 24;

/// Delivers the directory of one stack.
pub(crate) struct DirectoryDeliverer {
    pub(crate) depot: Arc<Depot>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) server: ServerAddress,
    pub(crate) key_file: PathBuf,
    pub(crate) cloud_id: CloudId,
    pub(crate) environment: Environment,
    pub(crate) reporter: Reporter,
}

/// What was delivered last.
#[derive(Default)]
struct Delivered {
    listing: Option<Bytes>,
    readings: u32,
}

impl DirectoryDeliverer {
    /// Delivers for ever.
    pub(crate) async fn run(self) {
        let (mut delivered, mut failures) = (Delivered::default(), 0);
        loop {
            let wait = match self.step(&mut delivered).await {
                Ok(()) => {
                    failures = 0;
                    self.reporter.well();
                    READ_EVERY
                }
                Err(failure) => {
                    failures += 1;
                    failure.report(&self.reporter, failures, &self.environment)
                }
            };
            tokio::select! {
                () = self.environment.timer.pause(wait) => {}
                // Who is on the stack is lost as well.
                () = self.depot.went_back.notified() => delivered = Delivered::default(),
            }
        }
    }

    async fn step(&self, delivered: &mut Delivered) -> Result<(), Failure> {
        let stack = self.connection.awaited().await;
        let listing = stack.local_subscriptions(&self.reporter).await;
        let listing = listing.inspect_err(|failure| {
            // Who may not read the directory may read usage: that goes on as it is.
            if !matches!(failure, Failure::Refused(_)) {
                self.connection.failed(&stack, failure);
            }
        })?;
        let listing = serde_json::to_vec(&listing)
            .map(Bytes::from)
            .map_err(|error| Failure::temporary("DirectoryBroken", error.to_string()))?;
        delivered.readings += 1;
        if delivered.listing.as_ref() == Some(&listing) && delivered.readings < DELIVERED_AFTER {
            return Ok(());
        }
        self.deliver(listing.clone()).await?;
        *delivered = Delivered {
            listing: Some(listing),
            readings: 0,
        };
        Ok(())
    }

    async fn deliver(&self, listing: Bytes) -> Result<(), Failure> {
        let key = ActivationKey::read(&self.key_file).map_err(Failure::Refused)?;
        key.must_be_of(self.cloud_id).map_err(Failure::Refused)?;
        let client = self.server.client(&key).map_err(Failure::Refused)?;
        let taken = client.put_directory(&self.cloud_id.to_string(), listing).await;
        match taken {
            Ok(_) => Ok(()),
            Err(error) => Err(match judge(&error) {
                Verdict::Again(trouble) => Failure::Temporary(trouble, None),
                Verdict::Held(trouble) => Failure::Refused(trouble),
            }),
        }
    }
}

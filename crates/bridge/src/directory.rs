//! Telling the server who is on a stack: its local subscriptions, whenever they have changed, and since when.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::ClientError;
use domain::ids::CloudId;

use crate::activation::ActivationKey;
use crate::bundle::unlisted;
use crate::connection::Connection;
use crate::deliver::{ServerAddress, Verdict, judge};
use crate::depot::Depot;
use crate::environment::Environment;
use crate::listings::{Listings, Waiting};
use crate::stack::{Failure, Stack};
use crate::status::Reporter;
use crate::trouble::Trouble;

/// How often the directory is read.
const READ_EVERY: Duration = Duration::from_secs(15 * 60);
/// After how many readings it is delivered although nothing has changed: the server may have been restored.
const DELIVERED_AFTER: u32 = 24;

const HELD_ADVICE: &str = "\
    Usage goes on without it, but new local subscriptions stay unknown to the server, and their usage is the default \
    subscription's. What was read waits with the hour in which it was read, and is tried again every few minutes. See that the file that \
    `activation-key-file` names has the present activation key of the stack's registration, made by the server that \
    `url` of [server] names; what else the server says is to be set right there, or by a newer bridge.";

/// Delivers the directory of one stack.
pub(crate) struct DirectoryDeliverer {
    pub(crate) depot: Arc<Depot>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) server: ServerAddress,
    pub(crate) key_file: PathBuf,
    pub(crate) cloud_id: CloudId,
    /// Where listings wait that the server does not have yet.
    pub(crate) directory: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) reporter: Reporter,
}

/// What was read last, and how often since it was last to be delivered.
#[derive(Default)]
struct Read {
    listing: Option<Bytes>,
    readings: u32,
}

impl DirectoryDeliverer {
    /// Delivers for ever.
    pub(crate) async fn run(self) {
        let mut failures = 0;
        let mut listings = loop {
            match Listings::open(self.directory.clone(), self.environment.clone()).await {
                Ok(listings) => break listings,
                Err(error) => {
                    failures += 1;
                    let wait = unwritten(&error).report(&self.reporter, failures, &self.environment);
                    self.environment.timer.pause(wait).await;
                }
            }
        };
        let mut read = Read {
            listing: listings.last().cloned(),
            readings: 0,
        };
        loop {
            let wait = match self.step(&mut read, &mut listings).await {
                Ok(is_read) => {
                    failures = 0;
                    self.reporter.well();
                    // What waited is delivered, and the stack was not there to be read: it is waited for.
                    if !is_read {
                        continue;
                    }
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
                () = self.depot.went_back.notified() => read = Read::default(),
            }
        }
    }

    /// Reads, and delivers what waits, whichever of the two is possible. Says whether it was read.
    async fn step(&self, read: &mut Read, listings: &mut Listings) -> Result<bool, Failure> {
        let stack = tokio::select! {
            biased;
            stack = self.connection.awaited() => Some(stack),
            () = std::future::ready(()), if !listings.is_empty() => None,
        };
        let outcome = match stack {
            Some(stack) => self.read(&stack, read, listings).await.map(|()| true),
            None => Ok(false),
        };
        while let Some(first) = listings.first() {
            self.deliver(first, listings.last() == Some(&first.listing))
                .await?;
            listings.pop().await.map_err(|error| unwritten(&error))?;
        }
        outcome
    }

    /// Reads the directory, and has it wait if it is not as it was, or was not told for long.
    async fn read(
        &self,
        stack: &Arc<Stack>,
        read: &mut Read,
        listings: &mut Listings,
    ) -> Result<(), Failure> {
        let listing = stack.local_subscriptions(&self.reporter).await;
        let listing = listing.inspect_err(|failure| {
            // Who may not read the directory may read usage: that goes on as it is.
            if !matches!(failure, Failure::Refused(_)) {
                self.connection.failed(stack, failure);
            }
        })?;
        // What is left out is not taken back by that: who is not listed keeps the tenant that the server knows.
        let (listing, unreadable) = listing.without_unreadable();
        self.reporter
            .unlisted(unreadable.iter().map(|(it, why)| unlisted(it, why)).collect());
        let listing = serde_json::to_vec(&listing)
            .map(Bytes::from)
            .map_err(|error| Failure::temporary("DirectoryBroken", error.to_string()))?;
        read.readings += 1;
        let waits_already = listings.last() == Some(&listing);
        if read.listing.as_ref() == Some(&listing) && (read.readings < DELIVERED_AFTER || waits_already) {
            return Ok(());
        }
        listings
            .push(listing.clone())
            .await
            .map_err(|error| unwritten(&error))?;
        *read = Read {
            listing: Some(listing),
            readings: 0,
        };
        Ok(())
    }

    /// Delivers a listing as of when it was read. Where that cannot be, the last one is told as one of just now, and an earlier
    /// one says nothing more: nothing may stand in the way of what was read since.
    async fn deliver(&self, waiting: &Waiting, is_last: bool) -> Result<(), Failure> {
        let key = ActivationKey::read(&self.key_file).map_err(Failure::Refused)?;
        key.must_be_of(self.cloud_id).map_err(Failure::Refused)?;
        let client = self.server.client(&key).map_err(Failure::Refused)?;
        let (stack, listing) = (self.cloud_id.to_string(), waiting.listing.clone());
        let as_of = waiting.read_at.to_string();
        // The clock was ahead then, and was set right since.
        let is_to_come = waiting.read_at > self.environment.clock.now();
        let placed = if is_to_come {
            None
        } else {
            match client
                .put_carried_directory(&stack, listing.clone(), &as_of)
                .await
            {
                Err(ClientError::Refused(refusal)) if cannot_be_placed(&refusal.code) => None,
                Err(ClientError::Refused(refusal))
                    if !is_last && is_of_the_listing(refusal.status.as_u16()) =>
                {
                    None
                }
                placed => Some(placed),
            }
        };
        let taken = match placed {
            Some(placed) => placed,
            None if is_last => client.put_directory(&stack, listing).await,
            None => return Ok(()),
        };
        match taken {
            Ok(_) => Ok(()),
            Err(error) => Err(match judge(&error) {
                Verdict::Again(trouble) => Failure::Temporary(trouble, None),
                Verdict::Held(trouble) => Failure::Refused(Trouble {
                    advice: HELD_ADVICE.to_owned(),
                    ..trouble
                }),
            }),
        }
    }
}

/// Whether a server says so of a listing that it would take as one of just now: an earlier version, one at which the stack was
/// registered again since, or one whose clock is behind.
fn cannot_be_placed(code: &str) -> bool {
    matches!(
        code,
        "BundleKeyNotRegistered" | "ListingBeforeRegistration" | "ListingInFuture"
    )
}

/// Whether a server says with this status that it never takes what a listing says.
const fn is_of_the_listing(status: u16) -> bool {
    matches!(status, 400 | 413)
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::temporary(
        "SpoolUnwritable",
        format!("Where listings of the directory wait cannot be read or written: {error}."),
    )
}

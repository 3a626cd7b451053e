//! Delivering what is in the spool: oldest first, again and again until it is acknowledged, never anything else instead.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use client::{Client, ClientError, Credential, Delivery, Encoding, Format, Refusal, StatusCode, server_url};
use domain::ids::CloudId;
use domain::time::Hour;
use tokio::task::JoinSet;
use wire::api::{DeliveryReceipt, KnownReceipt, KnownReceipts, Warning};

use crate::activation::ActivationKey;
use crate::cursor::{Cursor, Position};
use crate::depot::Depot;
use crate::environment::Environment;
use crate::frame::Frame;
use crate::notices::{Notices, Sum};
use crate::patience::HELD_WAIT;
use crate::spool::{Located, Spool, SpoolError};
use crate::stack::is_stack_at;
use crate::status::Reporter;
use crate::trouble::{PASSES, Trouble};

/// The code of a server whose certificate is not trusted.
const NOT_TRUSTED: &str = "ServerNotTrusted";
/// The code of a server that does not have what it acknowledged.
const RECEIPT_NOT_KNOWN: &str = "ReceiptNotKnown";
/// What is done where nobody answers. It may be restarting; a wrong port looks the same.
const NOT_REACHED: &str = "The bridge asks again until it is answered. If it stays so, see that `url` of [server] has the \
                           right host and port, and that this machine may reach it.";
/// How many frames are on their way at once.
const FRAMES_AT_ONCE: usize = 4;

/// Where usage is delivered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The server's URL.
    pub url: String,
    /// A file with the certificates that it is trusted by, and no others.
    pub ca: Option<PathBuf>,
}

impl ServerAddress {
    /// A client that bears an activation key.
    pub(crate) fn client(&self, key: &ActivationKey) -> Result<Client, Trouble> {
        // Whoever looks at the bridge sees at once that nothing is delivered; it tries again by itself.
        let mut builder = Client::builder(&self.url)
            .credential(Credential::new(&key.text))
            .asking_once();
        if let Some(path) = &self.ca {
            builder = builder.ca_pem(crate::files::small_text(path)?);
        }
        builder.build().map_err(|error| {
            Trouble::new(
                "InvalidSettings",
                error.to_string(),
                "Set `url` and `ca` of [server] right.",
            )
        })
    }
}

/// Delivers for one stack.
pub(crate) struct Deliverer {
    pub(crate) depot: Arc<Depot>,
    pub(crate) server: ServerAddress,
    pub(crate) key_file: PathBuf,
    pub(crate) cloud_id: CloudId,
    /// How many hours are read again whenever a new one was read.
    pub(crate) lookback: i32,
    pub(crate) environment: Environment,
    pub(crate) reporter: Reporter,
}

/// What to do about something that the server did not acknowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be acknowledged later.
    Again(Trouble),
    /// It will not, until somebody does something about it.
    Held(Trouble),
}

impl ServerAddress {
    /// What is wrong where something was refused for good: perhaps it was no server that was asked.
    pub(crate) async fn explained(&self, refused: Trouble, environment: &Environment) -> Trouble {
        let now = environment.clock.now();
        if !is_stack_at(&self.url, self.ca.as_deref(), now).await {
            return self.with_path(refused);
        }
        Trouble::new(
            "ServerIsStack",
            format!(
                "What answers at {} is a stack and no Meterbridge server.",
                self.url
            ),
            "Set `url` of [server] to the server that takes usage. The stack is what `endpoint` of [[stack]] names.",
        )
    }

    /// The same, with what to look at first where a server is called without TLS: most have it.
    pub(crate) fn with_scheme(&self, trouble: Trouble) -> Trouble {
        let Some(host) = self.url.trim().strip_prefix("http://") else {
            return trouble;
        };
        if !["ServerUnreachable", "ServerUnintelligible"].contains(&&*trouble.code) {
            return trouble;
        }
        Trouble {
            advice: format!(
                "If the server has TLS, as `meterbridge serve` does by itself, `url` of [server] is https://{host}. {}",
                trouble.advice
            ),
            ..trouble
        }
    }

    /// The same, with what to look at first where the URL has a path: most servers answer at none.
    fn with_path(&self, refused: Trouble) -> Trouble {
        let url = server_url(&self.url).ok();
        let Some(url) = url.filter(|url| url.path() != "/") else {
            return refused;
        };
        Trouble {
            advice: format!(
                "See first that the server is at {}: `url` of [server] has a path, which only a server behind another one \
                 has. {}",
                url.path(),
                refused.advice
            ),
            ..refused
        }
    }
}

impl Deliverer {
    /// Delivers until the spool cannot be used any more.
    pub(crate) async fn run(self) -> SpoolError {
        let (mut client, mut failures, mut notices) = (None, 0, Notices::default());
        loop {
            let verdict = match self.step(&mut client, &mut notices).await {
                Ok(None) => {
                    failures = 0;
                    continue;
                }
                Ok(Some(verdict)) => verdict,
                Err(error) if error.passes() => Verdict::Again(error.trouble()),
                Err(error) => return error,
            };
            failures += 1;
            let wait = match verdict {
                Verdict::Again(trouble) => {
                    let trouble = self.server.with_scheme(trouble);
                    let wait = self.environment.wait_after(failures, None);
                    self.reporter.failed(&trouble, failures, wait);
                    if trouble.code == NOT_TRUSTED {
                        // What it waits for may be another authority in the file.
                        client = None;
                    }
                    wait
                }
                Verdict::Held(trouble) => {
                    // What it waits for may be another key in the file.
                    client = None;
                    let trouble = self.server.explained(trouble, &self.environment).await;
                    self.reporter.held(&trouble, failures, HELD_WAIT);
                    HELD_WAIT
                }
            };
            self.environment.timer.pause(wait).await;
        }
    }

    /// Delivers a few frames, or waits for some. Answers what is wrong if one of them was not acknowledged.
    async fn step(
        &self,
        client: &mut Option<Client>,
        notices: &mut Notices,
    ) -> Result<Option<Verdict>, SpoolError> {
        let known = KnownReceipts(self.depot.cursor().waypoints.newest().to_vec());
        // One first: those after it rely on its receipt, wherever it went.
        let frames_max = if known.0.is_empty() { 1 } else { FRAMES_AT_ONCE };
        let batch = self.depot.work(move |spool| spool.batch(frames_max)).await?;
        if batch.is_empty() {
            self.reporter.well();
            self.depot.committed.notified().await;
            return Ok(None);
        }
        let sender = match client {
            Some(client) => client,
            None => match self.client() {
                Ok(new) => client.insert(new),
                Err(trouble) => return Ok(Some(Verdict::Held(trouble))),
            },
        };
        let mut outcomes = self.send(sender, &batch, &known).await.into_iter();
        let mut done = Acknowledged::default();
        let (mut verdict, mut is_lost) = (None, false);
        for located in &batch {
            match outcomes.next().flatten() {
                Some(Ok(receipt)) => {
                    self.log(&receipt, notices);
                    done.add(located, receipt);
                }
                Some(Err(ClientError::Refused(refusal))) if refusal.code == RECEIPT_NOT_KNOWN => {
                    is_lost = !known.0.is_empty();
                    verdict = Some(Verdict::Again(lost(&refusal)));
                    break;
                }
                failed => {
                    verdict = Some(
                        failed
                            .and_then(Result::err)
                            .map_or_else(broken_off, |it| judge(&it)),
                    );
                    break;
                }
            }
        }
        self.acknowledge(done).await?;
        if let Some(Verdict::Again(trouble)) = verdict.as_ref().filter(|_| is_lost) {
            self.go_back(trouble).await?;
            return Ok(None);
        }
        if verdict.is_none() {
            self.reporter.well();
        }
        Ok(verdict)
    }

    fn client(&self) -> Result<Client, Trouble> {
        let key = ActivationKey::read(&self.key_file)?;
        key.must_be_of(self.cloud_id)?;
        self.server.client(&key)
    }

    /// Sends frames at once. An outcome is missing if the work on it was broken off.
    async fn send(
        &self,
        client: &Client,
        batch: &[Located],
        known: &KnownReceipts,
    ) -> Vec<Option<Result<DeliveryReceipt, ClientError>>> {
        let mut outcomes: Vec<_> = batch.iter().map(|_| None).collect();
        let mut sending = JoinSet::new();
        for (index, located) in batch.iter().enumerate() {
            let (client, frame, cloud_id) = (client.clone(), located.frame.clone(), self.cloud_id);
            let known = (!known.0.is_empty()).then(|| known.to_string());
            sending.spawn(async move { (index, deliver(&client, cloud_id, frame, known.as_deref()).await) });
        }
        while let Some(sent) = sending.join_next().await {
            if let Ok((index, outcome)) = sent
                && let Some(place) = outcomes.get_mut(index)
            {
                *place = Some(outcome);
            }
        }
        outcomes
    }

    /// Says what the server wants somebody to know about a delivery. What it says of each is not repeated each time.
    fn log(&self, receipt: &DeliveryReceipt, notices: &mut Notices) {
        let (stack, batch) = (self.cloud_id, &receipt.batch_id);
        if let Some(first) = receipt.problems.first() {
            let (quarantined, code) = (receipt.quarantined, &first.code);
            tracing::warn!(%stack, batch, quarantined, code, "the server put records into quarantine: {}", first.message);
        }
        for Warning { code, message } in &receipt.warnings {
            let now = self.environment.clock.now();
            let Some(Sum { deliveries, records }) = notices.heard(code, receipt.unregistered.into(), now)
            else {
                continue;
            };
            if deliveries > 1 {
                tracing::warn!(%stack, code, deliveries, records, "it was so of {deliveries} deliveries since, the last: {message}");
            } else {
                tracing::warn!(%stack, batch, code, "{message}");
            }
        }
    }

    async fn acknowledge(&self, done: Acknowledged) -> Result<(), SpoolError> {
        let Some(end) = done.end else { return Ok(()) };
        let lookback = self.lookback;
        let work = move |spool: &mut Spool| {
            let is_known = done.receipts.first().is_some_and(|it| it.sequence > 1);
            let looks_before_start = spool.cursor().totals.batches == 0 && is_known;
            spool.acknowledge(end, |cursor| {
                if looks_before_start {
                    cursor.look_before_start(lookback);
                }
                count(cursor, &done.receipts);
                let known: Vec<KnownReceipt> = done.receipts.iter().filter_map(known_receipt).collect();
                cursor
                    .waypoints
                    .acknowledged(&known, done.windows.into_iter(), done.through.is_some());
                // What was read on command declares hours before these, or even before the first.
                let further = done.through.filter(|through| *through > cursor.start);
                cursor.acknowledged_through = further.max(cursor.acknowledged_through);
            })?;
            Ok(looks_before_start)
        };
        let outcome = self.depot.work(work).await;
        self.depot.acknowledged.notify_one();
        if outcome? {
            let stack = self.cloud_id;
            tracing::info!(
                %stack,
                "the server knew the stack before this spool did: the {lookback} hours before the first that is read are read \
                 again too, for usage that came late"
            );
        }
        Ok(())
    }

    /// The server does not have what it acknowledged last: that is read again, and what is delivered next relies on what it
    /// acknowledged before that.
    async fn go_back(&self, trouble: &Trouble) -> Result<(), SpoolError> {
        self.reporter.failed(trouble, 1, Duration::ZERO);
        let lost = self.depot.work(Spool::go_back).await?;
        self.depot.went_back.notify_one();
        let stack = self.cloud_id;
        for range in lost.intervals() {
            tracing::warn!(%stack, "the server does not have what was acknowledged of {range}: it is read again");
        }
        Ok(())
    }
}

/// What was acknowledged of frames that were on their way at once: those before the first that was not.
#[derive(Default)]
struct Acknowledged {
    end: Option<Position>,
    through: Option<Hour>,
    windows: Vec<Hour>,
    receipts: Vec<DeliveryReceipt>,
}

impl Acknowledged {
    fn add(&mut self, located: &Located, receipt: DeliveryReceipt) {
        self.end = Some(located.end);
        self.through = located.frame.through.max(self.through);
        self.windows.push(located.frame.window);
        self.receipts.push(receipt);
    }
}

/// The receipt that a delivery was acknowledged with; none if the server is of an earlier version.
fn known_receipt(receipt: &DeliveryReceipt) -> Option<KnownReceipt> {
    format!("{}:{}", receipt.sequence, receipt.chain).parse().ok()
}

/// The server does not have what it acknowledged.
fn lost(refusal: &Refusal) -> Trouble {
    Trouble::new(
        RECEIPT_NOT_KNOWN,
        refusal.message.clone(),
        "Nothing has to be done: what it had acknowledged since is read from the stack again. `meterbridge bridge status` says \
         how far that is.",
    )
}

async fn deliver(
    client: &Client,
    cloud_id: CloudId,
    frame: Frame,
    known_receipts: Option<&str>,
) -> Result<DeliveryReceipt, ClientError> {
    let (start, end) = (frame.window.to_string(), frame.window.plus(1).to_string());
    let (through, key) = (frame.through.map(|hour| hour.to_string()), frame.key.to_string());
    let delivery = Delivery {
        body: frame.page,
        format: Format::Json,
        encoding: Some(Encoding::Zstd),
        reported_start: Some(&start),
        reported_end: Some(&end),
        reported_through: through.as_deref(),
        idempotency_key: Some(&key),
        known_receipts,
    };
    client.deliver_usage(&cloud_id.to_string(), delivery).await
}

fn count(cursor: &mut Cursor, receipts: &[DeliveryReceipt]) {
    let totals = &mut cursor.totals;
    for receipt in receipts {
        totals.batches += 1;
        totals.accepted += u64::from(receipt.accepted);
        totals.duplicate += u64::from(receipt.duplicate);
        totals.revised += u64::from(receipt.revised);
        totals.quarantined += u64::from(receipt.quarantined);
    }
}

fn broken_off() -> Verdict {
    Verdict::Again(Trouble::new(
        "DeliveryBrokenOff",
        "A delivery was broken off.",
        PASSES,
    ))
}

/// What an error of the client means.
pub(crate) fn judge(error: &ClientError) -> Verdict {
    let again =
        |code: &'static str, advice: &str| Verdict::Again(Trouble::new(code, error.to_string(), advice));
    let held = |code: String, advice: &str| Verdict::Held(Trouble::new(code, error.to_string(), advice));
    match error {
        ClientError::Unreachable { .. } => again("ServerUnreachable", NOT_REACHED),
        ClientError::TimedOut { .. } => again("ServerTimedOut", NOT_REACHED),
        ClientError::Unintelligible { .. } | ClientError::ListTooLong { .. } => again(
            "ServerUnintelligible",
            "See that `url` of [server] is that of a Meterbridge server. It is tried again.",
        ),
        ClientError::Untrusted { .. } | ClientError::OtherName { .. } => again(
            NOT_TRUSTED,
            "Set `ca` of [server] to the certificate of the authority that made the server's, in PEM, and `url` to a \
             name that it is good for. It is tried again.",
        ),
        ClientError::Settings(_) | ClientError::Url { .. } => held(
            "InvalidSettings".to_owned(),
            "Set `url` and `ca` of [server] right, and start the bridge again.",
        ),
        ClientError::Refused(refusal) => match (refusal.status, refusal.code.as_str()) {
            // By the clock of the server it has not happened yet: it will have.
            (_, "ReportedTimeInFuture") => again(
                "ClocksDiffer",
                "See whether the clocks of the stack, of this machine and of the server agree. It is tried again.",
            ),
            (_, code @ "StoreDamaged") => held(
                code.to_owned(),
                "Nothing is lost on this side, and it is tried again every few minutes. Tell the operator of the server: its \
                 storage is damaged, and `meterbridge audit verify` says where.",
            ),
            (status, _) if is_temporary(status) => again("ServerBusy", PASSES),
            (_, code @ "InvalidAuthenticationToken") => held(
                code.to_owned(),
                "Nothing is lost, what was read waits in the spool. The activation key was probably made by another server: \
                 see that `url` of [server] is the one where the stack is registered, and put the key that it gives \
                 (`meterbridge registration activation-key`) into the file that `activation-key-file` names: it is read \
                 with the next attempt.",
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, code) => held(
                code.to_owned(),
                "Nothing is lost, it waits in the spool. Put the present activation key of the stack's registration \
                 into the file that `activation-key-file` names (`meterbridge registration activation-key`): it is \
                 read with the next attempt.",
            ),
            (_, code) => held(
                code.to_owned(),
                "Nothing is lost, it waits in the spool and is tried again every few minutes. What the server says is \
                 to be set right there, or by a newer bridge.",
            ),
        },
    }
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Refusal;

    fn refused(status: u16, code: &str) -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: "m".to_owned(),
            target: None,
            hint: None,
            request_id: None,
        }))
    }

    #[test]
    fn a_wrong_port_would_pass_for_a_server_that_is_away_for_a_moment() {
        let (server, cause) = ("https://localhost:8444".to_owned(), "refused".to_owned());
        let Verdict::Again(trouble) = judge(&ClientError::Unreachable { server, cause }) else {
            panic!("it may be restarting");
        };
        assert!(
            trouble
                .advice
                .contains("`url` of [server] has the right host and port")
        );
        assert!(!trouble.advice.contains("Nothing has to be done"));
    }

    #[test]
    fn the_key_of_another_server_would_have_passed_for_a_broken_one() {
        let Verdict::Held(trouble) = judge(&refused(401, "InvalidAuthenticationToken")) else {
            panic!("somebody has to do something");
        };
        assert!(trouble.advice.contains("made by another server"), "{trouble}");
    }

    #[test]
    fn a_server_with_tls_that_is_called_without_it_would_pass_for_one_that_is_away() {
        let advice = |url: &str, code: &'static str| {
            let (url, ca) = (url.to_owned(), None);
            let server = ServerAddress { url, ca };
            server.with_scheme(Trouble::new(code, "m", "Ask again.")).advice
        };
        assert_eq!(
            advice("https://localhost:8443", "ServerUnreachable"),
            "Ask again."
        );
        assert_eq!(advice("http://localhost:8443", "ServerBusy"), "Ask again.");
        let told = advice("http://localhost:8443", "ServerUnreachable");
        assert!(
            told.contains("is https://localhost:8443. ") && told.ends_with("Ask again."),
            "{told}"
        );
    }

    #[test]
    fn a_path_of_the_url_that_is_wrong_would_look_like_a_wrong_activation_key() {
        let advice = |url: &str| {
            let server = ServerAddress {
                url: url.to_owned(),
                ca: None,
            };
            server
                .with_path(Trouble::new("NotFound", "m", "Put the key in."))
                .advice
        };
        assert_eq!(advice("https://meterbridge.example:8443/"), "Put the key in.");
        let with_path = advice("https://meterbridge.example:8443/metrics");
        assert!(
            with_path.starts_with("See first that the server is at /metrics: `url` of [server]")
                && with_path.ends_with("Put the key in."),
            "{with_path}"
        );
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_waits_for_somebody() {
        let unreachable = ClientError::Unreachable {
            server: "s".to_owned(),
            cause: "c".to_owned(),
        };
        for (error, is_held) in [
            (unreachable, false),
            (refused(503, "TooManyDeliveries"), false),
            (refused(500, "InternalError"), false),
            (refused(502, "Http502"), false),
            (refused(429, "TooManyRequests"), false),
            (refused(400, "ReportedTimeInFuture"), false),
            (refused(500, "StoreDamaged"), true),
            (refused(503, "StoreDamaged"), true),
            (refused(400, "InvalidJson"), true),
            (refused(401, "AuthenticationFailed"), true),
            (refused(403, "AuthorizationFailed"), true),
            (refused(409, "IdempotencyKeyReused"), true),
            (refused(413, "BodyTooLarge"), true),
        ] {
            assert_eq!(matches!(judge(&error), Verdict::Held(_)), is_held, "{error}");
        }
    }
}

//! `webhook`: who is told of things of the platform's own accord.

use std::time::{Duration, Instant};

use client::Client;
use serde::Serialize;
use wire::api::{DeliveryStatus, PutWebhook, Trouble, Webhook, WebhookDelivery, WebhookKey};

use super::{minute, minute_or_dash, or_dash};
use crate::args::{SetWebhookArgs, WebhookCommand};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left, right};

/// For how long `webhook test` waits for what becomes of the notice.
const TEST_WAIT: Duration = Duration::from_secs(60);
/// How often it asks.
const TEST_ASKS_EVERY: Duration = Duration::from_millis(500);

const WEBHOOKS: Listing<Webhook> = Listing(&[
    (left("WEBHOOK"), |it| it.name.clone()),
    (left("STATE").wraps(), state),
    (right("WAITING"), |it| it.waiting.to_string()),
    (left("TO").wraps(), |it| it.url.clone()),
    (left("KINDS").wraps(), kinds),
    (left("ABOUT").rank(1), about),
    (left("SET").rank(2), |it| minute(&it.set)),
    (left("BY").rank(2), |it| or_dash(it.set_by_name.as_deref())),
]);

const DELIVERIES: Listing<WebhookDelivery> = Listing(&[
    (left("NOTICE"), |it| it.notice_id.clone()),
    (left("KIND"), |it| it.kind.clone()),
    (left("ASKED"), |it| minute(&it.asked)),
    (left("AGAIN").rank(2), |it| {
        minute_or_dash(it.asked_again.as_deref())
    }),
    (right("TRIED"), tried),
    (left("RESULT").wraps(), result),
    (left("ENDED"), |it| minute_or_dash(it.ended.as_deref())),
    (left("TEXT").wraps().rank(1), |it| it.text.clone()),
]);

const KEYS: Listing<WebhookKey> = Listing(&[(left("PUBLIC KEY"), |it| it.public_key.clone())]);

fn state(webhook: &Webhook) -> String {
    match (&webhook.stopped, &webhook.failing) {
        (Some(stopped), _) => format!(
            "stopped {}: {} When it is back, set it again.",
            minute(&stopped.since),
            stopped.because
        ),
        (None, Some(failing)) => format!(
            "failing since {}{}",
            minute(&failing.since),
            last_attempt(failing)
        ),
        (None, None) => "good".to_owned(),
    }
}

/// What came of the last attempt that is known of, and which one that was.
fn last_attempt(failing: &Trouble) -> String {
    let because = &failing.because;
    match (failing.attempts, &failing.last_attempt) {
        (Some(attempts), Some(at)) => format!("; attempt {attempts} at {}: {because}", minute(at)),
        _ => format!(": {because}"),
    }
}

fn tried(delivery: &WebhookDelivery) -> String {
    let attempts = delivery.attempts.map(|attempts| attempts.to_string());
    or_dash(attempts.as_deref())
}

fn kinds(webhook: &Webhook) -> String {
    if webhook.kinds.is_empty() {
        "all".to_owned()
    } else {
        webhook.kinds.join(", ")
    }
}

fn about(webhook: &Webhook) -> String {
    match (&webhook.cloud_id, &webhook.partner_id) {
        (Some(stack), _) => format!("stack {stack}"),
        (None, Some(partner)) => format!("partner {partner}"),
        (None, None) => "everything".to_owned(),
    }
}

fn result(delivery: &WebhookDelivery) -> String {
    let (status, more) = match delivery.status {
        DeliveryStatus::Waiting => ("waiting", &delivery.answer),
        DeliveryStatus::Delivered => ("delivered", &delivery.answer),
        DeliveryStatus::GivenUp => ("given up", &delivery.because),
    };
    match more {
        Some(more) => format!("{status}: {more}"),
        None => status.to_owned(),
    }
}

/// A webhook was removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    name: &'a str,
    removed: bool,
    /// How many notices waited for it.
    not_sent: u64,
}

pub(super) async fn webhook(
    client: &Client,
    command: WebhookCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        WebhookCommand::List => WEBHOOKS.show(&client.webhooks().await?, printer),
        WebhookCommand::Set(args) => set(client, args, printer).await,
        WebhookCommand::Remove { name } => remove(client, &name, printer).await,
        WebhookCommand::Test { name } => test(client, &name, printer).await,
        WebhookCommand::Deliveries { name } => {
            DELIVERIES.show(&client.webhook_deliveries(&name).await?, printer)
        }
        WebhookCommand::Redeliver { name, notice_id } => {
            let asked = client.redeliver_to_webhook(&name, &notice_id).await?;
            printer.show(&asked, || {
                format!("Notice {notice_id} is sent to {name} again. `meterbridge webhook deliveries {name}` says what becomes of it.")
            })
        }
        WebhookCommand::Keys => KEYS.show(&client.webhook_keys().await?, printer),
    }
}

async fn set(client: &Client, args: SetWebhookArgs, printer: &Printer) -> Result<(), Failure> {
    let webhook = PutWebhook {
        url: args.to,
        kinds: args.kinds,
        cloud_id: args.stack,
        partner_id: args.partner,
    };
    let set = client.set_webhook(&args.name, &webhook).await?;
    WEBHOOKS.show_one(&set, printer)?;
    printer.note(&format!("Try it: `meterbridge webhook test {}`.", set.name));
    Ok(())
}

async fn remove(client: &Client, name: &str, printer: &Printer) -> Result<(), Failure> {
    let waited = find(client, name).await?.map_or(0, |it| it.waiting);
    client.remove_webhook(name).await?;
    let removed = Removed {
        name,
        removed: true,
        not_sent: waited,
    };
    printer.show(&removed, || match waited {
        0 => format!("Webhook {name} is removed."),
        1 => format!("Webhook {name} is removed. The notice that waited for it is not sent."),
        _ => format!("Webhook {name} is removed. The {waited} notices that waited for it are not sent."),
    })
}

async fn find(client: &Client, name: &str) -> Result<Option<Webhook>, Failure> {
    let webhooks = client.webhooks().await?;
    Ok(webhooks.into_iter().find(|it| it.name == name))
}

async fn failing(client: &Client, name: &str) -> Result<Option<Trouble>, Failure> {
    Ok(find(client, name).await?.and_then(|it| it.failing))
}

/// Tries a webhook. What it failed with before is no answer to this: the next attempt is made at once, and is.
async fn test(client: &Client, name: &str, printer: &Printer) -> Result<(), Failure> {
    let before = failing(client, name).await?;
    let asked = client.test_webhook(name).await?;
    let began = Instant::now();
    loop {
        let deliveries = client.webhook_deliveries(name).await?;
        let of_this = deliveries.into_iter().find(|it| it.notice_id == asked.notice_id);
        match of_this {
            Some(delivery) if delivery.status == DeliveryStatus::Delivered => {
                return printer.show(&delivery, || format!("The receiver of {name} took it."));
            }
            Some(delivery) if delivery.status == DeliveryStatus::GivenUp => {
                return Err(given_up(name, delivery.because.as_deref()));
            }
            _ => {}
        }
        let now = failing(client, name).await?;
        if let Some(failing) = now.filter(|now| before.as_ref() != Some(now)) {
            return Err(waits(name, &failing.because));
        }
        if began.elapsed() > TEST_WAIT {
            let seconds = TEST_WAIT.as_secs();
            return Err(waits(
                name,
                &format!("Nothing became of it in {seconds} seconds."),
            ));
        }
        tokio::time::sleep(TEST_ASKS_EVERY).await;
    }
}

fn not_taken(name: &str) -> Failure {
    Failure::new(format!("The receiver of {name} has not taken the notice.")).coded("NoticeNotTaken")
}

fn waits(name: &str, because: &str) -> Failure {
    not_taken(name).because(because).hint(format!(
        "It is tried again. Once the receiver is mended, `meterbridge webhook test {name}` has everything that waits sent at \
         once; `meterbridge webhook deliveries {name}` says what becomes of it."
    ))
}

/// It is not sent any more, most likely because the receiver answered 410.
fn given_up(name: &str, because: Option<&str>) -> Failure {
    let failure = not_taken(name).hint(format!(
        "If `meterbridge webhook list` says that {name} was stopped, set it again once its receiver is back: `meterbridge \
         webhook set {name} --to URL`. What was not sent is in `meterbridge webhook deliveries {name}`, and goes with \
         `meterbridge webhook redeliver {name} NOTICE-ID`."
    ));
    match because {
        Some(because) => failure.because(because),
        None => failure,
    }
}

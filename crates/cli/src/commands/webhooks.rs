//! `webhook`: who is told of things of the platform's own accord.

use std::time::{Duration, Instant};

use client::Client;
use serde::Serialize;
use wire::api::{DeliveryStatus, PutWebhook, Webhook, WebhookDelivery, WebhookKey};

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
    (left("RESULT").wraps(), result),
    (left("ENDED"), |it| minute_or_dash(it.ended.as_deref())),
    (left("TEXT").wraps().rank(1), |it| it.text.clone()),
]);

const KEYS: Listing<WebhookKey> = Listing(&[(left("PUBLIC KEY"), |it| it.public_key.clone())]);

fn state(webhook: &Webhook) -> String {
    match (&webhook.stopped, &webhook.failing) {
        (Some(stopped), _) => format!("stopped {}: {}", minute(&stopped.since), stopped.because),
        (None, Some(failing)) => format!("failing since {}: {}", minute(&failing.since), failing.because),
        (None, None) => "good".to_owned(),
    }
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
    match (delivery.status, &delivery.because) {
        (DeliveryStatus::Waiting, _) => "waiting".to_owned(),
        (DeliveryStatus::Delivered, _) => "delivered".to_owned(),
        (DeliveryStatus::GivenUp, Some(because)) => format!("given up: {because}"),
        (DeliveryStatus::GivenUp, None) => "given up".to_owned(),
    }
}

/// A webhook was removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    name: &'a str,
    removed: bool,
}

pub(super) async fn webhook(
    client: &Client,
    command: WebhookCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        WebhookCommand::List => WEBHOOKS.show(&client.webhooks().await?, printer),
        WebhookCommand::Set(args) => set(client, args, printer).await,
        WebhookCommand::Remove { name } => {
            client.remove_webhook(&name).await?;
            let removed = Removed {
                name: &name,
                removed: true,
            };
            printer.show(&removed, || format!("Webhook {name} is removed."))
        }
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

async fn test(client: &Client, name: &str, printer: &Printer) -> Result<(), Failure> {
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
                return Err(not_taken(name, delivery.because.as_deref()));
            }
            _ => {}
        }
        let webhooks = client.webhooks().await?;
        let failing = webhooks
            .into_iter()
            .find(|it| it.name == name)
            .and_then(|it| it.failing);
        if let Some(failing) = failing {
            return Err(not_taken(name, Some(&failing.because)));
        }
        if began.elapsed() > TEST_WAIT {
            let because = format!("Nothing became of it in {} seconds.", TEST_WAIT.as_secs());
            return Err(not_taken(name, Some(&because)));
        }
        tokio::time::sleep(TEST_ASKS_EVERY).await;
    }
}

fn not_taken(name: &str, because: Option<&str>) -> Failure {
    let failure = Failure::new(format!("The receiver of {name} has not taken the notice."))
        .coded("NoticeNotTaken")
        .hint(format!(
            "It is tried again, unless the webhook was stopped: `meterbridge webhook deliveries {name}` says what becomes of \
             it."
        ));
    match because {
        Some(because) => failure.because(because),
        None => failure,
    }
}

//! Webhooks: where others are told of their own accord, and what became of it.

use std::sync::Arc;

use app::access::Caller;
use app::webhooks::SentNotice;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::books::{Failing, Outcome, WebhookRecord};
use domain::notices::WebhookName;
use domain::timeline::Recorded;
use wire::api::{
    DeliveryStatus, InvalidMember, NoticeAsked, Page, PutWebhook, Trouble, Webhook, WebhookDelivery,
    WebhookKey,
};

use super::path_only::PathOnly;
use crate::access::By;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

fn name(params: &Params) -> Result<WebhookName, Failure> {
    params.read("webhook", "InvalidWebhookName")
}

fn stopped((since, because): (Recorded, String)) -> Trouble {
    Trouble {
        since: since.at.to_string(),
        because,
        last_attempt: None,
        attempts: None,
    }
}

fn failing(failing: Failing) -> Trouble {
    Trouble {
        since: failing.since.at.to_string(),
        because: failing.because,
        last_attempt: Some(failing.last.at.to_string()),
        attempts: said(failing.attempts),
    }
}

/// A number of attempts, if any is known of.
fn said(attempts: u32) -> Option<u32> {
    (attempts > 0).then_some(attempts)
}

fn shown(door: &Door, caller: &Caller, record: WebhookRecord) -> Webhook {
    let waiting = record.waiting().try_into().unwrap_or(u64::MAX);
    let WebhookRecord {
        webhook,
        set,
        stopped: stopped_since,
        failing: failing_since,
        ..
    } = record;
    Webhook {
        name: webhook.name.to_string(),
        url: webhook.url,
        kinds: webhook.kinds.iter().map(ToString::to_string).collect(),
        cloud_id: webhook.stack.map(|stack| stack.to_string()),
        partner_id: webhook.partner.map(|partner| partner.to_string()),
        set: set.at.to_string(),
        set_by: set.by.to_string(),
        set_by_name: door.app.name_of(caller, set.by),
        waiting,
        failing: failing_since.map(failing),
        stopped: stopped_since.map(stopped),
    }
}

fn delivery(sent: SentNotice) -> WebhookDelivery {
    let SentNotice { notice, sending } = sent;
    let (status, ended, because) = match sending.outcome {
        Outcome::Waiting => (DeliveryStatus::Waiting, None, None),
        Outcome::Delivered(at) => (DeliveryStatus::Delivered, Some(at), None),
        Outcome::GivenUp(at, because) => (DeliveryStatus::GivenUp, Some(at), Some(because)),
    };
    WebhookDelivery {
        notice_id: notice.id.to_string(),
        kind: notice.kind.to_string(),
        occurred: notice.occurred.to_string(),
        cloud_id: notice.stack.map(|stack| stack.to_string()),
        text: notice.text,
        asked: sending.asked.at.to_string(),
        asked_again: sending.again.map(|recorded| recorded.at.to_string()),
        status,
        ended: ended.map(|recorded| recorded.at.to_string()),
        because,
        attempts: said(sending.attempts),
        answer: Some(sending.answer).filter(|it| !it.is_empty()),
    }
}

/// Lists the webhooks: where notices are sent, how many wait, and whether a receiver takes nothing.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(super::documents::Paging),
    responses((status = 200, body = Page<Webhook>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Webhook>>, Failure> {
    let page = PageRequest::<String>::of_own(&query)?;
    let all = door.app.webhooks(&caller)?;
    let key = |record: &WebhookRecord| record.webhook.name.to_string();
    let page = page.page_of_all(all, key, &door.base(&uri));
    Ok(page.shown(|record| shown(&door, &caller, record)))
}

/// Sets a webhook. What waits for one of this name goes where this one says, at once; one that its receiver stopped begins
/// anew.
#[utoipa::path(put, path = "/api/v1/webhooks/{webhook}", tag = "webhooks",
    params(("webhook" = String, Path)), request_body = PutWebhook,
    responses((status = 201, body = Webhook), (status = 200, body = Webhook, description = "It was there already")))]
pub(crate) async fn set(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(put): body::Json<PutWebhook>,
) -> Result<(StatusCode, Json<Webhook>), Failure> {
    query.only(&[])?;
    let mut webhook = put.into_domain(name(&params)?)?;
    let url = door.webhooks.destination(&webhook.url);
    webhook.url =
        url.map_err(|bad| Failure::invalid(InvalidMember::CODE, format!("url: {bad}.")).about("url"))?;
    let (created, record) = door.app.set_webhook(&caller, webhook).await?;
    door.webhooks.look_now();
    Ok((status(created), Json(shown(&door, &caller, record))))
}

/// Removes a webhook. What waits for it is not sent.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}", tag = "webhooks",
    params(("webhook" = String, Path)), responses((status = 204, description = "It is removed")))]
pub(crate) async fn remove(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app.remove_webhook(&caller, &name(&params)?).await?;
    door.webhooks.look_now();
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a webhook a notice that nothing happened, after those that wait, which are tried at once. What became of it is in
/// its deliveries.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/test", tag = "webhooks",
    params(("webhook" = String, Path)), responses((status = 202, body = NoticeAsked)))]
pub(crate) async fn test(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<(StatusCode, Json<NoticeAsked>), Failure> {
    let notice = door.app.test_webhook(&caller, &name(&params)?).await?;
    door.webhooks.look_now();
    let notice_id = notice.to_string();
    Ok((StatusCode::ACCEPTED, Json(NoticeAsked { notice_id })))
}

/// Lists the last notices that were for a webhook and what became of each, the one that was asked for last first.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/deliveries", tag = "webhooks",
    params(("webhook" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<WebhookDelivery>)))]
pub(crate) async fn deliveries(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<WebhookDelivery>>, Failure> {
    let page = PageRequest::<u64>::of_own(&query)?;
    let all = door.app.sent_notices(&caller, &name(&params)?)?;
    let newest_first = |sent: &SentNotice| u64::MAX - sent.sending.last_asked().entry;
    let page = page.page_of_all(all, newest_first, &door.base(&uri));
    Ok(page.shown(delivery))
}

/// Sends a notice to a webhook again, under the same id, after those that wait, which are tried at once. One that waits
/// because the receiver takes nothing keeps its place.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/deliveries/{noticeId}/redeliver", tag = "webhooks",
    params(("webhook" = String, Path), ("noticeId" = String, Path)), responses((status = 202, body = NoticeAsked)))]
pub(crate) async fn redeliver(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<(StatusCode, Json<NoticeAsked>), Failure> {
    let notice = params.read("noticeId", "InvalidNoticeId")?;
    door.app
        .send_notice_again(&caller, &name(&params)?, notice)
        .await?;
    door.webhooks.look_now();
    let notice_id = notice.to_string();
    Ok((StatusCode::ACCEPTED, Json(NoticeAsked { notice_id })))
}

/// Lists the keys that notices are signed with, the newest first. They are no secret: whoever receives notices asks for
/// them once, and verifies with them that a notice comes from here.
#[utoipa::path(get, path = "/api/v1/webhook-keys", tag = "webhooks", security(()),
    responses((status = 200, body = Page<WebhookKey>)))]
pub(crate) async fn keys(
    State(door): State<Arc<Door>>,
    query: Query,
) -> Result<Json<Page<WebhookKey>>, Failure> {
    query.only(&[])?;
    let read = tokio::task::spawn_blocking(move || door.webhooks.keys()).await;
    let keys = read.map_err(|error| Failure::internal(error.to_string()))?;
    let keys = keys.map_err(|error| Failure::internal(error.to_string()))?;
    let value = keys
        .public()
        .map(|public_key| WebhookKey { public_key })
        .collect();
    Ok(Json(Page {
        value,
        next_link: None,
    }))
}

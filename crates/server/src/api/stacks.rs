//! Stacks: which there are, what they delivered, and their directories.

use std::sync::Arc;

use app::directory::Carried;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use domain::time::{Timestamp, parse_timestamp};
use store::Receipt as StoredReceipt;
use wire::api::{DirectoryTaken, Page, Receipt, Stack};
use wire::stack_admin::SubscriptionList;

use super::registrations;
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::{Query, excerpt};

/// Lists the registered stacks that the caller sees by cloud id, with the hour up to which each has reported.
#[utoipa::path(get, path = "/api/v1/stacks", tag = "stacks", params(super::documents::Paging),
    responses((status = 200, body = Page<Stack>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Stack>>, Failure> {
    let page = PageRequest::of_own(&query)?;
    let page = page.page_of_all(
        door.app.stacks_seen(&caller),
        domain::registration::Registration::cloud_id,
        &door.base(&uri),
    );
    let mut value = Vec::with_capacity(page.items.len());
    for registration in page.items {
        let reported_through = door
            .app
            .reported_through(&caller, registration.cloud_id())
            .await?;
        value.push(registrations::stack(&door.app, &registration, reported_through));
    }
    Ok(Json(Page {
        value,
        next_link: page.next_link,
    }))
}

/// Lists the receipts of a stack by sequence: those of what it delivered under registrations that the caller sees.
#[utoipa::path(get, path = "/api/v1/stacks/{cloudId}/receipts", tag = "stacks",
    params(("cloudId" = String, Path), super::documents::Paging), responses((status = 200, body = Page<Receipt>)))]
pub(crate) async fn receipts(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Receipt>>, Failure> {
    let page = PageRequest::<u64>::of_own(&query)?;
    let after = page.after.unwrap_or_default();
    let receipts = door
        .app
        .receipts(&caller, params.cloud_id()?, after, page.items_wanted())
        .await?;
    Ok(page
        .page(receipts, |it| it.sequence, &door.base(&uri))
        .shown(|it| receipt(&it)))
}

pub(super) fn receipt(stored: &StoredReceipt) -> Receipt {
    let StoredReceipt { window, counts, .. } = stored;
    let hex = |bytes: [u8; 32]| blake3::Hash::from_bytes(bytes).to_hex().to_string();
    Receipt {
        batch_id: stored.batch.to_string(),
        sequence: stored.sequence,
        received_at: stored.received_at.to_string(),
        reported_start: window.start.to_string(),
        reported_end: window.end.map(|hour| hour.to_string()),
        reported_through: window.through.map(|hour| hour.to_string()),
        received: counts.received,
        accepted: counts.accepted,
        duplicate: counts.duplicate,
        revised: counts.revised,
        revised_not_counting: stored.revised_not_counting,
        quarantined: counts.quarantined,
        still_quarantined: stored.still_quarantined,
        released: stored.released,
        digest: hex(stored.digest),
        kept: stored.kept.map(|kept| kept.sayings),
        kept_digest: stored.kept.map(|kept| hex(kept.digest)),
        chain: hex(stored.chain),
    }
}

fn as_of(text: &str) -> Result<Timestamp, Failure> {
    parse_timestamp(text).map_err(|error| {
        let message = format!("The query parameter asOf is '{}': {error}.", excerpt(text));
        Failure::invalid("InvalidTime", message).about("asOf")
    })
}

/// Takes in what a stack's directory lists: the body is what its `Microsoft.Subscriptions.Admin/subscriptions` returns, or
/// returned when it was read, or when the file was made that it was carried in. Who pays for which hours depends on when it
/// was listed, and not on when it came.
#[utoipa::path(put, path = "/api/v1/stacks/{cloudId}/subscriptions", tag = "stacks",
    params(
        ("cloudId" = String, Path),
        ("asOf" = Option<String>, Query,
            description = "When the stack listed this, if it was carried in a file or waited for the server; just now without \
                           it. Not in the future and not before the stack's registration. The first one of a stack without \
                           a bundle key has to come within the hour"),
    ),
    request_body = SubscriptionList,
    responses((status = 200, body = DirectoryTaken)))]
pub(crate) async fn put_directory(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    request: Request,
) -> Result<Json<DirectoryTaken>, Failure> {
    query.only(&["asOf"])?;
    let made_at = query.text("asOf")?.map(as_of).transpose()?;
    let (list, digest): (SubscriptionList, _) = body::json_delivery_with_digest(&door, request).await?;
    let listing = list.into_domain()?;
    let carried = made_at.map(|made_at| Carried { made_at, digest });
    let stack = params.cloud_id()?;
    let taken = door.app.take_directory(&caller, stack, &listing, carried).await?;
    Ok(Json(DirectoryTaken {
        listed: taken.listed,
        added: taken.added,
        changed: taken.changed,
        registered_from: door.app.registered_from(stack).map(|hour| hour.to_string()),
    }))
}

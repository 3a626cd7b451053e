//! Usage: taking it in, and showing what was taken in.

use std::sync::Arc;

use app::usage::Delivery;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use domain::ids::CloudId;
use domain::time::Hour;
use store::{DeliveredRecord, Receipt};
use tracing::Span;
use wire::usage::{Format, parse_delivery};

use crate::Door;
use crate::body::{self, Held};
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// One delivery as it came in, its body not yet read.
struct Incoming {
    stack: CloudId,
    format: Format,
    idempotency_key: Option<String>,
    reported_start: Option<Hour>,
    reported_end: Option<Hour>,
    reported_through: Option<Hour>,
}

impl Incoming {
    fn of(params: &Params, query: &Query, headers: &HeaderMap) -> Result<Self, Failure> {
        query.only(&["reportedStart", "reportedEnd", "reportedThrough"])?;
        Ok(Self {
            stack: params.cloud_id()?,
            format: format(headers)?,
            idempotency_key: idempotency_key(headers)?,
            reported_start: query.hour("reportedStart")?,
            reported_end: query.hour("reportedEnd")?,
            reported_through: query.hour("reportedThrough")?,
        })
    }
}

fn format(headers: &HeaderMap) -> Result<Format, Failure> {
    match body::media_type(headers) {
        Some(given) if given.eq_ignore_ascii_case("application/json") => Ok(Format::Json),
        Some(given) if given.eq_ignore_ascii_case("application/x-ndjson") => Ok(Format::Ndjson),
        _ => Err(Failure::unsupported_media_type(
            "Expected a body with Content-Type application/json, as the provider usage API returns it, or \
             application/x-ndjson, with one of its items in each line.",
        )),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().map_err(|_| {
        let message = "Expected an idempotency key in ASCII.";
        Failure::invalid("InvalidIdempotencyKey", message).about(IDEMPOTENCY_KEY)
    })?;
    Ok(Some(text.to_owned()))
}

/// Takes in one delivery.
pub(crate) async fn deliver(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
    request: Request,
) -> Result<Receipt, Failure> {
    let (parts, body) = request.into_parts();
    let incoming = Incoming::of(&params, &query, &parts.headers)?;
    let limits = &door.limits;
    let held = body::hold(&door.memory, &parts.headers, body, limits.body_bytes_max, limits.body_timeout).await?;
    let place = door.deliveries.acquire().await.map_err(|_| Failure::too_many_deliveries())?;
    let bytes = held.len();
    let receipt = take_in(Arc::clone(&door), incoming, held).await?;
    drop(place);
    door.metrics.count_batch(&receipt.counts, bytes);
    Ok(receipt)
}

/// Parses and stores on a thread where nobody is held up. A client that goes away does not end it half way.
async fn take_in(door: Arc<Door>, incoming: Incoming, body: Held) -> Result<Receipt, Failure> {
    let (runtime, span) = (tokio::runtime::Handle::current(), Span::current());
    let work = move || {
        let _in_request = span.enter();
        let mut parsed = parse_delivery(&body, incoming.format)
            .map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
        let records = std::mem::take(&mut parsed.records).into_iter();
        let records: Vec<_> = records.map(|it| DeliveredRecord { index: it.index, record: it.record }).collect();
        let delivery = Delivery {
            stack: incoming.stack,
            reported_start: incoming.reported_start,
            reported_end: incoming.reported_end,
            reported_through: incoming.reported_through,
            idempotency_key: incoming.idempotency_key.as_deref(),
            digest: blake3::hash(&body).into(),
            records: &records,
            quarantined: &parsed.quarantined,
            raw: &|index| parsed.raw(index).unwrap_or_default().into_owned(),
        };
        runtime.block_on(door.app.deliver_usage(delivery)).map_err(Failure::from)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::internal(format!("a delivery was not taken in: {error}"))))
}

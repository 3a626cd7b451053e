//! Usage: taking it in.

use std::sync::Arc;

use app::usage::{Delivered, Delivery, Unregistered};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use domain::ids::CloudId;
use domain::time::Hour;
use store::{DeliveredRecord, Link, Receipt};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;
use wire::api::{self, DeliveryReceipt, KNOWN_RECEIPTS, KnownReceipts};
use wire::bundle::digested_parameters;
use wire::usage::{Format, UsagePage, parse_delivery};

use crate::Door;
use crate::body::{self, Held};
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Is there where an answer is the first one, given again.
const REPEATED: &str = "x-meterbridge-repeated";

/// With an answer that was given before goes a header that says so.
type Repeated = Option<[(&'static str, &'static str); 1]>;

/// One delivery as it came in, its body not yet read.
struct Incoming {
    stack: CloudId,
    format: Format,
    idempotency_key: Option<String>,
    known_receipts: Vec<Link>,
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
            known_receipts: known_receipts(headers)?,
            reported_start: query.hour("reportedStart")?,
            reported_end: query.hour("reportedEnd")?,
            reported_through: query.hour("reportedThrough")?,
        })
    }

    /// BLAKE3 of the body and, after it, a line feed and `name=hour` for each parameter that is named. A window says
    /// when records were reported, so a body that comes with another one is another delivery.
    fn digest(&self, body: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(body);
        let parameters = digested_parameters(self.reported_start, self.reported_end, self.reported_through);
        hasher.update(parameters.as_bytes());
        hasher.finalize().into()
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
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        let message = "Expected an idempotency key in ASCII.";
        Failure::invalid("InvalidIdempotencyKey", message).about(IDEMPOTENCY_KEY)
    })?;
    Ok(Some(text.to_owned()))
}

/// The receipts that the deliverer relies on. A header that stands in several lines is as one with commas between them
/// (RFC 9110, section 5.3).
fn known_receipts(headers: &HeaderMap) -> Result<Vec<Link>, Failure> {
    let lines = headers.get_all(KNOWN_RECEIPTS).iter();
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or_default()).collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let known: Result<KnownReceipts, _> = lines.join(",").parse();
    let known = known.map_err(|error| {
        let message = format!("The header {KNOWN_RECEIPTS} cannot be read: {error}.");
        Failure::invalid("InvalidKnownReceipts", message).about(KNOWN_RECEIPTS)
    })?;
    let links = known.0.into_iter().map(|it| Link {
        sequence: it.sequence,
        chain: it.chain,
    });
    Ok(links.collect())
}

/// Takes in one delivery of a stack's usage: what its provider usage API returns, or the same items as NDJSON. What is
/// acknowledged is durable; a record that cannot be counted is put into quarantine and never costs its neighbours.
#[utoipa::path(post, path = "/api/v1/stacks/{cloudId}/usage", tag = "stacks",
    params(
        ("cloudId" = String, Path),
        ("reportedStart" = Option<String>, Query,
            description = "The start of the reported-time window that the records were read from: their reported time"),
        ("reportedEnd" = Option<String>, Query, description = "The end of that window"),
        ("reportedThrough" = Option<String>, Query, 
            description = "The stack has reported completely up to this hour: from reportedStart on, where reportedEnd is \
                           named too; else everything before. It is after reportedStart and not after reportedEnd, as far \
                           as these are named"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "The client's name for this delivery: the answer to a repeated one, with the same body, Content-Type \
                           and parameters, is the first answer, and has the header x-meterbridge-repeated"),
        ("x-meterbridge-known-receipts" = Option<String>, Header,
            description = "Receipts that the client relies on, at most 16: `sequence:chain` as the answers to earlier \
                           deliveries had them, with commas between them. If one of them is not here, as after a restore \
                           from a backup, nothing is stored, and the answer is 409 ReceiptNotKnown"),
    ),
    request_body(
        description = "A page as the stack's provider usage API returns it or, as NDJSON, one UsageAggregate in each line. \
                       Content-Encoding gzip and zstd are read.",
        content((UsagePage = "application/json"), (String = "application/x-ndjson")),
    ),
    responses((status = 200, body = DeliveryReceipt)))]
pub(crate) async fn deliver(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
    request: Request,
) -> Result<(Repeated, Json<DeliveryReceipt>), Failure> {
    let incoming = Incoming::of(&params, &query, request.headers())?;
    let held = body::delivery(&door, request).await?;
    let place = Arc::clone(&door.deliveries).acquire_owned().await;
    let place = place.map_err(|_| Failure::too_many_deliveries())?;
    let bytes = held.len();
    let delivered = take_in(Arc::clone(&door), incoming, held, place).await?;
    door.metrics.count_batch(&delivered.receipt.counts, bytes);
    let repeated = delivered.repeated.then_some([(REPEATED, "true")]);
    Ok((repeated, Json(shown(delivered))))
}

fn shown(delivered: Delivered) -> DeliveryReceipt {
    let Delivered {
        receipt,
        unregistered,
        ..
    } = delivered;
    let Receipt {
        batch,
        sequence,
        chain,
        counts,
        problems,
        still_quarantined,
        revised_not_counting,
        ..
    } = receipt;
    let problems = problems.into_iter().map(|problem| api::Problem {
        index: problem.index,
        code: problem.code.to_string(),
        message: problem.message,
    });
    DeliveryReceipt {
        batch_id: batch.to_string(),
        sequence,
        chain: blake3::Hash::from_bytes(chain).to_hex().to_string(),
        accepted: counts.accepted,
        duplicate: counts.duplicate,
        revised: counts.revised,
        revised_not_counting,
        quarantined: counts.quarantined,
        still_quarantined,
        problems: problems.collect(),
        unregistered: unregistered.as_ref().map_or(0, |it| it.records),
        warnings: unregistered.iter().map(warning).collect(),
    }
}

fn warning(unregistered: &Unregistered) -> api::Warning {
    api::Warning {
        code: Unregistered::CODE.to_owned(),
        message: unregistered.to_string(),
    }
}

/// Parses and stores on a thread where nobody is held up. The place and the memory are taken until that is done, even
/// if nobody waits for it any more.
async fn take_in(
    door: Arc<Door>,
    incoming: Incoming,
    body: Held,
    place: OwnedSemaphorePermit,
) -> Result<Delivered, Failure> {
    let (runtime, span) = (tokio::runtime::Handle::current(), Span::current());
    let work = move || {
        let (_in_request, _place) = (span.enter(), place);
        let mut parsed = parse_delivery(&body, incoming.format)
            .map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
        let records = std::mem::take(&mut parsed.records).into_iter();
        let records: Vec<_> = records
            .map(|it| DeliveredRecord {
                index: it.index,
                record: it.record,
            })
            .collect();
        let delivery = Delivery {
            stack: incoming.stack,
            reported_start: incoming.reported_start,
            reported_end: incoming.reported_end,
            reported_through: incoming.reported_through,
            idempotency_key: incoming.idempotency_key.as_deref(),
            known_receipts: &incoming.known_receipts,
            digest: incoming.digest(&body),
            records: &records,
            quarantined: &parsed.quarantined,
            raw: &|index| parsed.raw(index).unwrap_or_default().into_owned(),
        };
        runtime
            .block_on(door.app.deliver_usage(delivery))
            .map_err(Failure::from)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::internal(format!("a delivery was not taken in: {error}"))))
}

//! The quarantine: what is in it and why, and what is done about it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use app::quarantine::{Acted, PastAct, PurgeAsked, ReleaseAsked, Selection, Stopped};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use domain::ids::CloudId;
use domain::quarantine::SearchText;
use domain::time::{Hour, HourInterval};
use domain::usage::{QuarantineCode, UsageRecord};
use store::{
    NotCounting, Purged, QuarantineFilter, QuarantinePage, QuarantineState, Receipt, RefusedAgain, Released,
};
use wire::api::{
    self, InvalidMember, Page, PurgeQuarantined, QuarantineAct, QuarantineCount, QuarantinePurged,
    QuarantineReleased, QuarantineSelection, QuarantinedRecord, ReleaseQuarantined, ReleaseStopped,
    ReleaseWarning, ReleasedBatch, ReleasedNotCounting, StillWaiting,
};
use wire::usage::{Defect, read_record};

use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::{Failure, Logged};
use crate::pages::{self, PageRequest};
use crate::query::Query;

/// A state, as a query names it.
struct StateNamed(QuarantineState);

impl FromStr for StateNamed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut all = QuarantineState::ALL.into_iter();
        let found = all.find(|state| state.as_str() == text);
        found.map(Self).ok_or("expected waiting, released or purged")
    }
}

/// A position, as a query names it: a number of at most 63 bits, which is all that the description of numbers in JSON knows.
struct PositionNamed(u64);

impl FromStr for PositionNamed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let position = text.parse::<i64>().ok().and_then(|it| u64::try_from(it).ok());
        position
            .map(Self)
            .ok_or("expected the number of a record, such as 17")
    }
}

/// Lists records that wait in quarantine, or did, in the order in which they came there.
#[utoipa::path(get, path = "/api/v1/quarantine", tag = "quarantine",
    params(
        ("position" = Option<u64>, Query, description = "The one at this position, whatever has become of it"),
        ("cloudId" = Option<String>, Query, description = "Of this stack only"),
        ("state" = Option<String>, Query, description = "`waiting`, which is usual, `released` or `purged`"),
        ("code" = Option<String>, Query, description = "Those that cannot be counted for this reason"),
        ("batchId" = Option<String>, Query, description = "Those that came in this batch"),
        ("receivedFrom" = Option<String>, Query, description = "The first hour in which they were received"),
        ("receivedTo" = Option<String>, Query, description = "The first hour in which they were not received any more"),
        ("containing" = Option<String>, Query,
            description = "Those with this text in what is wrong or in what was sent, exactly so"),
        super::documents::Paging,
    ),
    responses((status = 200, body = Page<QuarantinedRecord>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<QuarantinedRecord>>, Failure> {
    query.only(&[
        "position",
        "cloudId",
        "state",
        "code",
        "batchId",
        "receivedFrom",
        "receivedTo",
        "containing",
        pages::OWN.token,
        pages::OWN.top,
    ])?;
    let page = PageRequest::<u64>::of(&query, pages::OWN)?;
    let state: Option<StateNamed> = query.read("state", "InvalidQuarantineState")?;
    let containing: Option<SearchText> = query.read("containing", "InvalidSearchText")?;
    let filter = QuarantineFilter {
        stack: query.read("cloudId", "InvalidCloudId")?,
        state: state.map_or(QuarantineState::Waiting, |state| state.0),
        code: query.read("code", "InvalidQuarantineCode")?,
        batch: query.read("batchId", "InvalidBatchId")?,
        received: received(&query)?,
        containing: containing.map(SearchText::into_string),
    };
    let after = page.after.unwrap_or_default();
    let QuarantinePage { records, more } = match query.read("position", "InvalidPosition")? {
        Some(PositionNamed(position)) => door.app.quarantined_at(position).await?,
        None => door.app.quarantine(&filter, after, page.items_max()).await?,
    };
    Ok(page
        .page_of_some(records, more, |it| it.position, &door.base(&uri))
        .shown(shown))
}

fn received(query: &Query) -> Result<Option<HourInterval>, Failure> {
    let (from, to) = (query.hour("receivedFrom")?, query.hour("receivedTo")?);
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let hours = HourInterval::new(from.unwrap_or(Hour::MIN), to.unwrap_or(Hour::MAX));
    hours.map(Some).ok_or_else(|| {
        let message = "The query parameter receivedTo is not after receivedFrom. Expected a later hour.";
        Failure::invalid("InvalidTime", message).about("receivedTo")
    })
}

fn shown(record: store::QuarantinedRecord) -> QuarantinedRecord {
    QuarantinedRecord {
        position: record.position,
        cloud_id: record.stack.to_string(),
        batch_id: record.batch.to_string(),
        received_at: record.received_at.to_string(),
        reported: record.reported.to_string(),
        index: record.index,
        state: record.state().as_str().to_owned(),
        first_code: (record.first_code != record.code).then(|| record.first_code.to_string()),
        code: record.code.to_string(),
        message: record.message,
        raw: record.raw,
        raw_bytes: record.raw_bytes,
        raw_digest: record
            .raw_digest
            .map(|digest| blake3::Hash::from_bytes(digest).to_hex().to_string()),
        mended: record.mended,
        act_id: record.act.map(|act| act.to_string()),
        released_by: record.released_by.map(|batch| batch.to_string()),
    }
}

/// Counts the records that wait in quarantine, by stack and reason.
#[utoipa::path(get, path = "/api/v1/quarantine/summary", tag = "quarantine",
    params(("cloudId" = Option<String>, Query, description = "Of this stack only"), super::documents::Paging),
    responses((status = 200, body = Page<QuarantineCount>)))]
pub(crate) async fn summary(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<QuarantineCount>>, Failure> {
    query.only(&["cloudId", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::<Counted>::of(&query, pages::OWN)?;
    let stack = query.read("cloudId", "InvalidCloudId")?;
    let mut counts = door.app.quarantine_counts(stack).await?;
    if let Some(Counted(stack, code)) = &page.after {
        counts.retain(|it| (it.stack, it.code.as_str()) > (*stack, code.as_str()));
    }
    counts.truncate(page.items_wanted());
    let page = page.page(counts, |it| Counted(it.stack, it.code), &door.base(&uri));
    Ok(page.shown(|it| QuarantineCount {
        cloud_id: it.stack.to_string(),
        code: it.code.to_string(),
        records: it.records,
        first_received: it.first_received.to_string(),
        last_received: it.last_received.to_string(),
    }))
}

/// A place among the counts, as a token carries it.
struct Counted(CloudId, QuarantineCode);

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for Counted {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stack, code) = text.split_once('/').ok_or(())?;
        Ok(Self(
            stack.parse().map_err(|_| ())?,
            code.parse().map_err(|_| ())?,
        ))
    }
}

/// Lists what was done with records in quarantine, in the order in which it was entered in the books.
#[utoipa::path(get, path = "/api/v1/quarantine/history", tag = "quarantine",
    params(super::documents::Paging), responses((status = 200, body = Page<QuarantineAct>)))]
pub(crate) async fn history(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<QuarantineAct>>, Failure> {
    let page = PageRequest::<u64>::of_own(&query)?;
    let after = page.after.unwrap_or_default();
    let acts = door
        .app
        .quarantine_history(&caller, after, page.items_wanted())
        .await?;
    Ok(page
        .page(acts, |it| it.recorded.entry, &door.base(&uri))
        .shown(past))
}

fn past(past: PastAct) -> QuarantineAct {
    let PastAct {
        act,
        recorded,
        by_name,
        outcome,
    } = past;
    QuarantineAct {
        entry: recorded.entry,
        act_id: act.id.to_string(),
        at: recorded.at.to_string(),
        by: recorded.by.to_string(),
        by_name,
        act: act.kind.as_str().to_owned(),
        positions: act.records.to_string(),
        mended: (!act.mended.is_empty()).then(|| act.mended.to_string()),
        reason: act.reason.to_string(),
        named: u64::try_from(act.records.len()).unwrap_or(u64::MAX),
        done: outcome.records,
        batches: outcome.batches.iter().map(ToString::to_string).collect(),
    }
}

/// Has records read again, and counted if they can be: as if they had been delivered so at the reported time of their
/// delivery. Records that still cannot be counted wait on, with the reason that was found now. Each stack and reported time
/// has a batch with a receipt of its own. Done again it changes nothing. If the storage fails when a part was released, the
/// answer is 207: it says what was done, and in `stopped` what was not, which waits on.
#[utoipa::path(post, path = "/api/v1/quarantine/release", tag = "quarantine", request_body = ReleaseQuarantined,
    responses((status = 200, body = QuarantineReleased),
        (status = 207, body = QuarantineReleased, description = "A part was released, and then the storage failed")))]
pub(crate) async fn release(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(request): body::Json<ReleaseQuarantined>,
) -> Result<(StatusCode, Option<Extension<Logged>>, Json<QuarantineReleased>), Failure> {
    query.only(&[])?;
    let dry_run = request.dry_run;
    let mended = request.mended()?;
    let mut warnings = warnings(&mended);
    let asked = ReleaseAsked {
        records: selection(&request.records)?,
        mended,
        reason: request.reason()?,
        dry_run,
    };
    let Acted {
        act,
        outcome,
        unknown,
        stopped,
    } = door.app.release_quarantined(&caller, asked, read).await?;
    let Released {
        receipts,
        not_counting,
        refused,
        gone,
    } = outcome;
    let is_left = |position: u64| stopped.as_ref().is_some_and(|it| it.left.contains(&position));
    let is_refused = |position: u64| refused.iter().any(|it| it.position == position);
    let stays = |position: u64| gone.contains(&position) || is_refused(position) || is_left(position);
    warnings.retain(|it| !stays(it.position));
    let logged = stopped.as_ref().map(|it| Extension(Logged::of(&it.error)));
    // Who looks at the status alone does not take it for done.
    let status = match &stopped {
        Some(_) => StatusCode::MULTI_STATUS,
        None => StatusCode::OK,
    };
    let left = stopped.iter().flat_map(|it| {
        it.left.iter().map(|position| StillWaiting {
            position: *position,
            code: it.error.code.to_owned(),
            message: it.error.message.clone(),
        })
    });
    let left: Vec<StillWaiting> = left.collect();
    let released = QuarantineReleased {
        act_id: act.map(|act| act.to_string()),
        dry_run,
        released: receipts.iter().map(|it| it.counts.received).sum(),
        batches: receipts.iter().map(batch).collect(),
        not_counting: not_counting.iter().map(released_not_counting).collect(),
        warnings,
        waiting: refused.into_iter().map(still_waiting).chain(left).collect(),
        gone,
        unknown,
        stopped: stopped.map(release_stopped),
    };
    Ok((status, logged, Json(released)))
}

fn release_stopped(Stopped { error, left }: Stopped) -> ReleaseStopped {
    ReleaseStopped {
        code: error.code.to_owned(),
        message: error.message,
        left,
    }
}

fn read(text: &str) -> Result<UsageRecord<'_>, (QuarantineCode, String)> {
    read_record(text).map_err(|Defect { code, message }| (code, message))
}

/// What is worth a look at mended texts. In a page of a stack nothing is said about it: there it is the stack that says so.
fn warnings(mended: &BTreeMap<u64, String>) -> Vec<ReleaseWarning> {
    let warning = |(position, text): (&u64, &String)| {
        let record = read_record(text).ok()?;
        let message = format!(
            "properties.subscriptionId is {}, and resourceUri is of {}: expected the same in both",
            record.local_subscription,
            record.other_subscription()?
        );
        Some(ReleaseWarning {
            position: *position,
            code: "SubscriptionMismatch".to_owned(),
            message,
        })
    };
    mended.iter().filter_map(warning).collect()
}

fn batch(receipt: &Receipt) -> ReleasedBatch {
    ReleasedBatch {
        batch_id: receipt.batch.to_string(),
        cloud_id: receipt.stack.to_string(),
        reported: receipt.window.start.to_string(),
        accepted: receipt.counts.accepted,
        duplicate: receipt.counts.duplicate,
        revised: receipt.counts.revised,
        revised_not_counting: receipt.revised_not_counting,
    }
}

fn released_not_counting(record: &NotCounting) -> ReleasedNotCounting {
    ReleasedNotCounting {
        position: record.position,
        counts: record.counts.quantity.to_string(),
        reported: record.counts.reported.to_string(),
    }
}

fn still_waiting(refused: RefusedAgain) -> StillWaiting {
    StillWaiting {
        position: refused.position,
        code: refused.code.to_string(),
        message: refused.message,
    }
}

/// Removes the texts of records that wait for good. That they were there stays, with their codes and the digests of their
/// texts, and they are never counted.
#[utoipa::path(post, path = "/api/v1/quarantine/purge", tag = "quarantine", request_body = PurgeQuarantined,
    responses((status = 200, body = QuarantinePurged)))]
pub(crate) async fn purge(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(request): body::Json<PurgeQuarantined>,
) -> Result<Json<QuarantinePurged>, Failure> {
    query.only(&[])?;
    let dry_run = request.dry_run;
    let asked = PurgeAsked {
        records: selection(&request.records)?,
        reason: request.reason()?,
        dry_run,
    };
    let Acted {
        act,
        outcome,
        unknown,
        ..
    } = door.app.purge_quarantined(&caller, asked).await?;
    let Purged { purged, gone } = outcome;
    Ok(Json(QuarantinePurged {
        act_id: act.map(|act| act.to_string()),
        dry_run,
        purged,
        gone,
        unknown,
    }))
}

fn selection(selection: &QuarantineSelection) -> Result<Selection, InvalidMember> {
    if let Some(positions) = selection.positions()? {
        return Ok(Selection::At(positions));
    }
    let filter = selection.filter.clone().unwrap_or_default();
    Ok(Selection::Fitting {
        filter: waiting(&filter)?,
        expected: selection.expected_count,
    })
}

fn waiting(filter: &api::QuarantineFilter) -> Result<QuarantineFilter, InvalidMember> {
    Ok(QuarantineFilter {
        stack: filter.cloud_id()?,
        state: QuarantineState::Waiting,
        code: filter.code()?,
        batch: filter.batch_id()?,
        received: filter.received()?,
        containing: filter.containing()?.map(SearchText::into_string),
    })
}

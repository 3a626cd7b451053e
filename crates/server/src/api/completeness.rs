//! What is missing of the stacks' usage.

use std::sync::Arc;

use app::completeness::StackCompleteness as Completeness;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::catalog::Catalog;
use domain::completeness as rules;
use domain::time::{Hour, HourInterval, Period};
use wire::api::{
    CompletenessFinding, HourCompleteness, HourCounts, HourState, Page, SilentSeries, StackCompleteness,
    StackCompletenessByHour,
};

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::limits::COMPLETENESS_ITEMS_MAX;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// Lists what is here and what is missing of a month's usage of each stack that was registered in it.
#[utoipa::path(get, path = "/api/v1/completeness", tag = "stacks",
    params(
        ("period" = Option<String>, Query, description = "A calendar month such as 2026-10; this month without one"),
        super::documents::Paging,
    ),
    responses((status = 200, body = Page<StackCompleteness>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<StackCompleteness>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::of(&query, pages::OWN)?.at_most(COMPLETENESS_ITEMS_MAX);
    let period = month(&door, &query)?;
    let stacks = door
        .app
        .completeness_of_all(&caller, period, page.after, page.items_wanted())
        .await?;
    Ok(page
        .page(stacks, |it| it.stack, &door.base(&uri))
        .shown(|it| summary(&it, period)))
}

/// Tells hour by hour what is here and what is missing of a stack's usage of a month.
#[utoipa::path(get, path = "/api/v1/stacks/{cloudId}/completeness", tag = "stacks",
    params(
        ("cloudId" = String, Path),
        ("period" = Option<String>, Query, description = "A calendar month such as 2026-10; this month without one"),
    ),
    responses((status = 200, body = StackCompletenessByHour)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<StackCompletenessByHour>, Failure> {
    query.only(&["period"])?;
    let period = month(&door, &query)?;
    let completeness = door.app.completeness(&caller, params.cloud_id()?, period).await?;
    let latest = completeness.latest;
    let silent = completeness.silence.series.iter();
    Ok(Json(StackCompletenessByHour {
        summary: summary(&completeness, period),
        hours: completeness.hours.iter().map(hour).collect(),
        silent_series: silent
            .map(|it| silent_series(it, latest, door.app.catalog()))
            .collect(),
    }))
}

fn month(door: &Door, query: &Query) -> Result<Period, Failure> {
    let asked = query.read("period", "InvalidPeriod")?;
    Ok(asked.unwrap_or_else(|| Hour::containing(door.app.clock().now()).period()))
}

fn summary(it: &Completeness, period: Period) -> StackCompleteness {
    StackCompleteness {
        cloud_id: it.stack.to_string(),
        stack_name: it.stack_name.clone(),
        period: period.to_string(),
        reported_through: it.reported_through.map(|hour| hour.to_string()),
        behind_since: it.behind.map(|behind| behind.start().to_string()),
        behind_hours: it.behind.map_or(0, HourInterval::hours),
        next_bundle_by: it.next_bundle_by.map(|hour| hour.to_string()),
        complete: it.is_complete(),
        hour_counts: HourCounts {
            complete: it.count(rules::HourState::Complete),
            received: it.count(rules::HourState::Received),
            not_read: it.count(rules::HourState::NotRead),
            gap: it.count(rules::HourState::Gap),
            not_yet_due: it.count(rules::HourState::NotYetDue),
            not_asked: it.count(rules::HourState::NotAsked),
            not_registered: it.count(rules::HourState::NotRegistered),
        },
        received: it.hours.iter().map(|hour| hour.received).sum(),
        expected: it.hours.iter().map(|hour| hour.due).sum(),
        findings: it.findings.iter().map(finding).collect(),
        silent_series_count: it.silence.total(),
    }
}

fn finding(finding: &rules::Finding) -> CompletenessFinding {
    CompletenessFinding {
        id: finding.id().to_string(),
        code: finding.kind.code().to_owned(),
        missing_usage: finding.kind.is_missing_usage(),
        since: finding.since().to_string(),
        until: finding.until().to_string(),
        expected: finding.expected,
        received: finding.received,
        message: finding.to_string(),
        advice: finding.advice(),
    }
}

fn hour(it: &rules::HourReport) -> HourCompleteness {
    HourCompleteness {
        hour: it.hour.to_string(),
        state: match it.state {
            rules::HourState::Complete => HourState::Complete,
            rules::HourState::Received => HourState::Received,
            rules::HourState::NotRead => HourState::NotRead,
            rules::HourState::Gap => HourState::Gap,
            rules::HourState::NotYetDue => HourState::NotYetDue,
            rules::HourState::NotAsked => HourState::NotAsked,
            rules::HourState::NotRegistered => HourState::NotRegistered,
        },
        received: it.received,
        expected: it.usual.map(|usual| usual.expected()),
    }
}

fn silent_series(it: &rules::SilentSeries, latest: Option<Hour>, catalog: &Catalog) -> SilentSeries {
    let last = it.rhythm.last;
    SilentSeries {
        local_subscription_id: it.local_subscription.to_string(),
        local_meter_id: it.local_meter.to_string(),
        local_meter_name: catalog
            .local_meter(it.local_meter)
            .map(|known| known.name.clone()),
        resource_uri: it.resource_uri.clone(),
        last: last.to_string(),
        hours_reported: it.rhythm.hours,
        of_hours: it.rhythm.span(),
        silent_hours: latest.map_or(0, |latest| (latest.epoch_hours() - last.epoch_hours()).max(0)),
    }
}

//! What the platform charged beside what Partner Center billed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use domain::time::Period;
use wire::api::{BuyerText, Reconciliation, UnderstoodFile};
use wire::partner_center::{self, Choices, LINE_ITEMS_MAX};

use crate::access::By;
use crate::error::Failure;
use crate::query::Query;
use crate::{Door, body};

/// Compares what the platform charged in a month with a file of Partner Center's: usage-based line items, daily
/// usage or
/// daily rated usage, as a table or as JSON. They are matched by subscription, billing meter and day, as far as the
/// caller
/// reads the platform's bills; each difference has a class and its likely cause, and the totals add up exactly. A month
/// that is closed is compared as its invoices were reckoned. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/reconciliations", tag = "bills",
    params(("period" = String, Query, description = "The calendar month"),
        ("buyer" = Option<String>, Query,
            description = "`partner:` or `subscription:` and the id of who bought: whose file it is"),
        ("decimalMark" = Option<String>, Query, description = "`point` or `comma`, where the file does not tell"),
        ("dateOrder" = Option<String>, Query, description = "`dayFirst` or `monthFirst`, where the file does not tell"),
        ("dryRun" = Option<bool>, Query, description = "Say how the file is understood, and compare nothing")),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Reconciliation)))]
pub(crate) async fn reconcile(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    request: Request,
) -> Result<Json<Reconciliation>, Failure> {
    query.only(&["period", "buyer", "decimalMark", "dateOrder", "dryRun"])?;
    let period: Option<Period> = query.read("period", "InvalidPeriod")?;
    let period = period.ok_or_else(|| {
        Failure::invalid("InvalidPeriod", "Expected period=2026-10, the calendar month.").about("period")
    })?;
    let buyer: Option<BuyerText> = query.read("buyer", "InvalidQuery")?;
    let buyer = buyer.map(|it| it.0);
    let choices = Choices {
        date_order: query.read("dateOrder", "InvalidQuery")?,
        decimal_mark: query.read("decimalMark", "InvalidQuery")?,
    };
    let dry_run = query.read("dryRun", "InvalidQuery")?.unwrap_or(false);
    // Before a file is taken into memory.
    door.app.demand_reconcilable(&caller, buyer)?;
    let held = body::delivery(&door, request).await?;
    let reading = tokio::task::spawn_blocking(move || {
        let text =
            std::str::from_utf8(&held).map_err(|error| unreadable(&format!("expected UTF-8: {error}")))?;
        let understood =
            partner_center::read(text, period, choices).map_err(|error| unreadable(&error.to_string()))?;
        Ok((UnderstoodFile::of(&understood), understood.lines))
    });
    let read = reading.await;
    let (file, lines) =
        read.unwrap_or_else(|error| Err(Failure::internal(format!("line items were not read: {error}"))))?;
    let catalog = door.app.catalog();
    let named = |meter| Some(catalog.billing_meter(meter)?.name.clone());
    if dry_run {
        let nothing = domain::reconciliation::Reconciliation::default();
        return Ok(Json(Reconciliation::of(period, false, file, &nothing, named)));
    }
    let reconciled = door.app.reconcile(&caller, period, buyer, lines).await?;
    Ok(Json(Reconciliation::of(
        period,
        reconciled.closed,
        file,
        &reconciled.found,
        named,
    )))
}

fn unreadable(why: &str) -> Failure {
    let message = format!("The file cannot be read: {why}. A file may have {LINE_ITEMS_MAX} lines.");
    Failure::invalid("UnreadableLineItems", message)
}

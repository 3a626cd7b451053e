//! Statements, and the check of the laws.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::time::Period;
use wire::api::{LawCheck, Page, Statement};

use crate::Door;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// The statements of every subscription that is charged in a period, by subscription.
#[utoipa::path(get, path = "/api/v1/statements", tag = "bills",
    params(("period" = String, Query, description = "A calendar month such as 2026-10"), super::documents::Paging),
    responses((status = 200, body = Page<Statement>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Statement>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::of(&query, pages::OWN)?;
    let statements = door.app.statements(query.period()?).await?;
    let page = page.page_of_all(statements, |it| it.subscription, &door.base(&uri));
    Ok(page.shown(|it| Statement::of(&it, door.app.catalog())))
}

/// The running bill of a subscription for a period.
#[utoipa::path(get, path = "/api/v1/statements/{subscriptionId}", tag = "bills",
    params(("subscriptionId" = String, Path),
        ("period" = String, Query, description = "A calendar month such as 2026-10")),
    responses((status = 200, body = Statement)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<Statement>, Failure> {
    query.only(&["period"])?;
    let subscription = params.read("subscriptionId", "InvalidSubscriptionId")?;
    let statement = door.app.statement(subscription, query.period()?).await?;
    Ok(Json(Statement::of(&statement, door.app.catalog())))
}

/// Checks the laws: no record lost, all usage attributed, all sums agreeing, storage sound.
#[utoipa::path(get, path = "/api/v1/periods/{period}/check", tag = "bills", params(("period" = String, Path)),
    responses((status = 200, body = LawCheck)))]
pub(crate) async fn check(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<LawCheck>, Failure> {
    query.only(&[])?;
    let period: Period = params.read("period", "InvalidPeriod")?;
    let check = door.app.check_laws(period).await?;
    Ok(Json(LawCheck {
        period: period.to_string(),
        holds: check.violations.is_empty(),
        records: check.records.into(),
        statements: check.statements,
        violations: check.violations,
    }))
}

//! Statements, and the check of the laws.

use std::sync::Arc;

use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::time::Period;
use wire::api::{LawCheck, ListedStatement, NoStatement, NoStatementStatus, Page, Statement, WhyNot};
use wire::arm::ErrorEnvelope;

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// The statements of every subscription that is charged in a period and whose charges the caller reads, by
/// subscription. Where none can be drawn up, an entry with the status `notDrawnUp` says why.
#[utoipa::path(get, path = "/api/v1/statements", tag = "bills",
    params(("period" = String, Query, description = "A calendar month such as 2026-10"), super::documents::Paging),
    responses((status = 200, body = Page<ListedStatement>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<ListedStatement>>, Failure> {
    query.only(&["period", pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::of(&query, pages::OWN)?;
    let period = query.period()?;
    let statements = door
        .app
        .statements(&caller, period, page.after, page.items_wanted())
        .await?;
    let page = page.page(statements, |it| it.subscription, &door.base(&uri));
    Ok(page.shown(|it| match it.statement {
        Ok(statement) => ListedStatement::Statement(Box::new(shown(&door, &caller, &statement))),
        Err(error) => ListedStatement::NoStatement(NoStatement {
            subscription_id: it.subscription.to_string(),
            subscription_name: door.app.subscription_name(it.subscription),
            period: period.to_string(),
            status: NoStatementStatus::NotDrawnUp,
            problem: why_not(&error),
        }),
    }))
}

pub(super) fn why_not(error: &app::Error) -> WhyNot {
    WhyNot {
        code: error.code.to_owned(),
        message: error.message.clone(),
    }
}

/// The running bill of a subscription for a period.
#[utoipa::path(get, path = "/api/v1/statements/{subscriptionId}", tag = "bills",
    params(("subscriptionId" = String, Path),
        ("period" = String, Query, description = "A calendar month such as 2026-10")),
    responses((status = 200, body = Statement)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Statement>, Failure> {
    query.only(&["period"])?;
    let subscription = params.read("subscriptionId", "InvalidSubscriptionId")?;
    let statement = door.app.statement(&caller, subscription, query.period()?).await?;
    Ok(Json(shown(&door, &caller, &statement)))
}

fn shown(door: &Door, caller: &Caller, statement: &domain::statement::Statement) -> Statement {
    Statement::of(statement, door.app.catalog(), &door.app.names(caller, statement))
}

/// Checks the laws: no record lost, all usage attributed and on the statement of who is charged for it, all sums agreeing,
/// storage sound.
#[utoipa::path(get, path = "/api/v1/periods/{period}/check", tag = "bills", params(("period" = String, Path)),
    responses((status = 200, body = LawCheck),
        (status = 503, body = ErrorEnvelope, description = "CheckRunning: another check has not ended yet")))]
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

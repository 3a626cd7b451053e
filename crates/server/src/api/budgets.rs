//! Budgets: what is meant to be spent in a month, and how far that is.

use std::sync::Arc;

use app::periods::BudgetView;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::budget::{BudgetKey, BudgetName, BudgetOf, BudgetOwner};
use wire::api::{Budget, BudgetNames, Page, SetBudget};

use super::path_only::PathOnly;
use super::statements::why_not;
use crate::access::By;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

fn name(params: &Params) -> Result<BudgetName, Failure> {
    params.read("budget", "InvalidBudgetName")
}

/// Whose budget is meant, if the query says so, and nothing else.
fn owner(query: &Query) -> Result<Option<BudgetOwner>, Failure> {
    query.only(&["owner"])?;
    query.read("owner", "InvalidBudgetOwner")
}

fn shown(door: &Door, view: BudgetView) -> Budget {
    let names = match view.record.budget.of {
        BudgetOf::Sale(link) => BudgetNames {
            account: door.app.account_names(link.seller, Some(link.buyer)),
            ..BudgetNames::default()
        },
        BudgetOf::Subscription(subscription) => BudgetNames {
            subscription: door.app.subscription_name(subscription),
            ..BudgetNames::default()
        },
    };
    let names = BudgetNames {
        owner: door.app.budget_owner_name(view.record.owner),
        ..names
    };
    let spent = view.spent.map_err(|error| why_not(&error));
    Budget::of(&view.record, view.period, spent, &names)
}

/// The budgets that the caller's sides have set, by name and then by owner, with what was spent of each in the running
/// month. Operators read everybody's.
#[utoipa::path(get, path = "/api/v1/budgets", tag = "bills", params(super::documents::Paging),
    responses((status = 200, body = Page<Budget>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Budget>>, Failure> {
    let page = PageRequest::<BudgetKey>::of_own(&query)?;
    let wanted = page.items_wanted();
    let budgets = door.app.budgets(&caller, page.after.as_ref(), wanted).await?;
    let key = |view: &BudgetView| view.record.key();
    let page = page.page(budgets, key, &door.base(&uri));
    Ok(page.shown(|view| shown(&door, view)))
}

/// A budget, with what was spent of it in the running month. Without an owner it is the only one of this name on the
/// caller's sides; of operators theirs comes first.
#[utoipa::path(get, path = "/api/v1/budgets/{budget}", tag = "bills",
    params(("budget" = String, Path),
        ("owner" = Option<String>, Query, description = "`platform`, or `partner:` or `subscription:` and its id")),
    responses((status = 200, body = Budget)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Budget>, Failure> {
    let view = door.app.budget(&caller, &name(&params)?, owner(&query)?).await?;
    Ok(Json(shown(&door, view)))
}

/// Sets a budget of the caller's side: a new one, or another amount, other thresholds or another first month of one that
/// is there. What was reached in a month stays reached; another amount counts for the thresholds that were not. Who is on
/// several sides says which one's it is (`owner`).
#[utoipa::path(put, path = "/api/v1/budgets/{budget}", tag = "bills", params(("budget" = String, Path)),
    request_body = SetBudget,
    responses((status = 201, body = Budget),
        (status = 200, body = Budget, description = "In place of what it was")))]
pub(crate) async fn put(
    PathOnly { door, caller, params }: PathOnly,
    body::Json(new): body::Json<SetBudget>,
) -> Result<(StatusCode, Json<Budget>), Failure> {
    let asked = new.into_domain(name(&params)?)?;
    let (created, view) = door.app.set_budget(&caller, asked).await?;
    Ok((status(created), Json(shown(&door, view))))
}

/// Removes a budget, with what was reached of it. Operators remove others' if they name the owner.
#[utoipa::path(delete, path = "/api/v1/budgets/{budget}", tag = "bills",
    params(("budget" = String, Path),
        ("owner" = Option<String>, Query, description = "`platform`, or `partner:` or `subscription:` and its id")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    door.app
        .remove_budget(&caller, &name(&params)?, owner(&query)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

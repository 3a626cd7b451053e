//! `Microsoft.AzureStack/linkedSubscriptions`, which only 2020-06-01-preview has: none can be linked here.

use axum::Json;
use axum::http::StatusCode;
use wire::arm::List;
use wire::azure_stack::LinkedSubscription;

use super::resource_types::LINKED_SUBSCRIPTIONS;
use super::version::speaks;
use super::{resource_group, resource_not_found};
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

pub(crate) async fn list(query: Query) -> Result<Json<List<LinkedSubscription>>, Failure> {
    speaks(&query, &LINKED_SUBSCRIPTIONS)?;
    Ok(Json(List {
        value: Vec::new(),
        next_link: None,
    }))
}

pub(crate) async fn get(params: Params, query: Query) -> Result<StatusCode, Failure> {
    speaks(&query, &LINKED_SUBSCRIPTIONS)?;
    let (group, name) = (resource_group(&params)?, params.text("linkedSubscriptionName")?);
    Err(resource_not_found(
        "Microsoft.AzureStack/linkedSubscriptions",
        name,
        Some(&group),
    ))
}

/// Refuses to link a subscription.
pub(crate) async fn put(query: Query) -> Result<StatusCode, Failure> {
    speaks(&query, &LINKED_SUBSCRIPTIONS)?;
    let message = "Subscriptions of a stack are not linked to Azure here. Add the tenant to the registration instead: PUT \
                   …/registrations/{name}/customerSubscriptions/{subscription}.";
    Err(Failure::new(
        StatusCode::CONFLICT,
        "LinkedSubscriptionsNotSupported",
        message,
    ))
}

/// There is nothing to be deleted: 204.
pub(crate) async fn delete(query: Query) -> Result<StatusCode, Failure> {
    speaks(&query, &LINKED_SUBSCRIPTIONS)?;
    Ok(StatusCode::NO_CONTENT)
}

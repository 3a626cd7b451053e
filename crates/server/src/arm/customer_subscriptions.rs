//! `Microsoft.AzureStack/registrations/customerSubscriptions`: which tenant's usage is charged to which subscription.

use std::sync::Arc;

use app::registrations::RegistrationAddress;
use app::tenants::TenantMapping;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::registration::RegistrationPath;
use wire::arm::List;
use wire::azure_stack::{CustomerSubscription, PutCustomerSubscription};

use super::etag::IfMatch;
use super::registration;
use super::resource_types::CUSTOMER_SUBSCRIPTIONS;
use super::version::speaks;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body, notes};

/// The subscription in the path, as the caller wrote it: the documented refusals repeat it.
fn name(params: &Params) -> Result<&str, Failure> {
    params.text("customerSubscriptionName")
}

/// A mapping of this registration, which exists.
fn shown(
    door: &Door,
    at: &RegistrationAddress,
    mapping: &TenantMapping,
) -> Result<CustomerSubscription, Failure> {
    Ok(of(&door.app.registration(at)?.path(), mapping))
}

fn of(path: &RegistrationPath, mapping: &TenantMapping) -> CustomerSubscription {
    CustomerSubscription::of(path, mapping.subscription, mapping.tenant, mapping.revision)
}

pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<CustomerSubscription>>, Failure> {
    speaks(&query, &CUSTOMER_SUBSCRIPTIONS)?;
    let page = PageRequest::of(&query, pages::ARM)?;
    let at = registration(&params)?;
    let mappings = door.app.tenant_mappings(&caller, &at)?;
    let path = door.app.registration(&at)?.path();
    let page = page.page_of_all(mappings, |it| it.subscription, &door.base(&uri));
    Ok(page.listed(|it| of(&path, &it)))
}

/// Adds a tenant. Clients know no other success than 200.
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    IfMatch(precondition): IfMatch,
    body::OptionalJson(asked): body::OptionalJson<PutCustomerSubscription>,
) -> Result<(HeaderMap, Json<CustomerSubscription>), Failure> {
    speaks(&query, &CUSTOMER_SUBSCRIPTIONS)?;
    let at = registration(&params)?;
    let tenant = asked.tenant().map_err(|error| {
        Failure::invalid("InvalidTenantId", format!("properties.tenantId: {error}."))
            .about("properties.tenantId")
    })?;
    let added = door
        .app
        .add_tenant(&caller, &at, name(&params)?, tenant, &precondition)
        .await?;
    let (mapping, warnings) = added;
    Ok((notes::warnings(&warnings), Json(shown(&door, &at, &mapping)?)))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<CustomerSubscription>, Failure> {
    speaks(&query, &CUSTOMER_SUBSCRIPTIONS)?;
    let at = registration(&params)?;
    let mapping = door.app.tenant_mapping(&caller, &at, name(&params)?)?;
    Ok(Json(shown(&door, &at, &mapping)?))
}

/// Removes a tenant: 200, or 204 if there was no mapping.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Failure> {
    speaks(&query, &CUSTOMER_SUBSCRIPTIONS)?;
    let removed = door
        .app
        .remove_tenant(&caller, &registration(&params)?, name(&params)?, &precondition)
        .await?;
    Ok(if removed {
        StatusCode::OK
    } else {
        StatusCode::NO_CONTENT
    })
}

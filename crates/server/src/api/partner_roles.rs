//! Partner roles: who runs the platform, who acts for a partner, who belongs to a customer.

use std::sync::Arc;

use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::authorization::{self, PartnerRole};
use domain::ids::ObjectId;
use wire::api::{AssignPartnerRole, Page, PartnerRoleAssignment};

use crate::access::By;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

fn principal_id(params: &Params) -> Result<ObjectId, Failure> {
    params.read("principalId", "InvalidPrincipalId")
}

/// The role of an agent of the partner in the path, if that exists for the caller.
fn admin_agent(door: &Door, caller: &Caller, params: &Params) -> Result<PartnerRole, Failure> {
    let partner = door
        .app
        .partner(caller, params.read("partnerId", "InvalidPartnerId")?)?;
    Ok(PartnerRole::AdminAgent(partner.id))
}

/// The role of a user of the customer in the path, if that exists for the caller.
fn customer_user(door: &Door, caller: &Caller, params: &Params) -> Result<PartnerRole, Failure> {
    let customer = door
        .app
        .customer(caller, params.read("customerId", "InvalidCustomerId")?)?;
    Ok(PartnerRole::CustomerUser(customer.id))
}

fn shown(
    door: &Door,
    caller: &Caller,
    given: &authorization::PartnerRoleAssignment,
) -> PartnerRoleAssignment {
    let subject = door.app.subject_name(given.role);
    PartnerRoleAssignment::of(given, subject, door.app.name_of(caller, given.principal))
}

/// Lists the partner roles that the caller gives and takes, and its own, by who has them.
#[utoipa::path(get, path = "/api/v1/partner-roles", tag = "roles", params(super::documents::Paging),
    responses((status = 200, body = Page<PartnerRoleAssignment>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<PartnerRoleAssignment>>, Failure> {
    let page = PageRequest::<String>::of_own(&query)?;
    let key = |it: &authorization::PartnerRoleAssignment| format!("{} {:?}", it.principal, it.role);
    let given = door.app.partner_roles(&caller, None, usize::MAX);
    let page = page.page_of_all(given, key, &door.base(&uri));
    Ok(page.shown(|it| shown(&door, &caller, &it)))
}

async fn assign(
    door: &Door,
    caller: &Caller,
    role: PartnerRole,
    principal: ObjectId,
    asked: &AssignPartnerRole,
) -> Result<(StatusCode, Json<PartnerRoleAssignment>), Failure> {
    let kind = asked.principal_kind.map(Into::into);
    let created = door
        .app
        .assign_partner_role(caller, role, principal, kind)
        .await?;
    let mut given = door.app.partner_roles(caller, None, usize::MAX).into_iter();
    let given = given.find(|it| (it.principal, it.role) == (principal, role));
    let given = given.ok_or_else(|| Failure::internal("a role that was just given is not there"))?;
    Ok((status(created), Json(shown(door, caller, &given))))
}

/// Lets somebody run the platform.
#[utoipa::path(put, path = "/api/v1/platform-operators/{principalId}", tag = "roles",
    params(("principalId" = String, Path)), request_body = AssignPartnerRole,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_platform_operator(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::OptionalJson(asked): body::OptionalJson<AssignPartnerRole>,
) -> Result<(StatusCode, Json<PartnerRoleAssignment>), Failure> {
    query.only(&[])?;
    let principal = principal_id(&params)?;
    assign(&door, &caller, PartnerRole::PlatformOperator, principal, &asked).await
}

/// Takes the role of a platform operator from somebody.
#[utoipa::path(delete, path = "/api/v1/platform-operators/{principalId}", tag = "roles",
    params(("principalId" = String, Path)), responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_platform_operator(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    unassign(&door, &caller, &params, &query, PartnerRole::PlatformOperator).await
}

/// Lets somebody act for a partner.
#[utoipa::path(put, path = "/api/v1/partners/{partnerId}/admin-agents/{principalId}", tag = "roles",
    params(("partnerId" = String, Path), ("principalId" = String, Path)), request_body = AssignPartnerRole,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_admin_agent(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::OptionalJson(asked): body::OptionalJson<AssignPartnerRole>,
) -> Result<(StatusCode, Json<PartnerRoleAssignment>), Failure> {
    query.only(&[])?;
    let principal = principal_id(&params)?;
    assign(
        &door,
        &caller,
        admin_agent(&door, &caller, &params)?,
        principal,
        &asked,
    )
    .await
}

/// Takes the role of a partner's admin agent from somebody.
#[utoipa::path(delete, path = "/api/v1/partners/{partnerId}/admin-agents/{principalId}", tag = "roles",
    params(("partnerId" = String, Path), ("principalId" = String, Path)),
    responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_admin_agent(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    unassign(
        &door,
        &caller,
        &params,
        &query,
        admin_agent(&door, &caller, &params)?,
    )
    .await
}

/// Lets somebody read the usage and the charges of a customer.
#[utoipa::path(put, path = "/api/v1/customers/{customerId}/users/{principalId}", tag = "roles",
    params(("customerId" = String, Path), ("principalId" = String, Path)), request_body = AssignPartnerRole,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_customer_user(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::OptionalJson(asked): body::OptionalJson<AssignPartnerRole>,
) -> Result<(StatusCode, Json<PartnerRoleAssignment>), Failure> {
    query.only(&[])?;
    let principal = principal_id(&params)?;
    assign(
        &door,
        &caller,
        customer_user(&door, &caller, &params)?,
        principal,
        &asked,
    )
    .await
}

/// Takes the role of a customer's user from somebody.
#[utoipa::path(delete, path = "/api/v1/customers/{customerId}/users/{principalId}", tag = "roles",
    params(("customerId" = String, Path), ("principalId" = String, Path)),
    responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_customer_user(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    unassign(
        &door,
        &caller,
        &params,
        &query,
        customer_user(&door, &caller, &params)?,
    )
    .await
}

async fn unassign(
    door: &Door,
    caller: &Caller,
    params: &Params,
    query: &Query,
    role: PartnerRole,
) -> Result<StatusCode, Failure> {
    query.only(&[])?;
    let principal = principal_id(params)?;
    door.app.unassign_partner_role(caller, role, principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Partner roles: who runs the platform, who acts for a partner, who belongs to a customer.

use std::sync::Arc;

use app::access::Caller;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use domain::authorization::{self, PartnerRole};
use domain::ids::ObjectId;
use wire::api::{AssignPartnerRole, Page, PartnerRoleAssignment};

use super::path_only::PathOnly;
use crate::Door;
use crate::access::By;
use crate::body::OptionalJson;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;

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

/// Who shall have which partner role, or shall not, as the path says.
pub(crate) struct Asked {
    door: Arc<Door>,
    caller: Caller,
    role: PartnerRole,
    principal: ObjectId,
}

impl FromRequestParts<Arc<Door>> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let PathOnly { door, caller, params } = PathOnly::from_request_parts(parts, door).await?;
        Ok(Self {
            role: role(&door, &caller, &params)?,
            door,
            caller,
            principal: params.read("principalId", "InvalidPrincipalId")?,
        })
    }
}

/// The role that concerns the partner or the customer in the path, if that exists for the caller, or else the platform.
fn role(door: &Door, caller: &Caller, params: &Params) -> Result<PartnerRole, Failure> {
    if params.find("partnerId").is_some() {
        let id = params.read("partnerId", "InvalidPartnerId")?;
        return Ok(PartnerRole::AdminAgent(door.app.partner(caller, id)?.id));
    }
    if params.find("customerId").is_some() {
        let id = params.read("customerId", "InvalidCustomerId")?;
        return Ok(PartnerRole::CustomerUser(door.app.customer(caller, id)?.id));
    }
    Ok(PartnerRole::PlatformOperator)
}

type Assigned = (StatusCode, Json<PartnerRoleAssignment>);

impl Asked {
    async fn assign(self, asked: AssignPartnerRole) -> Result<Assigned, Failure> {
        let Self {
            door,
            caller,
            role,
            principal,
        } = self;
        let kind = asked.principal_kind.map(Into::into);
        let (given, created) = door
            .app
            .assign_partner_role(&caller, role, principal, kind)
            .await?;
        Ok((status(created), Json(shown(&door, &caller, &given))))
    }

    async fn unassign(self) -> Result<StatusCode, Failure> {
        let app = &self.door.app;
        app.unassign_partner_role(&self.caller, self.role, self.principal)
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Lets somebody run the platform.
#[utoipa::path(put, path = "/api/v1/platform-operators/{principalId}", tag = "roles",
    params(("principalId" = String, Path)), request_body = Option<AssignPartnerRole>,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_platform_operator(
    asked: Asked,
    OptionalJson(kind): OptionalJson<AssignPartnerRole>,
) -> Result<Assigned, Failure> {
    asked.assign(kind).await
}

/// Takes the role of a platform operator from somebody.
#[utoipa::path(delete, path = "/api/v1/platform-operators/{principalId}", tag = "roles",
    params(("principalId" = String, Path)),
    responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_platform_operator(asked: Asked) -> Result<StatusCode, Failure> {
    asked.unassign().await
}

/// Lets somebody act for a partner.
#[utoipa::path(put, path = "/api/v1/partners/{partnerId}/admin-agents/{principalId}", tag = "roles",
    params(("partnerId" = String, Path), ("principalId" = String, Path)), request_body = Option<AssignPartnerRole>,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_admin_agent(
    asked: Asked,
    OptionalJson(kind): OptionalJson<AssignPartnerRole>,
) -> Result<Assigned, Failure> {
    asked.assign(kind).await
}

/// Takes the role of a partner's admin agent from somebody.
#[utoipa::path(delete, path = "/api/v1/partners/{partnerId}/admin-agents/{principalId}", tag = "roles",
    params(("partnerId" = String, Path), ("principalId" = String, Path)),
    responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_admin_agent(asked: Asked) -> Result<StatusCode, Failure> {
    asked.unassign().await
}

/// Lets somebody read the usage and the charges of a customer.
#[utoipa::path(put, path = "/api/v1/customers/{customerId}/users/{principalId}", tag = "roles",
    params(("customerId" = String, Path), ("principalId" = String, Path)), request_body = Option<AssignPartnerRole>,
    responses((status = 201, body = PartnerRoleAssignment),
        (status = 200, body = PartnerRoleAssignment, description = "They had the role already")))]
pub(crate) async fn assign_customer_user(
    asked: Asked,
    OptionalJson(kind): OptionalJson<AssignPartnerRole>,
) -> Result<Assigned, Failure> {
    asked.assign(kind).await
}

/// Takes the role of a customer's user from somebody.
#[utoipa::path(delete, path = "/api/v1/customers/{customerId}/users/{principalId}", tag = "roles",
    params(("customerId" = String, Path), ("principalId" = String, Path)),
    responses((status = 204, description = "They have it no longer")))]
pub(crate) async fn unassign_customer_user(asked: Asked) -> Result<StatusCode, Failure> {
    asked.unassign().await
}

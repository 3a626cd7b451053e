//! Role assignments.

use std::sync::Arc;

use app::authorization::{AssignedTo, AssignmentFilter};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::authorization::{PrincipalKind, Scope};
use domain::books::AssignRole;
use domain::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId};
use wire::arm::List;
use wire::arm::authorization::{PutRoleAssignment, PutRoleAssignmentProperties, RoleAssignment};

use super::super::filter::Filter;
use super::super::resource_types::ROLE_ASSIGNMENTS;
use super::super::scope::At;
use super::super::version::speaks;
use crate::Door;
use crate::access::By;
use crate::body;
use crate::created::status;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::{Query, excerpt};

fn id(params: &Params) -> Result<RoleAssignmentId, Failure> {
    params.read("roleAssignmentId", "InvalidRoleAssignmentId")
}

/// The roles given at a scope and above and, unless `$filter` says `atScope()`, below.
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    uri: Uri,
    query: Query,
) -> Result<Json<List<RoleAssignment>>, Failure> {
    speaks(&query, &ROLE_ASSIGNMENTS)?;
    let filter = Filter::of(&query, &["atScope", "assignedTo", "principalId"])?;
    let filter = AssignmentFilter {
        at_scope: filter.wanted("atScope").is_some(),
        to: to(&filter)?,
    };
    let page = PageRequest::<RoleAssignmentId>::of(&query, pages::ARM)?;
    let assignments = door
        .app
        .role_assignments(&caller, &scope, &filter, page.after, page.items_wanted())?;
    let page = page.page(assignments, |it| it.id, &door.base(&uri));
    Ok(page.listed(|it| RoleAssignment::from(&it)))
}

fn to(filter: &Filter) -> Result<Option<AssignedTo>, Failure> {
    if let Some(text) = filter.wanted("assignedTo") {
        return principal(text, "$filter").map(|id| Some(AssignedTo::PrincipalOrGroups(id)));
    }
    let id = filter
        .wanted("principalId")
        .map(|text| principal(text, "$filter"));
    Ok(id.transpose()?.map(AssignedTo::Principal))
}

fn principal(text: &str, member: &'static str) -> Result<ObjectId, Failure> {
    text.parse().map_err(|error| {
        let message = format!("The principal is '{}': {error}.", excerpt(text));
        Failure::invalid("InvalidPrincipalId", message).about(member)
    })
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<Json<RoleAssignment>, Failure> {
    speaks(&query, &ROLE_ASSIGNMENTS)?;
    let assignment = door.app.role_assignment(&caller, &scope, id(&params)?)?;
    Ok(Json(RoleAssignment::from(&assignment)))
}

/// Gives a role to somebody.
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutRoleAssignment>,
) -> Result<(StatusCode, Json<RoleAssignment>), Failure> {
    speaks(&query, &ROLE_ASSIGNMENTS)?;
    let request = read(id(&params)?, scope, &asked.properties)?;
    let (assignment, created) = door.app.assign_role(&caller, &request).await?;
    Ok((status(created), Json(RoleAssignment::from(&assignment))))
}

fn read(
    id: RoleAssignmentId,
    scope: Scope,
    asked: &PutRoleAssignmentProperties,
) -> Result<AssignRole, Failure> {
    let kind = asked.principal_type.as_deref().filter(|text| !text.is_empty());
    let kind = kind.map(|text| {
        PrincipalKind::from_name(text).ok_or_else(|| {
            let message = format!(
                "principalType is '{}': expected User, Group or ServicePrincipal.",
                excerpt(text)
            );
            Failure::invalid("InvalidPrincipalType", message).about("properties.principalType")
        })
    });
    Ok(AssignRole {
        id,
        scope,
        role: role(&asked.role_definition_id)?,
        principal: principal(&asked.principal_id, "properties.principalId")?,
        principal_kind: kind.transpose()?,
    })
}

/// The role at the end of a resource id. What is before it differs between clients and says nothing.
fn role(text: &str) -> Result<RoleDefinitionId, Failure> {
    let end = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    end.parse().map_err(|error| {
        let message = format!(
            "roleDefinitionId ends in '{}': {error}. Expected the resource id of a role definition.",
            excerpt(end)
        );
        Failure::invalid("InvalidRoleDefinitionId", message).about("properties.roleDefinitionId")
    })
}

/// Takes a role away: 200 with what it was, or 204 if it was not given.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<Response, Failure> {
    speaks(&query, &ROLE_ASSIGNMENTS)?;
    let deleted = door.app.unassign_role(&caller, &scope, id(&params)?).await?;
    Ok(match deleted {
        Some(assignment) => Json(RoleAssignment::from(&assignment)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

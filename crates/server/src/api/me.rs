//! Who calls, and their own password.

use std::net::SocketAddr;
use std::sync::Arc;

use app::access::Caller;
use app::identity::NotChanged;
use app::me::Given;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use domain::authorization::PrincipalKind;
use wire::api::{CallerKind, ChangePassword, Me, MyGroup, MyRole, PartnerRole};

use crate::access::By;
use crate::error::Failure;
use crate::query::Query;
use crate::{Door, body};

/// Who the caller is, and what it was given.
#[utoipa::path(get, path = "/api/v1/me", tag = "roles", responses((status = 200, body = Me)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
) -> Result<Json<Me>, Failure> {
    query.only(&[])?;
    let nothing_given = Me {
        kind: CallerKind::Operator,
        id: caller.id().to_string(),
        name: String::new(),
        tenant_id: None,
        directory_name: None,
        directory_domain: None,
        application_id: None,
        groups: Vec::new(),
        partner_roles: Vec::new(),
        role_assignments: Vec::new(),
    };
    let principal = match &caller {
        Caller::Operator { name, .. } => {
            let name = name.clone();
            return Ok(Json(Me {
                name,
                ..nothing_given
            }));
        }
        Caller::Stack { .. } => {
            return Err(Failure::internal(
                "a stack came in where nobody but people should",
            ));
        }
        Caller::Principal(principal) => principal,
    };
    let Given {
        groups,
        partner_roles,
        roles,
    } = door.app.given(&caller);
    let group = |(id, name): (domain::ids::ObjectId, Option<String>)| MyGroup {
        id: id.to_string(),
        name,
    };
    let partner_role = |role| PartnerRole::of(role, door.app.subject_name(role));
    let directory = door.app.own_directory(&caller);
    Ok(Json(Me {
        kind: match principal.kind {
            PrincipalKind::ServicePrincipal => CallerKind::ServicePrincipal,
            PrincipalKind::User | PrincipalKind::Group => CallerKind::User,
        },
        name: principal.name.clone(),
        tenant_id: Some(principal.tenant.to_string()),
        directory_name: directory.as_ref().map(|it| it.name.clone()),
        directory_domain: directory.as_ref().map(|it| it.domain.to_string()),
        application_id: principal.application.map(|id| id.to_string()),
        groups: groups.into_iter().map(group).collect(),
        partner_roles: partner_roles.into_iter().map(partner_role).collect(),
        role_assignments: roles
            .iter()
            .map(|(given, role)| MyRole::of(given, role))
            .collect(),
        ..nothing_given
    }))
}

/// Gives the caller, a user, another password. The old one is proved again; wherever the user was signed in, it has to sign
/// in again.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "identity", request_body = ChangePassword,
    responses((status = 204, description = "It is the password now")))]
pub(crate) async fn change_password(
    State(door): State<Arc<Door>>,
    By(caller): By,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    query: Query,
    body::Json(passwords): body::Json<ChangePassword>,
) -> Result<StatusCode, Failure> {
    query.only(&[])?;
    let ChangePassword {
        old_password,
        new_password,
    } = passwords;
    let changed = door
        .app
        .change_password(&caller, &old_password, new_password, peer.ip())
        .await;
    match changed {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(NotChanged::Refused(error)) => Err(error.into()),
        Err(NotChanged::Slowed { seconds }) => {
            let message =
                format!("Too many wrong passwords were given. Wait {seconds} seconds and try again.");
            Err(Failure::too_many_requests(message, seconds))
        }
    }
}

//! Role definitions.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::authorization::{self, ActionPattern, Scope};
use domain::ids::RoleDefinitionId;
use wire::arm::List;
use wire::arm::authorization::{BUILT_IN_ROLE, CUSTOM_ROLE, PutRoleDefinition, RoleDefinition};

use super::super::filter::Filter;
use super::super::resource_types::ROLE_DEFINITIONS;
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

fn id(params: &Params) -> Result<RoleDefinitionId, Failure> {
    params.read("roleDefinitionId", "InvalidRoleDefinitionId")
}

/// The roles that can be given at a scope.
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    uri: Uri,
    query: Query,
) -> Result<Json<List<RoleDefinition>>, Failure> {
    speaks(&query, &ROLE_DEFINITIONS)?;
    let filter = Filter::of(&query, &["roleName", "type", "atScopeAndBelow", "atScope"])?;
    let page = PageRequest::of(&query, pages::ARM)?;
    let mut roles = door.app.role_definitions(&caller, &scope)?;
    roles.retain(|role| {
        let kind = if role.custom { CUSTOM_ROLE } else { BUILT_IN_ROLE };
        filter.lets_pass("roleName", &role.name) && filter.lets_pass("type", kind)
    });
    let page = page.page_of_all(roles, |role| role.id, &door.base(&uri));
    Ok(page.listed(|role| RoleDefinition::of(&role, &scope)))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<Json<RoleDefinition>, Failure> {
    speaks(&query, &ROLE_DEFINITIONS)?;
    let role = door.app.role_definition(&caller, &scope, id(&params)?)?;
    Ok(Json(RoleDefinition::of(&role, &scope)))
}

/// Defines a custom role, or defines it anew. Azure answers 201 to both.
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutRoleDefinition>,
) -> Result<(StatusCode, Json<RoleDefinition>), Failure> {
    speaks(&query, &ROLE_DEFINITIONS)?;
    let asked = read(id(&params)?, asked)?;
    let (role, created) = door.app.put_role_definition(&caller, &asked).await?;
    Ok((status(created), Json(RoleDefinition::of(&role, &scope))))
}

/// Deletes a custom role: 200 with what it was, or 204 if there is none.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<Response, Failure> {
    speaks(&query, &ROLE_DEFINITIONS)?;
    let deleted = door
        .app
        .delete_role_definition(&caller, &scope, id(&params)?)
        .await?;
    Ok(match deleted {
        Some(role) => Json(RoleDefinition::of(&role, &scope)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn read(id: RoleDefinitionId, asked: PutRoleDefinition) -> Result<authorization::RoleDefinition, Failure> {
    let asked = asked.properties;
    let (mut actions, mut not_actions) = (Vec::new(), Vec::new());
    for permission in asked.permissions {
        if !permission.data_actions.is_empty() || !permission.not_data_actions.is_empty() {
            let message = "There are no actions on data here: leave dataActions and notDataActions out.";
            return Err(invalid(message.to_owned(), "properties.permissions"));
        }
        actions.extend(all::<ActionPattern>(
            permission.actions,
            "properties.permissions.actions",
        )?);
        not_actions.extend(all::<ActionPattern>(
            permission.not_actions,
            "properties.permissions.notActions",
        )?);
    }
    Ok(authorization::RoleDefinition {
        id,
        name: asked.role_name,
        description: asked.description.unwrap_or_default(),
        actions,
        not_actions,
        assignable: all::<Scope>(asked.assignable_scopes, "properties.assignableScopes")?,
        custom: true,
    })
}

fn all<T: FromStr<Err: std::fmt::Display>>(
    texts: Vec<String>,
    member: &'static str,
) -> Result<Vec<T>, Failure> {
    let read = texts.into_iter().map(|text| {
        text.parse()
            .map_err(|error| invalid(format!("{member} holds '{}': {error}.", excerpt(&text)), member))
    });
    read.collect()
}

fn invalid(message: String, member: &'static str) -> Failure {
    Failure::invalid("InvalidRoleDefinition", message).about(member)
}

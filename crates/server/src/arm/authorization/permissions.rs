//! What the caller may do at a scope.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use wire::arm::List;
use wire::arm::authorization::Permission;

use super::super::resource_types::PERMISSIONS;
use super::super::scope::At;
use super::super::version::speaks;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::query::Query;

pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    query: Query,
) -> Result<Json<List<Permission>>, Failure> {
    speaks(&query, &PERMISSIONS)?;
    let permissions = door.app.permissions(&caller, &scope)?;
    let value = permissions
        .iter()
        .map(|it| Permission::of(&it.actions, &it.not_actions))
        .collect();
    Ok(Json(List {
        value,
        next_link: None,
    }))
}

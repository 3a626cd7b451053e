//! Locks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::authorization;
use domain::resource_id::{ResourceName, folded};
use wire::arm::List;
use wire::arm::authorization::{Lock, PutLock};

use super::super::filter::Filter;
use super::super::resource_types::MANAGEMENT_LOCKS;
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

fn name(params: &Params) -> Result<ResourceName, Failure> {
    params.read("lockName", "InvalidLockName")
}

/// The locks at a scope and, unless `$filter` says `atScope()`, below it.
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Lock>>, Failure> {
    speaks(&query, &MANAGEMENT_LOCKS)?;
    let at_scope = Filter::of(&query, &["atScope"])?.wanted("atScope").is_some();
    let page = PageRequest::of(&query, pages::ARM)?;
    let mut locks = door.app.locks(&caller, &scope)?;
    locks.retain(|lock| !at_scope || lock.scope == scope);
    let key = |lock: &authorization::Lock| folded(&format!("{}/{}", lock.scope, lock.name)).into_owned();
    let page = page.page_of_all(locks, key, &door.base(&uri));
    Ok(page.listed(|lock| Lock::from(&lock)))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<Json<Lock>, Failure> {
    speaks(&query, &MANAGEMENT_LOCKS)?;
    let lock = door.app.lock(&caller, &scope, &name(&params)?)?;
    Ok(Json(Lock::from(&lock)))
}

/// Sets a lock, or changes it.
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutLock>,
) -> Result<(StatusCode, Json<Lock>), Failure> {
    speaks(&query, &MANAGEMENT_LOCKS)?;
    let asked = asked.properties;
    let level = asked.level().ok_or_else(|| {
        let message = format!(
            "The level of the lock is '{}': expected CanNotDelete or ReadOnly.",
            excerpt(&asked.level)
        );
        Failure::invalid("InvalidLockLevel", message).about("properties.level")
    })?;
    let lock = authorization::Lock {
        scope,
        name: name(&params)?,
        level,
        notes: asked.notes,
    };
    let (lock, created) = door.app.put_lock(&caller, &lock).await?;
    Ok((status(created), Json(Lock::from(&lock))))
}

/// Removes a lock: 200, or 204 if there is none.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    At(scope): At,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    speaks(&query, &MANAGEMENT_LOCKS)?;
    let removed = door.app.delete_lock(&caller, &scope, &name(&params)?).await?;
    Ok(if removed.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NO_CONTENT
    })
}

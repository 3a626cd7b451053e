//! Resource groups.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use wire::arm::{List, PatchResourceGroup, PutResourceGroup, ResourceGroup};

use super::resource_types::RESOURCE_GROUPS;
use super::version::speaks;
use super::{checked_location, checked_tags, operations, resource_group, subscription};
use crate::Door;
use crate::access::By;
use crate::body;
use crate::created::status;
use crate::error::Failure;
use crate::notes;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// Those that the caller may read.
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<ResourceGroup>>, Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    let page = PageRequest::of(&query, pages::ARM)?;
    let groups = door.app.resource_groups_seen(&caller, subscription(&params)?);
    let page = page.page_of_all(groups, |it| it.name.clone(), &door.base(&uri));
    Ok(page.listed(|it| ResourceGroup::from(&it)))
}

pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutResourceGroup>,
) -> Result<(StatusCode, Json<ResourceGroup>), Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    let location = asked.location.filter(|text| !text.trim().is_empty());
    let location = checked_location(location)?.ok_or_else(|| {
        let message =
            "The location property is required for this definition. Expected one such as 'westcentralus'.";
        Failure::invalid("LocationRequired", message).about("location")
    })?;
    let (subscription, name) = (subscription(&params)?, resource_group(&params)?);
    let tags = checked_tags(asked.tags)?.unwrap_or_default();
    let (group, created) = door
        .app
        .put_resource_group(&caller, subscription, &name, &location, tags)
        .await?;
    Ok((status(created), Json(ResourceGroup::from(&group))))
}

/// Changes tags.
pub(crate) async fn patch(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PatchResourceGroup>,
) -> Result<Json<ResourceGroup>, Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    let (subscription, name) = (subscription(&params)?, resource_group(&params)?);
    let tags = checked_tags(asked.tags)?;
    let change = |known: &wire::arm::Tags| Ok(tags.clone().unwrap_or_else(|| known.clone()));
    let group = door
        .app
        .tag_resource_group(&caller, subscription, &name, change)
        .await?;
    Ok(Json(ResourceGroup::from(&group)))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<ResourceGroup>, Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    let group = door
        .app
        .resource_group(subscription(&params)?, &resource_group(&params)?)?;
    Ok(Json(ResourceGroup::from(&group)))
}

/// Whether there is one: 204 or 404.
pub(crate) async fn head(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    door.app
        .resource_group(subscription(&params)?, &resource_group(&params)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a group with everything in it.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<(StatusCode, HeaderMap), Failure> {
    speaks(&query, &RESOURCE_GROUPS)?;
    let (subscription, name) = (subscription(&params)?, resource_group(&params)?);
    let warnings = door
        .app
        .delete_resource_group(&caller, subscription, &name)
        .await?;
    let (status, mut headers) = operations::accepted(&door, &uri, subscription, operations::Outcome::Ok)?;
    headers.extend(notes::warnings(&warnings));
    Ok((status, headers))
}

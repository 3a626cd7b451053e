//! Resource groups.

use std::sync::Arc;

use app::accounts::Created;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use wire::arm::{List, PutResourceGroup, ResourceGroup};

use super::version::resource_manager;
use super::{checked_location, checked_tags, resource_group, subscription};
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<ResourceGroup>>, Failure> {
    resource_manager(&query)?;
    let page = PageRequest::of(&query, pages::ARM)?;
    let groups =
        door.app
            .resource_groups(subscription(&params)?, page.after.as_ref(), page.items_wanted())?;
    let page = page.page(groups, |it| it.name.clone(), &door.base(&uri));
    Ok(page.listed(|it| ResourceGroup::from(&it)))
}

pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutResourceGroup>,
) -> Result<(StatusCode, Json<ResourceGroup>), Failure> {
    resource_manager(&query)?;
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
    let status = match created {
        Created::New => StatusCode::CREATED,
        Created::Existing => StatusCode::OK,
    };
    Ok((status, Json(ResourceGroup::from(&group))))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<ResourceGroup>, Failure> {
    resource_manager(&query)?;
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
    resource_manager(&query)?;
    door.app
        .resource_group(subscription(&params)?, &resource_group(&params)?)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    resource_manager(&query)?;
    let (subscription, name) = (subscription(&params)?, resource_group(&params)?);
    door.app
        .delete_resource_group(&caller, subscription, &name)
        .await?;
    Ok(StatusCode::OK)
}

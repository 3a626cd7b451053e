//! Resources of any type: lists of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::registration::Registration;
use domain::resource_id::folded;
use wire::arm::List;
use wire::arm::resources::Resource;
use wire::azure_stack::REGISTRATION_TYPE;

use super::filter::Filter;
use super::resource_types::RESOURCE_LISTS;
use super::version::speaks;
use super::{resource_group, subscription};
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

const CONDITIONS: [&str; 6] = [
    "resourceType",
    "resourceGroup",
    "name",
    "location",
    "tagName",
    "tagValue",
];

/// The resources of a subscription that the caller may read: its registrations. What is inside of a registration is no
/// resource of its own in these lists, as with Azure.
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Resource>>, Failure> {
    speaks(&query, &RESOURCE_LISTS)?;
    let registrations = door.app.registrations_seen(&caller, subscription(&params)?);
    listed(&door, registrations, &query, &uri)
}

/// The resources of a resource group.
pub(crate) async fn list_of_group(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Resource>>, Failure> {
    speaks(&query, &RESOURCE_LISTS)?;
    let group = resource_group(&params)?;
    let registrations = door.app.registrations(subscription(&params)?, Some(&group))?;
    listed(&door, registrations, &query, &uri)
}

fn listed(
    door: &Door,
    mut registrations: Vec<Registration>,
    query: &Query,
    uri: &Uri,
) -> Result<Json<List<Resource>>, Failure> {
    let filter = Filter::of(query, &CONDITIONS)?;
    let expand = query.text("$expand")?.unwrap_or_default();
    let page = PageRequest::of(query, pages::ARM)?;
    registrations.retain(|it| passes(&filter, it));
    let key = |it: &Registration| folded(&it.path().to_string()).into_owned();
    let page = page.page_of_all(registrations, key, &door.base(uri));
    Ok(page.listed(|it| Resource::of(&it, expand)))
}

fn passes(filter: &Filter, registration: &Registration) -> bool {
    let tag = filter.wanted("tagName").map(|name| {
        let mut tags = registration.tags.iter();
        tags.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    });
    filter.lets_pass("resourceType", REGISTRATION_TYPE)
        && filter.lets_pass("resourceGroup", registration.resource_group.as_given())
        && filter.lets_pass("name", registration.name.as_given())
        && filter.lets_pass("location", wire::azure_stack::LOCATION)
        && match tag {
            None => true,
            Some(None) => false,
            Some(Some(value)) => filter.wanted("tagValue").is_none_or(|wanted| wanted == value),
        }
}

//! Azure Resource Manager, as Azure's own clients see it: subscriptions, providers, resource groups, roles and locks, and
//! the resources of `Microsoft.AzureStack`.
//!
//! A module is the handlers of one kind of resource. What they have in common: [`resource_types`] is the table of
//! everything that is served and in which api-versions, [`path`] spells paths as the contract does, [`filter`] reads
//! `$filter`, [`etag`] reads `If-Match`, [`operations`] answers polls.

pub(crate) mod authorization;
pub(crate) mod customer_subscriptions;
pub(crate) mod deployment;
pub(crate) mod etag;
pub(crate) mod filter;
pub(crate) mod linked_subscriptions;
pub(crate) mod metadata;
pub(crate) mod moves;
pub(crate) mod operations;
pub(crate) mod path;
pub(crate) mod products;
pub(crate) mod providers;
pub(crate) mod registrations;
pub(crate) mod resource_groups;
mod resource_types;
pub(crate) mod resources;
pub(crate) mod routes;
pub(crate) mod scope;
pub(crate) mod subscriptions;
pub(crate) mod tags;
mod version;

use app::registrations::RegistrationAddress;
use axum::extract::Request;
use axum::http::StatusCode;
use domain::ids::SubscriptionId;
use domain::resource_id::ResourceName;
use wire::arm::{Tags, check_location, check_tags};

use crate::error::Failure;
use crate::params::{Params, shown};
use crate::query::excerpt;

/// The subscription in the path.
fn subscription(params: &Params) -> Result<SubscriptionId, Failure> {
    params.read("subscriptionId", "InvalidSubscriptionId")
}

/// The resource group in the path.
fn resource_group(params: &Params) -> Result<ResourceName, Failure> {
    params.read("resourceGroupName", "InvalidResourceGroupName")
}

/// The registration in the path.
fn registration(params: &Params) -> Result<RegistrationAddress, Failure> {
    Ok(RegistrationAddress {
        subscription: subscription(params)?,
        resource_group: resource_group(params)?,
        name: params.read("registrationName", "InvalidRegistrationName")?,
    })
}

/// Tags, if they are within their limits.
fn checked_tags(tags: Option<Tags>) -> Result<Option<Tags>, Failure> {
    let checked = tags.as_ref().map_or(Ok(()), check_tags);
    checked.map_err(|error| {
        Failure::invalid("InvalidTags", format!("The tags cannot be kept: {error}.")).about("tags")
    })?;
    Ok(tags)
}

/// A location, if it is within its limits.
fn checked_location(location: Option<String>) -> Result<Option<String>, Failure> {
    let checked = location.as_deref().map_or(Ok(()), check_location);
    checked.map_err(|error| {
        Failure::invalid(
            "InvalidLocation",
            format!("The location cannot be kept: {error}."),
        )
        .about("location")
    })?;
    Ok(location)
}

/// The code of a resource that is not there.
const RESOURCE_NOT_FOUND: &str = "ResourceNotFound";

/// A resource that is not there, in ARM's words.
fn resource_not_found(kind: &str, name: &str, group: Option<&ResourceName>) -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        RESOURCE_NOT_FOUND,
        not_found_text(kind, name, group),
    )
}

fn not_found_text(kind: &str, name: &str, group: Option<&ResourceName>) -> String {
    let group = group.map_or_else(String::new, |group| format!(" under resource group '{group}'"));
    format!("The Resource '{kind}/{}'{group} was not found.", excerpt(name))
}

/// The answer of an ARM path that nothing is at.
pub(crate) fn nothing_here(request: &Request) -> Failure {
    let message = format!("The resource path '{}' is not served here.", shown(request.uri()));
    Failure::new(StatusCode::NOT_FOUND, "InvalidResourceType", message)
}

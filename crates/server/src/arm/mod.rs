//! Azure Resource Manager: resource groups, registrations and their customer subscriptions, as Azure's own clients see
//! them.

pub(crate) mod customer_subscriptions;
pub(crate) mod path;
pub(crate) mod registrations;
pub(crate) mod resource_groups;
mod version;

use app::registrations::RegistrationAddress;
use axum::extract::Request;
use axum::http::StatusCode;
use domain::ids::SubscriptionId;
use domain::resource_id::ResourceName;
use wire::arm::{Tags, check_location, check_tags};

use crate::error::Failure;
use crate::params::{Params, shown};

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

/// The answer of an ARM path that nothing is at.
pub(crate) fn nothing_here(request: &Request) -> Failure {
    let message = format!("The resource path '{}' is not served here.", shown(request.uri()));
    Failure::new(StatusCode::NOT_FOUND, "InvalidResourceType", message)
}

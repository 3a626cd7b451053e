//! The tags of a resource group or a registration, as a resource of their own.

use std::sync::Arc;

use app::access::Caller;
use app::registrations::RegistrationAddress;
use app::{Error, Kind};
use axum::Json;
use axum::extract::State;
use domain::ids::SubscriptionId;
use domain::resource_id::ResourceName;
use wire::arm::resources::{PatchTags, PutTags, TagOperation, TagsResource};
use wire::arm::{Tags, check_tags};

use super::resource_types::TAGS;
use super::version::speaks;
use super::{checked_tags, registration, registrations, resource_group, subscription};
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};

/// What has tags.
enum Tagged {
    Group(SubscriptionId, ResourceName),
    Registration(RegistrationAddress),
}

impl Tagged {
    fn of(params: &Params) -> Result<Self, Failure> {
        if params.find("registrationName").is_some() {
            return registration(params).map(Self::Registration);
        }
        Ok(Self::Group(subscription(params)?, resource_group(params)?))
    }

    fn tags(&self, door: &Door) -> Result<TagsResource, Failure> {
        Ok(match self {
            Self::Group(subscription, name) => {
                let group = door.app.resource_group(*subscription, name)?;
                let id = format!("/subscriptions/{subscription}/resourceGroups/{}", group.name);
                TagsResource::of(&id, group.tags)
            }
            Self::Registration(at) => {
                let registration = registrations::found(door, at)?;
                TagsResource::of(&registration.path().to_string(), registration.tags)
            }
        })
    }

    async fn change(
        &self,
        door: &Door,
        caller: &Caller,
        operation: TagOperation,
        named: Tags,
    ) -> Result<(), Failure> {
        let change = |tags: &Tags| {
            let tags = operation.apply(tags.clone(), named.clone());
            let checked = check_tags(&tags).map(|()| tags);
            checked.map_err(|error| {
                let message = format!("The tags that come of it cannot be kept: {error}.");
                Error::new(Kind::Invalid, "InvalidTags", message).about("properties.tags")
            })
        };
        match self {
            Self::Group(subscription, name) => {
                let group = door.app.tag_resource_group(caller, *subscription, name, change);
                group.await?;
            }
            Self::Registration(at) => door.app.tag_registration(caller, at, change).await?,
        }
        Ok(())
    }
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<TagsResource>, Failure> {
    speaks(&query, &TAGS)?;
    Ok(Json(Tagged::of(&params)?.tags(&door)?))
}

pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutTags>,
) -> Result<Json<TagsResource>, Failure> {
    speaks(&query, &TAGS)?;
    let named = checked_tags(asked.properties.tags)?.unwrap_or_default();
    changed(&door, &caller, &params, TagOperation::Replace, named).await
}

pub(crate) async fn patch(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PatchTags>,
) -> Result<Json<TagsResource>, Failure> {
    speaks(&query, &TAGS)?;
    let operation = TagOperation::from_name(&asked.operation).ok_or_else(|| {
        let message = format!(
            "The operation is '{}'. Expected Merge, Replace or Delete.",
            excerpt(&asked.operation)
        );
        Failure::invalid("InvalidTagOperation", message).about("operation")
    })?;
    let named = checked_tags(asked.properties.tags)?.unwrap_or_default();
    changed(&door, &caller, &params, operation, named).await
}

/// Takes all tags away.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<TagsResource>, Failure> {
    speaks(&query, &TAGS)?;
    changed(&door, &caller, &params, TagOperation::Replace, Tags::new()).await
}

async fn changed(
    door: &Door,
    caller: &Caller,
    params: &Params,
    operation: TagOperation,
    named: Tags,
) -> Result<Json<TagsResource>, Failure> {
    let tagged = Tagged::of(params)?;
    tagged.change(door, caller, operation, named).await?;
    tagged.tags(door).map(Json)
}

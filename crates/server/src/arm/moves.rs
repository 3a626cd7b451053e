//! Moving registrations into another resource group: all that are named, or none.

use std::sync::Arc;

use app::moves::MoveRegistrations;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::authorization::Scope;
use domain::ids::SubscriptionId;
use domain::resource_id::ResourceName;
use wire::arm::resources::MoveResources;

use super::operations::Outcome;
use super::resource_types::RESOURCE_GROUPS;
use super::version::speaks;
use super::{operations, resource_group, subscription};
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, beginning};

pub(crate) async fn perform(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
    body::Json(asked): body::Json<MoveResources>,
) -> Result<(StatusCode, HeaderMap), Failure> {
    let request = read(&params, &query, &asked)?;
    door.app.move_registrations(&caller, &request).await?;
    operations::accepted(&door, &uri, request.from.0, Outcome::NoContent)
}

/// Whether they could be moved. Nothing is.
pub(crate) async fn validate(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
    body::Json(asked): body::Json<MoveResources>,
) -> Result<(StatusCode, HeaderMap), Failure> {
    let request = read(&params, &query, &asked)?;
    door.app.check_move(&caller, &request)?;
    operations::accepted(&door, &uri, request.from.0, Outcome::NoContent)
}

fn read(params: &Params, query: &Query, asked: &MoveResources) -> Result<MoveRegistrations, Failure> {
    speaks(query, &RESOURCE_GROUPS)?;
    let from = (subscription(params)?, resource_group(params)?);
    let to = target(&asked.target_resource_group)?;
    let names = asked.resources.iter().map(|id| registration_in(&from, id));
    Ok(MoveRegistrations {
        names: names.collect::<Result<_, _>>()?,
        from,
        to,
    })
}

fn target(id: &str) -> Result<(SubscriptionId, ResourceName), Failure> {
    match id.parse() {
        Ok(Scope::ResourceGroup(subscription, group)) => Ok((subscription, group)),
        _ => {
            let message = format!(
                "targetResourceGroup is '{}': expected /subscriptions/{{id}}/resourceGroups/{{name}}.",
                shown(id)
            );
            Err(Failure::invalid("InvalidMoveRequest", message).about("targetResourceGroup"))
        }
    }
}

/// The name of the registration that an id is of: nothing else is moved, and what is inside moves with it.
fn registration_in(from: &(SubscriptionId, ResourceName), id: &str) -> Result<ResourceName, Failure> {
    let scope = id.parse::<Scope>().ok();
    let name = scope.as_ref().and_then(|scope| match scope {
        Scope::Resource(subscription, group, path) if (subscription, group) == (&from.0, &from.1) => {
            path.registration()
        }
        _ => None,
    });
    let whole = name
        .as_ref()
        .map(|name| Scope::registration(from.0, &from.1, name));
    name.filter(|_| whole == scope).ok_or_else(|| {
        let message = format!(
            "Resource '{}' cannot be moved from here: expected the id of a registration in resource group '{}' of \
             subscription {}. Its customer subscriptions move with it.",
            shown(id),
            from.1,
            from.0
        );
        Failure::invalid("InvalidMoveRequest", message).about("resources")
    })
}

fn shown(id: &str) -> &str {
    const CHARS_MAX: usize = 300;
    beginning(id, CHARS_MAX)
}

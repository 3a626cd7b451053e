//! Subscriptions, directories and locations, as far as the caller may see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::ids::SubscriptionId;
use wire::arm::List;
use wire::arm::subscriptions::{Location, Subscription, Tenant};

use super::resource_types::{LOCATIONS, SUBSCRIPTIONS, TENANTS};
use super::subscription;
use super::version::speaks;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;

/// Locations that are offered for resource groups, with their names for people: those that the registration script takes
/// in each of Azure's clouds, if none is named, and `local`. A resource group may be anywhere else, too: to this server
/// a location is a word.
const OFFERED: [(&str, &str); 4] = [
    ("westcentralus", "West Central US"),
    ("chinaeast", "China East"),
    ("usgovvirginia", "USGov Virginia"),
    ("local", "Local"),
];

pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Subscription>>, Failure> {
    speaks(&query, &SUBSCRIPTIONS)?;
    let page = PageRequest::<SubscriptionId>::of(&query, pages::ARM)?;
    let seen = door.app.subscriptions_seen(&caller);
    let page = page.page_of_all(seen, |it| it.id, &door.base(&uri));
    Ok(page.listed(|it| Subscription::from(&it)))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<Subscription>, Failure> {
    speaks(&query, &SUBSCRIPTIONS)?;
    let known = door.app.subscription(subscription(&params)?)?;
    Ok(Json(Subscription::from(&known)))
}

/// The directories that the caller can sign in to: its own. An operator's credential is of none, and sees all.
pub(crate) async fn tenants(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
) -> Result<Json<List<Tenant>>, Failure> {
    speaks(&query, &TENANTS)?;
    let directories = match &caller {
        Caller::Operator { .. } => door.app.directories(&caller, None, usize::MAX),
        _ => door.app.own_directory(&caller).into_iter().collect(),
    };
    let value = directories
        .into_iter()
        .map(|it| Tenant::new(it.id.to_string(), it.name, it.domain.to_string()))
        .collect();
    Ok(Json(List {
        value,
        next_link: None,
    }))
}

/// Where resource groups can be: what is offered, and where those of the subscription are.
pub(crate) async fn locations(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<List<Location>>, Failure> {
    speaks(&query, &LOCATIONS)?;
    let subscription = subscription(&params)?;
    let groups = door.app.resource_groups(subscription, None, usize::MAX)?;
    let mut names: BTreeMap<String, String> = groups
        .into_iter()
        .map(|group| (group.location.clone(), group.location))
        .collect();
    names.extend(OFFERED.map(|(name, shown)| (name.to_owned(), shown.to_owned())));
    let subscription = subscription.to_string();
    let value = names
        .iter()
        .map(|(name, shown)| Location::of(&subscription, name, shown))
        .collect();
    Ok(Json(List {
        value,
        next_link: None,
    }))
}

//! Resource providers: what can be asked for, and in which api-versions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use wire::arm::List;
use wire::arm::providers::{Provider, ResourceType};
use wire::azure_stack::operations::{OPERATIONS, Operation};

use super::resource_types::{self, NAMESPACES, Namespace, PROVIDERS};
use super::subscription;
use super::version::speaks;
use crate::Door;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};

/// A provider below a subscription, or below the root.
fn shown(above: &str, namespace: &'static Namespace) -> Provider {
    let types = namespace.types.iter().map(|kind| ResourceType {
        resource_type: kind.name,
        locations: kind.locations,
        api_versions: kind.versions.told(),
        capabilities: kind.capabilities,
    });
    Provider {
        id: format!("{above}/providers/{}", namespace.name),
        namespace: namespace.name,
        registration_state: "Registered",
        registration_policy: "RegistrationFree",
        resource_types: types.collect(),
    }
}

fn listed(above: &str) -> Json<List<Provider>> {
    let value = NAMESPACES
        .iter()
        .map(|namespace| shown(above, namespace))
        .collect();
    Json(List {
        value,
        next_link: None,
    })
}

fn named(params: &Params) -> Result<&'static Namespace, Failure> {
    let name = params.text("resourceProviderNamespace")?;
    resource_types::namespace(name).ok_or_else(|| {
        let known: Vec<&str> = NAMESPACES.iter().map(|namespace| namespace.name).collect();
        let message = format!(
            "The resource namespace '{}' is invalid. Expected one of {}.",
            excerpt(name),
            known.join(", ")
        );
        Failure::new(StatusCode::NOT_FOUND, "InvalidResourceNamespace", message)
    })
}

fn above(params: &Params) -> Result<String, Failure> {
    Ok(format!("/subscriptions/{}", subscription(params)?))
}

pub(crate) async fn list_at_root(query: Query) -> Result<Json<List<Provider>>, Failure> {
    speaks(&query, &PROVIDERS)?;
    Ok(listed(""))
}

pub(crate) async fn get_at_root(params: Params, query: Query) -> Result<Json<Provider>, Failure> {
    speaks(&query, &PROVIDERS)?;
    Ok(Json(shown("", named(&params)?)))
}

pub(crate) async fn list(params: Params, query: Query) -> Result<Json<List<Provider>>, Failure> {
    speaks(&query, &PROVIDERS)?;
    Ok(listed(&above(&params)?))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<Provider>, Failure> {
    speaks(&query, &PROVIDERS)?;
    door.app.subscription(subscription(&params)?)?;
    Ok(Json(shown(&above(&params)?, named(&params)?)))
}

/// Says that the provider is registered, as every provider is with every subscription.
pub(crate) async fn unregister(params: Params, query: Query) -> Result<Json<Provider>, Failure> {
    speaks(&query, &PROVIDERS)?;
    let namespace = named(&params)?;
    let message = format!(
        "Provider '{}' is registered with every subscription and cannot be unregistered: nothing depends on it.",
        namespace.name
    );
    Err(Failure::new(
        StatusCode::CONFLICT,
        "ProviderAlwaysRegistered",
        message,
    ))
}

/// What can be done with resources of `Microsoft.AzureStack`.
pub(crate) async fn azure_stack_operations(query: Query) -> Result<Json<List<Operation>>, Failure> {
    speaks(&query, &resource_types::OPERATIONS)?;
    Ok(Json(List {
        value: OPERATIONS.to_vec(),
        next_link: None,
    }))
}

//! What roles can allow: the operations of each provider.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use wire::arm::List;
use wire::arm::providers::{ProviderOperation, ProviderOperations, TypeOperations};
use wire::azure_stack::operations::OPERATIONS;

use super::super::resource_types::{NAMESPACES, Namespace, PROVIDER_OPERATIONS, namespace};
use super::super::version::speaks;
use crate::access::Needs;
use crate::error::Failure;
use crate::params::Params;
use crate::query::{Query, excerpt};
use crate::router::route_table;

pub(crate) async fn list(query: Query) -> Result<Json<List<ProviderOperations>>, Failure> {
    speaks(&query, &PROVIDER_OPERATIONS)?;
    Ok(Json(List {
        value: NAMESPACES.iter().map(operations).collect(),
        next_link: None,
    }))
}

pub(crate) async fn get(params: Params, query: Query) -> Result<Json<ProviderOperations>, Failure> {
    speaks(&query, &PROVIDER_OPERATIONS)?;
    let name = params.text("resourceProviderNamespace")?;
    let found = namespace(name).map(|namespace| Json(operations(namespace)));
    found.ok_or_else(|| {
        let message = format!(
            "Provider '{}' is not found. GET /providers lists those that there are.",
            excerpt(name)
        );
        Failure::new(StatusCode::NOT_FOUND, "ProviderNotFound", message)
    })
}

/// The actions that routes name, and what is told of them elsewhere.
fn operations(namespace: &'static Namespace) -> ProviderOperations {
    let mut by_type: BTreeMap<&str, BTreeMap<&str, ProviderOperation>> = BTreeMap::new();
    let told = OPERATIONS.map(|it| (it.name, it.display.operation, it.display.description));
    let routes = route_table().into_iter().filter_map(|route| match route.needs {
        Needs::Action(action) => Some((action, action, "")),
        _ => None,
    });
    for (name, display_name, description) in told.into_iter().chain(routes) {
        let Some(("", rest)) = name.split_once(namespace.name) else {
            continue;
        };
        let operation = ProviderOperation {
            name,
            display_name,
            description,
            origin: "user,system",
            is_data_action: false,
        };
        let of_type = by_type.entry(kind(rest)).or_default();
        of_type.entry(name).or_insert(operation);
    }
    let of_none = by_type.remove("").unwrap_or_default();
    let types = by_type.into_iter().map(|(name, operations)| TypeOperations {
        name: name.to_owned(),
        display_name: name.to_owned(),
        operations: operations.into_values().collect(),
    });
    ProviderOperations {
        id: format!(
            "/providers/Microsoft.Authorization/providerOperations/{}",
            namespace.name
        ),
        name: namespace.name,
        kind: "Microsoft.Authorization/providerOperations",
        display_name: namespace.title,
        resource_types: types.collect(),
        operations: of_none.into_values().collect(),
    }
}

/// The type in `/<type>/read` or `/<type>/<what>/action`.
fn kind(rest: &str) -> &str {
    let rest = rest.trim_start_matches('/');
    let rest = rest.strip_suffix("/action").unwrap_or(rest);
    rest.rsplit_once('/').map_or("", |(kind, _)| kind)
}

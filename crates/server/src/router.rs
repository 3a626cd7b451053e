//! Every route on one screen: method, path, what the caller needs, and who answers.
//!
//! The table is the only way in. The router is built from it, each route behind the guard of [`crate::access`]; the
//! tests walk it, so that a route that lets somebody in who should stay out, or that the OpenAPI document does not
//! know, does not go unnoticed.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::decompression::RequestDecompressionLayer;

use crate::access::{self, Gate, Needs};
use crate::api::{
    accounts, deliveries, documents, mappings, meters, price_lists, registrations, stacks, statements, usage,
};
use crate::arm::{self, customer_subscriptions, resource_groups};
use crate::observe::{method_not_allowed, observe};
use crate::{Door, body, ops, unread};

macro_rules! arm_groups {
    ($rest:literal) => {
        concat!("/subscriptions/{subscriptionId}/resourceGroups", $rest)
    };
}

macro_rules! arm_registrations {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.AzureStack/registrations",
            $rest
        )
    };
}

#[rustfmt::skip]
fn routes() -> Vec<Route> {
    use Needs::{DirectoryOfStack, Nothing, Operator, UsageOfStack};
    vec![
        get("/healthz",                                                     Nothing,          ops::healthz),
        get("/readyz",                                                      Nothing,          ops::readyz),
        get("/metrics",                                                     Operator,         ops::metrics),

        get(arm_groups!(""),                                                Operator,         resource_groups::list),
        put(arm_groups!("/{resourceGroupName}"),                            Operator,         resource_groups::put),
        get(arm_groups!("/{resourceGroupName}"),                            Operator,         resource_groups::get),
        head(arm_groups!("/{resourceGroupName}"),                           Operator,         resource_groups::head),
        delete(arm_groups!("/{resourceGroupName}"),                         Operator,         resource_groups::delete),

        get("/subscriptions/{subscriptionId}/providers/Microsoft.AzureStack/registrations",
                                                                            Operator,         arm::registrations::list_of_subscription),
        get(arm_registrations!(""),                                         Operator,         arm::registrations::list_of_group),
        put(arm_registrations!("/{registrationName}"),                      Operator,         arm::registrations::put),
        patch(arm_registrations!("/{registrationName}"),                    Operator,         arm::registrations::patch),
        get(arm_registrations!("/{registrationName}"),                      Operator,         arm::registrations::get),
        delete(arm_registrations!("/{registrationName}"),                   Operator,         arm::registrations::delete),
        post(arm_registrations!("/{registrationName}/getActivationKey"),    Operator,         arm::registrations::activation_key),
        get(arm_registrations!("/{registrationName}/customerSubscriptions"), Operator,        customer_subscriptions::list),
        put(arm_registrations!("/{registrationName}/customerSubscriptions/{customerSubscriptionName}"),
                                                                            Operator,         customer_subscriptions::put),
        get(arm_registrations!("/{registrationName}/customerSubscriptions/{customerSubscriptionName}"),
                                                                            Operator,         customer_subscriptions::get),
        delete(arm_registrations!("/{registrationName}/customerSubscriptions/{customerSubscriptionName}"),
                                                                            Operator,         customer_subscriptions::delete),

        get("/api/v1/openapi.json",                                         Nothing,          documents::openapi),
        get("/api/v1/partners",                                             Operator,         accounts::list_partners),
        post("/api/v1/partners",                                            Operator,         accounts::create_partner),
        get("/api/v1/partners/{partnerId}",                                 Operator,         accounts::get_partner),
        get("/api/v1/customers",                                            Operator,         accounts::list_customers),
        post("/api/v1/customers",                                           Operator,         accounts::create_customer),
        get("/api/v1/customers/{customerId}",                               Operator,         accounts::get_customer),
        get("/api/v1/subscriptions",                                        Operator,         accounts::list_subscriptions),
        post("/api/v1/subscriptions",                                       Operator,         accounts::create_subscription),
        get("/api/v1/subscriptions/{subscriptionId}",                       Operator,         accounts::get_subscription),
        post("/api/v1/subscriptions/{subscriptionId}/suspend",              Operator,         accounts::suspend_subscription),
        post("/api/v1/subscriptions/{subscriptionId}/activate",             Operator,         accounts::activate_subscription),
        get("/api/v1/registration-advice",                                  Operator,         registrations::advice),
        post("/api/v1/registrations/{cloudId}/approve-multi-tenancy",       Operator,         registrations::approve_multi_tenancy),
        post("/api/v1/registrations/{cloudId}/backdate",                    Operator,         registrations::backdate),
        get("/api/v1/registrations/{cloudId}/tenant-mappings",              Operator,         mappings::history),
        post("/api/v1/registrations/{cloudId}/tenant-mappings",             Operator,         mappings::map),
        get("/api/v1/stacks",                                               Operator,         stacks::list),
        get("/api/v1/stacks/{cloudId}/receipts",                            Operator,         stacks::receipts),
        put("/api/v1/stacks/{cloudId}/subscriptions",                       DirectoryOfStack, stacks::put_directory),
        post("/api/v1/stacks/{cloudId}/usage",                              UsageOfStack,     deliveries::deliver),
        get("/api/v1/stacks/{cloudId}/usage",                               Operator,         usage::records),
        get("/api/v1/usage/measured",                                       Operator,         usage::measured),
        get("/api/v1/usage/unmapped",                                       Operator,         usage::unmapped),
        get("/api/v1/quarantine",                                           Operator,         usage::quarantine),
        get("/api/v1/meters",                                               Operator,         meters::list),
        get("/api/v1/price-lists",                                          Operator,         price_lists::list),
        get("/api/v1/price-lists/{name}",                                   Operator,         price_lists::get),
        put("/api/v1/price-lists/{name}",                                   Operator,         price_lists::put),
        get("/api/v1/statements",                                           Operator,         statements::list),
        get("/api/v1/statements/{subscriptionId}",                          Operator,         statements::get),
        get("/api/v1/periods/{period}/check",                               Operator,         statements::check),
    ]
}

/// A line of the route table, as far as it can be told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteLine {
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What the caller needs.
    pub needs: Needs,
}

/// Every route, for tests and tools that walk all of them.
#[must_use]
pub fn route_table() -> Vec<RouteLine> {
    routes().into_iter().map(|route| route.line).collect()
}

struct Route {
    line: RouteLine,
    handler: MethodRouter<Arc<Door>>,
}

type Shared = Arc<Door>;

macro_rules! methods {
    ($($name:ident = $filter:ident),+ $(,)?) => {$(
        fn $name<H: Handler<T, Shared>, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Route {
            let line = RouteLine { method: stringify!($filter), path, needs };
            Route { line, handler: on(MethodFilter::$filter, handler) }
        }
    )+};
}

methods! { get = GET, head = HEAD, put = PUT, post = POST, patch = PATCH, delete = DELETE }

/// The whole door.
///
/// From the outside in: observation (id, time limit, log), the rest of refused bodies, the spelling of ARM paths, then
/// the table. The spelling comes
/// before routes are looked up, so the table is a service of its own behind it.
pub(crate) fn build(door: Shared) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter<Shared>> = BTreeMap::new();
    for Route { line, handler } in routes() {
        let gate = Gate {
            door: Arc::clone(&door),
            needs: line.needs,
            path: line.path,
        };
        let guarded = handler
            .layer(RequestDecompressionLayer::new())
            .layer(from_fn_with_state(Arc::clone(&door), body::admit))
            .layer(from_fn_with_state(gate, access::guard));
        let methods = by_path.remove(line.path).unwrap_or_default();
        by_path.insert(line.path, methods.merge(guarded));
    }
    let table = by_path
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        });
    let table = table
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(nothing_here)
        .with_state(Arc::clone(&door));
    Router::new()
        .fallback_service(table)
        .layer(map_request(canonical))
        .layer(from_fn(unread::read_to_the_end))
        .layer(from_fn_with_state(door, observe))
}

async fn canonical(mut request: Request) -> Request {
    *request.uri_mut() = arm::path::canonical(std::mem::take(request.uri_mut()));
    request
}

async fn nothing_here(request: Request) -> crate::error::Failure {
    if arm::path::is_arm(request.uri().path()) {
        arm::nothing_here(&request)
    } else {
        access::nothing_here(&request)
    }
}

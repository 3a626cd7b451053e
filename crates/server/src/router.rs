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
    accounts, applications, budgets, bundles, completeness, deliveries, directories, documents, explain,
    forecasts, groups, invoice_papers, invoices, mappings, margins, me, meters, operator_credentials,
    partner_roles, periods, price_drafts, price_lists, quarantine, reconciliations, registrations, stacks,
    statements, suggestions, usage, users, webhooks,
};
use crate::arm;
use crate::graph;
use crate::identity::{authorize, device_pages, discovery, grants, sign_out};
use crate::observe::{method_not_allowed, observe};
use crate::{Door, body, identity, ops, unread};

/// Every route. Those of Azure Resource Manager are in a table of their own.
fn routes() -> Vec<Route> {
    own_routes().into_iter().chain(arm::routes::routes()).collect()
}

#[rustfmt::skip]
fn own_routes() -> Vec<Route> {
    use Needs::{DirectoryOfStack, Nothing, Operator, SignIn, SignedIn, UsageOfStack};
    vec![
        get("/healthz",                                                     Nothing,          ops::healthz),
        get("/readyz",                                                      Nothing,          ops::readyz),
        get(ops::METRICS,                                                   Operator,         ops::metrics),

        get("/{authority}/.well-known/openid-configuration",                SignIn,           discovery::first_form),
        get("/{authority}/v2.0/.well-known/openid-configuration",           SignIn,           discovery::second_form),
        get("/adfs/v2.0/.well-known/openid-configuration",                  SignIn,           discovery::of_federation),
        get("/adfs/{authority}/.well-known/openid-configuration",           SignIn,           discovery::first_form),
        get("/adfs/{authority}/v2.0/.well-known/openid-configuration",      SignIn,           discovery::second_form),
        get("/{authority}/discovery/instance",                              SignIn,           discovery::instance),
        get("/{authority}/discovery/keys",                                  SignIn,           discovery::keys),
        get("/{authority}/discovery/v2.0/keys",                             SignIn,           discovery::keys),
        get("/{authority}/oauth2/authorize",                                SignIn,           authorize::page),
        post("/{authority}/oauth2/authorize",                               SignIn,           authorize::entered),
        get("/{authority}/oauth2/v2.0/authorize",                           SignIn,           authorize::page),
        post("/{authority}/oauth2/v2.0/authorize",                          SignIn,           authorize::entered),
        post("/{authority}/oauth2/token",                                   SignIn,           grants::first_form),
        post("/{authority}/oauth2/v2.0/token",                              SignIn,           grants::second_form),
        post("/{authority}/oauth2/devicecode",                              SignIn,           device_pages::begin),
        post("/{authority}/oauth2/v2.0/devicecode",                         SignIn,           device_pages::begin),
        get("/{authority}/oauth2/deviceauth",                               SignIn,           device_pages::page),
        post("/{authority}/oauth2/deviceauth",                              SignIn,           device_pages::entered),
        get("/{authority}/oauth2/logout",                                   SignIn,           sign_out::page),
        get("/{authority}/oauth2/v2.0/logout",                              SignIn,           sign_out::page),
        post("/{authority}/oauth2/revoke",                                  SignIn,           sign_out::revoke),
        post("/{authority}/oauth2/v2.0/revoke",                             SignIn,           sign_out::revoke),

        get("/graph/v1.0/users",                                            SignedIn,         graph::users),
        get("/graph/v1.0/servicePrincipals",                                SignedIn,         graph::service_principals),
        post("/graph/v1.0/directoryObjects/getByIds",                       SignedIn,         graph::get_by_ids),

        get("/api/v1/openapi.json",                                         Nothing,          documents::openapi),
        get("/api/v1/me",                                                   SignedIn,         me::get),
        put("/api/v1/me/password",                                          SignedIn,         me::change_password),
        get("/api/v1/directories",                                          SignedIn,         directories::list),
        post("/api/v1/directories",                                         SignedIn,         directories::create),
        get("/api/v1/directories/{directoryId}",                            SignedIn,         directories::get),
        delete("/api/v1/directories/{directoryId}",                         SignedIn,         directories::delete),
        get("/api/v1/directories/{directoryId}/users",                      SignedIn,         users::list),
        post("/api/v1/directories/{directoryId}/users",                     SignedIn,         users::create),
        get("/api/v1/users/{userId}",                                       SignedIn,         users::get),
        delete("/api/v1/users/{userId}",                                    SignedIn,         users::delete),
        put("/api/v1/users/{userId}/password",                              SignedIn,         users::set_password),
        post("/api/v1/users/{userId}/disable",                              SignedIn,         users::disable),
        post("/api/v1/users/{userId}/enable",                               SignedIn,         users::enable),
        get("/api/v1/directories/{directoryId}/applications",               SignedIn,         applications::list),
        post("/api/v1/directories/{directoryId}/applications",              SignedIn,         applications::create),
        get("/api/v1/applications/{applicationId}",                         SignedIn,         applications::get),
        delete("/api/v1/applications/{applicationId}",                      SignedIn,         applications::delete),
        post("/api/v1/applications/{applicationId}/disable",                SignedIn,         applications::disable),
        post("/api/v1/applications/{applicationId}/enable",                 SignedIn,         applications::enable),
        post("/api/v1/applications/{applicationId}/secrets",                SignedIn,         applications::add_secret),
        post("/api/v1/applications/{applicationId}/certificates",           SignedIn,         applications::add_certificate),
        delete("/api/v1/applications/{applicationId}/credentials/{credentialId}", SignedIn,        applications::remove_credential),
        get("/api/v1/directories/{directoryId}/groups",                     SignedIn,         groups::list),
        post("/api/v1/directories/{directoryId}/groups",                    SignedIn,         groups::create),
        get("/api/v1/groups/{groupId}",                                     SignedIn,         groups::get),
        delete("/api/v1/groups/{groupId}",                                  SignedIn,         groups::delete),
        put("/api/v1/groups/{groupId}/members/{memberId}",                  SignedIn,         groups::add_member),
        delete("/api/v1/groups/{groupId}/members/{memberId}",               SignedIn,         groups::remove_member),
        get("/api/v1/operator-credentials",                                 Operator,         operator_credentials::list),
        post("/api/v1/operator-credentials",                                Operator,         operator_credentials::create),
        delete("/api/v1/operator-credentials/{operatorId}",                 Operator,         operator_credentials::revoke),
        get("/api/v1/webhooks",                                             Operator,         webhooks::list),
        put("/api/v1/webhooks/{webhook}",                                   Operator,         webhooks::set),
        delete("/api/v1/webhooks/{webhook}",                                Operator,         webhooks::remove),
        post("/api/v1/webhooks/{webhook}/test",                             Operator,         webhooks::test),
        get("/api/v1/webhooks/{webhook}/deliveries",                        Operator,         webhooks::deliveries),
        post("/api/v1/webhooks/{webhook}/deliveries/{noticeId}/redeliver",  Operator,         webhooks::redeliver),
        get("/api/v1/webhook-keys",                                         Nothing,          webhooks::keys),

        get("/api/v1/partner-roles",                                        SignedIn,         partner_roles::list),
        put("/api/v1/platform-operators/{principalId}",                     SignedIn,         partner_roles::assign_platform_operator),
        delete("/api/v1/platform-operators/{principalId}",                  SignedIn,         partner_roles::unassign_platform_operator),
        put("/api/v1/partners/{partnerId}/admin-agents/{principalId}",      SignedIn,         partner_roles::assign_admin_agent),
        delete("/api/v1/partners/{partnerId}/admin-agents/{principalId}",   SignedIn,         partner_roles::unassign_admin_agent),
        put("/api/v1/customers/{customerId}/users/{principalId}",           SignedIn,         partner_roles::assign_customer_user),
        delete("/api/v1/customers/{customerId}/users/{principalId}",        SignedIn,         partner_roles::unassign_customer_user),

        get("/api/v1/partners",                                             SignedIn,         accounts::list_partners),
        post("/api/v1/partners",                                            Operator,         accounts::create_partner),
        get("/api/v1/partners/{partnerId}",                                 SignedIn,         accounts::get_partner),
        delete("/api/v1/partners/{partnerId}",                              Operator,         accounts::delete_partner),
        get("/api/v1/customers",                                            SignedIn,         accounts::list_customers),
        post("/api/v1/customers",                                           SignedIn,         accounts::create_customer),
        get("/api/v1/customers/{customerId}",                               SignedIn,         accounts::get_customer),
        delete("/api/v1/customers/{customerId}",                            SignedIn,         accounts::delete_customer),
        get("/api/v1/subscriptions",                                        SignedIn,         accounts::list_subscriptions),
        post("/api/v1/subscriptions",                                       SignedIn,         accounts::create_subscription),
        get("/api/v1/subscriptions/{subscriptionId}",                       SignedIn,         accounts::get_subscription),
        delete("/api/v1/subscriptions/{subscriptionId}",                    SignedIn,         accounts::delete_subscription),
        post("/api/v1/subscriptions/{subscriptionId}/suspend",              SignedIn,         accounts::suspend_subscription),
        post("/api/v1/subscriptions/{subscriptionId}/activate",             SignedIn,         accounts::activate_subscription),
        get("/api/v1/registration-advice",                                  SignedIn,         registrations::advice),
        post("/api/v1/registrations/{cloudId}/approve-multi-tenancy",       Operator,         registrations::approve_multi_tenancy),
        post("/api/v1/registrations/{cloudId}/backdate",                    Operator,         registrations::backdate),
        post("/api/v1/registrations/{cloudId}/revoke-activation-keys",      SignedIn,         registrations::revoke_activation_keys),
        put("/api/v1/registrations/{cloudId}/bundle-key",                   SignedIn,         bundles::register_key),
        get("/api/v1/registrations/{cloudId}/tenant-mappings",              SignedIn,         mappings::history),
        post("/api/v1/registrations/{cloudId}/tenant-mappings",             SignedIn,         mappings::map),
        post("/api/v1/registrations/{cloudId}/tenant-mappings/preview",     SignedIn,         mappings::preview),
        get("/api/v1/stacks",                                               SignedIn,         stacks::list),
        get("/api/v1/completeness",                                         SignedIn,         completeness::list),
        get("/api/v1/stacks/{cloudId}/completeness",                        SignedIn,         completeness::get),
        get("/api/v1/stacks/{cloudId}/receipts",                            SignedIn,         stacks::receipts),
        get("/api/v1/stacks/{cloudId}/bundles",                             SignedIn,         bundles::list),
        post("/api/v1/stacks/{cloudId}/bundles/check",                      UsageOfStack,     bundles::check),
        put("/api/v1/stacks/{cloudId}/bundles/{digest}",                    UsageOfStack,     bundles::take),
        get("/api/v1/stacks/{cloudId}/bundles/{digest}",                    SignedIn,         bundles::receipt),
        put("/api/v1/stacks/{cloudId}/subscriptions",                       DirectoryOfStack, stacks::put_directory),
        post("/api/v1/stacks/{cloudId}/usage",                              UsageOfStack,     deliveries::deliver),
        get("/api/v1/stacks/{cloudId}/usage",                               SignedIn,         usage::records),
        get("/api/v1/usage/measured",                                       Operator,         usage::measured),
        get("/api/v1/usage/unmapped",                                       SignedIn,         usage::unmapped),
        get("/api/v1/tenant-suggestions",                                   SignedIn,         suggestions::list),
        get("/api/v1/quarantine",                                           Operator,         quarantine::list),
        get("/api/v1/quarantine/summary",                                   Operator,         quarantine::summary),
        get("/api/v1/quarantine/history",                                   Operator,         quarantine::history),
        post("/api/v1/quarantine/release",                                  Operator,         quarantine::release),
        post("/api/v1/quarantine/purge",                                    Operator,         quarantine::purge),
        get("/api/v1/meters",                                               SignedIn,         meters::list),
        get("/api/v1/price-lists",                                          SignedIn,         price_lists::list),
        get("/api/v1/price-lists/{name}",                                   SignedIn,         price_lists::get),
        put("/api/v1/price-lists/{name}",                                   SignedIn,         price_lists::put),
        get("/api/v1/price-list-drafts",                                    SignedIn,         price_drafts::list),
        get("/api/v1/price-list-drafts/{name}",                             SignedIn,         price_drafts::get),
        put("/api/v1/price-list-drafts/{name}",                             SignedIn,         price_drafts::put),
        delete("/api/v1/price-list-drafts/{name}",                          SignedIn,         price_drafts::delete),
        get("/api/v1/price-list-drafts/{name}/diff",                        SignedIn,         price_drafts::diff),
        post("/api/v1/price-list-drafts/{name}/publish",                    SignedIn,         price_drafts::publish),
        post("/api/v1/price-list-drafts/{name}/import",                     SignedIn,         price_drafts::import),
        get("/api/v1/statements",                                           SignedIn,         statements::list),
        get("/api/v1/statements/{subscriptionId}",                          SignedIn,         statements::get),
        get("/api/v1/periods/{period}/check",                               Operator,         statements::check),
        get("/api/v1/periods",                                              Operator,         periods::list),
        get("/api/v1/periods/{period}",                                     Operator,         periods::get),
        post("/api/v1/periods/{period}/close",                              Operator,         periods::close),
        post("/api/v1/periods/{period}/waivers",                            Operator,         periods::waive),
        post("/api/v1/periods/{period}/replay",                             Operator,         periods::replay),
        get("/api/v1/periods/{period}/running",                             SignedIn,         periods::running),
        get("/api/v1/periods/{period}/running/statement",                   SignedIn,         periods::running_statement),
        get("/api/v1/invoices",                                             SignedIn,         invoices::list),
        get("/api/v1/invoices/{number}",                                    SignedIn,         invoices::get),
        post("/api/v1/invoices/{number}/replay",                            SignedIn,         invoices::replay),
        get("/api/v1/invoices/{number}/document",                           SignedIn,         invoice_papers::invoice),
        get("/api/v1/periods/{period}/running/document",                    SignedIn,         invoice_papers::running),
        put("/api/v1/sellers/{seller}/profile",                             SignedIn,         invoice_papers::set_seller_profile),
        get("/api/v1/sellers/{seller}/profile",                             SignedIn,         invoice_papers::seller_profile),
        put("/api/v1/buyers/{buyer}/profile",                               SignedIn,         invoice_papers::set_buyer_profile),
        get("/api/v1/buyers/{buyer}/profile",                               SignedIn,         invoice_papers::buyer_profile),
        get("/api/v1/periods/{period}/margins",                             SignedIn,         margins::get),
        get("/api/v1/periods/{period}/what-if",                             SignedIn,         forecasts::what_if),
        get("/api/v1/periods/{period}/forecast",                            SignedIn,         forecasts::forecast),
        post("/api/v1/reconciliations",                                     SignedIn,         reconciliations::reconcile),
        get("/api/v1/invoice-lines/{lineId}/explain",                       SignedIn,         explain::explain),
        get("/api/v1/budgets",                                              SignedIn,         budgets::list),
        get("/api/v1/budgets/{budget}",                                     SignedIn,         budgets::get),
        put("/api/v1/budgets/{budget}",                                     SignedIn,         budgets::put),
        delete("/api/v1/budgets/{budget}",                                  SignedIn,         budgets::delete),
        get("/api/v1/terms",                                                SignedIn,         periods::terms),
        put("/api/v1/terms",                                                SignedIn,         periods::set_terms),
        put("/api/v1/registrations/{cloudId}/cores",                        Operator,         periods::state_cores),
        get("/api/v1/exchange-rates",                                       Operator,         periods::exchange_rates),
        put("/api/v1/exchange-rates",                                       Operator,         periods::set_exchange_rate),
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

/// A route: its line in the table, and who answers.
pub(crate) struct Route {
    line: RouteLine,
    handler: MethodRouter<Arc<Door>>,
}

type Shared = Arc<Door>;

macro_rules! methods {
    ($($name:ident = $filter:ident),+ $(,)?) => {$(
        pub(crate) fn $name<H: Handler<T, Shared>, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Route {
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
    let uri = identity::authority::canonical(std::mem::take(request.uri_mut()));
    *request.uri_mut() = arm::path::canonical(uri);
    request
}

async fn nothing_here(request: Request) -> crate::error::Failure {
    if arm::path::is_arm(request.uri().path()) {
        arm::nothing_here(&request)
    } else {
        access::nothing_here(&request)
    }
}

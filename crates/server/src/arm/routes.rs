//! Every route of Azure Resource Manager: method, path, the action that the caller's roles have to allow, and who answers.
//!
//! The scope at which the action has to be allowed is the deepest that the path names: see [`super::scope`].

use super::authorization::{locks, permissions, provider_operations, role_assignments, role_definitions};
use super::{
    customer_subscriptions, deployment, linked_subscriptions, metadata, moves, operations, products,
    providers, registrations, resource_groups, resources, subscriptions, tags,
};
use crate::access::Needs::{self, Action, Nothing, SeenSubscription, SignedIn};
use crate::router::{Route, delete, get, head, patch, post, put};

macro_rules! subscription {
    ($rest:literal) => {
        concat!("/subscriptions/{subscriptionId}", $rest)
    };
}

macro_rules! group {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}",
            $rest
        )
    };
}

macro_rules! registration {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.AzureStack/\
             registrations/{registrationName}",
            $rest
        )
    };
}

macro_rules! customer {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.AzureStack/\
             registrations/{registrationName}/customerSubscriptions/{customerSubscriptionName}",
            $rest
        )
    };
}

/// The routes of what exists at every scope: the root, subscriptions, resource groups, registrations and their customer
/// subscriptions.
macro_rules! at_every_scope {
    ($($method:ident $rest:literal, $needs:expr, $handler:expr;)+) => {
        vec![$(
            $method(concat!("/providers/Microsoft.Authorization", $rest), $needs, $handler),
            $method(concat!(subscription!("/providers/Microsoft.Authorization"), $rest), $needs, $handler),
            $method(concat!(group!("/providers/Microsoft.Authorization"), $rest), $needs, $handler),
            $method(concat!(registration!("/providers/Microsoft.Authorization"), $rest), $needs, $handler),
            $method(concat!(customer!("/providers/Microsoft.Authorization"), $rest), $needs, $handler),
        )+]
    };
}

pub(crate) fn routes() -> Vec<Route> {
    [resource_manager(), azure_stack(), authorization()]
        .into_iter()
        .flatten()
        .collect()
}

const READ_SUBSCRIPTION_RESOURCES: Needs =
    Action("Microsoft.Resources/subscriptions/resourceGroups/resources/read");
const READ_GROUP: Needs = Action("Microsoft.Resources/subscriptions/resourceGroups/read");
const WRITE_GROUP: Needs = Action("Microsoft.Resources/subscriptions/resourceGroups/write");
const DELETE_GROUP: Needs = Action("Microsoft.Resources/subscriptions/resourceGroups/delete");
const MOVE: Needs = Action("Microsoft.Resources/subscriptions/resourceGroups/moveResources/action");
const VALIDATE_MOVE: Needs =
    Action("Microsoft.Resources/subscriptions/resourceGroups/validateMoveResources/action");
const REGISTER: Needs = Action("Microsoft.AzureStack/register/action");
const READ_TAGS: Needs = Action("Microsoft.Resources/tags/read");
const WRITE_TAGS: Needs = Action("Microsoft.Resources/tags/write");
const DELETE_TAGS: Needs = Action("Microsoft.Resources/tags/delete");

/// What a caller sees of lists in a subscription is decided for each item: whoever has a role at one resource group finds
/// that group.
#[rustfmt::skip]
fn resource_manager() -> Vec<Route> {
    vec![
        get("/metadata/endpoints",                                  Nothing,            metadata::endpoints),
        get("/tenants",                                             SignedIn,           subscriptions::tenants),
        get("/subscriptions",                                       SignedIn,           subscriptions::list),
        get(subscription!(""),                                      SeenSubscription,   subscriptions::get),
        get(subscription!("/locations"),                            SeenSubscription,   subscriptions::locations),
        get("/providers",                                           SignedIn,           providers::list_at_root),
        get("/providers/{resourceProviderNamespace}",               SignedIn,           providers::get_at_root),
        get(subscription!("/providers"),                            SeenSubscription,   providers::list),
        get(subscription!("/providers/{resourceProviderNamespace}"), SeenSubscription,  providers::get),
        post(subscription!("/providers/{resourceProviderNamespace}/register"), REGISTER, providers::get),
        post(subscription!("/providers/{resourceProviderNamespace}/unregister"), REGISTER, providers::unregister),
        get(subscription!("/resources"),                            SeenSubscription,   resources::list),
        get(subscription!("/operationresults/{operationId}"),       SeenSubscription,   operations::result),

        get(subscription!("/resourceGroups"),                       SeenSubscription,   resource_groups::list),
        put(group!(""),                                             WRITE_GROUP,        resource_groups::put),
        patch(group!(""),                                           WRITE_GROUP,        resource_groups::patch),
        get(group!(""),                                             READ_GROUP,         resource_groups::get),
        head(group!(""),                                            READ_GROUP,         resource_groups::head),
        delete(group!(""),                                          DELETE_GROUP,       resource_groups::delete),
        get(group!("/resources"),                                   READ_SUBSCRIPTION_RESOURCES, resources::list_of_group),
        post(group!("/moveResources"),                              MOVE,               moves::perform),
        post(group!("/validateMoveResources"),                      VALIDATE_MOVE,      moves::validate),

        get(group!("/providers/Microsoft.Resources/tags/default"),          READ_TAGS,  tags::get),
        put(group!("/providers/Microsoft.Resources/tags/default"),          WRITE_TAGS, tags::put),
        patch(group!("/providers/Microsoft.Resources/tags/default"),        WRITE_TAGS, tags::patch),
        delete(group!("/providers/Microsoft.Resources/tags/default"),       DELETE_TAGS, tags::delete),
        get(registration!("/providers/Microsoft.Resources/tags/default"),   READ_TAGS,  tags::get),
        put(registration!("/providers/Microsoft.Resources/tags/default"),   WRITE_TAGS, tags::put),
        patch(registration!("/providers/Microsoft.Resources/tags/default"), WRITE_TAGS, tags::patch),
        delete(registration!("/providers/Microsoft.Resources/tags/default"), DELETE_TAGS, tags::delete),
    ]
}

const READ_REGISTRATION: Needs = Action("Microsoft.AzureStack/registrations/read");
const WRITE_REGISTRATION: Needs = Action("Microsoft.AzureStack/registrations/write");
const DELETE_REGISTRATION: Needs = Action("Microsoft.AzureStack/registrations/delete");
const ACTIVATION_KEY: Needs = Action("Microsoft.AzureStack/registrations/getActivationKey/action");
const REMOTE_MANAGEMENT: Needs = Action("Microsoft.AzureStack/registrations/enableRemoteManagement/action");
const READ_CUSTOMER: Needs = Action("Microsoft.AzureStack/registrations/customerSubscriptions/read");
const WRITE_CUSTOMER: Needs = Action("Microsoft.AzureStack/registrations/customerSubscriptions/write");
const DELETE_CUSTOMER: Needs = Action("Microsoft.AzureStack/registrations/customerSubscriptions/delete");
const READ_PRODUCT: Needs = Action("Microsoft.AzureStack/registrations/products/read");
const PRODUCT_DETAILS: Needs = Action("Microsoft.AzureStack/registrations/products/listDetails/action");
const LIST_PRODUCTS: Needs = Action("Microsoft.AzureStack/registrations/products/listProducts/action");
const GET_PRODUCTS: Needs = Action("Microsoft.AzureStack/registrations/products/getProducts/action");
const GET_PRODUCT: Needs = Action("Microsoft.AzureStack/registrations/products/getProduct/action");
const PRODUCT_LOG: Needs = Action("Microsoft.AzureStack/registrations/products/uploadProductLog/action");
const READ_LINKED: Needs = Action("Microsoft.AzureStack/linkedSubscriptions/read");
const WRITE_LINKED: Needs = Action("Microsoft.AzureStack/linkedSubscriptions/write");
const DELETE_LINKED: Needs = Action("Microsoft.AzureStack/linkedSubscriptions/delete");
const LICENSE: Needs = Action("Microsoft.AzureStack/generateDeploymentLicense/action");

#[rustfmt::skip]
fn azure_stack() -> Vec<Route> {
    vec![
        get("/providers/Microsoft.AzureStack/operations",           SignedIn,           providers::azure_stack_operations),
        get("/providers/Microsoft.AzureStack/cloudManifestFiles",   SignedIn,           deployment::manifests),
        get("/providers/Microsoft.AzureStack/cloudManifestFiles/{verificationVersion}", SignedIn, deployment::manifest),
        post(subscription!("/providers/Microsoft.AzureStack/generateDeploymentLicense"), LICENSE, deployment::license),

        get(subscription!("/providers/Microsoft.AzureStack/registrations"), READ_REGISTRATION, registrations::list_of_subscription),
        get(group!("/providers/Microsoft.AzureStack/registrations"), READ_REGISTRATION, registrations::list_of_group),
        put(registration!(""),                                      WRITE_REGISTRATION, registrations::put),
        patch(registration!(""),                                    WRITE_REGISTRATION, registrations::patch),
        get(registration!(""),                                      READ_REGISTRATION,  registrations::get),
        delete(registration!(""),                                   DELETE_REGISTRATION, registrations::delete),
        post(registration!("/getActivationKey"),                    ACTIVATION_KEY,     registrations::activation_key),
        post(registration!("/enableRemoteManagement"),              REMOTE_MANAGEMENT,  registrations::enable_remote_management),

        get(registration!("/customerSubscriptions"),                READ_CUSTOMER,      customer_subscriptions::list),
        put(customer!(""),                                          WRITE_CUSTOMER,     customer_subscriptions::put),
        get(customer!(""),                                          READ_CUSTOMER,      customer_subscriptions::get),
        delete(customer!(""),                                       DELETE_CUSTOMER,    customer_subscriptions::delete),

        get(registration!("/products"),                             READ_PRODUCT,       products::list),
        get(registration!("/products/{productName}"),               READ_PRODUCT,       products::none),
        post(registration!("/products/{productName}/listDetails"),  PRODUCT_DETAILS,    products::none),
        post(registration!("/products/{productName}/listProducts"), LIST_PRODUCTS,      products::list_products),
        post(registration!("/products/{productName}/getProducts"),  GET_PRODUCTS,       products::get_products),
        post(registration!("/products/{productName}/getProduct"),   GET_PRODUCT,        products::none),
        post(registration!("/products/{productName}/uploadProductLog"), PRODUCT_LOG,    products::none),

        get(subscription!("/providers/Microsoft.AzureStack/linkedSubscriptions"), READ_LINKED, linked_subscriptions::list),
        get(group!("/providers/Microsoft.AzureStack/linkedSubscriptions"), READ_LINKED, linked_subscriptions::list),
        get(group!("/providers/Microsoft.AzureStack/linkedSubscriptions/{linkedSubscriptionName}"), READ_LINKED, linked_subscriptions::get),
        put(group!("/providers/Microsoft.AzureStack/linkedSubscriptions/{linkedSubscriptionName}"), WRITE_LINKED, linked_subscriptions::put),
        patch(group!("/providers/Microsoft.AzureStack/linkedSubscriptions/{linkedSubscriptionName}"), WRITE_LINKED, linked_subscriptions::put),
        delete(group!("/providers/Microsoft.AzureStack/linkedSubscriptions/{linkedSubscriptionName}"), DELETE_LINKED, linked_subscriptions::delete),
    ]
}

const READ_ROLES: Needs = Action("Microsoft.Authorization/roleDefinitions/read");
const WRITE_ROLES: Needs = Action("Microsoft.Authorization/roleDefinitions/write");
const DELETE_ROLES: Needs = Action("Microsoft.Authorization/roleDefinitions/delete");
const READ_ASSIGNED: Needs = Action("Microsoft.Authorization/roleAssignments/read");
const ASSIGN: Needs = Action("Microsoft.Authorization/roleAssignments/write");
const UNASSIGN: Needs = Action("Microsoft.Authorization/roleAssignments/delete");
const READ_PERMISSIONS: Needs = Action("Microsoft.Authorization/permissions/read");
const READ_LOCKS: Needs = Action("Microsoft.Authorization/locks/read");
const WRITE_LOCKS: Needs = Action("Microsoft.Authorization/locks/write");
const DELETE_LOCKS: Needs = Action("Microsoft.Authorization/locks/delete");

#[rustfmt::skip]
fn authorization() -> Vec<Route> {
    let mut routes = at_every_scope! {
        get    "/roleDefinitions",                      READ_ROLES,         role_definitions::list;
        get    "/roleDefinitions/{roleDefinitionId}",   READ_ROLES,         role_definitions::get;
        put    "/roleDefinitions/{roleDefinitionId}",   WRITE_ROLES,        role_definitions::put;
        delete "/roleDefinitions/{roleDefinitionId}",   DELETE_ROLES,       role_definitions::delete;
        get    "/roleAssignments",                      READ_ASSIGNED,      role_assignments::list;
        get    "/roleAssignments/{roleAssignmentId}",   READ_ASSIGNED,      role_assignments::get;
        put    "/roleAssignments/{roleAssignmentId}",   ASSIGN,             role_assignments::put;
        delete "/roleAssignments/{roleAssignmentId}",   UNASSIGN,           role_assignments::delete;
        get    "/permissions",                          READ_PERMISSIONS,   permissions::list;
        get    "/locks",                                READ_LOCKS,         locks::list;
        get    "/locks/{lockName}",                     READ_LOCKS,         locks::get;
        put    "/locks/{lockName}",                     WRITE_LOCKS,        locks::put;
        delete "/locks/{lockName}",                     DELETE_LOCKS,       locks::delete;
    };
    routes.extend([
        get("/providers/Microsoft.Authorization/providerOperations", SignedIn, provider_operations::list),
        get("/providers/Microsoft.Authorization/providerOperations/{resourceProviderNamespace}", SignedIn, provider_operations::get),
    ]);
    routes
}

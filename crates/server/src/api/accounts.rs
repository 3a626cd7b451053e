//! Partners, customers and subscriptions.

use std::sync::Arc;

use app::App;
use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{CustomerId, PartnerId, SubscriptionId};
use domain::partner::SubscriptionState;
use wire::api::{Customer, NewCustomer, NewPartner, NewSubscription, Page, Partner, Subscription};

use super::listing::Listing;
use super::path_only::PathOnly;
use crate::Door;
use crate::access::By;
use crate::body;
use crate::created::status;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

fn partner_id(params: &Params) -> Result<PartnerId, Failure> {
    params.read("partnerId", "InvalidPartnerId")
}

fn customer_id(params: &Params) -> Result<CustomerId, Failure> {
    params.read("customerId", "InvalidCustomerId")
}

fn subscription_id(params: &Params) -> Result<SubscriptionId, Failure> {
    params.read("subscriptionId", "InvalidSubscriptionId")
}

/// Lists the partners that the caller acts for and their resellers, by id.
#[utoipa::path(get, path = "/api/v1/partners", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Partner>)))]
pub(crate) async fn list_partners(listing: Listing) -> Result<Json<Page<Partner>>, Failure> {
    let partners = |app: &App, caller: &Caller, after, limit| Ok(app.partners(caller, after, limit));
    listing.page(partners, |it| it.id)
}

/// Creates a partner. The same request again changes nothing.
#[utoipa::path(post, path = "/api/v1/partners", tag = "accounts", request_body = NewPartner,
    responses((status = 201, body = Partner), (status = 200, body = Partner, description = "It was there already")))]
pub(crate) async fn create_partner(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<NewPartner>,
) -> Result<(StatusCode, Json<Partner>), Failure> {
    query.only(&[])?;
    let partner = new.into_domain(|| PartnerId::from_uuid(door.app.random().uuid()))?;
    let shown = Partner::from(&partner);
    let created = door.app.create_partner(&caller, partner).await?;
    Ok((status(created), Json(shown)))
}

/// A partner.
#[utoipa::path(get, path = "/api/v1/partners/{partnerId}", tag = "accounts", params(("partnerId" = String, Path)),
    responses((status = 200, body = Partner)))]
pub(crate) async fn get_partner(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<Partner>, Failure> {
    let partner = door.app.partner(&caller, partner_id(&params)?)?;
    Ok(Json(Partner::from(&partner)))
}

/// Deletes a partner that nothing depends on any more. Its id is not given again.
#[utoipa::path(delete, path = "/api/v1/partners/{partnerId}", tag = "accounts",
    params(("partnerId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete_partner(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<StatusCode, Failure> {
    door.app.delete_partner(&caller, partner_id(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the customers that the caller sees, by id.
#[utoipa::path(get, path = "/api/v1/customers", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Customer>)))]
pub(crate) async fn list_customers(listing: Listing) -> Result<Json<Page<Customer>>, Failure> {
    let customers = |app: &App, caller: &Caller, after, limit| Ok(app.customers(caller, after, limit));
    listing.page(customers, |it| it.id)
}

/// Creates a customer. The same request again changes nothing.
#[utoipa::path(post, path = "/api/v1/customers", tag = "accounts", request_body = NewCustomer,
    responses((status = 201, body = Customer), (status = 200, body = Customer, description = "It was there already")))]
pub(crate) async fn create_customer(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<NewCustomer>,
) -> Result<(StatusCode, Json<Customer>), Failure> {
    query.only(&[])?;
    let customer = new.into_domain(|| CustomerId::from_uuid(door.app.random().uuid()))?;
    let shown = Customer::from(&customer);
    let created = door.app.create_customer(&caller, customer).await?;
    Ok((status(created), Json(shown)))
}

/// A customer.
#[utoipa::path(get, path = "/api/v1/customers/{customerId}", tag = "accounts", params(("customerId" = String, Path)),
    responses((status = 200, body = Customer)))]
pub(crate) async fn get_customer(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<Customer>, Failure> {
    let customer = door.app.customer(&caller, customer_id(&params)?)?;
    Ok(Json(Customer::from(&customer)))
}

/// Deletes a customer that has no subscriptions and no directories any more. Its id is not given again.
#[utoipa::path(delete, path = "/api/v1/customers/{customerId}", tag = "accounts",
    params(("customerId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete_customer(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<StatusCode, Failure> {
    door.app.delete_customer(&caller, customer_id(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the subscriptions that the caller sees, by id.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Subscription>)))]
pub(crate) async fn list_subscriptions(listing: Listing) -> Result<Json<Page<Subscription>>, Failure> {
    let subscriptions =
        |app: &App, caller: &Caller, after, limit| Ok(app.subscriptions(caller, after, limit));
    listing.page(subscriptions, |it| it.id)
}

/// Creates a subscription. The same request again changes nothing.
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "accounts", request_body = NewSubscription,
    responses((status = 201, body = Subscription),
        (status = 200, body = Subscription, description = "It was there already")))]
pub(crate) async fn create_subscription(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<NewSubscription>,
) -> Result<(StatusCode, Json<Subscription>), Failure> {
    query.only(&[])?;
    let subscription = new.into_domain(|| SubscriptionId::from_uuid(door.app.random().uuid()))?;
    let shown = Subscription::from(&subscription);
    let created = door.app.create_subscription(&caller, subscription).await?;
    Ok((status(created), Json(shown)))
}

/// A subscription.
#[utoipa::path(get, path = "/api/v1/subscriptions/{subscriptionId}", tag = "accounts",
    params(("subscriptionId" = String, Path)), responses((status = 200, body = Subscription)))]
pub(crate) async fn get_subscription(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<Subscription>, Failure> {
    let subscription = door.app.subscription_seen(&caller, subscription_id(&params)?)?;
    Ok(Json(Subscription::from(&subscription)))
}

/// Deletes a subscription that nothing is charged to any more. Its past statements stay, for who sold it; its id is not given
/// again.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{subscriptionId}", tag = "accounts",
    params(("subscriptionId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete_subscription(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<StatusCode, Failure> {
    door.app
        .delete_subscription(&caller, subscription_id(&params)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_state(
    door: &Door,
    caller: &Caller,
    params: &Params,
    query: &Query,
    state: SubscriptionState,
) -> Result<Json<Subscription>, Failure> {
    query.only(&[])?;
    let id = subscription_id(params)?;
    let subscription = door.app.set_subscription_state(caller, id, state).await?;
    Ok(Json(Subscription::from(&subscription)))
}

/// Suspends a subscription: nothing new may be registered with it or mapped to it. What is, goes on being charged.
#[utoipa::path(post, path = "/api/v1/subscriptions/{subscriptionId}/suspend", tag = "accounts",
    params(("subscriptionId" = String, Path)), responses((status = 200, body = Subscription)))]
pub(crate) async fn suspend_subscription(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Subscription>, Failure> {
    set_state(&door, &caller, &params, &query, SubscriptionState::Suspended).await
}

/// Makes a suspended subscription active again.
#[utoipa::path(post, path = "/api/v1/subscriptions/{subscriptionId}/activate", tag = "accounts",
    params(("subscriptionId" = String, Path)), responses((status = 200, body = Subscription)))]
pub(crate) async fn activate_subscription(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Subscription>, Failure> {
    set_state(&door, &caller, &params, &query, SubscriptionState::Active).await
}

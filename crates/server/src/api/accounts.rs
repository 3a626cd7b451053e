//! Partners, customers and subscriptions.

use std::str::FromStr;
use std::sync::Arc;

use app::App;
use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::ids::{CustomerId, PartnerId, SubscriptionId};
use domain::partner::SubscriptionState;
use wire::api::{Customer, NewCustomer, NewPartner, NewSubscription, Page, Partner, Subscription};

use crate::Door;
use crate::access::By;
use crate::body;
use crate::created::status;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;

/// The page that is asked for, of everything of one kind.
fn listed<Id, Item, Shown>(
    door: &Door,
    uri: &Uri,
    query: &Query,
    list: impl FnOnce(&App, Option<Id>, usize) -> Vec<Item>,
    id: impl Fn(&Item) -> Id,
) -> Result<Json<Page<Shown>>, Failure>
where
    Id: FromStr + ToString + Copy,
    Shown: for<'a> From<&'a Item>,
{
    let page = PageRequest::of_own(query)?;
    let items = list(&door.app, page.after, page.items_wanted());
    Ok(page
        .page(items, id, &door.base(uri))
        .shown(|item| Shown::from(&item)))
}

/// Lists the partners that the caller acts for, by id.
#[utoipa::path(get, path = "/api/v1/partners", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Partner>)))]
pub(crate) async fn list_partners(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Partner>>, Failure> {
    let partners = |app: &App, after, limit| app.partners(&caller, after, limit);
    listed(&door, &uri, &query, partners, |it| it.id)
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
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Partner>, Failure> {
    query.only(&[])?;
    let partner = door
        .app
        .partner(&caller, params.read("partnerId", "InvalidPartnerId")?)?;
    Ok(Json(Partner::from(&partner)))
}

/// Lists the customers that the caller sees, by id.
#[utoipa::path(get, path = "/api/v1/customers", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Customer>)))]
pub(crate) async fn list_customers(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Customer>>, Failure> {
    let customers = |app: &App, after, limit| app.customers(&caller, after, limit);
    listed(&door, &uri, &query, customers, |it| it.id)
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
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Customer>, Failure> {
    query.only(&[])?;
    let customer = door
        .app
        .customer(&caller, params.read("customerId", "InvalidCustomerId")?)?;
    Ok(Json(Customer::from(&customer)))
}

/// Lists the subscriptions that the caller sees, by id.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "accounts", params(super::documents::Paging),
    responses((status = 200, body = Page<Subscription>)))]
pub(crate) async fn list_subscriptions(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Subscription>>, Failure> {
    let subscriptions = |app: &App, after, limit| app.subscriptions(&caller, after, limit);
    listed(&door, &uri, &query, subscriptions, |it| it.id)
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

/// The subscription in the path.
fn subscription_id(params: &Params) -> Result<SubscriptionId, Failure> {
    params.read("subscriptionId", "InvalidSubscriptionId")
}

/// A subscription.
#[utoipa::path(get, path = "/api/v1/subscriptions/{subscriptionId}", tag = "accounts",
    params(("subscriptionId" = String, Path)), responses((status = 200, body = Subscription)))]
pub(crate) async fn get_subscription(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Subscription>, Failure> {
    query.only(&[])?;
    let subscription = door.app.subscription_seen(&caller, subscription_id(&params)?)?;
    Ok(Json(Subscription::from(&subscription)))
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

//! The description of our own API: an OpenAPI document made from the handlers and the shapes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Object, ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema, SchemaFormat, Server, Type,
};
use utoipa::{IntoParams, Modify, OpenApi};
use wire::arm::ErrorEnvelope;

use crate::Door;

use super::{
    accounts, applications, budgets, bundles, completeness, deliveries, directories, explain, forecasts,
    groups, invoice_papers, invoices, mappings, margins, me, meters, operator_credentials, partner_roles,
    periods, price_drafts, price_lists, quarantine, reconciliations, registrations, stacks, statements,
    suggestions, usage, users, webhooks,
};

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that are read by name")]
pub(crate) struct Paging {
    /// The page; from the `nextLink` of the page before.
    #[param(rename = "skipToken", required = false)]
    skip_token: Option<String>,
    /// The most items it may have: 1 to 1000. More than that is as good as 1000.
    #[param(required = false, schema_with = number_of_items)]
    top: Option<u32>,
}

fn number_of_items() -> Object {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    number.minimum(Some(1)).build()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Meterbridge",
        description = "Registers stacks, takes in their usage, and says what each subscription owes. \
                       Decimals are strings, ids are GUIDs, times are UTC. The code of an error is stable; where its text is \
                       one that Azure documents, the header x-meterbridge-hint says what would help."
    ),
    paths(
        openapi,
        me::get,
        me::change_password,
        directories::list,
        directories::create,
        directories::get,
        directories::delete,
        users::list,
        users::create,
        users::get,
        users::delete,
        users::set_password,
        users::disable,
        users::enable,
        operator_credentials::list,
        operator_credentials::create,
        operator_credentials::revoke,
        applications::list,
        applications::create,
        applications::get,
        applications::delete,
        applications::disable,
        applications::enable,
        applications::add_secret,
        applications::add_certificate,
        applications::remove_credential,
        groups::list,
        groups::create,
        groups::get,
        groups::delete,
        groups::add_member,
        groups::remove_member,
        partner_roles::list,
        partner_roles::assign_platform_operator,
        partner_roles::unassign_platform_operator,
        partner_roles::assign_admin_agent,
        partner_roles::unassign_admin_agent,
        partner_roles::assign_customer_user,
        partner_roles::unassign_customer_user,
        accounts::list_partners,
        accounts::create_partner,
        accounts::get_partner,
        accounts::delete_partner,
        accounts::list_customers,
        accounts::create_customer,
        accounts::get_customer,
        accounts::delete_customer,
        accounts::list_subscriptions,
        accounts::create_subscription,
        accounts::get_subscription,
        accounts::delete_subscription,
        accounts::suspend_subscription,
        accounts::activate_subscription,
        registrations::advice,
        registrations::approve_multi_tenancy,
        registrations::revoke_activation_keys,
        registrations::backdate,
        bundles::register_key,
        mappings::history,
        mappings::map,
        mappings::preview,
        stacks::list,
        completeness::list,
        completeness::get,
        stacks::receipts,
        stacks::put_directory,
        bundles::list,
        bundles::check,
        bundles::take,
        bundles::receipt,
        deliveries::deliver,
        usage::records,
        usage::measured,
        usage::unmapped,
        suggestions::list,
        quarantine::list,
        quarantine::summary,
        quarantine::history,
        quarantine::release,
        quarantine::purge,
        meters::list,
        price_lists::list,
        price_lists::get,
        price_lists::put,
        price_drafts::list,
        price_drafts::get,
        price_drafts::put,
        price_drafts::delete,
        price_drafts::diff,
        price_drafts::publish,
        price_drafts::import,
        statements::list,
        statements::get,
        statements::check,
        periods::list,
        periods::get,
        periods::close,
        periods::waive,
        periods::replay,
        periods::running,
        periods::running_statement,
        margins::get,
        explain::explain,
        forecasts::what_if,
        forecasts::forecast,
        budgets::list,
        budgets::get,
        budgets::put,
        budgets::delete,
        periods::terms,
        periods::set_terms,
        periods::state_cores,
        periods::exchange_rates,
        periods::set_exchange_rate,
        invoices::list,
        invoices::get,
        invoices::replay,
        reconciliations::reconcile,
        invoice_papers::invoice,
        invoice_papers::running,
        invoice_papers::seller_profile,
        invoice_papers::set_seller_profile,
        invoice_papers::buyer_profile,
        invoice_papers::set_buyer_profile,
        webhooks::list,
        webhooks::set,
        webhooks::remove,
        webhooks::test,
        webhooks::deliveries,
        webhooks::redeliver,
        webhooks::keys,
    ),
    components(schemas(ErrorEnvelope)),
    modifiers(&Everywhere),
)]
struct Document;

/// What is the same for every operation.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        const BEARER: &str = "bearer";
        let components = document.components.get_or_insert_default();
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An access token of somebody who signed in, or an operator's credential; for deliveries, the stack's \
                 activation key.",
            ))
            .build();
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
        document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        let envelope = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("ErrorEnvelope")))
            .build();
        let refused = ResponseBuilder::new()
            .description("Refused; the code says why")
            .content("application/json", envelope)
            .build();
        for item in document.paths.paths.values_mut() {
            let operations = [
                &mut item.get,
                &mut item.put,
                &mut item.post,
                &mut item.delete,
                &mut item.patch,
            ];
            for operation in operations.into_iter().flatten() {
                operation
                    .responses
                    .responses
                    .insert("default".to_owned(), refused.clone().into());
                operation.parameters.iter_mut().flatten().for_each(describe_id);
            }
        }
    }
}

/// What is called an id is a GUID: handlers read ids themselves, and describe them as texts. In a query it may be empty as
/// well, which is as good as not there.
fn describe_id(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if let Some(RefOr::T(Schema::Object(text))) = &mut parameter.schema
        && parameter.parameter_in == ParameterIn::Path
        && parameter.name.ends_with("Id")
    {
        text.format = Some(SchemaFormat::Custom("uuid".to_owned()));
    }
}

/// The description of our own API, as served under a URL.
#[must_use]
pub fn document(public_url: &str) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.servers = Some(vec![Server::new(public_url.trim_end_matches('/'))]);
    document
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "documents", security(()),
    responses((status = 200, body = serde_json::Value)))]
pub(crate) async fn openapi(State(door): State<Arc<Door>>) -> Json<utoipa::openapi::OpenApi> {
    Json(document(&door.public_url))
}

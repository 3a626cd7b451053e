//! `tenant`.

mod backdating;

use client::{Client, ClientError};
use serde::Serialize;
use wire::api::{Customer, MapTenant, MappingVersion, RegisteredHours};
use wire::azure_stack::CustomerSubscription;

use super::{live_registration, minute, minute_or_dash, or_dash, pass_on_warnings, suggestions};
use crate::args::TenantCommand;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::period;
use crate::table::{Listing, left, right};

const TENANTS: Listing<CustomerSubscription> = Listing(&[
    (left("TENANT"), |it| it.properties.tenant_id.clone()),
    // The name is that of the registration and the subscription.
    (left("SUBSCRIPTION"), |it| {
        it.name.rsplit('/').next().unwrap_or_default().to_owned()
    }),
]);

const HISTORY: Listing<MappingVersion> = Listing(&[
    (right("ENTRY"), |it| it.entry.to_string()),
    (left("TENANT").rank(2), |it| it.tenant_id.clone()),
    (left("CUSTOMER"), |it| or_dash(it.customer_name.as_deref())),
    (left("SUBSCRIPTION").rank(3), |it| {
        or_dash(it.subscription_id.as_deref())
    }),
    (left("NAME"), |it| match it.subscription_id {
        Some(_) => or_dash(it.subscription_name.as_deref()),
        None => "none: the default pays".to_owned(),
    }),
    (left("IN REGISTRATION"), |it| registered_hours(&it.registration)),
    (left("FROM"), |it| minute(&it.valid_from)),
    (left("TO"), |it| minute_or_dash(it.valid_to.as_deref())),
    (left("RECORDED").rank(1), |it| minute(&it.recorded_at)),
    (left("BY").rank(4), |it| {
        it.recorded_by_name
            .clone()
            .unwrap_or_else(|| it.recorded_by.clone())
    }),
]);

/// A tenant was removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    cloud_id: &'a str,
    subscription_id: &'a str,
    /// Who pays from now on.
    default_subscription_id: &'a str,
    removed: bool,
}

pub(super) async fn tenant(
    client: &Client,
    command: TenantCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        TenantCommand::Add {
            stack,
            subscription,
            tenant,
            effective_from: Some(from),
            dry_run,
            yes,
            allow_other_customer,
        } => {
            let tenant_id = match tenant {
                Some(tenant) => tenant,
                None => client.subscription(&subscription).await?.tenant_id,
            };
            if !allow_other_customer {
                check_customer(client, &tenant_id, &subscription).await?;
            }
            let request = MapTenant {
                tenant_id,
                subscription_id: Some(subscription),
                valid_from: from,
                valid_to: None,
            };
            if dry_run {
                return backdating::show(client, &stack.cloud_id, &request, printer).await;
            }
            backdating::agree(client, &stack.cloud_id, &request, yes, printer).await
        }
        TenantCommand::Add {
            stack,
            subscription,
            tenant,
            effective_from: None,
            dry_run: _,
            yes: _,
            allow_other_customer,
        } => {
            let at = live_registration(client, &stack.cloud_id).await?;
            if let Some(tenant) = tenant.as_deref().filter(|_| !allow_other_customer) {
                check_customer(client, tenant, &subscription).await?;
            }
            let answered = client.add_tenant(&at, &subscription, tenant.as_deref()).await;
            let answered = answered.map_err(|error| not_mapped(error, &stack.cloud_id))?;
            let added = pass_on_warnings(answered, printer);
            TENANTS.show_one(&added, printer)
        }
        TenantCommand::Show { stack, subscription } => {
            let at = live_registration(client, &stack.cloud_id).await?;
            TENANTS.show_one(&client.tenant(&at, &subscription).await?, printer)
        }
        TenantCommand::Remove { stack, subscription } => {
            remove(client, &stack.cloud_id, &subscription, printer).await
        }
        TenantCommand::List(stack) => {
            let at = live_registration(client, &stack.cloud_id).await?;
            TENANTS.show(&client.tenants(&at).await?, printer)
        }
        TenantCommand::Map {
            stack,
            tenant,
            subscription,
            unmapped: _,
            from,
            to,
            dry_run,
            yes,
            allow_other_customer,
        } => {
            if let Some(subscription) = subscription.as_deref().filter(|_| !allow_other_customer) {
                check_customer(client, &tenant, subscription).await?;
            }
            let request = MapTenant {
                tenant_id: tenant,
                subscription_id: subscription,
                valid_from: from,
                valid_to: to,
            };
            if dry_run {
                return backdating::show(client, &stack.cloud_id, &request, printer).await;
            }
            backdating::agree_if_closed(client, &stack.cloud_id, &request, yes, printer).await
        }
        TenantCommand::Suggest { period: within } => {
            let period = period(&within, &SystemClock);
            suggestions::suggest(client, &period, printer).await
        }
        TenantCommand::History(stack) => {
            HISTORY.show(&client.mapping_history(&stack.cloud_id).await?, printer)
        }
    }
}

/// Refuses to have one customer charged for what another uses, unless that is said to be meant. The server would do it
/// and warn, as Azure does. What the caller does not see, the server knows better.
async fn check_customer(client: &Client, tenant: &str, subscription: &str) -> Result<(), Failure> {
    let Ok(sold) = client.subscription(subscription).await else {
        return Ok(());
    };
    let customers = client.customers().await?;
    let sold_to = customers
        .iter()
        .find(|it| Some(&it.id) == sold.customer_id.as_ref());
    let has = |tenants: &[String]| tenants.iter().any(|it| it.eq_ignore_ascii_case(tenant));
    let own = sold.tenant_id.eq_ignore_ascii_case(tenant) || sold_to.is_some_and(|it| has(&it.tenant_ids));
    if own || (sold.customer_id.is_some() && sold_to.is_none()) {
        return Ok(());
    }
    let in_words = |customer: Option<&Customer>| {
        customer.map_or_else(
            || "no known customer".to_owned(),
            |customer| format!("customer {}", customer.name),
        )
    };
    let belongs_to = customers.iter().find(|it| has(&it.tenant_ids));
    let what = format!(
        "Tenant {tenant} belongs to {}, and subscription {subscription} was sold to {}. Nothing was changed.",
        in_words(belongs_to),
        in_words(sold_to)
    );
    let hint = "Name a tenant or a subscription of the same customer. If the one shall be charged for what the other uses, \
                say so with --allow-other-customer.";
    Err(Failure::new(what).coded("TenantOfAnotherCustomer").hint(hint))
}

/// Why a tenant was not mapped, with what to do about it in the words of the options.
fn not_mapped(error: ClientError, cloud_id: &str) -> Failure {
    let hint = match &error {
        ClientError::Refused(refusal) => match refusal.code.as_str() {
            "SubscriptionMappedToAnotherTenant" => {
                format!(
                    "End it before this hour with `meterbridge tenant map --to`, or see who is mapped with `meterbridge tenant \
                     list {cloud_id}`."
                )
            }
            "UnauthorizedCspRegistration" => {
                format!(
                    "Whoever operates the platform approves it for several tenants: `meterbridge registration approve {cloud_id}`."
                )
            }
            "TooManyMonthsMoved" => {
                format!(
                    "What one mapping moves is shown for at most 60 months of usage. Map the hours in parts, each with its \
                     end: `meterbridge tenant map {cloud_id} --tenant TENANT-ID --subscription SUBSCRIPTION-ID --from HOUR \
                     --to HOUR`; with --yes it enters all of them unseen."
                )
            }
            "SeveralRegistrations" => {
                "Map the hours of each registration with `meterbridge tenant map --from --to`.".to_owned()
            }
            _ => return error.into(),
        },
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}

/// The hours of a registration: only in these do its mappings decide who pays.
fn registered_hours(registration: &RegisteredHours) -> String {
    match (&registration.valid_from, &registration.valid_to) {
        (Some(from), Some(to)) => format!("{} to {}", minute(from), minute(to)),
        (Some(from), None) => format!("since {}", minute(from)),
        (None, _) => "in no hour".to_owned(),
    }
}

async fn remove(
    client: &Client,
    cloud_id: &str,
    subscription: &str,
    printer: &Printer,
) -> Result<(), Failure> {
    let at = live_registration(client, cloud_id).await?;
    if !client.remove_tenant(&at, subscription).await? {
        let what =
            format!("Subscription {subscription} was not mapped on stack {cloud_id}. Nothing was changed.");
        let failure = Failure::new(what).coded("CustomerSubscriptionNotFound");
        return Err(failure.hint(format!(
            "List what is mapped with `meterbridge tenant list {cloud_id}`."
        )));
    }
    let removed = Removed {
        cloud_id,
        subscription_id: subscription,
        default_subscription_id: &at.subscription_id,
        removed: true,
    };
    printer.show(&removed, || {
        format!(
            "Subscription {subscription} pays for no tenant of the stack any more; later usage falls to {}.",
            at.subscription_id
        )
    })
}

#[cfg(test)]
mod tests {
    use client::{Refusal, StatusCode};

    use super::*;

    #[test]
    fn whoever_adds_the_first_tenant_would_not_learn_which_command_is_missing() {
        let refusal = Refusal {
            status: StatusCode::FORBIDDEN,
            code: "UnauthorizedCspRegistration".to_owned(),
            message: "Not approved.".to_owned(),
            target: None,
            hint: None,
            request_id: None,
        };
        let failure = not_mapped(ClientError::Refused(Box::new(refusal)), "5bf881b2");
        let hint = failure.hint_text().unwrap();
        assert!(
            hint.contains("`meterbridge registration approve 5bf881b2`"),
            "{hint}"
        );
    }
}

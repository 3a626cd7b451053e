//! `partner`, `customer` and `subscription`.

use client::Client;
use wire::api;

use super::or_dash;
use crate::args::{CustomerCommand, PartnerCommand, PartnerKind, SubscriptionCommand, SubscriptionKind};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Table, left};

pub(super) async fn partner(
    client: &Client,
    command: PartnerCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        PartnerCommand::Create {
            id,
            name,
            kind,
            provider,
        } => {
            let kind = match kind {
                PartnerKind::DirectBill => api::PartnerKind::DirectBill,
                PartnerKind::IndirectProvider => api::PartnerKind::IndirectProvider,
                PartnerKind::IndirectReseller => api::PartnerKind::IndirectReseller,
            };
            let created = client
                .create_partner(&api::NewPartner {
                    id,
                    name,
                    kind,
                    provider,
                })
                .await?;
            printer.show(&created, || partners_table(std::slice::from_ref(&created)))
        }
        PartnerCommand::List => {
            let partners = client.partners().await?;
            printer.show_list(&partners, || partners_table(&partners))
        }
    }
}

fn partners_table(partners: &[api::Partner]) -> String {
    let mut table = Table::new(&[left("PARTNER"), left("NAME"), left("KIND"), left("BUYS FROM")]);
    for partner in partners {
        let kind = match partner.kind {
            api::PartnerKind::DirectBill => "direct bill",
            api::PartnerKind::IndirectProvider => "indirect provider",
            api::PartnerKind::IndirectReseller => "indirect reseller",
        };
        table.row([
            partner.id.clone(),
            partner.name.clone(),
            kind.to_owned(),
            or_dash(partner.provider.as_deref()),
        ]);
    }
    table.to_string()
}

pub(super) async fn customer(
    client: &Client,
    command: CustomerCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        CustomerCommand::Create {
            id,
            name,
            partner,
            tenants,
        } => {
            let customer = api::NewCustomer {
                id,
                partner_id: partner,
                name,
                tenant_ids: tenants,
            };
            let created = client.create_customer(&customer).await?;
            printer.show(&created, || customers_table(std::slice::from_ref(&created)))
        }
        CustomerCommand::List => {
            let customers = client.customers().await?;
            printer.show_list(&customers, || customers_table(&customers))
        }
    }
}

fn customers_table(customers: &[api::Customer]) -> String {
    let mut table = Table::new(&[left("CUSTOMER"), left("NAME"), left("PARTNER"), left("TENANTS")]);
    for customer in customers {
        let api::Customer {
            id,
            partner_id,
            name,
            tenant_ids,
        } = customer;
        table.row([id.clone(), name.clone(), partner_id.clone(), tenant_ids.join(" ")]);
    }
    table.to_string()
}

pub(super) async fn subscription(
    client: &Client,
    command: SubscriptionCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    let changed = match command {
        SubscriptionCommand::Create {
            id,
            name,
            kind,
            tenant,
            partner,
            customer,
        } => {
            let kind = match kind {
                SubscriptionKind::Csp => api::SubscriptionKind::Csp,
                SubscriptionKind::PartnerSharedServices => api::SubscriptionKind::PartnerSharedServices,
                SubscriptionKind::EnterpriseAgreement => api::SubscriptionKind::EnterpriseAgreement,
                SubscriptionKind::PayAsYouGo => api::SubscriptionKind::PayAsYouGo,
                SubscriptionKind::DevTest => api::SubscriptionKind::DevTest,
            };
            let (tenant_id, owner_partner_id, customer_id) = (tenant, partner, customer);
            let subscription = api::NewSubscription {
                id,
                name,
                kind,
                tenant_id,
                owner_partner_id,
                customer_id,
            };
            client.create_subscription(&subscription).await?
        }
        SubscriptionCommand::List => {
            let subscriptions = client.subscriptions().await?;
            return printer.show_list(&subscriptions, || subscriptions_table(&subscriptions));
        }
        SubscriptionCommand::Suspend { subscription } => client.suspend_subscription(&subscription).await?,
        SubscriptionCommand::Activate { subscription } => client.activate_subscription(&subscription).await?,
    };
    printer.show(&changed, || subscriptions_table(std::slice::from_ref(&changed)))
}

/// A kind of subscription, in words.
pub(super) const fn kind_in_words(kind: api::SubscriptionKind) -> &'static str {
    match kind {
        api::SubscriptionKind::Csp => "CSP",
        api::SubscriptionKind::PartnerSharedServices => "partner shared services",
        api::SubscriptionKind::EnterpriseAgreement => "Enterprise Agreement",
        api::SubscriptionKind::PayAsYouGo => "pay-as-you-go",
        api::SubscriptionKind::DevTest => "dev/test",
    }
}

fn subscriptions_table(subscriptions: &[api::Subscription]) -> String {
    let columns = [
        left("SUBSCRIPTION"),
        left("NAME"),
        left("KIND"),
        left("STATE"),
        left("TENANT"),
        left("PARTNER"),
        left("CUSTOMER"),
    ];
    let mut table = Table::new(&columns);
    for subscription in subscriptions {
        let state = match subscription.state {
            api::SubscriptionState::Active => "active",
            api::SubscriptionState::Suspended => "suspended",
        };
        table.row([
            subscription.id.clone(),
            subscription.name.clone(),
            kind_in_words(subscription.kind).to_owned(),
            state.to_owned(),
            subscription.tenant_id.clone(),
            or_dash(subscription.owner_partner_id.as_deref()),
            or_dash(subscription.customer_id.as_deref()),
        ]);
    }
    table.to_string()
}

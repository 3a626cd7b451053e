//! `partner`, `customer` and `subscription`.

use client::Client;
use wire::api;

use super::{or_dash, say_deleted};
use crate::args::{CustomerCommand, PartnerCommand, PartnerKind, SubscriptionCommand, SubscriptionKind};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left};

const PARTNERS: Listing<api::Partner> = Listing(&[
    (left("PARTNER"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("KIND").wraps(), |it| {
        partner_kind_in_words(it.kind).to_owned()
    }),
    (left("BUYS FROM").rank(1), |it| or_dash(it.provider.as_deref())),
]);

const CUSTOMERS: Listing<api::Customer> = Listing(&[
    (left("CUSTOMER"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("PARTNER").rank(1), |it| it.partner_id.clone()),
    (left("TENANTS").wraps(), |it| it.tenant_ids.join(" ")),
]);

const SUBSCRIPTIONS: Listing<api::Subscription> = Listing(&[
    (left("SUBSCRIPTION"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("KIND").wraps(), |it| kind_in_words(it.kind).to_owned()),
    (left("STATE"), |it| state_in_words(it.state).to_owned()),
    (left("TENANT").rank(1), |it| it.tenant_id.clone()),
    (left("PARTNER").rank(3), |it| {
        or_dash(it.owner_partner_id.as_deref())
    }),
    (left("CUSTOMER").rank(2), |it| or_dash(it.customer_id.as_deref())),
]);

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
            let partner = api::NewPartner {
                id,
                name,
                kind: kind.into(),
                provider,
            };
            PARTNERS.show_one(&client.create_partner(&partner).await?, printer)
        }
        PartnerCommand::Show { partner } => PARTNERS.show_one(&client.partner(&partner).await?, printer),
        PartnerCommand::Delete { partner } => {
            client.delete_partner(&partner).await?;
            say_deleted("Partner", &partner, printer)
        }
        PartnerCommand::List => PARTNERS.show(&client.partners().await?, printer),
    }
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
            CUSTOMERS.show_one(&client.create_customer(&customer).await?, printer)
        }
        CustomerCommand::Show { customer } => CUSTOMERS.show_one(&client.customer(&customer).await?, printer),
        CustomerCommand::Delete { customer } => {
            client.delete_customer(&customer).await?;
            say_deleted("Customer", &customer, printer)
        }
        CustomerCommand::List => CUSTOMERS.show(&client.customers().await?, printer),
    }
}

pub(super) async fn subscription(
    client: &Client,
    command: SubscriptionCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    let shown = match command {
        SubscriptionCommand::Create {
            id,
            name,
            kind,
            tenant,
            partner,
            customer,
        } => {
            let subscription = api::NewSubscription {
                id,
                name,
                kind: kind.into(),
                tenant_id: tenant,
                owner_partner_id: partner,
                customer_id: customer,
            };
            client.create_subscription(&subscription).await?
        }
        SubscriptionCommand::Show { subscription } => client.subscription(&subscription).await?,
        SubscriptionCommand::Delete { subscription } => {
            client.delete_subscription(&subscription).await?;
            return say_deleted("Subscription", &subscription, printer);
        }
        SubscriptionCommand::List => return SUBSCRIPTIONS.show(&client.subscriptions().await?, printer),
        SubscriptionCommand::Suspend { subscription } => client.suspend_subscription(&subscription).await?,
        SubscriptionCommand::Activate { subscription } => client.activate_subscription(&subscription).await?,
    };
    SUBSCRIPTIONS.show_one(&shown, printer)
}

impl From<PartnerKind> for api::PartnerKind {
    fn from(kind: PartnerKind) -> Self {
        match kind {
            PartnerKind::DirectBill => Self::DirectBill,
            PartnerKind::IndirectProvider => Self::IndirectProvider,
            PartnerKind::IndirectReseller => Self::IndirectReseller,
        }
    }
}

impl From<SubscriptionKind> for api::SubscriptionKind {
    fn from(kind: SubscriptionKind) -> Self {
        match kind {
            SubscriptionKind::Csp => Self::Csp,
            SubscriptionKind::PartnerSharedServices => Self::PartnerSharedServices,
            SubscriptionKind::EnterpriseAgreement => Self::EnterpriseAgreement,
            SubscriptionKind::PayAsYouGo => Self::PayAsYouGo,
            SubscriptionKind::DevTest => Self::DevTest,
        }
    }
}

const fn partner_kind_in_words(kind: api::PartnerKind) -> &'static str {
    match kind {
        api::PartnerKind::DirectBill => "direct bill",
        api::PartnerKind::IndirectProvider => "indirect provider",
        api::PartnerKind::IndirectReseller => "indirect reseller",
    }
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

const fn state_in_words(state: api::SubscriptionState) -> &'static str {
    match state {
        api::SubscriptionState::Active => "active",
        api::SubscriptionState::Suspended => "suspended",
    }
}

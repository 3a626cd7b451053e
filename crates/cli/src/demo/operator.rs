//! What an operator does in the demonstration, each of it a request through HTTPS.

use bytes::Bytes;
use client::{Client, Credential, RegistrationPath};
use domain::ids::{SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind};
use serde::Serialize;
use wire::api::{NewCustomer, NewPartner, NewSubscription};
use wire::azure_stack::{PutRegistration, PutRegistrationProperties};

use super::catalog;
use super::scenario::{Act, Event, PriceChange, Published, Scenario};
use super::stacks::Stacks;
use crate::failure::Failure;

/// The resource group in which stacks are registered, as the tools of Azure Stack name it.
const RESOURCE_GROUP: &str = "azurestack";
const LOCATION: &str = "westcentralus";

/// How a stack was registered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    /// What people call the stack.
    pub(super) stack: String,
    /// Its id.
    pub(super) cloud_id: String,
    /// Who operates it.
    pub(super) operated_by: String,
    /// The kind of subscription that was advised.
    pub(super) advised: wire::api::SubscriptionKind,
    /// Why.
    pub(super) because: String,
    /// The kind that it was registered with.
    pub(super) chosen: wire::api::SubscriptionKind,
    /// The subscription that it was registered with.
    pub(super) default_subscription_id: String,
    /// The registration's name.
    pub(super) registration: String,
    /// When.
    pub(super) at: String,
    /// What the server warned of.
    pub(super) warnings: Vec<String>,
}

/// The operator.
pub(super) struct Operator {
    client: Client,
    scenario: Scenario,
    stacks: Stacks,
    /// The stacks' own clients, with their activation keys, as far as they are registered.
    stack_clients: Vec<Option<Client>>,
    registered: Vec<Registered>,
    /// Every version of every price list, in the order of publishing.
    published: Vec<Published>,
}

/// What an operator has in the end.
pub(super) struct Outcome {
    /// The clients of all stacks.
    pub(super) stack_clients: Vec<Option<Client>>,
    /// How they were registered.
    pub(super) registered: Vec<Registered>,
    /// Every version of every price list, in the order of publishing; the platform's opening one came with the server.
    pub(super) published: Vec<Published>,
}

impl Operator {
    /// An operator at a server.
    pub(super) fn at(client: Client, scenario: &Scenario, stacks: &Stacks) -> Self {
        let stack_clients = vec![None; stacks.all().len()];
        let (scenario, stacks) = (scenario.clone(), stacks.clone());
        Self {
            client,
            scenario,
            stacks,
            stack_clients,
            registered: Vec::new(),
            published: Vec::new(),
        }
    }

    /// The client of a stack, if it is registered.
    pub(super) fn stack_client(&self, stack: usize) -> Option<&Client> {
        self.stack_clients.get(stack)?.as_ref()
    }

    /// What there is when all is done.
    pub(super) fn outcome(self) -> Outcome {
        Outcome {
            stack_clients: self.stack_clients,
            registered: self.registered,
            published: self.published,
        }
    }

    /// Begins with the platform's opening prices, which come with the server, and creates the partners, their customers and the subscriptions.
    pub(super) async fn open_accounts(&mut self) -> Result<(), Failure> {
        self.published = vec![catalog::opening_prices()?];
        for partner in &self.scenario.partners {
            self.client.create_partner(&new_partner(partner)).await?;
        }
        for customer in &self.scenario.customers {
            self.client.create_customer(&new_customer(customer)).await?;
        }
        for subscription in &self.scenario.subscriptions {
            self.client
                .create_subscription(&new_subscription(subscription))
                .await?;
        }
        Ok(())
    }

    /// Does what the script says.
    pub(super) async fn perform(&mut self, event: &Event) -> Result<(), Failure> {
        match event.act {
            Act::Register { stack } => self.register(stack, event).await,
            Act::AddTenant {
                stack,
                tenant,
                subscription,
            } => self.add_tenant(stack, tenant, subscription).await,
            Act::RemoveTenant {
                stack, subscription, ..
            } => {
                let at = self.registration_path(stack)?;
                let was_mapped = self.client.remove_tenant(&at, &subscription.to_string()).await?;
                was_mapped.then_some(()).ok_or_else(unscripted)
            }
            Act::PublishPrices(change) => self.publish(change, event).await,
        }
    }

    async fn publish(&mut self, change: &PriceChange, event: &Event) -> Result<(), Failure> {
        let opening = self.published.first().ok_or_else(unscripted)?;
        let published = change.from(event.at.hour, opening);
        let body = serde_json::to_vec(&published.version)
            .map_err(|error| Failure::new("A price list cannot be written.").because(error.to_string()))?;
        self.client
            .put_price_list(&published.list, Bytes::from(body))
            .await?;
        self.published.push(published);
        Ok(())
    }

    /// Asks for advice, registers a stack with a subscription of the advised kind, fetches its activation key, has it
    /// approved for multi-tenancy, and lets the stack deliver its directory.
    async fn register(&mut self, stack: usize, event: &Event) -> Result<(), Failure> {
        let plan = *self.scenario.stacks.get(stack).ok_or_else(unscripted)?;
        let subscription = self
            .scenario
            .subscription(plan.default_subscription)
            .ok_or_else(unscripted)?;
        let chosen = subscription.kind.into();
        let advice = self.client.registration_advice(plan.operated_by.as_str()).await?;

        let at = self.registration_path(stack)?;
        self.client
            .put_resource_group(&at.subscription_id, &at.resource_group, LOCATION)
            .await?;
        let registration = PutRegistration {
            location: Some("global".to_owned()),
            tags: Some([("operatedBy".to_owned(), plan.operated_by.to_string())].into()),
            properties: Some(PutRegistrationProperties {
                registration_token: self.stacks.token(stack),
            }),
        };
        let answered = self.client.put_registration(&at, &registration).await?;
        let key = self.client.activation_key(&at).await?.activation_key;
        let cloud_id = plan.cloud_id.to_string();
        self.client.approve_multi_tenancy(&cloud_id).await?;

        let as_stack = self.client.with_credential(Credential::new(&key));
        let directory = self.stacks.directory(stack).ok_or_else(unscripted)?;
        as_stack
            .put_directory(&cloud_id, Bytes::from(directory.to_string()))
            .await?;
        if let Some(slot) = self.stack_clients.get_mut(stack) {
            *slot = Some(as_stack);
        }
        self.registered.push(Registered {
            stack: plan.name.to_owned(),
            cloud_id,
            operated_by: advice.operated_by,
            advised: advice.subscription_kind,
            because: advice.reason,
            chosen,
            default_subscription_id: at.subscription_id,
            registration: answered.value.name,
            at: event.at.instant().to_string(),
            warnings: answered.warnings,
        });
        Ok(())
    }

    async fn add_tenant(
        &mut self,
        stack: usize,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> Result<(), Failure> {
        let at = self.registration_path(stack)?;
        let (subscription, tenant) = (subscription.to_string(), tenant.to_string());
        let answered = self.client.add_tenant(&at, &subscription, Some(&tenant)).await?;
        let cloud_id = self
            .scenario
            .stacks
            .get(stack)
            .map(|plan| plan.cloud_id.to_string());
        let of_stack = self
            .registered
            .iter_mut()
            .find(|it| Some(&it.cloud_id) == cloud_id.as_ref());
        if let Some(registered) = of_stack {
            registered.warnings.extend(answered.warnings);
        }
        Ok(())
    }

    fn registration_path(&self, stack: usize) -> Result<RegistrationPath, Failure> {
        let plan = self.scenario.stacks.get(stack).ok_or_else(unscripted)?;
        Ok(RegistrationPath {
            subscription_id: plan.default_subscription.to_string(),
            resource_group: RESOURCE_GROUP.to_owned(),
            name: format!("AzureStack-{}", plan.cloud_id),
        })
    }
}

fn unscripted() -> Failure {
    Failure::new("The script of the demonstration contradicts itself.")
}

fn new_partner(partner: &Partner) -> NewPartner {
    let (kind, provider) = match partner.kind {
        PartnerKind::DirectBill => (wire::api::PartnerKind::DirectBill, None),
        PartnerKind::IndirectProvider => (wire::api::PartnerKind::IndirectProvider, None),
        PartnerKind::IndirectReseller { provider } => {
            (wire::api::PartnerKind::IndirectReseller, Some(provider))
        }
    };
    NewPartner {
        id: Some(partner.id.to_string()),
        name: partner.name.clone(),
        kind,
        provider: provider.map(|provider| provider.to_string()),
    }
}

fn new_customer(customer: &Customer) -> NewCustomer {
    NewCustomer {
        id: Some(customer.id.to_string()),
        partner_id: customer.partner.to_string(),
        name: customer.name.clone(),
        tenant_ids: customer.tenants.iter().map(ToString::to_string).collect(),
    }
}

fn new_subscription(subscription: &Subscription) -> NewSubscription {
    NewSubscription {
        id: Some(subscription.id.to_string()),
        name: subscription.name.clone(),
        kind: subscription.kind.into(),
        tenant_id: subscription.tenant.to_string(),
        owner_partner_id: subscription.owner.map(|owner| owner.to_string()),
        customer_id: subscription.customer.map(|customer| customer.to_string()),
    }
}

/// A kind of subscription, for people.
pub(super) fn kind_text(kind: wire::api::SubscriptionKind) -> String {
    SubscriptionKind::from(kind).to_string()
}

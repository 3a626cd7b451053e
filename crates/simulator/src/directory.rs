//! What a stack says of itself: its subscriptions, its directory tenants, and the token it is registered with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::registration::BillingModel;
use serde_json::{Value, json};

use crate::random::{self, Random};
use crate::stack::Stack;

/// How many machines a stack has.
const NODES: u64 = 4;
/// The cores of a machine.
const CORES: u32 = 32;

impl Stack {
    /// What the stack's list of subscriptions answers: which local subscription belongs to which directory tenant.
    #[must_use]
    pub fn subscriptions_json(&self) -> String {
        let provider = format!("/subscriptions/{}", self.provider_subscription());
        let items = self.local_subscriptions().iter().map(|subscription| {
            let id = subscription.id;
            json!({
                "id": format!("{provider}/providers/Microsoft.Subscriptions.Admin/subscriptions/{id}"),
                "subscriptionId": id.to_string(),
                "delegatedProviderSubscriptionId": self.provider_subscription().to_string(),
                "displayName": subscription.display_name,
                "owner": subscription.owner,
                "tenantId": subscription.tenant.to_string(),
                "routingResourceManagerType": "Default",
                "offerId": format!(
                    "{provider}/resourceGroups/offers/providers/Microsoft.Subscriptions.Admin/offers/general-purpose"
                ),
                "state": "Enabled",
            })
        });
        list(items)
    }

    /// What the stack's list of subscriptions answers its operator: those that every stack has for him.
    #[must_use]
    pub(crate) fn visible_subscriptions_json(&self) -> String {
        let provider = self.provider_subscription();
        let (high, low) = provider.as_uuid().as_u64_pair();
        let mut random = Random::new(random::draw(high, low));
        let mut other = || uuid::Uuid::from_bytes(random.guid());
        let all = [
            (other(), "Metering Subscription"),
            (provider.as_uuid(), "Default Provider Subscription"),
            (other(), "Consumption Subscription"),
        ];
        list(all.into_iter().map(|(id, name)| {
            json!({
                "id": format!("/subscriptions/{id}"),
                "subscriptionId": id.to_string(),
                "displayName": name,
                "state": "Enabled",
                "subscriptionPolicies": { "locationPlacementId": null, "quotaId": null },
            })
        }))
    }

    /// What the stack's list of regions answers: the one that it has.
    #[must_use]
    pub(crate) fn locations_json(&self) -> String {
        let region = &self.spec().region;
        let group = format!("/subscriptions/{}", self.provider_subscription());
        let id = format!("{group}/providers/Microsoft.Subscriptions.Admin/locations/{region}");
        list(std::iter::once(
            json!({ "id": id, "name": region, "displayName": region }),
        ))
    }

    /// What the stack says of its activation under a registration, a resource id.
    #[must_use]
    pub(crate) fn activation_json(&self, registration: &str) -> String {
        let group = format!(
            "/subscriptions/{}/resourceGroups/azurestack-activation",
            self.provider_subscription()
        );
        json!({
            "id": format!("{group}/providers/Microsoft.AzureBridge.Admin/activations/default"),
            "name": "default",
            "type": "Microsoft.AzureBridge.Admin/activations",
            "location": self.spec().region,
            "properties": {
                "azureRegistrationResourceIdentifier": registration,
                "displayName": "Azure Stack Activation",
                "expiration": "9999-12-30T15:59:59",
                "marketplaceSyndicationEnabled": true,
                "usageReportingEnabled": true,
                "provisioningState": "Succeeded",
            },
        })
        .to_string()
    }

    /// The token the stack is registered with: base64 of JSON. Under the capacity model it names an agreement and
    /// reports no usage, under the custom one it names an asset tag.
    #[must_use]
    pub fn registration_token(&self, billing_model: BillingModel) -> String {
        let (high, low) = self.spec().cloud_id.as_uuid().as_u64_pair();
        let mut random = Random::new(random::draw(self.spec().seed, high ^ low));
        let object_id = uuid::Uuid::from_bytes(random.guid());
        let mut token = json!({
            "cloudId": self.spec().cloud_id.to_string(),
            "objectId": object_id.to_string(),
            "billingModel": billing_model.as_str(),
            "marketplaceSyndicationEnabled": true,
            "usageReportingEnabled": billing_model != BillingModel::Capacity,
            "regionNames": [self.spec().region],
            "hardwareInfo": (1..=NODES).map(|number| node(&mut random, number)).collect::<Vec<_>>(),
            "issuer": "simulator",
            "version": "1.0",
        });
        match billing_model {
            BillingModel::Capacity => token["agreementNumber"] = "E-SIMULATED".into(),
            BillingModel::Custom => token["msAssetTag"] = "T-SIMULATED".into(),
            BillingModel::PayAsYouUse | BillingModel::Development | BillingModel::Ruggedized => {}
        }
        STANDARD.encode(token.to_string())
    }
}

fn node(random: &mut Random, number: u64) -> Value {
    let mut part = || uuid::Uuid::from_bytes(random.guid()).simple().to_string();
    json!({
        "name": format!("node-{number:02}"),
        "uuid": part(),
        "numCores": CORES,
        "bios": [part()],
        "nic": [part(), part()],
        "cpu": [part(), part()],
        "disk": [part(), part()],
        "memory": [part(), part()],
    })
}

fn list(items: impl Iterator<Item = Value>) -> String {
    json!({ "value": items.collect::<Vec<_>>() }).to_string()
}

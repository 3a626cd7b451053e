//! The parts of stored entries.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use domain::attribution::LocalSubscription;
use domain::catalog::{self, Price, PriceList, PriceListScope, PriceSource, Prices, UnitPrice};
use domain::ids::{CloudId, CustomerId, ObjectId, PartnerId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::quantity::Quantity;
use domain::registration::{BillingModel, HardwareNode, RegistrationToken};
use domain::time::{Hour, HourInterval};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Unreadable;

/// A value stored as its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Bytes stored as hexadecimal digits.
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; N];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut bytes).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Hours from one on, to another if there is an end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hours {
    from: Text<Hour>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Text<Hour>>,
}

impl From<HourInterval> for Hours {
    fn from(interval: HourInterval) -> Self {
        let to = (interval.end() != Hour::MAX).then(|| Text(interval.end()));
        Self {
            from: Text(interval.start()),
            to,
        }
    }
}

impl TryFrom<Hours> for HourInterval {
    type Error = Unreadable;

    fn try_from(hours: Hours) -> Result<Self, Unreadable> {
        let end = hours.to.map_or(Hour::MAX, |to| to.0);
        Self::new(hours.from.0, end).ok_or_else(|| Unreadable::Value("an interval without hours".to_owned()))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPartner {
    id: Text<PartnerId>,
    name: String,
    kind: StoredPartnerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Text<PartnerId>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredPartnerKind {
    DirectBill,
    IndirectProvider,
    IndirectReseller,
}

impl From<&Partner> for StoredPartner {
    fn from(partner: &Partner) -> Self {
        let (kind, provider) = match partner.kind {
            PartnerKind::DirectBill => (StoredPartnerKind::DirectBill, None),
            PartnerKind::IndirectProvider => (StoredPartnerKind::IndirectProvider, None),
            PartnerKind::IndirectReseller { provider } => {
                (StoredPartnerKind::IndirectReseller, Some(Text(provider)))
            }
        };
        Self {
            id: Text(partner.id),
            name: partner.name.clone(),
            kind,
            provider,
        }
    }
}

impl TryFrom<StoredPartner> for Partner {
    type Error = Unreadable;

    fn try_from(stored: StoredPartner) -> Result<Self, Unreadable> {
        let kind = match (stored.kind, stored.provider) {
            (StoredPartnerKind::DirectBill, None) => PartnerKind::DirectBill,
            (StoredPartnerKind::IndirectProvider, None) => PartnerKind::IndirectProvider,
            (StoredPartnerKind::IndirectReseller, Some(Text(provider))) => {
                PartnerKind::IndirectReseller { provider }
            }
            _ => {
                return Err(Unreadable::Value(
                    "a partner whose provider does not go with its kind".to_owned(),
                ));
            }
        };
        Ok(Self {
            id: stored.id.0,
            name: stored.name,
            kind,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredCustomer {
    id: Text<CustomerId>,
    partner: Text<PartnerId>,
    name: String,
    tenants: Vec<Text<TenantId>>,
}

impl From<&Customer> for StoredCustomer {
    fn from(customer: &Customer) -> Self {
        Self {
            id: Text(customer.id),
            partner: Text(customer.partner),
            name: customer.name.clone(),
            tenants: customer.tenants.iter().copied().map(Text).collect(),
        }
    }
}

impl From<StoredCustomer> for Customer {
    fn from(stored: StoredCustomer) -> Self {
        let tenants = stored.tenants.into_iter().map(|tenant| tenant.0).collect();
        Self {
            id: stored.id.0,
            partner: stored.partner.0,
            name: stored.name,
            tenants,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredSubscriptionKind {
    Csp,
    PartnerSharedServices,
    EnterpriseAgreement,
    PayAsYouGo,
    DevTest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredSubscriptionState {
    Active,
    Suspended,
}

impl From<SubscriptionState> for StoredSubscriptionState {
    fn from(state: SubscriptionState) -> Self {
        match state {
            SubscriptionState::Active => Self::Active,
            SubscriptionState::Suspended => Self::Suspended,
        }
    }
}

impl From<StoredSubscriptionState> for SubscriptionState {
    fn from(stored: StoredSubscriptionState) -> Self {
        match stored {
            StoredSubscriptionState::Active => Self::Active,
            StoredSubscriptionState::Suspended => Self::Suspended,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredSubscription {
    id: Text<SubscriptionId>,
    name: String,
    kind: StoredSubscriptionKind,
    tenant: Text<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Text<PartnerId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<Text<CustomerId>>,
    state: StoredSubscriptionState,
}

impl From<&Subscription> for StoredSubscription {
    fn from(subscription: &Subscription) -> Self {
        Self {
            id: Text(subscription.id),
            name: subscription.name.clone(),
            kind: match subscription.kind {
                SubscriptionKind::Csp => StoredSubscriptionKind::Csp,
                SubscriptionKind::PartnerSharedServices => StoredSubscriptionKind::PartnerSharedServices,
                SubscriptionKind::EnterpriseAgreement => StoredSubscriptionKind::EnterpriseAgreement,
                SubscriptionKind::PayAsYouGo => StoredSubscriptionKind::PayAsYouGo,
                SubscriptionKind::DevTest => StoredSubscriptionKind::DevTest,
            },
            tenant: Text(subscription.tenant),
            owner: subscription.owner.map(Text),
            customer: subscription.customer.map(Text),
            state: subscription.state.into(),
        }
    }
}

impl From<StoredSubscription> for Subscription {
    fn from(stored: StoredSubscription) -> Self {
        Self {
            id: stored.id.0,
            name: stored.name,
            kind: match stored.kind {
                StoredSubscriptionKind::Csp => SubscriptionKind::Csp,
                StoredSubscriptionKind::PartnerSharedServices => SubscriptionKind::PartnerSharedServices,
                StoredSubscriptionKind::EnterpriseAgreement => SubscriptionKind::EnterpriseAgreement,
                StoredSubscriptionKind::PayAsYouGo => SubscriptionKind::PayAsYouGo,
                StoredSubscriptionKind::DevTest => SubscriptionKind::DevTest,
            },
            tenant: stored.tenant.0,
            owner: stored.owner.map(|owner| owner.0),
            customer: stored.customer.map(|customer| customer.0),
            state: stored.state.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredToken {
    cloud_id: Text<CloudId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_id: Option<Text<ObjectId>>,
    billing_model: String,
    marketplace_syndication_enabled: bool,
    usage_reporting_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agreement_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset_tag: Option<String>,
    region_names: Vec<String>,
    hardware: Vec<StoredNode>,
    issuer: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
struct StoredNode {
    name: String,
    uuid: String,
    cores: i64,
    parts: BTreeMap<String, Vec<String>>,
}

impl From<&RegistrationToken> for StoredToken {
    fn from(token: &RegistrationToken) -> Self {
        let node = |node: &HardwareNode| StoredNode {
            name: node.name.clone(),
            uuid: node.uuid.clone(),
            cores: node.cores,
            parts: node.parts.clone(),
        };
        Self {
            cloud_id: Text(token.cloud_id),
            object_id: token.object_id.map(Text),
            billing_model: token.billing_model.as_str().to_owned(),
            marketplace_syndication_enabled: token.marketplace_syndication_enabled,
            usage_reporting_enabled: token.usage_reporting_enabled,
            agreement_number: token.agreement_number.clone(),
            asset_tag: token.asset_tag.clone(),
            region_names: token.region_names.clone(),
            hardware: token.hardware.iter().map(node).collect(),
            issuer: token.issuer.clone(),
            version: token.version.clone(),
        }
    }
}

impl TryFrom<StoredToken> for RegistrationToken {
    type Error = Unreadable;

    fn try_from(stored: StoredToken) -> Result<Self, Unreadable> {
        let node = |StoredNode {
                        name,
                        uuid,
                        cores,
                        parts,
                    }| HardwareNode {
            name,
            uuid,
            cores,
            parts,
        };
        let billing_model = BillingModel::from_name(&stored.billing_model)
            .ok_or_else(|| Unreadable::Value(format!("billing model '{}'", stored.billing_model)))?;
        Ok(Self {
            cloud_id: stored.cloud_id.0,
            object_id: stored.object_id.map(|id| id.0),
            billing_model,
            marketplace_syndication_enabled: stored.marketplace_syndication_enabled,
            usage_reporting_enabled: stored.usage_reporting_enabled,
            agreement_number: stored.agreement_number,
            asset_tag: stored.asset_tag,
            region_names: stored.region_names,
            hardware: stored.hardware.into_iter().map(node).collect(),
            issuer: stored.issuer,
            version: stored.version,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredLocalSubscription {
    tenant: Text<TenantId>,
    name: String,
    owner: String,
    state: String,
}

impl From<&LocalSubscription> for StoredLocalSubscription {
    fn from(local: &LocalSubscription) -> Self {
        let LocalSubscription {
            tenant,
            name,
            owner,
            state,
        } = local.clone();
        Self {
            tenant: Text(tenant),
            name,
            owner,
            state,
        }
    }
}

impl From<StoredLocalSubscription> for LocalSubscription {
    fn from(stored: StoredLocalSubscription) -> Self {
        let StoredLocalSubscription {
            tenant,
            name,
            owner,
            state,
        } = stored;
        Self {
            tenant: tenant.0,
            name,
            owner,
            state,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPriceList {
    name: Text<catalog::PriceListName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller: Option<Text<PartnerId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buyer: Option<Text<SubscriptionId>>,
    currency: Text<domain::money::Currency>,
}

impl From<&PriceList> for StoredPriceList {
    fn from(list: &PriceList) -> Self {
        let (seller, buyer) = match list.scope {
            PriceListScope::Platform => (None, None),
            PriceListScope::Seller(seller) => (Some(Text(seller)), None),
            PriceListScope::Buyer(seller, buyer) => (Some(Text(seller)), Some(Text(buyer))),
        };
        Self {
            name: Text(list.name.clone()),
            seller,
            buyer,
            currency: Text(list.currency),
        }
    }
}

impl TryFrom<StoredPriceList> for PriceList {
    type Error = Unreadable;

    fn try_from(stored: StoredPriceList) -> Result<Self, Unreadable> {
        let scope = match (stored.seller, stored.buyer) {
            (None, None) => PriceListScope::Platform,
            (Some(seller), None) => PriceListScope::Seller(seller.0),
            (Some(seller), Some(buyer)) => PriceListScope::Buyer(seller.0, buyer.0),
            (None, Some(_)) => {
                return Err(Unreadable::Value(
                    "a price list with a buyer and no seller".to_owned(),
                ));
            }
        };
        Ok(Self {
            name: stored.name.0,
            scope,
            currency: stored.currency.0,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredPrice {
    meter: Text<domain::ids::BillingMeterId>,
    included: Text<Quantity>,
    tiers: Vec<(Text<Quantity>, Text<UnitPrice>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<StoredPriceSource>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StoredPriceSource {
    Published,
    Sample,
}

impl From<PriceSource> for StoredPriceSource {
    fn from(source: PriceSource) -> Self {
        match source {
            PriceSource::Published => Self::Published,
            PriceSource::Sample => Self::Sample,
        }
    }
}

impl From<StoredPriceSource> for PriceSource {
    fn from(stored: StoredPriceSource) -> Self {
        match stored {
            StoredPriceSource::Published => Self::Published,
            StoredPriceSource::Sample => Self::Sample,
        }
    }
}

pub(crate) fn stored_prices(prices: &Prices) -> Vec<StoredPrice> {
    let stored = prices.iter().map(|(meter, price)| StoredPrice {
        meter: Text(*meter),
        included: Text(price.included()),
        tiers: price
            .tiers()
            .iter()
            .map(|tier| (Text(tier.from), Text(tier.unit_price)))
            .collect(),
        source: price.source().map(StoredPriceSource::from),
    });
    stored.collect()
}

pub(crate) fn prices(stored: Vec<StoredPrice>) -> Result<Prices, Unreadable> {
    let price = |stored: StoredPrice| {
        let tiers = stored.tiers.into_iter().map(|(from, unit_price)| catalog::Tier {
            from: from.0,
            unit_price: unit_price.0,
        });
        let price = Price::new(tiers.collect(), stored.included.0);
        price
            .map(|price| {
                let source = stored.source.map(PriceSource::from);
                (stored.meter.0, price.from_source(source))
            })
            .map_err(|error| Unreadable::Value(error.to_string()))
    };
    stored.into_iter().map(price).collect()
}

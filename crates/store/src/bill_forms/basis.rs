//! The stored form of what an account was reckoned from.

use std::collections::BTreeMap;

use domain::catalog::{PriceListName, Tariff, TariffPart};
use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::money::Currency;
use domain::quantity::QuantitySum;
use domain::reckoning::{Basis, CapacityUse, Section};
use domain::registration::BillingModel;
use domain::statement::ChargedUsage;
use domain::time::Period;
use serde::{Deserialize, Serialize};

use super::{
    StoredAccount, StoredReason, StoredStack, StoredSubscription, StoredTenant, by_key, read, written,
};
use crate::books::stored::Unreadable;
use crate::books::stored::bills::StoredTerms;
use crate::books::stored::parts::{Hours, StoredPrice, Text, prices, stored_prices};
use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBasis {
    account: StoredAccount,
    period: Text<Period>,
    sections: Vec<StoredSection>,
    terms: StoredTerms,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSection {
    subscription: StoredSubscription,
    tariff: Vec<StoredTariffPart>,
    usage: Vec<StoredUsage>,
    capacity: Vec<StoredCapacityUse>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTariffPart {
    hours: Hours,
    list: Text<PriceListName>,
    currency: Text<Currency>,
    prices: Vec<StoredPrice>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredUsage {
    stack: StoredStack,
    local_subscription: Text<LocalSubscriptionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<StoredTenant>,
    reason: StoredReason,
    billing_model: String,
    hours: Hours,
    local_meter: Text<LocalMeterId>,
    quantity: Text<QuantitySum>,
}

/// The days by how many cores, those of nobody knows how many apart.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredCapacityUse {
    stack: StoredStack,
    days: BTreeMap<u32, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days_of_unknown_cores: Option<u32>,
}

/// The bytes of what an account was reckoned from.
///
/// # Errors
/// None in practice: every basis can be written.
pub fn encode_basis(basis: &Basis) -> Result<Vec<u8>, StoreError> {
    let sections = basis
        .sections
        .iter()
        .map(|(subscription, section)| StoredSection {
            subscription: Text(*subscription),
            tariff: section
                .tariff
                .parts()
                .iter()
                .map(StoredTariffPart::from)
                .collect(),
            usage: section.usage.iter().map(StoredUsage::from).collect(),
            capacity: section.capacity.iter().map(StoredCapacityUse::from).collect(),
        });
    written(StoredBasis {
        account: basis.account.into(),
        period: Text(basis.period),
        sections: sections.collect(),
        terms: (&basis.terms).into(),
    })
}

/// What these bytes are that an account was reckoned from.
///
/// # Errors
/// [`StoreError::Corrupt`] if they are not that, or of a newer version.
pub fn decode_basis(bytes: &[u8]) -> Result<Basis, StoreError> {
    read(
        "what an account was reckoned from",
        bytes,
        |stored: StoredBasis| {
            let section = |stored: StoredSection| {
                let tariff: Result<Vec<TariffPart>, Unreadable> =
                    stored.tariff.into_iter().map(TariffPart::try_from).collect();
                let usage: Result<Vec<ChargedUsage>, Unreadable> =
                    stored.usage.into_iter().map(ChargedUsage::try_from).collect();
                let section = Section {
                    tariff: Tariff::new(tariff?),
                    usage: usage?,
                    capacity: stored.capacity.into_iter().map(CapacityUse::from).collect(),
                };
                Ok((stored.subscription.0, section))
            };
            let sections = by_key("a section", stored.sections.into_iter().map(section))?;
            Ok(Basis {
                account: stored.account.into(),
                period: stored.period.0,
                sections,
                terms: stored.terms.into(),
            })
        },
    )
}

impl From<&TariffPart> for StoredTariffPart {
    fn from(part: &TariffPart) -> Self {
        Self {
            hours: part.hours.into(),
            list: Text(part.list.clone()),
            currency: Text(part.currency),
            prices: stored_prices(&part.prices),
        }
    }
}

impl TryFrom<StoredTariffPart> for TariffPart {
    type Error = Unreadable;

    fn try_from(stored: StoredTariffPart) -> Result<Self, Unreadable> {
        Ok(Self {
            hours: stored.hours.try_into()?,
            list: stored.list.0,
            currency: stored.currency.0,
            prices: prices(stored.prices)?,
        })
    }
}

impl From<&ChargedUsage> for StoredUsage {
    fn from(usage: &ChargedUsage) -> Self {
        Self {
            stack: Text(usage.stack),
            local_subscription: Text(usage.local_subscription),
            tenant: usage.tenant.map(Text),
            reason: usage.reason.into(),
            billing_model: usage.billing_model.as_str().to_owned(),
            hours: usage.interval.into(),
            local_meter: Text(usage.local_meter),
            quantity: Text(usage.quantity.clone()),
        }
    }
}

impl TryFrom<StoredUsage> for ChargedUsage {
    type Error = Unreadable;

    fn try_from(stored: StoredUsage) -> Result<Self, Unreadable> {
        let billing_model = BillingModel::from_name(&stored.billing_model)
            .ok_or_else(|| Unreadable::Value(format!("billing model '{}'", stored.billing_model)))?;
        Ok(Self {
            stack: stored.stack.0,
            local_subscription: stored.local_subscription.0,
            tenant: stored.tenant.map(|tenant| tenant.0),
            reason: stored.reason.into(),
            billing_model,
            interval: stored.hours.try_into()?,
            local_meter: stored.local_meter.0,
            quantity: stored.quantity.0,
        })
    }
}

impl From<&CapacityUse> for StoredCapacityUse {
    fn from(used: &CapacityUse) -> Self {
        let known = used
            .days
            .iter()
            .filter_map(|(cores, days)| Some(((*cores)?, *days)));
        Self {
            stack: Text(used.stack),
            days: known.collect(),
            days_of_unknown_cores: used.days.get(&None).copied(),
        }
    }
}

impl From<StoredCapacityUse> for CapacityUse {
    fn from(stored: StoredCapacityUse) -> Self {
        let known = stored.days.into_iter().map(|(cores, days)| (Some(cores), days));
        let unknown = stored.days_of_unknown_cores.map(|days| (None, days));
        Self {
            stack: stored.stack.0,
            days: known.chain(unknown).collect(),
        }
    }
}

//! The stored form of entries about price lists that follow others, and about drafts.

use domain::books::{PriceDraft, PriceEntry};
use domain::catalog::{Derivation, Percentage, PriceListName, Pricing, UnitPrice};
use domain::time::Hour;
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::parts::{StoredPrice, StoredPriceList, Text, prices, stored_prices};

/// An entry about prices, version 1. Variants and members are those of [`PriceEntry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredPriceEntry {
    Derived {
        list: StoredPriceList,
        derivation: StoredDerivation,
        from: Text<Hour>,
    },
    Drafted {
        list: StoredPriceList,
        pricing: StoredPricing,
        from: Text<Hour>,
    },
    DraftDropped {
        name: Text<PriceListName>,
    },
}

/// What a version says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredPricing {
    Own(Vec<StoredPrice>),
    Derived(StoredDerivation),
}

/// How prices follow others.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredDerivation {
    base: Text<PriceListName>,
    percentage: Text<Percentage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_change: Option<Text<UnitPrice>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_change: Option<Text<UnitPrice>>,
    overrides: Vec<StoredPrice>,
}

impl From<&Derivation> for StoredDerivation {
    fn from(derivation: &Derivation) -> Self {
        Self {
            base: Text(derivation.base.clone()),
            percentage: Text(derivation.percentage),
            minimum_change: derivation.minimum_change.map(Text),
            maximum_change: derivation.maximum_change.map(Text),
            overrides: stored_prices(&derivation.overrides),
        }
    }
}

impl TryFrom<StoredDerivation> for Derivation {
    type Error = Unreadable;

    fn try_from(stored: StoredDerivation) -> Result<Self, Unreadable> {
        Ok(Self {
            base: stored.base.0,
            percentage: stored.percentage.0,
            minimum_change: stored.minimum_change.map(|it| it.0),
            maximum_change: stored.maximum_change.map(|it| it.0),
            overrides: prices(stored.overrides)?,
        })
    }
}

impl From<&Pricing> for StoredPricing {
    fn from(pricing: &Pricing) -> Self {
        match pricing {
            Pricing::Own(prices) => Self::Own(stored_prices(prices)),
            Pricing::Derived(derivation) => Self::Derived(derivation.into()),
        }
    }
}

impl TryFrom<StoredPricing> for Pricing {
    type Error = Unreadable;

    fn try_from(stored: StoredPricing) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredPricing::Own(stored) => Self::Own(prices(stored)?),
            StoredPricing::Derived(derivation) => Self::Derived(derivation.try_into()?),
        })
    }
}

impl From<&PriceEntry> for StoredPriceEntry {
    fn from(entry: &PriceEntry) -> Self {
        match entry {
            PriceEntry::Derived {
                list,
                derivation,
                from,
            } => Self::Derived {
                list: list.into(),
                derivation: derivation.into(),
                from: Text(*from),
            },
            PriceEntry::Drafted(draft) => Self::Drafted {
                list: (&draft.list).into(),
                pricing: (&draft.pricing).into(),
                from: Text(draft.from),
            },
            PriceEntry::DraftDropped(name) => Self::DraftDropped {
                name: Text(name.clone()),
            },
        }
    }
}

impl TryFrom<StoredPriceEntry> for PriceEntry {
    type Error = Unreadable;

    fn try_from(stored: StoredPriceEntry) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredPriceEntry::Derived {
                list,
                derivation,
                from,
            } => Self::Derived {
                list: list.try_into()?,
                derivation: derivation.try_into()?,
                from: from.0,
            },
            StoredPriceEntry::Drafted { list, pricing, from } => Self::Drafted(PriceDraft {
                list: list.try_into()?,
                pricing: pricing.try_into()?,
                from: from.0,
            }),
            StoredPriceEntry::DraftDropped { name } => Self::DraftDropped(name.0),
        })
    }
}

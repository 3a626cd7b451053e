//! The stored form of a catalog.

use domain::catalog::{Billing, BillingMeter, Catalog, Conversion, LocalMeter};
use domain::ids::{BillingMeterId, LocalMeterId};
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

use super::{by_key, read, written};
use crate::books::stored::Unreadable;
use crate::books::stored::parts::Text;
use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredCatalog {
    local_meters: Vec<StoredLocalMeter>,
    billing_meters: Vec<StoredBillingMeter>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLocalMeter {
    id: Text<LocalMeterId>,
    name: String,
    unit: String,
    meaning: String,
    billing: StoredBilling,
}

#[derive(Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum StoredBilling {
    Charged {
        meter: Text<BillingMeterId>,
        factor: Text<BigRational>,
        per_hours_in_month: bool,
    },
    Informational {
        because: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBillingMeter {
    id: Text<BillingMeterId>,
    name: String,
    category: String,
    unit: String,
}

/// The bytes of a catalog, the meters in the order of their ids.
///
/// # Errors
/// None in practice: every catalog can be written.
pub fn encode_catalog(catalog: &Catalog) -> Result<Vec<u8>, StoreError> {
    let mut local: Vec<&LocalMeter> = catalog.local_meters().collect();
    local.sort_by_key(|meter| meter.id);
    let mut billing: Vec<&BillingMeter> = catalog.billing_meters().collect();
    billing.sort_by_key(|meter| meter.id);
    written(StoredCatalog {
        local_meters: local.into_iter().map(StoredLocalMeter::from).collect(),
        billing_meters: billing.into_iter().map(StoredBillingMeter::from).collect(),
    })
}

/// The catalog that these bytes are.
///
/// # Errors
/// [`StoreError::Corrupt`] if they are none, or of a newer version.
pub fn decode_catalog(bytes: &[u8]) -> Result<Catalog, StoreError> {
    read("a stored catalog", bytes, |stored: StoredCatalog| {
        let local = stored.local_meters.into_iter().map(|stored| {
            let meter = LocalMeter::try_from(stored)?;
            Ok((meter.id, meter))
        });
        let billing = stored.billing_meters.into_iter().map(|stored| {
            let meter = BillingMeter::from(stored);
            Ok((meter.id, meter))
        });
        let local = by_key("a local meter", local)?.into_values();
        let billing = by_key("a billing meter", billing)?.into_values();
        Catalog::new(local, billing).map_err(|error| Unreadable::Value(error.to_string()))
    })
}

impl From<&LocalMeter> for StoredLocalMeter {
    fn from(meter: &LocalMeter) -> Self {
        let billing = match &meter.billing {
            Billing::Charged { meter, conversion } => StoredBilling::Charged {
                meter: Text(*meter),
                factor: Text(conversion.factor().clone()),
                per_hours_in_month: conversion.is_per_hours_in_month(),
            },
            Billing::Informational { because } => StoredBilling::Informational {
                because: because.clone(),
            },
        };
        Self {
            id: Text(meter.id),
            name: meter.name.clone(),
            unit: meter.unit.clone(),
            meaning: meter.meaning.clone(),
            billing,
        }
    }
}

impl TryFrom<StoredLocalMeter> for LocalMeter {
    type Error = Unreadable;

    fn try_from(stored: StoredLocalMeter) -> Result<Self, Unreadable> {
        let billing = match stored.billing {
            StoredBilling::Charged {
                meter,
                factor,
                per_hours_in_month,
            } => {
                let conversion =
                    Conversion::by_factor(factor.0).map_err(|error| Unreadable::Value(error.to_string()))?;
                let conversion = if per_hours_in_month {
                    conversion.per_hours_in_month()
                } else {
                    conversion
                };
                Billing::Charged {
                    meter: meter.0,
                    conversion,
                }
            }
            StoredBilling::Informational { because } => Billing::Informational { because },
        };
        Ok(Self {
            id: stored.id.0,
            name: stored.name,
            unit: stored.unit,
            meaning: stored.meaning,
            billing,
        })
    }
}

impl From<&BillingMeter> for StoredBillingMeter {
    fn from(meter: &BillingMeter) -> Self {
        let BillingMeter {
            id,
            name,
            category,
            unit,
        } = meter.clone();
        Self {
            id: Text(id),
            name,
            category,
            unit,
        }
    }
}

impl From<StoredBillingMeter> for BillingMeter {
    fn from(stored: StoredBillingMeter) -> Self {
        let StoredBillingMeter {
            id,
            name,
            category,
            unit,
        } = stored;
        Self {
            id: id.0,
            name,
            category,
            unit,
        }
    }
}

//! The catalog that ships with the product: reviewed data files under `catalog/`, built in.

use std::collections::BTreeMap;

use domain::catalog::{
    Billing, BillingMeter, Catalog, Conversion, InvalidConversion, InvalidTiers, LocalMeter, Price,
    PriceList, PriceListScope, PriceSource, Prices, Tier, UnknownBillingMeter,
};
use domain::ids::{BillingMeterId, InvalidGuid};
use domain::quantity::{InvalidQuantity, Quantity, Rational};
use domain::time::Hour;
use serde::Deserialize;

/// The files, each with its name for errors.
macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("../../../catalog/", $path)))),+]
    };
}

const METERS: [(&str, &str); 8] = files![
    "meters/app-service.toml",
    "meters/compute.toml",
    "meters/databases.toml",
    "meters/disks.toml",
    "meters/event-hubs.toml",
    "meters/key-vault.toml",
    "meters/network.toml",
    "meters/storage.toml",
];

const BILLING_METERS: [(&str, &str); 8] = files![
    "billing-meters/app-service.toml",
    "billing-meters/compute.toml",
    "billing-meters/databases.toml",
    "billing-meters/disks.toml",
    "billing-meters/event-hubs.toml",
    "billing-meters/key-vault.toml",
    "billing-meters/network.toml",
    "billing-meters/storage.toml",
];

const PRICES: (&str, &str) = files!["prices/pay-as-you-use-usd.toml"][0];

/// A data file is not as it should be. Each is read by a test, so a release has none of these.
#[derive(Debug, thiserror::Error)]
#[error("catalog/{file}: {because}")]
pub struct CatalogError {
    file: &'static str,
    because: Because,
}

#[derive(Debug, thiserror::Error)]
enum Because {
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    #[error("meter {0}: {1}")]
    Id(String, InvalidGuid),
    #[error("meter {0}: expected either billing_meter or informational")]
    Billing(String),
    #[error("meter {0}: there is no billing meter '{1}'")]
    UnknownKey(String, String),
    #[error("meter {0}: expected factor as a fraction of two whole numbers, such as 1/1024")]
    Factor(String),
    #[error("meter {0}: {1}")]
    Conversion(String, InvalidConversion),
    #[error("price of {0}: {1}")]
    Rate(String, InvalidQuantity),
    #[error("price of {0}: {1}")]
    Tiers(String, InvalidTiers),
    #[error("price of {0}: expected each meter once")]
    Twice(String),
    #[error(transparent)]
    Catalog(#[from] UnknownBillingMeter),
    #[error("{0}")]
    Head(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeterFile {
    meter: Vec<MeterEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeterEntry {
    id: String,
    name: String,
    unit: String,
    meaning: String,
    billing_meter: Option<String>,
    factor: Option<String>,
    #[serde(default)]
    per_hours_in_month: bool,
    informational: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BillingMeterFile {
    meter: Vec<BillingMeterEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BillingMeterEntry {
    key: String,
    id: String,
    name: String,
    category: String,
    unit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    name: String,
    currency: String,
    effective_from: String,
    price: Vec<PriceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    meter: String,
    source: Source,
    included_quantity: Option<String>,
    rates: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Published,
    Sample,
}

impl From<Source> for PriceSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Published => Self::Published,
            Source::Sample => Self::Sample,
        }
    }
}

/// The platform's first price list.
#[derive(Debug, Clone)]
pub struct FirstPriceList {
    /// Its name, scope and currency.
    pub list: PriceList,
    /// Its prices.
    pub prices: Prices,
    /// The first hour they are for.
    pub from: Hour,
}

/// Every meter.
///
/// # Errors
/// [`CatalogError`] if a data file is not as it should be.
pub fn meters() -> Result<Catalog, CatalogError> {
    let (keys, billing) = billing_meters()?;
    let mut local = Vec::new();
    for (file, text) in METERS {
        let because = |because| CatalogError { file, because };
        let entries: MeterFile = toml::from_str(text).map_err(|error| because(error.into()))?;
        for entry in entries.meter {
            local.push(local_meter(entry, &keys).map_err(because)?);
        }
    }
    Catalog::new(local, billing).map_err(|error| CatalogError {
        file: "meters",
        because: error.into(),
    })
}

/// The platform's price list for pay-as-you-use in US dollars: four published prices, and samples.
///
/// # Errors
/// [`CatalogError`] if the data file is not as it should be.
pub fn first_price_list() -> Result<FirstPriceList, CatalogError> {
    let (keys, _) = billing_meters()?;
    let (file, text) = PRICES;
    let because = |because| CatalogError { file, because };
    let entries: PriceFile = toml::from_str(text).map_err(|error| because(error.into()))?;
    let mut prices = Prices::new();
    for entry in entries.price {
        let meter = *keys
            .get(&entry.meter)
            .ok_or_else(|| because(Because::UnknownKey(entry.meter.clone(), entry.meter.clone())))?;
        let key = entry.meter.clone();
        if prices.insert(meter, price(entry).map_err(because)?).is_some() {
            return Err(because(Because::Twice(key)));
        }
    }
    let head = |error: &dyn std::fmt::Display| because(Because::Head(error.to_string()));
    let list = PriceList {
        name: entries.name.parse().map_err(|error| head(&error))?,
        scope: PriceListScope::Platform,
        currency: entries.currency.parse().map_err(|error| head(&error))?,
    };
    let from = entries.effective_from.parse().map_err(|error| head(&error))?;
    Ok(FirstPriceList { list, prices, from })
}

type Keys = BTreeMap<String, BillingMeterId>;

fn billing_meters() -> Result<(Keys, Vec<BillingMeter>), CatalogError> {
    let mut keys = Keys::new();
    let mut meters = Vec::new();
    for (file, text) in BILLING_METERS {
        let because = |because| CatalogError { file, because };
        let entries: BillingMeterFile = toml::from_str(text).map_err(|error| because(error.into()))?;
        for BillingMeterEntry {
            key,
            id,
            name,
            category,
            unit,
        } in entries.meter
        {
            let id = id
                .parse()
                .map_err(|error| because(Because::Id(key.clone(), error)))?;
            if keys.insert(key.clone(), id).is_some() {
                return Err(because(Because::Twice(key)));
            }
            meters.push(BillingMeter {
                id,
                name,
                category,
                unit,
            });
        }
    }
    Ok((keys, meters))
}

fn local_meter(entry: MeterEntry, keys: &Keys) -> Result<LocalMeter, Because> {
    let MeterEntry {
        id,
        name,
        unit,
        meaning,
        billing_meter,
        factor,
        per_hours_in_month,
        informational,
    } = entry;
    let billing = match (billing_meter, informational) {
        (Some(key), None) => {
            let meter = *keys
                .get(&key)
                .ok_or_else(|| Because::UnknownKey(name.clone(), key))?;
            let factor: Rational = factor
                .as_deref()
                .unwrap_or("1")
                .parse()
                .map_err(|_| Because::Factor(name.clone()))?;
            let conversion =
                Conversion::by_factor(factor).map_err(|error| Because::Conversion(name.clone(), error))?;
            let conversion = if per_hours_in_month {
                conversion.per_hours_in_month()
            } else {
                conversion
            };
            Billing::Charged { meter, conversion }
        }
        (None, Some(because)) => Billing::Informational { because },
        _ => return Err(Because::Billing(name)),
    };
    let id = id.parse().map_err(|error| Because::Id(name.clone(), error))?;
    Ok(LocalMeter {
        id,
        name,
        unit,
        meaning,
        billing,
    })
}

fn price(entry: PriceEntry) -> Result<Price, Because> {
    let PriceEntry {
        meter,
        source,
        included_quantity,
        rates,
    } = entry;
    let rate = |error| Because::Rate(meter.clone(), error);
    let included = included_quantity
        .map_or(Ok(Quantity::ZERO), |text| text.parse())
        .map_err(rate)?;
    let tiers: Result<Vec<Tier>, InvalidQuantity> = rates
        .iter()
        .map(|(from, price)| {
            Ok(Tier {
                from: from.parse()?,
                unit_price: price.parse()?,
            })
        })
        .collect();
    let price = Price::new(tiers.map_err(rate)?, included);
    price
        .map(|price| price.from_source(Some(source.into())))
        .map_err(|error| Because::Tiers(meter.clone(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_billing_meter_has_a_first_price_and_a_local_meter() {
        let catalog = meters().unwrap();
        let first = first_price_list().unwrap();
        let charged: Vec<BillingMeterId> = catalog
            .local_meters()
            .filter_map(|local| match local.billing {
                Billing::Charged { meter, .. } => Some(meter),
                Billing::Informational { .. } => None,
            })
            .collect();
        for meter in catalog.billing_meters() {
            assert!(
                first.prices.contains_key(&meter.id),
                "{} has no price",
                meter.name
            );
            assert!(
                charged.contains(&meter.id),
                "nothing is charged as {}",
                meter.name
            );
        }
    }

    #[test]
    fn the_four_published_prices_are_as_published() {
        let catalog = meters().unwrap();
        let first = first_price_list().unwrap();
        for (name, price) in [
            ("Base VM vCPU", "0.008"),
            ("Windows VM vCPU", "0.046"),
            ("Blob capacity", "0.006"),
            ("Table and queue capacity", "0.018"),
        ] {
            let meter = catalog.billing_meters().find(|meter| meter.name == name).unwrap();
            let published = Price::flat(price.parse().unwrap()).from_source(Some(PriceSource::Published));
            assert_eq!(first.prices[&meter.id], published, "{name}");
        }
        let published = first
            .prices
            .values()
            .filter(|price| price.source() == Some(PriceSource::Published));
        assert_eq!(published.count(), 4, "all others are said to be samples");
    }

    #[test]
    fn every_meter_that_azure_stack_documents_is_in_the_catalog_with_its_unit() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/contracts/commerce/azure-stack-meters.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!(
                "NOT RUN: {path} is missing, so the catalog was not compared with the documented meters"
            );
            return;
        };
        let documented: serde_json::Value = serde_json::from_str(&text).unwrap();
        let documented = documented["meters"].as_array().unwrap();
        let catalog = meters().unwrap();
        assert_eq!(catalog.local_meters().count(), documented.len());
        for meter in documented {
            let id = meter["meterId"].as_str().unwrap().parse().unwrap();
            let known = catalog
                .local_meter(id)
                .unwrap_or_else(|| panic!("{meter} is missing"));
            assert_eq!(known.name, meter["name"].as_str().unwrap());
            assert_eq!(known.unit, meter["unit"].as_str().unwrap());
            assert!(known.meaning.ends_with('.'), "{} has no meaning", known.name);
        }
    }
}

//! What the reviewed data files say, read on its own: what local meters mean, and the platform's opening prices.
//!
//! The server reads the same files with code of its own. Nothing of that is used here, so that each of the two would
//! notice if the other misread them.

use std::collections::BTreeMap;

use num_rational::BigRational;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wire::api::{Meter, MeterBilling, MeterPrice, PriceSource, PublishPriceList};

use super::scenario::Published;
use crate::failure::Failure;

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        [$(include_str!(concat!("../../../../catalog/", $path))),+]
    };
}

const METERS: [&str; 8] = files![
    "meters/app-service.toml",
    "meters/compute.toml",
    "meters/databases.toml",
    "meters/disks.toml",
    "meters/event-hubs.toml",
    "meters/key-vault.toml",
    "meters/network.toml",
    "meters/storage.toml",
];
const BILLING_METERS: [&str; 8] = files![
    "billing-meters/app-service.toml",
    "billing-meters/compute.toml",
    "billing-meters/databases.toml",
    "billing-meters/disks.toml",
    "billing-meters/event-hubs.toml",
    "billing-meters/key-vault.toml",
    "billing-meters/network.toml",
    "billing-meters/storage.toml",
];
const OPENING_PRICES: &str = include_str!("../../../../catalog/prices/pay-as-you-use-usd.toml");

/// A file of meters, local or billing ones.
#[derive(Deserialize)]
struct MeterFile<T> {
    meter: Vec<T>,
}

#[derive(Deserialize)]
struct LocalMeter {
    id: String,
    name: String,
    unit: String,
    meaning: String,
    billing_meter: Option<String>,
    factor: Option<String>,
    per_hours_in_month: Option<bool>,
    informational: Option<String>,
}

#[derive(Deserialize)]
struct BillingMeter {
    key: String,
    id: String,
    name: String,
    unit: String,
}

#[derive(Deserialize)]
struct PriceFile {
    name: String,
    currency: String,
    effective_from: String,
    price: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    meter: String,
    source: String,
    included_quantity: Option<String>,
    rates: BTreeMap<String, String>,
}

/// Every local meter and what it is charged as, as the API should say it.
///
/// # Errors
/// If the files contradict themselves.
pub(super) fn meters() -> Result<Vec<Meter>, Failure> {
    let billing = billing_meters()?;
    let local = all_of::<LocalMeter>(&METERS)?;
    local.into_iter().map(|meter| meter_of(meter, &billing)).collect()
}

/// The prices that the platform begins with, as if they had been published.
///
/// # Errors
/// If the files contradict themselves.
pub(super) fn opening_prices() -> Result<Published, Failure> {
    let billing = billing_meters()?;
    let file: PriceFile = read(OPENING_PRICES)?;
    let prices = file.price.into_iter().map(|price| {
        Ok(MeterPrice {
            meter_id: named(&billing, &price.meter)?.id.clone(),
            meter_name: None,
            rates: price.rates,
            included_quantity: price.included_quantity,
            source: Some(match price.source.as_str() {
                "published" => PriceSource::Published,
                "sample" => PriceSource::Sample,
                other => return Err(unreadable(format!("{}: source '{other}'", price.meter))),
            }),
        })
    });
    Ok(Published {
        list: file.name,
        version: PublishPriceList {
            currency: file.currency,
            seller: None,
            buyer: None,
            effective_from: file.effective_from,
            derived_from: None,
            prices: prices.collect::<Result<_, Failure>>()?,
        },
    })
}

fn meter_of(local: LocalMeter, billing: &[BillingMeter]) -> Result<Meter, Failure> {
    let charged_as = match &local.billing_meter {
        Some(key) => Some(charged_as(&local, named(billing, key)?)?),
        None => None,
    };
    Ok(Meter {
        local_meter_id: id_as_shown(&local.id),
        name: local.name,
        unit: local.unit,
        meaning: local.meaning,
        billing: charged_as,
        informational: local.informational,
    })
}

/// The files have ids as Azure Stack writes them, some without hyphens; the API shows all alike.
fn id_as_shown(id: &str) -> String {
    let digits = id.chars().filter(char::is_ascii_hexdigit);
    let mut shown = String::new();
    for (place, digit) in digits.enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            shown.push('-');
        }
        shown.push(digit.to_ascii_lowercase());
    }
    shown
}

fn charged_as(local: &LocalMeter, billing: &BillingMeter) -> Result<MeterBilling, Failure> {
    let factor = local.factor.as_deref().unwrap_or("1").parse::<BigRational>();
    let factor = factor.map_err(|error| unreadable(format!("{}: factor: {error}", local.name)))?;
    Ok(MeterBilling {
        billing_meter_id: billing.id.clone(),
        billing_meter_name: billing.name.clone(),
        billing_unit: billing.unit.clone(),
        factor: factor.to_string(),
        per_hours_in_month: local.per_hours_in_month.unwrap_or(false),
    })
}

fn billing_meters() -> Result<Vec<BillingMeter>, Failure> {
    all_of(&BILLING_METERS)
}

fn named<'a>(meters: &'a [BillingMeter], key: &str) -> Result<&'a BillingMeter, Failure> {
    let mut meters = meters.iter();
    meters
        .find(|meter| meter.key == key)
        .ok_or_else(|| unreadable(format!("there is no billing meter '{key}'")))
}

fn all_of<T: DeserializeOwned>(files: &[&str]) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for file in files {
        all.extend(read::<MeterFile<T>>(file)?.meter);
    }
    Ok(all)
}

fn read<T: DeserializeOwned>(file: &str) -> Result<T, Failure> {
    toml::from_str(file).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(because: String) -> Failure {
    Failure::new("The catalog's data files cannot be read.").because(because)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_prices_are_those_that_azure_stack_publishes() {
        let opening = opening_prices().unwrap();
        let billing = billing_meters().unwrap();
        for (key, rate) in [
            ("vm-base", "0.008"),
            ("vm-windows", "0.046"),
            ("blob-capacity", "0.006"),
            ("table-queue-capacity", "0.018"),
        ] {
            let id = &named(&billing, key).unwrap().id;
            let mut prices = opening.version.prices.iter();
            let price = prices.find(|price| price.meter_id == *id).unwrap();
            assert_eq!(price.source, Some(PriceSource::Published), "{key}");
            let rates = BTreeMap::from([("0".to_owned(), rate.to_owned())]);
            assert_eq!(price.rates, rates, "{key}");
        }
    }

    #[test]
    fn every_file_of_meters_is_read() {
        let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog");
        for (directory, read) in [("meters", METERS.len()), ("billing-meters", BILLING_METERS.len())] {
            let files = std::fs::read_dir(format!("{catalog}/{directory}")).unwrap();
            assert_eq!(read, files.count(), "{directory}");
        }
    }

    #[test]
    fn capacity_is_per_hours_in_the_month_and_databases_are_per_1024_megabytes() {
        let meters = meters().unwrap();
        let of = |id: &str| {
            let meter = meters.iter().find(|meter| meter.local_meter_id == id).unwrap();
            let billing = meter.billing.as_ref().unwrap();
            (billing.factor.as_str(), billing.per_hours_in_month)
        };
        assert_eq!(of("9e2739ba-8674-4796-b465-f64674b822ba"), ("1", false));
        assert_eq!(of("b5c15376-6c94-4fdd-b655-1a69d138aca3"), ("1", true));
        assert_eq!(of("cbcfef9a-b91f-4597-a4d3-01fe334bed82"), ("1/1024", true));
    }
}

//! Who asks which prices, and how they change in the month.

use domain::ids::{BillingMeterId, PartnerId, SubscriptionId};
use domain::time::Hour;
use num_bigint::BigInt;
use num_rational::BigRational;
use wire::api::{MeterPrice, PublishPriceList};

use crate::demo::cast as id;
use crate::demo::decimal::{decimal, shown};

/// A new version of a price list. What it does not set apart is the platform's opening price and a markup.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::demo) struct PriceChange {
    /// The list's name; none is the platform's list.
    list: Option<&'static str>,
    /// The partner whose prices these are.
    seller: Option<PartnerId>,
    /// The one subscription they are for.
    buyer: Option<SubscriptionId>,
    /// What is added to the platform's opening prices, in hundredths of them.
    markup_percent: u8,
    /// The prices that are set apart.
    set_apart: &'static [SetApart],
    /// The change, as people tell of it.
    pub(super) in_words: &'static str,
}

/// A price that somebody has thought about.
#[derive(Debug, PartialEq, Eq)]
struct SetApart {
    meter: BillingMeterId,
    /// What is free in a month.
    included: Option<&'static str>,
    /// From which quantity on a unit costs what.
    rates: &'static [(&'static str, &'static str)],
}

const fn set_apart(meter: BillingMeterId, rates: &'static [(&'static str, &'static str)]) -> SetApart {
    SetApart {
        meter,
        included: None,
        rates,
    }
}

/// The reseller begins to ask prices of its own. One of them is the platform's: its line goes on unbroken.
pub(super) static TALWEG: PriceChange = PriceChange {
    list: Some("talweg-usd"),
    seller: Some(id::TALWEG),
    buyer: None,
    markup_percent: 12,
    set_apart: &[
        SetApart {
            included: Some("100"),
            ..set_apart(id::WINDOWS_VM, &[("0", "0.052"), ("500", "0.049")])
        },
        set_apart(id::BLOB_CAPACITY, &[("0", "0.0068"), ("100", "0.0061")]),
        set_apart(id::KEY_VAULT_OPERATIONS, &[("0", "0.03")]),
    ],
    in_words: "price list talweg-usd begins: Talweg IT sells at the platform's prices and 12 %, with Windows \
               graduated after 100 vCPU hours that are included, blobs graduated, and Key Vault at the platform's \
               price",
};

/// The platform's own prices change, for whoever buys at them.
pub(super) static PLATFORM: PriceChange = PriceChange {
    list: None,
    seller: None,
    buyer: None,
    markup_percent: 0,
    set_apart: &[
        set_apart(id::WINDOWS_VM, &[("0", "0.048")]),
        set_apart(id::BLOB_CAPACITY, &[("0", "0.006"), ("500", "0.005")]),
    ],
    in_words: "the platform's prices change: Windows becomes dearer, and blobs beyond 500 GB cheaper",
};

/// The reseller grants one customer better prices than its others.
pub(super) static GLETSCHER: PriceChange = PriceChange {
    list: Some("talweg-gletscher-usd"),
    seller: Some(id::TALWEG),
    buyer: Some(id::GLETSCHER),
    markup_percent: 5,
    set_apart: &[SetApart {
        included: Some("1"),
        ..set_apart(id::SQL_CAPACITY, &[("0", "0.19"), ("2", "0.17")])
    }],
    in_words: "price list talweg-gletscher-usd begins: Gletscher Labs buys from Talweg IT at 5 % instead of 12 %, \
               and SQL graduated after 1 GB that is included",
};

/// A version of a price list as it was published.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Published {
    /// The list's name.
    pub(in crate::demo) list: String,
    /// What was published.
    pub(in crate::demo) version: PublishPriceList,
}

impl PriceChange {
    /// What is published from an hour on, made from the platform's opening prices.
    pub(in crate::demo) fn from(&self, hour: Hour, opening: &Published) -> Published {
        let prices = opening.version.prices.iter().map(|price| self.price(price));
        Published {
            list: self.list.unwrap_or(&opening.list).to_owned(),
            version: PublishPriceList {
                currency: opening.version.currency.clone(),
                seller: self.seller.map(|seller| seller.to_string()),
                buyer: self.buyer.map(|buyer| buyer.to_string()),
                effective_from: hour.to_string(),
                derived_from: None,
                prices: prices.collect(),
            },
        }
    }

    fn price(&self, opening: &MeterPrice) -> MeterPrice {
        let set_apart = self
            .set_apart
            .iter()
            .find(|it| it.meter.to_string() == opening.meter_id);
        if let Some(SetApart { included, rates, .. }) = set_apart {
            let rates = rates
                .iter()
                .map(|(from, rate)| ((*from).to_owned(), (*rate).to_owned()));
            return MeterPrice {
                included_quantity: included.map(str::to_owned),
                rates: rates.collect(),
                source: None,
                ..opening.clone()
            };
        }
        let rates = opening.rates.iter();
        MeterPrice {
            rates: rates
                .map(|(from, rate)| (from.clone(), self.marked_up(rate)))
                .collect(),
            ..opening.clone()
        }
    }

    fn marked_up(&self, rate: &str) -> String {
        let factor = BigRational::new(BigInt::from(100 + u16::from(self.markup_percent)), 100.into());
        decimal(rate).map_or_else(|| rate.to_owned(), |rate| shown(&(rate * factor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seller_asks_the_platforms_opening_price_and_a_markup_unless_it_says_otherwise() {
        let price = |meter: &str, rates: &[(&str, &str)]| MeterPrice {
            meter_id: meter.to_owned(),
            meter_name: None,
            included_quantity: None,
            rates: rates
                .iter()
                .map(|(from, rate)| ((*from).to_owned(), (*rate).to_owned()))
                .collect(),
            source: None,
        };
        let other = "53cb37ba-83b2-5e7a-9bbf-6837eb1165dd";
        let windows = id::WINDOWS_VM.to_string();
        let opening = Published {
            list: "pay-as-you-use-usd".to_owned(),
            version: PublishPriceList {
                currency: "USD".to_owned(),
                seller: None,
                buyer: None,
                effective_from: "2016-01-01T00:00:00Z".to_owned(),
                derived_from: None,
                prices: vec![
                    price(other, &[("0", "0.000016"), ("10", "60")]),
                    price(&windows, &[("0", "0.046")]),
                ],
            },
        };
        let published = TALWEG.from("2026-10-10T08:00:00Z".parse().unwrap(), &opening);
        assert_eq!(published.list, "talweg-usd");
        assert_eq!(published.version.seller, Some(id::TALWEG.to_string()));
        let mut own = price(&windows, &[("0", "0.052"), ("500", "0.049")]);
        own.included_quantity = Some("100".to_owned());
        let marked_up = price(other, &[("0", "0.00001792"), ("10", "67.2")]);
        assert_eq!(published.version.prices, [marked_up, own]);
    }
}

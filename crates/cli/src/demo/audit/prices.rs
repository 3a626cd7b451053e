//! Whether price lists are kept as they were published.

use std::collections::BTreeMap;

use num_rational::BigRational;
use wire::api::{MeterPrice, PriceList, PriceSource};

use crate::demo::decimal::decimal;
use crate::demo::scenario::Published;

/// A price, however its numbers are written: what is included, from which quantity on a unit costs what, and where it
/// comes from.
#[derive(PartialEq, Eq)]
struct Asked {
    included: Option<BigRational>,
    rates: BTreeMap<Option<BigRational>, Option<BigRational>>,
    source: Option<PriceSource>,
}

impl Asked {
    fn by(price: &MeterPrice) -> Self {
        let rates = price.rates.iter();
        Self {
            included: decimal(price.included_quantity.as_deref().unwrap_or("0")),
            rates: rates.map(|(from, rate)| (decimal(from), decimal(rate))).collect(),
            source: price.source,
        }
    }
}

/// Whether every version that was published is served, with each of its prices, and no other is.
pub(in crate::demo) fn published(served: &[PriceList], published: &[Published]) -> Vec<String> {
    let by_meter = |prices: &[MeterPrice]| -> BTreeMap<String, Asked> {
        let prices = prices.iter();
        prices
            .map(|price| (price.meter_id.clone(), Asked::by(price)))
            .collect()
    };
    let mut left: BTreeMap<_, _> = published
        .iter()
        .map(|it| {
            (
                (it.list.as_str(), it.version.effective_from.as_str()),
                &it.version,
            )
        })
        .collect();
    let mut differences = Vec::new();
    for list in served {
        for version in &list.versions {
            let of = format!("price list {} from {} on", list.name, version.effective_from);
            match left.remove(&(list.name.as_str(), version.effective_from.as_str())) {
                None => differences.push(format!("{of}: was not published")),
                Some(it) if (&it.seller, &it.buyer) != (&list.seller, &list.buyer) => {
                    differences.push(format!("{of}: has another seller or buyer"));
                }
                Some(it) if by_meter(&it.prices) != by_meter(&version.prices) => {
                    differences.push(format!("{of}: has other prices"));
                }
                Some(_) => {}
            }
        }
    }
    differences.extend(
        left.into_keys()
            .map(|(list, from)| format!("price list {list} from {from} on: missing")),
    );
    differences
}

//! Prices that follow others, and drafts.

use domain::books::PriceDraft;
use domain::catalog::{self, Derivation, PriceListScope, Prices};
use domain::quantity::{Quantity, Rational, decimal_text};
use domain::timeline::Recorded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::prices::{MeterPrice, RepricedMonth, unit_price};
use super::{InvalidMember, member};
use crate::azure_stack::etag;
use crate::price_import::Imported;

/// The decimal places of a percentage that has no end.
const PERCENT_PLACES: u32 = 4;

/// What a version of a price list follows. In each hour its prices are those that the base has in that hour, each unit
/// price changed by the percentage; included quantities and the bounds of tiers are the base's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DerivedFrom {
    /// The name of the list it follows, of the same currency.
    pub base: String,
    /// By how many percent unit prices are higher, or lower if it begins with a minus; at most four decimal places.
    pub percentage: String,
    /// The least by which a unit price changes. What is free stays free, and with 0 % nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_change: Option<String>,
    /// The most by which a unit price changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_change: Option<String>,
}

impl DerivedFrom {
    pub(super) fn into_domain(self, overrides: Prices) -> Result<Derivation, InvalidMember> {
        let change =
            |target: &str, text: Option<String>| text.map(|text| unit_price(target, &text)).transpose();
        Ok(Derivation {
            base: member("derivedFrom.base", &self.base)?,
            percentage: member("derivedFrom.percentage", &self.percentage)?,
            minimum_change: change("derivedFrom.minimumChange", self.minimum_change)?,
            maximum_change: change("derivedFrom.maximumChange", self.maximum_change)?,
            overrides,
        })
    }
}

impl From<&Derivation> for DerivedFrom {
    fn from(derivation: &Derivation) -> Self {
        Self {
            base: derivation.base.to_string(),
            percentage: derivation.percentage.to_string(),
            minimum_change: derivation.minimum_change.map(|it| it.to_string()),
            maximum_change: derivation.maximum_change.map(|it| it.to_string()),
        }
    }
}

/// A version of a price list that is prepared. It prices nothing until it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceListDraft {
    /// The name of the list.
    pub name: String,
    /// The currency of every price.
    pub currency: String,
    /// The partner whose prices these would be; without one, the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// The one subscription that they would be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
    /// The first hour it would price.
    pub effective_from: String,
    /// What it would follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<DerivedFrom>,
    /// Its prices; those that it has instead of its base's, if it follows one.
    pub prices: Vec<MeterPrice>,
    /// When it was drafted.
    pub drafted_at: String,
    /// Changes with the draft, its list, and the lists that either follows. Publishing asks for it in `If-Match`.
    pub etag: String,
}

impl PriceListDraft {
    /// A draft at a revision.
    #[must_use]
    pub fn of(draft: &PriceDraft, recorded: Recorded, revision: u64) -> Self {
        let (seller, buyer) = match draft.list.scope {
            PriceListScope::Platform => (None, None),
            PriceListScope::Seller(seller) => (Some(seller), None),
            PriceListScope::Buyer(seller, buyer) => (Some(seller), Some(buyer)),
        };
        Self {
            name: draft.list.name.to_string(),
            currency: draft.list.currency.to_string(),
            seller: seller.map(|seller| seller.to_string()),
            buyer: buyer.map(|buyer| buyer.to_string()),
            effective_from: draft.from.to_string(),
            derived_from: draft.pricing.derivation().map(DerivedFrom::from),
            prices: MeterPrice::all(draft.pricing.given()),
            drafted_at: recorded.at.to_string(),
            etag: etag::of_revision(revision),
        }
    }
}

/// What becomes of a meter's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MeterChange {
    /// It has none, and gets one.
    Added,
    /// It loses the one it has: its usage is not charged any more.
    Dropped,
    /// It gets another.
    Changed,
}

/// A unit price from a lower bound on, now and then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TierDifference {
    /// The lower bound, counted from the end of the included quantity.
    pub from: String,
    /// The unit price without the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The unit price with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// By how much it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// By how many percent; to four places where it has no end. None of a price of zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
}

/// A meter that costs something else with a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterDifference {
    /// The billing meter.
    pub meter_id: String,
    /// What becomes of its price.
    pub change: MeterChange,
    /// What is included without the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included_now: Option<String>,
    /// What is included with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included_then: Option<String>,
    /// Its unit prices by rising lower bound.
    pub tiers: Vec<TierDifference>,
}

impl From<&catalog::MeterDifference> for MeterDifference {
    fn from(difference: &catalog::MeterDifference) -> Self {
        let text = |number: Rational| decimal_text(&number, PERCENT_PLACES).0;
        let included = |quantity: Option<Quantity>| quantity.map(|quantity| quantity.to_string());
        let tiers = difference.tiers.iter().map(|tier| TierDifference {
            from: tier.from.to_string(),
            now: tier.now.map(|it| it.to_string()),
            then: tier.then.map(|it| it.to_string()),
            change: tier.change().map(text),
            percent: tier.percent().map(text),
        });
        Self {
            meter_id: difference.meter.to_string(),
            change: match (difference.included_now, difference.included_then) {
                (None, _) => MeterChange::Added,
                (_, None) => MeterChange::Dropped,
                _ => MeterChange::Changed,
            },
            included_now: included(difference.included_now),
            included_then: included(difference.included_then),
            tiers: tiers.collect(),
        }
    }
}

/// What publishing a draft would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceListDiff {
    /// The draft.
    pub draft: PriceListDraft,
    /// The meters that would cost something else in its first hour than its list says for that hour.
    pub meters: Vec<MeterDifference>,
    /// The months whose statements would change, the newest first. The newest 12 months with usage are compared.
    pub repriced: Vec<RepricedMonth>,
    /// The first month that was compared, where months before it have usage, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_from: Option<String>,
}

/// A row of a document with prices that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedRow {
    /// The line of a table, or the number of the meter in a rate card, counted from 1.
    pub row: u64,
    /// The stable code of what is wrong.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

/// A meter of a document with prices that the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownMeter {
    /// Its id.
    pub meter_id: String,
    /// Its name, where the document has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What was understood of a document with prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceImport {
    /// The currency that the document names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The prices of meters that the catalog has.
    pub prices: Vec<MeterPrice>,
    /// The meters that it does not have.
    pub unknown: Vec<UnknownMeter>,
    /// The rows that were not understood.
    pub rejected: Vec<RejectedRow>,
    /// The draft that was made of the prices; none of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<PriceListDraft>,
}

impl PriceImport {
    /// What was understood, by a catalog. There is no draft of it yet.
    #[must_use]
    pub fn of(imported: &Imported, catalog: &catalog::Catalog) -> Self {
        let (known, unknown): (Vec<_>, Vec<_>) = imported
            .prices
            .iter()
            .partition(|(meter, _)| catalog.billing_meter(**meter).is_some());
        let named = |price: MeterPrice| MeterPrice {
            meter_name: price
                .meter_id
                .parse()
                .ok()
                .and_then(|meter| Some(catalog.billing_meter(meter)?.name.clone())),
            ..price
        };
        let known: Prices = known
            .into_iter()
            .map(|(meter, price)| (*meter, price.clone()))
            .collect();
        let unknown = unknown.into_iter().map(|(meter, _)| UnknownMeter {
            meter_id: meter.to_string(),
            name: imported.names.get(meter).cloned(),
        });
        let rejected = imported.rejected.iter().map(|it| RejectedRow {
            row: it.row as u64,
            code: it.code.to_owned(),
            message: it.message.clone(),
        });
        Self {
            currency: imported.currency.clone(),
            prices: MeterPrice::all(&known).into_iter().map(named).collect(),
            unknown: unknown.collect(),
            rejected: rejected.collect(),
            draft: None,
        }
    }
}

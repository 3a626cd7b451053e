//! The stored form of entries about terms and billing periods.

use domain::books::{BillEntry, Mark};
use domain::catalog::UnitPrice;
use domain::chain::{Buyer, Seller};
use domain::ids::{CloudId, PartnerId, SubscriptionId};
use domain::money::{Currency, Money};
use domain::profile::{Locale, Profile, Trader};
use domain::quantity::Quantity;
use domain::terms::{CapacityFee, Tax, Terms};
use domain::time::{Hour, Period};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::parts::{Bytes, Hours, Text};

/// An entry about terms and billing periods, version 1. Variants and members are those of [`BillEntry`]. The platform is
/// the seller that is not named.
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredBillEntry {
    TermsSet {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seller: Option<Text<PartnerId>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        buyer: Option<StoredBuyer>,
        terms: StoredTerms,
        from: Text<Period>,
    },
    ProfileSet {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<StoredBuyer>,
        profile: StoredProfile,
    },
    CoresStated {
        stack: Text<CloudId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cores: Option<u32>,
        valid: Hours,
    },
    RateSet {
        from: Text<Currency>,
        to: Text<Currency>,
        rate: Text<Quantity>,
        since: Text<Hour>,
    },
    PeriodWaived {
        period: Text<Period>,
        stack: Text<CloudId>,
        reason: String,
    },
    ClosingBegun {
        period: Text<Period>,
        marks: Vec<(Text<CloudId>, u64)>,
        catalog: Bytes<32>,
    },
    PeriodClosed {
        period: Text<Period>,
        digest: Bytes<32>,
        invoices: u64,
        numbers: Vec<StoredNumber>,
    },
}

/// Who buys.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StoredBuyer {
    Partner(Text<PartnerId>),
    Subscription(Text<SubscriptionId>),
}

/// What paper says of who sells or buys.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredProfile {
    legal_name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tax_number: Option<String>,
    locale: Text<Locale>,
}

/// The last number that a seller has given.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredNumber {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller: Option<Text<PartnerId>>,
    last: u64,
}

/// An amount.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredMoney {
    minor_units: Text<i128>,
    currency: Text<Currency>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredTax {
    percent: Text<Quantity>,
    label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredCapacityFee {
    per_core_and_year: Text<UnitPrice>,
    currency: Text<Currency>,
}

/// Terms; what is not agreed on is left out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredTerms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_commitment: Option<StoredMoney>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit: Option<StoredMoney>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tax: Option<StoredTax>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity_fee: Option<StoredCapacityFee>,
}

pub(super) fn stored_seller(seller: Seller) -> Option<Text<PartnerId>> {
    match seller {
        Seller::Platform => None,
        Seller::Partner(partner) => Some(Text(partner)),
    }
}

pub(super) fn seller(stored: Option<Text<PartnerId>>) -> Seller {
    stored.map_or(Seller::Platform, |partner| Seller::Partner(partner.0))
}

impl From<Buyer> for StoredBuyer {
    fn from(buyer: Buyer) -> Self {
        match buyer {
            Buyer::Partner(partner) => Self::Partner(Text(partner)),
            Buyer::Subscription(subscription) => Self::Subscription(Text(subscription)),
        }
    }
}

impl From<StoredBuyer> for Buyer {
    fn from(stored: StoredBuyer) -> Self {
        match stored {
            StoredBuyer::Partner(partner) => Self::Partner(partner.0),
            StoredBuyer::Subscription(subscription) => Self::Subscription(subscription.0),
        }
    }
}

fn stored_trader(trader: Trader) -> Option<StoredBuyer> {
    match trader {
        Trader::Platform => None,
        Trader::Partner(partner) => Some(StoredBuyer::Partner(Text(partner))),
        Trader::Subscription(subscription) => Some(StoredBuyer::Subscription(Text(subscription))),
    }
}

impl From<&Profile> for StoredProfile {
    fn from(profile: &Profile) -> Self {
        Self {
            legal_name: profile.legal_name.clone(),
            address: profile.address.clone(),
            tax_number: profile.tax_number.clone(),
            locale: Text(profile.locale),
        }
    }
}

impl From<StoredProfile> for Profile {
    fn from(stored: StoredProfile) -> Self {
        Self {
            legal_name: stored.legal_name,
            address: stored.address,
            tax_number: stored.tax_number,
            locale: stored.locale.0,
        }
    }
}

impl From<Money> for StoredMoney {
    fn from(money: Money) -> Self {
        Self {
            minor_units: Text(money.minor_units()),
            currency: Text(money.currency()),
        }
    }
}

impl From<StoredMoney> for Money {
    fn from(stored: StoredMoney) -> Self {
        Self::from_minor_units(stored.minor_units.0, stored.currency.0)
    }
}

impl From<&Tax> for StoredTax {
    fn from(tax: &Tax) -> Self {
        Self {
            percent: Text(tax.percent),
            label: tax.label.clone(),
        }
    }
}

impl From<StoredTax> for Tax {
    fn from(stored: StoredTax) -> Self {
        Self {
            percent: stored.percent.0,
            label: stored.label,
        }
    }
}

impl From<&CapacityFee> for StoredCapacityFee {
    fn from(fee: &CapacityFee) -> Self {
        Self {
            per_core_and_year: Text(fee.per_core_and_year),
            currency: Text(fee.currency),
        }
    }
}

impl From<StoredCapacityFee> for CapacityFee {
    fn from(stored: StoredCapacityFee) -> Self {
        Self {
            per_core_and_year: stored.per_core_and_year.0,
            currency: stored.currency.0,
        }
    }
}

impl From<&Terms> for StoredTerms {
    fn from(terms: &Terms) -> Self {
        Self {
            minimum_commitment: terms.minimum_commitment.map(Into::into),
            credit: terms.credit.map(Into::into),
            tax: terms.tax.as_ref().map(Into::into),
            capacity_fee: terms.capacity_fee.as_ref().map(Into::into),
        }
    }
}

impl From<StoredTerms> for Terms {
    fn from(stored: StoredTerms) -> Self {
        Self {
            minimum_commitment: stored.minimum_commitment.map(Into::into),
            credit: stored.credit.map(Into::into),
            tax: stored.tax.map(Into::into),
            capacity_fee: stored.capacity_fee.map(Into::into),
        }
    }
}

impl From<&BillEntry> for StoredBillEntry {
    fn from(entry: &BillEntry) -> Self {
        match entry {
            BillEntry::TermsSet {
                seller,
                buyer,
                terms,
                from,
            } => Self::TermsSet {
                seller: stored_seller(*seller),
                buyer: buyer.map(Into::into),
                terms: terms.into(),
                from: Text(*from),
            },
            BillEntry::ProfileSet { of, profile } => Self::ProfileSet {
                of: stored_trader(*of),
                profile: profile.into(),
            },
            BillEntry::CoresStated { stack, cores, valid } => Self::CoresStated {
                stack: Text(*stack),
                cores: *cores,
                valid: (*valid).into(),
            },
            BillEntry::RateSet {
                from,
                to,
                rate,
                since,
            } => Self::RateSet {
                from: Text(*from),
                to: Text(*to),
                rate: Text(*rate),
                since: Text(*since),
            },
            BillEntry::PeriodWaived {
                period,
                stack,
                reason,
            } => Self::PeriodWaived {
                period: Text(*period),
                stack: Text(*stack),
                reason: reason.clone(),
            },
            BillEntry::ClosingBegun {
                period,
                marks,
                catalog,
            } => Self::ClosingBegun {
                period: Text(*period),
                marks: marks
                    .iter()
                    .map(|mark| (Text(mark.stack), mark.sequence))
                    .collect(),
                catalog: Bytes(*catalog),
            },
            BillEntry::PeriodClosed {
                period,
                digest,
                invoices,
                numbers,
            } => {
                let number = |(seller, last): (&Seller, &u64)| StoredNumber {
                    seller: stored_seller(*seller),
                    last: *last,
                };
                Self::PeriodClosed {
                    period: Text(*period),
                    digest: Bytes(*digest),
                    invoices: *invoices,
                    numbers: numbers.iter().map(number).collect(),
                }
            }
        }
    }
}

impl TryFrom<StoredBillEntry> for BillEntry {
    type Error = Unreadable;

    fn try_from(stored: StoredBillEntry) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredBillEntry::TermsSet {
                seller: by,
                buyer,
                terms,
                from,
            } => Self::TermsSet {
                seller: seller(by),
                buyer: buyer.map(Into::into),
                terms: terms.into(),
                from: from.0,
            },
            StoredBillEntry::ProfileSet { of, profile } => Self::ProfileSet {
                of: of.map_or(Trader::Platform, |of| Buyer::from(of).into()),
                profile: profile.into(),
            },
            StoredBillEntry::CoresStated { stack, cores, valid } => Self::CoresStated {
                stack: stack.0,
                cores,
                valid: valid.try_into()?,
            },
            StoredBillEntry::RateSet {
                from,
                to,
                rate,
                since,
            } => Self::RateSet {
                from: from.0,
                to: to.0,
                rate: rate.0,
                since: since.0,
            },
            StoredBillEntry::PeriodWaived {
                period,
                stack,
                reason,
            } => Self::PeriodWaived {
                period: period.0,
                stack: stack.0,
                reason,
            },
            StoredBillEntry::ClosingBegun {
                period,
                marks,
                catalog,
            } => {
                let mark = |(stack, sequence): (Text<CloudId>, u64)| Mark {
                    stack: stack.0,
                    sequence,
                };
                Self::ClosingBegun {
                    period: period.0,
                    marks: marks.into_iter().map(mark).collect(),
                    catalog: catalog.0,
                }
            }
            StoredBillEntry::PeriodClosed {
                period,
                digest,
                invoices,
                numbers,
            } => {
                let numbers = numbers.into_iter().map(|it| (seller(it.seller), it.last));
                Self::PeriodClosed {
                    period: period.0,
                    digest: digest.0,
                    invoices,
                    numbers: numbers.collect(),
                }
            }
        })
    }
}

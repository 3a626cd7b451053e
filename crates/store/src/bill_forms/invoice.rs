//! The stored form of an invoice.

use std::collections::BTreeMap;

use domain::catalog::{Price, PriceListName, PriceSource, Tier, UnitPrice};
use domain::ids::{BillingMeterId, LocalMeterId, PartnerId};
use domain::invoice::{Inputs, Invoice, InvoiceNumber};
use domain::money::Currency;
use domain::quantity::{Quantity, QuantitySum};
use domain::rating::{Rated, TierCharge};
use domain::reckoning::{CapacityCharge, Cause, Correction, LineKey, Made, ReckonedLine};
use domain::statement::{Line, Measured, Pricing, Share};
use domain::terms::{CapacityFee, Tax};
use domain::time::{Hour, Period};
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

use super::{
    StoredAccount, StoredReason, StoredStack, StoredSubscription, StoredTenant, Units, by_key, money, read,
    seller, stored_seller, units, written,
};
use crate::books::stored::Unreadable;
use crate::books::stored::bills::{StoredCapacityFee, StoredTax};
use crate::books::stored::parts::{Bytes, StoredPriceSource, Text};
use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredInvoice {
    number: StoredInvoiceNumber,
    account: StoredAccount,
    period: Text<Period>,
    lines: Vec<StoredLine>,
    corrections: Vec<StoredCorrection>,
    subtotal: Units,
    tax: Units,
    total: Units,
    price_lists: Vec<Text<PriceListName>>,
    catalog: Bytes<32>,
    marks: Bytes<32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredInvoiceNumber {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller: Option<Text<PartnerId>>,
    sequence: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLine {
    key: StoredLineKey,
    amount: Units,
    made: StoredMade,
}

/// A line; of usage that is rated for development without an hour.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum StoredLineKey {
    Usage {
        subscription: StoredSubscription,
        meter: Text<BillingMeterId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Text<Hour>>,
    },
    CapacityFee {
        subscription: StoredSubscription,
        stack: StoredStack,
    },
    MinimumCommitment,
    Credit,
    Tax,
}

#[derive(Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum StoredMade {
    Usage(Box<StoredUsageLine>),
    CapacityFee {
        fee: StoredCapacityFee,
        days: BTreeMap<u32, u32>,
        days_of_year: i16,
        exact: Text<BigRational>,
    },
    MinimumCommitment {
        commitment: Units,
        reached: Units,
    },
    Credit {
        granted: Units,
    },
    Tax {
        tax: StoredTax,
        on: Units,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredUsageLine {
    meter: Text<BillingMeterId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<StoredLinePrice>,
    sources: Vec<Option<StoredPriceSource>>,
    measured: Vec<StoredMeasured>,
    used_before: Text<BigRational>,
    quantity: Text<BigRational>,
    included: Text<BigRational>,
    tiers: Vec<StoredTierCharge>,
    amount: Units,
    shares: Vec<StoredShare>,
}

/// The price of a line; of none that is rated for development.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLinePrice {
    since: Text<Hour>,
    included: Text<Quantity>,
    tiers: Vec<(Text<Quantity>, Text<UnitPrice>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<StoredPriceSource>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredMeasured {
    local_meter: Text<LocalMeterId>,
    quantity: Text<QuantitySum>,
    factor: Text<BigRational>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredTierCharge {
    from: Text<Quantity>,
    unit_price: Text<UnitPrice>,
    quantity: Text<BigRational>,
    amount: Text<BigRational>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredShare {
    stack: StoredStack,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<StoredTenant>,
    reason: StoredReason,
    quantity: Text<BigRational>,
    amount: Units,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCorrection {
    period: Text<Period>,
    key: StoredLineKey,
    billed: Units,
    now: Units,
    amount: Units,
    cause: StoredCause,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredCause {
    LateUsage,
    Revision,
    Attribution,
    Prices,
    Terms,
    Catalog,
    Several,
}

/// The bytes of an invoice: what its digest is made of.
///
/// # Errors
/// [`StoreError::Corrupt`] if an amount is not in the currency of the account.
pub fn encode_invoice(invoice: &Invoice) -> Result<Vec<u8>, StoreError> {
    let currency = invoice.account.currency;
    let lines: Result<_, StoreError> = invoice
        .lines
        .iter()
        .map(|(key, line)| {
            Ok(StoredLine {
                key: (*key).into(),
                amount: units(line.amount, currency)?,
                made: stored_made(&line.made, currency)?,
            })
        })
        .collect();
    let corrections: Result<_, StoreError> = invoice
        .corrections
        .iter()
        .map(|correction| {
            Ok(StoredCorrection {
                period: Text(correction.period),
                key: correction.key.into(),
                billed: units(correction.billed, currency)?,
                now: units(correction.now, currency)?,
                amount: units(correction.amount, currency)?,
                cause: correction.cause.into(),
            })
        })
        .collect();
    written(StoredInvoice {
        number: StoredInvoiceNumber {
            seller: stored_seller(invoice.number.seller),
            sequence: invoice.number.sequence,
        },
        account: invoice.account.into(),
        period: Text(invoice.period),
        lines: lines?,
        corrections: corrections?,
        subtotal: units(invoice.subtotal, currency)?,
        tax: units(invoice.tax, currency)?,
        total: units(invoice.total, currency)?,
        price_lists: invoice.price_lists.iter().cloned().map(Text).collect(),
        catalog: Bytes(invoice.inputs.catalog),
        marks: Bytes(invoice.inputs.marks),
    })
}

/// The invoice that these bytes are.
///
/// # Errors
/// [`StoreError::Corrupt`] if they are none, or of a newer version.
pub fn decode_invoice(bytes: &[u8]) -> Result<Invoice, StoreError> {
    read("a stored invoice", bytes, |stored: StoredInvoice| {
        let currency = stored.account.currency.0;
        let lines = stored.lines.into_iter().map(|line| {
            let amount = money(&line.amount, currency);
            let made = made(line.made, currency)?;
            Ok((LineKey::from(line.key), ReckonedLine { amount, made }))
        });
        let correction = |stored: StoredCorrection| Correction {
            period: stored.period.0,
            key: stored.key.into(),
            billed: money(&stored.billed, currency),
            now: money(&stored.now, currency),
            amount: money(&stored.amount, currency),
            cause: stored.cause.into(),
        };
        Ok(Invoice {
            number: InvoiceNumber {
                seller: seller(stored.number.seller),
                sequence: stored.number.sequence,
            },
            account: stored.account.into(),
            period: stored.period.0,
            lines: by_key("a line", lines)?,
            corrections: stored.corrections.into_iter().map(correction).collect(),
            subtotal: money(&stored.subtotal, currency),
            tax: money(&stored.tax, currency),
            total: money(&stored.total, currency),
            price_lists: stored.price_lists.into_iter().map(|list| list.0).collect(),
            inputs: Inputs {
                catalog: stored.catalog.0,
                marks: stored.marks.0,
            },
        })
    })
}

impl From<LineKey> for StoredLineKey {
    fn from(key: LineKey) -> Self {
        match key {
            LineKey::Usage {
                subscription,
                meter,
                since,
            } => Self::Usage {
                subscription: Text(subscription),
                meter: Text(meter),
                since: since.map(Text),
            },
            LineKey::CapacityFee { subscription, stack } => Self::CapacityFee {
                subscription: Text(subscription),
                stack: Text(stack),
            },
            LineKey::MinimumCommitment => Self::MinimumCommitment,
            LineKey::Credit => Self::Credit,
            LineKey::Tax => Self::Tax,
        }
    }
}

impl From<StoredLineKey> for LineKey {
    fn from(stored: StoredLineKey) -> Self {
        match stored {
            StoredLineKey::Usage {
                subscription,
                meter,
                since,
            } => Self::Usage {
                subscription: subscription.0,
                meter: meter.0,
                since: since.map(|since| since.0),
            },
            StoredLineKey::CapacityFee { subscription, stack } => Self::CapacityFee {
                subscription: subscription.0,
                stack: stack.0,
            },
            StoredLineKey::MinimumCommitment => Self::MinimumCommitment,
            StoredLineKey::Credit => Self::Credit,
            StoredLineKey::Tax => Self::Tax,
        }
    }
}

fn stored_made(made: &Made, currency: Currency) -> Result<StoredMade, StoreError> {
    Ok(match made {
        Made::Usage(line) => StoredMade::Usage(Box::new(stored_line(line, currency)?)),
        Made::CapacityFee(charge) => StoredMade::CapacityFee {
            fee: (&charge.fee).into(),
            days: charge.days.clone(),
            days_of_year: charge.days_of_year,
            exact: Text(charge.exact.clone()),
        },
        Made::MinimumCommitment { commitment, reached } => StoredMade::MinimumCommitment {
            commitment: units(*commitment, currency)?,
            reached: units(*reached, currency)?,
        },
        Made::Credit { granted } => StoredMade::Credit {
            granted: units(*granted, currency)?,
        },
        Made::Tax { tax, on } => StoredMade::Tax {
            tax: tax.into(),
            on: units(*on, currency)?,
        },
    })
}

fn made(stored: StoredMade, currency: Currency) -> Result<Made, Unreadable> {
    Ok(match stored {
        StoredMade::Usage(stored) => Made::Usage(Box::new(line(*stored, currency)?)),
        StoredMade::CapacityFee {
            fee,
            days,
            days_of_year,
            exact,
        } => Made::CapacityFee(CapacityCharge {
            fee: CapacityFee::from(fee),
            days,
            days_of_year,
            exact: exact.0,
        }),
        StoredMade::MinimumCommitment { commitment, reached } => Made::MinimumCommitment {
            commitment: money(&commitment, currency),
            reached: money(&reached, currency),
        },
        StoredMade::Credit { granted } => Made::Credit {
            granted: money(&granted, currency),
        },
        StoredMade::Tax { tax, on } => Made::Tax {
            tax: Tax::from(tax),
            on: money(&on, currency),
        },
    })
}

fn stored_line(line: &Line, currency: Currency) -> Result<StoredUsageLine, StoreError> {
    let price = match &line.pricing {
        Pricing::Development => None,
        Pricing::Price { price, since } => Some(StoredLinePrice {
            since: Text(*since),
            included: Text(price.included()),
            tiers: price
                .tiers()
                .iter()
                .map(|tier| (Text(tier.from), Text(tier.unit_price)))
                .collect(),
            source: price.source().map(StoredPriceSource::from),
        }),
    };
    let shares: Result<_, StoreError> = line
        .shares
        .iter()
        .map(|share| {
            Ok(StoredShare {
                stack: Text(share.stack),
                tenant: share.tenant.map(Text),
                reason: share.reason.into(),
                quantity: Text(share.quantity.clone()),
                amount: units(share.amount, currency)?,
            })
        })
        .collect();
    let measured = line.measured.iter().map(|measured| StoredMeasured {
        local_meter: Text(measured.local_meter),
        quantity: Text(measured.quantity.clone()),
        factor: Text(measured.factor.clone()),
    });
    let tiers = line.rated.tiers.iter().map(|tier| StoredTierCharge {
        from: Text(tier.from),
        unit_price: Text(tier.unit_price),
        quantity: Text(tier.quantity.clone()),
        amount: Text(tier.amount.clone()),
    });
    Ok(StoredUsageLine {
        meter: Text(line.meter),
        price,
        sources: line
            .sources
            .iter()
            .map(|source| source.map(StoredPriceSource::from))
            .collect(),
        measured: measured.collect(),
        used_before: Text(line.used_before.clone()),
        quantity: Text(line.quantity.clone()),
        included: Text(line.rated.included.clone()),
        tiers: tiers.collect(),
        amount: units(line.amount, currency)?,
        shares: shares?,
    })
}

fn line(stored: StoredUsageLine, currency: Currency) -> Result<Line, Unreadable> {
    let pricing = match stored.price {
        None => Pricing::Development,
        Some(stored) => {
            let tiers = stored.tiers.into_iter().map(|(from, unit_price)| Tier {
                from: from.0,
                unit_price: unit_price.0,
            });
            let price = Price::new(tiers.collect(), stored.included.0)
                .map_err(|error| Unreadable::Value(error.to_string()))?;
            Pricing::Price {
                price: price.from_source(stored.source.map(PriceSource::from)),
                since: stored.since.0,
            }
        }
    };
    let measured = stored.measured.into_iter().map(|measured| Measured {
        local_meter: measured.local_meter.0,
        quantity: measured.quantity.0,
        factor: measured.factor.0,
    });
    let tiers = stored.tiers.into_iter().map(|tier| TierCharge {
        from: tier.from.0,
        unit_price: tier.unit_price.0,
        quantity: tier.quantity.0,
        amount: tier.amount.0,
    });
    let shares = stored.shares.into_iter().map(|share| Share {
        stack: share.stack.0,
        tenant: share.tenant.map(|tenant| tenant.0),
        reason: share.reason.into(),
        quantity: share.quantity.0,
        amount: money(&share.amount, currency),
    });
    Ok(Line {
        meter: stored.meter.0,
        pricing,
        sources: stored
            .sources
            .into_iter()
            .map(|source| source.map(PriceSource::from))
            .collect(),
        measured: measured.collect(),
        used_before: stored.used_before.0,
        quantity: stored.quantity.0,
        rated: Rated {
            included: stored.included.0,
            tiers: tiers.collect(),
        },
        amount: money(&stored.amount, currency),
        shares: shares.collect(),
    })
}

impl From<Cause> for StoredCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::LateUsage => Self::LateUsage,
            Cause::Revision => Self::Revision,
            Cause::Attribution => Self::Attribution,
            Cause::Prices => Self::Prices,
            Cause::Terms => Self::Terms,
            Cause::Catalog => Self::Catalog,
            Cause::Several => Self::Several,
        }
    }
}

impl From<StoredCause> for Cause {
    fn from(stored: StoredCause) -> Self {
        match stored {
            StoredCause::LateUsage => Self::LateUsage,
            StoredCause::Revision => Self::Revision,
            StoredCause::Attribution => Self::Attribution,
            StoredCause::Prices => Self::Prices,
            StoredCause::Terms => Self::Terms,
            StoredCause::Catalog => Self::Catalog,
            StoredCause::Several => Self::Several,
        }
    }
}

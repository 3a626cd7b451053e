//! Why a line costs now what it did not cost then: found by comparing what it was and is reckoned from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::{Basis, LineKey, Section};
use crate::attribution::Reason;
use crate::catalog::{Billing, Catalog, Conversion, Tariff};
use crate::ids::{BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId, TenantId};
use crate::quantity::QuantitySum;
use crate::registration::BillingModel;
use crate::time::Period;

/// What changed since a line was billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Usage came in.
    LateUsage,
    /// Usage was reported anew with another quantity, or taken out.
    Revision,
    /// Somebody else pays, or for another reason: a mapping, a registration or a directory was set right.
    Attribution,
    /// Prices were published for these hours.
    Prices,
    /// Seller and buyer agreed on something else.
    Terms,
    /// The catalog converts a local meter in another way.
    Catalog,
    /// More than one of these, or none that can be told.
    Several,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::LateUsage,
        Self::Revision,
        Self::Attribution,
        Self::Prices,
        Self::Terms,
        Self::Catalog,
        Self::Several,
    ];

    /// The cause as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LateUsage => "LateUsage",
            Self::Revision => "Revision",
            Self::Attribution => "Attribution",
            Self::Prices => "Prices",
            Self::Terms => "Terms",
            Self::Catalog => "Catalog",
            Self::Several => "Several",
        }
    }

    /// The cause written so.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }

    /// The one cause of these.
    pub(super) fn of(causes: &BTreeSet<Self>) -> Self {
        match causes.first() {
            Some(cause) if causes.len() == 1 => *cause,
            _ => Self::Several,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a local subscription used of a local meter in a period, whoever pays for it, if anybody does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
    /// How many records that is.
    pub records: u64,
    /// How many of them had been revised, counted from the same point on both sides of a comparison.
    pub revisions: u64,
}

/// What all local subscriptions used in a period.
pub type UsedTotals = BTreeMap<(CloudId, LocalSubscriptionId, LocalMeterId), Used>;

/// What a period was or is reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What the account is reckoned from.
    pub basis: &'a Basis,
    /// The meters.
    pub catalog: &'a Catalog,
    /// All usage of the period, that of others too: what is told apart is usage that came in and usage that moved.
    pub used: &'a UsedTotals,
}

/// One account and period, as it was when it was last billed and as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    then: Side<'a>,
    now: Side<'a>,
}

/// Who used something of a section: the finest that pieces of usage tell.
type Slice = (CloudId, LocalSubscriptionId, LocalMeterId);

/// For which reason and under which model a payer is charged.
type PaidAs = (Option<TenantId>, Reason, BillingModel);

/// What a section has of a slice: how much of it is charged for which reason.
type Part = BTreeMap<PaidAs, BigRational>;

impl<'a> Compared<'a> {
    /// Compares. `then` is [`Basis::nothing`] for an account that nothing was billed to.
    #[must_use]
    pub const fn new(then: Side<'a>, now: Side<'a>) -> Self {
        Self { then, now }
    }

    /// What changed of that which a line is reckoned from. Of commitment, credit and tax: of that alone which was agreed
    /// on, since what they are on has causes of its own.
    #[must_use]
    pub fn causes(&self, key: &LineKey) -> BTreeSet<Cause> {
        let (then, now) = (&self.then.basis.terms, &self.now.basis.terms);
        let agreed_anew = match key {
            LineKey::Usage {
                subscription, meter, ..
            } => return self.causes_of_usage(*subscription, *meter),
            LineKey::CapacityFee { .. } => then.capacity_fee != now.capacity_fee,
            LineKey::MinimumCommitment => then.minimum_commitment != now.minimum_commitment,
            LineKey::Credit => then.credit != now.credit,
            LineKey::Tax => then.tax != now.tax,
        };
        let mut causes: BTreeSet<Cause> = agreed_anew.then_some(Cause::Terms).into_iter().collect();
        if let LineKey::CapacityFee { subscription, stack } = key {
            let days = |side: &Side<'_>| {
                let section = side.basis.sections.get(subscription)?;
                let used = section.capacity.iter().find(|used| used.stack == *stack)?;
                Some(used.days.clone())
            };
            if days(&self.then) != days(&self.now) {
                causes.insert(Cause::Attribution);
            }
        }
        causes
    }

    fn causes_of_usage(&self, subscription: SubscriptionId, meter: BillingMeterId) -> BTreeSet<Cause> {
        let section = |side: &Side<'a>| side.basis.sections.get(&subscription);
        let (then, now) = (section(&self.then), section(&self.now));
        let mut causes = BTreeSet::new();
        let locals: BTreeSet<LocalMeterId> = [then, now]
            .into_iter()
            .flatten()
            .flat_map(|section| section.usage.iter().map(|used| used.local_meter))
            .filter(|local| {
                let conversions = [self.then, self.now].map(|side| conversion(side.catalog, *local, meter));
                if conversions[0] != conversions[1] {
                    causes.insert(Cause::Catalog);
                }
                conversions.iter().any(Option::is_some)
            })
            .collect();
        let (was, is) = (parts(then, &locals), parts(now, &locals));
        let slices: BTreeSet<&Slice> = was.keys().chain(is.keys()).collect();
        for slice in slices {
            let part = |parts: &BTreeMap<Slice, Part>| parts.get(slice).cloned().unwrap_or_default();
            self.compare_usage(*slice, &part(&was), &part(&is), &mut causes);
        }
        if let (Some(then), Some(now)) = (then, now)
            && !is_priced_alike(&then.tariff, &now.tariff, meter, self.now.basis.period)
        {
            causes.insert(Cause::Prices);
        }
        causes
    }

    fn compare_usage(&self, slice: Slice, was: &Part, is: &Part, causes: &mut BTreeSet<Cause>) {
        let nothing = BigRational::zero();
        let (mut more, mut less) = (BigRational::zero(), BigRational::zero());
        let all: BTreeSet<&PaidAs> = was.keys().chain(is.keys()).collect();
        for paid_as in all {
            let of = |part: &Part| part.get(paid_as).unwrap_or(&nothing).clone();
            let difference = of(is) - of(was);
            if difference.is_negative() {
                less -= difference;
            } else {
                more += difference;
            }
        }
        if more.is_zero() && less.is_zero() {
            return;
        }
        let total = |side: &Side<'_>| side.used.get(&slice).cloned().unwrap_or_default();
        let (then, now) = (total(&self.then), total(&self.now));
        let of_all = now.quantity.to_rational() - then.quantity.to_rational();
        let is_revised = then.revisions != now.revisions;
        if is_revised || of_all.is_negative() {
            causes.insert(Cause::Revision);
        }
        if now.records > then.records || (of_all.is_positive() && !is_revised) {
            causes.insert(Cause::LateUsage);
        }
        // What came in for everybody explains no more than itself: the rest moved, to another payer or another reason.
        // Revisions go both ways, and explain all but a reason for which nothing is charged any more.
        let is_moved = if is_revised {
            was.keys().any(|paid_as| !is.contains_key(paid_as))
        } else if of_all.is_negative() {
            !more.is_zero() || less > -of_all
        } else {
            !less.is_zero() || more > of_all
        };
        if is_moved {
            causes.insert(Cause::Attribution);
        }
    }
}

/// How a local meter becomes this billing meter, if it does.
fn conversion(catalog: &Catalog, local: LocalMeterId, meter: BillingMeterId) -> Option<&Conversion> {
    match &catalog.local_meter(local)?.billing {
        Billing::Charged {
            meter: charged_as,
            conversion,
        } if *charged_as == meter => Some(conversion),
        Billing::Charged { .. } | Billing::Informational { .. } => None,
    }
}

fn parts(section: Option<&Section>, locals: &BTreeSet<LocalMeterId>) -> BTreeMap<Slice, Part> {
    let mut parts: BTreeMap<Slice, Part> = BTreeMap::new();
    let usage = section.into_iter().flat_map(|section| &section.usage);
    for used in usage.filter(|used| locals.contains(&used.local_meter)) {
        let slice = (used.stack, used.local_subscription, used.local_meter);
        let paid_as = (used.tenant, used.reason, used.billing_model);
        let part = parts.entry(slice).or_default();
        *part.entry(paid_as).or_default() += used.quantity.to_rational();
    }
    parts
}

/// Whether a meter costs the same in every hour of the period.
fn is_priced_alike(then: &Tariff, now: &Tariff, meter: BillingMeterId, period: Period) -> bool {
    let within = period.interval();
    let cuts = then.changes().chain(now.changes());
    within.split_at(cuts).into_iter().all(|hours| {
        let price = |tariff: &Tariff| {
            let (price, _) = tariff.price(meter, hours.start())?;
            Some((price.tiers().to_vec(), price.included()))
        };
        price(then) == price(now)
    })
}

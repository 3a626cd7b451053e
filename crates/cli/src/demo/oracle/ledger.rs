//! Every true record of the month, added up exactly.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId};
use domain::quantity::Quantity;
use domain::time::HourInterval;
use num_bigint::BigInt;
use num_rational::BigRational;
use simulator::Stack;

use super::payer::{Payment, Why, payment};
use super::tariff::Tariff;
use crate::demo::scenario::Scenario;

/// A sum of decimals: for each number of places, the sum of the digits without the point.
#[derive(Debug, Clone, Default)]
pub(in crate::demo) struct Decimal(BTreeMap<u8, BigInt>);

impl Decimal {
    fn add(&mut self, quantity: Quantity) {
        *self.0.entry(quantity.scale()).or_default() += quantity.coefficient();
    }

    /// The sum as a fraction.
    pub(in crate::demo) fn fraction(&self) -> BigRational {
        self.0
            .iter()
            .map(|(places, digits)| BigRational::from_integer(digits.clone()) / ten_to(u32::from(*places)))
            .sum()
    }
}

/// Usage that is charged to one payer, for one reason, in one stretch of unchanged prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Charged {
    pub(super) stack: CloudId,
    pub(super) payment: Payment,
    pub(super) stretch: usize,
    pub(super) meter: LocalMeterId,
}

/// Usage of one local subscription that no tenant mapping claimed, in one stretch of unchanged prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Unclaimed {
    pub(super) stack: CloudId,
    pub(super) user: LocalSubscriptionId,
    /// Who pays for it; nobody, if the stack was not registered.
    pub(super) payment: Option<Payment>,
    pub(super) stretch: usize,
    pub(super) meter: LocalMeterId,
}

/// All usage of the month, seen from every side that is compared.
#[derive(Debug, Default)]
pub(in crate::demo) struct Ledger {
    /// What is charged.
    pub(super) charged: HashMap<Charged, Decimal>,
    /// What each stack measured.
    pub(in crate::demo) measured: HashMap<(CloudId, LocalMeterId), Decimal>,
    /// What no tenant mapping claimed.
    pub(super) unclaimed: HashMap<Unclaimed, (Decimal, u64)>,
    /// How many records there are,
    pub(in crate::demo) records: u64,
    /// and how many of them a tenant mapping claimed.
    pub(in crate::demo) claimed: u64,
}

impl Ledger {
    /// Goes over every record of every stack. `unlisted` are the local subscriptions that no directory lists.
    pub(in crate::demo) fn of(
        scenario: &Scenario,
        stacks: &[impl AsRef<Stack>],
        unlisted: &[LocalSubscriptionId],
        tariff: &Tariff,
    ) -> Self {
        let mut ledger = Self::default();
        let month = scenario.month.interval();
        for hour in (0..month.hours()).map(|hours| month.start().plus(hours)) {
            let stretch = tariff.stretch(hour);
            let Some(this_hour) = HourInterval::new(hour, hour.plus(1)) else {
                continue;
            };
            for (place, stack) in stacks.iter().map(AsRef::as_ref).enumerate() {
                let cloud_id = stack.spec().cloud_id;
                for record in stack.truth(this_hour) {
                    let user = record.local_subscription;
                    let meter = record.local_meter;
                    let payment = payment(scenario, place, record.tenant, unlisted, user, hour);
                    ledger.records += 1;
                    ledger
                        .measured
                        .entry((cloud_id, meter))
                        .or_default()
                        .add(record.quantity);
                    if let Some(payment) = payment {
                        let charged = Charged {
                            stack: cloud_id,
                            payment,
                            stretch,
                            meter,
                        };
                        ledger.charged.entry(charged).or_default().add(record.quantity);
                    }
                    if payment.is_some_and(|payment| payment.why == Why::TenantMapping) {
                        ledger.claimed += 1;
                    } else {
                        let unclaimed = Unclaimed {
                            stack: cloud_id,
                            user,
                            payment,
                            stretch,
                            meter,
                        };
                        let (sum, records) = ledger.unclaimed.entry(unclaimed).or_default();
                        sum.add(record.quantity);
                        *records += 1;
                    }
                }
            }
        }
        ledger
    }

    /// Everybody who pays for anything.
    pub(in crate::demo) fn payers(&self) -> BTreeSet<SubscriptionId> {
        self.charged.keys().map(|charged| charged.payment.payer).collect()
    }

    /// Everybody who pays for something on these stacks and for nothing on any other.
    pub(in crate::demo) fn payers_on(&self, stacks: &[CloudId]) -> BTreeSet<SubscriptionId> {
        let elsewhere = self.charged.keys().filter(|it| !stacks.contains(&it.stack));
        let elsewhere: BTreeSet<_> = elsewhere.map(|it| it.payment.payer).collect();
        self.payers().difference(&elsewhere).copied().collect()
    }
}

/// Ten to the power of a number of places.
fn ten_to(places: u32) -> BigRational {
    BigRational::from_integer(BigInt::from(10).pow(places))
}

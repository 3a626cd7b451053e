//! What a subscription owes: prices applied to what was added up, and one rounding for each line.

use std::collections::BTreeMap;

use domain::ids::{BillingMeterId, CloudId, LocalMeterId, TenantId};
use domain::partner::Subscription;
use domain::time::Hour;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use wire::api::PriceSource;

use super::ledger::Ledger;
use super::payer::Why;
use super::remainder;
use super::tariff::{Price, Priced, Tariff};

/// The demonstration is in dollars.
pub(in crate::demo) const CURRENCY: &str = "USD";
const CENTS: u8 = 100;

/// Who used a part of a line.
pub(in crate::demo) type User = (CloudId, Option<TenantId>, Why);

/// What was measured of one local meter for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Measured {
    /// How much, in the local meter's unit.
    pub(in crate::demo) quantity: BigRational,
    /// What one unit of it is in units of the billing meter.
    pub(in crate::demo) factor: BigRational,
}

/// Somebody's part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Share {
    /// How much, in the billing meter's unit.
    pub(in crate::demo) quantity: BigRational,
    /// What it costs, in cents.
    pub(in crate::demo) amount: BigInt,
}

/// One line: a billing meter at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct BillLine {
    /// What is charged.
    pub(in crate::demo) meter: BillingMeterId,
    /// At which price.
    pub(in crate::demo) price: Price,
    /// Where that comes from.
    pub(in crate::demo) source: Option<PriceSource>,
    /// From which hour of the month on it was this one, without a break.
    pub(in crate::demo) since: Hour,
    /// What was measured of which local meter for it.
    pub(in crate::demo) measured: BTreeMap<LocalMeterId, Measured>,
    /// How much of the meter was used before the price was this one, in its unit.
    pub(in crate::demo) used_before: BigRational,
    /// Who used how much of it, and what that costs.
    pub(in crate::demo) shares: BTreeMap<User, Share>,
    /// How it is priced: what is included, and what falls into each of the price's steps.
    pub(in crate::demo) spread: Spread,
    /// What it costs, in cents.
    pub(in crate::demo) amount: BigInt,
}

impl BillLine {
    /// How much there is of it, in the billing meter's unit.
    pub(in crate::demo) fn quantity(&self) -> BigRational {
        self.shares.values().map(|share| &share.quantity).sum()
    }
}

/// What a subscription owes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::demo) struct Bill {
    /// The lists that it buys at, in order of time.
    pub(in crate::demo) price_lists: Vec<String>,
    /// The lines.
    pub(in crate::demo) lines: Vec<BillLine>,
    /// What was used and is not charged, in the local meter's unit.
    pub(in crate::demo) not_charged: BTreeMap<LocalMeterId, BigRational>,
}

/// What was used at one price.
struct Used {
    price: Price,
    /// Where each list that asked it said that it came from.
    sources: Vec<Option<PriceSource>>,
    measured: BTreeMap<LocalMeterId, Measured>,
    users: BTreeMap<User, BigRational>,
}

impl Used {
    fn nothing_at(price: &Price) -> Self {
        Self {
            price: price.clone(),
            sources: Vec::new(),
            measured: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }

    fn add(&mut self, user: User, meter: LocalMeterId, quantity: BigRational, priced: Priced<'_>) {
        self.sources.push(priced.price.source);
        *self.users.entry(user).or_default() += &quantity * priced.factor;
        let measured = self.measured.entry(meter).or_insert_with(|| Measured {
            quantity: BigRational::zero(),
            factor: priced.factor.clone(),
        });
        measured.quantity += quantity;
    }
}

/// A sample if any of them is; else what all of them say.
fn source(sources: &[Option<PriceSource>]) -> Option<PriceSource> {
    let sample = Some(PriceSource::Sample);
    if sources.contains(&sample) {
        return sample;
    }
    let (first, others) = sources.split_first()?;
    first.filter(|_| others.iter().all(|other| other == first))
}

impl Bill {
    /// What a subscription owes for everything that was added up.
    pub(in crate::demo) fn of(payer: &Subscription, ledger: &Ledger, tariff: &Tariff) -> Self {
        let mut bill = Self {
            price_lists: tariff.lists_of(payer),
            ..Self::default()
        };
        let mut by_meter: BTreeMap<BillingMeterId, BTreeMap<Hour, Used>> = BTreeMap::new();
        for (charged, sum) in ledger
            .charged
            .iter()
            .filter(|(charged, _)| charged.payment.payer == payer.id)
        {
            let Some(priced) = tariff.priced(payer, charged.stretch, charged.meter) else {
                *bill.not_charged.entry(charged.meter).or_default() += sum.fraction();
                continue;
            };
            let user = (charged.stack, charged.payment.tenant, charged.payment.why);
            by_meter
                .entry(priced.meter)
                .or_default()
                .entry(priced.since)
                .or_insert_with(|| Used::nothing_at(priced.price))
                .add(user, charged.meter, sum.fraction(), priced);
        }
        for (meter, used) in by_meter {
            bill.lines.extend(lines(meter, used));
        }
        bill
    }

    /// Somebody's part of a line.
    pub(super) fn share(&self, meter: BillingMeterId, since: Hour, user: &User) -> Option<&Share> {
        let mut lines = self.lines.iter();
        let line = lines.find(|line| (line.meter, line.since) == (meter, since))?;
        line.shares.get(user)
    }

    /// The sum of the lines, in cents.
    pub(in crate::demo) fn total(&self) -> BigInt {
        self.lines.iter().map(|line| &line.amount).sum()
    }
}

/// The lines of one meter, one for each stretch of time without a change of its price. What was used in one begins
/// where the one before ended.
fn lines(meter: BillingMeterId, used: BTreeMap<Hour, Used>) -> impl Iterator<Item = BillLine> {
    let mut position = BigRational::zero();
    used.into_iter().map(move |(since, used)| {
        let Used {
            price,
            sources,
            measured,
            users,
        } = used;
        let used_before = position.clone();
        position += users.values().sum::<BigRational>();
        let spread = Spread::up_to(&price, &position).beyond(&Spread::up_to(&price, &used_before));
        let amount = half_away_from_zero(&(spread.cost(&price) * BigInt::from(CENTS)));
        BillLine {
            shares: shares(&amount, users),
            source: source(&sources),
            meter,
            price,
            since,
            measured,
            used_before,
            spread,
            amount,
        }
    })
}

/// Who pays which part of an amount.
fn shares(amount: &BigInt, users: BTreeMap<User, BigRational>) -> BTreeMap<User, Share> {
    let (users, quantities): (Vec<_>, Vec<_>) = users.into_iter().unzip();
    let amounts = remainder::split(amount, &quantities);
    let shares = quantities.into_iter().zip(amounts);
    let shares = shares.map(|(quantity, amount)| Share { quantity, amount });
    users.into_iter().zip(shares).collect()
}

/// How the units that a month begins with are priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Spread {
    /// How many are free.
    pub(in crate::demo) included: BigRational,
    /// How many fall into each step of the price, in its order.
    pub(in crate::demo) steps: Vec<BigRational>,
}

impl Spread {
    fn up_to(price: &Price, quantity: &BigRational) -> Self {
        let included = quantity.min(&price.included).clone();
        let beyond = quantity - &included;
        let ends = price.tiers.iter().skip(1).map(|(next, _)| next.min(&beyond));
        let ends = ends.chain([&beyond]);
        let steps = price.tiers.iter().zip(ends);
        let steps = steps.map(|((from, _), end)| (end - from).max(BigRational::zero()));
        Self {
            steps: steps.collect(),
            included,
        }
    }

    /// What there is more than in an earlier one.
    fn beyond(self, earlier: &Self) -> Self {
        let steps = self.steps.iter().zip(&earlier.steps);
        Self {
            included: self.included - &earlier.included,
            steps: steps.map(|(later, earlier)| later - earlier).collect(),
        }
    }

    fn cost(&self, price: &Price) -> BigRational {
        let steps = self.steps.iter().zip(&price.tiers);
        steps
            .map(|(quantity, (_, unit_price))| quantity * unit_price)
            .sum()
    }
}

/// The nearest whole number, of two the one farther from zero.
fn half_away_from_zero(number: &BigRational) -> BigInt {
    let two = BigInt::from(2);
    let doubled: BigInt = number.numer() * &two;
    let denominator = number.denom();
    // Division truncates towards zero.
    if doubled < BigInt::zero() {
        (doubled - denominator) / (denominator * two)
    } else {
        (doubled + denominator) / (denominator * two)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (numerator, denominator, rounded) in [
            (1, 2, 1),
            (-1, 2, -1),
            (49, 100, 0),
            (-149, 100, -1),
            (7, 3, 2),
            (0, 1, 0),
        ] {
            assert_eq!(
                half_away_from_zero(&ratio(numerator, denominator)),
                rounded.into(),
                "{numerator}/{denominator}"
            );
        }
    }

    #[test]
    fn a_graduated_price_is_what_the_price_list_says() {
        let price = Price {
            included: ratio(5, 1),
            tiers: vec![(ratio(0, 1), ratio(1, 10)), (ratio(10, 1), ratio(1, 20))],
            source: None,
        };
        for (quantity, included, steps, cost) in [
            (0, 0, [0, 0], ratio(0, 1)),
            (5, 5, [0, 0], ratio(0, 1)),
            (6, 5, [1, 0], ratio(1, 10)),
            (15, 5, [10, 0], ratio(1, 1)),
            (17, 5, [10, 2], ratio(11, 10)),
        ] {
            let spread = Spread::up_to(&price, &ratio(quantity, 1));
            let expected = Spread {
                included: ratio(included, 1),
                steps: steps.map(|step| ratio(step, 1)).into(),
            };
            assert_eq!(spread, expected, "{quantity}");
            assert_eq!(spread.cost(&price), cost, "{quantity}");
        }
    }

    #[test]
    fn what_was_used_under_a_former_price_has_used_up_what_is_included_and_the_first_steps() {
        let price = |included, rates: [(i64, i64); 2]| Price {
            included: ratio(included, 1),
            tiers: rates
                .map(|(from, rate)| (ratio(from, 1), ratio(rate, 100)))
                .into(),
            source: None,
        };
        let user = (CloudId::from_bytes([5; 16]), None, Why::TenantMapping);
        let used = |price, quantity| Used {
            users: BTreeMap::from([(user, ratio(quantity, 1))]),
            ..Used::nothing_at(&price)
        };
        let at = |text: &str| text.parse::<Hour>().unwrap();
        let month = BTreeMap::from([
            (
                at("2026-10-01T00:00:00Z"),
                used(price(0, [(0, 10), (100, 5)]), 90),
            ),
            (
                at("2026-10-10T08:00:00Z"),
                used(price(100, [(0, 20), (15, 10)]), 40),
            ),
        ]);
        let lines: Vec<BillLine> = lines(BillingMeterId::from_bytes([1; 16]), month).collect();
        // 90 at 0.10. Then 10 more are included; of the 30 beyond, 15 at 0.20 and 15 at 0.10.
        assert_eq!(lines[0].amount, 900.into());
        assert_eq!(lines[1].amount, 450.into());
        assert_eq!(lines[1].used_before, ratio(90, 1));
        assert_eq!(lines[1].spread.included, ratio(10, 1));
        assert_eq!(lines[1].spread.steps, [ratio(15, 1), ratio(15, 1)]);
    }
}

//! What a subscription owes: prices applied to what was added up, and one rounding for each line.

use std::collections::BTreeMap;

use domain::ids::{BillingMeterId, CloudId, LocalMeterId, SubscriptionId, TenantId};
use domain::time::Hour;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;

use super::ledger::{Charged, Ledger, ten_to};
use super::payer::Why;
use super::tariff::{Meaning, Price, Tariff};

/// Who used a part of a line.
pub(in crate::demo) type User = (CloudId, Option<TenantId>, Why);

/// One line: a billing meter at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct BillLine {
    /// What is charged.
    pub(in crate::demo) meter: BillingMeterId,
    /// At which price.
    pub(in crate::demo) price: Price,
    /// From which hour of the month on it was this one, without a break.
    pub(in crate::demo) since: Hour,
    /// Who used how much of it, in the billing meter's unit.
    pub(in crate::demo) users: BTreeMap<User, BigRational>,
    /// What it costs, in minor units of the currency.
    pub(in crate::demo) amount: BigInt,
}

impl BillLine {
    /// How much there is of it, in the billing meter's unit.
    pub(in crate::demo) fn quantity(&self) -> BigRational {
        self.users.values().sum()
    }
}

/// What a subscription owes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::demo) struct Bill {
    /// The lines, by meter and then by the time of their price.
    pub(in crate::demo) lines: Vec<BillLine>,
    /// What was used and is not charged, in the local meter's unit.
    pub(in crate::demo) not_charged: BTreeMap<LocalMeterId, BigRational>,
}

impl Bill {
    /// What a subscription owes for everything that was added up.
    pub(in crate::demo) fn of(payer: SubscriptionId, ledger: &Ledger, tariff: &Tariff) -> Self {
        let mut bill = Self::default();
        let mut by_meter: BTreeMap<BillingMeterId, BTreeMap<usize, BTreeMap<User, BigRational>>> =
            BTreeMap::new();
        for (charged, sum) in ledger
            .charged
            .iter()
            .filter(|(charged, _)| charged.payment.payer == payer)
        {
            let quantity = sum.fraction();
            match converted(charged, tariff) {
                Some((meter, version, factor)) => {
                    let users = by_meter.entry(meter).or_default().entry(version).or_default();
                    let user = (charged.stack, charged.payment.tenant, charged.payment.why);
                    *users.entry(user).or_default() += quantity * factor;
                }
                None => *bill.not_charged.entry(charged.meter).or_default() += quantity,
            }
        }
        for (meter, versions) in by_meter {
            bill.lines.extend(lines(meter, versions, tariff));
        }
        bill
    }

    /// The sum of the lines, in minor units.
    pub(in crate::demo) fn total(&self) -> BigInt {
        self.lines.iter().map(|line| &line.amount).sum()
    }
}

/// The billing meter, the price version and the conversion, if the usage is charged at all.
fn converted<'a>(charged: &Charged, tariff: &'a Tariff) -> Option<(BillingMeterId, usize, &'a BigRational)> {
    let Meaning::Charged(meter, factor) = tariff.meters.get(&charged.meter)? else {
        return None;
    };
    let version = charged.version?;
    tariff.price(version, *meter)?;
    Some((*meter, version, factor))
}

/// The lines of one meter, one for each stretch of time without a change of its price. What was used in one begins
/// where the one before ended.
fn lines(
    meter: BillingMeterId,
    versions: BTreeMap<usize, BTreeMap<User, BigRational>>,
    tariff: &Tariff,
) -> Vec<BillLine> {
    let mut lines: BTreeMap<Hour, (BillLine, BigRational)> = BTreeMap::new();
    let mut position = BigRational::zero();
    for (version, used) in versions {
        let Some((price, since)) = tariff.price(version, meter) else {
            continue;
        };
        let end = &position + used.values().sum::<BigRational>();
        let cost = cost_up_to(price, &end) - cost_up_to(price, &position);
        position = end;
        let (line, exact) = lines.entry(since).or_insert_with(|| {
            let (price, users, amount) = (price.clone(), BTreeMap::new(), BigInt::zero());
            (
                BillLine {
                    meter,
                    price,
                    since,
                    users,
                    amount,
                },
                BigRational::zero(),
            )
        });
        *exact += cost;
        for (user, quantity) in used {
            *line.users.entry(user).or_default() += quantity;
        }
    }
    let rounded = |(line, exact): (BillLine, BigRational)| {
        let amount = half_away_from_zero(&(exact * ten_to(tariff.minor_digits)));
        BillLine { amount, ..line }
    };
    lines.into_values().map(rounded).collect()
}

/// What the first units of a month cost together, exactly.
fn cost_up_to(price: &Price, quantity: &BigRational) -> BigRational {
    let beyond = quantity - &price.included;
    let mut cost = BigRational::zero();
    for (place, (from, unit_price)) in price.tiers.iter().enumerate() {
        if beyond <= *from {
            break;
        }
        let until = price
            .tiers
            .get(place + 1)
            .map_or(&beyond, |(next, _)| next.min(&beyond));
        cost += (until - from) * unit_price;
    }
    cost
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
        };
        for (quantity, cost) in [
            (0, ratio(0, 1)),
            (5, ratio(0, 1)),
            (6, ratio(1, 10)),
            (15, ratio(1, 1)),
            (17, ratio(11, 10)),
        ] {
            assert_eq!(cost_up_to(&price, &ratio(quantity, 1)), cost, "{quantity}");
        }
    }
}

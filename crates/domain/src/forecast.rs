//! Forecasts: what would be used in a running month if the rest of it were like the days of it that are complete.
//!
//! The method is the plain daily mean *(ours)*: of what one local subscription used of one local meter on the complete
//! days of the month, for each hour that is not complete yet; what was reported of these hours already is part of it,
//! and never more than it. Amounts are not projected: they are reckoned from these quantities as a bill is, so steps,
//! included quantities, commitments, credits and taxes apply to the whole month.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use crate::quantity::QuantitySum;
use crate::time::{Hour, HourInterval, Period};

/// The fewest complete days that a mean is taken of *(ours)*. Of fewer, one day out of the ordinary would be half of
/// it.
pub const COMPLETE_DAYS_MIN: i32 = 3;

/// The decimal places that a quantity to come is kept with: a mean may have no end.
const PLACES: u32 = 12;

const HOURS_PER_DAY: i32 = 24;

/// How far the usage of one stack is known in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The whole days of which everything was reported; none if there is no such day.
    pub complete: Option<HourInterval>,
    /// The hours after these, to the end of the month or of the stack's registration; none if all of them are complete.
    pub rest: Option<HourInterval>,
}

impl Known {
    /// How far the usage is known of a stack that is registered in these hours of the month, and says that it has
    /// reported everything up to an hour. A day counts if it was registered on all of it, and once it is over.
    #[must_use]
    pub fn of(registered: HourInterval, reported_through: Option<Hour>, now: Hour) -> Self {
        let first = first_day(registered.start());
        let end = registered.end();
        let through = reported_through.map_or(first, |through| through.min(now));
        // The end of a registration ends its last day, too: nothing of that is still to come.
        let through = if through >= end {
            end
        } else {
            through.day().first_hour()
        };
        Self {
            complete: HourInterval::new(first, through),
            rest: HourInterval::new(through.max(registered.start()), end),
        }
    }

    /// How many days are complete.
    #[must_use]
    pub fn days(&self) -> i32 {
        self.complete.map_or(0, |hours| hours.hours() / HOURS_PER_DAY)
    }

    /// Whether the rest can be projected: there is none, or a mean of enough days.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.rest.is_none() || self.days() >= COMPLETE_DAYS_MIN
    }
}

/// The first day that begins in an hour or after it.
fn first_day(hour: Hour) -> Hour {
    let day = hour.day().interval();
    if day.start() == hour { hour } else { day.end() }
}

/// The month of a period in which hours lie that a stack is registered in: from the first to the last.
#[must_use]
pub fn registered_within(period: Period, hours: &[HourInterval]) -> Option<HourInterval> {
    let within = period.interval();
    let hours = hours.iter().filter_map(|hours| hours.intersect(within));
    hours.reduce(|all, more| {
        let (start, end) = (all.start().min(more.start()), all.end().max(more.end()));
        HourInterval::new(start, end).unwrap_or(all)
    })
}

/// What is still to come of a meter in the rest of a month: the mean of the complete hours for each hour of the rest,
/// less what was reported of the rest already; nothing if that is more, or if nothing is complete. Never less than
/// nothing.
#[must_use]
pub fn still_to_come(known: &Known, complete: &QuantitySum, reported_of_rest: &QuantitySum) -> QuantitySum {
    let (Some(hours), Some(rest)) = (known.complete, known.rest) else {
        return QuantitySum::default();
    };
    let mean = complete.to_rational() / whole(hours.hours());
    let expected = mean * whole(rest.hours()) - reported_of_rest.to_rational();
    if expected.is_positive() {
        rounded(&expected)
    } else {
        QuantitySum::default()
    }
}

/// A quantity over stretches of so many hours each, evenly: the parts sum to the quantity.
#[must_use]
pub fn spread(quantity: &QuantitySum, hours: &[i32]) -> Vec<QuantitySum> {
    let all: i32 = hours.iter().sum();
    let (mut so_far, mut given) = (0, QuantitySum::default());
    let part = |hours: &i32| {
        so_far += hours;
        let up_to_here = if so_far == all || all == 0 {
            quantity.clone()
        } else {
            rounded(&(quantity.to_rational() * whole(so_far) / whole(all)))
        };
        let mut part = up_to_here.clone();
        part.subtract(&given);
        given = up_to_here;
        part
    };
    hours.iter().map(part).collect()
}

fn whole(number: i32) -> BigRational {
    BigRational::from_integer(number.into())
}

/// A fraction with [`PLACES`], of two that are equally near the greater.
fn rounded(number: &BigRational) -> QuantitySum {
    let scale = BigInt::from(10).pow(PLACES);
    let doubled = number * BigRational::from_integer(scale * 2) + BigRational::from_integer(1.into());
    let coefficient = (doubled / BigRational::from_integer(2.into()))
        .floor()
        .to_integer();
    if coefficient.is_zero() {
        return QuantitySum::default();
    }
    QuantitySum::new(coefficient, PLACES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hour(text: &str) -> Hour {
        text.parse().unwrap()
    }

    fn october() -> HourInterval {
        "2026-10".parse::<Period>().unwrap().interval()
    }

    fn quantity(coefficient: u64, scale: u32) -> QuantitySum {
        QuantitySum::new(coefficient.into(), scale)
    }

    fn known(through: &str, now: &str) -> Known {
        Known::of(october(), Some(hour(through)), hour(now))
    }

    #[test]
    fn ten_days_of_2_400_make_7_440_in_a_month_of_31_days() {
        let known = known("2026-10-11T05:00:00Z", "2026-10-11T08:00:00Z");
        assert_eq!((known.days(), known.is_enough()), (10, true));
        let to_come = still_to_come(&known, &quantity(2_400, 0), &quantity(0, 0));
        assert_eq!(to_come.to_string(), "5040");
        // What was reported of the eleventh is part of that and no more beside it.
        let to_come = still_to_come(&known, &quantity(2_400, 0), &quantity(50, 0));
        assert_eq!(to_come.to_string(), "4990");
    }

    #[test]
    fn a_day_counts_when_it_is_over_and_all_of_it_was_reported() {
        for (through, now, days) in [
            ("2026-10-01T00:00:00Z", "2026-10-20T00:00:00Z", 0),
            ("2026-10-03T23:00:00Z", "2026-10-20T00:00:00Z", 2),
            ("2026-10-04T00:00:00Z", "2026-10-20T00:00:00Z", 3),
            // Whoever says that tomorrow is complete is taken at their word when it is over.
            ("2026-10-31T00:00:00Z", "2026-10-05T12:00:00Z", 4),
            ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", 31),
        ] {
            let known = known(through, now);
            assert_eq!(known.days(), days, "{through} at {now}");
            assert_eq!(known.is_enough(), days >= COMPLETE_DAYS_MIN, "{through} at {now}");
        }
        let nothing_said = Known::of(october(), None, hour("2026-10-20T00:00:00Z"));
        assert_eq!((nothing_said.days(), nothing_said.is_enough()), (0, false));
        assert_eq!(nothing_said.rest, Some(october()));
    }

    #[test]
    fn a_stack_of_the_middle_of_a_month_is_not_taken_for_one_that_stood_still_before() {
        let hours = |from, until| HourInterval::new(hour(from), hour(until)).unwrap();
        let registered = hours("2026-10-10T07:00:00Z", "2026-11-01T00:00:00Z");
        let known = Known::of(
            registered,
            Some(hour("2026-10-16T00:00:00Z")),
            hour("2026-10-16T03:00:00Z"),
        );
        let complete = hours("2026-10-11T00:00:00Z", "2026-10-16T00:00:00Z");
        assert_eq!((known.complete, known.days()), (Some(complete), 5));
        let ended = hours("2026-10-01T00:00:00Z", "2026-10-10T07:00:00Z");
        let known = Known::of(
            ended,
            Some(hour("2026-10-10T07:00:00Z")),
            hour("2026-10-16T03:00:00Z"),
        );
        assert_eq!((known.rest, known.is_enough()), (None, true));
        let both = registered_within("2026-10".parse().unwrap(), &[ended, registered]);
        assert_eq!(both, Some(october()));
    }

    proptest! {
        #[test]
        fn a_complete_month_is_what_it_is(coefficient in 0u64.., scale in 0u32..20) {
            let known = known("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z");
            let nothing = QuantitySum::default();
            prop_assert_eq!(known.rest, None);
            prop_assert!(still_to_come(&known, &quantity(coefficient, scale), &nothing).is_zero());
        }

        #[test]
        fn nothing_that_was_used_is_ever_taken_away(
            complete in 0u64.., rest in 0u64.., scale in 0u32..20, through in 0i32..800, now in 0i32..800,
        ) {
            let at = |hours| october().start().plus(hours);
            let known = Known::of(october(), Some(at(through)), at(now));
            let to_come = still_to_come(&known, &quantity(complete, scale), &quantity(rest, scale));
            prop_assert!(!to_come.to_rational().is_negative());
            // Complete and rest are all of the month, each hour of it once.
            let hours = known.complete.map_or(0, HourInterval::hours) + known.rest.map_or(0, HourInterval::hours);
            prop_assert_eq!(hours, october().hours());
            // What is projected is the mean of the complete hours, or what was used if that is more already.
            if let (Some(hours), Some(left)) = (known.complete, known.rest) {
                let mut projected = quantity(rest, scale);
                projected.add(&to_come);
                let mean = quantity(complete, scale).to_rational() * whole(left.hours()) / whole(hours.hours());
                let expected = mean.max(quantity(rest, scale).to_rational());
                let off = (projected.to_rational() - expected).abs();
                prop_assert!(off <= BigRational::new(1.into(), BigInt::from(10).pow(PLACES)));
            }
        }

        #[test]
        fn parts_sum_to_the_whole_and_none_is_negative(
            coefficient in 0u64.., scale in 0u32..20, hours in prop::collection::vec(1i32..744, 1..12),
        ) {
            let quantity = quantity(coefficient, scale);
            let parts = spread(&quantity, &hours);
            prop_assert_eq!(parts.len(), hours.len());
            prop_assert_eq!(parts.iter().sum::<QuantitySum>(), quantity.clone());
            let last = BigRational::new(1.into(), BigInt::from(10).pow(PLACES));
            prop_assert!(parts.iter().all(|part| part.to_rational() >= -last.clone()));
            prop_assert_eq!(spread(&quantity, &hours), parts);
        }
    }
}

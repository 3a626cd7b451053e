//! What is likely to be behind a difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::{Class, Days, Gathered, Item, OfDay, Side, has_same_amount};
use crate::ids::{BillingMeterId, SubscriptionId};
use crate::money::Currency;
use crate::quantity::decimal_text;
use crate::time::{Day, Period};

/// The decimal places of a unit price in a sentence.
const PRICE_PLACES: u32 = 8;

/// What is known here, whoever was charged.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Whether a subscription is in the books.
    pub subscription: &'a dyn Fn(SubscriptionId) -> bool,
    /// Whether a billing meter is in the catalog.
    pub meter: &'a dyn Fn(BillingMeterId) -> bool,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

/// The likely cause of a difference. Its text is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Nobody knows the subscription here.
    UnknownSubscription,
    /// The catalog does not have the meter.
    UnknownMeter,
    /// The line is for days outside of the month.
    OtherMonth,
    /// The other side has it for another subscription.
    OtherSubscription(SubscriptionId),
    /// The other side has the item in another currency.
    OtherCurrency(Currency),
    /// It is given back, and there is nothing here that it could belong to.
    GivenBack,
    /// Nothing of the item is here on any day.
    NeverUsedHere,
    /// Other days are here.
    NotUsedHereThatDay,
    /// It costs nothing.
    Free,
    /// Nothing of the item is there on any day.
    NeverChargedThere,
    /// Other days are there.
    NotChargedThereThatDay,
    /// They have more of it, or less.
    Amount {
        /// Whether they have more.
        more_there: bool,
        /// Whether the unit prices differ, too.
        also_price: bool,
    },
    /// Quantities and amounts of the whole month are the same.
    TiersOnOtherDays,
    /// The unit prices differ.
    UnitPrice {
        /// Ours.
        ours: BigRational,
        /// Theirs.
        theirs: BigRational,
    },
    /// They charge, or give back, money without a quantity.
    WithoutQuantity,
    /// Amounts are rounded elsewhere on the way.
    Rounded,
    /// It is on the day before or after.
    Shifted {
        /// Whether they have it later.
        later_there: bool,
        /// Whether the amounts differ, too.
        also_price: bool,
    },
}

impl Cause {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSubscription => "UnknownSubscription",
            Self::UnknownMeter => "UnknownMeter",
            Self::OtherMonth => "OtherMonth",
            Self::OtherSubscription(_) => "OtherSubscription",
            Self::OtherCurrency(_) => "OtherCurrency",
            Self::GivenBack => "GivenBack",
            Self::NeverUsedHere => "NeverUsedHere",
            Self::NotUsedHereThatDay => "NotUsedHereThatDay",
            Self::Free => "Free",
            Self::NeverChargedThere => "NeverChargedThere",
            Self::NotChargedThereThatDay => "NotChargedThereThatDay",
            Self::Amount { more_there: true, .. } => "MoreThere",
            Self::Amount {
                more_there: false, ..
            } => "LessThere",
            Self::TiersOnOtherDays => "TiersOnOtherDays",
            Self::UnitPrice { .. } => "UnitPrice",
            Self::WithoutQuantity => "WithoutQuantity",
            Self::Rounded => "Rounded",
            Self::Shifted { .. } => "Shifted",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownSubscription => {
                "No such subscription is in the books: it is not one of ours, or was never created here."
            }
            Self::UnknownMeter => {
                "The catalog has no such billing meter: it is usage of something else than a stack, or a \
                 meter to be added."
            }
            Self::OtherMonth => {
                "The line is for days outside of the month: it corrects another month, or that month's file \
                 has the rest."
            }
            Self::OtherSubscription(other) => {
                return write!(
                    f,
                    "The other side has the same quantity of that day for subscription {other}: the tenant \
                     is mapped to another subscription, or was at the time."
                );
            }
            Self::OtherCurrency(other) => {
                return write!(
                    f,
                    "The other side has the same item in {other}: the price lists are in different currencies."
                );
            }
            Self::GivenBack => {
                "It is given back and nothing was used here that day: a credit, or a correction of something \
                 charged before."
            }
            Self::NeverUsedHere => {
                "Nothing of this meter is charged to the subscription here in all of the month: usage that \
                 did not arrive, another tenant mapping, or a stack that is not registered here."
            }
            Self::NotUsedHereThatDay => {
                "Nothing of this meter is charged to the subscription here on that day: usage that did not \
                 arrive, or came after the month was closed."
            }
            Self::Free => "It costs nothing, and lines that cost nothing are often left out.",
            Self::NeverChargedThere => {
                "They have nothing of this meter for the subscription in all of the file: usage that was not \
                 passed on, another tenant mapping there, or a file without this subscription."
            }
            Self::NotChargedThereThatDay => {
                "They have nothing of this meter for the subscription on that day: usage that was not passed \
                 on, or comes in a later file."
            }
            Self::Amount {
                more_there,
                also_price,
            } => {
                f.write_str(if *more_there {
                    "They have more: records that did not arrive here, or came after the month was closed."
                } else {
                    "They have less: records that were not passed on, or come in a later file."
                })?;
                if *also_price {
                    f.write_str(" The price of a unit differs, too.")?;
                }
                return Ok(());
            }
            Self::TiersOnOtherDays => {
                "Quantity and amount of the whole month agree: tiers or what is included are laid on other days there."
            }
            Self::UnitPrice { ours, theirs } => {
                let text = |price| decimal_text(price, PRICE_PLACES).0;
                return write!(
                    f,
                    "A unit costs {} there and {} here on average: another price list, discount, tier or \
                     exchange rate.",
                    text(theirs),
                    text(ours)
                );
            }
            Self::WithoutQuantity => "Money without a quantity: a credit, a fee or an adjustment.",
            Self::Rounded => "The amounts are rounded line by line there, and once for the month here.",
            Self::Shifted {
                later_there,
                also_price,
            } => {
                f.write_str(if *later_there {
                    "They have it a day later"
                } else {
                    "They have it a day earlier"
                })?;
                f.write_str(
                    ": days that begin at another hour than midnight UTC, or go by when usage was reported.",
                )?;
                if *also_price {
                    f.write_str(" The price of a unit differs, too.")?;
                }
                return Ok(());
            }
        })
    }
}

/// Quantities of one side by what they are of, with who has them.
type Holders = BTreeMap<(BillingMeterId, Day, BigRational), BTreeSet<SubscriptionId>>;

/// What causes are found from.
pub(super) struct Context<'a> {
    month: Days,
    known: &'a Known<'a>,
    ours_alone: Holders,
    theirs_alone: Holders,
    ours_in: BTreeMap<(SubscriptionId, BillingMeterId), BTreeSet<Currency>>,
    theirs_in: BTreeMap<(SubscriptionId, BillingMeterId), BTreeSet<Currency>>,
}

impl<'a> Context<'a> {
    pub(super) fn of(period: Period, items: &BTreeMap<Item, Gathered>, known: &'a Known<'a>) -> Self {
        let mut context = Self {
            month: Days::of(period),
            known,
            ours_alone: Holders::new(),
            theirs_alone: Holders::new(),
            ours_in: BTreeMap::new(),
            theirs_in: BTreeMap::new(),
        };
        for (item, gathered) in items {
            let of = (item.subscription, item.meter);
            for (day, of_day) in &gathered.days {
                let (alone, side) = match (of_day.ours.lines, of_day.theirs.lines) {
                    (0, _) => (&mut context.theirs_alone, &of_day.theirs),
                    (_, 0) => (&mut context.ours_alone, &of_day.ours),
                    _ => continue,
                };
                let key = (item.meter, *day, side.quantity.clone());
                alone.entry(key).or_default().insert(item.subscription);
            }
            let has_ours = gathered.days.values().any(|of_day| of_day.ours.lines > 0);
            let has_theirs = gathered.days.values().any(|of_day| of_day.theirs.lines > 0);
            if let Some(currency) = item.currency {
                if has_ours {
                    context.ours_in.entry(of).or_default().insert(currency);
                }
                if has_theirs || !gathered.theirs.is_empty() {
                    context.theirs_in.entry(of).or_default().insert(currency);
                }
            }
        }
        context
    }

    pub(super) fn cause(
        &self,
        item: Item,
        days: Days,
        class: Class,
        of_day: &OfDay,
        all: &Gathered,
    ) -> Cause {
        let OfDay { ours, theirs } = of_day;
        match class {
            Class::MissingHere => self.missing_here(item, days, theirs, all),
            Class::MissingThere => self.missing_there(item, days, ours, all),
            Class::Quantity if theirs.quantity.is_zero() => Cause::WithoutQuantity,
            Class::Quantity if !within(self.month, days) => Cause::OtherMonth,
            Class::Quantity => Cause::Amount {
                more_there: theirs.quantity > ours.quantity,
                also_price: prices_differ(item, of_day),
            },
            Class::Rounding => Cause::Rounded,
            Class::Price | Class::ShiftedDay => {
                let month = whole(all);
                if month.has_same_quantity() && has_same_amount(item, &month) {
                    return Cause::TiersOnOtherDays;
                }
                match (ours.unit_price(), theirs.unit_price()) {
                    (Some(ours), Some(theirs)) => Cause::UnitPrice { ours, theirs },
                    _ => Cause::WithoutQuantity,
                }
            }
        }
    }

    fn missing_here(&self, item: Item, days: Days, theirs: &Side, all: &Gathered) -> Cause {
        if !(self.known.subscription)(item.subscription) {
            return Cause::UnknownSubscription;
        }
        if !(self.known.meter)(item.meter) {
            return Cause::UnknownMeter;
        }
        if !self.month.meets(days) {
            return Cause::OtherMonth;
        }
        if let Some(currency) = other_currency(&self.ours_in, item) {
            return Cause::OtherCurrency(currency);
        }
        if let Some(other) = other_holder(&self.ours_alone, item, days, theirs) {
            return Cause::OtherSubscription(other);
        }
        if theirs.amount.is_negative() || theirs.quantity.is_negative() {
            return Cause::GivenBack;
        }
        if theirs.quantity.is_zero() {
            return Cause::WithoutQuantity;
        }
        if all.days.values().any(|of_day| of_day.ours.lines > 0) {
            Cause::NotUsedHereThatDay
        } else {
            Cause::NeverUsedHere
        }
    }

    fn missing_there(&self, item: Item, days: Days, ours: &Side, all: &Gathered) -> Cause {
        if let Some(currency) = other_currency(&self.theirs_in, item) {
            return Cause::OtherCurrency(currency);
        }
        if let Some(other) = other_holder(&self.theirs_alone, item, days, ours) {
            return Cause::OtherSubscription(other);
        }
        if ours.amount.is_zero() {
            return Cause::Free;
        }
        let has_theirs = all.days.values().any(|of_day| of_day.theirs.lines > 0);
        if has_theirs || !all.theirs.is_empty() {
            Cause::NotChargedThereThatDay
        } else {
            Cause::NeverChargedThere
        }
    }
}

fn within(month: Days, days: Days) -> bool {
    month.contains(days.first) && month.contains(days.last)
}

/// All of an item, as if it were of one day.
fn whole(all: &Gathered) -> OfDay {
    let mut whole = OfDay::default();
    for of_day in all.days.values() {
        whole.ours.add(&of_day.ours);
        whole.theirs.add(&of_day.theirs);
    }
    for (_, side) in &all.theirs {
        whole.theirs.add(side);
    }
    whole
}

/// Whether what they charge is not their quantity at our price.
fn prices_differ(item: Item, of_day: &OfDay) -> bool {
    let Some(price) = of_day.ours.unit_price() else {
        return false;
    };
    let at_our_price = Side {
        amount: price * &of_day.theirs.quantity,
        ..of_day.ours.clone()
    };
    let compared = OfDay {
        ours: at_our_price,
        theirs: of_day.theirs.clone(),
    };
    !has_same_amount(item, &compared)
}

fn other_currency(
    currencies: &BTreeMap<(SubscriptionId, BillingMeterId), BTreeSet<Currency>>,
    item: Item,
) -> Option<Currency> {
    let known = currencies.get(&(item.subscription, item.meter))?;
    let mut others = known.iter().filter(|currency| Some(**currency) != item.currency);
    others.next().copied()
}

fn other_holder(holders: &Holders, item: Item, days: Days, side: &Side) -> Option<SubscriptionId> {
    if !days.is_one() || side.quantity.is_zero() {
        return None;
    }
    let key = (item.meter, days.first, side.quantity.clone());
    let mut others = holders.get(&key)?.iter().filter(|id| **id != item.subscription);
    others.next().copied()
}

//! Reconciliation: what we charged, beside what somebody else says was charged for the same usage.
//!
//! Both sides are put together by subscription, billing meter and day, and each difference is of one class, with its
//! likely cause. Nothing gets lost on the way: what matches and what differs sum to the total of either side, exactly
//! ([`Reconciliation::adds_up`]).
//!
//! All rules here are *ours*: no document says how two bills are compared.

mod causes;
mod shifts;

use std::collections::BTreeMap;
use std::fmt;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use crate::ids::{BillingMeterId, SubscriptionId};
use crate::money::{Currency, Money};
use crate::time::{Day, Period};

use self::causes::Context;
pub use self::causes::{Cause, Known};

/// Two quantities are the same if they differ by no more than one in this decimal place for each line of theirs:
/// texts of
/// quantities are cut off somewhere.
pub const QUANTITY_PLACES: u32 = 6;

/// Days in a row, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days {
    /// The first.
    pub first: Day,
    /// The last.
    pub last: Day,
}

impl Days {
    /// One day.
    #[must_use]
    pub const fn one(day: Day) -> Self {
        Self {
            first: day,
            last: day,
        }
    }

    /// Days up to another, or none if that comes before.
    #[must_use]
    pub fn new(first: Day, last: Day) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The days of a month.
    #[must_use]
    pub fn of(period: Period) -> Self {
        let hours = period.interval();
        Self {
            first: hours.start().day(),
            last: hours.end().plus(-1).day(),
        }
    }

    /// Whether it is but one.
    #[must_use]
    pub fn is_one(self) -> bool {
        self.first == self.last
    }

    /// Whether a day is among them.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }

    /// Whether they have a day with others in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The fewest days in a row that hold both.
    fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one() {
            return write!(f, "{}", self.first);
        }
        write!(f, "{} to {}", self.first, self.last)
    }
}

/// What they charge, in a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The currency.
    pub currency: Currency,
    /// How much of its major unit, as exact as it is written; below zero where something is given back.
    pub amount: BigRational,
}

/// A line of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theirs {
    /// Who pays.
    pub subscription: SubscriptionId,
    /// What for.
    pub meter: BillingMeterId,
    /// The days it is for.
    pub days: Days,
    /// How much, in the billing meter's unit; below zero where something is taken back.
    pub quantity: BigRational,
    /// What it costs, before tax; none if they do not say.
    pub charge: Option<Charge>,
}

/// What we charged for one day: a part of a line of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// Who pays.
    pub subscription: SubscriptionId,
    /// What for.
    pub meter: BillingMeterId,
    /// The day.
    pub day: Day,
    /// How much, in the billing meter's unit.
    pub quantity: BigRational,
    /// Its part of the line's amount.
    pub amount: Money,
}

/// What is compared day by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// Who pays.
    pub subscription: SubscriptionId,
    /// What for.
    pub meter: BillingMeterId,
    /// In which currency; none where they name none and we charged nothing.
    pub currency: Option<Currency>,
}

/// What one side has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// Of how many lines.
    pub lines: u64,
    /// How much, in the billing meter's unit.
    pub quantity: BigRational,
    /// What it costs, in the currency's major unit.
    pub amount: BigRational,
    /// How many of the lines do not say what they cost.
    pub unpriced: u64,
    /// How many of the lines cost whole minor units: they may have been rounded.
    pub rounded: u64,
}

impl Side {
    fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.quantity += &other.quantity;
        self.amount += &other.amount;
        self.unpriced += other.unpriced;
        self.rounded += other.rounded;
    }

    /// What one unit costs on average; none of nothing, and where not all lines say what they cost.
    #[must_use]
    pub fn unit_price(&self) -> Option<BigRational> {
        let known = self.unpriced == 0 && !self.quantity.is_zero();
        known.then(|| &self.amount / &self.quantity)
    }
}

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// They have it, and we do not.
    MissingHere,
    /// We have it, and they do not.
    MissingThere,
    /// Both have it, and not as much of it.
    Quantity,
    /// As much, at another price.
    Price,
    /// As much, and the amounts are no further apart than half a minor unit for each line of theirs that has no more decimals,
    /// and one for ours.
    Rounding,
    /// As much over days in a row, and no unit of it more than a day away.
    ShiftedDay,
}

impl Class {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::Quantity,
        Self::Price,
        Self::ShiftedDay,
        Self::Rounding,
    ];
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Between what.
    pub item: Item,
    /// On which days.
    pub days: Days,
    /// Its class.
    pub class: Class,
    /// Its likely cause.
    pub cause: Cause,
    /// What we have.
    pub ours: Side,
    /// What they have.
    pub theirs: Side,
}

impl Difference {
    /// By how much they charge more.
    #[must_use]
    pub fn amount(&self) -> BigRational {
        &self.theirs.amount - &self.ours.amount
    }
}

/// What both sides have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Both {
    /// How many comparisons came to this.
    pub count: u64,
    /// What we have.
    pub ours: Side,
    /// What they have.
    pub theirs: Side,
}

impl Both {
    fn add(&mut self, ours: &Side, theirs: &Side) {
        self.count += 1;
        self.ours.add(ours);
        self.theirs.add(theirs);
    }
}

/// The totals of a currency, or of a billing meter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// What matches.
    pub matched: Both,
    /// What differs, by class.
    pub classes: BTreeMap<Class, Both>,
    /// All that we have, summed before anything was compared.
    pub ours: Side,
    /// All that they have, summed before anything was compared.
    pub theirs: Side,
}

impl Totals {
    /// Whether what matches and what differs are all there is, on either side.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let (mut ours, mut theirs) = (self.matched.ours.clone(), self.matched.theirs.clone());
        for class in self.classes.values() {
            ours.add(&class.ours);
            theirs.add(&class.theirs);
        }
        ours == self.ours && theirs == self.theirs
    }

    fn enter(&mut self, class: Option<Class>, ours: &Side, theirs: &Side) {
        let both = match class {
            Some(class) => self.classes.entry(class).or_default(),
            None => &mut self.matched,
        };
        both.add(ours, theirs);
    }
}

/// What came of comparing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// What differs, by item and then by day.
    pub differences: Vec<Difference>,
    /// The totals of amounts; quantities of different meters are not to be read from them.
    pub by_currency: BTreeMap<Option<Currency>, Totals>,
    /// The totals of quantities; amounts of different currencies are not to be read from them.
    pub by_meter: BTreeMap<BillingMeterId, Totals>,
}

impl Reconciliation {
    /// Whether what matches and what differs are all there is, on either side, to the last digit: of every currency
    /// and of
    /// every meter.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let currencies = self.by_currency.values();
        currencies.chain(self.by_meter.values()).all(Totals::adds_up)
    }

    fn enter(&mut self, item: Item, days: Days, ours: Side, theirs: Side, found: Option<(Class, Cause)>) {
        let class = found.as_ref().map(|(class, _)| *class);
        let currency = self.by_currency.entry(item.currency).or_default();
        currency.enter(class, &ours, &theirs);
        let meter = self.by_meter.entry(item.meter).or_default();
        meter.enter(class, &ours, &theirs);
        if let Some((class, cause)) = found {
            self.differences.push(Difference {
                item,
                days,
                class,
                cause,
                ours,
                theirs,
            });
        }
    }
}

/// What both sides have of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfDay {
    ours: Side,
    theirs: Side,
}

impl OfDay {
    /// How much more they have.
    fn more_there(&self) -> BigRational {
        &self.theirs.quantity - &self.ours.quantity
    }

    fn has_same_quantity(&self) -> bool {
        self.more_there().abs() <= quantity_tolerance(self.theirs.lines)
    }
}

/// All of an item.
#[derive(Debug, Clone, Default)]
struct Gathered {
    days: BTreeMap<Day, OfDay>,
    /// The days of all lines of theirs, if one of them is for more than one day.
    in_one_piece: Option<Days>,
    theirs: Vec<(Days, Side)>,
}

/// Compares what we charged in a month with what they did.
///
/// The order of the lines changes nothing. Where a line of theirs is for more than one day, all of the subscription's
/// lines of that meter and currency are compared as one over all of their days. Where a line of theirs says no
/// amount, only
/// quantities are compared.
#[must_use]
pub fn reconcile(period: Period, ours: &[Ours], theirs: &[Theirs], known: &Known<'_>) -> Reconciliation {
    let mut reconciliation = Reconciliation::default();
    let items = gathered(ours, theirs, &mut reconciliation);
    let context = Context::of(period, &items, known);
    for (item, gathered) in &items {
        match gathered.in_one_piece {
            Some(days) => as_one(*item, days, gathered, &context, &mut reconciliation),
            None => day_by_day(*item, gathered, &context, &mut reconciliation),
        }
    }
    reconciliation.differences.sort_by_key(|it| (it.item, it.days));
    reconciliation
}

fn gathered(
    ours: &[Ours],
    theirs: &[Theirs],
    reconciliation: &mut Reconciliation,
) -> BTreeMap<Item, Gathered> {
    let mut items: BTreeMap<Item, Gathered> = BTreeMap::new();
    let mut charged_in: BTreeMap<(SubscriptionId, BillingMeterId), Currency> = BTreeMap::new();
    for part in ours {
        let currency = part.amount.currency();
        let first = charged_in
            .entry((part.subscription, part.meter))
            .or_insert(currency);
        *first = currency.min(*first);
        let item = Item {
            subscription: part.subscription,
            meter: part.meter,
            currency: Some(currency),
        };
        let side = Side {
            lines: 1,
            quantity: part.quantity.clone(),
            amount: part.amount.to_rational(),
            unpriced: 0,
            rounded: 1,
        };
        reconciliation
            .by_currency
            .entry(item.currency)
            .or_default()
            .ours
            .add(&side);
        reconciliation
            .by_meter
            .entry(item.meter)
            .or_default()
            .ours
            .add(&side);
        let of_day = items.entry(item).or_default().days.entry(part.day).or_default();
        of_day.ours.add(&side);
    }
    for line in theirs {
        let charged_here = charged_in.get(&(line.subscription, line.meter)).copied();
        let named = line.charge.as_ref().map(|charge| charge.currency);
        let item = Item {
            subscription: line.subscription,
            meter: line.meter,
            currency: named.or(charged_here),
        };
        let amount = line.charge.as_ref().map(|charge| charge.amount.clone());
        let side = Side {
            lines: 1,
            quantity: line.quantity.clone(),
            unpriced: u64::from(amount.is_none()),
            rounded: u64::from(amount.as_ref().is_some_and(|amount| is_rounded(amount, item))),
            amount: amount.unwrap_or_default(),
        };
        reconciliation
            .by_currency
            .entry(item.currency)
            .or_default()
            .theirs
            .add(&side);
        reconciliation
            .by_meter
            .entry(item.meter)
            .or_default()
            .theirs
            .add(&side);
        items.entry(item).or_default().theirs.push((line.days, side));
    }
    for gathered in items.values_mut() {
        if gathered.theirs.iter().any(|(days, _)| !days.is_one()) {
            let all = gathered.theirs.iter().map(|(days, _)| *days);
            gathered.in_one_piece = all.reduce(Days::with);
            continue;
        }
        for (days, side) in std::mem::take(&mut gathered.theirs) {
            gathered.days.entry(days.first).or_default().theirs.add(&side);
        }
    }
    items
}

fn as_one(item: Item, days: Days, gathered: &Gathered, context: &Context<'_>, to: &mut Reconciliation) {
    let mut whole = OfDay::default();
    for (_, side) in &gathered.theirs {
        whole.theirs.add(side);
    }
    for (day, of_day) in &gathered.days {
        if days.contains(*day) {
            whole.ours.add(&of_day.ours);
        } else {
            enter_one(item, Days::one(*day), of_day.clone(), gathered, context, to);
        }
    }
    enter_one(item, days, whole, gathered, context, to);
}

fn day_by_day(item: Item, gathered: &Gathered, context: &Context<'_>, to: &mut Reconciliation) {
    let mut shifted = shifts::found(&gathered.days).into_iter().peekable();
    let mut days = gathered.days.iter().peekable();
    while let Some((day, of_day)) = days.next() {
        let Some(shift) = shifted.next_if(|shift| shift.days.first == *day) else {
            enter_one(item, Days::one(*day), of_day.clone(), gathered, context, to);
            continue;
        };
        let mut whole = of_day.clone();
        while let Some((_, of_day)) = days.next_if(|(day, _)| **day <= shift.days.last) {
            whole.ours.add(&of_day.ours);
            whole.theirs.add(&of_day.theirs);
        }
        let cause = Cause::Shifted {
            later_there: shift.later_there,
            also_price: !has_same_amount(item, &whole),
        };
        let found = Some((Class::ShiftedDay, cause));
        to.enter(item, shift.days, whole.ours, whole.theirs, found);
    }
}

fn enter_one(
    item: Item,
    days: Days,
    of_day: OfDay,
    gathered: &Gathered,
    context: &Context<'_>,
    to: &mut Reconciliation,
) {
    let class = class_of(item, &of_day);
    let found = class.map(|class| (class, context.cause(item, days, class, &of_day, gathered)));
    to.enter(item, days, of_day.ours, of_day.theirs, found);
}

fn class_of(item: Item, of_day: &OfDay) -> Option<Class> {
    let OfDay { ours, theirs } = of_day;
    let has_same_quantity = of_day.has_same_quantity();
    let unpriced = theirs.unpriced > 0;
    if has_same_quantity && (unpriced || ours.amount == theirs.amount) {
        return None;
    }
    Some(match (ours.lines, theirs.lines) {
        (0, _) => Class::MissingHere,
        (_, 0) => Class::MissingThere,
        _ if !has_same_quantity => Class::Quantity,
        _ if has_same_amount(item, of_day) => Class::Rounding,
        _ => Class::Price,
    })
}

/// Whether the amounts are no further apart than rounding explains, or cannot be compared.
fn has_same_amount(item: Item, of_day: &OfDay) -> bool {
    let OfDay { ours, theirs } = of_day;
    if theirs.unpriced > 0 {
        return true;
    }
    // Half a unit for each line of theirs that may have been rounded, and one for ours, which is rounded for the month and
    // split over the days.
    let tolerance = places(theirs.rounded + 2, minor_digits_of(item)) / BigInt::from(2);
    (&theirs.amount - &ours.amount).abs() <= tolerance
}

fn is_rounded(amount: &BigRational, item: Item) -> bool {
    (amount * BigInt::from(10u8).pow(minor_digits_of(item))).is_integer()
}

fn minor_digits_of(item: Item) -> u32 {
    item.currency.map_or(0, Currency::minor_digits).into()
}

/// How far quantities may be apart that are the same.
fn quantity_tolerance(lines: u64) -> BigRational {
    places(lines.max(1), QUANTITY_PLACES)
}

/// So many units of a decimal place.
fn places(units: u64, place: u32) -> BigRational {
    BigRational::new(BigInt::from(units), BigInt::from(10u8).pow(place))
}

#[cfg(test)]
mod tests;

//! What we charged beside what somebody else says was charged.

use std::collections::BTreeMap;

use domain::ids::BillingMeterId;
use domain::money::Currency;
use domain::quantity::{Rational, decimal_text};
use domain::reconciliation::{self, Class, Difference, Side, Totals};
use domain::time::Period;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::partner_center::{DateOrder, DecimalMark, LineItems, Understood, Written};

/// The decimal places of a quantity that has no end.
const QUANTITY_PLACES: u32 = 12;

/// What kind of lines a file of Partner Center has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LineItemKind {
    /// Usage-based line items: what a meter cost between two days.
    UsageBased,
    /// Daily usage, without what it cost.
    DailyUsage,
    /// Daily rated usage.
    DailyRated,
}

/// How a file was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnderstoodFile {
    /// What kind of lines it has.
    pub kind: LineItemKind,
    /// What separates the fields of a table; nothing of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// `dayFirst` or `monthFirst`, where dates do not begin with the year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<String>,
    /// `point` or `comma`.
    pub decimal_mark: String,
    /// The line with the names of a table's columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// How many lines were understood.
    pub lines: u64,
    /// The first day that a line is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<String>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
    /// How many subscriptions they are for.
    pub subscriptions: u64,
    /// How many billing meters they are for.
    pub meters: u64,
    /// What the lines come to, by currency.
    pub amounts: BTreeMap<String, String>,
    /// How many lines take back a quantity or an amount.
    pub corrections: u64,
    /// The lines that were not understood. They are in no total.
    pub rejected: Vec<RejectedLineItem>,
}

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedLineItem {
    /// The line of a table in which it begins; the number of the item in JSON. Both from 1.
    pub line: u64,
    /// The stable code.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
    /// The line as it stands there.
    pub text: String,
}

impl UnderstoodFile {
    /// How a file was understood.
    #[must_use]
    pub fn of(understood: &Understood) -> Self {
        let lines = &understood.lines;
        let mut amounts: BTreeMap<Currency, Rational> = BTreeMap::new();
        for charge in lines.iter().filter_map(|line| line.charge.as_ref()) {
            *amounts.entry(charge.currency).or_default() += &charge.amount;
        }
        let nothing = Rational::default();
        let takes_back = |line: &&reconciliation::Theirs| {
            line.quantity < nothing || line.charge.as_ref().is_some_and(|charge| charge.amount < nothing)
        };
        let mut subscriptions: Vec<_> = lines.iter().map(|line| line.subscription).collect();
        let mut meters: Vec<_> = lines.iter().map(|line| line.meter).collect();
        subscriptions.sort_unstable();
        subscriptions.dedup();
        meters.sort_unstable();
        meters.dedup();
        Self {
            kind: match understood.kind {
                LineItems::UsageBased => LineItemKind::UsageBased,
                LineItems::DailyUsage => LineItemKind::DailyUsage,
                LineItems::DailyRated => LineItemKind::DailyRated,
            },
            separator: match understood.written {
                Written::Table { separator } => Some(separator.to_string()),
                Written::Json => None,
            },
            date_order: understood.date_order.map(|order| {
                match order {
                    DateOrder::DayFirst => "dayFirst",
                    DateOrder::MonthFirst => "monthFirst",
                }
                .to_owned()
            }),
            decimal_mark: match understood.decimal_mark {
                DecimalMark::Point => "point",
                DecimalMark::Comma => "comma",
            }
            .to_owned(),
            header: understood.header.clone(),
            lines: lines.len() as u64,
            first_day: lines
                .iter()
                .map(|line| line.days.first)
                .min()
                .map(|day| day.to_string()),
            last_day: lines
                .iter()
                .map(|line| line.days.last)
                .max()
                .map(|day| day.to_string()),
            subscriptions: subscriptions.len() as u64,
            meters: meters.len() as u64,
            amounts: amounts
                .iter()
                .map(|(currency, amount)| (currency.to_string(), money(amount, Some(*currency))))
                .collect(),
            corrections: lines.iter().filter(takes_back).count() as u64,
            rejected: understood
                .rejected
                .iter()
                .map(|it| RejectedLineItem {
                    line: it.line as u64,
                    code: it.code.to_owned(),
                    message: it.message.clone(),
                    text: it.text.clone(),
                })
                .collect(),
        }
    }
}

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DifferenceClass {
    /// They have it, and we do not.
    MissingHere,
    /// We have it, and they do not.
    MissingThere,
    /// Both have it, and not as much of it.
    Quantity,
    /// As much, at another price.
    Price,
    /// As much over days in a row, and no unit of it more than a day away.
    ShiftedDay,
    /// As much, and the amounts are no further apart than one minor unit for each line of theirs.
    Rounding,
}

impl From<Class> for DifferenceClass {
    fn from(class: Class) -> Self {
        match class {
            Class::MissingHere => Self::MissingHere,
            Class::MissingThere => Self::MissingThere,
            Class::Quantity => Self::Quantity,
            Class::Price => Self::Price,
            Class::ShiftedDay => Self::ShiftedDay,
            Class::Rounding => Self::Rounding,
        }
    }
}

/// Something of which both sides have so much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// How many comparisons came to this.
    pub count: u64,
    /// What we have.
    pub ours: String,
    /// What they have.
    pub theirs: String,
    /// Theirs less ours.
    pub difference: String,
}

/// The same, of a class of differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedClass {
    /// The class.
    pub class: DifferenceClass,
    /// What both sides have of it.
    #[serde(flatten)]
    pub compared: Compared,
}

/// The totals of a currency, before tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciledAmounts {
    /// The currency; none of lines without an amount that we charged nothing for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// How many of their lines do not say what they cost. With any, their amounts are not all there is.
    pub unpriced: u64,
    /// What matches.
    pub matched: Compared,
    /// What differs.
    pub classes: Vec<ComparedClass>,
    /// All there is on either side, summed before anything was compared.
    pub total: Compared,
    /// Whether what matches and what differs are all there is, exactly.
    pub adds_up: bool,
}

/// The totals of a billing meter, in its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciledQuantities {
    /// The billing meter.
    pub meter_id: String,
    /// Its name, if the catalog has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<String>,
    /// What matches.
    pub matched: Compared,
    /// What differs.
    pub classes: Vec<ComparedClass>,
    /// All there is on either side, summed before anything was compared.
    pub total: Compared,
    /// Whether what matches and what differs are all there is, exactly.
    pub adds_up: bool,
}

/// What one side has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciledSide {
    /// Of how many lines.
    pub lines: u64,
    /// How much, in the billing meter's unit.
    pub quantity: String,
    /// What it costs; nothing if not all lines say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciledDifference {
    /// Who pays.
    pub subscription_id: String,
    /// What for.
    pub meter_id: String,
    /// The meter's name, if the catalog has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<String>,
    /// The currency of the amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Its class.
    pub class: DifferenceClass,
    /// The code of its likely cause.
    pub cause: String,
    /// The cause in a sentence.
    pub explanation: String,
    /// What we have.
    pub ours: ReconciledSide,
    /// What they have.
    pub theirs: ReconciledSide,
    /// By how much they have more.
    pub quantity_difference: String,
    /// By how much they charge more; nothing if not all lines say what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_difference: Option<String>,
}

/// What we charged in a month beside what somebody else says was charged. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// The month.
    pub period: String,
    /// Whether it was compared with what the month's invoices were made from. If not, with the running bills.
    pub closed: bool,
    /// How the file was understood.
    pub file: UnderstoodFile,
    /// The totals of amounts, by currency.
    pub amounts: Vec<ReconciledAmounts>,
    /// The totals of quantities, by billing meter.
    pub quantities: Vec<ReconciledQuantities>,
    /// What differs, by subscription, meter, currency and day.
    pub differences: Vec<ReconciledDifference>,
}

impl Reconciliation {
    /// What came of comparing; `named` knows the names of billing meters.
    #[must_use]
    pub fn of(
        period: Period,
        closed: bool,
        file: UnderstoodFile,
        found: &reconciliation::Reconciliation,
        named: impl Fn(BillingMeterId) -> Option<String>,
    ) -> Self {
        let amounts = found.by_currency.iter().map(|(currency, totals)| {
            let (matched, classes, total) = compared(totals, |side| &side.amount, |it| money(it, *currency));
            ReconciledAmounts {
                currency: currency.map(|it| it.to_string()),
                unpriced: totals.theirs.unpriced,
                matched,
                classes,
                total,
                adds_up: totals.adds_up(),
            }
        });
        let quantities = found.by_meter.iter().map(|(meter, totals)| {
            let (matched, classes, total) = compared(totals, |side| &side.quantity, text);
            ReconciledQuantities {
                meter_id: meter.to_string(),
                meter: named(*meter),
                matched,
                classes,
                total,
                adds_up: totals.adds_up(),
            }
        });
        Self {
            period: period.to_string(),
            closed,
            file,
            amounts: amounts.collect(),
            quantities: quantities.collect(),
            differences: found
                .differences
                .iter()
                .map(|it| difference(it, &named))
                .collect(),
        }
    }
}

fn compared(
    totals: &Totals,
    of: impl Fn(&Side) -> &Rational,
    text: impl Fn(&Rational) -> String,
) -> (Compared, Vec<ComparedClass>, Compared) {
    let pair = |count, ours: &Side, theirs: &Side| {
        let (ours, theirs) = (of(ours), of(theirs));
        Compared {
            count,
            ours: text(ours),
            theirs: text(theirs),
            difference: text(&(theirs - ours)),
        }
    };
    let matched = &totals.matched;
    let mut count = matched.count;
    let mut classes = Vec::new();
    for class in Class::ALL {
        let Some(both) = totals.classes.get(&class) else {
            continue;
        };
        count += both.count;
        classes.push(ComparedClass {
            class: class.into(),
            compared: pair(both.count, &both.ours, &both.theirs),
        });
    }
    let matched = pair(matched.count, &matched.ours, &matched.theirs);
    (matched, classes, pair(count, &totals.ours, &totals.theirs))
}

fn difference(it: &Difference, named: impl Fn(BillingMeterId) -> Option<String>) -> ReconciledDifference {
    let is_priced = it.ours.unpriced + it.theirs.unpriced == 0;
    ReconciledDifference {
        subscription_id: it.item.subscription.to_string(),
        meter_id: it.item.meter.to_string(),
        meter: named(it.item.meter),
        currency: it.item.currency.map(|currency: Currency| currency.to_string()),
        from: it.days.first.to_string(),
        to: it.days.last.to_string(),
        class: it.class.into(),
        cause: it.cause.code().to_owned(),
        explanation: it.cause.to_string(),
        ours: side(&it.ours, it.item.currency),
        theirs: side(&it.theirs, it.item.currency),
        quantity_difference: text(&(&it.theirs.quantity - &it.ours.quantity)),
        amount_difference: is_priced.then(|| money(&it.amount(), it.item.currency)),
    }
}

fn side(side: &Side, currency: Option<Currency>) -> ReconciledSide {
    ReconciledSide {
        lines: side.lines,
        quantity: text(&side.quantity),
        amount: (side.unpriced == 0).then(|| money(&side.amount, currency)),
    }
}

fn text(number: &Rational) -> String {
    decimal_text(number, QUANTITY_PLACES).0
}

/// An amount, with all places of its currency's minor unit at the least.
fn money(amount: &Rational, currency: Option<Currency>) -> String {
    let mut text = text(amount);
    let wanted = usize::from(currency.map_or(0, Currency::minor_digits));
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if places == 0 && wanted > 0 {
        text.push('.');
    }
    text.push_str(&"0".repeat(wanted.saturating_sub(places)));
    text
}

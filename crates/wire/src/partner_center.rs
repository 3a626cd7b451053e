//! What Partner Center bills: usage-based line items, and daily usage, rated or not.
//!
//! They come as a table (what the portal exports) or as JSON (what `/invoices/{id}/lineitems` answers, whole pages or a
//! line for each). Names are compared without regard to case, blanks and punctuation. A line is understood, or rejected
//! with its place, a code and its text; none is lost in silence. Numbers are read from their text, and none passes
//! through a binary float.
//!
//! A table does not say in which culture it was written: that is found out from all of its lines, and asked for where
//! they leave it open.

mod dates;
mod json;
mod numbers;
mod table;

use domain::ids::{BillingMeterId, SubscriptionId};
use domain::money::Currency;
use domain::reconciliation::{Charge, Days, Theirs};
use domain::time::{Day, Period};

pub use self::dates::DateOrder;
pub use self::numbers::DecimalMark;

/// The most lines that are read.
pub const LINE_ITEMS_MAX: usize = 500_000;
/// How much of a rejected line is kept.
const REJECTED_TEXT_CHARS: usize = 4_000;

/// What kind of lines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineItems {
    /// `UsageBasedLineItem`: what a meter cost between two days.
    UsageBased,
    /// `DailyUsageLineItem`: how much of a meter was used on a day, without what it cost.
    DailyUsage,
    /// `DailyRatedUsageLineItem`: what a meter of a resource cost on a day.
    DailyRated,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A table with this between its fields.
    Table {
        /// What separates fields.
        separator: char,
    },
    /// JSON.
    Json,
}

/// What somebody says of a file that it need not prove then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choices {
    /// The order of day and month in dates that begin with neither a year.
    pub date_order: Option<DateOrder>,
    /// What stands before the decimal places.
    pub decimal_mark: Option<DecimalMark>,
}

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// The line of a table in which it begins; the number of the item in JSON. Both from 1.
    pub line: usize,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// The line as it stands there, if it is not too long.
    pub text: String,
}

/// What was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    /// What kind of lines there are.
    pub kind: LineItems,
    /// How they are written.
    pub written: Written,
    /// The order of day and month, where dates have one that has to be known.
    pub date_order: Option<DateOrder>,
    /// What stands before decimal places.
    pub decimal_mark: DecimalMark,
    /// The line with the names of a table's columns, as it stands there.
    pub header: Option<String>,
    /// The lines that were understood.
    pub lines: Vec<Theirs>,
    /// Those that were not, in order.
    pub rejected: Vec<RejectedLine>,
}

/// A file of which nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableLineItems(String);

impl UnreadableLineItems {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A field that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Entitlement,
    Subscription,
    Meter,
    UsageDate,
    From,
    To,
    Quantity,
    Amount,
    Currency,
    PricingAmount,
    PricingCurrency,
}

const FIELDS: usize = 11;

/// The fields by the names of Partner Center, in lower case without anything but letters and digits.
const NAMES: [(&str, Field); 14] = [
    ("entitlementid", Field::Entitlement),
    ("subscriptionid", Field::Subscription),
    ("resourceguid", Field::Meter),
    ("meterid", Field::Meter),
    ("usagedate", Field::UsageDate),
    ("chargestartdate", Field::From),
    ("chargeenddate", Field::To),
    ("consumedquantity", Field::Quantity),
    ("quantity", Field::Quantity),
    ("pretaxcharges", Field::Amount),
    ("billingpretaxtotal", Field::Amount),
    ("currency", Field::Currency),
    ("billingcurrency", Field::Currency),
    ("pricingpretaxtotal", Field::PricingAmount),
];
const PRICING_CURRENCY: &str = "pricingcurrency";

fn field_named(name: &str) -> Option<Field> {
    let name: String = name
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if name == PRICING_CURRENCY {
        return Some(Field::PricingCurrency);
    }
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, field)| *field)
}

/// Which of the fields are there.
#[derive(Debug, Clone, Copy, Default)]
struct Present([bool; FIELDS]);

impl Present {
    fn add(&mut self, field: Field) {
        self.0[field as usize] = true;
    }

    const fn has(&self, field: Field) -> bool {
        self.0[field as usize]
    }

    /// What kind of lines have these fields.
    fn kind(&self) -> Result<LineItems, UnreadableLineItems> {
        let missing = |what: &str| {
            UnreadableLineItems::new(format!(
                "expected Partner Center's usage-based line items, daily usage or daily rated usage: there is no {what}"
            ))
        };
        let is_named = self.has(Field::Subscription) || self.has(Field::Entitlement);
        if !is_named {
            return Err(missing("subscriptionId or entitlementId"));
        }
        if !self.has(Field::Meter) {
            return Err(missing("resourceGuid or meterId"));
        }
        if !self.has(Field::Quantity) {
            return Err(missing("consumedQuantity or quantity"));
        }
        let is_priced = self.has(Field::Amount) || self.has(Field::PricingAmount);
        match (self.has(Field::UsageDate), is_priced) {
            (true, true) => Ok(LineItems::DailyRated),
            (true, false) => Ok(LineItems::DailyUsage),
            (false, true) if self.has(Field::From) => Ok(LineItems::UsageBased),
            (false, true) => Err(missing("usageDate or chargeStartDate")),
            (false, false) => Err(missing("usageDate, and no pretaxCharges or billingPreTaxTotal")),
        }
    }
}

/// The fields of a line as they stand there; empty ones for those that are not.
#[derive(Debug, Clone, Default)]
struct Row {
    line: usize,
    fields: [String; FIELDS],
    /// The whole line.
    text: String,
}

impl Row {
    fn get(&self, field: Field) -> &str {
        self.fields[field as usize].trim()
    }
}

/// What a file holds, before anything of it is understood.
struct Rows {
    written: Written,
    header: Option<String>,
    present: Present,
    rows: Vec<Row>,
    rejected: Vec<RejectedLine>,
}

/// Reads what Partner Center billed for a month.
///
/// # Errors
/// [`UnreadableLineItems`] if it is something else, if it does not say how its dates and numbers are to be read, or
/// if it
/// has more than [`LINE_ITEMS_MAX`] lines.
pub fn read(text: &str, period: Period, choices: Choices) -> Result<Understood, UnreadableLineItems> {
    let text = text.trim_start_matches('\u{feff}');
    let is_json = text.trim_start().starts_with(['{', '[']);
    let Rows {
        written,
        header,
        present,
        rows,
        mut rejected,
    } = if is_json {
        json::rows(text)?
    } else {
        table::rows(text)?
    };
    let kind = present.kind()?;
    let numbers = rows
        .iter()
        .flat_map(|row| [Field::Quantity, Field::Amount, Field::PricingAmount].map(|field| row.get(field)));
    let mark = match choices.decimal_mark {
        Some(DecimalMark::Comma) if is_json => {
            return Err(UnreadableLineItems::new(
                "numbers in JSON have a point: expected no decimalMark, or `point`",
            ));
        }
        Some(mark) => Some(mark),
        None if is_json => Some(DecimalMark::Point),
        None => numbers::conclusion(numbers)?,
    };
    let dates = rows
        .iter()
        .flat_map(|row| [Field::UsageDate, Field::From, Field::To].map(|field| row.get(field)));
    let order = dates::conclusion(dates, period, choices.date_order)?;
    let reading = Reading {
        kind,
        mark,
        order,
        month: Days::of(period),
    };
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        match reading.line(row) {
            Ok(line) => lines.push(line),
            Err((code, message)) => rejected.push(rejected_line(row.line, code, message, &row.text)),
        }
    }
    rejected.sort_by_key(|it| it.line);
    Ok(Understood {
        kind,
        written,
        date_order: order,
        decimal_mark: mark.unwrap_or(DecimalMark::Point),
        header,
        lines,
        rejected,
    })
}

fn rejected_line(line: usize, code: &'static str, message: String, text: &str) -> RejectedLine {
    let text = text.chars().take(REJECTED_TEXT_CHARS).collect();
    RejectedLine {
        line,
        code,
        message,
        text,
    }
}

fn few_enough(lines: usize) -> Result<(), UnreadableLineItems> {
    if lines > LINE_ITEMS_MAX {
        return Err(UnreadableLineItems::new(format!(
            "expected at most {LINE_ITEMS_MAX} lines; divide the file, and add up what comes of its parts"
        )));
    }
    Ok(())
}

type Rejected = (&'static str, String);

/// How lines are read.
struct Reading {
    kind: LineItems,
    mark: Option<DecimalMark>,
    order: Option<DateOrder>,
    month: Days,
}

impl Reading {
    fn line(&self, row: &Row) -> Result<Theirs, Rejected> {
        let entitlement = row.get(Field::Entitlement);
        let (name, subscription) = if entitlement.is_empty() {
            ("subscriptionId", row.get(Field::Subscription))
        } else {
            ("entitlementId", entitlement)
        };
        let subscription: SubscriptionId = subscription
            .parse()
            .map_err(|error| ("InvalidSubscriptionId", said(name, error, subscription)))?;
        let meter = row.get(Field::Meter);
        let meter: BillingMeterId = meter
            .parse()
            .map_err(|error| ("InvalidMeterId", said("meter", error, meter)))?;
        Ok(Theirs {
            subscription,
            meter,
            days: self.days(row)?,
            quantity: self.number("quantity", row.get(Field::Quantity))?,
            charge: self.charge(row)?,
        })
    }

    fn number(&self, name: &str, text: &str) -> Result<domain::quantity::Rational, Rejected> {
        numbers::read(text, self.mark).map_err(|error| ("InvalidNumber", said(name, error, text)))
    }

    fn day(&self, name: &str, text: &str) -> Result<Day, Rejected> {
        dates::read(text, self.order).ok_or_else(|| {
            let expected = "expected a date such as 2026-10-31";
            ("InvalidDate", said(name, expected, text))
        })
    }

    fn days(&self, row: &Row) -> Result<Days, Rejected> {
        if self.kind != LineItems::UsageBased {
            return Ok(Days::one(self.day("usageDate", row.get(Field::UsageDate))?));
        }
        let first = self.day("chargeStartDate", row.get(Field::From))?;
        let to = row.get(Field::To);
        if to.is_empty() {
            return Ok(Days::one(first));
        }
        let mut last = self.day("chargeEndDate", to)?;
        // The day after the month is where charges end that are written as an interval without its end.
        if last.epoch_days() == self.month.last.epoch_days() + 1 && first <= self.month.last {
            last = self.month.last;
        }
        Days::new(first, last).ok_or_else(|| {
            let message = format!(
                "chargeEndDate: expected {first} or a later day; got '{}'",
                shortened(to)
            );
            ("InvalidDate", message)
        })
    }

    fn charge(&self, row: &Row) -> Result<Option<Charge>, Rejected> {
        if self.kind == LineItems::DailyUsage {
            return Ok(None);
        }
        let billed = (row.get(Field::Amount), row.get(Field::Currency));
        let priced = (row.get(Field::PricingAmount), row.get(Field::PricingCurrency));
        let (amount, currency) = if billed.0.is_empty() { priced } else { billed };
        let amount = self.number("amount", amount)?;
        let known: Currency = currency
            .to_ascii_uppercase()
            .parse()
            .map_err(|error| ("InvalidCurrency", said("currency", error, currency)))?;
        Ok(Some(Charge {
            currency: known,
            amount,
        }))
    }
}

fn said(name: &str, expected: impl std::fmt::Display, got: &str) -> String {
    format!("{name}: {expected}; got '{}'", shortened(got))
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;

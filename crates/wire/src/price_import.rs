//! Prices as others write them: Azure's rate card, Partner Center's, and tables of comma-separated values.
//!
//! Nothing is lost in silence: each row is understood, or rejected with its place and a code. Numbers are read from their
//! text; none passes through a binary float.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::catalog::{Price, Prices, Tier};
use domain::ids::BillingMeterId;
use domain::quantity::Quantity;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most rows that are read.
pub const IMPORTED_ROWS_MAX: usize = 100_000;

/// The columns of a table, in any order; the first two and the last have to be there.
pub const COLUMNS: [&str; 4] = ["meterId", "from", "includedQuantity", "unitPrice"];

/// How prices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// What `Microsoft.Commerce/RateCard` answers.
    RateCard,
    /// What Partner Center's `ratecards/azure-shared` and `ratecards/azure` answer.
    PartnerCenter,
    /// Comma-separated values with a line of [`COLUMNS`] first: a line for each step of a price.
    Csv,
}

impl std::str::FromStr for ImportFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rateCard" => Ok(Self::RateCard),
            "partnerCenter" => Ok(Self::PartnerCenter),
            "csv" => Ok(Self::Csv),
            _ => Err("expected rateCard, partnerCenter or csv"),
        }
    }
}

/// A row that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// The line of a table, counted from 1; the number of the meter in a rate card, counted from 1.
    pub row: usize,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// What was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The currency, where the document names it.
    pub currency: Option<String>,
    /// The prices, of whatever meters they are.
    pub prices: Prices,
    /// The names of the meters, where the document has them.
    pub names: BTreeMap<BillingMeterId, String>,
    /// The rows that were not understood, in order.
    pub rejected: Vec<RejectedRow>,
}

/// A document of which nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableImport(String);

/// A rate card of either kind. Names of members differ in case and in words.
#[derive(Deserialize)]
struct RateCard<'a> {
    #[serde(borrow, alias = "Meters")]
    meters: Vec<&'a RawValue>,
    #[serde(default, alias = "Currency")]
    currency: Option<String>,
}

#[derive(Deserialize)]
struct CardMeter<'a> {
    #[serde(alias = "MeterId", borrow)]
    id: Cow<'a, str>,
    #[serde(default, alias = "MeterName", borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(alias = "MeterRates", borrow)]
    rates: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(default, alias = "IncludedQuantity", rename = "includedQuantity", borrow)]
    included: Option<&'a RawValue>,
}

/// Reads prices.
///
/// # Errors
/// [`UnreadableImport`] if it is no document of this form, or one of more than [`IMPORTED_ROWS_MAX`] rows.
pub fn read(format: ImportFormat, text: &str) -> Result<Imported, UnreadableImport> {
    match format {
        ImportFormat::RateCard | ImportFormat::PartnerCenter => rate_card(text),
        ImportFormat::Csv => table(text),
    }
}

fn rate_card(text: &str) -> Result<Imported, UnreadableImport> {
    let card: RateCard<'_> = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| UnreadableImport(format!("expected a rate card with its meters: {error}")))?;
    few_enough(card.meters.len())?;
    let mut imported = Imported {
        currency: card.currency,
        ..Imported::default()
    };
    for (index, meter) in card.meters.into_iter().enumerate() {
        match card_meter(meter) {
            Ok((id, name, price)) => imported.admit(index + 1, id, name, price),
            Err((code, message)) => imported.reject(index + 1, code, message),
        }
    }
    Ok(imported)
}

type Rejected = (&'static str, String);

fn card_meter(meter: &RawValue) -> Result<(BillingMeterId, Option<String>, Price), Rejected> {
    let meter: CardMeter<'_> =
        serde_json::from_str(meter.get()).map_err(|error| ("InvalidMeter", error.to_string()))?;
    let id = meter_id(&meter.id)?;
    let tiers = meter.rates.iter().map(|(from, rate)| tier(from, number(rate)));
    let included = meter
        .included
        .map(|raw| quantity("includedQuantity", number(raw)));
    let price = price(tiers.collect::<Result<_, _>>()?, included.transpose()?)?;
    Ok((id, meter.name.map(Cow::into_owned), price))
}

/// The text of a number, or of a string with one.
fn number(raw: &RawValue) -> &str {
    raw.get().trim_matches('"')
}

fn meter_id(text: &str) -> Result<BillingMeterId, Rejected> {
    text.parse()
        .map_err(|error| ("InvalidMeterId", format!("{error}; got '{}'", shortened(text))))
}

fn quantity(what: &str, text: &str) -> Result<Quantity, Rejected> {
    text.parse().map_err(|error| {
        (
            "InvalidNumber",
            format!("{what}: {error}; got '{}'", shortened(text)),
        )
    })
}

fn tier(from: &str, unit_price: &str) -> Result<Tier, Rejected> {
    let unit = unit_price.parse().map_err(|error| {
        (
            "InvalidNumber",
            format!("unit price: {error}; got '{}'", shortened(unit_price)),
        )
    })?;
    Ok(Tier {
        from: quantity("lower bound", from)?,
        unit_price: unit,
    })
}

fn price(tiers: Vec<Tier>, included: Option<Quantity>) -> Result<Price, Rejected> {
    Price::new(tiers, included.unwrap_or(Quantity::ZERO)).map_err(|error| ("InvalidRates", error.to_string()))
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

fn few_enough(rows: usize) -> Result<(), UnreadableImport> {
    if rows > IMPORTED_ROWS_MAX {
        return Err(UnreadableImport(format!(
            "expected at most {IMPORTED_ROWS_MAX} rows"
        )));
    }
    Ok(())
}

impl Imported {
    fn reject(&mut self, row: usize, code: &'static str, message: String) {
        self.rejected.push(RejectedRow { row, code, message });
    }

    fn admit(&mut self, row: usize, id: BillingMeterId, name: Option<String>, price: Price) {
        if self.prices.contains_key(&id) {
            let message = format!("expected each meter once; {id} is repeated");
            return self.reject(row, "MeterTwice", message);
        }
        self.prices.insert(id, price);
        self.names.extend(name.map(|name| (id, name)));
    }
}

/// A meter of a table, gathered from its lines.
struct Gathered {
    line: usize,
    tiers: Vec<Tier>,
    included: Option<Quantity>,
}

fn table(text: &str) -> Result<Imported, UnreadableImport> {
    let lines = text.trim_start_matches('\u{feff}').lines();
    let mut lines = (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
    let unreadable = || {
        UnreadableImport(format!(
            "expected a first line with the columns {}",
            COLUMNS.join(",")
        ))
    };
    let (_, header) = lines.next().ok_or_else(unreadable)?;
    let header = cells(header).ok_or_else(unreadable)?;
    let column = |name: &str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
    let [meter, from, included, unit_price] = COLUMNS.map(column);
    let (Some(meter), Some(from), Some(unit_price)) = (meter, from, unit_price) else {
        return Err(unreadable());
    };
    let mut imported = Imported::default();
    let mut gathered: BTreeMap<BillingMeterId, Gathered> = BTreeMap::new();
    let mut incomplete: Vec<BillingMeterId> = Vec::new();
    for (count, (line, text)) in lines.enumerate() {
        few_enough(count + 1)?;
        let Some(cells) = cells(text).filter(|cells| cells.len() == header.len()) else {
            let message = format!("expected {} columns", header.len());
            imported.reject(line, "InvalidLine", message);
            continue;
        };
        let id = match meter_id(&cells[meter]) {
            Ok(id) => id,
            Err((code, message)) => {
                imported.reject(line, code, message);
                continue;
            }
        };
        let free = included
            .map(|index| cells[index].as_str())
            .filter(|text| !text.is_empty());
        let free = free.map(|text| quantity("includedQuantity", text)).transpose();
        let row = tier(&cells[from], &cells[unit_price]).and_then(|tier| Ok((tier, free?)));
        match row {
            Ok((tier, free)) => {
                let known = gathered.entry(id).or_insert_with(|| Gathered {
                    line,
                    tiers: Vec::new(),
                    included: free,
                });
                if known.included != free {
                    let message = "expected one included quantity in all lines of a meter".to_owned();
                    imported.reject(line, "TwoIncludedQuantities", message);
                    incomplete.push(id);
                }
                known.tiers.push(tier);
            }
            Err((code, message)) => {
                imported.reject(line, code, message);
                incomplete.push(id);
            }
        }
    }
    for (id, it) in gathered {
        // A price with a step missing would be another price.
        let price = if incomplete.contains(&id) {
            Err((
                "MeterIncomplete",
                format!("another line of meter {id} was rejected"),
            ))
        } else {
            price(it.tiers, it.included)
        };
        match price {
            Ok(price) => imported.admit(it.line, id, None, price),
            Err((code, message)) => imported.reject(it.line, code, message),
        }
    }
    imported.rejected.sort_by_key(|rejected| rejected.row);
    Ok(imported)
}

/// The cells of a line, as RFC 4180 has them but for line breaks inside of quotes; none if a quote does not end.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let (mut quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        let cell = cells.last_mut()?;
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    (!quoted).then(|| cells.into_iter().map(|cell| cell.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests;

//! The lines of a bill and their sum.

use wire::api::{Line, PriceSource, Statement};

use super::{is_zero, shortened, stretch};
use crate::figures::{aligned, grouped};
use crate::table::{Table, left, right};

/// A row of the bill, before its figures are aligned with those of the others.
#[derive(Default)]
pub(crate) struct Row {
    /// Its place on a bill that counts its lines.
    pub(crate) number: String,
    /// The meter, or what it is otherwise.
    pub(crate) what: String,
    /// How much, as it is shown.
    pub(crate) quantity: String,
    /// Of what.
    pub(crate) unit: String,
    /// What one costs.
    pub(crate) price: String,
    /// That the price is a sample.
    pub(crate) mark: &'static str,
    /// What it comes to.
    pub(crate) amount: String,
}

impl Row {
    /// Rows as a table. Without a number in any, there is no column of numbers.
    pub(crate) fn table(rows: Vec<Self>, width: Option<u16>) -> String {
        let numbered = rows.iter().any(|row| !row.number.is_empty());
        let quantities = aligned(rows.iter().map(|row| row.quantity.as_str()));
        let prices = aligned(rows.iter().map(|row| row.price.as_str()));
        let amounts = aligned(rows.iter().map(|row| row.amount.as_str()));
        let mut columns = vec![
            left("METER").wraps(),
            right("QUANTITY"),
            left("UNIT"),
            right("PRICE"),
            left(""),
            right("AMOUNT"),
        ];
        if numbered {
            columns.insert(0, right("LINE"));
        }
        let mut table = Table::new(&columns);
        let figures = quantities.into_iter().zip(prices).zip(amounts);
        for (row, ((quantity, price), amount)) in rows.into_iter().zip(figures) {
            let number = numbered.then_some(row.number);
            let cells = [row.what, quantity, row.unit, price, row.mark.to_owned(), amount];
            table.row(number.into_iter().chain(cells));
        }
        table.within(width)
    }
}

pub(super) fn table(statement: &Statement) -> String {
    let lines = statement.lines.iter();
    let mut rows: Vec<Row> = lines.flat_map(|line| rows_of(line, &statement.period)).collect();
    rows.push(Row {
        what: "Total".to_owned(),
        unit: statement.currency.clone(),
        amount: grouped(&statement.total),
        ..Row::default()
    });
    Row::table(rows, None)
}

/// A line; the hours it is about, if it is not about all; the arithmetic of what is included; and the steps of its price.
pub(crate) fn rows_of(line: &Line, period: &str) -> Vec<Row> {
    let sample = line.price_source == Some(PriceSource::Sample);
    let includes = !is_zero(&line.price_included_quantity);
    let price = line.unit_price.clone().unwrap_or_default();
    let mut rows = vec![Row {
        number: String::new(),
        what: line.meter_name.clone(),
        quantity: shortened(&line.quantity, line.quantity_is_exact),
        unit: line.unit.clone(),
        // The price of a part of the quantity stands beside that part.
        price: if includes { String::new() } else { price.clone() },
        mark: if sample { "*" } else { "" },
        amount: grouped(&line.amount),
    }];
    rows.extend(stretch(line, period).map(|stretch| Row {
        what: stretch,
        ..Row::default()
    }));
    let part = |what: String, quantity: &str, is_exact: bool| Row {
        what,
        quantity: shortened(quantity, is_exact),
        unit: line.unit.clone(),
        ..Row::default()
    };
    let before = line.used_before.iter();
    rows.extend(
        before
            .filter(|_| includes || line.tiers.is_some())
            .map(|before| part("  used before it".to_owned(), before, line.used_before_is_exact)),
    );
    if includes {
        rows.push(part(
            "  the price includes".to_owned(),
            &line.price_included_quantity,
            true,
        ));
        rows.push(Row {
            price: "0".to_owned(),
            ..part(
                "  of it included".to_owned(),
                &line.included_quantity,
                line.included_quantity_is_exact,
            )
        });
        rows.push(Row {
            price,
            ..part(
                "  of it charged".to_owned(),
                &line.charged_quantity,
                line.charged_quantity_is_exact,
            )
        });
    }
    let position = line.tier_position.iter();
    rows.extend(position.map(|position| {
        part(
            "  steps begin after".to_owned(),
            position,
            line.tier_position_is_exact,
        )
    }));
    rows.extend(line.tiers.iter().flatten().map(|charge| Row {
        price: charge.tier.unit_price.clone(),
        amount: shortened(&charge.amount, charge.amount_is_exact),
        ..part(
            format!("  of it from {} on", grouped(&charge.tier.from)),
            &charge.quantity,
            charge.quantity_is_exact,
        )
    }));
    rows
}

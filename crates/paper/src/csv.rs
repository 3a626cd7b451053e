//! Comma-separated values, after RFC 4180.

use domain::money::Money;

use crate::shown::{decimal, plain_detail};
use crate::{Item, Kind, Paper, Step};

/// The columns. New ones are only ever added at the end.
const COLUMNS: [&str; 23] = [
    "RowType",
    "DocumentType",
    "DocumentNumber",
    "DocumentDate",
    "Seller",
    "Buyer",
    "BillingPeriod",
    "Currency",
    "ChargeClass",
    "ChargePeriod",
    "LineType",
    "SubscriptionId",
    "SubscriptionName",
    "Item",
    "ItemId",
    "Detail",
    "Quantity",
    "Unit",
    "IncludedQuantity",
    "UnitPrices",
    "BilledSoFar",
    "Cause",
    "Amount",
];

/// A cell.
enum Cell<'a> {
    /// What somebody wrote: no spreadsheet may take it for a formula.
    Text(&'a str),
    /// The same, put together from it.
    Own(String),
    /// What this program wrote: numbers, times, and its own words.
    Plain(String),
    Nothing,
}

impl Cell<'_> {
    fn write(&self, row: &mut String) {
        let text = match self {
            Cell::Nothing => return,
            Cell::Plain(text) => text.clone(),
            Cell::Text(text) => harmless(text),
            Cell::Own(text) => harmless(text),
        };
        if text.contains(['"', ',', '\n', '\r', ';']) || text.starts_with(' ') || text.ends_with(' ') {
            row.push('"');
            row.push_str(&text.replace('"', "\"\""));
            row.push('"');
        } else {
            row.push_str(&text);
        }
    }
}

/// A text that spreadsheets show and do not compute: one that begins as a formula does gets an apostrophe before it.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

pub(crate) fn render(paper: &Paper) -> String {
    let mut table = COLUMNS.join(",");
    table.push_str("\r\n");
    for line in &paper.lines {
        let prices = line.steps.iter().map(price);
        let prices: Vec<String> = prices.collect();
        row(&mut table, paper, "Line", |column| match column {
            "ChargeClass" => Cell::Nothing,
            "ChargePeriod" => Cell::Plain(paper.period.to_string()),
            "Quantity" => line
                .quantity
                .as_ref()
                .map_or(Cell::Nothing, |it| Cell::Plain(decimal(it))),
            "Unit" => Cell::Text(&line.unit),
            "IncludedQuantity" => line
                .included
                .as_ref()
                .map_or(Cell::Nothing, |it| Cell::Plain(decimal(it))),
            "UnitPrices" => Cell::Plain(prices.join(" + ")),
            "Amount" => money(line.amount),
            _ => of_item(paper, &line.item, column),
        });
    }
    for correction in &paper.corrections {
        row(&mut table, paper, "Correction", |column| match column {
            "ChargeClass" => Cell::Plain("Correction".to_owned()),
            "ChargePeriod" => Cell::Plain(correction.period.to_string()),
            "BilledSoFar" => money(correction.billed),
            "Cause" => Cell::Plain(correction.cause.to_string()),
            "Amount" => money(correction.amount),
            _ => of_item(paper, &correction.item, column),
        });
    }
    for (name, amount) in [
        ("Subtotal", paper.subtotal),
        ("Tax", paper.tax),
        ("Total", paper.total),
    ] {
        row(&mut table, paper, name, |column| match column {
            "Amount" => money(amount),
            _ => Cell::Nothing,
        });
    }
    table
}

/// Writes a row: what is the same in all of them, and the rest as `cell` says.
fn row<'a>(table: &mut String, paper: &'a Paper, kind: &str, cell: impl Fn(&str) -> Cell<'a>) {
    for (place, column) in COLUMNS.into_iter().enumerate() {
        if place > 0 {
            table.push(',');
        }
        let of_paper = match column {
            "RowType" => Cell::Plain(kind.to_owned()),
            "DocumentType" => Cell::Plain(document_type(paper.kind).to_owned()),
            "DocumentNumber" => Cell::Text(paper.number.as_deref().unwrap_or_default()),
            "DocumentDate" => Cell::Plain(paper.dated.to_string()),
            "Seller" => Cell::Text(&paper.seller.name),
            "Buyer" => Cell::Text(&paper.buyer.name),
            "BillingPeriod" => Cell::Plain(paper.period.to_string()),
            "Currency" => Cell::Plain(paper.currency.to_string()),
            _ => cell(column),
        };
        of_paper.write(table);
    }
    table.push_str("\r\n");
}

fn of_item<'a>(paper: &'a Paper, item: &'a Item, column: &str) -> Cell<'a> {
    match column {
        "LineType" => Cell::Plain(item.kind.as_str().to_owned()),
        "SubscriptionId" => item
            .subscription
            .map_or(Cell::Nothing, |id| Cell::Plain(id.to_string())),
        "SubscriptionName" => paper.subscription_name(item).map_or(Cell::Nothing, Cell::Text),
        "Item" => Cell::Text(&item.name),
        "ItemId" => item.of.as_deref().map_or(Cell::Nothing, Cell::Text),
        "Detail" => Cell::Own(plain_detail(item)),
        _ => Cell::Nothing,
    }
}

/// `quantity x price`.
fn price(step: &Step) -> String {
    format!("{} x {}", decimal(&step.quantity), decimal(&step.unit_price))
}

fn money<'a>(amount: Money) -> Cell<'a> {
    Cell::Plain(amount.to_string())
}

const fn document_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => "Invoice",
        Kind::CreditNote => "CreditNote",
        Kind::RunningStatement => "RunningStatement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
        let (mut quoted, mut chars) = (false, text.chars().peekable());
        while let Some(char) = chars.next() {
            match (char, quoted) {
                ('"', true) if chars.peek() == Some(&'"') => cell.extend(chars.next()),
                ('"', _) => quoted = !quoted,
                (',', false) => row.push(std::mem::take(&mut cell)),
                ('\r', false) => {
                    assert_eq!(chars.next(), Some('\n'));
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                (char, _) => cell.push(char),
            }
        }
        assert!(row.is_empty() && cell.is_empty(), "the last line ends, too");
        rows
    }

    fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
        let place = COLUMNS.iter().position(|it| *it == name).unwrap();
        rows[1..].iter().map(|row| row[place].clone()).collect()
    }

    #[test]
    fn every_row_has_every_column_and_the_amounts_sum_to_the_total() {
        let paper = sample::invoice();
        let rows = rows(&paper.csv());
        assert_eq!(rows[0], COLUMNS);
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        let (kinds, amounts) = (column(&rows, "RowType"), column(&rows, "Amount"));
        let cents = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
        let of_rows = kinds
            .iter()
            .zip(&amounts)
            .filter(|(kind, _)| *kind == "Line" || *kind == "Correction");
        let sum: i128 = of_rows.map(|(_, amount)| cents(amount)).sum();
        assert_eq!(sum, paper.total.minor_units());
        assert_eq!(amounts.last().unwrap(), &paper.total.to_string());
        let causes = column(&rows, "Cause");
        assert!(causes.contains(&"LateUsage".to_owned()));
    }

    #[test]
    fn a_name_that_is_a_formula_is_not_computed_by_the_spreadsheet_of_the_finance_department() {
        for hostile in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "=cmd|' /C calc'!A0",
        ] {
            let mut paper = sample::invoice();
            paper.buyer.name = hostile.to_owned();
            paper.lines[0].item.name = format!("{hostile},\"x\"\n");
            let rows = rows(&paper.csv());
            let (buyers, items) = (column(&rows, "Buyer"), column(&rows, "Item"));
            assert_eq!(buyers[0], format!("'{hostile}"), "{hostile:?}");
            assert_eq!(items[0], format!("'{hostile},\"x\"\n"), "{hostile:?}");
        }
        let paper = sample::credit_note();
        let amounts = column(&rows(&paper.csv()), "Amount");
        assert_eq!(
            amounts.last().unwrap(),
            &paper.total.to_string(),
            "numbers stay numbers"
        );
        assert!(paper.total.minor_units() < 0);
    }
}

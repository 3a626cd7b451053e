//! A statement as a bill that can be read and checked by hand.

use wire::api::{Line, NotCharged, NotChargedBecause, Reason, Share, Statement, StatementStatus};

use crate::figures::{aligned, grouped};
use crate::printer::Style;
use crate::table::{Table, left, right};

/// Why a payer pays, in words.
pub(crate) const fn reason_in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::TenantMapping => "tenant mapping",
        Reason::TenantNotMapped => "default: tenant not mapped",
        Reason::LocalSubscriptionUnknown => "default: local subscription unknown",
        Reason::Unregistered => "stack not registered",
        Reason::Several => "several, see below",
    }
}

const fn because_in_words(because: NotChargedBecause) -> &'static str {
    match because {
        NotChargedBecause::Informational => "informational meter",
        NotChargedBecause::UnknownLocalMeter => "meter not in the catalog",
        NotChargedBecause::NoPrice => "no price in the price list",
        NotChargedBecause::Capacity => "paid for by capacity",
    }
}

const fn status_in_words(status: StatementStatus) -> &'static str {
    match status {
        StatementStatus::Open => "open: usage may still come",
    }
}

/// The bill: its lines and their total, who used them, and what was used without being charged.
pub(crate) fn render(statement: &Statement, style: Style) -> String {
    let Statement {
        subscription_id,
        period,
        status,
        price_lists,
        currency,
        total,
        lines,
        not_charged,
    } = statement;
    let mut text = format!(
        "{}\nSubscription  {subscription_id}\nStatus        {}\nPrice list    {}, amounts in {currency}\n",
        style.bold(&format!("Statement for {period}")),
        status_in_words(*status),
        price_lists.join(", then "),
    );
    if lines.is_empty() {
        text.push_str(&format!("\nNothing is charged. Total: {currency} {total}\n"));
    } else {
        text.push_str(&format!("\n{}", bill(statement)));
        text.push_str(&style.subdued("Each line is rounded once; the total is the sum of the lines."));
        text.push('\n');
    }
    if lines
        .iter()
        .any(|line| line.shares.len() > 1 || line.reason != Reason::TenantMapping)
    {
        text.push_str(&format!("\n{}\n\n{}", style.bold("Who used it"), shares(lines)));
    }
    if !not_charged.is_empty() {
        text.push_str(&format!(
            "\n{}\n\n{}",
            style.bold("Used and not charged"),
            not_charged_table(not_charged)
        ));
    }
    text
}

/// A row of the bill, before its figures are aligned with those of the others.
struct Row {
    meter: String,
    quantity: String,
    unit: String,
    price: String,
    amount: String,
    reason: &'static str,
}

fn bill(statement: &Statement) -> String {
    let mut rows: Vec<Row> = statement
        .lines
        .iter()
        .flat_map(|line| rows_of(line, statement))
        .collect();
    rows.push(Row {
        amount: grouped(&statement.total),
        ..empty_row("Total", &statement.currency)
    });
    let quantities = aligned(rows.iter().map(|row| row.quantity.as_str()));
    let prices = aligned(rows.iter().map(|row| row.price.as_str()));
    let amounts = aligned(rows.iter().map(|row| row.amount.as_str()));
    let columns = [
        left("METER"),
        right("QUANTITY"),
        left("UNIT"),
        right("PRICE"),
        right("AMOUNT"),
        left("REASON"),
    ];
    let mut table = Table::new(&columns);
    let figures = quantities.into_iter().zip(prices).zip(amounts);
    for (row, ((quantity, price), amount)) in rows.into_iter().zip(figures) {
        let Row {
            meter, unit, reason, ..
        } = row;
        table.row([meter, quantity, unit, price, amount, reason.to_owned()]);
    }
    table.to_string()
}

fn empty_row(meter: &str, unit: &str) -> Row {
    let (meter, unit) = (meter.to_owned(), unit.to_owned());
    Row {
        meter,
        quantity: String::new(),
        unit,
        price: String::new(),
        amount: String::new(),
        reason: "",
    }
}

/// A line, what of it was included, and the steps of its price.
fn rows_of(line: &Line, statement: &Statement) -> Vec<Row> {
    let mut rows = vec![Row {
        meter: meter_name(line, statement),
        quantity: grouped(&line.quantity),
        unit: line.unit.clone(),
        price: line.unit_price.clone().unwrap_or_default(),
        amount: grouped(&line.amount),
        reason: reason_in_words(line.reason),
    }];
    if !is_zero(&line.included_quantity) {
        let included = grouped(&line.included_quantity);
        rows.push(Row {
            quantity: included,
            price: "0".to_owned(),
            ..empty_row("  of it included", &line.unit)
        });
    }
    rows.extend(line.tiers.iter().flatten().map(|charge| Row {
        quantity: grouped(&charge.quantity),
        price: charge.tier.unit_price.clone(),
        ..empty_row(
            &format!("  of it from {} on", grouped(&charge.tier.from)),
            &line.unit,
        )
    }));
    rows
}

/// The meter, and from when its price is this one if that is not from the start of the period on.
fn meter_name(line: &Line, statement: &Statement) -> String {
    let start = format!("{}-01T00:00:00Z", statement.period);
    match line.price_since.as_deref() {
        Some(since) if since == start => line.meter_name.clone(),
        Some(since) => format!(
            "{}, from {} on",
            line.meter_name,
            since.trim_end_matches(":00Z").replace('T', " ")
        ),
        None => format!("{}, development", line.meter_name),
    }
}

fn is_zero(decimal: &str) -> bool {
    decimal.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

fn shares(lines: &[Line]) -> String {
    let all: Vec<(&Line, &Share)> = lines
        .iter()
        .flat_map(|line| line.shares.iter().map(move |share| (line, share)))
        .collect();
    let quantities: Vec<String> = all.iter().map(|(_, share)| grouped(&share.quantity)).collect();
    let quantities = aligned(quantities.iter().map(String::as_str));
    let columns = [
        left("METER"),
        left("STACK"),
        left("TENANT"),
        right("QUANTITY"),
        left("UNIT"),
        right("AMOUNT"),
        left("REASON"),
    ];
    let mut table = Table::new(&columns);
    for ((line, share), quantity) in all.into_iter().zip(quantities) {
        table.row([
            line.meter_name.clone(),
            share.cloud_id.clone(),
            share.tenant_id.clone().unwrap_or_else(|| "unknown".to_owned()),
            quantity,
            line.unit.clone(),
            grouped(&share.amount),
            reason_in_words(share.reason).to_owned(),
        ]);
    }
    table.to_string()
}

fn not_charged_table(not_charged: &[NotCharged]) -> String {
    let quantities: Vec<String> = not_charged.iter().map(|used| grouped(&used.quantity)).collect();
    let quantities = aligned(quantities.iter().map(String::as_str));
    let mut table = Table::new(&[
        left("LOCAL METER"),
        right("QUANTITY"),
        left("UNIT"),
        left("BECAUSE"),
    ]);
    for (used, quantity) in not_charged.iter().zip(quantities) {
        table.row([
            used.local_meter_name
                .clone()
                .unwrap_or_else(|| used.local_meter_id.clone()),
            quantity,
            used.unit.clone().unwrap_or_else(|| "-".to_owned()),
            because_in_words(used.because).to_owned(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests;

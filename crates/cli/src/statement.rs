//! A statement as a bill that can be read and checked by hand.

mod bill;
mod measured;
mod shares;

use wire::api::{
    Line, NotCharged, NotChargedBecause, Party, PriceSource, Reason, Statement, StatementStatus,
};

pub(crate) use bill::{Row, rows_of};
pub(crate) use shares::{stack_in_words, tenant_in_words};

use crate::figures::{aligned, grouped};
use crate::printer::Style;
use crate::table::{Table, left, right};

/// The most decimal places of a figure where another table has all of them.
const PLACES_MAX: usize = 6;

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
        NotChargedBecause::Informational => "informational",
        NotChargedBecause::UnknownLocalMeter => "not in the catalog",
        NotChargedBecause::NoPrice => "no price",
        NotChargedBecause::Capacity => "paid by capacity",
    }
}

const fn status_in_words(status: StatementStatus) -> &'static str {
    match status {
        StatementStatus::Open => "open: usage may still come",
    }
}

/// The bill: whether it is invoiced, where that is known, its lines and their total, how their quantities were measured, who used them, and what was used without
/// being charged.
pub(crate) fn render(statement: &Statement, settled: Option<&str>, style: Style) -> String {
    let mut text = head(statement, settled, style);
    let mut section = |title: &str, body: &str| {
        text.push_str(&format!("\n{}\n\n{body}", style.bold(title)));
    };
    if !statement.lines.is_empty() {
        section(
            "What was measured",
            &measured::table(&statement.lines, &statement.period),
        );
        section("Who used it", &shares::tables(statement));
    }
    if !statement.not_charged.is_empty() {
        section("Used and not charged", &not_charged_table(&statement.not_charged));
    }
    text
}

fn head(statement: &Statement, settled: Option<&str>, style: Style) -> String {
    let Statement {
        subscription_id,
        subscription_name,
        subscription_deleted,
        customer,
        owner,
        seller,
        period,
        status,
        price_lists,
        currency,
        total,
        lines,
        not_charged: _,
    } = statement;
    let mut text = format!("{}\n", style.bold(&format!("Statement for {period}")));
    let mut says = |what: &str, value: &str| text.push_str(&format!("{what:<13} {value}\n"));
    let name = |party: &Party| party.name.clone();
    if let Some(subscription_name) = subscription_name {
        says("Subscription", subscription_name);
    }
    says(
        if subscription_name.is_some() {
            ""
        } else {
            "Subscription"
        },
        subscription_id,
    );
    if *subscription_deleted {
        says("", "deleted since");
    }
    if let Some(customer) = customer {
        says("Customer", &customer.name);
    }
    if let Some(owner) = owner {
        says("Partner", &owner.name);
    }
    says(
        "Sold by",
        &seller.as_ref().map_or_else(|| "the platform".to_owned(), name),
    );
    says("Status", settled.unwrap_or_else(|| status_in_words(*status)));
    if price_lists.is_empty() {
        says("Price list", "none for this period: nothing has a price");
    } else {
        let lists = price_lists.join(", then ");
        says("Price list", &format!("{lists}, amounts in {currency}"));
    }
    if lines.is_empty() {
        text.push_str(&format!("\nNothing is charged. Total: {currency} {total}\n"));
        return text;
    }
    text.push_str(&format!("\n{}", bill::table(statement)));
    let notes =
        "Each line is rounded once; the total is the sum of the lines. A figure ending in … has more places.";
    text.push_str(&format!("{}\n", style.subdued(notes)));
    if lines
        .iter()
        .any(|line| line.price_source == Some(PriceSource::Sample))
    {
        let sample =
            "* A sample price, made up for trying out. Publish your own with `meterbridge price-list put`.";
        text.push_str(&format!("{}\n", style.caution(sample)));
    }
    text
}

/// From when the price of a line is this one, if that is not from the start of the period on: what tells it apart from
/// another line of the same meter. Shown in a row of its own.
fn stretch(line: &Line, period: &str) -> Option<String> {
    let start = format!("{period}-01T00:00:00Z");
    match line.price_since.as_deref() {
        Some(since) if since == start => None,
        Some(since) => {
            let since = since.trim_end_matches(":00Z").replace('T', " ");
            Some(format!("  since {since}"))
        }
        None => Some("  development".to_owned()),
    }
}

/// A decimal with its thousands apart, to a few places, and a mark where that is not all of it.
pub(crate) fn shortened(decimal: &str, is_exact: bool) -> String {
    let decimal = grouped(decimal);
    let (whole, fraction) = decimal.split_once('.').unwrap_or((&decimal, ""));
    match fraction.get(..PLACES_MAX) {
        Some(shown) if shown.len() < fraction.len() => format!("{whole}.{shown}…"),
        _ if is_exact => decimal,
        _ => format!("{decimal}…"),
    }
}

fn is_zero(decimal: &str) -> bool {
    decimal.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

pub(crate) fn not_charged_table(not_charged: &[NotCharged]) -> String {
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
mod recomputed;
#[cfg(test)]
mod tests;

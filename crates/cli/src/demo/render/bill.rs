//! A bill as whoever pays it reads it: names instead of ids, and sums that can be added up.
//!
//! `meterbridge statement show` shows all of a statement; this is what it comes to.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use wire::api::{Line, Share, Statement};

use super::wrap::wrapped;
use crate::demo::decimal::{cents, decimal, dollars, to_places};
use crate::demo::scenario::Scenario;
use crate::figures::{aligned, grouped};
use crate::statement::reason_in_words;
use crate::table::{Table, left, right};

/// The places to which quantities are shown here.
const PLACES: u32 = 6;

/// The bill: its lines and how they are priced, and who used it and why that is charged here.
pub(super) fn bill(statement: &Statement, scenario: &Scenario) -> String {
    let lists = statement.price_lists.join(", then ");
    if statement.lines.is_empty() {
        return wrapped(&format!("Nothing is charged. Price lists: {lists}."), 2);
    }
    let mut text = wrapped(&format!("Price lists: {lists}."), 2);
    text.push_str(&format!("\n{}\n{}", lines(statement), users(statement, scenario)));
    text.push_str(&not_charged(statement));
    text
}

fn not_charged(statement: &Statement) -> String {
    let (known, unknown): (Vec<_>, Vec<_>) = statement
        .not_charged
        .iter()
        .partition(|used| used.local_meter_name.is_some());
    let known: Vec<&str> = known
        .iter()
        .filter_map(|used| used.local_meter_name.as_deref())
        .collect();
    let unknown: Vec<&str> = unknown.iter().map(|used| used.local_meter_id.as_str()).collect();
    let mut text = String::new();
    for (what, meters) in [
        ("Measured and not charged", known),
        ("Measured, not in the catalog and so not charged", unknown),
    ] {
        if !meters.is_empty() {
            text.push_str(&wrapped(&format!("{what}: {}.", meters.join(", ")), 2));
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

/// A row of the bill: what, how much, in which unit, at which price, and what it costs.
type Row = [String; 5];

fn lines(statement: &Statement) -> String {
    let mut rows: Vec<Row> = statement
        .lines
        .iter()
        .flat_map(|line| rows(line, statement))
        .collect();
    let total = grouped(&statement.total);
    rows.push(["Total", "", "", "", &total].map(str::to_owned));
    let [quantities, prices] =
        [1, 3].map(|column: usize| aligned(rows.iter().map(|row| row[column].as_str())));
    let mut table = Table::new(&[
        left("METER"),
        right("QUANTITY"),
        left("UNIT"),
        right("PRICE"),
        right("AMOUNT"),
    ]);
    for (([meter, _, unit, _, amount], quantity), price) in rows.into_iter().zip(quantities).zip(prices) {
        table.row([meter, quantity, unit, price, amount]);
    }
    table.to_string()
}

/// A line, what of it was included, and the steps of its price.
fn rows(line: &Line, statement: &Statement) -> Vec<Row> {
    let part = |what: String, quantity: &str, price: &str| {
        [
            what,
            rounded(quantity),
            String::new(),
            price.to_owned(),
            String::new(),
        ]
    };
    let mut rows = vec![[
        line.meter_name.clone(),
        rounded(&line.quantity),
        line.unit.clone(),
        line.unit_price.clone().unwrap_or_default(),
        grouped(&line.amount),
    ]];
    let start = format!("{}-01T00:00:00Z", statement.period);
    let since = line.price_since.as_deref().filter(|since| *since != start);
    // The month is known: its day and hour say enough.
    if let Some(since) = since.and_then(|since| since.get(5..16)) {
        let what = format!("  since {}", since.replace('T', " "));
        rows.push([&*what, "", "", "", ""].map(str::to_owned));
    }
    if decimal(&line.included_quantity).is_some_and(|included| included > num_traits::zero()) {
        rows.push(part("  included".to_owned(), &line.included_quantity, "0"));
    }
    let steps = line.tiers.iter().flatten();
    rows.extend(steps.map(|step| {
        let what = format!("  from {} on", grouped(&step.tier.from));
        part(what, &step.quantity, &step.tier.unit_price)
    }));
    rows
}

/// Who used it, by tenant, stack and reason, and what that costs over all lines.
fn users(statement: &Statement, scenario: &Scenario) -> String {
    let mut amounts: BTreeMap<_, BigInt> = BTreeMap::new();
    for share in statement.lines.iter().flat_map(|line| &line.shares) {
        let user = (&share.cloud_id, &share.tenant_id, share.reason);
        *amounts.entry(user).or_default() += cents(&share.amount).unwrap_or_default();
    }
    let mut table = Table::new(&[
        left("USED BY"),
        left("ON"),
        left("CHARGED HERE BY"),
        right("AMOUNT"),
    ]);
    for ((cloud_id, tenant_id, reason), amount) in amounts {
        table.row([
            tenant(tenant_id.as_deref(), scenario),
            stack(cloud_id, scenario),
            reason_in_words(reason).to_owned(),
            dollars(&amount),
        ]);
    }
    table.row(["Total", "", "", &grouped(&statement.total)]);
    table.to_string()
}

fn rounded(quantity: &str) -> String {
    let places = decimal(quantity).map(|quantity| to_places(&quantity, PLACES));
    grouped(&places.unwrap_or_else(|| quantity.to_owned()))
}

/// What some of the shares of a statement cost together, in cents.
pub(super) fn sum(statement: &Statement, of: impl Fn(&Share) -> bool) -> BigInt {
    let shares = statement.lines.iter().flat_map(|line| &line.shares);
    shares
        .filter(|share| of(share))
        .filter_map(|share| cents(&share.amount))
        .sum()
}

/// The customer that a subscription is sold to, and the seller. A partner's own is sold to it by the platform.
pub(super) fn buyer_and_seller(statement: &Statement, scenario: &Scenario) -> (String, String) {
    let id = statement.subscription_id.parse();
    let Some(subscription) = id.ok().and_then(|id| scenario.subscription(id)) else {
        return Default::default();
    };
    let partner = subscription
        .owner
        .map_or("", |owner| scenario.partner_name(owner));
    let (buyer, seller) = match subscription.customer {
        Some(customer) => (scenario.customer_name(customer), partner),
        None => (partner, "the platform"),
    };
    (buyer.to_owned(), seller.to_owned())
}

/// A subscription's name.
pub(super) fn payer(id: &str, scenario: &Scenario) -> String {
    let known = id.parse().ok().and_then(|id| scenario.subscription(id));
    known.map_or_else(|| id.to_owned(), |subscription| subscription.name.clone())
}

/// A stack's name.
pub(super) fn stack(id: &str, scenario: &Scenario) -> String {
    id.parse()
        .map_or_else(|_| id.to_owned(), |id| scenario.stack_name(id).to_owned())
}

/// A directory tenant's name, if it is known which one it is.
pub(super) fn tenant(id: Option<&str>, scenario: &Scenario) -> String {
    let known = id.map(|id| {
        id.parse()
            .map_or_else(|_| id.to_owned(), |id| scenario.tenant_name(id).to_owned())
    });
    known.unwrap_or_else(|| "-".to_owned())
}

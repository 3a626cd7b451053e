//! The report as people read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wire::api::{Reason, Statement, UnmappedUsage};

use super::operator::kind_text;
use super::report::{Report, Speed};
use super::scenario::Scenario;
use crate::figures::{count, grouped};
use crate::printer::Style;
use crate::statement::{reason_in_words, render as render_statement};
use crate::table::{Table, left, right};

/// Differences that are shown of one check.
const DIFFERENCES_SHOWN_MAX: usize = 5;
const MEBIBYTE: u64 = 1024 * 1024;

/// The whole report.
pub(super) fn text(report: &Report, scenario: &Scenario, style: Style) -> String {
    let mut text = String::new();
    let mut section = |title: &str, body: &str| {
        let _ = write!(text, "{}\n\n{body}\n", style.bold(title));
    };
    section("Stacks", &stacks(report));
    section("What was done", &events(report));
    section("Who is who", &names(scenario));
    for statement in &report.statements {
        section(
            &title(statement, scenario),
            &render_statement(&with_names(statement, scenario), style),
        );
    }
    section("Statements", &totals(report, scenario));
    section("What no tenant mapping claims", &unclaimed(report, scenario));
    section("Records", &records(report));
    section("Checks", &checks(report, style));
    section("Speed", &speed(&report.speed));
    text
}

fn stacks(report: &Report) -> String {
    let columns = [
        left("STACK"),
        left("OPERATED BY"),
        left("REGISTERED WITH"),
        left("AT"),
        left("REGISTRATION"),
    ];
    let mut table = Table::new(&columns);
    for stack in &report.stacks {
        let cells = [
            &stack.stack,
            &stack.operated_by,
            &kind_text(stack.chosen),
            &stack.at,
            &stack.registration,
        ];
        table.row(cells.map(String::clone));
    }
    let reasons = report.stacks.iter().map(|stack| {
        format!(
            "{}: {} is advised, because {}.\n",
            stack.stack,
            kind_text(stack.advised),
            stack.because
        )
    });
    format!("{table}\n{}", reasons.collect::<String>())
}

fn events(report: &Report) -> String {
    let mut table = Table::new(&[left("WHEN"), left("WHAT")]);
    for event in &report.events {
        table.row([event.at.clone(), event.what.clone()]);
    }
    table.to_string()
}

fn names(scenario: &Scenario) -> String {
    let mut table = Table::new(&[left("NAME"), left("WHAT"), left("ID")]);
    for stack in &scenario.stacks {
        table.row([
            stack.name.to_owned(),
            "stack".to_owned(),
            stack.cloud_id.to_string(),
        ]);
    }
    let tenants: BTreeMap<_, _> = scenario
        .stacks
        .iter()
        .flat_map(|stack| stack.tenants)
        .map(|guest| (scenario.tenant_name(guest.tenant), guest.tenant))
        .collect();
    for (name, tenant) in tenants {
        table.row([name.to_owned(), "directory tenant".to_owned(), tenant.to_string()]);
    }
    for subscription in &scenario.subscriptions {
        let what = format!("{} subscription", subscription.kind);
        table.row([subscription.name.clone(), what, subscription.id.to_string()]);
    }
    table.to_string()
}

fn payer(id: &str, scenario: &Scenario) -> String {
    let known = id.parse().ok().and_then(|id| scenario.subscription(id));
    known.map_or_else(|| id.to_owned(), |subscription| subscription.name.clone())
}

fn stack(id: &str, scenario: &Scenario) -> String {
    id.parse()
        .map_or_else(|_| id.to_owned(), |id| scenario.stack_name(id).to_owned())
}

fn tenant(id: &str, scenario: &Scenario) -> String {
    id.parse()
        .map_or_else(|_| id.to_owned(), |id| scenario.tenant_name(id).to_owned())
}

fn title(statement: &Statement, scenario: &Scenario) -> String {
    format!("———— {} ————", payer(&statement.subscription_id, scenario))
}

/// The statement as somebody reads it who knows the stacks and tenants by name.
fn with_names(statement: &Statement, scenario: &Scenario) -> Statement {
    let mut named = statement.clone();
    for share in named.lines.iter_mut().flat_map(|line| &mut line.shares) {
        share.cloud_id = stack(&share.cloud_id, scenario);
        share.tenant_id = share.tenant_id.as_deref().map(|id| tenant(id, scenario));
    }
    named
}

fn totals(report: &Report, scenario: &Scenario) -> String {
    let mut table = Table::new(&[
        left("SUBSCRIPTION"),
        right("LINES"),
        right("TOTAL"),
        left("CURRENCY"),
    ]);
    for statement in &report.statements {
        table.row([
            payer(&statement.subscription_id, scenario),
            statement.lines.len().to_string(),
            grouped(&statement.total),
            statement.currency.clone(),
        ]);
    }
    table.to_string()
}

/// What is known of usage of one tenant of one stack that one subscription pays for, for one reason.
#[derive(Default)]
struct Group {
    local_subscriptions: std::collections::BTreeSet<String>,
    records: u64,
    from: Option<String>,
    age_hours: i64,
}

fn unclaimed(report: &Report, scenario: &Scenario) -> String {
    let key = |usage: &UnmappedUsage| {
        (
            usage.cloud_id.clone(),
            usage.tenant_id.clone(),
            usage.reason,
            usage.charged_to.clone(),
        )
    };
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for usage in &report.unmapped {
        let group = groups.entry(key(usage)).or_default();
        group
            .local_subscriptions
            .insert(usage.local_subscription_id.clone());
        group.records += usage.records;
        group.age_hours = group.age_hours.max(usage.age_hours);
        if group.from.as_ref().is_none_or(|from| usage.from < *from) {
            group.from = Some(usage.from.clone());
        }
    }
    let columns = [
        left("STACK"),
        left("TENANT"),
        left("WHY"),
        left("PAYS FOR NOW"),
        right("SUBSCRIPTIONS"),
        right("RECORDS"),
        left("SINCE"),
        right("AGE IN DAYS"),
        right("AMOUNT"),
    ];
    let mut table = Table::new(&columns);
    for ((cloud_id, tenant_id, reason, charged_to), group) in groups {
        let amount = charged_to.as_deref().map_or_else(String::new, |payer| {
            amount(report, payer, &cloud_id, tenant_id.as_deref(), reason)
        });
        table.row([
            stack(&cloud_id, scenario),
            tenant_id
                .as_deref()
                .map_or_else(|| "-".to_owned(), |id| tenant(id, scenario)),
            reason_in_words(reason).to_owned(),
            charged_to
                .as_deref()
                .map_or_else(|| "nobody".to_owned(), |id| payer(id, scenario)),
            group.local_subscriptions.len().to_string(),
            count(group.records),
            group.from.unwrap_or_default(),
            (group.age_hours / 24).to_string(),
            amount,
        ]);
    }
    table.to_string()
}

/// What a payer's statement charges for a tenant of a stack, for one reason.
fn amount(report: &Report, payer: &str, cloud_id: &str, tenant_id: Option<&str>, reason: Reason) -> String {
    let statement = report
        .statements
        .iter()
        .find(|statement| statement.subscription_id == payer);
    let shares = statement
        .into_iter()
        .flat_map(|statement| &statement.lines)
        .flat_map(|line| &line.shares);
    let of_it = shares.filter(|share| {
        share.cloud_id == cloud_id && share.tenant_id.as_deref() == tenant_id && share.reason == reason
    });
    // Dollars and cents: two places, always.
    let cents = of_it
        .filter_map(|share| share.amount.replace('.', "").parse::<i64>().ok())
        .sum::<i64>();
    grouped(&format!("{}.{:02}", cents / 100, cents % 100))
}

fn records(report: &Report) -> String {
    let records = &report.records;
    let counts = records.counts;
    let mut table = Table::new(&[left("RECORDS"), right("NUMBER"), left("")]);
    let late = format!("of them {} late", count(records.late));
    for (what, number, more) in [
        ("received", counts.received, ""),
        ("counted", counts.counted, &*late),
        ("superseded by a revision", counts.superseded, ""),
        ("duplicate", counts.duplicate, ""),
        ("quarantined", counts.quarantined, ""),
    ] {
        table.row([what, &count(number), more]);
    }
    for (code, number) in &records.quarantined_by_code {
        table.row([&format!("  {code}"), &count(*number), ""]);
    }
    table.row(["delivered again in the end", &count(records.delivered_again), ""]);
    table.to_string()
}

fn checks(report: &Report, style: Style) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let mark = if check.held {
            style.good("✓")
        } else {
            style.bad("✗")
        };
        let _ = writeln!(text, "{mark} {}", check.what);
        for difference in check.differences.iter().take(DIFFERENCES_SHOWN_MAX) {
            let _ = writeln!(text, "    {difference}");
        }
        let more = check.differences.len().saturating_sub(DIFFERENCES_SHOWN_MAX);
        if more > 0 {
            let _ = writeln!(text, "    and {more} more");
        }
    }
    text
}

fn speed(speed: &Speed) -> String {
    let seconds = |milliseconds: u64| format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100);
    let mut text = format!(
        "{} records in {} deliveries through HTTPS, each durable before it was acknowledged: {} s, {} records/s.\n\
         Everything together: {} s.\n",
        count(speed.records),
        count(speed.deliveries),
        seconds(speed.milliseconds),
        count(speed.records_per_second),
        seconds(speed.total_milliseconds),
    );
    if let Some(bytes) = speed.peak_memory_bytes {
        let _ = writeln!(
            text,
            "Peak memory: {} MiB. Simulator, client and server share this process.",
            count(bytes / MEBIBYTE)
        );
    }
    text
}

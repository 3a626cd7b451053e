//! The report as people read it, in a hundred columns.

mod bill;
mod closing;
mod wrap;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use num_bigint::BigInt;
use wire::api::{Reason, Share, Statement};

use super::decimal::{cents, dollars};
use super::delivery::Tally;
use super::operator::kind_text;
use super::report::{Report, Speed};
use super::scenario::Scenario;
use crate::figures::count;
use crate::printer::Style;
use crate::table::{Table, left, right};
use bill::{bill, payer};
use wrap::wrapped;

/// Differences that are shown of one check.
const DIFFERENCES_SHOWN_MAX: usize = 5;
const MEBIBYTE: u64 = 1024 * 1024;

/// The whole report.
pub(super) fn text(report: &Report, scenario: &Scenario, style: Style) -> String {
    let mut text = String::new();
    let mut section = |title: &str, body: &str| {
        let _ = write!(text, "{}\n\n{body}\n", style.bold(title));
    };
    section(
        "Who operates which stack, and what it is registered with",
        &stacks(report, scenario),
    );
    section("What was done (UTC)", &events(report));
    let title = format!("Who pays what for {}, in USD", report.period);
    section(&title, &totals(&report.statements, scenario));
    for statement in &report.statements {
        section(
            &format!("The bill of {}", payer(&statement.subscription_id, scenario)),
            &bill(statement, scenario),
        );
    }
    section(
        "What no tenant mapping claims, and why",
        &unclaimed(report, scenario),
    );
    section("What became of the records", &records(report));
    let title = format!("The month is closed: what was invoiced for {}", report.period);
    section(&title, &closing::invoices(&report.closing));
    section(
        "What came after that, and what it sets right",
        &closing::corrections(&report.closing),
    );
    section("What must hold", &checks(report, style));
    section("Ids", &names(scenario));
    section("Speed", &speed(&report.speed));
    text
}

fn stacks(report: &Report, scenario: &Scenario) -> String {
    let mut table = Table::new(&[
        left("STACK"),
        left("OPERATED BY"),
        left("REGISTERED WITH"),
        left("KIND"),
    ]);
    let mut reasons = String::new();
    for (registered, plan) in report.stacks.iter().zip(&scenario.stacks) {
        let subscription = payer(&registered.default_subscription_id, scenario);
        let kind = kind_text(registered.chosen);
        table.row([plan.name.to_owned(), plan.operator.to_owned(), subscription, kind]);
        let (advised, because) = (kind_text(registered.advised), &registered.because);
        let reason = format!("{}: {advised} is advised, because {because}.", plan.name);
        reasons.push_str(&wrapped(&reason, 2));
    }
    format!("{table}\n{reasons}")
}

fn events(report: &Report) -> String {
    let told = report.events.iter().map(|event| {
        let at = event.at.trim_end_matches(":00Z").replace('T', " ");
        wrapped(&format!("{at}  {}", event.what), at.len() + 2)
    });
    told.collect()
}

fn names(scenario: &Scenario) -> String {
    let mut table = Table::new(&[left("NAME"), left("WHAT"), left("ID")]);
    for stack in &scenario.stacks {
        let id = stack.cloud_id.to_string();
        table.row([stack.name.to_owned(), "stack".to_owned(), id]);
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
        let id = subscription.id.to_string();
        table.row([subscription.name.clone(), "subscription".to_owned(), id]);
    }
    table.to_string()
}

/// What each subscription owes: what tenant mappings put on it, and what fell to it as the default.
fn totals(statements: &[Statement], scenario: &Scenario) -> String {
    let mut table = Table::new(&[
        left("SUBSCRIPTION"),
        left("CUSTOMER"),
        left("SOLD BY"),
        right("BY MAPPING"),
        right("BY DEFAULT"),
        right("TOTAL"),
    ]);
    let mut all = [(); 3].map(|()| BigInt::ZERO);
    for statement in statements {
        let mapped = bill::sum(statement, |share| share.reason == Reason::TenantMapping);
        let default = bill::sum(statement, |share| share.reason != Reason::TenantMapping);
        let amounts = [mapped, default, cents(&statement.total).unwrap_or_default()];
        for (all, amount) in all.iter_mut().zip(&amounts) {
            *all += amount;
        }
        let (customer, seller) = bill::buyer_and_seller(statement, scenario);
        let words = [payer(&statement.subscription_id, scenario), customer, seller];
        table.row(words.into_iter().chain(amounts.map(|amount| dollars(&amount))));
    }
    let words = ["Total", "", ""].map(str::to_owned);
    table.row(words.into_iter().chain(all.map(|amount| dollars(&amount))));
    table.to_string()
}

/// What is known of usage of one tenant of one stack that one subscription pays for, for one reason.
#[derive(Default)]
struct Group {
    records: u64,
    age_hours: i64,
}

fn unclaimed(report: &Report, scenario: &Scenario) -> String {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for usage in &report.unmapped {
        let key = (&usage.cloud_id, &usage.tenant_id, usage.reason, &usage.charged_to);
        let group = groups.entry(key).or_default();
        group.records += usage.records;
        group.age_hours = group.age_hours.max(usage.age_hours);
    }
    let mut table = Table::new(&[
        left("STACK"),
        left("TENANT"),
        left("WHY"),
        left("PAYS FOR NOW"),
        right("DAYS"),
        right("RECORDS"),
        right("AMOUNT"),
    ]);
    let (mut records, mut amounts) = (0, BigInt::ZERO);
    for ((cloud_id, tenant_id, reason, charged_to), group) in groups {
        let amount = charged_to.as_ref().map(|payer| {
            let statement = report.statements.iter().find(|it| it.subscription_id == *payer);
            let it = |share: &Share| {
                (&share.cloud_id, &share.tenant_id, share.reason) == (cloud_id, tenant_id, reason)
            };
            statement
                .map(|statement| bill::sum(statement, it))
                .unwrap_or_default()
        });
        records += group.records;
        amounts += amount.clone().unwrap_or_default();
        table.row([
            bill::stack(cloud_id, scenario),
            bill::tenant(tenant_id.as_deref(), scenario),
            why(reason).to_owned(),
            charged_to
                .as_deref()
                .map_or_else(|| "nobody".to_owned(), |id| payer(id, scenario)),
            (group.age_hours / 24).to_string(),
            count(group.records),
            amount.map_or_else(|| "-".to_owned(), |amount| dollars(&amount)),
        ]);
    }
    let words = ["Total", "", "", "", ""].map(str::to_owned);
    table.row(words.into_iter().chain([count(records), dollars(&amounts)]));
    format!("{table}\n{}", wrapped(TO_CLAIM, 0))
}

const TO_CLAIM: &str = "The default subscription pays for all of this until somebody adds the tenant; a tenant can be \
                        added for hours that are past. Nothing was registered yet where nobody pays.";

/// Why no mapping claims something, in few words.
const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::TenantMapping => "mapped",
        Reason::TenantNotMapped => "tenant not mapped",
        Reason::LocalSubscriptionUnknown => "local subscription unknown",
        Reason::Unregistered => "stack not registered",
        Reason::Several => "several",
    }
}

fn records(report: &Report) -> String {
    let records = &report.records;
    let mut table = Table::new(&[left("RECORDS"), right("IN THE MONTH"), right("ALL OF IT AGAIN")]);
    let deliveries = |tally: &Tally| count(tally.pages);
    let (first, again) = (&records.delivered, &records.delivered_again);
    for (what, of) in [
        (
            "accepted: nothing was known of them",
            (|tally| tally.accepted) as fn(&Tally) -> u64,
        ),
        ("duplicates: the same was known", |tally| tally.duplicate),
        ("revised: another quantity was known", |tally| tally.revised),
        ("quarantined: malformed", |tally| tally.quarantined),
        ("delivered: the sum of these", |tally| tally.sent),
    ] {
        table.row([what.to_owned(), count(of(first)), count(of(again))]);
    }
    let codes = records.quarantined_by_code.iter();
    let codes: Vec<String> = codes
        .map(|(code, number)| format!("{} {code}", count(*number)))
        .collect();
    let mut text = format!("{table}\n");
    let old = &records.delivered_under_old_names;
    for sentence in [
        format!("Of the accepted, {} were late.", count(records.late)),
        format!("In quarantine: {}.", codes.join(", ")),
        format!(
            "It came in {} deliveries, and again in as many, under new names and shuffled.",
            deliveries(first)
        ),
        format!(
            "{} of them came a third time, with {} records, under their old names: each got its old answer, and nothing \
             was counted.",
            deliveries(old),
            count(old.sent)
        ),
    ] {
        text.push_str(&wrapped(&sentence, 2));
    }
    text
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
        if let Some(figures) = &check.figures {
            text.push_str(&wrapped(&format!("    {figures}"), 6));
        }
        for difference in check.differences.iter().take(DIFFERENCES_SHOWN_MAX) {
            text.push_str(&wrapped(&format!("    {difference}"), 6));
        }
        let more = check.differences.len().saturating_sub(DIFFERENCES_SHOWN_MAX);
        if more > 0 {
            let _ = writeln!(text, "    and {more} more");
        }
    }
    let held = report.checks.iter().filter(|check| check.held).count();
    let _ = writeln!(text, "\n{held} of {} held.", report.checks.len());
    text
}

fn speed(speed: &Speed) -> String {
    let seconds = |milliseconds: u64| format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100);
    let mut text = format!(
        "{} records in {} deliveries through HTTPS in {} s: {} records/s.\n\
         Each was durable before it was acknowledged. Everything together: {} s.\n",
        count(speed.records),
        count(speed.deliveries),
        seconds(speed.milliseconds),
        count(speed.records_per_second),
        seconds(speed.total_milliseconds),
    );
    if let Some(bytes) = speed.peak_memory_bytes {
        let mebibytes = count(bytes / MEBIBYTE);
        let _ = writeln!(
            text,
            "Peak memory: {mebibytes} MiB. Simulator, clients and servers share this process."
        );
    }
    text
}

//! The demonstration: everything, end to end, on a simulated month.
//!
//! It starts a server in this process and does through HTTPS what operators and stacks do, by the script in
//! [`scenario`]: accounts are opened, stacks registered ([`operator`]), the month goes by ([`month`]) and a million
//! records are delivered ([`delivery`]). Then everything that the server says ([`served`]) is held against what the
//! stacks truly used, by a second opinion ([`oracle`]) that shares no rule with the product ([`verdict`], [`audit`]).
//! In the end the month is closed, and what comes after becomes corrections ([`closing`]).

mod audit;
mod cast;
mod catalog;
mod clock;
mod closing;
mod decimal;
mod delivery;
mod explained;
mod memory;
mod month;
mod operator;
mod oracle;
mod platform;
mod render;
mod reordered;
mod report;
mod scenario;
mod served;
mod stacks;
mod verdict;

use std::path::PathBuf;
use std::time::Instant;

use domain::time::Hour;
use server::Clock as _;
use wire::api::Statement;

use self::audit::Check;
use self::closing::Closing;
use self::delivery::{Courier, Delivered, Redelivered};
use self::operator::{Operator, Outcome};
use self::platform::{Place, Platform};
use self::report::{Done, Records, Report, Speed};
use self::scenario::{Event, Scenario};
use self::served::Served;
use self::stacks::Stacks;
use crate::configuration;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::count;
use crate::printer::Printer;

const AFTER_HELP: &str = "\
What happens: a server is started in this process, with TLS and a temporary data directory. Through its API, a \
direct partner, a distributor's reseller and an end user register a stack each, with the kind of subscription that \
is advised; tenants are added, one of them too late, one never, and one is removed; prices change, and a reseller \
asks its own. The stacks then report last month's usage, with late, repeated, revised and malformed records. In the \
end every statement is compared with a second computation from what the stacks truly used; everything is delivered \
again in another order, and half of it in yet another to a second server, and no statement may change. Then the month \
is closed and invoices are issued; usage comes late, and the tenant that was never added is added for the month that is \
closed: both become corrections, and every invoice is reckoned again from the log, byte for byte. With --store, the first \
server keeps the month in that database, which has to be empty, and leaves it there; the second one has its store in its \
data directory.

Leaves with 0 only if every law and every check held.

Examples:
  meterbridge demo
  meterbridge demo --records 50000 --seed 7
  meterbridge demo --keep --data ./demo-data
  meterbridge demo --store postgres://meterbridge@db.example/demo
  meterbridge demo --output json > demo.json";

/// What the demonstration can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArgs {
    /// How many records the month has at least: 1000 or more. It gets up to a third more, as resources are added whole and
    /// some records come twice; below 50000 it may get five times as many.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = records)]
    records: u64,
    /// What the stacks, their usage and their faults are made from: the same seed gives the same month.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Leave the server running in the end, until Ctrl-C, and keep its data.
    #[arg(long)]
    keep: bool,
    /// Where the server keeps its data: a new directory, which is kept [default: a temporary one].
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// Where the server has its store, if not in that directory: an empty database, as `postgres://USER@HOST/DATABASE`.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

/// Fewer records cannot show everything that happens in the month.
const RECORDS_MIN: u64 = 1_000;

fn records(text: &str) -> Result<u64, String> {
    let (min, max) = (RECORDS_MIN, simulator::RECORDS_MIN_MAX);
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| {
        format!("expected a whole number from {min} to {max}; with fewer records not all that happens in the month could be seen")
    })
}

/// Runs the demonstration.
///
/// # Errors
/// If any part of it fails, or a law does not hold.
pub(crate) async fn run(args: DemoArgs, printer: &Printer) -> Result<(), Failure> {
    let store = args.store.as_deref().map(configuration::understood).transpose()?;
    let scenario = last_month()?;
    let stacks = Stacks::of(&scenario, args.seed, args.records)
        .map_err(|error| Failure::new("The stacks cannot be made.").because(error.to_string()))?;
    let start = scenario.month.interval().start().start();
    let place = Place {
        data: args.data.as_deref(),
        keep: args.keep,
        store,
    };
    let elsewhere = place.store.as_ref().map(ToString::to_string);
    let platform = Platform::start(place, start).await?;
    // However it ends, the server is stopped before its data is removed.
    let outcome = tokio::select! {
        outcome = demonstrate(args.seed, &scenario, &stacks, &platform, printer) => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new("The demonstration was interrupted.")),
    };
    if let Some(store) = elsewhere {
        printer.note(&format!(
            "What the first server was told stays where it is: {store}."
        ));
    }
    match &outcome {
        Ok(_) if args.keep => stay(&platform, &scenario, printer).await,
        Ok(_) => printer.hint("`meterbridge demo --keep` leaves the server running, to try commands on it."),
        Err(_) => {}
    }
    let stopped = platform.stop().await;
    verdict::judge(&outcome?)?;
    stopped
}

/// Plays the month, prints what came of it, and says what held.
async fn demonstrate(
    seed: u64,
    scenario: &Scenario,
    stacks: &Stacks,
    platform: &Platform,
    printer: &Printer,
) -> Result<Vec<Check>, Failure> {
    let started = Instant::now();
    let played = play(seed, scenario, stacks, platform, printer).await?;
    printer.note("Everything that the server says is held against what the stacks truly used.");
    let mut checks = verdict::checks(scenario, stacks, &played).await?;
    let Played {
        outcome,
        delivered,
        served,
        again,
        closing,
        ..
    } = played;
    checks.extend(closing.checks.iter().cloned());
    let done = |event: &Event| Done {
        at: event.at.instant().to_string(),
        what: scenario.describe(event),
    };
    let tally = delivered.tally();
    let report = Report {
        held: checks.iter().all(|check| check.held),
        period: scenario.month.to_string(),
        seed,
        stacks: outcome.registered,
        events: scenario.events.iter().map(done).collect(),
        records: Records {
            delivered: tally,
            late: stacks.expected().late,
            quarantined_by_code: served.quarantine,
            delivered_again: again.renamed,
            delivered_under_old_names: again.unrenamed,
        },
        statements: served.statements,
        unmapped: served.unclaimed,
        closing,
        checks,
        speed: Speed::of(tally.sent, tally.pages, delivered.took, started.elapsed()),
    };
    printer.show(&report, || render::text(&report, scenario, printer.style()))?;
    Ok(report.checks)
}

/// Everything that was done and said.
struct Played {
    outcome: Outcome,
    delivered: Delivered,
    /// What the server said when everything had been delivered once.
    served: Served,
    again: Redelivered,
    /// What it said after everything had been delivered again.
    served_again: Served,
    /// What a second server said that was told half of it in another order.
    reordered: Vec<Statement>,
    /// What came of closing the month.
    closing: Closing,
}

async fn play(
    seed: u64,
    scenario: &Scenario,
    stacks: &Stacks,
    platform: &Platform,
    printer: &Printer,
) -> Result<Played, Failure> {
    let client = &platform.operator;
    printer.note(&format!(
        "A server runs at {}. It is the first hour of {} there.",
        client.server(),
        scenario.month
    ));
    let mut operator = Operator::at(client.clone(), scenario, stacks);
    operator.open_accounts().await?;

    let records = stacks.expected().sent;
    let progress = || printer.progress(Some(records), "records");
    printer.note(&format!(
        "Three stacks report {} records, an hour of the month at a time.",
        count(records)
    ));
    let courier = Courier::new(progress());
    let delivered = month::play(scenario, stacks, &platform.clock, &mut operator, courier).await?;
    let outcome = operator.outcome();
    let served = Served::ask(client, scenario).await?;

    printer.note("The month is over. Everything is delivered again, in another order.");
    let again = delivery::deliver_again(stacks, &outcome.stack_clients, &delivered, seed, progress).await?;
    let served_again = Served::ask(client, scenario).await?;

    printer.note("A second server is told what stacks basel and kai used, in yet another order.");
    let told = printer.progress(Some(reordered::records(stacks)), "records");
    let reordered = reordered::statements(seed, scenario, stacks, Courier::new(told)).await?;

    printer
        .note("The month is closed. Then usage comes late, and a tenant is added for hours that are past.");
    let closing = closing::close(client, scenario, stacks, &outcome, &served_again.statements).await?;
    Ok(Played {
        outcome,
        delivered,
        served,
        again,
        served_again,
        reordered,
        closing,
    })
}

/// The scenario in the last month that is over.
fn last_month() -> Result<Scenario, Failure> {
    let month = Hour::containing(SystemClock.now()).period().previous();
    month
        .map(Scenario::in_month)
        .ok_or_else(|| Failure::new("The clock of this machine is not set."))
}

/// Leaves the server to whoever wants to try things out.
async fn stay(platform: &Platform, scenario: &Scenario, printer: &Printer) {
    platform.clock.release();
    printer.note(&format!("{}\n\n{}", platform.introduction(), to_try(scenario)));
    // Without the signal nobody could stop it: then it stops at once.
    if let Err(error) = tokio::signal::ctrl_c().await {
        printer.warning(&format!("Ctrl-C cannot be waited for: {error}"));
    }
}

/// Commands that show more of the month, and one that takes back what was set right in it.
fn to_try(scenario: &Scenario) -> String {
    let (month, hours) = (scenario.month, scenario.month.interval());
    let open = month.next().unwrap_or(month);
    let (paying, forgotten, tenant, stack) = (
        cast::HAVN_WORKLOADS,
        cast::KVIST,
        cast::TENANT_KVIST,
        cast::STACK_OSLO,
    );
    format!(
        "  meterbridge bill period {month}\n\
         \x20 meterbridge bill list --period {month}\n\
         \x20 meterbridge bill show MB-000001\n\
         \x20 meterbridge bill replay --all\n\
         \x20 meterbridge statement show {paying} --period {month}\n\
         \x20 meterbridge usage unmapped --period {month}\n\
         \x20 meterbridge tenant history {stack}\n\
         \x20 meterbridge check --period {month}\n\
         \n\
         Tenant {} was added for the month when that was closed already. Take it back, and see the corrections go:\n\
         \n\
         \x20 meterbridge bill running --period {open} --buyer subscription:{forgotten}\n\
         \x20 meterbridge tenant map {stack} \\\n\
         \x20   --tenant {tenant} --unmapped \\\n\
         \x20   --from {} --to {}\n\
         \x20 meterbridge bill running --period {open} --buyer subscription:{forgotten} \\\n\
         \x20   --seller {} --currency USD",
        scenario.tenant_name(tenant),
        hours.start(),
        hours.end(),
        cast::NORDLYS,
    )
}

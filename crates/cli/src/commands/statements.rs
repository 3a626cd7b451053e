//! `statement` and `check`.

use client::Client;
use wire::api::{LawCheck, Statement};

use crate::args::{CheckArgs, StatementCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{aligned, count, grouped};
use crate::printer::{Printer, Style};
use crate::settings::period;
use crate::statement::render;
use crate::table::{Table, left, right};

pub(super) async fn statement(
    client: &Client,
    command: StatementCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        StatementCommand::Show { subscription, period: of } => {
            let statement = client.statement(&subscription, &period(&of, &SystemClock)).await?;
            printer.show(&statement, || render(&statement, printer.style()))
        }
        StatementCommand::List { period: of } => {
            let statements = client.statements(&period(&of, &SystemClock)).await?;
            printer.show_list(&statements, || statements_table(&statements))
        }
    }
}

fn statements_table(statements: &[Statement]) -> String {
    let totals: Vec<String> = statements.iter().map(|statement| grouped(&statement.total)).collect();
    let totals = aligned(totals.iter().map(String::as_str));
    let columns = [
        left("SUBSCRIPTION"),
        left("PERIOD"),
        right("LINES"),
        right("TOTAL"),
        left("CURRENCY"),
        left("PRICE LIST"),
    ];
    let mut table = Table::new(&columns);
    for (statement, total) in statements.iter().zip(totals) {
        table.row([
            statement.subscription_id.clone(),
            statement.period.clone(),
            count(statement.lines.len() as u64),
            total,
            statement.currency.clone(),
            statement.price_list.clone(),
        ]);
    }
    table.to_string()
}

pub(super) async fn check(client: &Client, args: &CheckArgs, printer: &Printer) -> Result<(), Failure> {
    let checked = client.check_laws(&period(&args.period, &SystemClock)).await?;
    printer.show(&checked, || describe(&checked, printer.style()))?;
    if checked.holds {
        return Ok(());
    }
    let failure = Failure::new(format!("{} of the laws do not hold.", count(checked.violations.len() as u64)));
    Err(failure.hint("This is a defect or damage, never a matter of input. Keep the data directory as it is and report it."))
}

fn describe(checked: &LawCheck, style: Style) -> String {
    let records = checked.records;
    let verdict = if checked.holds { style.good("Every law holds.") } else { style.bad("Not every law holds.") };
    let mut text = format!(
        "{verdict}\n\n{} records received = {} counted + {} superseded + {} duplicate + {} quarantined\n{} statements \
         for {}: lines sum to totals, shares to lines, and all usage is attributed or unregistered\n",
        count(records.received),
        count(records.counted),
        count(records.superseded),
        count(records.duplicate),
        count(records.quarantined),
        count(checked.statements as u64),
        checked.period,
    );
    if !checked.holds {
        text.truncate(text.find('\n').map_or(text.len(), |end| end + 1));
        for violation in &checked.violations {
            text.push_str(&format!("  {violation}\n"));
        }
    }
    text
}

//! `statement` and `check`.

use client::Client;
use wire::api::{LawCheck, RecordCounts, Statement};

use crate::args::{CheckArgs, StatementCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{aligned, count, counted, grouped};
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
        StatementCommand::Show {
            subscription,
            period: of,
        } => {
            let statement = client
                .statement(&subscription, &period(&of, &SystemClock))
                .await?;
            printer.show(&statement, || render(&statement, printer.style()))
        }
        StatementCommand::List { period: of } => {
            let statements = client.statements(&period(&of, &SystemClock)).await?;
            printer.show_list(&statements, || statements_table(&statements))
        }
    }
}

fn statements_table(statements: &[Statement]) -> String {
    let totals: Vec<String> = statements
        .iter()
        .map(|statement| grouped(&statement.total))
        .collect();
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
            statement.price_lists.join(", "),
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
    let failure = Failure::new(format!("Not every law holds for {}.", checked.period));
    Err(failure.hint(
        "This is a defect or damage, never a matter of input. Keep the data directory as it is and report it.",
    ))
}

fn describe(checked: &LawCheck, style: Style) -> String {
    if !checked.holds {
        let violations = checked.violations.join("\n  ");
        return format!("{}\n\n  {violations}", style.bad("Not every law holds."));
    }
    let RecordCounts {
        received,
        counted: counts,
        superseded,
        duplicate,
        quarantined,
    } = checked.records;
    let [counts, superseded, duplicate, quarantined] =
        [counts, superseded, duplicate, quarantined].map(count);
    format!(
        "{}\n\n{} received = {counts} counted + {superseded} superseded + {duplicate} duplicate + {quarantined} \
         quarantined\n{} for {}: shares sum to lines, lines to totals, and all usage is attributed or unregistered",
        style.good("Every law holds."),
        counted(received, "record"),
        counted(checked.statements as u64, "statement"),
        checked.period,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(violations: &[&str]) -> LawCheck {
        LawCheck {
            period: "2026-10".into(),
            holds: violations.is_empty(),
            records: RecordCounts {
                received: 1010,
                counted: 1000,
                superseded: 4,
                duplicate: 5,
                quarantined: 1,
            },
            statements: 1,
            violations: violations.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn a_check_says_what_adds_up_or_what_does_not() {
        let style = Style::new(false);
        assert_eq!(
            describe(&checked(&[]), style),
            "Every law holds.\n\n1,010 records received = 1,000 counted + 4 superseded + 5 duplicate + 1 quarantined\n\
             1 statement for 2026-10: shares sum to lines, lines to totals, and all usage is attributed or unregistered"
        );
        assert_eq!(
            describe(&checked(&["law 1: lost", "law 3: off"]), style),
            "Not every law holds.\n\n  law 1: lost\n  law 3: off"
        );
    }
}

//! `statement` and `check`.

use std::collections::BTreeSet;

use client::{Client, ClientError, InvoicesOf, Refusal, StatusCode};
use wire::api::{LawCheck, ListedStatement, NoStatement, PeriodState, RecordCounts, Statement};

use super::or_dash;
use crate::args::{CheckArgs, StatementCommand};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{aligned, count, counted, grouped, sum};
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
            let settled = settled(client, &statement).await?;
            let words = settled.as_ref().map(|(words, _)| words.as_str());
            printer.show(&statement, || render(&statement, words, printer.style()))?;
            if let Some((_, hint)) = &settled {
                printer.hint(hint);
            }
            Ok(())
        }
        StatementCommand::List { period: of } => {
            let period = period(&of, &SystemClock);
            let listed = client.statements(&period).await?;
            printer.show_list(&listed, || list(&listed, &period, printer.width()))
        }
    }
}

/// That the month of a statement is closed, and what to look at then, as far as that is known to who asks.
async fn settled(client: &Client, statement: &Statement) -> Result<Option<(String, String)>, Failure> {
    let period = &statement.period;
    let buyer = format!("subscription:{}", statement.subscription_id);
    let of = InvoicesOf {
        period: Some(period),
        buyer: Some(&buyer),
        ..InvoicesOf::default()
    };
    let invoices = match client.invoices(of).await {
        Err(ClientError::Refused(refusal)) if is_not_for_them(&refusal) => Vec::new(),
        invoices => invoices?,
    };
    let is_closed = !invoices.is_empty()
        || match client.periods().await {
            Err(ClientError::Refused(refusal)) if is_not_for_them(&refusal) => false,
            periods => {
                let mut periods = periods?.into_iter();
                periods.any(|it| it.period == *period && it.state == PeriodState::Closed)
            }
        };
    let numbers: Vec<&str> = invoices.iter().map(|it| it.number.as_str()).collect();
    Ok(is_closed.then(|| closed_in_words(period, &numbers, &buyer)))
}

fn is_not_for_them(refusal: &Refusal) -> bool {
    matches!(refusal.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

/// How the status of a closed month is told, and where its invoices are.
fn closed_in_words(period: &str, numbers: &[&str], buyer: &str) -> (String, String) {
    let so = "this is what it costs as everything is known now";
    if numbers.is_empty() {
        let hint = format!("`meterbridge bill list --period {period}` lists the invoices of the month.");
        return (format!("closed: {so}"), hint);
    }
    let hint = format!("`meterbridge bill list --period {period} --buyer {buyer}` lists what was invoiced.");
    (format!("invoiced as {}: {so}", numbers.join(", ")), hint)
}

/// The statements as a table, and below it why the others are missing.
fn list(listed: &[ListedStatement], period: &str, width: Option<u16>) -> String {
    if listed.is_empty() {
        return format!("There is no statement of {period} that you may read.\n");
    }
    let mut statements: Vec<&Statement> = Vec::new();
    let mut missing: Vec<&NoStatement> = Vec::new();
    for entry in listed {
        match entry {
            ListedStatement::Statement(statement) => statements.push(statement),
            ListedStatement::NoStatement(none) => missing.push(none),
        }
    }
    let mut text = if statements.is_empty() {
        String::new()
    } else {
        statements_table(&statements, width)
    };
    for none in missing {
        let name = none.subscription_name.as_ref().unwrap_or(&none.subscription_id);
        let why = &none.problem;
        text.push_str(&format!(
            "\n{name} is charged and has no statement. {}: {}.\n",
            why.code,
            why.message.trim_end_matches('.')
        ));
    }
    text
}

fn statements_table(statements: &[&Statement], width: Option<u16>) -> String {
    let mut totals: Vec<(String, &str)> = statements
        .iter()
        .map(|statement| (grouped(&statement.total), &*statement.currency))
        .collect();
    let currencies: BTreeSet<&str> = statements.iter().map(|statement| &*statement.currency).collect();
    for currency in currencies {
        let of_it = statements
            .iter()
            .filter(|statement| statement.currency == currency);
        let total = sum(of_it.map(|statement| &*statement.total));
        totals.push((grouped(&total.unwrap_or_default()), currency));
    }
    let figures = aligned(totals.iter().map(|(total, _)| total.as_str()));
    let columns = [
        left("SUBSCRIPTION"),
        left("NAME"),
        left("CUSTOMER").rank(1),
        right("LINES").rank(2),
        right("TOTAL"),
        left(""),
    ];
    let mut table = Table::new(&columns);
    let mut figures = figures
        .into_iter()
        .zip(totals.iter().map(|(_, currency)| *currency));
    for (statement, (total, currency)) in statements.iter().zip(figures.by_ref()) {
        let payer = statement.customer.as_ref().or(statement.owner.as_ref());
        table.row([
            statement.subscription_id.clone(),
            subscription_name(statement),
            or_dash(payer.map(|payer| &*payer.name)),
            count(statement.lines.len() as u64),
            total,
            currency.to_owned(),
        ]);
    }
    for (total, currency) in figures {
        table.row(["Total", "", "", "", &*total, currency]);
    }
    table.within(width)
}

fn subscription_name(statement: &Statement) -> String {
    let name = or_dash(statement.subscription_name.as_deref());
    if statement.subscription_deleted {
        format!("{name} (deleted)")
    } else {
        name
    }
}

pub(super) async fn check(client: &Client, args: &CheckArgs, printer: &Printer) -> Result<(), Failure> {
    let checked = client.check_laws(&period(&args.period, &SystemClock)).await?;
    printer.show(&checked, || describe(&checked, printer.style()))?;
    if checked.holds {
        return Ok(());
    }
    let failure = Failure::new(format!("Not every law holds for {}.", checked.period));
    Err(failure.hint(
        "A subscription without a statement is mended by publishing prices, as it is said there. All else is a defect \
         or damage, never a matter of input: keep the data directory as it is and report it.",
    ))
}

fn describe(checked: &LawCheck, style: Style) -> String {
    if !checked.holds {
        let violations = checked.violations.join("\n  ");
        let verdict = format!("Not every law holds for {}.", checked.period);
        return format!("{}\n\n  {violations}", style.bad(&verdict));
    }
    let period = &checked.period;
    let of_bills = match checked.statements {
        0 => format!("0 statements for {period}: nobody is charged for anything in it, so no sum was proved"),
        some => format!(
            "{} for {period}: shares sum to lines, lines to totals, and all usage is on a statement or unregistered",
            counted(some as u64, "statement")
        ),
    };
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
        "{}\n\n{} ever received, of all months = {counts} counted + {superseded} superseded + {duplicate} duplicate + \
         {quarantined} quarantined\n{of_bills}\nOther months than {period} were not drawn up: --period names one.",
        style.good(&format!("Every law holds for {period}.")),
        counted(received, "record"),
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
    fn a_subscription_without_a_statement_is_named_with_the_reason() {
        let none = serde_json::from_value(serde_json::json!({
            "subscriptionId": "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10", "subscriptionName": "Fjordbank CSP",
            "period": "2026-10", "status": "notDrawnUp",
            "problem": { "code": "PriceListsInTwoCurrencies", "message": "two currencies" },
        }));
        assert_eq!(
            list(&[none.unwrap()], "2026-10", None).trim(),
            "Fjordbank CSP is charged and has no statement. PriceListsInTwoCurrencies: two currencies."
        );
        assert_eq!(
            list(&[], "2026-10", None),
            "There is no statement of 2026-10 that you may read.\n"
        );
    }

    #[test]
    fn a_check_says_what_adds_up_or_what_does_not() {
        let style = Style::new(false);
        assert_eq!(
            describe(&checked(&[]), style),
            "Every law holds for 2026-10.\n\n1,010 records ever received, of all months = 1,000 counted + \
             4 superseded + 5 duplicate + 1 quarantined\n1 statement for 2026-10: shares sum to lines, lines to \
             totals, and all usage is on a statement or unregistered\nOther months than 2026-10 were not drawn up: \
             --period names one."
        );
        let nothing = LawCheck {
            statements: 0,
            ..checked(&[])
        };
        let told = describe(&nothing, style);
        assert!(
            told.contains("0 statements for 2026-10: nobody is charged"),
            "{told}"
        );
        assert!(!told.contains("shares sum"), "nothing was added up: {told}");
        assert_eq!(
            describe(&checked(&["law 1: lost", "law 3: off"]), style),
            "Not every law holds for 2026-10.\n\n  law 1: lost\n  law 3: off"
        );
    }
}

//! Months: how far each is, what it waits for, and closing it.

use std::collections::BTreeMap;

use client::{Client, ClientError, InvoicesOf};
use domain::time::{Hour, Period};
use serde::Serialize;
use server::Clock as _;
use wire::api::{BillingPeriod, InvoiceSummary, PeriodState, WaitingStack, WaiveStack};

use super::before_closing;
use crate::commands::{minute, minute_or_dash, or_dash};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, counted, grouped, sum};
use crate::invoice::seller_in_words;
use crate::printer::Printer;
use crate::statement::stack_in_words;
use crate::table::{Listing, Table, left, right};

/// The stacks that are named when a month cannot be closed.
const WAITING_NAMED_MAX: usize = 10;

const PERIODS: Listing<BillingPeriod> = Listing(&[
    (left("PERIOD"), |it| it.period.clone()),
    (left("STATE"), |it| state_in_words(it.state).to_owned()),
    (right("INVOICES"), |it| {
        it.invoices.map_or_else(|| or_dash(None), count)
    }),
    (left("CLOSED"), |it| minute_or_dash(it.closed_at.as_deref())),
    (left("DIGEST").rank(1), |it| or_dash(it.digest.as_deref())),
]);

const fn state_in_words(state: PeriodState) -> &'static str {
    match state {
        PeriodState::Open => "open",
        PeriodState::Closing => "being closed",
        PeriodState::Closed => "closed",
    }
}

/// What one seller issued for a month in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    seller: String,
    currency: String,
    invoices: u64,
    credit_notes: u64,
    corrections: u64,
    first_number: String,
    last_number: String,
    subtotal: Option<String>,
    tax: Option<String>,
    total: Option<String>,
}

/// A month, with what was issued for it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    period: BillingPeriod,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issued: Vec<Issued>,
}

pub(super) async fn list(client: &Client, printer: &Printer) -> Result<(), Failure> {
    PERIODS.show(&client.periods().await?, printer)
}

pub(super) async fn show(client: &Client, period: &str, printer: &Printer) -> Result<(), Failure> {
    let period = client.period(period).await?;
    tell(client, period, printer).await
}

pub(super) async fn waive(
    client: &Client,
    period: &str,
    stack: String,
    reason: String,
    printer: &Printer,
) -> Result<(), Failure> {
    let waived = client.waive_stack(period, &WaiveStack { stack, reason }).await;
    tell(client, waived.map_err(|error| next_step(error, period))?, printer).await
}

pub(super) async fn close(
    client: &Client,
    period: &str,
    first: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let periods = client.periods().await?;
    let now = Hour::containing(SystemClock.now());
    let begins = first || periods.iter().any(|it| it.state != PeriodState::Open);
    if begins && may_be_closed(&periods, period, now) && starts(&client.period(period).await?) {
        for warning in before_closing::warnings(client, period).await? {
            printer.warning(&warning);
        }
        printer.note(&format!("Closing {period}: every account of it is reckoned."));
    }
    let closed = match client.close_period(period, first).await {
        Ok(closed) => closed,
        Err(ClientError::Refused(refusal)) if refusal.code == "PeriodIncomplete" => {
            let open = client.period(period).await?;
            return Err(incomplete(&open));
        }
        Err(ClientError::Refused(refusal)) if refusal.code == "FirstPeriod" => {
            return Err(begun_by_a_slip(period));
        }
        Err(error) => return Err(next_step(error, period)),
    };
    tell(client, closed, printer).await
}

/// The first month that is closed leaves those before it without invoices for ever: that is no slip.
fn begun_by_a_slip(period: &str) -> Failure {
    let failure = Failure::new(format!(
        "{period} would be the first month that is closed, and nothing was done."
    ));
    failure
        .coded("FirstPeriod")
        .because("months are closed in order: those before the first are never invoiced")
        .hint(format!(
            "If the bills begin with {period}, `meterbridge bill close {period} --first`; else close an earlier month \
             first."
        ))
}

/// Whether it is the turn of a month, as far as the others tell.
fn may_be_closed(periods: &[BillingPeriod], period: &str, now: Hour) -> bool {
    let is_closing = periods.iter().any(|it| it.state == PeriodState::Closing);
    let place = Place::of(periods);
    let is_next = place.first_closed.is_none() || place.next.as_deref() == Some(period);
    is_next && !is_closing && closable_from(period).is_some_and(|from| from <= now)
}

/// Whether closing it now begins something: it is open, and waits for nothing.
fn starts(period: &BillingPeriod) -> bool {
    period.state == PeriodState::Open && missing(period).next().is_none()
}

/// What a month waits for, and what to do about it.
fn incomplete(open: &BillingPeriod) -> Failure {
    let period = &open.period;
    let missing: Vec<&WaitingStack> = missing(open).collect();
    let stacks = counted(missing.len() as u64, "stack");
    let mut failure = Failure::new(format!(
        "{period} waits for the usage of {stacks}, and nothing was closed."
    ))
    .coded("PeriodIncomplete");
    for stack in missing.iter().take(WAITING_NAMED_MAX) {
        failure = failure.because(format!(
            "{} has reported {}; expected everything before {}",
            stack_in_words(&stack.cloud_id, stack.stack_name.as_deref()),
            stack.reported_through.as_deref().map_or_else(
                || "nothing completely".to_owned(),
                |through| format!("everything before {}", minute(through))
            ),
            minute(&stack.expected),
        ));
    }
    if missing.len() > WAITING_NAMED_MAX {
        let more = missing.len() - WAITING_NAMED_MAX;
        failure = failure.because(format!("and {more} more: `meterbridge bill period {period}`"));
    }
    let id = missing
        .first()
        .map_or("CLOUD-ID", |stack| stack.cloud_id.as_str());
    failure.hint(format!(
        "`meterbridge stack completeness {id} --period {period}` shows what is missing. To close without it: \
         `meterbridge bill waive {period} --stack {id} --reason TEXT`; what comes later becomes corrections."
    ))
}

/// What can be done where a month cannot be closed.
fn next_step(error: ClientError, period: &str) -> Failure {
    let hint = match &error {
        ClientError::Refused(refusal) if refusal.hint.is_none() => match refusal.code.as_str() {
            "PeriodNotNext" => Some("`meterbridge bill periods` lists the months in order.".to_owned()),
            "PeriodNotOver" => Some(format!(
                "`meterbridge bill running --period {period}` shows what its bills come to so far."
            )),
            "ServerTimeout" => Some(format!(
                "It goes on at the server: `meterbridge bill period {period}` says how far it is, and closing again \
                 waits for it."
            )),
            _ => None,
        },
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn missing(period: &BillingPeriod) -> impl Iterator<Item = &WaitingStack> {
    period.waits_for.iter().filter(|stack| stack.waived.is_none())
}

/// Shows a month with all that is to be known of it.
async fn tell(client: &Client, period: BillingPeriod, printer: &Printer) -> Result<(), Failure> {
    let issued = if period.state == PeriodState::Closed {
        let of = InvoicesOf {
            period: Some(&period.period),
            ..InvoicesOf::default()
        };
        issued(&client.invoices(of).await?)
    } else {
        Vec::new()
    };
    let place = if period.state == PeriodState::Open {
        Place::of(&client.periods().await?)
    } else {
        Place::default()
    };
    let gaps = if period.state == PeriodState::Open {
        before_closing::gaps(&client.completeness(Some(&period.period)).await?, &period.period)
    } else {
        None
    };
    let shown = Shown { period, issued };
    printer.show(&shown, || describe(&shown, &place, printer.width()))?;
    if let Some(gaps) = gaps {
        printer.warning(&gaps);
    }
    for hint in hints(&shown.period, &place, Hour::containing(SystemClock.now())) {
        printer.hint(&hint);
    }
    Ok(())
}

/// What was issued, by seller and currency.
fn issued(invoices: &[InvoiceSummary]) -> Vec<Issued> {
    let mut by_seller: BTreeMap<(String, &str), Vec<&InvoiceSummary>> = BTreeMap::new();
    for invoice in invoices {
        let seller = invoice.account.seller.text();
        let key = (seller, invoice.account.currency.as_str());
        by_seller.entry(key).or_default().push(invoice);
    }
    let issued = by_seller.into_iter().filter_map(|((_, currency), invoices)| {
        let (first, last) = (invoices.first()?, invoices.last()?);
        let total = |of: fn(&InvoiceSummary) -> &str| sum(invoices.iter().map(|it| of(it)));
        let credit_notes = invoices.iter().filter(|it| it.is_credit_note).count();
        Some(Issued {
            seller: seller_in_words(&first.account.seller),
            currency: currency.to_owned(),
            invoices: invoices.len() as u64,
            credit_notes: credit_notes as u64,
            corrections: invoices.iter().map(|it| it.corrections).sum(),
            first_number: first.number.clone(),
            last_number: last.number.clone(),
            subtotal: total(|it| &it.subtotal),
            tax: total(|it| &it.tax),
            total: total(|it| &it.total),
        })
    });
    issued.collect()
}

fn describe(shown: &Shown, place: &Place, width: Option<u16>) -> String {
    let Shown { period, issued } = shown;
    let mut text = format!("{}: {}\n", period.period, state_in_words(period.state));
    match period.state {
        PeriodState::Closed => {
            text.push_str(&format!(
                "Closed {} by {}, with {}.\nDigest of all of them: {}\n",
                minute_or_dash(period.closed_at.as_deref()),
                or_dash(period.closed_by.as_deref()),
                counted(period.invoices.unwrap_or_default(), "invoice"),
                or_dash(period.digest.as_deref()),
            ));
            if !issued.is_empty() {
                text.push_str(&format!("\n{}", issued_table(issued).within(width)));
            }
        }
        PeriodState::Closing => {
            text.push_str("All that its invoices are made from is fixed; they are being issued.\n");
        }
        PeriodState::Open => match place.closed_after(&period.period) {
            Some(first) => text.push_str(&format!(
                "It is before {first}, the first month that was closed, and is never invoiced.\n"
            )),
            None => text.push_str(&gate(period, width)),
        },
    }
    text
}

fn issued_table(issued: &[Issued]) -> Table {
    let columns = [
        left("SELLER"),
        right("INVOICES"),
        right("CREDIT NOTES").rank(5),
        right("CORRECTIONS").rank(4),
        left("FROM"),
        left("TO"),
        right("SUBTOTAL").rank(3),
        right("TAX").rank(2),
        right("TOTAL"),
        left(""),
    ];
    let mut table = Table::new(&columns);
    let amount = |amount: &Option<String>| amount.as_deref().map_or_else(|| or_dash(None), grouped);
    for it in issued {
        table.row([
            it.seller.clone(),
            count(it.invoices),
            count(it.credit_notes),
            count(it.corrections),
            it.first_number.clone(),
            it.last_number.clone(),
            amount(&it.subtotal),
            amount(&it.tax),
            amount(&it.total),
            it.currency.clone(),
        ]);
    }
    table
}

/// What an open month waits for.
fn gate(period: &BillingPeriod, width: Option<u16>) -> String {
    let missing = missing(period).count();
    let mut text = match (missing, period.waits_for.len()) {
        (0, 0) => "Every stack that pays by usage says that it has reported all of it.\n".to_owned(),
        (0, _) => "It waits for nothing but what was waived.\n".to_owned(),
        (some, _) => format!("It waits for the usage of {}.\n", counted(some as u64, "stack")),
    };
    if period.waits_for.is_empty() {
        return text;
    }
    let columns = [
        left("STACK").wraps(),
        left("REPORTED UP TO"),
        left("EXPECTED"),
        left("WAIVED").wraps(),
    ];
    let mut table = Table::new(&columns);
    for stack in &period.waits_for {
        let waived = stack
            .waived
            .as_ref()
            .map(|waiver| format!("{}: {}", minute(&waiver.waived_at), waiver.reason));
        table.row([
            stack_in_words(&stack.cloud_id, stack.stack_name.as_deref()),
            minute_or_dash(stack.reported_through.as_deref()),
            minute(&stack.expected),
            or_dash(waived.as_deref()),
        ]);
    }
    text.push_str(&format!("\n{}", table.within(width)));
    text
}

/// Where other months are, which tells what can be done about one that is open.
#[derive(Debug, Default)]
struct Place {
    /// The first month that was closed, or is being closed.
    first_closed: Option<String>,
    /// The month whose turn it is to be closed, once some are.
    next: Option<String>,
}

impl Place {
    fn of(periods: &[BillingPeriod]) -> Self {
        let month = |open: bool| {
            let mut found = periods
                .iter()
                .filter(|it| (it.state == PeriodState::Open) == open);
            found.next().map(|it| it.period.clone())
        };
        Self {
            first_closed: month(false),
            next: month(true),
        }
    }

    /// The first month that was closed, if this one is before it.
    fn closed_after(&self, month: &str) -> Option<&str> {
        self.first_closed.as_deref().filter(|first| month < *first)
    }
}

/// What can be done next, and is not refused.
fn hints(period: &BillingPeriod, place: &Place, now: Hour) -> Vec<String> {
    let month = &period.period;
    match period.state {
        PeriodState::Closed => vec![format!(
            "`meterbridge bill list --period {month}` lists the invoices, `meterbridge bill show NUMBER` shows one, \
             `meterbridge bill replay --period {month}` reckons all of them again."
        )],
        PeriodState::Closing => vec![format!(
            "The server goes on by itself. `meterbridge bill close {month}` waits for it."
        )],
        PeriodState::Open => {
            if place.closed_after(month).is_some() {
                return Vec::new();
            }
            let too_early = closable_from(month).filter(|from| now < *from);
            if let Some(from) = too_early {
                return vec![format!(
                    "It can be closed from {} on. `meterbridge bill running --period {month}` shows what its bills come to \
                     so far.",
                    minute(&from.to_string())
                )];
            }
            if let Some(stack) = missing(period).next() {
                let id = &stack.cloud_id;
                return vec![
                    format!("`meterbridge stack completeness {id} --period {month}` shows what is missing."),
                    format!(
                        "`meterbridge bill waive {month} --stack {id} --reason TEXT` lets it be closed without that."
                    ),
                ];
            }
            vec![match (&place.first_closed, &place.next) {
                (None, _) => format!(
                    "`meterbridge bill close {month} --first` issues its invoices; months before it are never invoiced then."
                ),
                (Some(_), Some(next)) if next != month => {
                    format!("`meterbridge bill period {next}` comes first: months are closed in order.")
                }
                _ => format!("`meterbridge bill close {month}` issues its invoices."),
            }]
        }
    }
}

/// The first hour in which a month can be closed.
fn closable_from(period: &str) -> Option<Hour> {
    let period: Period = period.parse().ok()?;
    Some(period.interval().end().plus(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";

    fn open(waived: bool) -> BillingPeriod {
        let mut waiting = json!({ "cloudId": STACK, "stackName": "north", "expected": "2026-11-01T00:00:00Z",
            "reportedThrough": "2026-10-28T06:00:00Z" });
        if waived {
            waiting["waived"] = json!({ "reason": "out of order", "waivedAt": "2026-11-02T09:00:00Z",
                "waivedBy": STACK });
        }
        serde_json::from_value(json!({ "period": "2026-10", "state": "open", "waitsFor": [waiting] }))
            .unwrap()
    }

    #[test]
    fn a_month_that_cannot_be_closed_names_the_stack_and_both_ways_on() {
        let failure = incomplete(&open(false));
        assert_eq!(failure.code(), "PeriodIncomplete");
        assert_eq!(
            failure.causes(),
            [format!(
                "north, {STACK} has reported everything before 2026-10-28 06:00; expected everything before \
                 2026-11-01 00:00"
            )]
        );
        let hint = failure.hint_text().unwrap();
        for command in [
            format!("stack completeness {STACK} --period 2026-10"),
            format!("bill waive 2026-10 --stack {STACK}"),
        ] {
            assert!(hint.contains(&command), "{hint}");
        }
        let place = Place::default();
        assert_eq!(hints(&open(false), &place, hour("2026-11-02T00:00:00Z")).len(), 2);
    }

    fn hour(text: &str) -> Hour {
        text.parse().unwrap()
    }

    fn months(months: &[(&str, &str)]) -> Vec<BillingPeriod> {
        let months = months
            .iter()
            .map(|(period, state)| json!({ "period": period, "state": state }));
        serde_json::from_value(months.collect()).unwrap()
    }

    #[test]
    fn a_hint_would_send_to_a_command_that_is_refused() {
        let none_closed = months(&[("2026-10", "open"), ("2026-11", "open")]);
        let september = months(&[("2026-09", "closed"), ("2026-10", "open"), ("2026-11", "open")]);
        let august = months(&[("2026-08", "closed"), ("2026-09", "open"), ("2026-10", "open")]);
        let november = months(&[("2026-11", "closed"), ("2026-12", "open")]);
        let after = "2026-12-02T00:00:00Z";
        for (periods, now, expected) in [
            (&none_closed, after, &["bill close 2026-10 --first"][..]),
            (&september, after, &["bill close 2026-10`"]),
            (&august, after, &["bill period 2026-09` comes first"]),
            (&november, after, &[]),
            (
                &september,
                "2026-11-01T00:00:00Z",
                &["It can be closed from 2026-11-01 01:00 on."],
            ),
        ] {
            let told = hints(&open(true), &Place::of(periods), hour(now));
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(expected), "{expected}: {told}");
            }
        }
        let shown = Shown {
            period: open(false),
            issued: Vec::new(),
        };
        let text = describe(&shown, &Place::of(&november), None);
        assert!(
            text.contains("It is before 2026-11, the first month that was closed"),
            "{text}"
        );
        let running = hints(&open(false), &Place::of(&september), hour("2026-10-20T00:00:00Z"));
        assert!(
            running.len() == 1 && running[0].contains("bill running --period 2026-10"),
            "{running:?}"
        );
    }

    #[test]
    fn closing_is_said_to_begin_only_where_it_begins() {
        let september = months(&[("2026-09", "closed"), ("2026-10", "open"), ("2026-11", "open")]);
        let november = hour("2026-11-02T00:00:00Z");
        assert!(may_be_closed(&september, "2026-10", november));
        for (period, now) in [
            ("2026-10", hour("2026-11-01T00:00:00Z")),
            ("2026-11", hour("2026-12-02T00:00:00Z")),
            ("2026-09", november),
        ] {
            assert!(!may_be_closed(&september, period, now), "{period} {now}");
        }
        let closing = months(&[("2026-09", "closing"), ("2026-10", "open")]);
        assert!(!may_be_closed(&closing, "2026-10", november));
        assert!(may_be_closed(&[], "2026-10", november), "the first of all");
        assert!(starts(&open(true)) && !starts(&open(false)));
    }

    #[test]
    fn a_waived_stack_is_shown_with_its_reason_and_not_waited_for() {
        let period = open(true);
        let text = gate(&period, None);
        assert!(
            text.starts_with("It waits for nothing but what was waived."),
            "{text}"
        );
        assert!(text.contains("2026-11-02 09:00: out of order"), "{text}");
        assert!(missing(&period).next().is_none());
    }

    #[test]
    fn what_was_issued_is_summed_by_seller_and_currency() {
        let invoice = |number: &str, currency: &str, total: &str, corrections: u64| {
            let seller = json!({ "kind": "platform" });
            let buyer = json!({ "kind": "partner", "id": STACK });
            serde_json::from_value::<InvoiceSummary>(json!({
                "number": number, "isCreditNote": total.starts_with('-'), "seller": seller, "buyer": buyer,
                "currency": currency, "period": "2026-10", "lines": 1, "corrections": corrections,
                "subtotal": total, "tax": "0.00", "total": total,
            }))
            .unwrap()
        };
        let issued = issued(&[
            invoice("MB-000001", "EUR", "10.00", 0),
            invoice("MB-000002", "USD", "5.10", 0),
            invoice("MB-000003", "EUR", "-12.50", 3),
        ]);
        let of = |it: &Issued| {
            (
                it.currency.clone(),
                it.invoices,
                it.credit_notes,
                it.corrections,
                it.total.clone(),
            )
        };
        assert_eq!(
            issued.iter().map(of).collect::<Vec<_>>(),
            [
                ("EUR".to_owned(), 2, 1, 3, Some("-2.50".to_owned())),
                ("USD".to_owned(), 1, 0, 0, Some("5.10".to_owned())),
            ]
        );
    }
}

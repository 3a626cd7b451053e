//! `bill`: months that are closed, their invoices, and what these are reckoned by.

mod before_closing;
mod closed_months;
mod explain;
mod forecasts;
mod margins;
mod papers;
mod periods;
mod reconcile;
mod replay;
mod running;
mod terms;

use client::{Client, InvoicesOf};
use wire::api::InvoiceSummary;

use crate::args::{BillCommand, InvoicesArgs};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, grouped};
use crate::invoice::{self, buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::settings::period as period_of;
use crate::table::{Listing, left, right};

const INVOICES: Listing<InvoiceSummary> = Listing(&[
    (left("NUMBER"), |it| it.number.clone()),
    (left("PERIOD"), |it| it.period.clone()),
    (left("SELLER").rank(1), |it| seller_in_words(&it.account.seller)),
    (left("BUYER"), |it| buyer_in_words(&it.account.buyer)),
    (right("LINES").rank(5), |it| count(it.lines)),
    (right("CORRECTIONS").rank(4), |it| count(it.corrections)),
    (right("SUBTOTAL").rank(3), |it| grouped(&it.subtotal)),
    (right("TAX").rank(2), |it| grouped(&it.tax)),
    (right("TOTAL"), |it| grouped(&it.total)),
    (left(""), |it| it.account.currency.clone()),
    (left("KIND"), |it| {
        if it.is_credit_note {
            "credit note"
        } else {
            "invoice"
        }
        .to_owned()
    }),
]);

pub(super) async fn bill(client: &Client, command: BillCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        BillCommand::Periods => periods::list(client, printer).await,
        BillCommand::Period { period } => periods::show(client, &period, printer).await,
        BillCommand::Close { period, first } => periods::close(client, &period, first, printer).await,
        BillCommand::Waive {
            period,
            stack,
            reason,
        } => periods::waive(client, &period, stack, reason, printer).await,
        BillCommand::List(args) => list(client, &args, printer).await,
        BillCommand::Show { number } => {
            let shown = client.invoice(&number).await?;
            printer.show(&shown, || {
                invoice::render(&shown, printer.style(), printer.width())
            })
        }
        BillCommand::Print(args) => papers::print(client, &args, printer).await,
        BillCommand::Profile(of) => papers::profile(client, &of, printer).await,
        BillCommand::SetProfile(args) => papers::set_profile(client, args, printer).await,
        BillCommand::Explain(args) => explain::explain(client, &args, printer).await,
        BillCommand::Replay(args) => replay::replay(client, &args, printer).await,
        BillCommand::Margins {
            seller,
            currency,
            period,
            by_line,
        } => {
            let period = period_of(&period, &SystemClock);
            let margins = client.margins(&period, &seller, &currency).await?;
            printer.show(&margins, || margins::text(&margins, by_line, printer.width()))
        }
        BillCommand::Reconcile(args) => reconcile::reconcile(client, &args, printer).await,
        BillCommand::WhatIf {
            price_list,
            period,
            csv,
        } => {
            let period = period_of(&period, &SystemClock);
            let compared = client.what_if(&period, &price_list).await?;
            printer.show(&compared, || {
                if csv {
                    forecasts::what_if_csv(&compared)
                } else {
                    forecasts::what_if(&compared, printer.width())
                }
            })?;
            warn_of(forecasts::not_compared(&compared), printer);
            Ok(())
        }
        BillCommand::Forecast {
            period,
            by_meter,
            csv,
        } => {
            let forecast = client.forecast(&period_of(&period, &SystemClock)).await?;
            printer.show(&forecast, || {
                if csv {
                    forecasts::forecast_csv(&forecast)
                } else {
                    forecasts::forecast(&forecast, by_meter, printer.width())
                }
            })?;
            warn_of(forecasts::not_forecast(&forecast), printer);
            Ok(())
        }
        BillCommand::Terms => terms::list(client, printer).await,
        BillCommand::SetTerms(args) => terms::set(client, args, printer).await,
        BillCommand::SetCores(args) => terms::set_cores(client, args, printer).await,
        BillCommand::Rates => terms::rates(client, printer).await,
        BillCommand::SetRate {
            from,
            to,
            rate,
            since,
        } => terms::set_rate(client, from, to, rate, since, printer).await,
        BillCommand::Running(args) => running::running(client, &args, printer).await,
    }
}

fn warn_of(left_out: Option<String>, printer: &Printer) {
    if let Some(left_out) = left_out {
        printer.warning(&left_out);
    }
}

async fn list(client: &Client, args: &InvoicesArgs, printer: &Printer) -> Result<(), Failure> {
    let of = InvoicesOf {
        period: args.period.as_deref(),
        seller: args.seller.as_deref(),
        buyer: args.buyer.as_deref(),
        subscription: args.subscription.as_deref(),
    };
    let invoices = client.invoices(of).await?;
    INVOICES.show(&invoices, printer)?;
    if invoices.is_empty() {
        printer.hint(
            "There is no such invoice that you may read. A month has invoices when it is closed: `meterbridge bill \
             close`; until then `meterbridge bill running` shows what its bills come to.",
        );
    }
    Ok(())
}

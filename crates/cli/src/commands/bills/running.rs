//! `bill running`: what bills of an open month come to so far.

use client::Client;
use wire::api::BillAccount;

use crate::args::RunningArgs;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::invoice::{self, buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::settings::period;
use crate::table::{Listing, left};

const ACCOUNTS: Listing<BillAccount> = Listing(&[
    (left("SELLER"), |it| seller_in_words(&it.seller)),
    (left("BUYER"), |it| buyer_in_words(&it.buyer)),
    (left("CURRENCY"), |it| it.currency.clone()),
    (left("--seller"), |it| it.seller.text()),
    (left("--buyer"), |it| it.buyer.text()),
]);

pub(super) async fn running(client: &Client, args: &RunningArgs, printer: &Printer) -> Result<(), Failure> {
    let period = period(&args.period, &SystemClock);
    if let (Some(seller), Some(buyer), Some(currency)) = (&args.seller, &args.buyer, &args.currency) {
        return show(client, &period, (seller, buyer, currency), printer).await;
    }
    let mut accounts = client.running_accounts(&period).await?;
    let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
    accounts.retain(|account| {
        is(&args.seller, &account.seller.text())
            && is(&args.buyer, &account.buyer.text())
            && is(&args.currency, &account.currency)
    });
    if args.buyer.is_some()
        && let [account] = accounts.as_slice()
    {
        let (seller, buyer) = (account.seller.text(), account.buyer.text());
        return show(client, &period, (&seller, &buyer, &account.currency), printer).await;
    }
    ACCOUNTS.show(&accounts, printer)?;
    printer.hint(if accounts.is_empty() {
        "Nothing was used in that month so far that is sold to or by whoever you may read."
    } else {
        "Name one with --seller, --buyer and --currency to see its bill."
    });
    Ok(())
}

async fn show(
    client: &Client,
    period: &str,
    (seller, buyer, currency): (&str, &str, &str),
    printer: &Printer,
) -> Result<(), Failure> {
    let running = client.running_statement(period, seller, buyer, currency).await?;
    printer.show(&running, || invoice::render_running(&running, printer.style()))
}

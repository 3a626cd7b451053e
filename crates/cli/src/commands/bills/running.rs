//! `bill running`: what bills of an open month come to so far.

use client::Client;
use wire::api::RunningAccount;

use super::before_closing;
use crate::args::RunningArgs;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::grouped;
use crate::invoice::{self, buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::settings::period;
use crate::table::{Listing, left, right};

const ACCOUNTS: Listing<RunningAccount> = Listing(&[
    (left("SELLER").rank(1), |it| seller_in_words(&it.account.seller)),
    (left("BUYER").wraps(), |it| buyer_in_words(&it.account.buyer)),
    (right("SUBTOTAL").rank(4), |it| grouped(&it.subtotal)),
    (right("TAX").rank(3), |it| grouped(&it.tax)),
    (right("TOTAL"), |it| grouped(&it.total)),
    (left(""), |it| it.account.currency.clone()),
    (left("--seller").rank(2), |it| it.account.seller.text()),
    (left("--buyer"), |it| it.account.buyer.text()),
]);

/// Which accounts are meant: those that are not named are all.
pub(super) struct Meant<'a> {
    pub(super) seller: Option<&'a str>,
    pub(super) buyer: Option<&'a str>,
    pub(super) currency: Option<&'a str>,
}

/// Seller, buyer and currency of one account, as the API spells them.
pub(super) type Named = (String, String, String);

impl Meant<'_> {
    /// The one account that is meant, or those that may be. Nobody is asked where all of it is named.
    ///
    /// # Errors
    /// As the server answers.
    pub(super) async fn find(
        &self,
        client: &Client,
        period: &str,
    ) -> Result<Result<Named, Vec<RunningAccount>>, Failure> {
        if let (Some(seller), Some(buyer), Some(currency)) = (self.seller, self.buyer, self.currency) {
            return Ok(Ok((seller.to_owned(), buyer.to_owned(), currency.to_owned())));
        }
        let mut accounts = client.running_accounts(period).await?;
        accounts.retain(|it| self.includes(it));
        Ok(match accounts.as_slice() {
            [one] if self.buyer.is_some() => Ok((
                one.account.seller.text(),
                one.account.buyer.text(),
                one.account.currency.clone(),
            )),
            _ => Err(accounts),
        })
    }

    fn includes(&self, it: &RunningAccount) -> bool {
        let is = |wanted: Option<&str>, text: &str| wanted.is_none_or(|wanted| wanted == text);
        is(self.seller, &it.account.seller.text())
            && is(self.buyer, &it.account.buyer.text())
            && is(self.currency, &it.account.currency)
    }
}

pub(super) async fn running(client: &Client, args: &RunningArgs, printer: &Printer) -> Result<(), Failure> {
    let period = period(&args.period, &SystemClock);
    let meant = Meant {
        seller: args.seller.as_deref(),
        buyer: args.buyer.as_deref(),
        currency: args.currency.as_deref(),
    };
    match meant.find(client, &period).await? {
        Ok((seller, buyer, currency)) => {
            let running = client
                .running_statement(&period, &seller, &buyer, &currency)
                .await?;
            printer.show(&running, || {
                invoice::render_running(&running, printer.style(), printer.width())
            })
        }
        Err(accounts) => {
            ACCOUNTS.show(&accounts, printer)?;
            if let Some(unpriced) = before_closing::unpriced(&accounts, &period) {
                printer.warning(&unpriced);
            }
            printer.hint(if accounts.is_empty() {
                "Nothing was used in that month so far that is sold to or by whoever you may read."
            } else {
                "Name one with --buyer, and where there are several with --seller and --currency, to see its bill."
            });
            Ok(())
        }
    }
}

/// Why there is not one bill to print.
pub(super) fn not_one(accounts: &[RunningAccount], period: &str) -> Failure {
    if accounts.is_empty() {
        return Failure::new(format!(
            "There is no running bill of {period} to that buyer that you may read."
        ))
        .coded("AccountNotFound")
        .hint(format!(
            "`meterbridge bill running --period {period}` lists those that there are."
        ));
    }
    let what = format!(
        "There are {} running bills of {period} to that buyer.",
        accounts.len()
    );
    let failure = accounts.iter().fold(Failure::usage(what), |failure, it| {
        let (seller, currency) = (it.account.seller.text(), &it.account.currency);
        failure.because(format!("--seller {seller} --currency {currency}"))
    });
    failure.hint("Say which one with --seller and --currency.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_prints_a_bill_names_its_buyer_and_no_more_than_is_needed() {
        let id = "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";
        let account = |currency: &str| -> RunningAccount {
            serde_json::from_value(json!({ "seller": { "kind": "platform" },
                "buyer": { "kind": "partner", "id": id }, "currency": currency, "subtotal": "1.00", "tax": "0.25",
                "total": "1.25" }))
            .unwrap()
        };
        let buyer = format!("partner:{id}");
        let meant = |currency| Meant {
            seller: None,
            buyer: Some(&buyer),
            currency,
        };
        let both = [account("EUR"), account("USD")];
        let found = |currency| both.iter().filter(|it| meant(currency).includes(it)).count();
        assert_eq!((found(None), found(Some("USD")), found(Some("JPY"))), (2, 1, 0));
        let several = not_one(&both, "2026-10");
        assert_eq!(several.causes()[1], "--seller platform --currency USD");
        assert_eq!(not_one(&[], "2026-10").code(), "AccountNotFound");
    }
}

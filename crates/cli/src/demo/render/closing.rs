//! The month that was closed: its invoices, and what sets them right.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use wire::api::CorrectionCause;

use super::super::closing::Closing;
use super::super::decimal::{cents, dollars};
use super::wrap::wrapped;
use crate::figures::{count, grouped};
use crate::invoice::{buyer_in_words, cause_in_words, seller_in_words};
use crate::table::{Table, left, right};

/// The invoices.
pub(super) fn invoices(closing: &Closing) -> String {
    let columns = [
        left("NUMBER"),
        left("SELLER"),
        left("BUYER"),
        right("LINES"),
        right("TOTAL"),
    ];
    let mut table = Table::new(&columns);
    for invoice in &closing.invoices {
        table.row([
            invoice.number.clone(),
            seller_in_words(&invoice.account.seller),
            buyer_in_words(&invoice.account.buyer),
            count(invoice.lines),
            grouped(&invoice.total),
        ]);
    }
    let digest = closing.closed.digest.as_deref().unwrap_or("-");
    format!("{table}\nDigest of all of them: {digest}\n")
}

/// What is corrected, by bill, subscription and cause: how many lines, and in cents what was billed, what they cost now,
/// and the one less the other.
type Groups<'a> = BTreeMap<(String, String, &'a str, CorrectionCause), (u64, [BigInt; 3])>;

/// The corrections.
pub(super) fn corrections(closing: &Closing) -> String {
    let mut groups = Groups::new();
    for corrected in &closing.corrections {
        let it = &corrected.correction;
        let payer = it.subscription_name.as_deref().unwrap_or("all of it");
        let (seller, buyer) = (&corrected.account.seller, &corrected.account.buyer);
        let key = (seller_in_words(seller), buyer_in_words(buyer), payer, it.cause);
        let (lines, sums) = groups.entry(key).or_default();
        *lines += 1;
        for (sum, amount) in sums.iter_mut().zip([&it.billed, &it.now, &it.amount]) {
            *sum += cents(amount).unwrap_or_default();
        }
    }
    let columns = [
        left("SELLER"),
        left("FOR"),
        left("BECAUSE OF"),
        right("LINES"),
        right("BILLED"),
        right("NOW"),
        right("CORRECTION"),
    ];
    let mut table = Table::new(&columns);
    for ((seller, _, payer, cause), (lines, sums)) in groups {
        let words = [
            seller,
            payer.to_owned(),
            cause_in_words(cause).to_owned(),
            count(lines),
        ];
        table.row(words.into_iter().chain(sums.map(|sum| dollars(&sum))));
    }
    let told = format!(
        "They are on the bills of {}, and on its invoices when it is closed. The invoices of {} stay as they are: {} \
         were reckoned again from the log, and came to the same bytes.",
        closing.open,
        closing.closed.period,
        count(closing.replayed)
    );
    format!("{table}\n{}", wrapped(&told, 0))
}

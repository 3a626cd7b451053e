//! `bill replay`: reckoning invoices again and comparing them with what was issued.

use client::Client;
use wire::api::{InvoiceReplay, PeriodReplay, PeriodState};

use crate::args::ReplayArgs;
use crate::commands::or_dash;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::table::{Listing, left, right};

/// The invoices that are named when some differ.
const DIFFERENT_NAMED_MAX: usize = 10;

const REPLAYED: Listing<InvoiceReplay> = Listing(&[
    (left("NUMBER"), |it| it.number.clone()),
    (left("REPLAYED"), |it| same_in_words(it.same).to_owned()),
    (left("DIGEST").rank(1), |it| it.stored_digest.clone()),
    (left("DIFFERENCE").wraps(), |it| or_dash(it.difference.as_deref())),
]);

const PERIODS: Listing<PeriodReplay> = Listing(&[
    (left("PERIOD"), |it| it.period.clone()),
    (right("INVOICES"), |it| count(it.invoices.len() as u64)),
    (left("REPLAYED"), |it| same_in_words(it.same).to_owned()),
]);

const fn same_in_words(same: bool) -> &'static str {
    if same { "same bytes" } else { "DIFFERS" }
}

pub(super) async fn replay(client: &Client, args: &ReplayArgs, printer: &Printer) -> Result<(), Failure> {
    if let Some(number) = &args.number {
        let replayed = client.replay_invoice(number).await?;
        REPLAYED.show_one(&replayed, printer)?;
        return judge(&[replayed]);
    }
    if let Some(period) = &args.period {
        let replayed = client.replay_period(period).await?;
        if replayed.invoices.is_empty() {
            printer.hint(&format!(
                "There is no invoice of {period}: it is not closed, or nothing was charged in it."
            ));
        }
        printer.show(&replayed, || REPLAYED.text(&replayed.invoices, printer))?;
        return judge(&replayed.invoices);
    }
    let periods = client.periods().await?.into_iter();
    let closed: Vec<_> = periods.filter(|it| it.state == PeriodState::Closed).collect();
    let mut replayed = Vec::new();
    for period in &closed {
        printer.note(&format!("{} is reckoned again.", period.period));
        replayed.push(client.replay_period(&period.period).await?);
    }
    PERIODS.show(&replayed, printer)?;
    if closed.is_empty() {
        printer.hint("No month is closed yet, so there is no invoice.");
    }
    let invoices: Vec<InvoiceReplay> = replayed.into_iter().flat_map(|it| it.invoices).collect();
    judge(&invoices)
}

/// Fails if an invoice is not what was issued.
fn judge(replayed: &[InvoiceReplay]) -> Result<(), Failure> {
    let different: Vec<&InvoiceReplay> = replayed.iter().filter(|it| !it.same).collect();
    if different.is_empty() {
        return Ok(());
    }
    let what = format!(
        "Of {}, {} would not be issued again as it was.",
        counted(replayed.len() as u64, "invoice"),
        count(different.len() as u64)
    );
    let named = different.iter().take(DIFFERENT_NAMED_MAX).map(|it| {
        let difference = it.difference.as_deref().unwrap_or("the bytes differ");
        format!("{}: {difference}", it.number)
    });
    let failure = named.fold(Failure::new(what).coded("InvoiceDiffers"), Failure::because);
    Err(failure.hint(
        "What was issued is as it was. Have `meterbridge audit verify` say whether what is stored was changed; if it was \
         not, this is a defect: keep the data directory as it is and report it.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(number: &str, difference: Option<&str>) -> InvoiceReplay {
        InvoiceReplay {
            number: number.to_owned(),
            same: difference.is_none(),
            stored_digest: "aa".to_owned(),
            computed_digest: Some("aa".to_owned()),
            difference: difference.map(str::to_owned),
        }
    }

    #[test]
    fn one_invoice_that_differs_is_enough_to_fail_and_is_named() {
        let same = replayed("MB-000001", None);
        assert!(judge(std::slice::from_ref(&same)).is_ok());
        let failure =
            judge(&[same, replayed("MB-000002", Some("Line 1 was 1.00 and is 2.00."))]).unwrap_err();
        assert_eq!((failure.code(), failure.exit_code()), ("InvoiceDiffers", 1));
        assert_eq!(failure.causes(), ["MB-000002: Line 1 was 1.00 and is 2.00."]);
    }
}

//! What bills are reckoned by beside prices: terms, cores and exchange rates.

use client::{Client, InvoicesOf};
use wire::api::{
    AgreedTerms, Amount, BuyerKind, ExchangeRate, NamedBuyer, SetExchangeRate, SetTerms, StateCores,
    StatedCores, TermsCapacityFee, TermsOfSale, TermsTax,
};

use super::closed_months::{Said, agree};
use crate::agreement::agreed;
use crate::args::{SetCoresArgs, SetTermsArgs};
use crate::commands::{minute, minute_or_dash, or_dash};
use crate::failure::Failure;
use crate::figures::grouped;
use crate::invoice::{buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::table::{Listing, left, right};

const TERMS: Listing<AgreedTerms> = Listing(&[
    (left("SELLER"), |it| seller_in_words(&it.seller)),
    (left("BUYER"), |it| {
        it.buyer.as_ref().map_or_else(|| "all".to_owned(), buyer_in_words)
    }),
    (left("FROM"), |it| it.from.clone()),
    (right("MINIMUM COMMITMENT"), |it| {
        amount(it.terms.minimum_commitment.as_ref())
    }),
    (right("CREDIT"), |it| amount(it.terms.credit.as_ref())),
    (left("TAX"), |it| {
        let tax = it.terms.tax.as_ref();
        or_dash(tax.map(tax_in_words).as_deref())
    }),
    (right("CORE AND YEAR"), |it| {
        let fee = it.terms.capacity_fee.as_ref();
        or_dash(fee.map(fee_in_words).as_deref())
    }),
    (left("SET").rank(1), |it| minute(&it.set_at)),
]);

const CORES: Listing<StatedCores> = Listing(&[
    (left("STACK"), |it| it.cloud_id.clone()),
    (right("CORES"), |it| {
        it.cores
            .map_or_else(|| "by token".to_owned(), |cores| cores.to_string())
    }),
    (left("FROM"), |it| minute(&it.from)),
    (left("TO"), |it| minute_or_dash(it.to.as_deref())),
]);

const RATES: Listing<ExchangeRate> = Listing(&[
    (left("FROM"), |it| it.from.clone()),
    (left("TO"), |it| it.to.clone()),
    (right("RATE"), |it| it.rate.clone()),
    (left("SINCE"), |it| minute(&it.since)),
    (left("SET"), |it| minute(&it.set_at)),
]);

fn amount(amount: Option<&Amount>) -> String {
    let text = amount.map(|it| format!("{} {}", grouped(&it.amount), it.currency));
    or_dash(text.as_deref())
}

fn tax_in_words(tax: &TermsTax) -> String {
    format!("{} {} %", tax.label, tax.percent)
}

fn fee_in_words(fee: &TermsCapacityFee) -> String {
    format!("{} {}", grouped(&fee.per_core_and_year), fee.currency)
}

pub(super) async fn list(client: &Client, printer: &Printer) -> Result<(), Failure> {
    let terms = client.terms().await?;
    TERMS.show(&terms, printer)?;
    if terms.is_empty() {
        printer.hint("`meterbridge bill set-terms --help` shows what can be agreed on.");
    }
    Ok(())
}

pub(super) async fn set(client: &Client, args: SetTermsArgs, printer: &Printer) -> Result<(), Failure> {
    let terms = terms_of(&args);
    let known = client.terms().await?;
    let dropped = dropped(&known, &args, &terms);
    for gone in &dropped {
        printer.warning(&format!(
            "The {gone} that was agreed on before does not hold from {} on: terms are set as a whole.",
            args.from
        ));
    }
    if let Some(until) = until(&known, &args) {
        printer.warning(&format!(
            "From {until} on other terms hold that were set before, and these do not: `meterbridge bill terms` shows them."
        ));
    }
    // Who ends all of it has said so.
    if !dropped.is_empty() && !args.nothing {
        agreed("Enter them without it?", args.yes)?;
    }
    let of = InvoicesOf {
        seller: Some(&args.seller),
        buyer: args.buyer.as_deref(),
        ..InvoicesOf::default()
    };
    let said = Said {
        what: "These terms",
        from: &args.from,
        to: None,
        of,
    };
    agree(client, &said, args.yes, printer).await?;
    let new = SetTerms {
        seller: Some(args.seller).filter(|seller| seller != "platform"),
        buyer: args.buyer.as_deref().and_then(named_buyer),
        from: args.from,
        terms,
    };
    TERMS.show_one(&client.set_terms(&new).await?, printer)
}

fn terms_of(args: &SetTermsArgs) -> TermsOfSale {
    let currency = || args.currency.clone().unwrap_or_default();
    let amount = |amount: &Option<String>| {
        amount.clone().map(|amount| Amount {
            amount,
            currency: currency(),
        })
    };
    let tax = args.tax.clone().zip(args.tax_label.clone());
    TermsOfSale {
        minimum_commitment: amount(&args.minimum_commitment),
        credit: amount(&args.credit),
        tax: tax.map(|(percent, label)| TermsTax { percent, label }),
        capacity_fee: args
            .capacity_fee
            .clone()
            .map(|per_core_and_year| TermsCapacityFee {
                per_core_and_year,
                currency: currency(),
            }),
    }
}

/// A buyer that was spelled as the API does.
fn named_buyer(text: &str) -> Option<NamedBuyer> {
    let (kind, id) = text.split_once(':')?;
    Some(NamedBuyer {
        kind: if kind == "partner" {
            BuyerKind::Partner
        } else {
            BuyerKind::Subscription
        },
        id: id.to_owned(),
    })
}

/// What was agreed on before by the same seller and buyer.
fn of_same<'a>(known: &'a [AgreedTerms], args: &SetTermsArgs) -> impl Iterator<Item = &'a AgreedTerms> {
    known.iter().filter(|it| {
        let buyer = it.buyer.as_ref().map(wire::api::BillBuyer::text);
        it.seller.text() == args.seller && buyer == args.buyer
    })
}

/// The month in which new terms end, because others were set from it on.
fn until<'a>(known: &'a [AgreedTerms], args: &SetTermsArgs) -> Option<&'a str> {
    let later = of_same(known, args).filter(|it| it.from > args.from);
    later.map(|it| it.from.as_str()).min()
}

/// What holds up to the month from which new terms do, and is not among these.
fn dropped(known: &[AgreedTerms], args: &SetTermsArgs, new: &TermsOfSale) -> Vec<&'static str> {
    let before = of_same(known, args).filter(|it| it.from <= args.from);
    let Some(old) = before.max_by(|a, b| a.from.cmp(&b.from)) else {
        return Vec::new();
    };
    let old = &old.terms;
    [
        (
            "minimum commitment",
            old.minimum_commitment.is_some() && new.minimum_commitment.is_none(),
        ),
        ("credit", old.credit.is_some() && new.credit.is_none()),
        ("tax", old.tax.is_some() && new.tax.is_none()),
        (
            "fee for capacity",
            old.capacity_fee.is_some() && new.capacity_fee.is_none(),
        ),
    ]
    .into_iter()
    .filter_map(|(what, is_gone)| is_gone.then_some(what))
    .collect()
}

pub(super) async fn set_cores(client: &Client, args: SetCoresArgs, printer: &Printer) -> Result<(), Failure> {
    let SetCoresArgs {
        cloud_id,
        cores,
        from,
        to,
        by_token: _,
        yes,
    } = args;
    // A month that an end is in the middle of is meant, too.
    let end = to.as_deref().map(|to| to.trim_end_matches("-01T00:00:00Z"));
    let said = Said {
        what: "These cores",
        from: from.get(..7).unwrap_or(&from),
        to: end,
        of: InvoicesOf::default(),
    };
    agree(client, &said, yes, printer).await?;
    let stated = client
        .state_cores(&cloud_id, &StateCores { cores, from, to })
        .await?;
    CORES.show_one(&stated, printer)
}

pub(super) async fn rates(client: &Client, printer: &Printer) -> Result<(), Failure> {
    RATES.show(&client.exchange_rates().await?, printer)
}

pub(super) async fn set_rate(
    client: &Client,
    from: String,
    to: String,
    rate: String,
    since: String,
    printer: &Printer,
) -> Result<(), Failure> {
    let rate = SetExchangeRate {
        from,
        to,
        rate,
        since,
    };
    let set = client.set_exchange_rate(&rate).await?;
    RATES.show_one(&set, printer)?;
    let rates = client.exchange_rates().await?;
    if !is_stated(&rates, &set.to, &set.from) {
        printer.hint(&one_way(&set));
    }
    Ok(())
}

fn is_stated(rates: &[ExchangeRate], from: &str, to: &str) -> bool {
    rates.iter().any(|rate| rate.from == from && rate.to == to)
}

/// What a rate is not good for.
fn one_way(rate: &ExchangeRate) -> String {
    let (from, to, since) = (&rate.from, &rate.to, &rate.since);
    format!(
        "A rate is never taken the other way round: with this one amounts in {from} are converted to {to}, and not those in \
         {to} to {from}. State that, too, where it is needed: `meterbridge bill set-rate {to} {from} RATE --since {since}`."
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tax_that_is_set_alone_would_silently_end_the_commitment() {
        let id = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
        let known: AgreedTerms = serde_json::from_value(json!({
            "seller": { "kind": "platform" }, "buyer": { "kind": "partner", "id": id }, "from": "2026-09",
            "terms": { "minimumCommitment": { "amount": "500.00", "currency": "USD" } },
            "setAt": "2026-09-01T00:00:00Z", "setBy": id,
        }))
        .unwrap();
        let args = |from: &str, buyer: Option<String>| SetTermsArgs {
            seller: "platform".to_owned(),
            buyer,
            from: from.to_owned(),
            minimum_commitment: None,
            credit: None,
            tax: Some("25".to_owned()),
            tax_label: Some("VAT".to_owned()),
            capacity_fee: None,
            currency: None,
            nothing: false,
            yes: false,
        };
        let buyer = Some(format!("partner:{id}"));
        let gone = |args: &SetTermsArgs| dropped(std::slice::from_ref(&known), args, &terms_of(args));
        assert_eq!(gone(&args("2026-10", buyer.clone())), ["minimum commitment"]);
        assert_eq!(gone(&args("2026-08", buyer)), [""; 0], "it did not hold yet");
        assert_eq!(gone(&args("2026-10", None)), [""; 0], "these are for all buyers");
        let ends = |args: &SetTermsArgs| until(std::slice::from_ref(&known), args).map(str::to_owned);
        assert_eq!(ends(&args("2026-10", Some(format!("partner:{id}")))), None);
        let earlier = args("2026-08", Some(format!("partner:{id}")));
        assert_eq!(
            ends(&earlier).as_deref(),
            Some("2026-09"),
            "it ends where the commitment begins"
        );
        assert_eq!(ends(&args("2026-08", None)), None);
    }

    #[test]
    fn a_rate_that_is_set_for_one_way_would_be_waited_for_the_other() {
        let rate: ExchangeRate = serde_json::from_value(json!({
            "from": "EUR", "to": "USD", "rate": "1.0825", "since": "2026-11-01T00:00:00Z",
            "setAt": "2026-11-02T00:00:00Z", "setBy": "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11",
        }))
        .unwrap();
        let rates = std::slice::from_ref(&rate);
        assert!(is_stated(rates, "EUR", "USD") && !is_stated(rates, "USD", "EUR"));
        let told = one_way(&rate);
        assert!(told.contains("bill set-rate USD EUR RATE"), "{told}");
    }
}

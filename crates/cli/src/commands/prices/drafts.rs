//! Drafts of price lists: written, compared, published or given up.

use std::path::Path;

use bytes::Bytes;
use client::Client;
use wire::api::{
    DerivedFrom, Meter, MeterChange, MeterDifference, PriceImport, PriceListDiff, PriceListDraft,
};

use super::{billing, describe_newest, of_prices, refuse_to_change_the_past, repriced};
use crate::args::ImportPricesArgs;
use crate::commands::{minute, or_dash, pass_on_warnings};
use crate::failure::Failure;
use crate::figures::{count, grouped};
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Listing, Table, left, right};

const DRAFTS: Listing<PriceListDraft> = Listing(&[
    (left("NAME"), |it| it.name.clone()),
    (left("CURRENCY").rank(1), |it| it.currency.clone()),
    (left("SELLER").rank(3), |it| {
        it.seller.clone().unwrap_or_else(|| "platform".to_owned())
    }),
    (left("BUYER").rank(4), |it| or_dash(it.buyer.as_deref())),
    (left("FOLLOWS").rank(2), |it| {
        or_dash(it.derived_from.as_ref().map(|derived| &*derived.base))
    }),
    (right("PRICES").rank(5), |it| count(it.prices.len() as u64)),
    (left("WOULD HOLD FROM"), |it| minute(&it.effective_from)),
]);

pub(super) async fn list(client: &Client, printer: &Printer) -> Result<(), Failure> {
    DRAFTS.show(&client.price_list_drafts().await?, printer)
}

pub(super) async fn draft(
    client: &Client,
    name: &str,
    file: &Path,
    printer: &Printer,
) -> Result<(), Failure> {
    let draft = client
        .draft_price_list(name, Bytes::from(document(file)?))
        .await?;
    printer.show(&draft, || {
        format!(
            "A version of price list {name} from {} on is drafted; it prices nothing yet.\n\
             `meterbridge price-list diff {name}` shows what it would change.\n",
            minute(&draft.effective_from)
        )
    })
}

pub(super) async fn discard(client: &Client, name: &str, printer: &Printer) -> Result<(), Failure> {
    client.discard_price_list_draft(name).await?;
    printer.show(&serde_json::json!({ "name": name, "discarded": true }), || {
        format!("The draft of price list {name} is gone.\n")
    })
}

pub(super) async fn diff(client: &Client, name: &str, printer: &Printer) -> Result<(), Failure> {
    let diff = pass_on_warnings(client.price_list_diff(name).await?, printer);
    let meters = client.meters().await?;
    printer.show(&diff, || describe(&diff, &meters))
}

pub(super) async fn publish(
    client: &Client,
    name: &str,
    seen: Option<String>,
    yes: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let expected = client.price_list_diff(name).await?.value;
    if !yes {
        refuse_to_change_the_past(&expected.repriced, expected.compared_from.as_deref())?;
    }
    let seen = seen.unwrap_or(expected.draft.etag);
    let published = client.publish_price_list_draft(name, &seen).await?;
    let published = pass_on_warnings(published, printer);
    let meters = client.meters().await?;
    printer.show(&published, || describe_newest(&published.list, &meters))
}

pub(super) async fn import(
    client: &Client,
    args: &ImportPricesArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let query = [
        ("format", Some(args.format.as_str())),
        ("effectiveFrom", Some(args.effective_from.as_str())),
        ("currency", args.currency.as_deref()),
        ("seller", args.seller.as_deref()),
        ("buyer", args.buyer.as_deref()),
        ("leaveOut", args.leave_out.then_some("true")),
        ("dryRun", args.dry_run.then_some("true")),
    ];
    let prices = Bytes::from(document(&args.file)?);
    let imported = client.import_prices(&args.name, &query, prices).await?;
    let meters = client.meters().await?;
    printer.show(&imported, || understood(&imported, &args.name, &meters))
}

fn understood(imported: &PriceImport, name: &str, meters: &[Meter]) -> String {
    let mut text = of_prices(&imported.prices, meters);
    for unknown in &imported.unknown {
        let called = unknown.name.as_deref().unwrap_or("no name");
        text.push_str(&format!(
            "\nNot in the catalog: meter {} ({called})",
            unknown.meter_id
        ));
    }
    for row in &imported.rejected {
        text.push_str(&format!(
            "\nRow {} rejected: {}: {}",
            row.row, row.code, row.message
        ));
    }
    text.push_str(&if imported.draft.is_some() {
        format!("\nDrafted; `meterbridge price-list diff {name}` shows what it would change.\n")
    } else {
        "\nNothing was drafted.\n".to_owned()
    });
    text
}

/// How prices follow others.
pub(super) fn derived_in_words(derived: &DerivedFrom) -> String {
    let bound = |what: &str, amount: &Option<String>| {
        let amount = amount.as_ref();
        amount
            .map(|amount| format!(", {what} {amount}"))
            .unwrap_or_default()
    };
    format!(
        "The prices of {} with {} %{}{}, but for these:\n\n",
        derived.base,
        derived.percentage,
        bound("by no less than", &derived.minimum_change),
        bound("by no more than", &derived.maximum_change)
    )
}

fn describe(diff: &PriceListDiff, meters: &[Meter]) -> String {
    let (name, from) = (&diff.draft.name, minute(&diff.draft.effective_from));
    let mut text = format!(
        "Draft of price list {name}, from {from} on, in {}\n\n",
        diff.draft.currency
    );
    if diff.meters.is_empty() {
        text.push_str("No meter costs anything else than it does without it.\n");
    } else {
        text.push_str(&table(&diff.meters, meters));
    }
    let months = repriced(&diff.repriced, diff.compared_from.as_deref());
    let etag = diff.draft.etag.trim_matches('"');
    text.push_str(&format!(
        "\n{months}\nTo publish exactly this: meterbridge price-list publish {name} --seen {etag}\n"
    ));
    text
}

/// A line for each step, and one more where what is included changes.
fn table(differences: &[MeterDifference], meters: &[Meter]) -> String {
    let columns = [
        left("METER"),
        left(""),
        right("FROM"),
        right("NOW"),
        right("THEN"),
        right("CHANGE"),
        right("%"),
    ];
    let mut table = Table::new(&columns);
    for difference in differences {
        let meter = billing(meters, &difference.meter_id);
        let name = meter.map_or(&difference.meter_id, |meter| &meter.billing_meter_name);
        let what = match difference.change {
            MeterChange::Added => "added",
            MeterChange::Dropped => "dropped",
            MeterChange::Changed => "changed",
        };
        let text = |text: &Option<String>| or_dash(text.as_deref());
        for tier in &difference.tiers {
            table.row([
                name.clone(),
                what.to_owned(),
                grouped(&tier.from),
                text(&tier.now),
                text(&tier.then),
                text(&tier.change),
                text(&tier.percent),
            ]);
        }
        if difference.included_now != difference.included_then {
            table.row([
                name.clone(),
                "included".to_owned(),
                or_dash(None),
                text(&difference.included_now),
                text(&difference.included_then),
                or_dash(None),
                or_dash(None),
            ]);
        }
    }
    table.to_string()
}

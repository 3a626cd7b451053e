//! `price-list` and `meter`.

mod drafts;

use bytes::Bytes;
use client::Client;
use wire::api::{
    CurrencyTotal, Meter, MeterBilling, MeterPrice, PriceList, PriceListVersion, PriceSource,
    PublishPriceList, PublishedPriceList, RepricedMonth, VersionStatus,
};

use super::{minute, minute_or_dash, or_dash, pass_on_warnings};
use crate::args::{MeterCommand, PriceListCommand};
use crate::failure::Failure;
use crate::figures::{by_size, count, counted, grouped};
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Listing, Table, left, right};

const LISTS: Listing<PriceList> = Listing(&[
    (left("NAME"), |it| it.name.clone()),
    (left("CURRENCY").rank(1), |it| it.currency.clone()),
    (left("SELLER").rank(2), |it| {
        it.seller.clone().unwrap_or_else(|| "platform".to_owned())
    }),
    (left("BUYER").rank(3), |it| or_dash(it.buyer.as_deref())),
    (right("VERSIONS").rank(4), |it| count(it.versions.len() as u64)),
    (left("HOLDS SINCE"), |it| from(it, VersionStatus::Current)),
    (left("NEXT FROM"), |it| from(it, VersionStatus::Scheduled)),
]);

pub(super) async fn price_list(
    client: &Client,
    command: PriceListCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        PriceListCommand::Put {
            name,
            file,
            dry_run,
            yes,
        } => {
            let version = Bytes::from(document(&file)?);
            let published = if dry_run {
                client.try_price_list(&name, version).await?
            } else {
                if !yes {
                    let expected = client.try_price_list(&name, version.clone()).await?.value;
                    refuse_to_change_the_past(&expected.repriced, expected.compared_from.as_deref())?;
                }
                client.put_price_list(&name, version).await?
            };
            let published = pass_on_warnings(published, printer);
            let meters = client.meters().await?;
            printer.show(&published, || {
                if dry_run {
                    preview(&published)
                } else {
                    describe_newest(&published.list, &meters)
                }
            })
        }
        PriceListCommand::Show { name, as_file } => {
            let list = client.price_list(&name).await?;
            let meters = client.meters().await?;
            if as_file {
                return printer.document(&as_put(&list, &meters)?);
            }
            printer.show(&list, || describe(&list, &meters))
        }
        PriceListCommand::Draft { name, file } => drafts::draft(client, &name, &file, printer).await,
        PriceListCommand::Drafts => drafts::list(client, printer).await,
        PriceListCommand::Diff { name } => drafts::diff(client, &name, printer).await,
        PriceListCommand::Publish { name, seen, yes } => {
            drafts::publish(client, &name, seen, yes, printer).await
        }
        PriceListCommand::Import(args) => drafts::import(client, &args, printer).await,
        PriceListCommand::Discard { name } => drafts::discard(client, &name, printer).await,
        PriceListCommand::List => LISTS.show(&client.price_lists().await?, printer),
    }
}

/// Prices of hours for which bills may have been written are changed on purpose only.
fn refuse_to_change_the_past(repriced: &[RepricedMonth], compared_from: Option<&str>) -> Result<(), Failure> {
    let mut over = repriced.iter().filter(|month| month.is_over).peekable();
    if over.peek().is_none() {
        return Ok(());
    }
    let what = "Nothing was published: these prices change what is charged for months that are over.";
    let failure = over.fold(
        Failure::new(what).coded("PastMonthsRepriced"),
        |failure, month| failure.because(month_in_words(month)),
    );
    let failure = match compared_from {
        Some(first) => failure.because(not_compared(first)),
        None => failure,
    };
    Err(failure.hint("Give a later effectiveFrom; or publish it all the same with --yes."))
}

/// What publishing a version would change.
fn preview(published: &PublishedPriceList) -> String {
    let months = repriced(&published.repriced, published.compared_from.as_deref());
    format!("Nothing was published. {months}")
}

fn repriced(months: &[RepricedMonth], compared_from: Option<&str>) -> String {
    if months.is_empty() {
        return "It would change nothing about usage that there is already.\n".to_owned();
    }
    let mut text = "It would change the statements of these months:\n\n".to_owned();
    let columns = [
        left("MONTH"),
        right("SUBSCRIPTIONS"),
        right("BEFORE"),
        right("AFTER"),
        left(""),
    ];
    let mut table = Table::new(&columns);
    for month in months {
        table.row([
            month.period.clone(),
            count(month.subscriptions),
            totals(&month.before),
            totals(&month.after),
            if month.is_over { "over" } else { "running" }.to_owned(),
        ]);
    }
    text.push_str(&table.to_string());
    if let Some(first) = compared_from {
        text.push_str(&format!("{}\n", not_compared(first)));
    }
    text
}

fn month_in_words(month: &RepricedMonth) -> String {
    format!(
        "{}: {} before, {} after, of {}",
        month.period,
        totals(&month.before),
        totals(&month.after),
        counted(month.subscriptions, "subscription")
    )
}

fn not_compared(first: &str) -> String {
    format!("Months before {first} have usage, too, and were not compared.")
}

fn totals(totals: &[CurrencyTotal]) -> String {
    let texts: Vec<String> = totals
        .iter()
        .map(|it| format!("{} {}", it.currency, grouped(&it.total)))
        .collect();
    if texts.is_empty() {
        "no statement".to_owned()
    } else {
        texts.join(" and ")
    }
}

/// The version that holds now, or else the one that will first, as a file to begin one's own prices with: with the names of
/// its meters, and without where the prices come from, since whoever publishes it makes them its own.
fn as_put(list: &PriceList, meters: &[Meter]) -> Result<PublishPriceList, Failure> {
    let in_state = |status| list.versions.iter().find(|version| version.status == status);
    let version = in_state(VersionStatus::Current).or_else(|| in_state(VersionStatus::Scheduled));
    let version = version.ok_or_else(|| Failure::new(format!("Price list {} has no version.", list.name)))?;
    let prices = version.prices.iter().map(|price| MeterPrice {
        meter_name: billing(meters, &price.meter_id).map(|billing| billing.billing_meter_name.clone()),
        source: None,
        ..price.clone()
    });
    Ok(PublishPriceList {
        currency: list.currency.clone(),
        seller: list.seller.clone(),
        buyer: list.buyer.clone(),
        effective_from: version.effective_from.clone(),
        derived_from: version.derived_from.clone(),
        prices: prices.collect(),
    })
}

fn billing<'a>(meters: &'a [Meter], id: &str) -> Option<&'a MeterBilling> {
    let mut billing = meters.iter().filter_map(|meter| meter.billing.as_ref());
    billing.find(|billing| billing.billing_meter_id == id)
}

/// From when the version holds that is in this state.
fn from(list: &PriceList, status: VersionStatus) -> String {
    let version = list.versions.iter().find(|version| version.status == status);
    minute_or_dash(version.map(|version| &*version.effective_from))
}

/// When a version prices usage, in words.
fn in_words(version: &PriceListVersion) -> String {
    let (from, published) = (minute(&version.effective_from), minute(&version.published_at));
    let to = version
        .effective_to
        .as_deref()
        .map_or_else(|| "on".to_owned(), |to| format!("to {}", minute(to)));
    let when = match version.status {
        VersionStatus::Current => "now",
        VersionStatus::Scheduled => "scheduled",
        VersionStatus::Former => "no longer",
        VersionStatus::Replaced => "replaced by one that was published later",
    };
    format!("From {from} {to}: {when} (published {published})")
}

const fn source_in_words(source: Option<PriceSource>) -> &'static str {
    match source {
        None => "-",
        Some(PriceSource::Published) => "published",
        Some(PriceSource::Sample) => "sample",
    }
}

/// Every version, with its prices as lines: one for each step.
fn describe(list: &PriceList, meters: &[Meter]) -> String {
    let seller = list.seller.as_deref().unwrap_or("the platform");
    let buyer = list
        .buyer
        .as_ref()
        .map(|buyer| format!(" to subscription {buyer}"));
    let mut text = format!(
        "Price list {}, in {}, of {seller}{}\n",
        list.name,
        list.currency,
        buyer.unwrap_or_default()
    );
    for version in &list.versions {
        text.push_str(&of_version(version, meters));
    }
    if !list.current_prices.is_empty() {
        text.push_str("\nThat comes to these prices now:\n\n");
        text.push_str(&of_prices(&list.current_prices, meters));
    }
    text
}

/// What was published last, where the others are known.
fn describe_newest(list: &PriceList, meters: &[Meter]) -> String {
    let newest = list
        .versions
        .iter()
        .max_by(|a, b| a.published_at.cmp(&b.published_at));
    let only = PriceList {
        versions: newest.cloned().into_iter().collect(),
        ..list.clone()
    };
    let others = list.versions.len().saturating_sub(only.versions.len());
    let mut text = describe(&only, meters);
    if others > 0 {
        let others = counted(others as u64, "other version");
        text.push_str(&format!(
            "\n{others}: `meterbridge price-list show {}` has all of them.\n",
            list.name
        ));
    }
    text
}

fn of_version(version: &PriceListVersion, meters: &[Meter]) -> String {
    let mut text = format!("\n{}\n\n", in_words(version));
    if let Some(derived) = &version.derived_from {
        text.push_str(&drafts::derived_in_words(derived));
    }
    text.push_str(&of_prices(&version.prices, meters));
    text
}

/// Prices as lines: one for each step.
fn of_prices(prices: &[MeterPrice], meters: &[Meter]) -> String {
    let columns = [
        left("METER"),
        right("FROM"),
        right("PRICE"),
        left("PER"),
        right("INCLUDED"),
        left("SOURCE"),
    ];
    let mut table = Table::new(&columns);
    for price in prices {
        let meter = billing(meters, &price.meter_id);
        let name = meter.map_or(&price.meter_id, |meter| &meter.billing_meter_name);
        let unit = meter.map_or("-", |meter| meter.billing_unit.as_str());
        let included = price
            .included_quantity
            .as_deref()
            .map_or_else(|| or_dash(None), grouped);
        let mut rates: Vec<_> = price.rates.iter().collect();
        rates.sort_by(|(a, _), (b, _)| by_size(a, b));
        for (from, rate) in rates {
            table.row([
                name.clone(),
                grouped(from),
                rate.clone(),
                unit.to_owned(),
                included.clone(),
                source_in_words(price.source).to_owned(),
            ]);
        }
    }
    table.to_string()
}

pub(super) async fn meter(client: &Client, command: MeterCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        MeterCommand::List => {
            let meters = client.meters().await?;
            printer.show_list(&meters, || meters_table(&meters, printer.width()))
        }
    }
}

fn meters_table(meters: &[Meter], width: Option<u16>) -> String {
    let columns = [
        left("LOCAL METER").rank(2),
        left("NAME"),
        left("UNIT"),
        left("BILLED AS"),
        left("PER").rank(1),
        left("FACTOR"),
        left("BILLING METER").rank(3),
    ];
    let mut table = Table::new(&columns);
    for meter in meters {
        let billed = meter.billing.as_ref().map_or_else(
            || ["not charged", "-", "-", "-"].map(str::to_owned),
            |billing| {
                let month = if billing.per_hours_in_month {
                    " / hours of the month"
                } else {
                    ""
                };
                let factor = format!("{}{month}", billing.factor);
                let (name, unit) = (billing.billing_meter_name.clone(), billing.billing_unit.clone());
                [name, unit, factor, billing.billing_meter_id.clone()]
            },
        );
        let own = [
            meter.local_meter_id.clone(),
            meter.name.clone(),
            meter.unit.clone(),
        ];
        table.row(own.into_iter().chain(billed));
    }
    table.within(width)
}

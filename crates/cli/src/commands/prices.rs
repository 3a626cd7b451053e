//! `price-list` and `meter`.

use client::Client;
use wire::api::{Meter, PriceList};

use super::{minute, or_dash};
use crate::args::{MeterCommand, PriceListCommand};
use crate::failure::Failure;
use crate::figures::{by_size, count, grouped};
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Table, left, right};

pub(super) async fn price_list(
    client: &Client,
    command: PriceListCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    let list = match command {
        PriceListCommand::Put { name, file } => client.put_price_list(&name, document(&file)?.into()).await?,
        PriceListCommand::Show { name } => client.price_list(&name).await?,
        PriceListCommand::List => {
            let lists = client.price_lists().await?;
            return printer.show_list(&lists, || lists_table(&lists));
        }
    };
    let meters = client.meters().await?;
    printer.show(&list, || describe(&list, &meters))
}

fn lists_table(lists: &[PriceList]) -> String {
    let columns = [
        left("NAME"),
        left("CURRENCY"),
        left("SELLER"),
        left("BUYER"),
        right("VERSIONS"),
        left("LAST FROM"),
    ];
    let mut table = Table::new(&columns);
    for list in lists {
        table.row([
            list.name.clone(),
            list.currency.clone(),
            list.seller.clone().unwrap_or_else(|| "platform".to_owned()),
            or_dash(list.buyer.as_deref()),
            count(list.versions.len() as u64),
            list.versions
                .iter()
                .map(|version| &version.effective_from)
                .max()
                .map_or_else(|| or_dash(None), |last| minute(last)),
        ]);
    }
    table.to_string()
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
        let (from, published) = (minute(&version.effective_from), minute(&version.published_at));
        text.push_str(&format!("\nFrom {from} on (published {published})\n\n"));
        let columns = [
            left("METER"),
            right("FROM"),
            right("PRICE"),
            left("PER"),
            right("INCLUDED"),
        ];
        let mut table = Table::new(&columns);
        for price in &version.prices {
            let billing = meters.iter().filter_map(|meter| meter.billing.as_ref());
            let meter = billing
                .into_iter()
                .find(|billing| billing.billing_meter_id == price.meter_id);
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
                ]);
            }
        }
        text.push_str(&table.to_string());
    }
    text
}

pub(super) async fn meter(client: &Client, command: MeterCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        MeterCommand::List => {
            let meters = client.meters().await?;
            printer.show_list(&meters, || meters_table(&meters))
        }
    }
}

fn meters_table(meters: &[Meter]) -> String {
    let columns = [
        left("LOCAL METER"),
        left("NAME"),
        left("UNIT"),
        left("BILLED AS"),
        left("PER"),
        left("FACTOR"),
        left("BILLING METER"),
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
    table.to_string()
}

//! `bill margins`: what a seller keeps.

use std::collections::BTreeMap;

use wire::api::{Margin, MarginLine, Margins};

use crate::commands::or_dash;
use crate::figures::{grouped, sum};
use crate::invoice::seller_in_words;
use crate::statement::stack_in_words;
use crate::table::{Table, left, right};

/// What is kept, of each subscription or of each line.
pub(super) fn text(margins: &Margins, by_line: bool, width: Option<u16>) -> String {
    let mut text = format!(
        "What {} keeps of what it sold in {}, in {}\n",
        seller_in_words(&margins.seller),
        margins.period,
        margins.currency
    );
    text.push_str(
        "As everything is known now: of a closed month with what came after the close, which its invoices do not have.\n",
    );
    for rate in &margins.rates {
        let (from, to) = (&rate.currency, &margins.currency);
        text.push_str(&format!("1 {from} was converted to {} {to}.\n", rate.rate));
    }
    if margins.lines.is_empty() {
        text.push_str("\nNothing was sold.\n");
        return text;
    }
    let mut table = if by_line {
        lines(margins)
    } else {
        subscriptions(margins)
    };
    let Margin { sells, buys, keeps } = &margins.total;
    let total = [sells, buys, keeps].map(|amount| grouped(amount));
    let words: &[&str] = if by_line {
        &["Total", "", ""]
    } else {
        &["Total", ""]
    };
    table.row(words.iter().map(|word| (*word).to_owned()).chain(total));
    text.push_str(&format!("\n{}", table.within(width)));
    text
}

fn payer(line: &MarginLine) -> String {
    let name = line.subscription_name.as_ref();
    name.unwrap_or(&line.subscription_id).clone()
}

fn subscriptions(margins: &Margins) -> Table {
    let mut by_payer: BTreeMap<&str, Vec<&MarginLine>> = BTreeMap::new();
    for line in &margins.lines {
        by_payer.entry(&line.subscription_id).or_default().push(line);
    }
    let columns = [
        left("SUBSCRIPTION").wraps(),
        left("CUSTOMER").rank(1),
        right("SOLD FOR"),
        right("BOUGHT FOR"),
        right("KEPT"),
    ];
    let mut table = Table::new(&columns);
    for lines in by_payer.values() {
        let of = |amount: fn(&Margin) -> &str| {
            let sum = sum(lines.iter().map(|line| amount(&line.margin)));
            sum.as_deref().map_or_else(|| or_dash(None), grouped)
        };
        let amounts = [of(|it| &it.sells), of(|it| &it.buys), of(|it| &it.keeps)];
        if let Some(first) = lines.first() {
            let customer = first.customer.as_ref().map(|customer| &*customer.name);
            table.row([payer(first), or_dash(customer)].into_iter().chain(amounts));
        }
    }
    table
}

fn lines(margins: &Margins) -> Table {
    let columns = [
        left("SUBSCRIPTION").wraps(),
        left("STACK").rank(1),
        left("WHAT").wraps(),
        right("SOLD FOR"),
        right("BOUGHT FOR"),
        right("KEPT"),
    ];
    let mut table = Table::new(&columns);
    for line in &margins.lines {
        let meter = line.meter_name.as_ref().or(line.meter_id.as_ref());
        let Margin { sells, buys, keeps } = &line.margin;
        let words = [
            payer(line),
            stack_in_words(&line.cloud_id, line.stack_name.as_deref()),
            meter.map_or_else(|| "cores".to_owned(), Clone::clone),
        ];
        let amounts = [sells, buys, keeps].map(|amount| grouped(amount));
        table.row(words.into_iter().chain(amounts));
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_told_by_subscription_or_by_line_and_sums_to_the_total() {
        let id = "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";
        let line = |meter: Option<&str>, sells: &str, buys: &str, keeps: &str| {
            let mut line = json!({ "subscriptionId": id, "subscriptionName": "Fjordbank CSP", "cloudId": id,
                "stackName": "north", "sells": sells, "buys": buys, "keeps": keeps });
            if let Some(meter) = meter {
                line["meterName"] = meter.into();
            }
            line
        };
        let margins: Margins = serde_json::from_value(json!({
            "seller": { "kind": "partner", "id": id, "name": "Harbour" }, "period": "2026-10", "currency": "USD",
            "rates": [{ "currency": "EUR", "rate": "1.08" }],
            "lines": [line(Some("Base VM"), "1500.00", "1000.00", "500.00"), line(None, "2.00", "3.50", "-1.50")],
            "total": { "sells": "1502.00", "buys": "1003.50", "keeps": "498.50" },
        }))
        .unwrap();
        let cells = |text: &str, row: usize| -> Vec<String> {
            let row = text.lines().nth(row).unwrap();
            row.split("  ")
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let by_subscription = text(&margins, false, None);
        assert!(by_subscription.starts_with(
            "What Harbour keeps of what it sold in 2026-10, in USD\nAs everything is known now: of a closed month with what \
             came after the close, which its invoices do not have.\n1 EUR was converted to 1.08 USD.\n"
        ));
        let expected = ["Fjordbank CSP", "-", "1,502.00", "1,003.50", "498.50"];
        assert_eq!(cells(&by_subscription, 5), expected);
        assert_eq!(
            cells(&by_subscription, 6),
            ["Total", "1,502.00", "1,003.50", "498.50"]
        );
        let by_line = text(&margins, true, None);
        assert_eq!(cells(&by_line, 6)[2..], ["cores", "2.00", "3.50", "-1.50"]);
    }
}

//! What no tenant mapping claims: whose it is, how much, and what it costs whom.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use wire::api::{ListValue, UnmappedQuantity, UnmappedUsage};

use super::{minute, or_dash};
use crate::figures::{aligned, by_size, grouped, sum};
use crate::printer::Style;
use crate::statement::{reason_in_words, stack_in_words, tenant_in_words};
use crate::table::{Table, left, right};

const HOURS_PER_DAY: i64 = 24;

/// What is worth most at list price first; what has no such value at the end.
pub(super) fn most_valuable_first(unmapped: &mut [UnmappedUsage]) {
    unmapped.sort_by(|a, b| by_value(a.list_value.as_ref(), b.list_value.as_ref()));
}

/// Orders values from the largest to none.
pub(super) fn by_value(a: Option<&ListValue>, b: Option<&ListValue>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => by_size(&b.amount, &a.amount),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// A table for each tenant of a stack, and the sums per meter.
pub(super) fn tables(unmapped: &[UnmappedUsage], period: &str, style: Style) -> String {
    if unmapped.is_empty() {
        // Whoever may read none is told so, too: the server does not say how much it withholds.
        return format!(
            "There is no usage of {period} that you may read and that no tenant mapping claims.\n"
        );
    }
    let mut groups: Vec<Vec<&UnmappedUsage>> = Vec::new();
    for usage in unmapped {
        let known = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| same_group(first, usage)));
        match known {
            Some(group) => group.push(usage),
            None => groups.push(vec![usage]),
        }
    }
    let mut text = String::new();
    for group in &groups {
        if let Some(first) = group.first() {
            text.push_str(&format!("{}\n{}\n", heading(first), table(group)));
        }
    }
    text.push_str(&format!(
        "{}\n\n{}",
        style.bold("All of it, by meter"),
        sums(unmapped)
    ));
    text
}

fn same_group(a: &UnmappedUsage, b: &UnmappedUsage) -> bool {
    let key = |it: &UnmappedUsage| {
        (
            it.cloud_id.clone(),
            it.tenant_id.clone(),
            it.reason,
            it.charged_to.clone(),
        )
    };
    key(a) == key(b)
}

fn heading(usage: &UnmappedUsage) -> String {
    let payer = match (&usage.charged_to_name, &usage.charged_to) {
        (Some(name), Some(id)) => format!("{name}, {id}"),
        (_, id) => id.clone().unwrap_or_else(|| "nobody".to_owned()),
    };
    format!(
        "Stack         {}\nTenant        {}\nReason        {}\nPays for now  {payer}\n",
        stack_in_words(&usage.cloud_id, usage.stack_name.as_deref()),
        tenant_in_words(usage.tenant_id.as_deref(), usage.customer_name.as_deref()),
        reason_in_words(usage.reason),
    )
}

/// Each local subscription with its hours, and below it what it used.
fn table(group: &[&UnmappedUsage]) -> String {
    let mut table = Figures::default();
    for usage in group {
        let days = usage.age_hours / HOURS_PER_DAY;
        let hours = format!(
            "  from {} to {}, {days} d old",
            minute(&usage.from),
            minute(&usage.to)
        );
        let amount = usage.amount.as_deref().unwrap_or_default();
        table.row(&usage.local_subscription_id, "", "", "");
        table.row(&hours, "", usage.currency.as_deref().unwrap_or_default(), amount);
        if let Some(problem) = &usage.problem {
            table.row(&format!("    no amounts: {}", problem.code), "", "", "");
        }
        match (&usage.list_value, &usage.no_list_value) {
            (Some(value), _) => {
                let last = format!(
                    "  last {} d ago, at list price",
                    usage.newest_age_hours / HOURS_PER_DAY
                );
                table.row(&last, "", &value.currency, &value.amount);
            }
            (None, Some(why)) => table.row(&format!("  no value at list price: {}", why.code), "", "", ""),
            (None, None) => {}
        }
        for used in &usage.used {
            let name = format!("    {}", name(used));
            let amount = used.amount.as_deref().unwrap_or_default();
            table.row(&name, &used.quantity, &or_dash(used.unit.as_deref()), amount);
        }
    }
    table.drawn("LOCAL SUBSCRIPTION, METER")
}

fn name(used: &UnmappedQuantity) -> &str {
    used.local_meter_name.as_deref().unwrap_or(&used.local_meter_id)
}

/// What was used of each meter, in each currency in which it is charged, and what all of it costs.
fn sums(unmapped: &[UnmappedUsage]) -> String {
    let mut meters: BTreeMap<_, Vec<&UnmappedQuantity>> = BTreeMap::new();
    for usage in unmapped {
        for used in &usage.used {
            let currency = usage.currency.as_deref().filter(|_| used.amount.is_some());
            let key = (name(used), used.unit.as_deref(), currency);
            meters.entry(key).or_default().push(used);
        }
    }
    // A meter has a row for each currency: where there are several, they say which is which.
    let is_alone = |name: &str, unit: Option<&str>| {
        let rows = meters.keys().filter(|key| (key.0, key.1) == (name, unit));
        rows.count() == 1
    };
    let mut table = Figures::default();
    for ((name, unit, currency), used) in &meters {
        let what = match currency {
            _ if is_alone(name, *unit) => (*name).to_owned(),
            Some(currency) => format!("{name}, in {currency}"),
            None => format!("{name}, without an amount"),
        };
        let quantity = sum(used.iter().map(|used| &*used.quantity));
        let amounts: Vec<&str> = used.iter().filter_map(|used| used.amount.as_deref()).collect();
        let amount = sum(amounts.iter().copied()).filter(|_| !amounts.is_empty());
        table.row(
            &what,
            &quantity.unwrap_or_default(),
            &or_dash(*unit),
            &amount.unwrap_or_default(),
        );
    }
    let currencies: BTreeSet<&str> = unmapped
        .iter()
        .filter_map(|usage| usage.currency.as_deref())
        .collect();
    for currency in currencies {
        let of_it = unmapped
            .iter()
            .filter(|usage| usage.currency.as_deref() == Some(currency));
        let total = sum(of_it.filter_map(|usage| usage.amount.as_deref()));
        table.row("Total", "", currency, &total.unwrap_or_default());
    }
    for (currency, total) in list_totals(unmapped.iter().filter_map(|usage| usage.list_value.as_ref())) {
        table.row("Total at list price", "", &currency, &total);
    }
    table.drawn("METER")
}

/// The sums of values, by currency.
pub(super) fn list_totals<'a>(values: impl Iterator<Item = &'a ListValue>) -> BTreeMap<String, String> {
    let mut by_currency: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for value in values {
        by_currency
            .entry(&value.currency)
            .or_default()
            .push(&value.amount);
    }
    let totals = by_currency.into_iter();
    totals
        .map(|(currency, amounts)| (currency.to_owned(), sum(amounts.into_iter()).unwrap_or_default()))
        .collect()
}

/// Rows of what, quantity, unit and amount.
#[derive(Default)]
struct Figures {
    rows: Vec<[String; 4]>,
}

impl Figures {
    fn row(&mut self, what: &str, quantity: &str, unit: &str, amount: &str) {
        self.rows.push([
            what.to_owned(),
            grouped(quantity),
            unit.to_owned(),
            grouped(amount),
        ]);
    }

    fn drawn(self, what: &'static str) -> String {
        let quantities = aligned(self.rows.iter().map(|[_, quantity, ..]| quantity.as_str()));
        let mut table = Table::new(&[left(what), right("QUANTITY"), left("UNIT"), right("AMOUNT")]);
        for ([what, _, unit, amount], quantity) in self.rows.into_iter().zip(quantities) {
            table.row([what, quantity, unit, amount]);
        }
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_claims_is_shown_with_what_it_costs_and_summed_by_meter() {
        let usage = |local: &str, quantity: &str, amount: Option<&str>| -> UnmappedUsage {
            let charged = amount.is_some();
            serde_json::from_value(json!({
                "cloudId": "5bf881b2-6be7-42a1-9f47-d6fcb6737747", "stackName": "north", "localSubscriptionId": local,
                "tenantId": "9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f", "customerName": "Fjordbank",
                "reason": if charged { "tenantNotMapped" } else { "unregistered" },
                "chargedTo": charged.then_some("0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10"),
                "chargedToName": charged.then_some("Northwind stacks"),
                "from": "2026-10-01T00:00:00Z", "to": "2026-10-16T14:00:00Z", "ageHours": 1230,
                "newestAgeHours": 857, "records": 2,
                "listValue": amount.map(|amount| json!({ "amount": amount, "currency": "EUR" })),
                "noListValue": (!charged).then(|| json!({ "code": "NoListPrices", "message": "There are none." })),
                "amount": amount, "currency": charged.then_some("EUR"),
                "used": [
                    { "localMeterId": "fab6eb84-500b-4a09-a8ca-7358f8bbaea5", "localMeterName": "Base VM Size Hours",
                      "unit": "Virtual core hours", "quantity": quantity, "amount": amount },
                    { "localMeterId": "6dab500f-a4fd-49c4-956d-229bb9c8c793", "quantity": "7" },
                ],
            }))
            .unwrap()
        };
        let unmapped = [
            usage("2d1b5c7d-9e0f-4a6e-8d07-3a1b5c7d9e0f", "1488.25", Some("11.91")),
            usage("4f2b5c7d-9e0f-4a6e-8d07-3a1b5c7d9e0f", "744", Some("5.95")),
            usage("2d1b5c7d-9e0f-4a6e-8d07-3a1b5c7d9e0f", "1", None),
        ];
        let text = tables(&unmapped, "2026-10", Style::new(false));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        insta::assert_snapshot!("unmapped", text);
        assert_eq!(
            tables(&[], "2026-10", Style::new(false)),
            "There is no usage of 2026-10 that you may read and that no tenant mapping claims.\n"
        );
    }
}

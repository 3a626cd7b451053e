//! `bill what-if` and `bill forecast`: what months would cost, and what they come to.

use wire::api::{
    AccountForecast, AmountChange, BillAccount, BillPart, BillPartKind, Forecast, ForecastMethod,
    PartForecast, WhatIf,
};

use crate::commands::or_dash;
use crate::figures::{counted, grouped};
use crate::invoice::{buyer_in_words, seller_in_words};
use crate::statement::stack_in_words;
use crate::table::{Table, left, right};

fn part_in_words(part: &BillPart) -> String {
    match part.kind {
        BillPartKind::Usage => or_dash(part.meter_name.as_deref().or(part.meter_id.as_deref())),
        BillPartKind::CapacityFee => "cores".to_owned(),
        BillPartKind::MinimumCommitment => "minimum commitment".to_owned(),
        BillPartKind::Credit => "credit".to_owned(),
        BillPartKind::Tax => "tax".to_owned(),
        BillPartKind::Corrections => "corrections of earlier months".to_owned(),
    }
}

fn amounts(change: &AmountChange) -> [String; 3] {
    let difference = if change.difference.starts_with('-') {
        grouped(&change.difference)
    } else {
        format!("+{}", grouped(&change.difference))
    };
    [grouped(&change.before), grouped(&change.after), difference]
}

fn parties(account: &BillAccount) -> [String; 2] {
    [seller_in_words(&account.seller), buyer_in_words(&account.buyer)]
}

/// What a month would have cost: who and what changes, and the totals.
pub(super) fn what_if(compared: &WhatIf, width: Option<u16>) -> String {
    let so_far = if compared.is_over { "" } else { " so far" };
    let (name, period) = (&compared.draft.name, &compared.period);
    let mut text = format!("{period}{so_far}, with the draft of price list {name} published\n");
    if compared.is_moved {
        text.push_str(&format!(
            "The draft begins on {}, after the month: it is rated as if it held from {} on. Published as it is, it \
             changes nothing in {period}.\n",
            compared.draft.effective_from, compared.supposed_from
        ));
    }
    if compared.accounts.is_empty() {
        text.push_str("\nNo bill changes.\n");
    } else {
        let columns = [
            left("SELLER").rank(1),
            left("BUYER").wraps(),
            left("WHAT").wraps(),
            right("BEFORE"),
            right("AFTER"),
            right("DIFFERENCE"),
            left(""),
        ];
        let mut table = Table::new(&columns);
        for it in &compared.accounts {
            let [seller, buyer] = parties(&it.account);
            let currency = it.account.currency.clone();
            let row = [seller, buyer, "before tax".to_owned()]
                .into_iter()
                .chain(amounts(&it.total));
            table.row(row.chain([currency]));
            for part in &it.parts {
                let words = [String::new(), String::new(), part_in_words(&part.part)];
                table.row(
                    words
                        .into_iter()
                        .chain(amounts(&part.change))
                        .chain([String::new()]),
                );
            }
        }
        text.push_str(&format!("\n{}", table.within(width)));
    }
    let columns = [
        left("SELLER"),
        right("BEFORE"),
        right("AFTER"),
        right("DIFFERENCE"),
        left(""),
    ];
    let mut totals = Table::new(&columns);
    let before_tax = "Totals are before tax.\n";
    for it in compared.by_seller.iter().chain(&compared.totals) {
        let seller = it
            .seller
            .as_ref()
            .map_or_else(|| "All".to_owned(), seller_in_words);
        let row = [seller].into_iter().chain(amounts(&it.change));
        totals.row(row.chain([it.currency.clone()]));
    }
    if !compared.totals.is_empty() {
        text.push_str(&format!("\n{}{before_tax}", totals.within(width)));
    }
    if compared.unchanged > 0 {
        let unchanged = counted(compared.unchanged, "bill");
        text.push_str(&format!("{unchanged} unchanged, and in the totals.\n"));
    }
    text
}

/// That not all bills that change are named, if that is so.
pub(super) fn not_compared(compared: &WhatIf) -> Option<String> {
    let named = compared.accounts.len() as u64;
    (compared.left_out > 0).then(|| {
        format!(
            "{} left out that change by less than these: an answer names at most {named}. They are in the totals.",
            were(compared.left_out)
        )
    })
}

/// That not all bills are forecast, if that is so.
pub(super) fn not_forecast(forecast: &Forecast) -> Option<String> {
    let named = forecast.accounts.len() as u64;
    (forecast.left_out > 0).then(|| {
        format!(
            "{} left out that come to less than these: an answer has at most {named}.",
            were(forecast.left_out)
        )
    })
}

fn were(bills: u64) -> String {
    let were = if bills == 1 { "was" } else { "were" };
    format!("{} {were}", counted(bills, "bill"))
}

/// The same, for programs: a row for each part that changes.
pub(super) fn what_if_csv(compared: &WhatIf) -> String {
    let mut text =
        "seller,buyer,buyerName,currency,kind,meterId,meterName,before,after,difference\n".to_owned();
    for it in &compared.accounts {
        for part in &it.parts {
            let AmountChange {
                before,
                after,
                difference,
            } = &part.change;
            text.push_str(&line(&it.account, &part.part, &[before, after, difference]));
        }
    }
    text
}

/// What the bills of an open month come to: how, and how far that can be said.
pub(super) fn forecast(forecast: &Forecast, by_meter: bool, width: Option<u16>) -> String {
    let method = match forecast.method {
        ForecastMethod::DailyMean => {
            "the daily mean of the month's complete days, per local subscription and meter, for each hour that is not \
             complete; then reckoned as a bill"
        }
    };
    let mut text = format!("{} at its end, as of {}\n", forecast.period, forecast.as_of);
    text.push_str(&format!("Method: {method}.\n"));
    if forecast.accounts.is_empty() {
        text.push_str(
            "\nNothing was used in that month so far that is sold to or by whoever you may read.\n",
        );
        return text;
    }
    let columns = [
        left("SELLER").rank(1),
        left("BUYER").wraps(),
        left("WHAT").wraps(),
        right("SO FAR"),
        right("PROJECTED"),
        left(""),
        right("DAYS").rank(2),
    ];
    let mut table = Table::new(&columns);
    for it in &forecast.accounts {
        let [seller, buyer] = parties(&it.account);
        table.row([
            seller,
            buyer,
            "before tax".to_owned(),
            grouped(&it.so_far),
            projected(it.projected.as_deref()),
            it.account.currency.clone(),
            days(it),
        ]);
        // The tax is not among what it comes to, and told beside it.
        let is_shown = |part: &&PartForecast| by_meter || part.part.kind == BillPartKind::Tax;
        for part in it.parts.iter().filter(is_shown) {
            table.row([
                String::new(),
                String::new(),
                part_in_words(&part.part),
                grouped(&part.so_far),
                projected(part.projected.as_deref()),
                String::new(),
                String::new(),
            ]);
        }
    }
    text.push_str(&format!("\n{}", table.within(width)));
    text.push_str(&incomplete(forecast));
    text
}

fn projected(amount: Option<&str>) -> String {
    amount.map_or_else(|| "too little data".to_owned(), grouped)
}

/// How many days were counted: of the stack with the fewest.
fn days(account: &AccountForecast) -> String {
    let fewest = account.stacks.iter().map(|stack| stack.days_counted).min();
    or_dash(fewest.map(|days| days.to_string()).as_deref())
}

/// The stacks whose month is not complete, each once.
fn incomplete(forecast: &Forecast) -> String {
    let mut stacks: Vec<_> = forecast.accounts.iter().flat_map(|it| &it.stacks).collect();
    stacks.sort_by_key(|stack| &stack.cloud_id);
    stacks.dedup_by_key(|stack| &stack.cloud_id);
    let mut text = String::new();
    for stack in stacks {
        let Some(from) = &stack.incomplete_from else {
            continue;
        };
        let name = stack_in_words(&stack.cloud_id, stack.stack_name.as_deref());
        let days = counted(stack.days_counted.into(), "complete day");
        let enough = if stack.is_enough {
            String::new()
        } else {
            format!("; {} are needed for a projection", forecast.days_needed)
        };
        text.push_str(&format!(
            "Stack {name}: {days}, not complete from {from} on{enough}.\n"
        ));
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

/// The same, for programs: a row for each part.
pub(super) fn forecast_csv(forecast: &Forecast) -> String {
    let mut text = "seller,buyer,buyerName,currency,kind,meterId,meterName,soFar,projected\n".to_owned();
    for it in &forecast.accounts {
        for part in &it.parts {
            let projected = part.projected.as_deref().unwrap_or_default();
            text.push_str(&line(&it.account, &part.part, &[&part.so_far, projected]));
        }
    }
    text
}

fn line(account: &BillAccount, part: &BillPart, amounts: &[&str]) -> String {
    let kind = match part.kind {
        BillPartKind::Usage => "usage",
        BillPartKind::CapacityFee => "capacityFee",
        BillPartKind::MinimumCommitment => "minimumCommitment",
        BillPartKind::Credit => "credit",
        BillPartKind::Tax => "tax",
        BillPartKind::Corrections => "corrections",
    };
    let (seller, buyer) = (account.seller.text(), account.buyer.text());
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    let (name, id, meter) = (of(&account.buyer.name), of(&part.meter_id), of(&part.meter_name));
    let words: [&str; 7] = [&seller, &buyer, &name, &account.currency, kind, &id, &meter];
    let fields: Vec<String> = words.iter().chain(amounts).map(|text| field(text)).collect();
    fields.join(",") + "\n"
}

/// A field as RFC 4180 has it. What a spreadsheet would take for a formula begins with an apostrophe.
fn field(text: &str) -> String {
    let is_amount = text
        .strip_prefix('-')
        .is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_amount {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";

    fn account(name: &str) -> Value {
        json!({ "seller": { "kind": "platform" }, "buyer": { "kind": "partner", "id": ID, "name": name },
            "currency": "USD" })
    }

    fn with(mut object: Value, members: &Value) -> Value {
        for (name, value) in members.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    }

    fn compared() -> WhatIf {
        let change = json!({ "before": "1000.00", "after": "900.00", "difference": "-100.00" });
        let part = with(
            json!({ "kind": "usage", "meterId": ID, "meterName": "Base VM" }),
            &change,
        );
        let account = with(
            with(account("Harbour, Ltd"), &change),
            &json!({ "parts": [part] }),
        );
        serde_json::from_value(json!({
            "period": "2026-10", "isOver": true, "isMoved": true, "supposedFrom": "2026-10-01T00:00:00Z",
            "draft": { "name": "northwind", "currency": "USD", "effectiveFrom": "2027-01-01T00:00:00Z", "prices": [],
                "draftedAt": "2026-11-02T10:00:00Z", "etag": "\"1\"" },
            "accounts": [account], "leftOut": 2, "unchanged": 1,
            "bySeller": [with(json!({ "seller": { "kind": "platform" }, "currency": "USD" }), &change)],
            "totals": [with(json!({ "currency": "USD" }), &change)],
        }))
        .unwrap()
    }

    #[test]
    fn a_draft_of_later_is_said_to_be_one_and_every_difference_has_its_sign() {
        let text = what_if(&compared(), None);
        for said in [
            "2026-10, with the draft of price list northwind published",
            "begins on 2027-01-01T00:00:00Z, after the month",
            "as if it held from 2026-10-01T00:00:00Z on",
            "Harbour, Ltd",
            "Base VM",
            "-100.00",
            "Totals are before tax.",
            "1 bill unchanged",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let left_out = not_compared(&compared()).unwrap();
        assert!(
            left_out.starts_with("2 bills were left out that change by less"),
            "{left_out}"
        );
        let csv = what_if_csv(&compared());
        let row =
            format!("platform,partner:{ID},\"Harbour, Ltd\",USD,usage,{ID},Base VM,1000.00,900.00,-100.00");
        assert_eq!(csv.lines().nth(1), Some(row.as_str()));
    }

    fn forecast_of(projected: Option<&str>, days: u32) -> Forecast {
        let mut part = json!({ "kind": "usage", "meterId": ID, "meterName": "=Base", "soFar": "240.00" });
        let stack = json!({ "cloudId": ID, "stackName": "north", "daysCounted": days,
            "incompleteFrom": "2026-10-11T00:00:00Z", "isEnough": projected.is_some() });
        let mut of = with(
            account("Harbour"),
            &json!({ "soFar": "240.00", "stacks": [stack] }),
        );
        if let Some(projected) = projected {
            part["projected"] = projected.into();
            of["projected"] = projected.into();
        }
        of["parts"] = json!([part]);
        serde_json::from_value(
            json!({ "period": "2026-10", "asOf": "2026-10-11T06:00:00Z", "method": "dailyMean",
            "daysNeeded": 3, "accounts": [of], "leftOut": 0 }),
        )
        .unwrap()
    }

    #[test]
    fn a_forecast_says_how_it_was_made_of_how_many_days_and_what_is_not_complete() {
        let text = forecast(&forecast_of(Some("7440.00"), 10), true, None);
        for said in [
            "Method: the daily mean",
            "7,440.00",
            "240.00",
            "=Base",
            "10 complete days, not complete from 2026-10-11T00:00:00Z on.",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let csv = forecast_csv(&forecast_of(Some("7440.00"), 10));
        assert!(csv.ends_with("'=Base,240.00,7440.00\n"), "{csv}");
    }

    #[test]
    fn too_few_days_are_said_to_be_too_few() {
        let text = forecast(&forecast_of(None, 2), false, None);
        assert!(text.contains("too little data"), "{text}");
        assert!(
            text.contains("2 complete days") && text.contains("3 are needed"),
            "{text}"
        );
        assert!(!text.contains("=Base"), "{text}");
    }

    #[test]
    fn a_file_without_all_bills_would_be_taken_for_all_of_them() {
        let mut forecast = forecast_of(None, 2);
        assert_eq!(not_forecast(&forecast), None);
        forecast.left_out = 1;
        let told = not_forecast(&forecast).unwrap();
        assert_eq!(
            told,
            "1 bill was left out that come to less than these: an answer has at most 1."
        );
    }

    #[test]
    fn tax_would_be_taken_for_what_the_seller_keeps() {
        let mut of = forecast_of(Some("7440.00"), 10);
        let tax: PartForecast =
            serde_json::from_value(json!({ "kind": "tax", "soFar": "60.00", "projected": "1860.00" }))
                .unwrap();
        of.accounts[0].parts.push(tax);
        let text = forecast(&of, false, None);
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("before tax") || line.contains("tax  "))
            .collect();
        assert!(
            rows[0].contains("before tax") && rows[0].contains("7,440.00"),
            "{text}"
        );
        assert!(rows[1].contains("1,860.00"), "{text}");
    }
}

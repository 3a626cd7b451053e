use domain::quantity::Rational;
use proptest::prelude::*;

use super::*;

const PAYER: &str = "0b1c2d3e-0000-4000-8000-00000000000a";
const PLAN: &str = "0b1c2d3e-0000-4000-8000-00000000000b";
const METER: &str = "1a2b3c4d-0000-4000-8000-00000000000c";

fn october() -> Period {
    "2026-10".parse().unwrap()
}

fn understood(text: &str) -> Understood {
    read(text, october(), Choices::default()).unwrap()
}

fn ratio(numerator: i64, denominator: i64) -> Rational {
    Rational::new(numerator.into(), denominator.into())
}

/// Days, quantity and amount of each line.
fn told(understood: &Understood) -> Vec<(String, Rational, Option<Rational>)> {
    let lines = understood.lines.iter();
    lines
        .map(|line| {
            let amount = line.charge.as_ref().map(|charge| charge.amount.clone());
            (line.days.to_string(), line.quantity.clone(), amount)
        })
        .collect()
}

fn rated(rows: &[&str]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| format!("{PAYER},{METER},{row}\r\n"))
        .collect();
    format!(
        "\u{feff}Subscription Id,METERID,usage_date,Quantity,BillingPreTaxTotal,Billing Currency\r\n{}",
        rows.concat()
    )
}

#[test]
fn daily_rated_usage_is_read_whatever_the_case_and_blanks_of_its_names() {
    let read = understood(&rated(&["2026-10-05T00:00:00Z,2.50,0.1234567,usd"]));
    assert_eq!(read.kind, LineItems::DailyRated);
    assert_eq!(read.written, Written::Table { separator: ',' });
    assert_eq!(read.rejected, []);
    let [line] = read.lines.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(line.subscription.to_string(), PAYER);
    assert_eq!(line.meter.to_string(), METER);
    assert_eq!(line.days.to_string(), "2026-10-05");
    assert_eq!(line.quantity, ratio(5, 2));
    let charge = line.charge.as_ref().unwrap();
    assert_eq!(
        (charge.currency, &charge.amount),
        (Currency::USD, &ratio(1_234_567, 10_000_000))
    );
}

#[test]
fn the_entitlement_is_the_subscription_that_was_used() {
    let text = format!(
        "subscriptionId,entitlementId,meterId,usageDate,quantity,billingPreTaxTotal,billingCurrency\n\
         {PLAN},{PAYER},{METER},2026-10-05,1,2,USD\n{PLAN},,{METER},2026-10-05,1,2,USD\n"
    );
    let payers: Vec<String> = understood(&text)
        .lines
        .iter()
        .map(|it| it.subscription.to_string())
        .collect();
    assert_eq!(payers, [PAYER, PLAN]);
}

#[test]
fn usage_based_line_items_are_for_all_days_of_their_charge() {
    let text = |to: &str| {
        format!(
            "SubscriptionId;ResourceGuid;ChargeStartDate;ChargeEndDate;ConsumedQuantity;PretaxCharges;Currency\n\
             {PAYER};{METER};2026-10-01;{to};10;1,50;EUR\n"
        )
    };
    for to in ["2026-10-31", "2026-11-01T00:00:00Z"] {
        let read = understood(&text(to));
        assert_eq!(read.kind, LineItems::UsageBased);
        assert_eq!(
            told(&read),
            [(
                "2026-10-01 to 2026-10-31".to_owned(),
                ratio(10, 1),
                Some(ratio(3, 2))
            )],
            "{to}"
        );
    }
    let backwards = understood(&text("2026-09-30"));
    assert_eq!(backwards.rejected[0].code, "InvalidDate");
}

#[test]
fn daily_usage_has_no_amounts() {
    let text =
        format!("subscriptionId,resourceGuid,usageDate,consumedQuantity\n{PAYER},{METER},2026-10-05,1e-3\n");
    let read = understood(&text);
    assert_eq!(read.kind, LineItems::DailyUsage);
    assert_eq!(told(&read), [("2026-10-05".to_owned(), ratio(1, 1000), None)]);
}

#[test]
fn json_comes_as_pages_as_an_array_or_line_by_line() {
    let item = format!(
        r#"{{"subscriptionId":"{PAYER}","meterId":"{METER}","usageDate":"2026-10-05T00:00:00","quantity":2.5,
            "billingPreTaxTotal":-0.1,"billingCurrency":"USD","tags":null,"attributes":{{"objectType":"X"}}}}"#
    );
    for text in [
        format!(r#"{{"totalCount":2,"items":[{item},{item}],"links":{{}}}}"#),
        format!("\u{feff} [{item},{item}]"),
        format!("{item}\n{item}\n"),
        format!(r#"{{"Items":[{item}]}}{{"Items":[{item}]}}"#),
    ] {
        let read = understood(&text);
        assert_eq!(read.written, Written::Json);
        let line = ("2026-10-05".to_owned(), ratio(5, 2), Some(ratio(-1, 10)));
        assert_eq!(told(&read), [line.clone(), line], "{text}");
    }
    let read = understood(&format!("[{item},7]"));
    assert_eq!(
        (read.rejected[0].line, read.rejected[0].code),
        (2, "InvalidLineItem")
    );
}

#[test]
fn a_decimal_comma_is_taken_only_if_the_file_proves_it() {
    let amounts = |rows: &[&str]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|amount| format!("2026-10-05,\"1\",\"{amount}\",USD"))
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        read(&rated(&rows), october(), Choices::default()).map(|read| {
            let amounts = told(&read).into_iter().filter_map(|(_, _, amount)| amount);
            (
                amounts.collect::<Vec<_>>(),
                read.rejected.iter().map(|it| it.code).collect::<Vec<_>>(),
            )
        })
    };
    for (rows, expected, rejected) in [
        (vec!["1,5", "1,234"], vec![ratio(3, 2), ratio(1234, 1000)], vec![]),
        (vec!["1.5", "1,234"], vec![ratio(3, 2), ratio(1234, 1)], vec![]),
        (
            vec!["1.234,5", "-0,25"],
            vec![ratio(12_345, 10), ratio(-1, 4)],
            vec![],
        ),
        (
            vec!["1,234.5", "(0.25)"],
            vec![ratio(12_345, 10), ratio(-1, 4)],
            vec![],
        ),
        (vec!["1,234,567"], vec![ratio(1_234_567, 1)], vec![]),
        (vec!["0,125"], vec![ratio(1, 8)], vec![]),
        (vec!["1.234"], vec![ratio(1234, 1000)], vec![]),
        (vec!["2", "1,234"], vec![ratio(2, 1)], vec!["InvalidNumber"]),
        (vec!["1.5", "1,23,456"], vec![ratio(3, 2)], vec!["InvalidNumber"]),
        (vec!["1.5", "$2"], vec![ratio(3, 2)], vec!["InvalidNumber"]),
    ] {
        assert_eq!(amounts(&rows), Ok((expected, rejected.clone())), "{rows:?}");
    }
    let both = amounts(&["1.5", "1,5"]).unwrap_err().to_string();
    assert!(both.contains("decimalMark"), "{both}");
    let told_so = Choices {
        decimal_mark: Some(DecimalMark::Comma),
        ..Choices::default()
    };
    let read = read(&rated(&["2026-10-05,1,\"1,234\",USD"]), october(), told_so).unwrap();
    assert_eq!(told(&read)[0].2, Some(ratio(1234, 1000)));
}

#[test]
fn a_day_is_never_taken_for_a_month() {
    let days = |rows: &[&str], choices| {
        let rows: Vec<String> = rows.iter().map(|date| format!("{date},1,1,USD")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        read(&rated(&rows), october(), choices)
            .map(|read| told(&read).into_iter().map(|(days, ..)| days).collect::<Vec<_>>())
    };
    let unsaid = Choices::default();
    assert_eq!(
        days(&["10/5/2026 12:00:00 AM", "10/31/2026"], unsaid).unwrap(),
        ["2026-10-05", "2026-10-31"]
    );
    assert_eq!(
        days(&["05.10.2026", "31.10.2026"], unsaid).unwrap(),
        ["2026-10-05", "2026-10-31"]
    );
    assert_eq!(
        days(&["10/5/2026", "10/6/2026"], unsaid).unwrap(),
        ["2026-10-05", "2026-10-06"],
        "by the month"
    );
    let open = days(&["10/10/2026"], unsaid).unwrap_err().to_string();
    assert!(open.contains("dateOrder"), "{open}");
    let open = days(&["9/5/2026", "10/10/2026"], unsaid).unwrap_err().to_string();
    assert!(open.contains("dateOrder"), "{open}");
    let day_first = Choices {
        date_order: Some(DateOrder::DayFirst),
        ..unsaid
    };
    assert_eq!(days(&["9/10/2026"], day_first).unwrap(), ["2026-10-09"]);
}

#[test]
fn a_line_that_is_not_understood_is_told_with_its_place_and_its_text() {
    let text = rated(&[
        "2026-10-05,1,1,USD",
        "2026-10-32,1,1,USD",
        "2026-10-05,much,1,USD",
        "2026-10-05,1,,USD",
        "2026-10-05,1,1,DOLLARS",
        "2026-10-05,1,1",
    ]);
    let text = format!("{text}x,{METER},2026-10-05,1,1,USD\r\n{PAYER},y,2026-10-05,1,1,USD\r\n");
    let read = understood(&text);
    assert_eq!(read.lines.len(), 1);
    let rejected: Vec<_> = read.rejected.iter().map(|it| (it.line, it.code)).collect();
    assert_eq!(
        rejected,
        [
            (3, "InvalidDate"),
            (4, "InvalidNumber"),
            (5, "InvalidNumber"),
            (6, "InvalidCurrency"),
            (7, "InvalidLine"),
            (8, "InvalidSubscriptionId"),
            (9, "InvalidMeterId"),
        ]
    );
    assert_eq!(read.rejected[5].text, format!("x,{METER},2026-10-05,1,1,USD"));
}

#[test]
fn a_break_in_quotes_is_part_of_its_line_and_a_quote_that_never_ends_costs_one_line() {
    let text = format!(
        "subscriptionId,meterId,usageDate,quantity,billingPreTaxTotal,billingCurrency,tags\n\
         {PAYER},{METER},2026-10-05,1,1,USD,\"a\n\"\"b\"\"\"\n\
         {PAYER},{METER},2026-10-06,1,1,USD,\"a\n\
         {PAYER},{METER},2026-10-07,1,1,USD,\n"
    );
    let read = understood(&text);
    let days: Vec<String> = told(&read).into_iter().map(|(days, ..)| days).collect();
    assert_eq!(days, ["2026-10-05", "2026-10-07"]);
    assert_eq!((read.rejected[0].line, read.rejected[0].code), (4, "InvalidLine"));
}

#[test]
fn a_screen_of_27_inches_swallows_the_charges_after_it() {
    let header = "subscriptionId,meterId,usageDate,quantity,billingPreTaxTotal,billingCurrency,tags\n";
    let row = |day: u32, tags: &str| format!("{PAYER},{METER},2026-10-{day:02},1,1,USD,{tags}\n");
    let text = format!(
        "{header}{}{}{}{}{}",
        row(5, "screen 27\""),
        row(6, "a"),
        row(7, "6\" of it"),
        row(8, "\"a \"\"b\"\"\""),
        row(9, "\"a\" b"),
    );
    let read = understood(&text);
    let days: Vec<String> = told(&read).into_iter().map(|(days, ..)| days).collect();
    assert_eq!(days, ["2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08"]);
    let rejected: Vec<_> = read.rejected.iter().map(|it| (it.line, it.code)).collect();
    assert_eq!(
        rejected,
        [(6, "InvalidLine")],
        "something follows the end of its quotes"
    );
}

#[test]
fn numbers_of_json_are_never_a_thousand_times_what_they_are() {
    let text = format!(
        r#"[{{"subscriptionId":"{PAYER}","meterId":"{METER}","usageDate":"2026-10-05","quantity":1,
            "billingPreTaxTotal":1.234,"billingCurrency":"USD"}}]"#
    );
    let choices = Choices {
        decimal_mark: Some(DecimalMark::Comma),
        ..Choices::default()
    };
    let refused = read(&text, october(), choices).unwrap_err().to_string();
    assert!(refused.contains("decimalMark"), "{refused}");
    assert_eq!(told(&understood(&text))[0].2, Some(ratio(1234, 1000)));
}

#[test]
fn what_is_no_file_of_line_items_says_what_it_misses() {
    for (text, missing) in [
        ("", "names of columns"),
        ("a,b\n1,2\n", "subscriptionId"),
        ("subscriptionId,quantity\n", "meterId"),
        ("subscriptionId,meterId,usageDate\n", "quantity"),
        ("subscriptionId,meterId,quantity\n", "usageDate"),
        (
            "subscriptionId,meterId,quantity,billingPreTaxTotal\n",
            "chargeStartDate",
        ),
        ("subscriptionId,subscription_id,meterId\n", "once"),
        ("{\"items\":", "JSON"),
        ("[]", "subscriptionId"),
    ] {
        let error = read(text, october(), Choices::default()).unwrap_err().to_string();
        assert!(error.contains(missing), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(text in "\\PC{0,200}", is_json in any::<bool>()) {
        let text = if is_json { format!("[{text}") } else { rated(&[&text]) };
        if let Ok(read) = read(&text, october(), Choices::default()) {
            prop_assert!(!read.lines.is_empty() || !read.rejected.is_empty() || text.trim().is_empty());
        }
    }
}

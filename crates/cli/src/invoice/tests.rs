use serde_json::{Value, json};

use super::*;

const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
const FJORDBANK: &str = "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";
const HARBOUR: &str = "1d3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";
const METER: &str = "b5c15376-6c94-4fdd-b655-1a69d138aca3";

fn usage(name: &str, more: &Value) -> Value {
    let mut line = json!({
        "meterId": METER, "meterName": name, "category": "c", "unit": "1 vCPU hour", "includedQuantity": "0",
        "priceSince": "2026-10-01T00:00:00Z", "reason": "tenantMapping", "shares": [],
    });
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    line
}

fn line(payer: Option<(&str, &str)>, key: &str, kind: &str, more: &Value) -> Value {
    let mut line = json!({ "id": format!("MB-000042.2026-10.{key}"), "kind": kind });
    if let Some((id, name)) = payer {
        line["subscriptionId"] = id.into();
        line["subscriptionName"] = name.into();
    }
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    line
}

fn invoice() -> Value {
    let fjordbank = Some((FJORDBANK, "Fjordbank CSP"));
    let harbour = Some((HARBOUR, "Harbour stacks"));
    let tiers = json!([
        { "from": "0", "unitPrice": "0.5", "quantity": "10", "amount": "5" },
        { "from": "10", "unitPrice": "0.25", "quantity": "2.5", "amount": "0.625" },
    ]);
    let lines = json!([
        line(
            fjordbank,
            "usage.1",
            "usage",
            &json!({ "amount": "5.63", "usage": usage("Base VM", &json!({
            "quantity": "12.5", "chargedQuantity": "12.5", "tiers": tiers, "amount": "5.63" })) })
        ),
        line(
            fjordbank,
            "usage.2",
            "usage",
            &json!({ "amount": "1.00", "usage": usage("Windows VM", &json!({
            "quantity": "4", "chargedQuantity": "4", "unitPrice": "0.25", "priceSince": "2026-10-16T07:00:00Z",
            "amount": "1.00" })) })
        ),
        line(
            harbour,
            "usage.3",
            "usage",
            &json!({ "amount": "3.00", "usage": usage("Base VM", &json!({
            "quantity": "6", "chargedQuantity": "6", "unitPrice": "0.5", "priceSource": "sample",
            "amount": "3.00" })) })
        ),
        line(
            harbour,
            "capacityFee.1",
            "capacityFee",
            &json!({ "amount": "1174.36", "capacityFee": {
            "cloudId": STACK, "stackName": "north", "perCoreAndYear": "144", "daysOfYear": 365,
            "coreDays": [{ "cores": 96, "days": 31 }], "exactAmount": "1174.093150684932",
            "exactAmountIsExact": false } })
        ),
        line(
            None,
            "minimumCommitment",
            "minimumCommitment",
            &json!({ "amount": "16.01",
            "minimumCommitment": { "commitment": "1200.00", "reached": "1183.99" } })
        ),
        line(
            None,
            "credit",
            "credit",
            &json!({ "amount": "-50.00", "credit": { "granted": "50.00" } })
        ),
        line(
            None,
            "tax",
            "tax",
            &json!({ "amount": "287.50",
            "tax": { "label": "VAT", "percent": "25", "on": "1150.00" } })
        ),
    ]);
    json!({
        "number": "MB-000042", "status": "issued", "isCreditNote": false,
        "seller": { "kind": "platform" },
        "buyer": { "kind": "partner", "id": "bd20c3f1-9c7e-4d1a-8a55-0a4a6a1c2f10", "name": "Harbour" },
        "currency": "USD", "period": "2026-10", "issuedAt": "2026-11-02T09:30:00Z", "lines": lines,
        "corrections": [
            { "id": "MB-000042.2026-09.usage.1", "period": "2026-09", "kind": "usage", "subscriptionId": FJORDBANK,
              "subscriptionName": "Fjordbank CSP", "meterId": METER, "meterName": "Base VM",
              "priceSince": "2026-09-01T00:00:00Z", "billed": "5.00", "now": "7.50", "amount": "2.50",
              "cause": "lateUsage" },
            { "id": "MB-000042.2026-09.usage.2", "period": "2026-09", "kind": "usage", "subscriptionId": HARBOUR,
              "subscriptionName": "Harbour stacks", "meterId": METER, "meterName": "Base VM",
              "priceSince": "2026-09-10T08:00:00Z", "billed": "2.50", "now": "0.00", "amount": "-2.50",
              "cause": "attribution" },
            { "id": "MB-000042.2026-09.tax", "period": "2026-09", "kind": "tax", "billed": "1.87", "now": "1.88",
              "amount": "0.01", "cause": "several" },
        ],
        "subtotal": "1150.00", "tax": "287.51", "total": "1437.51", "priceLists": ["pay-as-you-use-usd"],
        "catalogDigest": "aa", "marksDigest": "bb",
    })
}

fn rendered(invoice: Value) -> String {
    render(&serde_json::from_value(invoice).unwrap(), Style::new(false), None)
}

#[test]
fn an_invoice_can_be_checked_by_hand_and_each_line_asked_for() {
    let text = rendered(invoice());
    insta::assert_snapshot!("invoice", text);
    for (number, id) in [(1, "usage.1"), (4, "capacityFee.1"), (7, "tax")] {
        let named = format!("{number}  MB-000042.2026-10.{id}\n");
        assert!(text.contains(&named), "{named}: {text}");
    }
}

#[test]
fn a_credit_note_says_who_owes_whom() {
    let mut invoice = invoice();
    invoice["isCreditNote"] = true.into();
    invoice["lines"] = json!([]);
    invoice["total"] = "-2.49".into();
    let text = rendered(invoice);
    assert!(text.starts_with("Credit note MB-000042 for 2026-10\n"), "{text}");
    assert!(text.contains("Total, owed to the buyer"), "{text}");
    assert!(text.contains("-2.49  USD\n"), "{text}");
}

#[test]
fn a_running_bill_is_not_taken_for_an_invoice_and_says_what_costs_nothing_and_why() {
    let mut bill = invoice();
    bill["status"] = "open".into();
    for member in ["number", "issuedAt"] {
        bill.as_object_mut().unwrap().remove(member);
    }
    let running = json!({
        "bill": bill,
        "notCharged": [{ "subscriptionId": HARBOUR, "subscriptionName": "Harbour stacks", "notCharged": [
            { "localMeterId": METER, "localMeterName": "Base VM", "unit": "Hours", "quantity": "9",
              "because": "capacity" }
        ] }],
        "withoutFee": [{ "subscriptionId": HARBOUR, "cloudId": STACK, "days": 31, "because": "coresUnknown" }],
    });
    let text = render_running(&serde_json::from_value(running).unwrap(), Style::new(false), None);
    assert!(text.starts_with("Running bill for 2026-10\n"), "{text}");
    assert!(
        text.contains("open: it can still change, and has no number"),
        "{text}"
    );
    assert!(text.contains("paid by capacity"), "{text}");
    let fee = format!("Stack {STACK}, 31 days: its cores are not known");
    assert!(text.contains(&fee), "{text}");
}

#[test]
fn lines_are_looked_for_by_name_and_not_by_an_id_that_nobody_knows() {
    let mut invoice = invoice();
    let lines = invoice["lines"].as_array_mut().unwrap();
    for line in lines.iter_mut().filter(|line| line["subscriptionId"] == HARBOUR) {
        line["subscriptionName"] = "aardvark".into();
    }
    lines.swap(0, 1);
    invoice["corrections"][1]["subscriptionName"] = "aardvark".into();
    invoice["issuedAt"] = "2026-11-02T09:30:00.123456789Z".into();
    let text = rendered(invoice);
    let place = |told: &str| text.find(told).unwrap_or_else(|| panic!("{told}: {text}"));
    assert!(
        place("aardvark, ") < place("Fjordbank CSP, ") && place("Fjordbank CSP, ") < place("For all of it")
    );
    let numbered = [
        "1  MB-000042.2026-10.usage.3",
        "2  MB-000042.2026-10.capacityFee.1",
        "3  MB-000042.2026-10.usage.1",
        "4  MB-000042.2026-10.usage.2",
        "7  MB-000042.2026-10.tax",
    ];
    for told in numbered {
        place(told);
    }
    assert!(
        place("8  2026-09  aardvark") < place("9  2026-09  Fjordbank CSP"),
        "{text}"
    );
    assert!(text.contains("Issued        2026-11-02 09:30:00Z\n"), "{text}");
}

#[test]
fn an_invoice_is_read_on_a_terminal_of_eighty_columns() {
    let invoice: Invoice = serde_json::from_value(invoice()).unwrap();
    let text = render(&invoice, Style::new(false), Some(80));
    let tables = text.split("Ids of the lines").next().unwrap();
    let titles = [FJORDBANK, HARBOUR];
    let wide: Vec<&str> = tables
        .lines()
        .filter(|line| line.chars().count() > 80 && !titles.iter().any(|id| line.contains(id)))
        .collect();
    assert_eq!(wide, [""; 0], "{text}");
    for told in [
        "Short of the minimum",
        "1,200.00, reached",
        "QUANTITY",
        "CORRECTION",
        "1,174.093150…",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

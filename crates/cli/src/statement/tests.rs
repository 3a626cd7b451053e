use serde_json::json;

use super::*;

const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
const TENANT: &str = "9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f";

fn statement(lines: &serde_json::Value, not_charged: &serde_json::Value, total: &str) -> Statement {
    serde_json::from_value(json!({
        "subscriptionId": "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10", "period": "2026-10", "status": "open",
        "priceLists": ["harbour-eur"], "currency": "EUR", "total": total, "lines": lines, "notCharged": not_charged,
    }))
    .unwrap()
}

fn line(name: &str, figures: &serde_json::Value, shares: &serde_json::Value) -> serde_json::Value {
    let mut line = json!({
        "meterId": "b5c15376-6c94-4fdd-b655-1a69d138aca3", "meterName": name, "category": "c", "unit": "GB",
        "includedQuantity": "0", "priceSince": "2026-10-01T00:00:00Z", "reason": "tenantMapping", "shares": shares,
    });
    line.as_object_mut()
        .unwrap()
        .extend(figures.as_object().unwrap().clone());
    line
}

fn share(reason: &str, quantity: &str, amount: &str) -> serde_json::Value {
    json!({ "cloudId": STACK, "tenantId": TENANT, "reason": reason, "quantity": quantity, "amount": amount })
}

#[test]
fn a_bill_can_be_checked_by_hand() {
    let lines = json!([
        line(
            "Base VM",
            &json!({ "unit": "vCPU hour", "quantity": "148800", "unitPrice": "0.008", "amount": "1190.40" }),
            &json!([share("tenantMapping", "148800", "1190.40")])
        ),
        line(
            "Blob storage",
            &json!({ "quantity": "150.25", "includedQuantity": "50", "amount": "0.58", "reason": "several",
                "tiers": [
                    { "from": "0", "unitPrice": "0.006", "quantity": "80", "amount": "0.48" },
                    { "from": "80", "unitPrice": "0.0050", "quantity": "20.25", "amount": "0.10125" },
                ] }),
            &json!([
                share("tenantMapping", "100", "0.39"),
                share("tenantNotMapped", "50.25", "0.19")
            ])
        ),
        line(
            "Base VM",
            &json!({ "unit": "vCPU hour", "quantity": "1.5", "unitPrice": "0.01", "amount": "0.02",
                "priceSince": "2026-10-15T00:00:00Z" }),
            &json!([share("tenantMapping", "1.5", "0.02")])
        ),
    ]);
    let not_charged = json!([
        { "localMeterId": "f271a8a3-88c4-4d93-956a-063e1d2fa80b", "localMeterName": "Static IP", "unit": "IP hours",
          "quantity": "744", "because": "informational" },
        { "localMeterId": "5d0f6f0e-8a7c-4c0b-9d2a-7f3f6b1c2e41", "quantity": "1.25", "because": "unknownLocalMeter" },
    ]);
    insta::assert_snapshot!(
        "bill",
        render(&statement(&lines, &not_charged, "1191.00"), Style::new(false))
    );
}

#[test]
fn a_bill_of_nothing_says_so() {
    insta::assert_snapshot!(
        "bill_of_nothing",
        render(&statement(&json!([]), &json!([]), "0.00"), Style::new(false))
    );
}

#[test]
fn who_used_it_is_left_out_where_it_says_nothing_new() {
    let lines = json!([line(
        "Base VM",
        &json!({ "quantity": "1", "unitPrice": "1", "amount": "1.00", "priceSince": null }),
        &json!([share("tenantMapping", "1", "1.00")])
    )]);
    let text = render(&statement(&lines, &json!([]), "1.00"), Style::new(false));
    assert!(
        !text.contains("Who used it") && text.contains("Base VM, development"),
        "{text}"
    );
}

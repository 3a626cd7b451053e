use serde_json::{Value, json};

use super::*;

const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
const TENANT: &str = "9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f";

fn statement(lines: &Value, not_charged: &Value, total: &str) -> Statement {
    serde_json::from_value(json!({
        "subscriptionId": "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10", "subscriptionName": "Fjordbank CSP",
        "customer": { "id": "3f1bd20c-9c7e-4d1a-8a55-0a4a6a1c2f10", "name": "Fjordbank" },
        "seller": { "id": "bd20c3f1-9c7e-4d1a-8a55-0a4a6a1c2f10", "name": "Harbour" },
        "period": "2026-10", "status": "open",
        "priceLists": ["harbour-eur"], "currency": "EUR", "total": total, "lines": lines, "notCharged": not_charged,
    }))
    .unwrap()
}

fn line(name: &str, figures: &Value, measured: &Value, shares: &Value) -> Value {
    let charged = figures["quantity"].clone();
    let mut line = json!({
        "chargedQuantity": charged,
        "meterId": "b5c15376-6c94-4fdd-b655-1a69d138aca3", "meterName": name, "category": "c", "unit": "1 vCPU hour",
        "includedQuantity": "0", "priceSince": "2026-10-01T00:00:00Z", "reason": "tenantMapping",
        "measured": measured, "shares": shares,
    });
    let figures = figures.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(figures);
    line
}

fn measured(name: &str, quantity: &str, unit: &str, factor: &str) -> Value {
    json!({ "localMeterId": "5d0f6f0e-8a7c-4c0b-9d2a-7f3f6b1c2e41", "localMeterName": name, "unit": unit,
        "quantity": quantity, "factor": factor })
}

fn share(reason: &str, quantity: &str, amount: &str) -> Value {
    json!({ "cloudId": STACK, "stackName": format!("AzureStack-{STACK}"), "tenantId": TENANT,
        "customerName": "Fjordbank", "reason": reason, "quantity": quantity, "amount": amount })
}

#[test]
fn a_bill_can_be_checked_by_hand() {
    let core_hours = |quantity: &str| {
        json!([measured(
            "Base VM Size Hours",
            quantity,
            "Virtual core hours",
            "1"
        )])
    };
    let lines = json!([
        line(
            "Blob capacity",
            &json!({ "unit": "1 GB and month", "quantity": "150.250000000001", "quantityIsExact": false,
                "includedQuantity": "50", "priceIncludedQuantity": "62.5", "usedBefore": "12.5",
                "chargedQuantity": "100.250000000001", "chargedQuantityIsExact": false, "amount": "0.58", "reason": "several",
                "priceSource": "sample",
                "usedBeforeIsExact": false,
                "tiers": [
                    { "from": "0", "unitPrice": "0.006", "quantity": "80", "amount": "0.48" },
                    { "from": "80", "unitPrice": "0.0050", "quantity": "20.250000000001",
                      "amount": "0.101250000000005" },
                ] }),
            &json!([
                measured("PageBlobCapacity", "111786.000000000744", "GB*hours", "1/744"),
                measured("BlockBlobCapacity", "0", "GB*hours", "1/744")
            ]),
            &json!([
                share("tenantMapping", "100", "0.39"),
                share("tenantNotMapped", "50.250000000001", "0.19")
            ])
        ),
        line(
            "Base VM vCPU",
            &json!({ "quantity": "148800", "unitPrice": "0.008", "amount": "1190.40" }),
            &core_hours("148800"),
            &json!([share("tenantMapping", "148800", "1190.40")])
        ),
        line(
            "Base VM vCPU",
            &json!({ "quantity": "1.5", "unitPrice": "0.01", "amount": "0.02",
                "priceSince": "2026-10-15T00:00:00Z", "usedBefore": "148800" }),
            &core_hours("1.5"),
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
        render(
            &statement(&lines, &not_charged, "1191.00"),
            None,
            Style::new(false)
        )
    );
}

#[test]
fn a_bill_of_nothing_says_so() {
    insta::assert_snapshot!(
        "bill_of_nothing",
        render(
            &statement(&json!([]), &json!([]), "0.00"),
            None,
            Style::new(false)
        )
    );
}

#[test]
fn who_used_it_is_said_also_where_it_was_one_alone() {
    let lines = json!([line(
        "Base VM vCPU",
        &json!({ "quantity": "1", "unitPrice": "0", "amount": "0.00", "priceSince": null }),
        &json!([measured("Base VM Size Hours", "1", "Virtual core hours", "1")]),
        &json!([share("tenantMapping", "1", "0.00")])
    )]);
    let text = render(&statement(&lines, &json!([]), "0.00"), None, Style::new(false));
    assert!(
        text.contains("Who used it") && text.contains("Tenant  Fjordbank"),
        "{text}"
    );
    assert!(text.contains("\n  development\n"), "{text}");
}

/// The longest names, the longest units and figures that never end.
#[test]
fn a_bill_is_at_most_100_columns_wide() {
    let catalog = wire::catalog::meters().unwrap();
    let lines: Vec<Value> = catalog
        .local_meters()
        .filter_map(|local| {
            let domain::catalog::Billing::Charged { meter, .. } = &local.billing else {
                return None;
            };
            let meter = catalog.billing_meter(*meter)?;
            Some(line(
                &meter.name,
                &json!({ "unit": meter.unit, "quantity": "123456.123456789012", "unitPrice": "0.000016",
                    "priceSource": "sample", "amount": "12345.67", "priceSince": "2026-10-15T07:00:00Z" }),
                &json!([measured(
                    &local.name,
                    "1234567.123456789012345",
                    &local.unit,
                    "1/76800"
                )]),
                &json!([share(
                    "localSubscriptionUnknown",
                    "123456.123456789012",
                    "12345.67"
                )]),
            ))
        })
        .collect();
    assert!(lines.len() > 20, "the catalog has that many");
    let text = render(
        &statement(&json!(lines), &json!([]), "1234567.89"),
        None,
        Style::new(false),
    );
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}:\n{text}");
}

#[test]
fn a_figure_that_is_not_all_of_it_is_never_shown_as_if_it_were() {
    for (figure, is_exact, shown) in [
        ("1234.5", true, "1,234.5"),
        ("1234.5", false, "1,234.5…"),
        ("7", false, "7…"),
        ("0.1234567", true, "0.123456…"),
        ("0.123456789012", false, "0.123456…"),
        ("0.123456", true, "0.123456"),
    ] {
        assert_eq!(shortened(figure, is_exact), shown, "{figure}, exact: {is_exact}");
    }
}

//! A statement as it is said: in the shape that is fixed, with decimals as texts.

use domain::attribution::Reason;
use domain::catalog::{Tariff, TariffPart};
use domain::ids::{CloudId, LocalSubscriptionId, SubscriptionId, TenantId};
use domain::quantity::{Quantity, QuantitySum};
use domain::registration::BillingModel;
use domain::statement::{ChargedUsage, draw_up};
use domain::time::HourInterval;
use serde_json::{Value, json};
use wire::api::Statement;

const WINDOWS_VM: &str = "9cd92d4c-bafd-4492-b278-bedc2de8232a";
const BLOCK_BLOB: &str = "09f8879e-87e9-4305-a572-4b7be209f857";
const EGRESS: &str = "5887d39b-0253-4e12-83c7-03e1a93dffd9";
const VM_SIZE: &str = "6dab500f-a4fd-49c4-956d-229bb9c8c793";

fn used(local_meter: &str, quantity: &str, reason: Reason) -> ChargedUsage {
    ChargedUsage {
        stack: CloudId::from_bytes([1; 16]),
        local_subscription: LocalSubscriptionId::from_bytes([2; 16]),
        tenant: (reason != Reason::LocalSubscriptionUnknown).then(|| TenantId::from_bytes([3; 16])),
        reason,
        billing_model: BillingModel::PayAsYouUse,
        interval: "2026-10".parse::<domain::time::Period>().unwrap().interval(),
        local_meter: local_meter.parse().unwrap(),
        quantity: QuantitySum::from(quantity.parse::<Quantity>().unwrap()),
    }
}

/// The statement for this usage by the first price list, as JSON.
fn statement(usage: &[ChargedUsage]) -> Value {
    let catalog = wire::catalog::meters().unwrap();
    let first = wire::catalog::first_price_list().unwrap();
    let tariff = Tariff::new(vec![TariffPart {
        hours: HourInterval::from(first.from),
        list: first.list.name.clone(),
        currency: first.list.currency,
        prices: first.prices,
    }]);
    let payer = SubscriptionId::from_bytes([4; 16]);
    let period = "2026-10".parse().unwrap();
    let statement = draw_up(payer, period, &catalog, &tariff, first.list.currency, usage).unwrap();
    serde_json::to_value(Statement::of(&statement, &catalog)).unwrap()
}

#[test]
fn a_statement_is_as_fixed_and_shows_who_used_each_line() {
    let usage = [
        used(WINDOWS_VM, "1000.5", Reason::TenantMapping),
        used(WINDOWS_VM, "0.25", Reason::LocalSubscriptionUnknown),
        used(VM_SIZE, "500", Reason::TenantMapping),
    ];
    let said = statement(&usage);
    let catalog = wire::catalog::meters().unwrap();
    let meter = catalog
        .billing_meters()
        .find(|meter| meter.name == "Windows VM vCPU")
        .unwrap();
    let cloud_id = "01010101-0101-0101-0101-010101010101";
    let expected = json!({
        "subscriptionId": "04040404-0404-0404-0404-040404040404",
        "period": "2026-10",
        "status": "open",
        "priceLists": ["pay-as-you-use-usd"],
        "currency": "USD",
        "total": "46.03",
        "lines": [{
            "meterId": meter.id.to_string(),
            "meterName": "Windows VM vCPU",
            "category": meter.category,
            "unit": meter.unit,
            "quantity": "1000.75",
            "quantityIsExact": true,
            "includedQuantity": "0",
            "unitPrice": "0.046",
            "priceSince": "2026-10-01T00:00:00Z",
            "amount": "46.03",
            "reason": "several",
            "shares": [
                {
                    "cloudId": cloud_id,
                    "reason": "localSubscriptionUnknown",
                    "quantity": "0.25",
                    "amount": "0.01",
                },
                {
                    "cloudId": cloud_id,
                    "tenantId": "03030303-0303-0303-0303-030303030303",
                    "reason": "tenantMapping",
                    "quantity": "1000.5",
                    "amount": "46.02",
                },
            ],
        }],
        "notCharged": [{
            "localMeterId": VM_SIZE,
            "localMeterName": "VM size hours",
            "unit": "VM hours",
            "quantity": "500",
            "because": "informational",
        }],
    });
    assert_eq!(said, expected, "{said:#}");
}

#[test]
fn a_graduated_price_is_shown_by_the_steps_that_were_reached() {
    let said = statement(&[used(EGRESS, "11000", Reason::TenantMapping)]);
    let line = &said["lines"][0];
    assert_eq!(line["includedQuantity"], "5");
    assert!(line.get("unitPrice").is_none(), "{line}");
    let steps = json!([
        { "from": "0", "unitPrice": "0.087", "quantity": "10240", "amount": "890.88" },
        { "from": "10240", "unitPrice": "0.083", "quantity": "755", "amount": "62.665" },
    ]);
    assert_eq!(line["tiers"], steps);
    assert_eq!(line["amount"], "953.55");
}

#[test]
fn a_quantity_that_has_no_end_is_shown_rounded_and_billed_exactly() {
    // A GB for one hour of a month of 744.
    let said = statement(&[used(BLOCK_BLOB, "1", Reason::TenantNotMapped)]);
    let line = &said["lines"][0];
    assert_eq!(
        (&line["quantity"], &line["amount"]),
        (&json!("0.001344086022"), &json!("0.00"))
    );
    assert_eq!(line["quantityIsExact"], false);
    assert_eq!(line["reason"], "tenantNotMapped");
    // And one for all of them.
    let said = statement(&[used(BLOCK_BLOB, "744", Reason::TenantNotMapped)]);
    assert_eq!(
        (&said["lines"][0]["quantity"], &said["total"]),
        (&json!("1"), &json!("0.01"))
    );
    assert_eq!(said["lines"][0]["quantityIsExact"], true);
}

#[test]
fn nothing_used_is_a_statement_of_nothing() {
    let said = statement(&[]);
    assert_eq!(
        (&said["total"], &said["lines"], &said["notCharged"]),
        (&json!("0.00"), &json!([]), &json!([]))
    );
}

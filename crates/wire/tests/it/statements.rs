//! A statement as it is said: in the shape that is fixed, with decimals as texts.

use domain::attribution::Reason;
use domain::books::PublishedPriceList;
use domain::catalog::{Prices, Tariff, TariffPart};
use domain::ids::{CloudId, LocalSubscriptionId, ObjectId, PartnerId, SubscriptionId, TenantId};
use domain::quantity::{Quantity, QuantitySum};
use domain::registration::BillingModel;
use domain::statement::{ChargedUsage, Names, Party, draw_up};
use domain::time::{Hour, HourInterval};
use domain::timeline::{Assertion, Recorded, Timeline};
use serde_json::{Value, json};
use wire::api::{ListedStatement, PriceList, Statement, VersionStatus};

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
    serde_json::to_value(Statement::of(&statement, &catalog, &names())).unwrap()
}

fn names() -> Names {
    Names {
        subscription: Some("Northwind stacks".to_owned()),
        owner: Some(Party {
            id: PartnerId::from_bytes([5; 16]),
            name: "Northwind".to_owned(),
        }),
        stacks: [(CloudId::from_bytes([1; 16]), "AzureStack-North".to_owned())].into(),
        tenants: [(TenantId::from_bytes([3; 16]), "Fjordbank".to_owned())].into(),
        ..Names::default()
    }
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
        "subscriptionName": "Northwind stacks",
        "owner": { "id": "05050505-0505-0505-0505-050505050505", "name": "Northwind" },
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
            "measured": [{
                "localMeterId": WINDOWS_VM,
                "localMeterName": "Windows VM Size Hours",
                "unit": "Virtual core hours",
                "quantity": "1000.75",
                "factor": "1",
            }],
            "includedQuantity": "0",
            "priceIncludedQuantity": "0",
            "chargedQuantity": "1000.75",
            "chargedQuantityIsExact": true,
            "tierPositionIsExact": true,
            "includedQuantityIsExact": true,
            "usedBeforeIsExact": true,
            "unitPrice": "0.046",
            "priceSource": "published",
            "priceSince": "2026-10-01T00:00:00Z",
            "amount": "46.03",
            "reason": "several",
            "shares": [
                {
                    "cloudId": cloud_id,
                    "stackName": "AzureStack-North",
                    "reason": "localSubscriptionUnknown",
                    "quantity": "0.25",
                    "quantityIsExact": true,
                    "amount": "0.01",
                },
                {
                    "cloudId": cloud_id,
                    "stackName": "AzureStack-North",
                    "tenantId": "03030303-0303-0303-0303-030303030303",
                    "customerName": "Fjordbank",
                    "reason": "tenantMapping",
                    "quantity": "1000.5",
                    "quantityIsExact": true,
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
        { "from": "0", "unitPrice": "0.087", "quantity": "10240", "quantityIsExact": true,
          "amount": "890.88", "amountIsExact": true },
        { "from": "10240", "unitPrice": "0.083", "quantity": "755", "quantityIsExact": true,
          "amount": "62.665", "amountIsExact": true },
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
    assert_eq!(line["shares"][0]["quantityIsExact"], false);
    let measured = &line["measured"][0];
    assert_eq!(
        (&measured["quantity"], &measured["factor"]),
        (&json!("1"), &json!("1/744")),
        "what was measured says it exactly"
    );
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
fn figures_that_end_are_said_to_their_end_so_that_the_steps_of_a_bill_sum_to_its_line() {
    let quantity = "10245.0000000000000123456789";
    let said = statement(&[used(EGRESS, quantity, Reason::TenantMapping)]);
    let line = &said["lines"][0];
    assert_eq!(
        (&line["quantity"], &line["quantityIsExact"]),
        (&json!(quantity), &json!(true))
    );
    assert_eq!(line["shares"][0]["quantity"], quantity);
    let steps = json!([
        { "from": "0", "unitPrice": "0.087", "quantity": "10240", "quantityIsExact": true,
          "amount": "890.88", "amountIsExact": true },
        { "from": "10240", "unitPrice": "0.083", "quantity": "0.0000000000000123456789", "quantityIsExact": true,
          "amount": "0.0000000000000010246913487", "amountIsExact": true },
    ]);
    assert_eq!(line["tiers"], steps);
}

#[test]
fn a_list_of_statements_says_who_has_none_and_why() {
    let none = json!({
        "subscriptionId": "04040404-0404-0404-0404-040404040404", "period": "2026-10", "status": "notDrawnUp",
        "problem": { "code": "PriceListsInTwoCurrencies", "message": "two currencies" },
    });
    let read = |value: &Value| serde_json::from_value::<ListedStatement>(value.clone()).unwrap();
    assert!(matches!(read(&none), ListedStatement::NoStatement(_)));
    assert_eq!(serde_json::to_value(read(&none)).unwrap(), none);
    let drawn_up = statement(&[used(VM_SIZE, "1", Reason::TenantMapping)]);
    let again = read(&drawn_up).statement().unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), drawn_up);
}

#[test]
fn nothing_used_is_a_statement_of_nothing() {
    let said = statement(&[]);
    assert_eq!(
        (&said["total"], &said["lines"], &said["notCharged"]),
        (&json!("0.00"), &json!([]), &json!([]))
    );
}

#[test]
fn versions_of_a_price_list_say_when_they_price_and_which_never_will() {
    let versions = [
        ("2026-10-01", 1),
        ("2027-01-01", 2),
        ("2026-11-01", 3),
        ("2026-10-01", 4),
    ];
    let mut published = PublishedPriceList {
        list: wire::catalog::first_price_list().unwrap().list,
        versions: Timeline::default(),
    };
    for (from, entry) in versions {
        published.versions.assert(Assertion {
            valid: HourInterval::from(format!("{from}T00:00:00Z").parse::<Hour>().unwrap()),
            recorded: Recorded {
                entry,
                at: format!("2026-09-0{entry}T00:00:00Z").parse().unwrap(),
                by: ObjectId::from_bytes([0; 16]),
            },
            value: Prices::new().into(),
        });
    }
    let said = PriceList::of(&published, "2026-11-22T10:00:00Z".parse().unwrap());
    let said: Vec<_> = said
        .versions
        .iter()
        .map(|it| {
            (
                &it.effective_from[..10],
                it.effective_to.as_deref(),
                it.status,
                &it.published_at[..10],
            )
        })
        .collect();
    let (november, january) = (Some("2026-11-01T00:00:00Z"), Some("2027-01-01T00:00:00Z"));
    assert_eq!(
        said,
        [
            ("2026-10-01", None, VersionStatus::Replaced, "2026-09-01"),
            ("2026-10-01", november, VersionStatus::Former, "2026-09-04"),
            ("2026-11-01", january, VersionStatus::Current, "2026-09-03"),
            ("2027-01-01", None, VersionStatus::Scheduled, "2026-09-02"),
        ]
    );
}

use domain::ids::{CloudId, TenantId};
use serde_json::json;

use super::*;
use crate::demo::oracle::{Measured, Price, Share, Spread, Why};

const STACK: CloudId = CloudId::from_bytes([0x5a; 16]);
const LOCAL_METER: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
const TENANT: TenantId = TenantId::from_bytes([0x7e; 16]);

fn ratio(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(numerator.into(), denominator.into())
}

/// 744 hours at 0.008: 5.952, which is 5.95.
fn bill() -> Bill {
    let measured = Measured {
        quantity: ratio(744, 1),
        factor: ratio(1, 1),
    };
    let share = Share {
        quantity: ratio(744, 1),
        amount: 595.into(),
    };
    let line = BillLine {
        meter: "53cb37ba-83b2-5e7a-9bbf-6837eb1165dd".parse().unwrap(),
        price: Price {
            included: ratio(0, 1),
            tiers: vec![(ratio(0, 1), ratio(8, 1000))],
            source: None,
        },
        source: Some(PriceSource::Published),
        since: "2026-10-01T00:00:00Z".parse().unwrap(),
        measured: BTreeMap::from([(LOCAL_METER.parse().unwrap(), measured)]),
        used_before: ratio(0, 1),
        shares: BTreeMap::from([((STACK, Some(TENANT), Why::TenantMapping), share)]),
        spread: Spread {
            included: ratio(0, 1),
            steps: vec![ratio(744, 1)],
        },
        amount: 595.into(),
    };
    Bill {
        price_lists: vec!["pay-as-you-use-usd".to_owned()],
        lines: vec![line],
        not_charged: BTreeMap::new(),
    }
}

fn statement(changed: &[(&str, &str)]) -> Statement {
    let mut text = json!({
        "subscriptionId": "24ad71b5-80c9-4fe6-a14b-d2e7960f85c3",
        "period": "2026-10",
        "status": "open",
        "priceLists": ["pay-as-you-use-usd"],
        "currency": "USD",
        "total": "5.95",
        "lines": [{
            "meterId": "53cb37ba-83b2-5e7a-9bbf-6837eb1165dd",
            "meterName": "Base VM vCPU",
            "category": "Virtual Machines",
            "unit": "1 vCPU hour",
            "quantity": "744",
            "measured": [{ "localMeterId": LOCAL_METER, "quantity": "744", "factor": "1" }],
            "includedQuantity": "0",
            "priceIncludedQuantity": "0",
            "chargedQuantity": "744",
            "unitPrice": "0.008",
            "priceSource": "published",
            "priceSince": "2026-10-01T00:00:00Z",
            "amount": "5.95",
            "reason": "tenantMapping",
            "shares": [{
                "cloudId": STACK.to_string(),
                "tenantId": TENANT.to_string(),
                "reason": "tenantMapping",
                "quantity": "744",
                "amount": "5.95",
            }],
        }],
        "notCharged": [],
    });
    for (pointer, value) in changed {
        *text.pointer_mut(pointer).unwrap() = (*value).into();
    }
    serde_json::from_value(text).unwrap()
}

fn found(statement: &Statement) -> [bool; 3] {
    let bill = bill();
    [
        attribution(statement, &bill),
        amounts(statement, &bill),
        sums(statement),
    ]
    .map(|it| !it.is_empty())
}

#[test]
fn a_right_statement_passes() {
    assert_eq!(found(&statement(&[])), [false; 3]);
}

#[test]
fn a_cent_too_much_does_not_go_unnoticed() {
    for (name, changed, noticed) in [
        ("in the total", vec![("/total", "5.96")], [false, true, true]),
        (
            "in a line",
            vec![("/lines/0/amount", "5.96")],
            [false, true, true],
        ),
        (
            "in a share",
            vec![("/lines/0/shares/0/amount", "5.96")],
            [false, true, true],
        ),
        (
            "everywhere, so that the sums agree",
            vec![
                ("/total", "5.96"),
                ("/lines/0/amount", "5.96"),
                ("/lines/0/shares/0/amount", "5.96"),
            ],
            [false, true, false],
        ),
    ] {
        assert_eq!(found(&statement(&changed)), noticed, "{name}");
    }
}

#[test]
fn usage_of_somebody_else_does_not_go_unnoticed() {
    for (name, pointer, value) in [
        ("another quantity", "/lines/0/quantity", "744.000000000002"),
        ("another share", "/lines/0/shares/0/quantity", "743"),
        (
            "another tenant",
            "/lines/0/shares/0/tenantId",
            "24ad71b5-80c9-4fe6-a14b-d2e7960f85c3",
        ),
        ("another reason", "/lines/0/shares/0/reason", "tenantNotMapped"),
        ("other measurements", "/lines/0/measured/0/quantity", "745"),
        ("another conversion", "/lines/0/measured/0/factor", "1/2"),
        (
            "another local meter",
            "/lines/0/measured/0/localMeterId",
            "9cd92d4c-bafd-4492-b278-bede2de8232a",
        ),
        (
            "another meter",
            "/lines/0/meterId",
            "55145beb-3b9b-5948-b933-6254ff045dd9",
        ),
    ] {
        assert!(found(&statement(&[(pointer, value)]))[0], "{name}");
    }
}

#[test]
fn a_wrong_price_does_not_go_unnoticed() {
    for (pointer, value, noticed) in [
        ("/lines/0/unitPrice", "0.009", [false, true, false]),
        ("/lines/0/includedQuantity", "1", [false, true, false]),
        ("/lines/0/priceSource", "sample", [false, true, false]),
        ("/priceLists/0", "somebody-elses-usd", [false, true, false]),
        ("/currency", "EUR", [false, true, false]),
        (
            "/lines/0/priceSince",
            "2026-10-16T06:00:00Z",
            [true, false, false],
        ),
    ] {
        assert_eq!(found(&statement(&[(pointer, value)])), noticed, "{pointer}");
    }
}

#[test]
fn a_wrong_step_does_not_go_unnoticed() {
    let mut bill = bill();
    bill.lines[0].price.tiers.push((ratio(700, 1), ratio(8, 1000)));
    bill.lines[0].spread.steps = vec![ratio(700, 1), ratio(44, 1)];
    let step = |from: &str, quantity: &str, amount: &str| json!({ "from": from, "unitPrice": "0.008", "quantity": quantity, "amount": amount });
    let mut text = serde_json::to_value(statement(&[])).unwrap();
    text["lines"][0]["unitPrice"] = serde_json::Value::Null;
    for (tiers, right) in [
        (json!([step("0", "700", "5.6"), step("700", "44", "0.352")]), true),
        (
            json!([step("0", "701", "5.608"), step("700", "43", "0.344")]),
            false,
        ),
        (
            json!([step("0", "700", "5.6"), step("500", "44", "0.352")]),
            false,
        ),
        (json!([step("0", "700", "5.6"), step("700", "44", "0.36")]), false),
        (json!([step("0", "744", "5.952")]), false),
    ] {
        text["lines"][0]["tiers"] = tiers.clone();
        let statement = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(amounts(&statement, &bill).is_empty(), right, "{tiers}");
    }
}

#[test]
fn a_cent_moved_from_one_share_to_another_does_not_go_unnoticed() {
    let mut bill = bill();
    let half = Share {
        quantity: ratio(372, 1),
        amount: 298.into(),
    };
    let other = Share {
        amount: 297.into(),
        ..half.clone()
    };
    bill.lines[0].shares = BTreeMap::from([
        ((STACK, None, Why::LocalSubscriptionUnknown), half),
        ((STACK, Some(TENANT), Why::TenantMapping), other),
    ]);
    let mut text = serde_json::to_value(statement(&[])).unwrap();
    for (unknown, mapped, right) in [("2.98", "2.97", true), ("2.97", "2.98", false)] {
        text["lines"][0]["shares"] = json!([
            { "cloudId": STACK.to_string(), "reason": "localSubscriptionUnknown", "quantity": "372", "amount": unknown },
            { "cloudId": STACK.to_string(), "tenantId": TENANT.to_string(), "reason": "tenantMapping",
              "quantity": "372", "amount": mapped },
        ]);
        let statement = serde_json::from_value(text.clone()).unwrap();
        assert!(sums(&statement).is_empty(), "the sums do not tell");
        assert_eq!(
            amounts(&statement, &bill).is_empty(),
            right,
            "{unknown} and {mapped}"
        );
    }
}

#[test]
fn where_a_line_begins_in_its_steps_is_shown_where_it_is_not_at_the_beginning() {
    let mut bill = bill();
    let mut text = serde_json::to_value(statement(&[])).unwrap();
    for (before, shown, right) in [
        (0, json!(null), true),
        (0, json!("0"), false),
        (90, json!(null), false),
        (90, json!("90"), true),
        (90, json!("89"), false),
    ] {
        bill.lines[0].used_before = ratio(before, 1);
        text["lines"][0]["usedBefore"] = shown.clone();
        let statement = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(
            amounts(&statement, &bill).is_empty(),
            right,
            "{shown}, not {before}"
        );
    }
}

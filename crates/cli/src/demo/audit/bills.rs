//! Whether statements are what the second opinion says.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use wire::api::{Line, Statement};

use super::differs;
use crate::demo::decimal::{decimal, shown, shows};
use crate::demo::oracle::{Bill, BillLine, User};

/// Whether everything that a payer is charged for, and is shown without a charge, is what it should be: which meters,
/// how much of each, by whom and why.
pub(in crate::demo) fn attribution(statement: &Statement, bill: &Bill) -> Vec<String> {
    let id = &statement.subscription_id;
    let mut differences = Vec::new();
    differences.extend(differs(
        format_args!("{id}: lines"),
        statement.lines.len(),
        bill.lines.len(),
    ));
    for (line, expected) in statement.lines.iter().zip(&bill.lines) {
        let of = format!("{id}, {}", line.meter_name);
        differences.extend(differs(
            format_args!("{of}: meter"),
            &*line.meter_id,
            &*expected.meter.to_string(),
        ));
        differences.extend(quantity(&of, &line.quantity, &expected.quantity()));
        differences.extend(shares(&of, line, expected));
    }
    differences.extend(not_charged(statement, bill));
    differences
}

fn shares(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let key = |(stack, tenant, why): &User| {
        (
            stack.to_string(),
            tenant.map(|tenant| tenant.to_string()),
            why.as_str().to_owned(),
        )
    };
    let mut left: BTreeMap<_, _> = expected
        .users
        .iter()
        .map(|(user, quantity)| (key(user), quantity))
        .collect();
    let mut differences = Vec::new();
    for share in &line.shares {
        let user = (
            share.cloud_id.clone(),
            share.tenant_id.clone(),
            super::reason_text(share.reason),
        );
        let of = format!(
            "{of}, {} of {} ({})",
            user.1.as_deref().unwrap_or("somebody"),
            user.0,
            user.2
        );
        match left.remove(&user) {
            Some(expected) => differences.extend(quantity(&of, &share.quantity, expected)),
            None => differences.push(format!("{of}: charged with {}, not at all", share.quantity)),
        }
    }
    differences.extend(left.into_keys().map(|user| format!("{of}: {user:?} is missing")));
    differences
}

fn not_charged(statement: &Statement, bill: &Bill) -> Vec<String> {
    let id = &statement.subscription_id;
    let mut left: BTreeMap<String, &BigRational> = bill
        .not_charged
        .iter()
        .map(|(meter, quantity)| (meter.to_string(), quantity))
        .collect();
    let mut differences = Vec::new();
    for shown_apart in &statement.not_charged {
        let of = format!("{id}, not charged, local meter {}", shown_apart.local_meter_id);
        match left.remove(&shown_apart.local_meter_id) {
            Some(expected) if decimal(&shown_apart.quantity).as_ref() == Some(expected) => {}
            Some(expected) => {
                differences.push(format!("{of}: {}, not {}", shown_apart.quantity, shown(expected)));
            }
            None => differences.push(format!("{of}: {}, not at all", shown_apart.quantity)),
        }
    }
    differences.extend(
        left.into_keys()
            .map(|meter| format!("{id}, not charged, local meter {meter}: missing")),
    );
    differences
}

fn quantity(of: &str, found: &str, expected: &BigRational) -> Option<String> {
    (!shows(found, expected)).then(|| format!("{of}: quantity {found}, not {}", shown(expected)))
}

/// Whether every price, every amount and the total are what they should be.
pub(in crate::demo) fn amounts(statement: &Statement, bill: &Bill, minor_digits: u32) -> Vec<String> {
    let id = &statement.subscription_id;
    let minor_units = |text: &str| minor_units(text, minor_digits);
    let major = |units: &BigInt| {
        shown(&BigRational::new(
            units.clone(),
            BigInt::from(10).pow(minor_digits),
        ))
    };
    let mut differences = Vec::new();
    for (line, expected) in statement.lines.iter().zip(&bill.lines) {
        let of = format!("{id}, {}", line.meter_name);
        differences.extend(price(&of, line, expected));
        if minor_units(&line.amount).as_ref() != Some(&expected.amount) {
            differences.push(format!(
                "{of}: amount {}, not {}",
                line.amount,
                major(&expected.amount)
            ));
        }
    }
    if minor_units(&statement.total) != Some(bill.total()) {
        differences.push(format!(
            "{id}: total {}, not {}",
            statement.total,
            major(&bill.total())
        ));
    }
    differences
}

fn price(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let mut differences = Vec::new();
    let since = line.price_since.as_deref().unwrap_or("nothing");
    differences.extend(differs(
        format_args!("{of}: price since"),
        since,
        &*expected.since.to_string(),
    ));
    if let ([(_, only)], shown) = (expected.price.tiers.as_slice(), line.unit_price.as_deref())
        && shown.and_then(decimal).as_ref() != Some(only)
    {
        differences.push(format!(
            "{of}: unit price {}, not {}",
            shown.unwrap_or("none"),
            self::shown(only)
        ));
    }
    differences
}

/// Whether shares sum to their line and lines to the total, as they are printed.
pub(in crate::demo) fn sums(statement: &Statement, minor_digits: u32) -> Vec<String> {
    let id = &statement.subscription_id;
    let sum = |amounts: &mut dyn Iterator<Item = &String>| -> Option<BigInt> {
        amounts.map(|amount| minor_units(amount, minor_digits)).sum()
    };
    let agrees = |sum: Option<BigInt>, whole: &str| sum.is_some() && sum == minor_units(whole, minor_digits);
    let lines = statement.lines.iter().filter(|line| {
        !agrees(
            sum(&mut line.shares.iter().map(|share| &share.amount)),
            &line.amount,
        )
    });
    let mut differences: Vec<String> = lines
        .map(|line| format!("{id}, {}: the shares do not sum to the line", line.meter_name))
        .collect();
    if !agrees(
        sum(&mut statement.lines.iter().map(|line| &line.amount)),
        &statement.total,
    ) {
        differences.push(format!("{id}: the lines do not sum to the total"));
    }
    differences
}

fn minor_units(amount: &str, minor_digits: u32) -> Option<BigInt> {
    let units = decimal(amount)? * BigInt::from(10).pow(minor_digits);
    units.is_integer().then(|| units.to_integer())
}

#[cfg(test)]
mod tests {
    use domain::ids::{CloudId, TenantId};
    use serde_json::json;

    use super::*;
    use crate::demo::oracle::{Price, Why};

    const STACK: CloudId = CloudId::from_bytes([0x5a; 16]);
    const TENANT: TenantId = TenantId::from_bytes([0x7e; 16]);

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    /// 744 hours at 0.008: 5.952, which is 5.95.
    fn bill() -> Bill {
        let line = BillLine {
            meter: "53cb37ba-83b2-5e7a-9bbf-6837eb1165dd".parse().unwrap(),
            price: Price {
                included: ratio(0, 1),
                tiers: vec![(ratio(0, 1), ratio(8, 1000))],
            },
            since: "2026-10-01T00:00:00Z".parse().unwrap(),
            users: BTreeMap::from([((STACK, Some(TENANT), Why::TenantMapping), ratio(744, 1))]),
            amount: 595.into(),
        };
        Bill {
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
                "includedQuantity": "0",
                "unitPrice": "0.008",
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
            amounts(statement, &bill, 2),
            sums(statement, 2),
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
                [false, false, true],
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
        for (pointer, value) in [
            ("/lines/0/unitPrice", "0.009"),
            ("/lines/0/priceSince", "2026-10-16T06:00:00Z"),
        ] {
            assert!(found(&statement(&[(pointer, value)]))[1], "{pointer}");
        }
    }
}

//! Whether what no tenant mapping claims is listed, all of it and nothing else, and with what it costs.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use wire::api::{Reason, UnmappedUsage};

use super::differs;
use crate::demo::decimal::{cents, decimal, dollars, shown};
use crate::demo::oracle::{CURRENCY, Waiting, WaitingKey};

/// What somebody else says is waiting.
type Expected = BTreeMap<WaitingKey, Waiting>;
/// Whose usage, of which local meter, charged to whom and why.
type Key = (String, String, Option<String>, Reason, String);

fn key((stack, user, payment, meter): &WaitingKey) -> Key {
    let charged_to = payment.map(|payment| payment.payer.to_string());
    let reason = payment.map_or(Reason::Unregistered, |payment| payment.why.into());
    (
        stack.to_string(),
        user.to_string(),
        charged_to,
        reason,
        meter.to_string(),
    )
}

/// Each of what is listed: its quantity and its amount, as they are shown.
fn listed(found: &[UnmappedUsage]) -> impl Iterator<Item = (Key, &str, Option<&str>)> {
    found.iter().flat_map(|usage| {
        usage.used.iter().map(|used| {
            let key = (
                usage.cloud_id.clone(),
                usage.local_subscription_id.clone(),
                usage.charged_to.clone(),
                usage.reason,
                used.local_meter_id.clone(),
            );
            (key, used.quantity.as_str(), used.amount.as_deref())
        })
    })
}

/// Whether the list has the usage that the second opinion has.
pub(in crate::demo) fn unclaimed(found: &[UnmappedUsage], expected: &Expected) -> Vec<String> {
    let mut differences = Vec::new();
    let mut sums: BTreeMap<Key, BigRational> = BTreeMap::new();
    for (key, quantity, _) in listed(found) {
        match decimal(quantity) {
            Some(quantity) => *sums.entry(key).or_default() += quantity,
            None => differences.push(format!("{key:?}: {quantity} is no quantity")),
        }
    }
    for (waiting, Waiting { quantity, .. }) in expected {
        let key = key(waiting);
        let found = sums.remove(&key).unwrap_or_default();
        if found != *quantity {
            differences.push(format!("{key:?}: {}, not {}", shown(&found), shown(quantity)));
        }
    }
    differences.extend(
        sums.into_keys()
            .map(|key| format!("{key:?}: was claimed, or not used")),
    );
    differences.extend(differs(
        "records",
        found.iter().map(|usage| usage.records).sum::<u64>(),
        expected.values().map(|waiting| waiting.records).sum(),
    ));
    differences
}

/// Whether the list says what each of it costs whoever pays for now.
pub(in crate::demo) fn amounts(found: &[UnmappedUsage], expected: &Expected) -> Vec<String> {
    let mut sums: BTreeMap<Key, BigInt> = BTreeMap::new();
    let mut differences = Vec::new();
    for (key, _, amount) in listed(found) {
        let Some(amount) = amount else { continue };
        match cents(amount) {
            Some(amount) => *sums.entry(key).or_default() += amount,
            None => differences.push(format!("{key:?}: {amount} is no amount")),
        }
    }
    let told = |amount: Option<&BigInt>| amount.map_or_else(|| "nothing".to_owned(), dollars);
    for (waiting, Waiting { amount, .. }) in expected {
        let key = key(waiting);
        let found = sums.remove(&key);
        if found != *amount {
            let [found, expected] = [found.as_ref(), amount.as_ref()].map(told);
            differences.push(format!("{key:?}: costs {found}, not {expected}"));
        }
    }
    differences.extend(
        sums.into_keys()
            .map(|key| format!("{key:?}: costs something, although nobody waits for it")),
    );
    differences.extend(found.iter().filter_map(sum));
    differences
}

/// Whether the amounts of a local subscription sum to its own, and are in the right currency.
fn sum(usage: &UnmappedUsage) -> Option<String> {
    let amounts = usage.used.iter().filter_map(|used| used.amount.as_deref());
    let sum = amounts
        .map(|amount| cents(amount).unwrap_or_default())
        .reduce(|sum, amount| sum + amount);
    let found = usage
        .amount
        .as_deref()
        .map(|amount| cents(amount).unwrap_or_default());
    let currency = sum.as_ref().map(|_| CURRENCY);
    let agrees = found == sum && usage.currency.as_deref() == currency;
    (!agrees).then(|| {
        let (id, stack) = (&usage.local_subscription_id, &usage.cloud_id);
        format!("{id} of {stack}: its amounts do not sum to its own in {CURRENCY}")
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId};
    use serde_json::json;

    use super::*;
    use crate::demo::oracle::{Payment, Why};

    const STACK: CloudId = CloudId::from_bytes([0x5a; 16]);
    const USER: LocalSubscriptionId = LocalSubscriptionId::from_bytes([0x10; 16]);
    const PAYER: SubscriptionId = SubscriptionId::from_bytes([0xaa; 16]);
    const METER: LocalMeterId = LocalMeterId::from_bytes([1; 16]);

    #[test]
    fn neither_usage_nor_what_it_costs_can_be_listed_wrongly_without_notice() {
        let payment = Payment {
            payer: PAYER,
            why: Why::TenantNotMapped,
            tenant: None,
        };
        let waiting = Waiting {
            quantity: BigRational::from_integer(744.into()),
            records: 31,
            amount: Some(595.into()),
        };
        let expected = BTreeMap::from([((STACK, USER, Some(payment), METER), waiting)]);
        let right = json!([{
            "cloudId": STACK.to_string(),
            "localSubscriptionId": USER.to_string(),
            "reason": "tenantNotMapped",
            "chargedTo": PAYER.to_string(),
            "from": "2026-10-01T00:00:00Z",
            "to": "2026-11-01T00:00:00Z",
            "ageHours": 800,
            "records": 31,
            "used": [{ "localMeterId": METER.to_string(), "quantity": "744", "amount": "5.95" }],
            "amount": "5.95",
            "currency": "USD",
        }]);
        for (pointer, value, noticed) in [
            ("/0/ageHours", json!(800), [false, false]),
            ("/0/used/0/quantity", json!("743"), [true, false]),
            ("/0/records", json!(30), [true, false]),
            ("/0/reason", json!("localSubscriptionUnknown"), [true, true]),
            ("/0/used/0/amount", json!("5.96"), [false, true]),
            ("/0/used/0/amount", json!(null), [false, true]),
            ("/0/amount", json!("5.96"), [false, true]),
            ("/0/amount", json!(null), [false, true]),
            ("/0/currency", json!("EUR"), [false, true]),
        ] {
            let mut text = right.clone();
            *text.pointer_mut(pointer).unwrap() = value.clone();
            let found: Vec<UnmappedUsage> = serde_json::from_value(text).unwrap();
            let found = [unclaimed(&found, &expected), amounts(&found, &expected)];
            assert_eq!(found.map(|it| !it.is_empty()), noticed, "{pointer}: {value}");
        }
    }
}

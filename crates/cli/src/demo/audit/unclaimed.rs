//! Whether what no tenant mapping claims is listed, all of it and nothing else.

use std::collections::BTreeMap;

use num_rational::BigRational;
use wire::api::UnmappedUsage;

use super::differs;
use crate::demo::decimal::{decimal, shown};
use crate::demo::oracle::Ledger;

/// Whose usage, of which local meter, charged to whom and why.
type Key = (String, String, Option<String>, String, String);

/// Whether the list says what the second opinion does.
pub(in crate::demo) fn unclaimed(found: &[UnmappedUsage], ledger: &Ledger) -> Vec<String> {
    let mut differences = Vec::new();
    let mut listed: BTreeMap<Key, BigRational> = BTreeMap::new();
    for usage in found {
        for used in &usage.used {
            let key = (
                usage.cloud_id.clone(),
                usage.local_subscription_id.clone(),
                usage.charged_to.clone(),
                super::reason_text(usage.reason),
                used.local_meter_id.clone(),
            );
            match decimal(&used.quantity) {
                Some(quantity) => *listed.entry(key).or_default() += quantity,
                None => differences.push(format!("{key:?}: {} is no quantity", used.quantity)),
            }
        }
    }
    for ((stack, user, payment, meter), (sum, _)) in &ledger.unclaimed {
        let charged_to = payment.map(|payment| payment.payer.to_string());
        let reason = payment
            .map_or("unregistered", |payment| payment.why.as_str())
            .to_owned();
        let key = (
            stack.to_string(),
            user.to_string(),
            charged_to,
            reason,
            meter.to_string(),
        );
        let (found, expected) = (listed.remove(&key).unwrap_or_default(), sum.fraction());
        if found != expected {
            differences.push(format!("{key:?}: {}, not {}", shown(&found), shown(&expected)));
        }
    }
    differences.extend(
        listed
            .into_keys()
            .map(|key| format!("{key:?}: was claimed, or not used")),
    );
    let listed: u64 = found.iter().map(|usage| usage.records).sum();
    differences.extend(differs(
        "records",
        listed,
        ledger.unclaimed.values().map(|(_, records)| records).sum(),
    ));
    differences
}

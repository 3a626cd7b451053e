//! Whether no record was lost, and whether what was counted is what was used.

use std::collections::BTreeMap;

use simulator::Expected;
use wire::api::{MeasuredUsage, RecordCounts, UnmappedUsage};

use super::{Check, differs};
use crate::demo::decimal::{decimal, shown};
use crate::demo::delivery::Tally;
use crate::demo::oracle::Ledger;
use crate::figures::count;

/// Law 1, on its own.
pub(in crate::demo) fn none_lost(counts: RecordCounts) -> Vec<String> {
    let RecordCounts {
        received,
        counted,
        superseded,
        duplicate,
        quarantined,
    } = counts;
    let sum = counted + superseded + duplicate + quarantined;
    differs("counted + superseded + duplicate + quarantined", sum, received)
        .into_iter()
        .collect()
}

/// Both sides of law 1.
pub(in crate::demo) fn law_1(counts: RecordCounts) -> String {
    let RecordCounts {
        received,
        counted,
        superseded,
        duplicate,
        quarantined,
    } = counts;
    let [received, counted, superseded, duplicate, quarantined] =
        [received, counted, superseded, duplicate, quarantined].map(count);
    format!(
        "{received} received = {counted} counted + {superseded} superseded + {duplicate} duplicates + \
         {quarantined} quarantined"
    )
}

/// Law 2, on the numbers of records: those that count are somebody's by a mapping, somebody's by default, or nobody's.
pub(in crate::demo) fn law_2(
    measured: &[MeasuredUsage],
    unclaimed: &[UnmappedUsage],
    ledger: &Ledger,
) -> Check {
    let counted: u64 = measured.iter().map(|usage| usage.records).sum();
    let (nobodys, defaults): (Vec<_>, Vec<_>) =
        unclaimed.iter().partition(|usage| usage.charged_to.is_none());
    let [nobodys, defaults] =
        [nobodys, defaults].map(|list| list.iter().map(|usage| usage.records).sum::<u64>());
    let sum = ledger.claimed + defaults + nobodys;
    let differences = differs("mapped + default + unregistered", sum, counted);
    let [counted, claimed, defaults, nobodys] = [counted, ledger.claimed, defaults, nobodys].map(count);
    Check::of("law 2: no usage was lost", differences.into_iter().collect()).with(format!(
        "{counted} records counted = {claimed} by tenant mapping + {defaults} by default + {nobodys} of a stack \
         not registered"
    ))
}

/// Whether each of the counts is what the simulator foretold.
pub(in crate::demo) fn as_foretold(counts: RecordCounts, expected: &Expected) -> Vec<String> {
    [
        differs("received", counts.received, expected.sent),
        differs("counted", counts.counted, expected.counted),
        differs("superseded", counts.superseded, expected.superseded),
        differs("duplicate", counts.duplicate, expected.duplicates),
        differs(
            "quarantined",
            counts.quarantined,
            expected.quarantined.values().sum(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the answers to the deliveries add up to the same counts.
pub(in crate::demo) fn as_answered(counts: RecordCounts, tally: Tally) -> Vec<String> {
    [
        differs("sent", tally.sent, counts.received),
        differs("accepted", tally.accepted, counts.counted),
        differs("revised", tally.revised, counts.superseded),
        differs("duplicate", tally.duplicate, counts.duplicate),
        differs("quarantined", tally.quarantined, counts.quarantined),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the quarantine holds, under each code, what the simulator foretold.
pub(in crate::demo) fn quarantine(found: &BTreeMap<String, u64>, expected: &Expected) -> Vec<String> {
    let expected: BTreeMap<String, u64> = expected
        .quarantined
        .iter()
        .map(|(code, records)| (code.as_str().to_owned(), *records))
        .collect();
    let codes = found
        .keys()
        .chain(expected.keys().filter(|code| !found.contains_key(*code)));
    let of = |counts: &BTreeMap<String, u64>, code: &String| counts.get(code).copied().unwrap_or(0);
    codes
        .filter_map(|code| differs(code, of(found, code), of(&expected, code)))
        .collect()
}

/// Whether each stack's usage of each local meter is the truth, to the last digit.
pub(in crate::demo) fn measured(found: &[MeasuredUsage], ledger: &Ledger) -> Vec<String> {
    let mut left: BTreeMap<(String, String), _> = ledger
        .measured
        .iter()
        .map(|((stack, meter), sum)| ((stack.to_string(), meter.to_string()), sum.fraction()))
        .collect();
    let mut differences = Vec::new();
    let mut records = 0;
    for usage in found {
        records += usage.records;
        let (stack, meter) = (&usage.cloud_id, &usage.used.local_meter_id);
        match left.remove(&(stack.clone(), meter.clone())) {
            Some(expected) if decimal(&usage.used.quantity).as_ref() == Some(&expected) => {}
            Some(expected) => differences.push(format!(
                "stack {stack}, local meter {meter}: {}, not {}",
                usage.used.quantity,
                shown(&expected)
            )),
            None => differences.push(format!("stack {stack}, local meter {meter}: was not used")),
        }
    }
    differences.extend(
        left.into_keys()
            .map(|(stack, meter)| format!("stack {stack}, local meter {meter}: missing")),
    );
    differences.extend(differs("records that count", records, ledger.records));
    differences
}

/// What the counts must be after pages were delivered again and looked at again.
pub(in crate::demo) fn after_repetition(
    before: RecordCounts,
    again: Tally,
    after: RecordCounts,
) -> Vec<String> {
    [
        differs("received", after.received, before.received + again.sent),
        differs("counted", after.counted, before.counted),
        differs("superseded", after.superseded, before.superseded),
        differs("duplicate", after.duplicate, before.duplicate + again.duplicate),
        differs(
            "quarantined",
            after.quarantined,
            before.quarantined + again.quarantined,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

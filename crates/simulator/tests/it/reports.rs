//! What is reported, against what is true.

use std::collections::{BTreeMap, BTreeSet};

use domain::quantity::QuantitySum;
use domain::resource_id::folded;
use domain::time::{Hour, HourInterval};
use domain::usage::{Observation, QuarantineCode, that_counts};
use simulator::{Expected, Faults, Page, Stack};
use wire::usage::{Format, parse_delivery};

use crate::support::{Item, Key, body, many_faults, stack, true_quantities, windows};

/// Everything a stack reports, with the reported time.
fn reported(stack: &Stack, page_size: usize) -> Vec<(Hour, Page)> {
    let pages = windows(stack).flat_map(|window| {
        stack
            .reported_pages(window, page_size)
            .map(move |page| (window.start(), page))
    });
    pages.collect()
}

/// What a reader of everything knows: for each key all that was said of it, and how many records of each sort came.
#[derive(Default)]
struct Reader {
    said: BTreeMap<Key, Vec<Observation>>,
    counts: Expected,
}

impl Reader {
    fn read(pages: &[(Hour, Page)]) -> Self {
        let mut reader = Self::default();
        for (reported, page) in pages {
            let items = body(&page.body).value;
            assert_eq!(items.len(), page.records);
            for item in &items {
                reader.take(item, *reported);
            }
        }
        reader
    }

    fn take(&mut self, item: &Item, reported: Hour) {
        self.counts.sent += 1;
        let (key, quantity) = match item.read() {
            Ok(read) => read,
            Err(code) => return *self.counts.quarantined.entry(code).or_default() += 1,
        };
        let usage = key.3;
        let said = self.said.entry(key).or_default();
        if said.is_empty() {
            self.counts.counted += 1;
            self.counts.late += u64::from(reported != usage.plus(1));
        } else if said.iter().any(|observation| observation.quantity == quantity) {
            self.counts.duplicates += 1;
        } else {
            self.counts.superseded += 1;
        }
        said.push(Observation { quantity, reported });
    }
}

#[test]
fn what_counts_of_all_reports_is_the_truth_and_the_counts_are_foretold() {
    for faults in [Faults::none(), Faults::usual(), many_faults()] {
        let stack = stack(faults);
        let reader = Reader::read(&reported(&stack, 500));
        let counting = reader
            .said
            .into_iter()
            .map(|(key, said)| (key, that_counts(&said).unwrap().quantity));
        assert_eq!(counting.collect::<BTreeMap<_, _>>(), true_quantities(&stack));
        assert_eq!(reader.counts, stack.expected());

        let expected = stack.expected();
        let quarantined: u64 = expected.quarantined.values().sum();
        assert_eq!(
            expected.sent,
            expected.counted + expected.superseded + expected.duplicates + quarantined
        );
    }
}

#[test]
fn the_reader_of_the_server_finds_the_same_records_and_the_foretold_codes() {
    let stack = stack(many_faults());
    let mut quarantined: BTreeMap<QuarantineCode, u64> = BTreeMap::new();
    for (_, page) in reported(&stack, 1000) {
        let delivery = parse_delivery(page.body.as_bytes(), Format::Json).unwrap();
        assert_eq!(delivery.records.len() + delivery.quarantined.len(), page.records);
        for record in &delivery.quarantined {
            *quarantined.entry(record.code).or_default() += 1;
        }
        let records = delivery.records.into_iter().map(|it| it.record).map(|record| {
            let uri = folded(&record.resource_uri).into_owned();
            (
                (record.local_subscription, record.local_meter, uri, record.start),
                record.quantity,
            )
        });
        assert!(records.eq(body(&page.body).value.iter().filter_map(|item| item.read().ok())));
    }
    assert_eq!(quarantined, stack.expected().quarantined);
}

#[test]
fn every_fault_happens() {
    let expected = stack(many_faults()).expected();
    let Expected {
        late,
        superseded,
        duplicates,
        quarantined,
        ..
    } = &expected;
    assert!(*late > 0 && *superseded > 0 && *duplicates > 0, "{expected:?}");
    let codes: BTreeSet<&str> = quarantined.keys().map(|code| code.as_str()).collect();
    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        [
            "InvalidInstanceData",
            "InvalidMeterId",
            "InvalidQuantity",
            "InvalidSubscriptionId",
            "InvalidUsageTime",
            "QuantityNotExact"
        ]
    );
    let none = stack(Faults::none()).expected();
    assert_eq!(
        none,
        Expected {
            sent: none.counted,
            counted: none.counted,
            ..Expected::default()
        }
    );
}

#[test]
fn a_lowered_record_is_first_reported_with_more_than_the_truth() {
    let stack = stack(Faults {
        lowered_per_mille: 1000,
        ..Faults::none()
    });
    let reader = Reader::read(&reported(&stack, 1000));
    for (key, said) in &reader.said {
        assert!(
            said.len() == 2 && said[0].quantity > said[1].quantity,
            "{key:?} {said:?}"
        );
        assert!(said[0].reported < said[1].reported, "{key:?} {said:?}");
    }
}

#[test]
fn real_confusions_of_ids_and_attributes_occur() {
    let stack = stack(Faults {
        respelled_per_mille: 500,
        ..Faults::none()
    });
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut groups = BTreeSet::new();
    let mut tags = BTreeSet::new();
    let mut has_nested_info = false;
    for (_, page) in reported(&stack, 1000).into_iter().take(50) {
        for item in body(&page.body).value {
            let meter = item.properties.meter_id.clone();
            spellings
                .entry(meter.replace('-', "").to_lowercase())
                .or_default()
                .insert(meter);
            let resource = item.instance_data().unwrap();
            assert_eq!(resource.location, "north");
            groups.insert(resource.resource_uri.split('/').nth(3).unwrap().to_owned());
            has_nested_info |=
                serde_json::from_str::<BTreeMap<String, Option<String>>>(&resource.additional_info)
                    .is_ok_and(|info| info.contains_key("ServiceType"));
            tags.insert(if resource.tags.starts_with('{') {
                "{…}".to_owned()
            } else {
                resource.tags
            });
        }
    }
    assert!(spellings.values().all(|texts| texts.len() == 2), "{spellings:?}");
    assert_eq!(
        groups.into_iter().collect::<Vec<_>>(),
        ["resourceGroups", "resourcegroups"]
    );
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), ["", "null", "{…}"]);
    assert!(has_nested_info);
}

#[test]
fn records_are_written_as_real_ones_and_about_as_long() {
    let stack = stack(Faults::usual());
    let (mut bytes, mut records) = (0, 0);
    for (_, page) in reported(&stack, 1000) {
        bytes += page.body.len();
        records += page.records;
        for item in body(&page.body).value {
            assert_eq!(item.r#type, "Microsoft.Commerce/UsageAggregate");
            assert_eq!(
                item.name,
                format!("{}-{}", item.properties.subscription_id, item.properties.meter_id)
            );
            assert_eq!(item.name, item.properties.name);
            let provider = stack.provider_subscription();
            let path = format!("/subscriptions/{provider}/providers/Microsoft.Commerce/UsageAggregate/");
            assert_eq!(item.id, path + &item.name);
        }
    }
    let average = bytes / records;
    assert!((900..1000).contains(&average), "{average} bytes on average");
}

#[test]
fn the_size_of_the_pages_changes_nothing_but_the_pages() {
    let stack = stack(many_faults());
    let window = stack.reported_interval();
    let records = |page_size| {
        let mut records = Vec::new();
        for page in stack.reported_pages(window, page_size) {
            assert!((1..=page_size).contains(&page.records));
            let inside = page
                .body
                .strip_prefix(r#"{"value":["#)
                .and_then(|body| body.strip_suffix("]}"))
                .unwrap();
            records.push(inside.to_owned());
        }
        records.join(",")
    };
    let at_once = records(1_000_000);
    assert_eq!(records(777), at_once);
    let hour_by_hour = reported(&stack, 1000)
        .into_iter()
        .filter(|(_, page)| page.records > 0);
    let hour_by_hour: Vec<String> = hour_by_hour
        .map(|(_, page)| {
            page.body
                .trim_start_matches(r#"{"value":["#)
                .trim_end_matches("]}")
                .to_owned()
        })
        .collect();
    assert_eq!(hour_by_hour.join(","), at_once);
}

#[test]
fn nothing_is_reported_outside_of_the_stated_hours() {
    let stack = stack(many_faults());
    let reported = stack.reported_interval();
    let before = HourInterval::new(Hour::MIN, reported.start()).unwrap();
    for outside in [before, HourInterval::from(reported.end())] {
        let pages: Vec<Page> = stack.reported_pages(outside, 1000).collect();
        assert_eq!(
            pages,
            [Page {
                body: r#"{"value":[]}"#.to_owned(),
                records: 0
            }]
        );
    }
}

#[test]
fn sums_are_exact() {
    let stack = stack(Faults::none());
    let week = HourInterval::new(stack.month().start().plus(50), stack.month().start().plus(218)).unwrap();
    let mut sums = BTreeMap::<_, QuantitySum>::new();
    for ((subscription, meter, _, hour), quantity) in true_quantities(&stack) {
        if week.contains(hour) {
            sums.entry((subscription, meter))
                .or_default()
                .add(&quantity.into());
        }
    }
    assert_eq!(stack.true_sums(week), sums);
}

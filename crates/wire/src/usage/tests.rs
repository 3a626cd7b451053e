use std::collections::BTreeSet;

use domain::quantity::Quantity;
use domain::usage::{Granularity, QuarantineCode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// A record with these members of `properties`, each a name and JSON text.
fn aggregate(properties: &[(&str, &str)]) -> String {
    let members: Vec<String> = properties
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!(
        "{{\"id\":\"/x\",\"name\":\"n\",\"type\":\"Microsoft.Commerce/UsageAggregate\",\"properties\":{{{}}}}}",
        members.join(",")
    )
}

const GOOD: [(&str, &str); 7] = [
    ("subscriptionId", "\"09065051-cfe9-4fcf-b90c-87f2af292fc9\""),
    ("usageStartTime", "\"2026-10-01T13:00:00+00:00\""),
    ("usageEndTime", "\"2026-10-01T14:00:00+00:00\""),
    (
        "instanceData",
        r#""{\"Microsoft.Resources\":{\"resourceUri\":\"/subscriptions/s/vm\",\"location\":\"north\",\"tags\":\"null\",\"additionalInfo\":\"{\\\"Sku\\\":\\\"a\\\\\\\\b\\\"}\"}}""#,
    ),
    ("quantity", "16.461425899527967"),
    ("meterId", "\"B5C153766C944FDDB6551A69D138ACA3\""),
    ("name", "\"n\""),
];

/// The good record with one member replaced, or left out.
fn good_but(name: &str, value: Option<&str>) -> String {
    let members = GOOD.iter().filter_map(|&(member, good)| {
        let value = if member == name { value } else { Some(good) };
        value.map(|value| (member, value))
    });
    aggregate(&members.collect::<Vec<_>>())
}

fn read_regular(text: &str) -> Option<UsageRecord<'_>> {
    let mut scanner = Scanner::new(text);
    regular::record(&mut scanner, &mut Last::default()).filter(|_| scanner.at_end())
}

fn page_of(records: &[&str]) -> String {
    format!("{{\"value\":[{}]}}", records.join(","))
}

#[test]
fn the_usual_record_is_read_by_both_readers_and_borrows_from_the_body() {
    let text = aggregate(&GOOD);
    let record = read_regular(&text).unwrap();
    assert_eq!(careful::record(&text).unwrap(), record);
    assert_eq!(
        record.local_subscription.to_string(),
        "09065051-cfe9-4fcf-b90c-87f2af292fc9"
    );
    assert_eq!(
        record.local_meter.to_string(),
        "b5c15376-6c94-4fdd-b655-1a69d138aca3"
    );
    assert_eq!(record.start.to_string(), "2026-10-01T13:00:00Z");
    assert_eq!(record.granularity, Granularity::Hour);
    assert_eq!(record.quantity, "16.461425899527967".parse::<Quantity>().unwrap());
    assert!(matches!(
        record.resource_uri,
        Cow::Borrowed("/subscriptions/s/vm")
    ));
    assert!(matches!(record.location, Cow::Borrowed("north")));
    assert!(matches!(record.tags, Cow::Borrowed("null")));
    assert_eq!(record.additional_info, r#"{"Sku":"a\\b"}"#);
}

#[test]
fn what_the_contract_allows_is_read_in_every_spelling() {
    for (name, value, tags) in [
        ("quantity", "\"16.461425899527967\"", "null"),
        ("quantity", "1.6461425899527967e1", "null"),
        ("meterId", "\"b5c15376-6c94-4fdd-b655-1a69d138aca3\"", "null"),
        ("usageStartTime", "\"2026-10-01T15:00:00+02:00\"", "null"),
        ("usageStartTime", "\"2026-10-01T13:00:00.0000000\"", "null"),
        (
            "instanceData",
            r#"{"Microsoft.Resources":{"resourceUri":"/u","tags":{"a":1}}}"#,
            "{\"a\":1}",
        ),
        (
            "instanceData",
            r#""{\"microsoft.resources\": {\"RESOURCEURI\": \"/u\", \"tags\": null}}""#,
            "",
        ),
        (
            "instanceData",
            r#""{\"Microsoft.Resources\":{\"resourceUri\":\"/\\u00e4\",\"tags\":{}}}""#,
            "{}",
        ),
        (
            "instanceData",
            r#""{\"Microsoft.Resources\":{\"resourceUri\":\"/u\"}}""#,
            "",
        ),
    ] {
        let text = good_but(name, Some(value));
        let record = careful::record(&text).unwrap_or_else(|defect| panic!("{value}: {defect:?}"));
        assert_eq!(record.tags, tags, "{value}");
        assert_eq!(record.quantity.to_string(), "16.461425899527967", "{value}");
        let delivery = page_of(&[&text]);
        assert_eq!(
            parse_delivery(delivery.as_bytes(), Format::Json)
                .unwrap()
                .records
                .len(),
            1,
            "{value}"
        );
    }
}

#[test]
fn every_defect_has_its_code_and_names_the_member() {
    use QuarantineCode as Code;
    let long = format!(
        r#""{{\"Microsoft.Resources\":{{\"resourceUri\":\"/{}\"}}}}""#,
        "x".repeat(5000)
    );
    for (name, value, code, said) in [
        (
            "subscriptionId",
            None,
            Code::MissingProperty,
            "properties.subscriptionId is missing",
        ),
        (
            "subscriptionId",
            Some("null"),
            Code::MissingProperty,
            "properties.subscriptionId is missing",
        ),
        (
            "subscriptionId",
            Some("\"x\""),
            Code::InvalidSubscriptionId,
            "properties.subscriptionId is \"x\"",
        ),
        (
            "subscriptionId",
            Some("7"),
            Code::InvalidSubscriptionId,
            "a GUID such as",
        ),
        (
            "meterId",
            Some("\"\""),
            Code::InvalidMeterId,
            "properties.meterId is \"\"",
        ),
        (
            "usageStartTime",
            Some("\"2026-10-01T13:30:00Z\""),
            Code::InvalidUsageTime,
            "the start of an hour",
        ),
        (
            "usageEndTime",
            Some("\"soon\""),
            Code::InvalidUsageTime,
            "properties.usageEndTime is \"soon\"",
        ),
        (
            "usageEndTime",
            Some("\"2026-10-01T15:00:00Z\""),
            Code::InvalidUsageInterval,
            "one UTC hour",
        ),
        (
            "usageEndTime",
            Some("\"2026-10-01T13:00:00Z\""),
            Code::InvalidUsageInterval,
            "one UTC hour",
        ),
        (
            "quantity",
            Some("\"many\""),
            Code::InvalidQuantity,
            "properties.quantity is \"many\"",
        ),
        ("quantity", Some("-1"), Code::InvalidQuantity, "zero or more"),
        (
            "quantity",
            Some("true"),
            Code::InvalidQuantity,
            "a decimal number",
        ),
        (
            "quantity",
            Some("1.00000000000000000000000000001"),
            Code::QuantityNotExact,
            "28 significant digits",
        ),
        (
            "quantity",
            Some("1e400"),
            Code::QuantityNotExact,
            "properties.quantity is 1e400",
        ),
        (
            "instanceData",
            None,
            Code::MissingProperty,
            "properties.instanceData is missing",
        ),
        (
            "instanceData",
            Some("\"\""),
            Code::InvalidInstanceData,
            "properties.instanceData is \"\"",
        ),
        (
            "instanceData",
            Some("\"{}\""),
            Code::InvalidInstanceData,
            "no member Microsoft.Resources",
        ),
        (
            "instanceData",
            Some("{\"Microsoft.Resources\":{}}"),
            Code::InvalidInstanceData,
            "names no resource",
        ),
        ("instanceData", Some("[]"), Code::InvalidInstanceData, "an object"),
        (
            "instanceData",
            Some(long.as_str()),
            Code::TextTooLong,
            "resourceUri in properties.instanceData",
        ),
    ] {
        let text = good_but(name, value);
        let defect = careful::record(&text).unwrap_err();
        assert_eq!(defect.code, code, "{name} {value:?}");
        assert!(
            defect.message.contains(said),
            "{said} is not in: {}",
            defect.message
        );
        assert_eq!(read_regular(&text), None, "{name} {value:?}");
    }
    for (text, said) in [
        ("[]", "a JSON object"),
        ("{\"properties\":[]}", "properties is []"),
        (
            "{\"properties\":{\"quantity\":1,\"Quantity\":2,\"subscriptionId\":1,\"subscriptionid\":2}}",
            "more than once",
        ),
        ("{\"properties\":{}", "EOF"),
    ] {
        let defect = careful::record(text).unwrap_err();
        assert_eq!(defect.code, Code::MalformedRecord, "{text}");
        assert!(
            defect.message.contains(said),
            "{said} is not in: {}",
            defect.message
        );
    }
    assert_eq!(careful::record("{}").unwrap_err().code, Code::MissingProperty);
}

#[test]
fn a_malformed_record_costs_none_of_its_neighbours() {
    let (good, bad) = (aggregate(&GOOD), good_but("quantity", Some("\"many\"")));
    let body = page_of(&[&good, &bad, "17", &good, "{}"]);
    let delivery = parse_delivery(body.as_bytes(), Format::Json).unwrap();
    assert_eq!(
        delivery.records.iter().map(|it| it.index).collect::<Vec<_>>(),
        [0, 3]
    );
    let quarantined: Vec<_> = delivery
        .quarantined
        .iter()
        .map(|it| (it.index, it.raw.as_ref()))
        .collect();
    assert_eq!(quarantined, [(1, bad.as_str()), (2, "17"), (4, "{}")]);
    assert_eq!(delivery.raw(0).unwrap(), good);
    assert_eq!(delivery.raw(5), None);
}

#[test]
fn a_broken_line_costs_no_other_line() {
    let good = aggregate(&GOOD);
    let mut body = format!("\u{feff}{good}\r\n\n  \n{{\"id\":\n{good} x\n{good}").into_bytes();
    body.extend_from_slice(b"\n{\"id\":\"\xff\"}\n");
    let delivery = parse_delivery(&body, Format::Ndjson).unwrap();
    assert_eq!(
        delivery.records.iter().map(|it| it.index).collect::<Vec<_>>(),
        [0, 3]
    );
    let codes: Vec<_> = delivery
        .quarantined
        .iter()
        .map(|it| (it.index, it.code))
        .collect();
    assert_eq!(
        codes,
        [1, 2, 4].map(|index| (index, QuarantineCode::MalformedRecord))
    );
    assert_eq!(delivery.raw(4).unwrap(), "{\"id\":\"\u{fffd}\"}");
    assert_eq!(delivery.quarantined[2].raw, "{\"id\":\"\u{fffd}\"}");
    assert_eq!(parse_delivery(b"", Format::Ndjson), Ok(ParsedDelivery::default()));
}

#[test]
fn a_page_is_found_among_other_members_whatever_they_are() {
    let good = aggregate(&GOOD);
    for body in [
        format!("{{\"nextLink\":null,\"value\":[{good}]}}"),
        format!("\u{feff} {{ \"value\" : [ {good} ] , \"nextLink\" : \"https://x/?a=\\u0026\" }}\n"),
        format!("{{\"Value\":[{good}],\"count\":{{\"value\":[]}}}}"),
        format!("{{\"n\\u0061me\":1,\"value\":[{good}]}}"),
    ] {
        let delivery = parse_delivery(body.as_bytes(), Format::Json).unwrap();
        assert_eq!(
            (delivery.records.len(), delivery.quarantined.len()),
            (1, 0),
            "{body}"
        );
    }
    assert_eq!(
        parse_delivery(b"{\"value\":[]}", Format::Json),
        Ok(ParsedDelivery::default())
    );
}

#[test]
fn a_body_that_is_no_delivery_is_refused_with_a_code() {
    let good = aggregate(&GOOD);
    let cut = page_of(&[&good]);
    let many = format!("{{\"value\":[0{}]}}", ",0".repeat(RECORDS_PER_DELIVERY_MAX));
    let lines = "0\n".repeat(RECORDS_PER_DELIVERY_MAX + 1);
    for (body, format, code) in [
        ("", Format::Json, "InvalidJson"),
        ("usage", Format::Json, "InvalidJson"),
        (&cut[..cut.len() - 1], Format::Json, "InvalidJson"),
        (&cut[..cut.len() - 9], Format::Json, "InvalidJson"),
        (&format!("{cut}]"), Format::Json, "InvalidJson"),
        ("{\"value\":[{},]}", Format::Json, "InvalidJson"),
        ("{\"value\":[{\"a\":01}]}", Format::Json, "InvalidJson"),
        (&format!("[{good}]"), Format::Json, "MissingValue"),
        ("{}", Format::Json, "MissingValue"),
        ("{\"value\":{}}", Format::Json, "MissingValue"),
        ("{\"value\":[],\"VALUE\":[]}", Format::Json, "MissingValue"),
        ("null", Format::Json, "MissingValue"),
        (&many, Format::Json, "TooManyRecords"),
        (&lines, Format::Ndjson, "TooManyRecords"),
    ] {
        let error = parse_delivery(body.as_bytes(), format).unwrap_err();
        assert_eq!(error.code(), code, "{:.60} gives {error}", body);
    }
    let error = parse_delivery(b"{\"value\":[\"\xff\"]}", Format::Json).unwrap_err();
    assert_eq!(error.code(), "InvalidJson");
}

#[test]
fn deep_nesting_is_read_over_without_overflowing_the_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let record = format!("{{\"deep\":{deep},{}", &aggregate(&GOOD)[1..]);
    let inside = good_but(
        "instanceData",
        Some(&format!("{{\"Microsoft.Resources\":{deep}}}")),
    );
    let body = page_of(&[&record, &inside, &deep]);
    let delivery = parse_delivery(body.as_bytes(), Format::Json).unwrap();
    assert_eq!((delivery.records.len(), delivery.quarantined.len()), (1, 2));
    let error = parse_delivery("[".repeat(200_000).as_bytes(), Format::Json).unwrap_err();
    assert_eq!(error.code(), "InvalidJson");
}

#[test]
fn a_page_of_a_real_stack_is_read_whole_by_the_fast_reader() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/real/subscriber-usage-hour.json"
    );
    let Ok(body) = std::fs::read(path) else {
        eprintln!("NOT RUN: {path} is missing, so no page of a real stack was read");
        return;
    };
    let delivery = parse_delivery(&body, Format::Json).unwrap();
    assert_eq!((delivery.records.len(), delivery.quarantined.len()), (236, 0));
    let records = || delivery.records.iter().map(|it| &it.record);
    assert_eq!(
        records()
            .map(|it| it.local_subscription)
            .collect::<BTreeSet<_>>()
            .len(),
        96
    );
    assert_eq!(
        records().map(|it| it.local_meter).collect::<BTreeSet<_>>().len(),
        8
    );
    assert_eq!(records().map(|it| it.start).collect::<BTreeSet<_>>().len(), 3);
    for record in &delivery.records {
        let text = delivery.raw(record.index).unwrap();
        assert_eq!(read_regular(&text).as_ref(), Some(&record.record));
        assert_eq!(careful::record(&text).as_ref(), Ok(&record.record));
    }
}

/// A JSON text for a member, mostly fit for it.
fn value(good: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    let odd = ["null", "true", "1", "\"\"", "{}", "[]", "\"\\u0041\"", "-0", "01"]
        .map(str::to_owned)
        .to_vec();
    prop_oneof![12 => good, 1 => prop::sample::select(odd)].boxed()
}

fn text() -> impl Strategy<Value = String> {
    let json = "\\{\"a\":\"[a-z\"\\\\]{0,6}\"\\}";
    prop_oneof![4 => "[/a-zA-Z0-9 .-]{1,20}", 1 => "[ -~]{0,20}", 1 => "\\PC{0,12}", 2 => json]
}

fn instance_data() -> impl Strategy<Value = String> {
    const USUAL: [&str; 4] = ["resourceUri", "location", "tags", "additionalInfo"];
    let odd = Just(vec!["resourceUri", "location", "tags", "more", "tags"]).prop_shuffle();
    let names = prop_oneof![3 => Just(USUAL.to_vec()), 1 => Just(USUAL.to_vec()).prop_shuffle(), 1 => odd];
    let texts = prop::collection::vec(text(), 3..6);
    (names, texts, prop::bool::weighted(0.9)).prop_map(|(names, texts, embedded)| {
        let quoted = texts.iter().map(|text| serde_json::to_string(text).unwrap());
        let members: Vec<_> = names
            .iter()
            .zip(quoted)
            .map(|(name, text)| format!("\"{name}\":{text}"))
            .collect();
        let json = format!("{{\"Microsoft.Resources\":{{{}}}}}", members.join(","));
        if embedded {
            serde_json::to_string(&json).unwrap()
        } else {
            json
        }
    })
}

/// The start and end of an interval, mostly of an hour.
fn hours() -> impl Strategy<Value = (String, String)> {
    let written = |hour: u8, zone: &str| format!("\"2026-10-01T{hour:02}:00:00{zone}\"");
    let zone = || prop_oneof![9 => Just("+00:00"), 3 => Just("Z"), 1 => Just(""), 1 => Just(".5Z")];
    (0u8..23, prop_oneof![9 => Just(1u8), 1 => 0u8..3], zone(), zone())
        .prop_map(move |(start, length, a, b)| (written(start, a), written(start + length, b)))
}

/// Records that are mostly regular: members in any order, missing, twice, with odd values and white space.
fn record_text() -> impl Strategy<Value = String> {
    let guid = || value("\"[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\"");
    let values = (
        guid(),
        hours(),
        value(instance_data()),
        value("[0-9]{1,12}(\\.[0-9]{1,15})?([eE][-+]?[0-9])?"),
        guid(),
        value("\"[^\\pC\"\\\\]{0,9}\""),
    );
    let values = values.prop_map(|(a, (b, c), d, e, f, g)| [a, b, c, d, e, f, g]);
    let rarely = || prop::option::weighted(0.1, 0usize..7);
    let order = Just((0usize..7).collect::<Vec<_>>()).prop_shuffle();
    (values, order, rarely(), rarely(), "[ \n]{0,1}").prop_map(
        |(values, mut order, left_out, twice, space)| {
            order.retain(|member| Some(*member) != left_out);
            order.extend(twice);
            let properties: Vec<_> = order
                .iter()
                .map(|&at| (GOOD[at].0, values[at].as_str()))
                .collect();
            aggregate(&properties).replace(",\"", &format!(",{space}\""))
        },
    )
}

#[test]
fn a_good_part_of_the_made_records_is_regular() {
    let mut runner = TestRunner::deterministic();
    let made = (0..1000).map(|_| record_text().new_tree(&mut runner).unwrap().current());
    let regular = made.filter(|text| read_regular(text).is_some()).count();
    assert!(
        regular > 100,
        "of 1000 made records only {regular} reach the fast reader's end"
    );
}

proptest! {
    #[test]
    fn what_the_fast_reader_takes_the_careful_reader_takes_alike(
        text in record_text(), at in any::<prop::sample::Index>(), change in prop::option::of("[ -~]{0,2}"),
    ) {
        let mut text = text;
        if let Some(change) = change {
            let at = text.char_indices().map(|(at, _)| at).nth(at.index(text.chars().count())).unwrap();
            let end = at + text[at..].chars().next().unwrap().len_utf8();
            text.replace_range(at..end, &change);
        }
        if let Some(record) = read_regular(&text) {
            prop_assert_eq!(careful::record(&text), Ok(record));
        }
        let outcome = careful::record(&text);
        let delivery = parse_delivery(text.as_bytes(), Format::Ndjson).unwrap();
        if !text.contains('\n') && !text.trim().is_empty() {
            prop_assert_eq!(delivery.records.len(), usize::from(outcome.is_ok()));
            prop_assert_eq!(delivery.quarantined.len(), usize::from(outcome.is_err()));
        }
    }

    #[test]
    fn a_page_is_json_for_us_exactly_if_it_is_json(
        records in prop::collection::vec(record_text(), 0..3), at in any::<prop::sample::Index>(), change in "[ -~]{0,2}",
    ) {
        let mut page = page_of(&records.iter().map(String::as_str).collect::<Vec<_>>());
        let at = page.char_indices().map(|(at, _)| at).nth(at.index(page.chars().count())).unwrap();
        let end = at + page[at..].chars().next().unwrap().len_utf8();
        page.replace_range(at..end, &change);
        let is_json = serde_json::from_str::<IgnoredAny>(&page).is_ok();
        let parsed = parse_delivery(page.as_bytes(), Format::Json);
        prop_assert_eq!(is_json, !matches!(parsed, Err(BodyError::NotJson(_))), "{}", page);
    }

    #[test]
    fn no_bytes_make_reading_panic_and_none_are_lost(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\\n 01".to_vec())], 0..200),
    ) {
        let _ = parse_delivery(&bytes, Format::Json);
        let delivery = parse_delivery(&bytes, Format::Ndjson).unwrap();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        prop_assert_eq!(delivery.records.len() + delivery.quarantined.len(), lines);
    }
}

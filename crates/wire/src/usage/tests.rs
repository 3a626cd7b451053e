use std::collections::BTreeSet;

use domain::quantity::Quantity;
use domain::usage::{Granularity, QuarantineCode};

use super::*;

/// A record with these members of `properties`, each a name and JSON text.
pub(super) fn aggregate(properties: &[(&str, &str)]) -> String {
    let members: Vec<String> = properties
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!(
        "{{\"id\":\"/x\",\"name\":\"n\",\"type\":\"Microsoft.Commerce/UsageAggregate\",\"properties\":{{{}}}}}",
        members.join(",")
    )
}

pub(super) const GOOD: [(&str, &str); 7] = [
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

pub(super) fn read_regular(text: &str) -> Option<UsageRecord<'_>> {
    let mut scanner = Scanner::new(text);
    regular::record(&mut scanner, &mut Last::default()).filter(|_| scanner.at_end())
}

pub(super) fn page_of(records: &[&str]) -> String {
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
    let crowd = format!("{{\"a\":0{}}}", ",\"a\":0".repeat(256));
    for (text, said) in [
        (crowd.as_str(), "at most 256 members"),
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
        (&cut, Format::Ndjson, "PageInLines"),
        (
            "\n{\"Value\":[]}\n{\"value\":[]}\n",
            Format::Ndjson,
            "PageInLines",
        ),
        (&many, Format::Json, "TooManyRecords"),
        (&lines, Format::Ndjson, "TooManyRecords"),
    ] {
        let error = parse_delivery(body.as_bytes(), format).unwrap_err();
        assert_eq!(error.code(), code, "{body:.60} gives {error}");
    }
    let error = parse_delivery(b"{\"value\":[\"\xff\"]}", Format::Json).unwrap_err();
    assert_eq!(error.code(), "InvalidJson");
}

#[test]
fn a_page_among_lines_costs_no_record_and_neither_does_a_record_with_an_array() {
    let (good, page) = (aggregate(&GOOD), "{\"value\":[]}");
    let with_properties = "{\"value\":[],\"properties\":null}".to_owned();
    for (lines, read) in [
        (format!("{page}\n{good}\n"), 1),
        (format!("{good}\n{page}\n"), 1),
        (with_properties, 0),
    ] {
        let delivery = parse_delivery(lines.as_bytes(), Format::Ndjson).unwrap();
        assert_eq!(
            (delivery.records.len(), delivery.quarantined.len()),
            (read, 1),
            "{lines}"
        );
    }
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

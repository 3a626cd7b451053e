//! Both readers agree, and no body makes either of them stumble.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::tests::{GOOD, aggregate, page_of, read_regular};
use super::*;
use crate::stack_admin::{InvalidUsagePage, UsageOutline, records_of_page};

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

/// A member of a page, mostly fit for it.
fn page_member() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        3 => Just("\"value\":[]"), 3 => Just("\"value\":[{},1,\"\\ud800\"]"), 1 => Just("\"Value\": [ ]"),
        1 => Just("\"value\":null"), 1 => Just("\"v\\u0061lue\":[2]"), 1 => Just("\"value\":{}"),
    ];
    let link = prop_oneof![
        2 => Just("\"nextLink\":\"https://a.example\""), 1 => Just("\"nextLink\":null"), 1 => Just("\"NextLink\":7"),
        1 => Just("\"odata.nextLink\":\"x\""),
    ];
    prop_oneof![3 => value, 2 => link, 1 => Just("\"other\":{\"value\":[]}")].prop_map(str::to_owned)
}

#[test]
fn pages_that_the_server_refuses_are_refused_where_they_are_read() {
    let many: String = (0..256).map(|number| format!(",\"m{number}\":0")).collect();
    let many = format!("{{\"value\":[]{many}}}");
    for page in [
        &many,
        "{\"value\":[],\"Value\":[]}",
        "{\"value\":[],\"VALUE\":null}",
    ] {
        assert!(parse_delivery(page.as_bytes(), Format::Json).is_err(), "{page}");
        let refused = UsageOutline::read(page.as_bytes());
        assert!(
            matches!(refused, Err(InvalidUsagePage::NotAPage(_))),
            "{refused:?} for {page}"
        );
    }
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
    fn what_is_taken_of_a_stack_the_server_takes_and_no_page_stops_a_stack_for_good(
        mut members in prop::collection::vec(page_member(), 0..4),
        more in prop_oneof![4 => Just(0usize), 1 => 250usize..260],
        at in any::<prop::sample::Index>(), change in prop::option::weighted(0.3, "[ -~]{0,2}"),
    ) {
        members.extend((0..more).map(|number| format!("\"m{number}\":0")));
        let mut page = format!("{{{}}}", members.join(","));
        if let Some(change) = change {
            let at = at.index(page.len());
            page.replace_range(at..=at, &change);
        }
        let outline = UsageOutline::read(page.as_bytes());
        let parsed = parse_delivery(page.as_bytes(), Format::Json);
        if let Ok(outline) = outline {
            let parsed = parsed.as_ref().map(|it| it.records.len() + it.quarantined.len());
            prop_assert_eq!(parsed, Ok(outline.records), "{}", page);
            let records = records_of_page(page.as_bytes()).map(|it| it.len());
            prop_assert_eq!(records, Ok(outline.records));
        }
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

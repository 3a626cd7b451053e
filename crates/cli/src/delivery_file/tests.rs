use super::*;

fn parts(text: &str, records_max: u32) -> (Vec<String>, Result<(), Ended>) {
    parts_of(text, None, records_max)
}

fn parts_of(text: &str, named: Option<Format>, records_max: u32) -> (Vec<String>, Result<(), Ended>) {
    let mut parts = Vec::new();
    let outcome = cut(text.as_bytes(), named, records_max, |part| {
        parts.push(format!(
            "{} {}",
            part.records,
            String::from_utf8(part.body.to_vec()).unwrap().trim_end()
        ));
        true
    });
    (parts, outcome)
}

fn whole(text: &str, records_max: u32) -> Vec<String> {
    let (parts, outcome) = parts(text, records_max);
    outcome.unwrap();
    parts
}

#[test]
fn every_form_of_the_same_records_is_understood() {
    let page = r#"3 {"value":[{"q":1.50},{"q":2},{"q":3}]}"#;
    for text in [
        r#"{"value":[{"q":1.50},{"q":2},{"q":3}]}"#,
        r#"{"nextLink":"https://x","value":[{"q":1.50},{"q":2},{"q":3}],"more":{"value":[9]}}"#,
        r#"{"value":[{"q":1.50}]}{"value":[]} {"value":[{"q":2},{"q":3}]}"#,
        "{\"value\":[{\"q\":1.50}]}\n{\"value\":[{\"q\":2},{\"q\":3}]}\n",
        "\n [{\"value\":[{\"q\":1.50},{\"q\":2}]},\n{\"value\":[{\"q\":3}]}]",
        r#"[{"q":1.50},{"q":2},{"q":3}]"#,
        "\u{feff}{\"value\":[{\"q\":1.50},{\"q\":2},{\"q\":3}]}",
    ] {
        assert_eq!(whole(text, 10), [page], "{text}");
    }
    for text in [
        "{\"q\":1.50}\n{\"q\":2}\n\n{\"q\":3}",
        "\u{feff}{\"q\":1.50}\r\n{\"q\":2}\r\n{\"q\":3}\r\n",
    ] {
        assert_eq!(
            whole(text, 10),
            ["3 {\"q\":1.50}\n{\"q\":2}\n{\"q\":3}"],
            "{text}"
        );
    }
}

#[test]
fn what_holds_nothing_gives_nothing() {
    for text in ["", " \n", "[]", r#"{"value":[]}"#, "[{\"value\":[]}]"] {
        assert_eq!(whole(text, 10), [""; 0], "{text}");
    }
}

#[test]
fn numbers_and_spacing_inside_a_record_stay_as_they_are_written() {
    let record = r#"{ "quantity" : 6.36465847492218e-06,  "other": 2.4000000000, "text":"é\u00e9" }"#;
    assert_eq!(
        whole(&format!("{{\"value\":[ {record} ]}}"), 10),
        [format!("1 {{\"value\":[{record}]}}")]
    );
    let pretty = "{\"value\": [\n  {\n    \"quantity\": 1.10\n  }\n]}";
    assert_eq!(
        whole(pretty, 10),
        ["1 {\"value\":[{\n    \"quantity\": 1.10\n  }]}"]
    );
}

#[test]
fn parts_hold_no_more_than_they_may() {
    let text = r#"{"value":[{"q":1},{"q":2},{"q":3}]}{"value":[{"q":4},{"q":5}]}"#;
    assert_eq!(
        whole(text, 2),
        [
            r#"2 {"value":[{"q":1},{"q":2}]}"#,
            r#"2 {"value":[{"q":3},{"q":4}]}"#,
            r#"1 {"value":[{"q":5}]}"#
        ]
    );
    let long = format!(
        "{{\"value\":[\"{0}\",\"{0}\",\"{0}\"]}}",
        "x".repeat(DELIVERY_BYTES_MAX / 2 - 100)
    );
    let mut records = Vec::new();
    cut(long.as_bytes(), None, 10, |part| {
        records.push(part.records);
        true
    })
    .unwrap();
    assert_eq!(records, [2, 1]);
}

#[test]
fn a_malformed_line_is_handed_on_for_the_server_to_judge_wherever_it_stands() {
    for lines in [
        ["{\"q\":1}", "{\"q\":", "not JSON", "{\"q\":2}"],
        ["{\"q\":", "{\"q\":1}", "not JSON", "{\"q\":2}"],
        ["not JSON", "{\"q\":1}", "{\"q\":2}", "{\"q\":3}"],
        ["1", "[broken", "\"text\"", "{\"q\":1}"],
        ["[broken", "{\"q\":1}", "{\"q\":2}", "{\"q\":3}"],
        ["{\"value\":broken", "{\"q\":1}", "{\"q\":2}", "{\"q\":3}"],
        ["{\"a\":{\"value\":[", "{\"q\":1}", "{\"q\":2}", "{\"q\":3}"],
        ["{\"q\":1}x", "{\"q\":1},", "{\"q\":2}", "{\"q\":3}"],
    ] {
        let text = lines.join("\n");
        assert_eq!(whole(&text, 10), [format!("4 {text}")]);
        assert_eq!(whole(&format!("\u{feff}\n{text}\n"), 10), [format!("4 {text}")]);
    }
}

#[test]
fn a_name_tells_lines_from_pages_where_the_text_does_not() {
    assert_eq!(named(Path::new("a/october.NDJSON")), Some(Format::Ndjson));
    assert_eq!(named(Path::new("october.jsonl")), Some(Format::Ndjson));
    for other in ["october.json", "ndjson", "-", ""] {
        assert_eq!(named(Path::new(other)), None, "{other}");
    }
    let (parts, outcome) = parts_of("{\"q\":", Some(Format::Ndjson), 10);
    assert_eq!((parts, outcome.is_ok()), (vec!["1 {\"q\":".to_owned()], true));
    // What is a page stays one.
    let (parts, _) = parts_of("{\"value\":[{\"q\":1}]}\n", Some(Format::Ndjson), 10);
    assert_eq!(parts, [r#"1 {"value":[{"q":1}]}"#]);
}

#[test]
fn pages_whose_records_stand_in_lines_of_their_own_are_pages() {
    let page = r#"3 {"value":[{"q":1},{"q":2},{"q":3}]}"#;
    for text in [
        "{\"value\":[\n{\"q\":1},\n{\"q\":2},\n{\"q\":3}\n]}",
        "{\n\"nextLink\":\"x\",\n\"value\":\n[\n{\"q\":1},\n{\"q\":2},\n{\"q\":3}\n]}",
        "[\n{\"q\":1},\n{\"q\":2},\n{\"q\":3}\n]",
    ] {
        assert_eq!(whole(text, 10), [page], "{text}");
    }
    // A download that broke off is told to be one.
    let (_, outcome) = parts("{\"value\":[\n{\"q\":1},\n{\"q\":2}\n", 10);
    assert!(
        matches!(outcome, Err(Ended::File(FileError::NotJson(_)))),
        "{outcome:?}"
    );
}

#[test]
fn what_comes_before_a_fault_is_handed_over() {
    let (before, outcome) = parts("{\"value\":[{\"q\":1}]}\n{\"value\":[{\"q\":2}", 10);
    assert_eq!(before, [r#"1 {"value":[{"q":1}]}"#]);
    assert!(
        matches!(outcome, Err(Ended::File(FileError::NotJson(_)))),
        "{outcome:?}"
    );
}

#[test]
fn something_else_is_refused() {
    for text in [
        "1",
        "\"text\"",
        "null",
        "{\"value\":1}",
        "{\"value\":null,\"a\":1}{}",
    ] {
        let (before, outcome) = parts(text, 10);
        let refused = matches!(&outcome, Err(Ended::File(FileError::NotUsage { number: 1 })));
        assert!(
            before.is_empty() && refused || text.starts_with("{\"value\":null"),
            "{text}: {outcome:?} {before:?}"
        );
    }
    let (_, outcome) = parts("<html>", 10);
    assert!(
        matches!(outcome, Err(Ended::File(FileError::NotJson(_)))),
        "{outcome:?}"
    );
}

#[test]
fn a_line_that_is_too_long_is_handed_on_shortened_and_costs_no_other() {
    let beyond = usize::try_from(LINE_BYTES_MAX).unwrap() * 3;
    for long in [
        "x".repeat(beyond),
        "é".repeat(beyond),
        format!("{{\"q\":\"{}\"}}", "x".repeat(beyond)),
        // What is left of it must not pass for a whole record.
        format!("{{\"q\":3}}{}", " ".repeat(beyond)),
    ] {
        let (parts, outcome) = parts(&format!("{{\"q\":1}}\n{long}\n{{\"q\":2}}"), 1);
        outcome.unwrap();
        assert_eq!((&*parts[0], &*parts[2]), ("1 {\"q\":1}", "1 {\"q\":2}"));
        assert!(
            parts[1].len() < 10_000 && parts[1].ends_with("(cut off: the line has more than 1048576 bytes)"),
            "{}",
            parts[1]
        );
        assert_eq!(parts.len(), 3);
    }
    let first = format!("{{\"q\":\"{}\"}}\n{{\"q\":2}}", "x".repeat(beyond));
    assert_eq!(whole(&first, 1)[1..], ["1 {\"q\":2}"]);
}

#[test]
fn nothing_more_is_read_when_nothing_more_is_wanted() {
    let mut handed = 0;
    let outcome = cut(r#"{"value":[1,2,3]}"#.as_bytes(), None, 1, |_| {
        handed += 1;
        false
    });
    assert!(matches!(outcome, Err(Ended::NotWanted)));
    assert_eq!(handed, 1);
}

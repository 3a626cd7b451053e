use super::*;

fn parts(text: &str, records_max: u32) -> (Vec<String>, Result<(), Ended>) {
    let mut parts = Vec::new();
    let outcome = cut(text.as_bytes(), records_max, |part| {
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
    cut(long.as_bytes(), 10, |part| {
        records.push(part.records);
        true
    })
    .unwrap();
    assert_eq!(records, [2, 1]);
}

#[test]
fn a_malformed_line_is_handed_on_for_the_server_to_judge() {
    assert_eq!(
        whole("{\"q\":1}\n{\"q\":\nnot JSON\n{\"q\":2}", 10),
        ["4 {\"q\":1}\n{\"q\":\nnot JSON\n{\"q\":2}"]
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
fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
    let text = format!("{{\"q\":1}}\n{}", "x".repeat(2 * 1024 * 1024));
    let (before, outcome) = parts(&text, 10);
    assert_eq!(before.len(), 1);
    assert!(
        matches!(outcome, Err(Ended::File(FileError::LineTooLong { number: 2 }))),
        "{outcome:?}"
    );
}

#[test]
fn nothing_more_is_read_when_nothing_more_is_wanted() {
    let mut handed = 0;
    let outcome = cut(r#"{"value":[1,2,3]}"#.as_bytes(), 1, |_| {
        handed += 1;
        false
    });
    assert!(matches!(outcome, Err(Ended::NotWanted)));
    assert_eq!(handed, 1);
}

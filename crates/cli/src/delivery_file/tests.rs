use super::*;

fn parts(text: &str, records_max: u32) -> (Vec<String>, Result<Pages, Ended>) {
    parts_of(text.as_bytes(), None, records_max)
}

fn parts_of(file: &[u8], named: Option<Format>, records_max: u32) -> (Vec<String>, Result<Pages, Ended>) {
    let mut parts = Vec::new();
    let outcome = cut(file, named, records_max, |part| {
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
    for text in ["[]", r#"{"value":[]}"#, "[{\"value\":[]}]"] {
        assert_eq!(whole(text, 10), [""; 0], "{text}");
    }
}

#[test]
fn a_download_that_brought_nothing_does_not_pass_for_an_hour_without_usage() {
    for text in ["", " \n\n", "\u{feff}"] {
        let (before, outcome) = parts(text, 10);
        assert!(
            before.is_empty() && matches!(outcome, Err(Ended::File(FileError::Empty))),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_windows_makes_of_a_file_is_said_to_be_what_it_is() {
    let text = "{\"value\":[]}";
    let utf_16 = |order: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(order).collect()
    };
    for (file, expected) in [
        (utf_16(u16::to_le_bytes, "\u{feff}"), "UTF-16"),
        (utf_16(u16::to_be_bytes, "\u{feff}"), "UTF-16"),
        (utf_16(u16::to_le_bytes, ""), "UTF-16"),
        (utf_16(u16::to_be_bytes, ""), "UTF-16"),
        (b"PK\x03\x04\x14\0".to_vec(), "a zip archive"),
        (b"PK\x05\x06\0\0".to_vec(), "a zip archive"),
    ] {
        for named in [None, Some(Format::Ndjson)] {
            let (before, outcome) = parts_of(&file, named, 10);
            let Err(Ended::File(error)) = outcome else {
                panic!("{file:?}: {outcome:?}")
            };
            assert!(
                error.to_string().contains(expected) && before.is_empty(),
                "{error}"
            );
        }
    }
}

#[test]
fn an_error_answer_of_the_stack_is_recognised_and_not_delivered() {
    let answer = r#"{"error":{"code":"AuthorizationFailed","message":"Not allowed.","details":[
{"code":"More","message":"x"}
]}}"#;
    let after_a_page = format!("{{\"value\":[{{\"q\":1}}]}}\n{answer}");
    let after_a_line = "{\"q\":1}\n{ \"error\": {\"code\": \"Busy\"}}\n{\"q\":2}";
    for (text, records, told) in [
        (answer, 0, "AuthorizationFailed: Not allowed."),
        (&format!("[{answer}]"), 0, "AuthorizationFailed: Not allowed."),
        (
            &after_a_page,
            1,
            "value 2 of the file is an error answer of the stack, not usage: AuthorizationFailed",
        ),
        (
            after_a_line,
            1,
            "value 2 of the file is an error answer of the stack, not usage: Busy",
        ),
        (
            r#"{"error":"invalid_token","error_description":"x"}"#,
            0,
            "invalid_token",
        ),
    ] {
        let (before, outcome) = parts(text, 10);
        let Err(Ended::File(error @ FileError::ErrorAnswer { .. })) = outcome else {
            panic!("{text}: {outcome:?}")
        };
        assert!(error.to_string().contains(told), "{text}: {error}");
        assert_eq!(before.len(), records, "{text}");
    }
    // A record may say of itself what it likes.
    assert_eq!(whole("{\"q\":1}\n{\"error\":1,\"properties\":{}}", 1).len(), 2);
}

#[test]
fn a_last_page_that_names_a_next_one_is_not_all_there_is() {
    let (page, last) = (
        r#"{"nextLink":"https://x","value":[{"q":1}]}"#,
        r#"{"value":[{"q":2}]}"#,
    );
    for (text, expected) in [
        (page.to_owned(), (0, true)),
        (format!("{page}{last}"), (1, false)),
        (format!("[{page},{last}]"), (1, false)),
        (format!("{last}{page}"), (1, true)),
        (format!("[{last},{page}]"), (1, true)),
        (format!("{last}{page}{last}"), (2, false)),
        (page.replace("https://x", ""), (1, false)),
        (page.replace("\"https://x\"", "null"), (1, false)),
        ("{\"q\":1}\n{\"q\":2}".to_owned(), (0, false)),
    ] {
        let (_, outcome) = parts(&text, 10);
        let pages = outcome.unwrap();
        assert_eq!((pages.last_of_window, pages.more_follow), expected, "{text}");
    }
}

#[test]
fn compressed_files_are_read_whatever_they_are_called() {
    use std::io::Write as _;
    let text = "{\"value\":[{\"q\":1.50},{\"q\":2}]}";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let (gzip, zstd) = (
        gzip.finish().unwrap(),
        zstd::bulk::compress(text.as_bytes(), 1).unwrap(),
    );
    // Compressed files may be put one after the other, as the texts may.
    let two = [gzip.clone(), gzip.clone()].concat();
    for (file, windows, expected) in [
        (&gzip, 1, "2 {\"value\":[{\"q\":1.50},{\"q\":2}]}"),
        (&zstd, 1, "2 {\"value\":[{\"q\":1.50},{\"q\":2}]}"),
        (
            &two,
            2,
            "4 {\"value\":[{\"q\":1.50},{\"q\":2},{\"q\":1.50},{\"q\":2}]}",
        ),
    ] {
        let (parts, outcome) = parts_of(file, None, 10);
        assert_eq!(
            (parts, outcome.unwrap().last_of_window),
            (vec![expected.to_owned()], windows)
        );
    }
    let (_, cut_off) = parts_of(&gzip[..gzip.len() / 2], None, 10);
    assert!(
        matches!(cut_off, Err(Ended::File(FileError::Io(_)))),
        "{cut_off:?}"
    );
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
    assert_eq!(named(Path::new("october.ndjson.gz")), Some(Format::Ndjson));
    assert_eq!(named(Path::new("october.jsonl.ZST")), Some(Format::Ndjson));
    for other in ["october.json", "october.json.gz", "ndjson", "-", ""] {
        assert_eq!(named(Path::new(other)), None, "{other}");
    }
    let (parts, outcome) = parts_of(b"{\"q\":", Some(Format::Ndjson), 10);
    assert_eq!((parts, outcome.is_ok()), (vec!["1 {\"q\":".to_owned()], true));
    // What is a page stays one.
    let (parts, _) = parts_of(b"{\"value\":[{\"q\":1}]}\n", Some(Format::Ndjson), 10);
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
        "{\"status\":\"ok\"}",
        "\u{feff}\n{\"tenantId\":\"x\",\"subscriptions\":[]}\n\n",
        "{}",
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
fn one_record_alone_is_the_servers_to_judge_as_soon_as_it_looks_like_one() {
    for text in [
        r#"{"properties":1}"#,
        r#"{"id":null,"name":"n"}"#,
        r#"{"type":"x","q":1}"#,
    ] {
        assert_eq!(whole(text, 10), [format!("1 {text}")]);
    }
    // Beside others, what is no record is seen in quarantine, and costs them nothing.
    let lines = "{\"status\":\"ok\"}\n{\"properties\":{}}";
    assert_eq!(whole(lines, 10), [format!("2 {lines}")]);
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

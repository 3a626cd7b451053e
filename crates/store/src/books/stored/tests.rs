use super::*;

/// One entry of each kind, as version 1 was first written. Never change a line: add lines for new kinds and versions.
const GOLDEN: &str = include_str!("golden_v1.ndjson");

#[test]
fn what_earlier_versions_wrote_is_read_and_written_in_the_same_way() {
    let mut kinds = Vec::new();
    for line in GOLDEN.lines() {
        let entry = decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(String::from_utf8(encode(&entry).unwrap()).unwrap(), line);
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let (kind, what) = (&value["entry"]["kind"], &value["entry"]["what"]);
        kinds.push(format!("{kind} {what}"));
    }
    kinds.dedup();
    assert_eq!(
        kinds.len(),
        23 + 16 + 8 + 2 + 8 + 1 + 7 + 4 + 3 + 3,
        "an entry of each kind: {kinds:?}"
    );
}

#[test]
fn an_entry_of_a_newer_program_is_refused_and_says_so() {
    let error = decode(br#"{"version":2,"entry":{"kind":"somethingNew"}}"#).unwrap_err();
    assert!(matches!(error, Unreadable::Newer(2)));
    assert!(decode(b"not json").is_err());
    assert!(decode(br#"{"version":1,"entry":{"kind":"somethingElse"}}"#).is_err());
}

use std::num::NonZeroU32;

use domain::bundle::Digest;
use domain::time::HourInterval;

use super::*;

fn manifest() -> Manifest {
    let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    let packed = |number| Packed {
        bytes: 900,
        compressed_bytes: 300,
        digest: Digest::from_bytes([number; 32]),
    };
    let part = |hours, number| Part {
        hour: start.plus(hours),
        records: 3,
        packed: packed(number),
    };
    Manifest {
        stack: "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap(),
        registration: "0f000000-0000-4000-8000-000000000001".parse().unwrap(),
        public_key: [7; 32],
        sequence: NonZeroU32::new(2).unwrap(),
        previous: Some(Digest::from_bytes([9; 32])),
        window: HourInterval::new(start, start.plus(24)).unwrap(),
        read_again_from: None,
        leaves_out_earlier: false,
        directory: Some(packed(4)),
        parts: vec![part(0, 1), part(0, 2), part(23, 3)],
        made_at: "2026-10-02T01:00:00Z".parse().unwrap(),
        made_by: "meterbridge 1.0.0".to_owned(),
    }
}

#[test]
fn a_manifest_reads_back_as_it_was_written() {
    let text = manifest().write().unwrap();
    assert_eq!(Manifest::read(&text), Ok(manifest()));
    assert_eq!(manifest().records(), 9);
}

#[test]
fn a_manifest_says_which_hours_before_its_window_were_read_again() {
    let mut again = manifest();
    let start = again.window.start();
    again.read_again_from = Some(start.plus(-6));
    again.parts.insert(
        0,
        Part {
            hour: start.plus(-6),
            ..again.parts[0]
        },
    );
    let text = again.write().unwrap();
    assert_eq!(Manifest::read(&text), Ok(again.clone()));
    assert_eq!(
        (manifest().declared().start(), again.declared().start()),
        (start, start.plus(-6)),
        "what was read again is not called unread for ever"
    );
    for (from, to, expected) in [
        (
            "readAgainFrom\": \"2026-09-30T18",
            "readAgainFrom\": \"2026-09-30T19",
            "parts[0].",
        ),
        (
            "readAgainFrom\": \"2026-09-30T18",
            "readAgainFrom\": \"2026-10-01T00",
            "readAgainFrom: ",
        ),
        (
            "readAgainFrom\": \"2026-09-30T18",
            "readAgainFrom\": \"2025-09-29T18",
            "readAgainFrom: ",
        ),
        (
            "  \"readAgainFrom\": \"2026-09-30T18:00:00Z\",\n",
            "",
            "parts[0].",
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Manifest::read(&changed).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn only_the_first_bundle_can_leave_earlier_hours_out() {
    let mut first = Manifest {
        sequence: NonZeroU32::MIN,
        previous: None,
        leaves_out_earlier: true,
        ..manifest()
    };
    assert_eq!(Manifest::read(&first.write().unwrap()), Ok(first.clone()));
    first.sequence = NonZeroU32::new(2).unwrap();
    let error = first.write().unwrap_err().to_string();
    assert!(error.contains("leavesOutEarlier: "), "{error}");
}

#[test]
fn a_bundle_that_was_made_by_the_version_before_is_read() {
    let former = r#"{"format":"meterbridge-bundle/1","cloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747",
        "registrationId":"0f000000-0000-4000-8000-000000000001",
        "publicKey":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","sequence":1,
        "reportedStart":"2026-10-01T00:00:00Z","reportedEnd":"2026-10-02T00:00:00Z",
        "reportedThrough":"2026-10-02T00:00:00Z","records":0,"parts":[],
        "madeAt":"2026-10-02T01:00:00Z","madeBy":"meterbridge 1.0.0"}"#;
    let read = Manifest::read(former).unwrap();
    assert_eq!((read.read_again_from, read.leaves_out_earlier), (None, false));
    assert_eq!(read.window, manifest().window);
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_with_the_member() {
    let text = manifest().write().unwrap();
    for (from, to, expected) in [
        (
            "\"meterbridge-bundle/2\"",
            "\"meterbridge-bundle/3\"",
            "use a newer one",
        ),
        (
            "\"meterbridge-bundle/2\"",
            "\"zip\"",
            "format: expected 'meterbridge-bundle/2'",
        ),
        ("\"sequence\": 2", "\"sequence\": 0", "manifest: "),
        (
            "\"sequence\": 2",
            "\"sequence\": 2, \"surprise\": 1",
            "unknown field `surprise`",
        ),
        ("\"records\": 9", "\"records\": 8", "records: expected the sum"),
        (
            "\"records\": 3",
            "\"records\": 0",
            "parts[0].records: expected 1 to",
        ),
        (
            "\"bytes\": 900",
            "\"bytes\": 99000000000",
            "expected 1 to 67108864",
        ),
        (
            "\"compressedBytes\": 300",
            "\"compressedBytes\": 0",
            "compressedBytes: expected 1 to",
        ),
        ("0909", "09G9", "previous: expected a BLAKE3 digest"),
        ("5bf881b2-", "", "cloudId: "),
        ("T23:00:00Z", "T25:00:00Z", "parts[2].reportedStart"),
        (
            "\"2026-10-01T23:00:00Z\"",
            "\"2026-09-30T23:00:00Z\"",
            "parts[2].reportedStart: expected parts of one hour",
        ),
        (
            "\"reportedThrough\": \"2026-10-02T00",
            "\"reportedThrough\": \"2026-10-03T00",
            "reportedThrough: expected",
        ),
        (
            "\"reportedEnd\": \"2026-10-02T00:00:00Z\",\n  \"rep",
            "\"reportedEnd\": \"2028-10-02T00:00:00Z\",\n  \"rep",
            "reportedEnd: expected at most",
        ),
        ("meterbridge 1.0.0", "\\u001b[2J", "madeBy: "),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Manifest::read(&changed).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_public_key_reads_back_as_it_was_written_and_nothing_else_is_one() {
    let pem = public_key_pem(&[0x5a; 32]);
    assert_eq!(read_public_key(&pem), Ok([0x5a; 32]));
    assert_eq!(read_public_key(&pem.replace('\n', "\r\n")), Ok([0x5a; 32]));
    for wrong in [
        "",
        "x",
        &pem.replace("PUBLIC", "PRIVATE"),
        &pem.replace("MCow", "MCoW"),
        &pem[..60],
    ] {
        assert_eq!(read_public_key(wrong), Err(InvalidPublicKey), "{wrong}");
    }
}

#[test]
fn a_signature_on_a_receipt_is_none_on_a_manifest_and_none_on_an_activation_key() {
    assert_ne!(signed_of_manifest("x"), signed_of_receipt("x"));
    // A token is signed over two texts of base64url with a dot between them: there is no space in it.
    for signed in [signed_of_manifest(""), signed_of_receipt("")] {
        assert!(signed.contains(&b' '));
    }
}

//! Why a delivery of an import was not taken in, and what to do about it.

use client::{ClientError, Refusal, StatusCode};

use super::sending::Sent;
use crate::failure::Failure;

/// For whoever is cut off in the middle of a file.
const REPEATABLE: &str = "It is safe to repeat the same command, and it brings in what is missing: what was taken in \
                          already counts as duplicates.";

/// Why these records were not taken in.
pub(super) fn not_delivered(error: ClientError, sent: &Sent, cloud_id: &str) -> Failure {
    match error {
        ClientError::Refused(refusal) if refusal.status == StatusCode::PAYLOAD_TOO_LARGE => {
            too_large(*refusal, sent)
        }
        error => not_answered(error, cloud_id),
    }
}

/// Why a delivery was not taken, whatever is in it. It has the activation key as its credential, so that is what may
/// be wrong with it.
pub(super) fn not_answered(error: ClientError, cloud_id: &str) -> Failure {
    let unauthorized =
        matches!(&error, ClientError::Refused(refusal) if refusal.status == StatusCode::UNAUTHORIZED);
    let cut_off = is_cut_off(&error);
    let failure = Failure::from(error);
    if unauthorized {
        failure.hint(format!(
            "This was the stack's activation key. Print the one that holds with `meterbridge registration \
             activation-key {cloud_id}`."
        ))
    } else if cut_off {
        let hints: Vec<&str> = failure.hint_text().into_iter().chain([REPEATABLE]).collect();
        let hint = hints.join(" ");
        failure.hint(hint)
    } else {
        failure
    }
}

/// Whether the same may succeed later.
fn is_cut_off(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. }
        | ClientError::TimedOut { .. }
        | ClientError::Unintelligible { .. } => true,
        ClientError::Refused(refusal) => {
            refusal.status.is_server_error() || refusal.status == StatusCode::TOO_MANY_REQUESTS
        }
        _ => false,
    }
}

/// A record that does not fit in a delivery with others is sent alone, so it is known which one is too large.
fn too_large(refusal: Refusal, sent: &Sent) -> Failure {
    let (source, first) = (&sent.source, sent.places.of(0));
    let (what, hint) = if sent.records == 1 {
        let what = format!("{source}, {first}: the record alone is larger than what the server takes.");
        (
            what,
            "Look at what it holds: a record of a stack has a few KiB. Take it out of the file and import the file \
             again: what was taken in already counts as duplicates.",
        )
    } else {
        let last = sent.places.of(sent.records.saturating_sub(1)).number();
        let what =
            format!("{source}, {first} to {last}: together they are larger than what the server takes.");
        (
            what,
            "Deliver fewer records at a time, with a smaller --batch: what was taken in already counts as duplicates.",
        )
    };
    Failure::new(what)
        .because(format!(
            "the server answered {} {}",
            refusal.status.as_u16(),
            refusal.code
        ))
        .because(refusal.message)
        .coded(refusal.code)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Places, Source};
    use super::*;

    fn refused(status: StatusCode, code: &str) -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            status,
            code: code.into(),
            message: "No.".into(),
            target: None,
            hint: None,
            request_id: None,
        }))
    }

    fn failure(error: ClientError, records: u32) -> Failure {
        let sent = Sent {
            source: Source::named("page.json"),
            places: Places::FromIndex(10),
            records,
        };
        not_delivered(error, &sent, "5bf881b2")
    }

    #[test]
    fn whoever_is_cut_off_is_told_that_the_same_again_is_safe() {
        let server = || "https://localhost:8443".to_owned();
        let unreachable = ClientError::Unreachable {
            server: server(),
            cause: "connection reset".into(),
        };
        for error in [
            unreachable,
            ClientError::TimedOut { server: server() },
            refused(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy"),
            refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        ] {
            let failure = failure(error, 3);
            assert!(failure.hint_text().unwrap().ends_with(REPEATABLE), "{failure:?}");
        }
        let refused = failure(refused(StatusCode::BAD_REQUEST, "InvalidTime"), 3);
        assert_eq!(refused.hint_text(), None, "the same again is refused again");
    }

    #[test]
    fn what_is_too_large_is_found_in_its_file() {
        let too_large = |records| failure(refused(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"), records);
        let (one, several) = (too_large(1), too_large(3));
        assert!(
            one.what().starts_with("page.json, index 10: the record alone"),
            "{one:?}"
        );
        assert!(!one.hint_text().unwrap().contains("--batch"), "{one:?}");
        assert!(
            several.what().starts_with("page.json, index 10 to 12: "),
            "{several:?}"
        );
        assert!(several.hint_text().unwrap().contains("--batch"), "{several:?}");
    }
}

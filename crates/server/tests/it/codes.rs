//! Every code that the server can answer with is in `codes.txt`: a client may rely on them, so a change is seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LISTED: &str = include_str!("codes.txt");

/// Fails for an error code that is not listed.
#[track_caller]
pub(crate) fn is_listed(code: &str) {
    assert!(
        LISTED.lines().any(|line| line == code),
        "{code} is answered and not in codes.txt"
    );
}

#[test]
fn the_list_is_sorted_and_names_every_code_in_the_sources_once() {
    let listed: Vec<&str> = LISTED.lines().collect();
    let sorted: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(
        listed,
        sorted.iter().copied().collect::<Vec<_>>(),
        "codes.txt is to be sorted, without repetitions"
    );
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for sources in ["domain/src", "wire/src", "app/src", "server/src"] {
        collect(&crates.join(sources), &mut found);
    }
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let (unlisted, gone): (Vec<_>, Vec<_>) = (
        found.difference(&sorted).collect(),
        sorted.difference(&found).collect(),
    );
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "add {unlisted:?} to codes.txt, remove {gone:?}"
    );
}

fn collect(directory: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            codes.extend(codes_in(text));
        }
    }
}

/// Where a code stands: in a constant of that name, as an arm of a function `code`, or as an argument of what makes an
/// error.
fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    let mut in_code_function = false;
    let mut making = 0;
    for line in text.lines() {
        if line.contains("fn code(") {
            in_code_function = true;
        } else if in_code_function && line.starts_with("    }") {
            in_code_function = false;
        }
        if MAKERS.iter().any(|maker| line.contains(maker)) {
            making = 3;
        }
        let is_constant =
            line.contains("CODE: &'static str = ") || line.contains("TOO_MANY_DELIVERIES: &str");
        if in_code_function || making > 0 || is_constant {
            codes.extend(
                line.split('"')
                    .skip(1)
                    .step_by(2)
                    .filter(|text| is_code(text))
                    .map(str::to_owned),
            );
        }
        making -= i32::from(making > 0);
    }
    codes
}

const MAKERS: [&str; 11] = [
    "Error::new(",
    "Error::not_found(",
    "Self::new(Kind::",
    "Failure::new(",
    "Failure::invalid(",
    "Self::new(StatusCode::",
    "Self::new(",
    "Failure::unavailable(",
    "query.read(",
    "params.read(",
    "self.read(",
];

/// Two or more words in Pascal case.
fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().filter(char::is_ascii_uppercase).count() > 1
        && text.chars().any(|c| c.is_ascii_lowercase())
        || text == "NotFound"
}

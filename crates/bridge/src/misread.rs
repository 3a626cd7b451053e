//! What is wrong with a file that cannot be read as a configuration, in the words of whoever wrote it. Values are not
//! repeated: one of them may be a secret.

/// Every key that can have a value of the wrong kind, with one of the right kind.
const RIGHT: [(&str, &str, &str); 19] = [
    ("server", "url", "\"https://meterbridge.example:8443\""),
    ("server", "ca", "\"server-ca.pem\""),
    ("spool", "directory", "\"/var/lib/meterbridge-bridge\""),
    ("spool", "bytes-max", "10737418240"),
    ("status", "listen", "\"127.0.0.1:9465\""),
    ("stack", "name", "\"north\""),
    ("stack", "endpoint", "\"https://adminmanagement.north.example\""),
    ("stack", "ca", "\"stack-ca.pem\""),
    ("stack", "tenant", "\"contoso.onmicrosoft.com\""),
    ("stack", "client-id", "\"9a1c7c6e-5a0e-4c0e-9d6f-3f1a2f0b7a11\""),
    ("stack", "secret-file", "\"stack.secret\""),
    ("stack", "certificate-file", "\"stack.crt\""),
    ("stack", "key-file", "\"stack.keyfile\""),
    (
        "stack",
        "provider-subscription",
        "\"39c82aed-b2b7-4a66-abdb-611de00bf11e\"",
    ),
    ("stack", "activation-key-file", "\"stack.key\""),
    ("stack", "cloud-id", "\"5bf881b2-6be7-42a1-9f47-d6fcb6737747\""),
    ("stack", "start", "\"2026-10-01T00:00:00Z\""),
    ("stack", "lookback-hours", "6"),
    ("stack", "margin-minutes", "15"),
];

/// What is wrong at a place in a text, for which the parser has this message.
pub(crate) fn why(text: &str, at: usize, message: &str) -> String {
    if !["invalid type", "invalid value"]
        .iter()
        .any(|it| message.starts_with(it))
    {
        return message.to_owned();
    }
    let before = text.get(..at).unwrap_or(text);
    let line_at = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text
        .get(line_at..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default()
        .trim();
    if let Some(header) = header(line) {
        return match header {
            "stack" => "expected [[stack]] with two brackets: there may be several stacks".to_owned(),
            section => format!("expected [{section}] with one bracket: there is one {section}"),
        };
    }
    let Some((key, _)) = line.split_once('=') else {
        return message.to_owned();
    };
    let key = key.trim().trim_matches('"');
    let section = before.lines().rev().find_map(|line| header(line.trim()));
    let right = RIGHT
        .iter()
        .find(|(of, it, _)| Some(*of) == section && *it == key);
    match (right, section) {
        (Some((_, _, right)), _) if right.starts_with('"') => {
            format!("`{key}`: expected a text in quotes, such as {key} = {right}")
        }
        (Some((_, _, right)), _) => {
            format!(
                "`{key}`: expected a whole number, not below zero and without quotes, such as {key} = {right}"
            )
        }
        (None, None) => {
            format!("`{key}` is a section: it begins with a line [{key}], and what it says is below")
        }
        (None, Some(_)) => message.to_owned(),
    }
}

/// The section that a line begins, if it begins one.
fn header(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.trim_start_matches('[');
    name.split(']').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn what_is_said_to_be_right_is_taken_and_nothing_is_left_without_it() {
        for (section, key, right) in RIGHT {
            let header = if section == "stack" {
                "[[stack]]"
            } else {
                &format!("[{section}]")
            };
            let parse = |value: &str| Settings::parse(&format!("{header}\n{key} = {value}\n"), Path::new(""));
            assert!(parse(right).is_ok(), "{section}.{key} = {right}");
            let wrong = parse("[1]").unwrap_err().to_string();
            assert!(
                wrong.starts_with(&format!("line 2: `{key}`: expected")),
                "{wrong}"
            );
        }
        for section in ["server", "spool", "status", "stack"] {
            let header = if section == "stack" {
                "[[stack]]"
            } else {
                &format!("[{section}]")
            };
            let unknown = Settings::parse(&format!("{header}\nnothing = 1"), Path::new("")).unwrap_err();
            let known = RIGHT.iter().filter(|(of, ..)| *of == section);
            for (_, key, _) in known.clone() {
                assert!(
                    unknown.to_string().contains(&format!("`{key}`")),
                    "{section}.{key}: {unknown}"
                );
            }
            // The key that is not known is between such signs, too.
            assert_eq!(
                unknown.to_string().matches('`').count(),
                2 * (known.count() + 1),
                "{unknown}"
            );
        }
    }
}

//! The files of a simulated stack: what was made once stays, what somebody changed is theirs, and what follows from the
//! options is made anew with them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bridge::Settings;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::small_text;

/// What the last line of a configuration begins with that nobody has changed; a digest of the lines before it follows.
const AS_MADE: &str = "# While nobody changes this file, it is made anew with each run: ";

/// Writes a file that only this account can read. What is there already stays.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    match make(path, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|error| Failure::file(path, &error)),
    }
}

/// Writes what the stack is registered with: with another cloud id it is another one.
pub(super) fn write_token(path: &Path, token: &str, printer: &Printer) -> Result<(), Failure> {
    if path.exists() && small_text(path)? != token.trim() {
        replace(path, token)?;
        printer.note(&format!(
            "{} was made anew: it is another stack now.",
            path.display()
        ));
    }
    write_new(path, token)
}

/// Writes the configuration of a bridge. One that was made before is made anew, unless somebody changed it: then it stays,
/// and what of it does not fit any more is said.
pub(super) fn keep_configuration(path: &Path, text: &str, printer: &Printer) -> Result<(), Failure> {
    let made = format!("{text}{AS_MADE}{}\n", digest(text));
    if !path.exists() {
        return write_new(path, &made);
    }
    let there = small_text(path)?;
    if there == made.trim_end() {
        return Ok(());
    }
    if is_as_made(&there) {
        replace(path, &made)?;
        printer.note(&format!(
            "{} was made anew, for the options of this run.",
            path.display()
        ));
        return Ok(());
    }
    let differences = differences(&there, text);
    if !differences.is_empty() {
        printer.warning(&format!(
            "{} was changed by somebody, so it stays as it is. A bridge with it will not find what is served here: {}. Set \
             that right in it, or remove the file and start this again.",
            path.display(),
            differences.join("; ")
        ));
    }
    Ok(())
}

/// What the options want, and what is there instead.
fn differences(there: &str, wanted: &str) -> Vec<String> {
    let read = |text: &str| Settings::parse(text, Path::new("")).unwrap_or_default();
    let (there, wanted) = (said(&read(there)), said(&read(wanted)));
    let pairs = wanted.into_iter().zip(there);
    let differing = pairs.filter(|((_, wanted), (_, there))| wanted != there);
    let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
    differing
        .map(|((key, wanted), (_, there))| {
            format!(
                "{key} should be {}, and there it is {}",
                shown(wanted),
                shown(there)
            )
        })
        .collect()
}

/// What follows from the options.
fn said(settings: &Settings) -> [(&'static str, Option<String>); 4] {
    let stack = settings.stack.first().cloned().unwrap_or_default();
    let ca = settings.server.ca.as_ref().map(|it| it.display().to_string());
    [
        ("`url` of [server]", settings.server.url.clone()),
        ("`ca` of [server]", ca),
        ("`endpoint` of [[stack]]", stack.endpoint),
        ("`start` of [[stack]]", stack.start),
    ]
}

/// Whether a configuration is one that was made here, and that nobody has changed since.
fn is_as_made(text: &str) -> bool {
    let Some((before, stated)) = text.rsplit_once(AS_MADE) else {
        return false;
    };
    stated.trim() == digest(before)
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().as_str().to_owned()
}

fn make(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", text.trim_end())
}

/// Gives a file another content: whoever reads it meanwhile has the old one or the new one.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let unfinished = path.with_extension("unfinished");
    let replaced = match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make(&unfinished, text).and_then(|()| fs::rename(&unfinished, path)),
    };
    replaced.map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    fn configuration(url: &str, endpoint: &str) -> String {
        format!(
            "[server]\nurl = \"{url}\"\n\n[[stack]]\nendpoint = \"{endpoint}\"\nstart = \"2026-10-01T00:00:00Z\"\n"
        )
    }

    #[test]
    fn a_stack_that_is_served_elsewhere_would_have_left_the_bridge_with_an_address_where_nobody_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        let (printer, _, notes) = captured(Format::Table, false);
        let keep = |url: &str, endpoint: &str| {
            keep_configuration(&path, &configuration(url, endpoint), &printer).unwrap();
            fs::read_to_string(&path).unwrap()
        };
        let first = keep("https://a", "https://localhost:1");
        assert_eq!(keep("https://a", "https://localhost:1"), first);
        assert_eq!(notes.text(), "");
        assert!(keep("https://a", "https://localhost:2").contains("localhost:2"));
        assert!(notes.text().contains("was made anew"), "{}", notes.text());

        // What somebody changed stays, and it is said what does not fit.
        let changed = first.replace("[server]", "[server] # ours");
        fs::write(&path, &changed).unwrap();
        assert_eq!(keep("https://a", "https://localhost:1"), changed);
        assert!(!notes.text().contains("warning"), "it fits: {}", notes.text());
        assert_eq!(keep("https://b", "https://localhost:3"), changed);
        for expected in [
            "was changed by somebody",
            "`url` of [server] should be https://b, and there it is https://a",
            "`endpoint` of [[stack]] should be https://localhost:3, and there it is https://localhost:1",
        ] {
            assert!(notes.text().contains(expected), "{expected}: {}", notes.text());
        }
        assert!(!notes.text().contains("`start`"), "{}", notes.text());
    }

    #[test]
    fn the_token_of_another_stack_is_not_left_to_register_with() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registration.token");
        let (printer, ..) = captured(Format::Table, false);
        for token in ["one", "one", "two"] {
            write_token(&path, token, &printer).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap().trim(), token);
        }
    }
}

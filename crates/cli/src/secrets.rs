//! Secrets that somebody gives: from a file, from standard input, or typed at the terminal without being shown.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use console::Term;

use crate::failure::Failure;
use crate::settings::small_file;

/// The most bytes of a secret from standard input.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A secret that exists already: from a file (`-`: standard input), else asked for.
///
/// # Errors
/// If it cannot be read, is empty, or nobody is at a terminal to be asked. `named` is what it is called, `option` how a
/// file is named on the command line.
pub(crate) fn given(file: Option<&Path>, named: &str, option: &str) -> Result<String, Failure> {
    let text = match file {
        Some(path) => of_file(path)?,
        None => typed(named, option)?,
    };
    if text.is_empty() {
        return Err(Failure::new(format!("The {named} is empty.")));
    }
    Ok(text)
}

/// A secret that somebody makes up: the same, but typed twice.
///
/// # Errors
/// As [`given`], and if what was typed was not the same.
pub(crate) fn made_up(file: Option<&Path>, named: &str, option: &str) -> Result<String, Failure> {
    let text = given(file, named, option)?;
    if file.is_none() && typed(&format!("{named} again"), option)? != text {
        return Err(Failure::new(format!(
            "The {named} was not typed twice the same. Nothing was changed."
        )));
    }
    Ok(text)
}

/// The text without the end of its line. What else is white may be meant.
fn of_file(path: &Path) -> Result<String, Failure> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(SECRET_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| Failure::new("Standard input cannot be read.").because(error.to_string()))?;
        bytes
    } else {
        small_file(path)?
    };
    let text = String::from_utf8(bytes);
    let text = text
        .map_err(|_| Failure::new(format!("{} cannot be used.", path.display())).because("it is not text"))?;
    Ok(without_line_end(&text).to_owned())
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn typed(named: &str, option: &str) -> Result<String, Failure> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Err(Failure::new(format!(
            "There is no {named}, and nobody at a terminal to be asked for it."
        ))
        .coded("NoSecret")
        .hint(format!("Give it with {option} FILE; `-` is standard input.")));
    }
    let mut prompt = named.to_owned();
    if let Some(first) = prompt.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let typed = terminal
        .write_str(&format!("{prompt}: "))
        .and_then(|()| terminal.read_secure_line());
    typed.map_err(|error| Failure::new(format!("The {named} cannot be read.")).because(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_line_is_no_part_of_a_password() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        for (content, expected) in [
            ("correct horse\n", Some("correct horse")),
            ("correct horse\r\n", Some("correct horse")),
            (" correct horse ", Some(" correct horse ")),
            ("a\n\n", Some("a\n")),
            ("\n", None),
            ("", None),
        ] {
            std::fs::write(&file, content).unwrap();
            let read = made_up(Some(&file), "password", "--password-file").ok();
            assert_eq!(read.as_deref(), expected, "{content:?}");
        }
    }
}

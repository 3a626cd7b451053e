//! Asking before something is changed.

use std::io::{self, IsTerminal as _};

use console::Term;

use crate::failure::Failure;

/// Goes on only if somebody agrees: on the command line, or at the terminal.
///
/// # Errors
/// If nobody does.
pub(crate) fn agreed(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Err(
            Failure::new("Nothing was changed: there is nobody at a terminal to be asked.")
                .coded("NotAgreed")
                .hint("If it is what you want, say --yes."),
        );
    }
    let answer = terminal
        .write_str(&format!("{question} [y/N] "))
        .and_then(|()| terminal.read_line());
    let answer =
        answer.map_err(|error| Failure::new("The answer cannot be read.").because(error.to_string()))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new("Nothing was changed.").coded("NotAgreed"))
}

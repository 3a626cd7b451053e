//! `completions`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use serde::Serialize;

use crate::args::{CommandLine, CompletedShell};
use crate::failure::Failure;
use crate::printer::Printer;

/// What a shell reads to complete.
#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

pub(super) fn completions(shell: CompletedShell, printer: &Printer) -> Result<(), Failure> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut command = CommandLine::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    let completions = Completions {
        shell: shell.to_string(),
        script: String::from_utf8_lossy(&script).into_owned(),
    };
    printer.show(&completions, || completions.script.clone())
}

//! Running other programs, always in the root of the repository.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.unwrap_or(Path::new("."))
}

/// A program that will run in the root of the repository. The arguments are parted by blanks.
pub(crate) fn program(name: &str, arguments: &str) -> Command {
    let mut command = Command::new(name);
    command
        .args(arguments.split_whitespace())
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Cargo, of the toolchain that is in use.
pub(crate) fn cargo(arguments: &str) -> Command {
    program("cargo", arguments)
}

/// Runs a program with its output on the terminal.
///
/// # Errors
/// A sentence saying which program failed and how.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", shown(command));
    let status = command
        .status()
        .map_err(|error| format!("`{}` did not start: {error}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", shown(command)))
    }
}

/// Runs a program with its output on the terminal, and hands each line of it to a reader as well.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_and_read(command: &mut Command, mut read: impl FnMut(&str)) -> Result<(), String> {
    println!("$ {}", shown(command));
    let name = shown(command);
    let failed = |error: io::Error| format!("`{name}` did not start: {error}");
    // One pipe for both outputs keeps their lines in the order in which they were written.
    let (output, input) = io::pipe().map_err(failed)?;
    command.stdout(input.try_clone().map_err(failed)?).stderr(input);
    let mut child = command.spawn().map_err(failed)?;
    // Our copies of the writing end, or the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("`{name}`: {error}"))?
        > 0
    {
        // A terminal that went away must not end the tests.
        let _ = io::stdout().write_all(&line);
        read(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    let status = child.wait().map_err(|error| format!("`{name}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{name}` ended with {status}"))
    }
}

/// Whether a program can be run with these arguments.
pub(crate) fn answers(name: &str, arguments: &str) -> bool {
    let mut command = program(name, arguments);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a program prints.
pub(crate) fn output(name: &str, arguments: &str) -> Option<String> {
    let output = program(name, arguments).output().ok()?;
    String::from_utf8(output.stdout)
        .ok()
        .filter(|_| output.status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_of_a_program_are_read_in_order_and_its_failure_is_told() {
        let mut lines = Vec::new();
        let mut shell = program("sh", "-c");
        shell.arg("echo one; echo two >&2; echo three; exit 3");
        let outcome = run_and_read(&mut shell, |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two", "three"]);
        assert!(outcome.is_err_and(|problem| problem.contains("exit status: 3")));
        assert_eq!(run_and_read(&mut program("true", ""), |_| ()), Ok(()));
    }

    #[test]
    fn a_program_that_is_not_there_is_told_by_name() {
        let outcome = run(&mut program("no-such-program", "--now"));
        assert!(outcome.is_err_and(|problem| problem.starts_with("`no-such-program --now` did not start")));
        assert!(!answers("no-such-program", ""));
    }
}

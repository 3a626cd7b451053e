//! The project's chores, run as `cargo xtask`: the one command that says whether a change is good, and the
//! benchmarks. Uses nothing but the standard library, so that it is built in seconds before anything else.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the terminal"
)]

mod checks;
mod on_postgres;
mod process;
mod test_report;
mod tools;

use std::process::ExitCode;

use checks::Check;

/// What `cargo xtask` was asked for.
enum Task {
    Test { only: Vec<Check> },
    Bench { arguments: Vec<String> },
    Help,
}

/// Exit code for a command line that was not understood; 1 is for a chore that failed.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let passed = match parse(&arguments) {
        Ok(Task::Test { only }) => checks::run(&only),
        Ok(Task::Bench { arguments }) => bench(&arguments),
        Ok(Task::Help) => {
            println!("{}", help());
            true
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", help());
            return ExitCode::from(USAGE_ERROR);
        }
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn parse(arguments: &[String]) -> Result<Task, String> {
    let Some((task, rest)) = arguments.split_first() else {
        return Err("expected a task: test, bench or help".to_owned());
    };
    match task.as_str() {
        "test" => Ok(Task::Test {
            only: parse_only(rest)?,
        }),
        // `cargo xtask bench -- postgres` and `cargo xtask bench postgres` are the same.
        "bench" => Ok(Task::Bench {
            arguments: rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest).to_vec(),
        }),
        "help" | "--help" | "-h" => Ok(Task::Help),
        other => Err(format!("there is no task `{other}`")),
    }
}

fn parse_only(arguments: &[String]) -> Result<Vec<Check>, String> {
    let mut only = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument != "--only" {
            return Err(format!("expected --only <check>, not `{argument}`"));
        }
        let name = rest.next().ok_or("--only needs the name of a check")?;
        only.push(Check::from_name(name).ok_or_else(|| format!("there is no check `{name}`"))?);
    }
    Ok(only)
}

fn bench(arguments: &[String]) -> bool {
    // The benchmark starts the server that is built beside it, which `cargo run` alone would not build.
    let mut build = process::cargo("build --release --package cli --package bench");
    let mut cargo = process::cargo("run --release --package bench --");
    cargo.args(arguments);
    match process::run(&mut build).and_then(|()| process::run(&mut cargo)) {
        Ok(()) => true,
        Err(problem) => {
            eprintln!("error: {problem}");
            false
        }
    }
}

fn help() -> String {
    let mut text = "\
Usage: cargo xtask <task>

Tasks:
  test [--only <check>]...  All checks, or the named ones
  bench [part]...           The benchmarks, or these parts of them (halves, embedded, postgres, bridge, cloudkitty,
                            closing), with the server that they measure, built for release
  help                      This text

Checks:
"
    .to_owned();
    for check in Check::ALL {
        text.push_str(&format!("  {:<24}  {}\n", check.name(), check.describe()));
    }
    text.push_str("\nExit codes: 0 all is well, 1 something failed, 2 the command line was not understood.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&arguments)
    }

    #[test]
    fn checks_can_be_picked_by_name() {
        let Ok(Task::Test { only }) = parsed("test --only fmt --only tidy") else {
            panic!("not understood")
        };
        assert_eq!(only, [Check::Format, Check::Tidy]);
        assert!(matches!(parsed("test"), Ok(Task::Test { only }) if only.is_empty()));
    }

    #[test]
    fn the_arguments_of_the_benchmarks_are_passed_through() {
        for line in ["bench embedded postgres", "bench -- embedded postgres"] {
            let Ok(Task::Bench { arguments }) = parsed(line) else {
                panic!("not understood: {line}")
            };
            assert_eq!(arguments, ["embedded", "postgres"], "{line}");
        }
    }

    #[test]
    fn a_command_line_that_is_not_understood_is_an_error_and_not_a_run_of_everything() {
        for line in [
            "",
            "tset",
            "test fmt",
            "test --only",
            "test --only nothing",
            "test --all",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_names_every_check() {
        for check in Check::ALL {
            assert!(help().contains(check.name()));
            assert_eq!(Check::from_name(check.name()), Some(check));
        }
    }
}

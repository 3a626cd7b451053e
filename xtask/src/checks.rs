//! The checks of `cargo xtask test`: cheap ones first, and all of them, so that a nit does not hide a failing test.

use std::time::{Duration, Instant};

use crate::on_postgres;
use crate::process::{self, cargo};
use crate::test_report::TestReport;
use crate::tools::Tool;

/// One thing that is asked of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// The text is laid out as rustfmt does it.
    Format,
    /// No warning of the compiler or of clippy.
    Clippy,
    /// No warning of rustdoc.
    Documentation,
    /// What `cargo deny` says of the dependencies.
    Dependencies,
    /// Only the tidy checks; a part of the tests.
    Tidy,
    /// All tests.
    Tests,
}

/// How a check ended, in words.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl Check {
    /// Every check.
    pub(crate) const ALL: [Self; 6] = [
        Self::Format,
        Self::Clippy,
        Self::Documentation,
        Self::Dependencies,
        Self::Tidy,
        Self::Tests,
    ];

    /// What runs when nothing is picked. The tidy checks are among the tests.
    const DEFAULT: [Self; 5] = [
        Self::Format,
        Self::Clippy,
        Self::Documentation,
        Self::Dependencies,
        Self::Tests,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Format => "fmt",
            Self::Clippy => "clippy",
            Self::Documentation => "doc",
            Self::Dependencies => "deny",
            Self::Tidy => "tidy",
            Self::Tests => "test",
        }
    }

    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Format => "rustfmt would change nothing",
            Self::Clippy => "no warning of the compiler or clippy, in all targets",
            Self::Documentation => "no warning of rustdoc, private items included",
            Self::Dependencies => "cargo deny: duplicates, licences, bans, sources (only if it is installed)",
            Self::Tidy => "arrows between crates, links, names, words: a part of `test`",
            Self::Tests => {
                "all tests, those in the documentation included; those of app and server on both back ends"
            }
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    const fn tools(self) -> &'static [Tool] {
        match self {
            Self::Format => &[Tool::Rustfmt],
            Self::Clippy => &[Tool::Clippy, Tool::CCompiler],
            Self::Documentation | Self::Tests => &[Tool::CCompiler],
            Self::Dependencies | Self::Tidy => &[],
        }
    }

    fn run(self, report: &mut TestReport) -> Outcome {
        if self == Self::Dependencies && !process::answers("cargo", "deny --version") {
            return Outcome::Skipped(
                "cargo-deny is not installed (cargo install --locked cargo-deny takes minutes). Licences, bans and \
                 sources are held to deny.toml by the tidy checks; duplicates were not looked for."
                    .to_owned(),
            );
        }
        let ready = self.tools().iter().try_for_each(|tool| tool.ensure());
        match ready.and_then(|()| self.ask(report)) {
            Ok(()) => Outcome::Passed,
            Err(problem) => Outcome::Failed(problem),
        }
    }

    fn ask(self, report: &mut TestReport) -> Result<(), String> {
        match self {
            Self::Format => process::run(&mut cargo("fmt --all -- --check")),
            Self::Clippy => process::run(&mut cargo(
                "clippy --workspace --all-targets --keep-going -- -D warnings",
            )),
            // Nobody outside reads these pages: they are for whoever works on the code, so private items count.
            Self::Documentation => process::run(
                cargo("doc --workspace --no-deps --document-private-items --keep-going")
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Self::Dependencies => process::run(&mut cargo("deny check licenses bans sources")),
            Self::Tidy => process::run(&mut cargo("test --package xtask")),
            Self::Tests => run_tests(report),
        }
    }
}

/// The examples in the documentation first, so that what is read last is what the test programs say.
fn run_tests(report: &mut TestReport) -> Result<(), String> {
    let programs_needed = install_what_tests_need();
    // Built on its own first: Cargo shows its progress only to a terminal, not to a reader.
    process::run(&mut cargo("test --workspace --all-targets --no-run"))?;
    // With their output, or a test that could not run would say so to nobody.
    let [examples, programs] = ["--doc", "--all-targets"].map(|which| {
        let arguments = format!("test --workspace {which} --no-fail-fast -- --show-output");
        process::run_and_read(&mut cargo(&arguments), |line| report.read(line))
    });
    let again = on_postgres::run_again(report);
    examples.and(programs).and(again).and(programs_needed)
}

/// Hundreds of megabytes, for continuous integration only: elsewhere the tests that need them may say that they were not
/// run.
fn install_what_tests_need() -> Result<(), String> {
    if !on_continuous_integration() {
        return Ok(());
    }
    [Tool::Postgres, Tool::Python, Tool::Clients]
        .iter()
        .try_for_each(|tool| tool.ensure())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what everybody calls it is no setting of this project"
)]
fn on_continuous_integration() -> bool {
    std::env::var_os("CI").is_some()
}

/// Runs the checks, or all of them if none is named, and says whether all is well.
pub(crate) fn run(only: &[Check]) -> bool {
    let checks = if only.is_empty() { &Check::DEFAULT } else { only };
    let mut report = TestReport::default();
    let mut outcomes = Vec::new();
    for check in checks {
        println!("\n== {}: {}", check.name(), check.describe());
        let start = Instant::now();
        let outcome = check.run(&mut report);
        outcomes.push((*check, outcome, start.elapsed()));
    }
    summarise(&outcomes, &report);
    !outcomes
        .iter()
        .any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
}

fn summarise(outcomes: &[(Check, Outcome, Duration)], report: &TestReport) {
    println!("\n== summary");
    for line in report.lines() {
        println!("{line}");
    }
    for (check, outcome, took) in outcomes {
        let (word, detail) = match outcome {
            Outcome::Passed if *check == Check::Tests => ("ok", report.in_words()),
            Outcome::Passed => ("ok", String::new()),
            Outcome::Skipped(why) => ("SKIPPED", why.clone()),
            Outcome::Failed(problem) => ("FAILED", problem.clone()),
        };
        let line = format!(
            "{:<8}{word:<8}{:>6.1} s  {detail}",
            check.name(),
            took.as_secs_f64()
        );
        println!("{}", line.trim_end());
    }
}

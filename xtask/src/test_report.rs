//! Reading what the test runner prints, so that its closing lines can be shown once more when all is over.

use std::collections::{BTreeMap, BTreeSet};

/// What the runs of the test programs ended with.
#[derive(Debug, Default)]
pub(crate) struct TestReport {
    of_crate: String,
    program: String,
    /// Whose output is being read, if that is known.
    test: Option<String>,
    closings: Vec<Closing>,
    /// The files of the programs of `tests/`, by crate.
    binaries: BTreeMap<String, String>,
    notices: Vec<String>,
    /// Those that passed without having run: by program and test or, where that is not known, by what they said.
    not_run: BTreeSet<(String, String)>,
}

/// The last line of one test program.
#[derive(Debug)]
struct Closing {
    program: String,
    line: String,
    ran: u64,
}

/// The program of a crate's `tests/`.
const PROGRAM_OF_TESTS: &str = "tests/it/main.rs";
/// How a test says that it could not run, for want of something that is not in the repository. The test runner counts
/// it as passed.
const NOT_RUN: &str = "NOT RUN: ";
/// How a test says that it ran, but compared less than it could have.
const RUN_IN_PART: &str = "RUN IN PART: ";

impl TestReport {
    /// Takes the next line that Cargo or a test program printed.
    pub(crate) fn read(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if let Some(program) = trimmed.strip_prefix("Running ") {
            self.start(program);
        } else if let Some(package) = trimmed.strip_prefix("Doc-tests ") {
            self.program = format!("examples in the documentation of {package}");
        } else if let Some(output) = line.strip_prefix("---- ") {
            self.test = output.strip_suffix(" stdout ----").map(str::to_owned);
        } else if matches!(line, "successes:" | "failures:") {
            self.test = None;
        } else if line.starts_with("test result: ") {
            self.test = None;
            let program = std::mem::take(&mut self.program);
            self.closings.push(Closing {
                program,
                line: line.to_owned(),
                ran: tests_run(line),
            });
        } else if let Some(at) = line.find(NOT_RUN) {
            // Written past the test runner, it may stand behind the name of a test.
            self.notice(&line[at..]);
            let test = self.test.clone().unwrap_or_else(|| line[at..].to_owned());
            self.not_run.insert((self.program.clone(), test));
        } else if let Some(at) = line.find(RUN_IN_PART) {
            self.notice(&line[at..]);
        }
    }

    /// Takes what Cargo says of a test program, such as `unittests src/lib.rs (target/debug/deps/domain-0f3a)`.
    ///
    /// The programs of `tests/` are all called `it`. They follow the unit tests of their crate, which bear its name.
    fn start(&mut self, announced: &str) {
        let (source, binary) = announced.split_once(" (").unwrap_or((announced, ""));
        let binary = binary.trim_end_matches(')');
        if source == PROGRAM_OF_TESTS {
            self.binaries.insert(self.of_crate.clone(), binary.to_owned());
        } else if source.starts_with("unittests ") {
            let name = binary.rsplit('/').next().unwrap_or_default();
            self.of_crate = name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned();
        }
        self.program = format!("{}, {source}", self.of_crate);
    }

    /// The file of the program of a crate's `tests/`, relative to the root of the repository, if it ran.
    pub(crate) fn binary(&self, of_crate: &str) -> Option<&str> {
        self.binaries.get(of_crate).map(String::as_str)
    }

    /// The next lines are those of a program that nobody announces.
    pub(crate) fn program(&mut self, name: String) {
        self.program = name;
    }

    /// Tells something when all is over.
    pub(crate) fn notice(&mut self, notice: &str) {
        if !self.notices.iter().any(|told| told == notice) {
            self.notices.push(notice.to_owned());
        }
    }

    /// How many tests ran: without those that say themselves that they did not.
    fn ran(&self) -> u64 {
        let closed: u64 = self.closings.iter().map(|closing| closing.ran).sum();
        closed.saturating_sub(self.not_run.len() as u64)
    }

    /// How many tests ran and how many did not, in words.
    pub(crate) fn in_words(&self) -> String {
        let ran = format!("{} tests", self.ran());
        match self.not_run.len() {
            0 => ran,
            not_run => format!(
                "{ran}; {not_run} more did not run, for want of what is not in the repository: see NOT RUN above"
            ),
        }
    }

    /// What tests said that could not run, and the closing line of every program that ran any.
    pub(crate) fn lines(&self) -> Vec<String> {
        let closings = self.closings.iter().filter(|closing| closing.ran > 0);
        let closings = closings.map(|closing| format!("{}\n  {}", closing.program, closing.line));
        self.notices.iter().cloned().chain(closings).collect()
    }
}

/// Passed and failed tests of `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn tests_run(line: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    let counted = words
        .windows(2)
        .filter(|pair| matches!(pair[1], "passed" | "failed"));
    counted.filter_map(|pair| pair[0].parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_kept_with_their_program_and_empty_ones_dropped() {
        let mut report = TestReport::default();
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/domain-0f3a)",
            "running 3 tests",
            "test a ... ok",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "     Running unittests src/main.rs (target/debug/deps/meterbridge-77)",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "     Running tests/it/main.rs (target/debug/deps/it-1b)",
            "test b ... ok",
            "test result: ok. 4 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "   Doc-tests wire",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            report.read(line);
        }
        assert_eq!(report.in_words(), "8 tests");
        let lines = report.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("domain, unittests src/lib.rs\n  test result: FAILED. 2 passed; 1 failed;")
        );
        assert!(lines[1].starts_with("meterbridge, tests/it/main.rs\n"));
        assert_eq!(report.binary("meterbridge"), Some("target/debug/deps/it-1b"));
        assert_eq!(report.binary("domain"), None);
        assert!(lines[2].starts_with("examples in the documentation of wire\n"));
    }

    #[test]
    fn a_test_that_had_nothing_to_compare_with_does_not_pass_for_one_that_ran() {
        let mut report = TestReport::default();
        for line in [
            "     Running tests/it/main.rs (target/debug/deps/it-1b)",
            "test a ... NOT RUN: there is no recorded traffic",
            "ok",
            "test b ... ok",
            "successes:",
            "---- b stdout ----",
            "NOT RUN: 2017.json is missing",
            "NOT RUN: 2022.json is missing",
            "---- c stdout ----",
            "*** NOT RUN: c: 2022.json is missing ***",
            "---- d stdout ----",
            "RUN IN PART: 2022.json is missing",
            "successes:",
            "    a",
            "test result: ok. 6 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            report.read(line);
        }
        let words = report.in_words();
        assert!(words.starts_with("3 tests; 3 more did not run, "), "{words}");
        let lines = report.lines();
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[0], "NOT RUN: there is no recorded traffic");
        assert_eq!(lines[4], "RUN IN PART: 2022.json is missing");
    }
}

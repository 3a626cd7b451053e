//! Reading what the test runner prints, so that its closing lines can be shown once more when all is over.

/// What the runs of the test programs ended with.
#[derive(Debug, Default)]
pub(crate) struct TestReport {
    of_crate: String,
    program: String,
    closings: Vec<Closing>,
    notices: Vec<String>,
}

/// The last line of one test program.
#[derive(Debug)]
struct Closing {
    program: String,
    line: String,
    ran: u64,
}

/// How a test says that it could not run, for want of something that is not in the repository.
const NOT_RUN: &str = "NOT RUN: ";

impl TestReport {
    /// Takes the next line that Cargo or a test program printed.
    pub(crate) fn read(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if let Some(program) = trimmed.strip_prefix("Running ") {
            self.start(program);
        } else if let Some(package) = trimmed.strip_prefix("Doc-tests ") {
            self.program = format!("examples in the documentation of {package}");
        } else if line.starts_with("test result: ") {
            let program = std::mem::take(&mut self.program);
            self.closings.push(Closing {
                program,
                line: line.to_owned(),
                ran: tests_run(line),
            });
        } else if let Some(at) = line.find(NOT_RUN) {
            // Written past the test runner, it may stand behind the name of a test.
            self.notices.push(line[at..].to_owned());
        }
    }

    /// Takes what Cargo says of a test program, such as `unittests src/lib.rs (target/debug/deps/domain-0f3a)`.
    ///
    /// The programs of `tests/` are all called `it`. They follow the unit tests of their crate, which bear its name.
    fn start(&mut self, announced: &str) {
        let (source, binary) = announced.split_once(" (").unwrap_or((announced, ""));
        if source.starts_with("unittests ") {
            let name = binary
                .trim_end_matches(')')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            self.of_crate = name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned();
        }
        self.program = format!("{}, {source}", self.of_crate);
    }

    /// How many tests ran.
    pub(crate) fn ran(&self) -> u64 {
        self.closings.iter().map(|closing| closing.ran).sum()
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
            "test b ... NOT RUN: there is no recorded traffic",
            "test result: ok. 4 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "   Doc-tests wire",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            report.read(line);
        }
        assert_eq!(report.ran(), 8);
        let lines = report.lines();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[0], "NOT RUN: there is no recorded traffic");
        assert!(
            lines[1].starts_with("domain, unittests src/lib.rs\n  test result: FAILED. 2 passed; 1 failed;")
        );
        assert!(lines[2].starts_with("meterbridge, tests/it/main.rs\n"));
        assert!(lines[3].starts_with("examples in the documentation of wire\n"));
    }
}

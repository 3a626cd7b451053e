//! Running the binary.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The binary, with nothing in its environment but a home in which there is nothing.
pub(crate) fn meterbridge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterbridge"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// What a process said, and how it left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) notes: String,
}

impl Outcome {
    /// The data of a process that did what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.data
    }

    /// The same, read as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let data = self.done();
        serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"))
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Outcome {
    run_with(command, "")
}

/// Runs a command to its end, with this on its standard input.
pub(crate) fn run_with(command: &mut Command, input: &str) -> Outcome {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        data: String::from_utf8(output.stdout).unwrap(),
        notes: String::from_utf8(output.stderr).unwrap(),
    }
}

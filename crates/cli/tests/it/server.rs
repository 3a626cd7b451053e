//! A server of one's own: initialised, started, and stopped in the end.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Outcome, meterbridge, run};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server, in a directory that goes away with it.
pub(crate) struct Server {
    directory: TempDir,
    process: Child,
    log: Option<JoinHandle<String>>,
    pub(crate) url: String,
    pub(crate) credential: String,
    /// What `init` printed.
    pub(crate) initialised: Outcome,
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let initialised = run(meterbridge().arg("init").arg("--data").arg(&data));
        let credential = initialised.data.trim().to_owned();
        let mut process = meterbridge()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (listening, heard) = mpsc::channel();
        let notes = BufReader::new(process.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            for line in notes.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    // Whoever started the server may have given up on it.
                    let _ = listening.send(url.split(' ').next().unwrap_or_default().to_owned());
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let Ok(url) = heard.recv_timeout(START_TIMEOUT) else {
            process.kill().unwrap();
            panic!(
                "the server did not start: {initialised:?}\n{}",
                log.join().unwrap()
            );
        };
        Self {
            directory,
            process,
            log: Some(log),
            url,
            credential,
            initialised,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// An operator's command: the words of `command`, then `more`.
    pub(crate) fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut process = meterbridge();
        process
            .env("METERBRIDGE_URL", &self.url)
            .env("METERBRIDGE_CREDENTIAL", &self.credential)
            .env("METERBRIDGE_CA", self.data().join("tls").join("ca.pem"))
            .args(command.split_whitespace())
            .args(more);
        process
    }

    /// Runs an operator's command.
    pub(crate) fn run(&self, command: &str, more: &[&str]) -> Outcome {
        run(&mut self.command(command, more))
    }

    /// Runs an operator's command that has to succeed, and reads its data as JSON.
    #[track_caller]
    pub(crate) fn json(&self, command: &str, more: &[&str]) -> serde_json::Value {
        self.run(&format!("{command} --output json"), more).json()
    }

    /// Asks the server to stop; gives how it left, and all it said.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let asked = Command::new("kill")
            .arg("-TERM")
            .arg(self.process.id().to_string())
            .status()
            .unwrap();
        assert!(asked.success());
        let status = self.process.wait().unwrap();
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

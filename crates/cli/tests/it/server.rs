//! A server of one's own: initialised, started, and stopped in the end.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
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
    /// Where it listens, whatever it is called.
    pub(crate) address: String,
    pub(crate) credential: String,
    /// What `init` printed.
    pub(crate) initialised: Outcome,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::serve(tempfile::tempdir().unwrap())
    }

    /// A server that is told more, which may depend on what is in its data directory.
    pub(crate) fn start_with(tell: impl FnOnce(&Path, &mut Command)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), tell)
    }

    /// Serves the folder `data` of this directory, which is initialised if it is not.
    pub(crate) fn serve(directory: TempDir) -> Self {
        Self::start_in(directory, |_, _| ())
    }

    /// A server whose store is elsewhere: `init` alone is told where.
    pub(crate) fn start_on(store: &str) -> Self {
        Self::initialise(tempfile::tempdir().unwrap(), &["--store", store], |_, _| ())
    }

    /// The same, told more.
    pub(crate) fn start_in(directory: TempDir, tell: impl FnOnce(&Path, &mut Command)) -> Self {
        Self::initialise(directory, &[], tell)
    }

    fn initialise(directory: TempDir, said: &[&str], tell: impl FnOnce(&Path, &mut Command)) -> Self {
        let data = directory.path().join("data");
        let initialised = run(meterbridge().arg("init").args(said).arg("--data").arg(&data));
        let credential = initialised.data.trim().to_owned();
        let mut serve = meterbridge();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stderr(Stdio::piped());
        tell(&data, &mut serve);
        let mut process = serve.spawn().unwrap();
        let (listening, heard) = mpsc::channel();
        let notes = BufReader::new(process.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            for line in notes.lines().map_while(Result::ok) {
                // listening on <url> (<address>), in a line of its own or the message of one of the log's
                let place = line.split_once("listening on ");
                let place = place.and_then(|(_, place)| place.split_once(" ("));
                let place = place.and_then(|(url, rest)| Some((url, rest.split_once(')')?.0)));
                if let Some((url, address)) = place {
                    // Whoever started the server may have given up on it.
                    let _ = listening.send((url.to_owned(), address.to_owned()));
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let Ok((url, address)) = heard.recv_timeout(START_TIMEOUT) else {
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
            address,
            credential,
            initialised,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The certificate to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.data().join("tls").join("ca.pem")
    }

    /// An operator's command: the words of `command`, then `more`.
    pub(crate) fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut process = meterbridge();
        process
            .env("METERBRIDGE_URL", &self.url)
            .env("METERBRIDGE_CREDENTIAL", &self.credential)
            .env("METERBRIDGE_CA", self.ca())
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

    /// Asks the server to stop, and keeps the directory in which its data are.
    pub(crate) fn stop_and_keep(mut self) -> TempDir {
        let kept = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        let (code, log) = self.stop();
        assert_eq!(code, Some(0), "{log}");
        kept
    }

    /// Ends the server where it is (SIGKILL), and keeps the directory in which its data are.
    pub(crate) fn kill_and_keep(mut self) -> TempDir {
        let kept = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        kept
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

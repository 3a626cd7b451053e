//! A bridge in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A bridge that runs, and all that it said.
pub(super) struct RunningBridge {
    process: Child,
    said: Arc<Mutex<String>>,
    log: Option<JoinHandle<()>>,
}

impl RunningBridge {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let notes = BufReader::new(process.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let log = std::thread::spawn(move || {
            for line in notes.lines().map_while(Result::ok) {
                let mut said = heard.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self {
            process,
            said,
            log: Some(log),
        }
    }

    /// What it said so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Asks it to stop, and makes sure that it leaves as one that was asked. Answers all that it said.
    pub(super) fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let status = self.process.wait().unwrap();
        self.log.take().unwrap().join().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.said());
        self.said()
    }
}

impl Drop for RunningBridge {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

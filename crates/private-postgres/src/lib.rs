//! A private PostgreSQL server for tests and benchmarks: in a temporary directory, reached by a socket there, and gone with
//! the process that started it, however that ends. Nothing depends on a server that happens to run.

mod database;
mod lock;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lock::Lock;

pub use database::{Database, SETTINGS, STORE_OF_TESTS, STORE_OF_TESTS_POSTGRES, start_for_test, there};

/// Where Debian puts PostgreSQL's programs, a directory for each version.
const INSTALLED: &str = "/usr/lib/postgresql";
/// The user that PostgreSQL's package makes. The server refuses to run as root.
const UNPRIVILEGED: &str = "postgres";
/// The role that everything belongs to.
const ROLE: &str = "meterbridge";
/// Ends when its input does, which is when this process ends, and then takes the server away: the programs' directory is
/// `$0`, the server's `$1`.
const GUARD: &str = r#"cat; "$0/pg_ctl" -D "$1/data" -m immediate stop; rm -rf "$1""#;
/// How often a start is tried: after a crash the shared memory of the last run is in use for a moment.
const STARTS_MAX: u32 = 300;
const BETWEEN_STARTS: Duration = Duration::from_millis(100);

/// Why there is no server.
pub type Missing = String;

/// A running server. It is stopped, and its directory removed, when this is dropped or the process ends.
pub struct PrivatePostgres {
    directory: PathBuf,
    binaries: PathBuf,
    settings: Vec<String>,
    /// Where it listens on the loopback interface, if it does.
    port: Option<u16>,
    as_unprivileged: bool,
    guard: Child,
}

/// What a server shows of itself, and its private key, as PEM.
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl PrivatePostgres {
    /// Starts a server with these settings (`name=value`).
    ///
    /// # Errors
    /// What is missing, and what would help.
    pub fn start(settings: &[&str]) -> Result<Self, Missing> {
        let mut server = Self::prepare()?;
        server
            .settings
            .extend(settings.iter().map(|setting| (*setting).to_owned()));
        server.run_server()?;
        Ok(server)
    }

    /// Starts a server that can also be reached by TCP, on the loopback interface, and speaks TLS there.
    ///
    /// # Errors
    /// What is missing, and what would help.
    pub fn start_with_tls(settings: &[&str], shown: &Certificate) -> Result<Self, Missing> {
        let mut server = Self::prepare()?;
        server
            .settings
            .extend(settings.iter().map(|setting| (*setting).to_owned()));
        for (setting, name, text) in [
            ("ssl_cert_file", "server.crt", &shown.certificate),
            ("ssl_key_file", "server.key", &shown.key),
        ] {
            let file = server.directory.join(name);
            std::fs::write(&file, text).map_err(|error| error.to_string())?;
            run(Command::new("chmod").arg("600").arg(&file))?;
            if server.as_unprivileged {
                run(Command::new("chown").arg(UNPRIVILEGED).arg(&file))?;
            }
            server.settings.push(format!("{setting}='{}'", file.display()));
        }
        let port = free_port()?;
        server.port = Some(port);
        server.settings.extend([
            "ssl=on".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
        ]);
        server.run_server()?;
        Ok(server)
    }

    /// Makes its directory, and the guard that takes it away.
    fn prepare() -> Result<Self, Missing> {
        let binaries = find_binaries().ok_or_else(|| {
            format!("PostgreSQL is not installed in {INSTALLED} (Debian: apt-get install postgresql)")
        })?;
        let directory = tempfile::Builder::new()
            .prefix("private-postgres-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        let as_unprivileged = is_root();
        if as_unprivileged {
            run(Command::new("chown").arg(UNPRIVILEGED).arg(directory.path()))?;
        }
        // From here on the guard removes it.
        let directory = directory.keep();
        let guard = command(as_unprivileged, Path::new("sh"))
            .args(["-c", GUARD])
            .args([&binaries, &directory])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let server = Self {
            directory,
            binaries,
            settings: Vec::new(),
            port: None,
            as_unprivileged,
            guard,
        };
        let how = [
            "-A",
            "trust",
            "-U",
            ROLE,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ];
        server.run("initdb", &how)?;
        Ok(server)
    }

    /// Where a database on it is, by its socket.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = self.directory.display().to_string().replace('/', "%2F");
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("postgres://{ROLE}@{socket}{port}/{database}")
    }

    /// Where a database on it is for somebody elsewhere; only of a server with TLS.
    #[must_use]
    pub fn network_url(&self, host: &str, database: &str) -> Option<String> {
        let port = self.port?;
        Some(format!("postgres://{ROLE}@{host}:{port}/{database}"))
    }

    /// Runs statements on a database; `postgres` is one that is always there. Returns what they answer, a row a line.
    ///
    /// # Errors
    /// What went wrong.
    pub fn execute(&self, database: &str, statements: &str) -> Result<String, Missing> {
        run(self.psql(database).args(["-c", statements]))
    }

    /// The largest number in a column of a table; 0 if the table is empty.
    ///
    /// # Errors
    /// What went wrong.
    pub fn largest(&self, database: &str, table: &str, column: &str) -> Result<u64, Missing> {
        let found = self.execute(
            database,
            &format!("SELECT COALESCE(max({column}), 0) FROM {table}"),
        )?;
        let number = found.trim().parse();
        number.map_err(|error| format!("{column} of {table} is {found:?}: {error}"))
    }

    /// Writes what a database has at one moment into a file, but for sign-ins: `pg_dump`, as operators are told to.
    ///
    /// # Errors
    /// What went wrong.
    pub fn dump(&self, database: &str, file: &Path) -> Result<(), Missing> {
        let mut dump = Command::new(self.binaries.join("pg_dump"));
        dump.args([
            "--format=custom",
            "--exclude-table-data=session",
            "--exclude-table-data=code",
        ])
        .arg("--file")
        .arg(file)
        .args(["--dbname", &self.url(database)]);
        run(&mut dump).map(drop)
    }

    /// Makes a database anew from such a file. Whoever is connected to it is cut off.
    ///
    /// # Errors
    /// What went wrong.
    pub fn restore(&self, database: &str, file: &Path) -> Result<(), Missing> {
        self.execute("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"))?;
        self.execute("postgres", &format!("CREATE DATABASE {database}"))?;
        let mut restore = Command::new(self.binaries.join("pg_restore"));
        restore
            .args(["--no-owner", "--exit-on-error", "--dbname", &self.url(database)])
            .arg(file);
        run(&mut restore).map(drop)
    }

    /// A client of a database that stops at the first failure.
    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.binaries.join("psql"));
        command
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", database])
            .arg("-h")
            .arg(&self.directory);
        command
    }

    /// Does something while somebody holds these tables of a database locked: from when the lock is granted until it is
    /// done. After the tables there may be a mode, as in `LOCK TABLE`.
    ///
    /// # Errors
    /// What went wrong, or that the lock ended by itself.
    pub fn while_locked<T>(
        &self,
        database: &str,
        tables: &str,
        what: impl FnOnce() -> T,
    ) -> Result<T, Missing> {
        let lock = Lock::hold(&mut self.psql(database), tables)?;
        let done = what();
        lock.end()
            .map_err(|error| format!("{tables} did not stay locked: {error}"))?;
        Ok(done)
    }

    /// Kills all of its processes, as if the machine had lost its power, and starts it again.
    ///
    /// # Errors
    /// What went wrong.
    pub fn kill_and_restart(&self) -> Result<(), Missing> {
        self.kill()?;
        self.run_server()
    }

    /// Kills all of its processes.
    ///
    /// # Errors
    /// What went wrong.
    pub fn kill(&self) -> Result<(), Missing> {
        self.signal("-KILL")
    }

    /// Stops all of its processes where they are: whoever asks it something gets no answer, and whoever connects is not
    /// refused.
    ///
    /// # Errors
    /// What went wrong.
    pub fn freeze(&self) -> Result<(), Missing> {
        self.signal("-STOP")
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// What went wrong.
    pub fn thaw(&self) -> Result<(), Missing> {
        self.signal("-CONT")
    }

    /// The id of the process that starts all others.
    ///
    /// # Errors
    /// What went wrong.
    pub fn process_id(&self) -> Result<u32, Missing> {
        let file = self.directory.join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let first = text.lines().next().unwrap_or_default();
        first
            .parse()
            .map_err(|_| format!("{first:?} is not the id of a process"))
    }

    /// Signals all of its processes.
    fn signal(&self, signal: &str) -> Result<(), Missing> {
        let server = self.process_id()?.to_string();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
        let children = children.map_err(|error| error.to_string())?;
        // Its parent first, so that it starts none again. Some of the others may have ended in the meantime.
        run(Command::new("kill").args([signal, &server]))?;
        for child in children.split_whitespace() {
            let _ = run(Command::new("kill").args([signal, child]));
        }
        Ok(())
    }

    /// Starts it after it was killed.
    ///
    /// # Errors
    /// What went wrong.
    pub fn run_server(&self) -> Result<(), Missing> {
        let settings: String = self
            .settings
            .iter()
            .map(|setting| format!(" -c {setting}"))
            .collect();
        let socket = self.directory.display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{socket}'{settings}");
        let log = self.directory.join("log").display().to_string();
        let mut started = Ok(());
        for _ in 0..STARTS_MAX {
            started = self.run("pg_ctl", &["-w", "-l", &log, "-o", &options, "start"]);
            if started.is_ok() {
                break;
            }
            std::thread::sleep(BETWEEN_STARTS);
        }
        started
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Missing> {
        let mut command = command(self.as_unprivileged, &self.binaries.join(program));
        command
            .arg("-D")
            .arg(self.directory.join("data"))
            .args(arguments)
            .current_dir(&self.directory)
            // What it leaves running must not keep our outputs open.
            .stdout(Stdio::null());
        let status = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| error.to_string())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{program} failed: {status}"))
        }
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // Stopped processes would not hear that they are to end.
        let _ = self.thaw();
        drop(self.guard.stdin.take());
        // Nothing is left to be done about a server that does not stop.
        let _ = self.guard.wait();
    }
}

/// A program, run by somebody who is not root.
fn command(as_unprivileged: bool, program: &Path) -> Command {
    if as_unprivileged {
        let mut command = Command::new("runuser");
        command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> Result<String, Missing> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{} failed: {said}", command.get_program().display()))
    }
}

/// A port that nobody uses at this moment.
fn free_port() -> Result<u16, Missing> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(address.port())
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

/// The programs of the newest version.
fn find_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(INSTALLED).ok()?.flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((number(&version.path())?, version.path().join("bin"))))
        .filter(|(_, binaries)| binaries.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, binaries)| binaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_survives_being_killed_and_leaves_nothing_behind() {
        let Some(server) = start_for_test() else { return };
        server
            .execute("postgres", "CREATE TABLE kept AS SELECT 7 AS number")
            .unwrap();
        server.kill_and_restart().unwrap();
        assert_eq!(
            server
                .execute("postgres", "SELECT number FROM kept")
                .unwrap()
                .trim(),
            "7"
        );
        let locked = "SELECT count(*) FROM pg_locks WHERE relation = 'kept'::regclass AND granted";
        let counted = || server.execute("postgres", locked).unwrap().trim().to_owned();
        assert_eq!(server.while_locked("postgres", "kept", counted).unwrap(), "1");
        assert_eq!(counted(), "0");
        let ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'kept'::regclass";
        let ending = || server.execute("postgres", ended).unwrap();
        server.while_locked("postgres", "kept", ending).unwrap_err();
        assert!(
            server
                .execute("postgres", "SELECT nothing")
                .unwrap_err()
                .contains("nothing")
        );
        let directory = server.directory.clone();
        assert!(directory.join("data").exists());
        drop(server);
        assert!(!directory.exists(), "{} is left", directory.display());
    }
}

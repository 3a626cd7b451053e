//! Databases for tests: each has its own, on one server of its test program.
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a part of tests: a panic is the report, and what did not run is told"
)]

use std::fmt::Display;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{Missing, PrivatePostgres};

/// The variable of the environment by which `cargo xtask test`, and nobody else, tells tests where to keep what they keep.
pub const STORE_OF_TESTS: &str = "METERBRIDGE_STORE_OF_TESTS";
/// What it says for PostgreSQL. Without it, the embedded store is used.
pub const STORE_OF_TESTS_POSTGRES: &str = "postgres";

/// The settings of servers for tests. Nobody pulls the plug there: what a killed server has written, the system has. And
/// nobody tidies up whenever he likes, with locks and snapshots of his own.
pub const SETTINGS: [&str; 4] = [
    "fsync=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "autovacuum=off",
];
/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(180);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

static SERVER: OnceLock<Result<PrivatePostgres, Missing>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
/// A database that was opened once: copying it takes less time than making all tables anew.
static TEMPLATE: OnceLock<()> = OnceLock::new();

/// A server for one test. Where there is none, the reason is told.
///
/// # Panics
/// In continuous integration if there is none: there, these tests have to run.
#[must_use]
pub fn start_for_test() -> Option<PrivatePostgres> {
    there(PrivatePostgres::start(&SETTINGS))
}

/// What was started, or [`start_for_test`]'s way without it.
///
/// # Panics
/// As [`start_for_test`].
#[must_use]
pub fn there<T, E: Display>(started: Result<T, E>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(missing) if environment("CI").is_some() => {
            panic!("tests on PostgreSQL cannot run: {missing}")
        }
        Err(missing) => {
            eprintln!("NOT RUN: a test on PostgreSQL: {missing}");
            None
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is asked of tests is no setting of this project"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn done<T>(outcome: Result<T, Missing>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

/// A database that is dropped with this.
pub struct Database<'s> {
    server: &'s PrivatePostgres,
    name: String,
}

impl<'s> Database<'s> {
    /// An empty one.
    ///
    /// # Panics
    /// If it cannot be made, as everything here.
    #[must_use]
    pub fn on(server: &'s PrivatePostgres) -> Self {
        Self::made(server, "")
    }

    /// Another one on the same server, made as the words of `CREATE DATABASE` say.
    #[must_use]
    pub fn another(&self, how: &str) -> Self {
        Self::made(self.server, how)
    }

    fn made(server: &'s PrivatePostgres, how: &str) -> Self {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} {how}");
        let began = Instant::now();
        loop {
            match server.execute("postgres", &create) {
                // Whoever has closed what is copied may not be gone yet.
                Err(error) if error.contains("other users") && began.elapsed() < PATIENCE => {
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                made => {
                    done(made);
                    break;
                }
            }
        }
        Self { server, name }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Runs statements behind everybody's back. Returns what they answer, a row a line.
    #[must_use]
    pub fn execute(&self, statements: &str) -> String {
        done(self.server.execute(&self.name, statements))
    }

    /// Waits until a statement answers something else than nothing or 0.
    ///
    /// # Panics
    /// If that takes minutes.
    pub fn wait_until(&self, statement: &str) {
        let began = Instant::now();
        while matches!(self.execute(statement).trim(), "" | "0") {
            assert!(began.elapsed() < PATIENCE, "still not so: {statement}");
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// [`PrivatePostgres::while_locked`] of this database.
    ///
    /// # Panics
    /// If the lock could not be had, or ended by itself.
    pub fn while_locked<T>(&self, tables: &str, what: impl FnOnce() -> T) -> T {
        done(self.server.while_locked(&self.name, tables, what))
    }

    /// How many entries of the books have this text in them.
    #[must_use]
    pub fn entries_saying(&self, text: &str) -> u64 {
        self.rows_of(&format!("entry WHERE convert_from(body, 'UTF8') LIKE '%{text}%'"))
    }

    /// Makes something as somebody else might have made it: `TABLE invoice (id bigint)`.
    pub fn create(&self, what: &str) {
        let _ = self.execute(&format!("CREATE {what}"));
    }

    /// Takes the last row of a table away, as a failover to a standby does that was behind.
    pub fn lose_last(&self, table: &str, number: &str) {
        let last = format!("{number} = (SELECT max({number}) FROM {table})");
        let _ = self.execute(&format!("DELETE FROM {table} WHERE {last}"));
    }

    /// How many rows a table or a view has.
    #[must_use]
    pub fn rows_of(&self, table: &str) -> u64 {
        let counted = self.execute(&format!("SELECT count(*) FROM {table}"));
        done(counted.trim().parse().map_err(|_| counted))
    }
}

impl Database<'static> {
    /// One on the one server of this process, a copy of one that was opened first: with its URL this is done once. None
    /// where PostgreSQL is missing, as [`start_for_test`].
    pub fn opened(open: impl FnOnce(&str)) -> Option<Self> {
        Some(Self::copied(there(server())?, open))
    }

    /// The same if the tests of this run keep what they keep in PostgreSQL; none if they do not.
    ///
    /// # Panics
    /// If they do and there is no PostgreSQL.
    pub fn of_this_run(open: impl FnOnce(&str)) -> Option<Self> {
        match environment(STORE_OF_TESTS).as_deref() {
            None => None,
            Some(STORE_OF_TESTS_POSTGRES) => match server() {
                Ok(server) => Some(Self::copied(server, open)),
                Err(missing) => panic!("{missing}"),
            },
            Some(other) => panic!("{STORE_OF_TESTS}={other}: expected {STORE_OF_TESTS_POSTGRES}, or nothing"),
        }
    }

    /// Another copy of the one that was opened first.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::copied(self.server, |_| ())
    }

    fn copied(server: &'static PrivatePostgres, open: impl FnOnce(&str)) -> Self {
        TEMPLATE.get_or_init(|| {
            done(server.execute("postgres", "CREATE DATABASE opened"));
            open(&server.url("opened"));
        });
        Self::made(server, "TEMPLATE opened STRATEGY file_copy")
    }
}

fn server() -> Result<&'static PrivatePostgres, &'static Missing> {
    SERVER.get_or_init(|| PrivatePostgres::start(&SETTINGS)).as_ref()
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        if let Err(error) = self.server.execute("postgres", &drop) {
            eprintln!("{error}");
        }
    }
}

//! A PostgreSQL server of this test binary's own, with a database for each test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_postgres::{Missing, PrivatePostgres};
use store::{Store, StoreConfig};

use crate::fixtures::Backend;

/// Nobody pulls the plug here: what a killed server has written, the system has.
pub(crate) const SETTINGS: [&str; 3] = ["fsync=off", "max_connections=300", "shared_buffers=64MB"];

static SERVER: OnceLock<Result<PrivatePostgres, Missing>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
/// A database that was opened once: copying it takes less time than making all tables anew.
static TEMPLATE: OnceLock<()> = OnceLock::new();

/// A server for one test. Where there is none, the reason is told.
///
/// # Panics
/// In continuous integration if there is none: there, these tests have to run.
pub(crate) fn start() -> Option<PrivatePostgres> {
    there(PrivatePostgres::start(&SETTINGS))
}

/// What was started, or [`start`]'s way without it.
pub(crate) fn there<T, E: std::fmt::Display>(started: Result<T, E>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(missing) if continuous_integration() => panic!("tests on PostgreSQL cannot run: {missing}"),
        Err(missing) => {
            eprintln!("NOT RUN: a test on PostgreSQL: {missing}");
            None
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the arguments belong to the test harness"
)]
fn continuous_integration() -> bool {
    std::env::var_os("CI").is_some()
}

/// A database that is dropped with this.
pub(crate) struct Database<'s> {
    server: &'s PrivatePostgres,
    name: String,
}

impl<'s> Database<'s> {
    /// An empty one.
    pub(crate) fn on(server: &'s PrivatePostgres) -> Self {
        Self::made(server, "")
    }

    fn made(server: &'s PrivatePostgres, how: &str) -> Self {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} {how}");
        server.execute("postgres", &create).unwrap();
        Self { server, name }
    }

    /// Another one, which nobody has opened yet.
    pub(crate) fn empty(&self) -> Self {
        Self::on(self.server)
    }

    /// Another one, made as the words of `CREATE DATABASE` say.
    pub(crate) fn made_with(&self, how: &str) -> Self {
        Self::made(self.server, how)
    }

    pub(crate) fn config(&self) -> StoreConfig {
        StoreConfig::Postgres(self.server.url(&self.name).parse().unwrap())
    }

    /// Runs statements behind the back of the store.
    pub(crate) fn execute(&self, statements: &str) -> String {
        self.server.execute(&self.name, statements).unwrap()
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let dropped = self
            .server
            .execute("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("{error}");
        }
    }
}

/// A store on PostgreSQL.
pub(crate) type Postgres = Database<'static>;

impl Postgres {
    /// An empty one; none where PostgreSQL is missing.
    pub(crate) fn new() -> Option<Self> {
        there(SERVER.get_or_init(|| PrivatePostgres::start(&SETTINGS)).as_ref()).map(Self::opened)
    }

    /// Another empty one, that has been opened before.
    pub(crate) fn again(&self) -> Self {
        Self::opened(self.server)
    }

    fn opened(server: &'static PrivatePostgres) -> Self {
        TEMPLATE.get_or_init(|| {
            server.execute("postgres", "CREATE DATABASE opened").unwrap();
            drop(store::open(&StoreConfig::Postgres(server.url("opened").parse().unwrap())).unwrap());
        });
        Self::made(server, "TEMPLATE opened STRATEGY file_copy")
    }
}

impl Backend for Postgres {
    fn another(&self) -> Box<dyn Backend> {
        Box::new(self.again())
    }

    fn open(&self) -> Store {
        store::open(&self.config()).unwrap()
    }
}

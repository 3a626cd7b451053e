//! A database of PostgreSQL for each test, on a server of this test binary's own.

use private_postgres::PrivatePostgres;
pub(crate) use private_postgres::{SETTINGS, start_for_test as start, there};
use store::{Store, StoreConfig};
use tokio::runtime::Handle;

use crate::fixtures::Backend;

/// A database that is dropped with this.
pub(crate) struct Database<'s>(private_postgres::Database<'s>);

impl<'s> Database<'s> {
    /// An empty one.
    pub(crate) fn on(server: &'s PrivatePostgres) -> Self {
        Self(private_postgres::Database::on(server))
    }

    /// Another one, which nobody has opened yet.
    pub(crate) fn empty(&self) -> Self {
        self.made_with("")
    }

    /// Another one, made as the words of `CREATE DATABASE` say.
    pub(crate) fn made_with(&self, how: &str) -> Self {
        Self(self.0.another(how))
    }

    pub(crate) fn config(&self) -> StoreConfig {
        config(&self.url())
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// Waits until a statement answers something else than nothing or 0.
    pub(crate) fn wait_until(&self, statement: &str) {
        self.0.wait_until(statement);
    }

    /// Waits until somebody waits for a table that somebody else has locked, and has waited so many seconds.
    pub(crate) fn wait_until_waited_for(&self, table: &str, seconds: u32) {
        self.wait_until(&format!(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND waitstart <= now() - interval '{seconds} s'"
        ));
    }

    /// Does something while somebody holds these tables locked; the mode may be said after them.
    pub(crate) fn while_locked<T>(&self, tables: &str, what: impl Future<Output = T>) -> T {
        let what = || Handle::current().block_on(what);
        tokio::task::block_in_place(|| self.0.while_locked(tables, what))
    }

    /// Runs statements behind the back of the store.
    pub(crate) fn execute(&self, statements: &str) -> String {
        self.0.execute(statements)
    }
}

/// A store on PostgreSQL.
pub(crate) type Postgres = Database<'static>;

impl Postgres {
    /// An empty one, that has been opened before; none where PostgreSQL is missing.
    pub(crate) fn new() -> Option<Self> {
        let open = |url: &str| drop(store::open(&config(url)).unwrap());
        private_postgres::Database::opened(open).map(Database)
    }

    /// Another one.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.again())
    }
}

fn config(url: &str) -> StoreConfig {
    StoreConfig::Postgres(url.parse().unwrap())
}

impl Backend for Postgres {
    fn another(&self) -> Box<dyn Backend> {
        Box::new(self.again())
    }

    fn open(&self) -> Store {
        store::open(&self.config()).unwrap()
    }
}

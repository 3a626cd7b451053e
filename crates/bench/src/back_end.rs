//! Where the server under test keeps its state, and what it has to reach there.

use std::path::Path;
use std::sync::Arc;

use private_postgres::{Missing, PrivatePostgres};

use crate::figures::processor_seconds_of_all;
use crate::report::Goal;

/// The database of the server under test.
const DATABASE: &str = "meterbridge";
/// The settings of every PostgreSQL server here: its defaults, with durable commits, but for memory and a log that do for
/// the rows of a benchmark.
const SETTINGS: [&str; 2] = ["shared_buffers=512MB", "max_wal_size=8GB"];

/// What has to be reached.
pub struct Goals {
    /// Records taken in through HTTPS in a second.
    pub ingest: f64,
    /// That, to the rows that the peer merges in a second.
    pub ingest_to_peer: f64,
    /// The 99th percentile of a statement, in milliseconds.
    pub statement: Goal,
}

/// A back end, running.
pub enum BackEnd {
    Embedded,
    Postgres(Arc<PrivatePostgres>),
}

/// Starts a PostgreSQL server.
pub fn postgres() -> Result<Arc<PrivatePostgres>, Missing> {
    PrivatePostgres::start(&SETTINGS).map(Arc::new)
}

/// A PostgreSQL server to measure on, and says how it is set up, as this; or says loudly that there is none.
pub fn postgres_as(what: &str) -> Option<Arc<PrivatePostgres>> {
    match postgres() {
        Ok(server) => {
            println!("\n{what}: {}", postgres_setup(&server));
            Some(server)
        }
        Err(missing) => {
            println!("\nPOSTGRESQL MISSING: {missing}. Nothing was measured there.");
            None
        }
    }
}

/// How it is set up, for the report.
pub fn postgres_setup(server: &PrivatePostgres) -> String {
    let version = server
        .execute("postgres", "SHOW server_version")
        .expect("a version");
    format!("PostgreSQL {}, fsync on, {}", version.trim(), SETTINGS.join(", "))
}

impl BackEnd {
    /// On a database of its own, which is new; one that was measured on before goes away.
    pub fn on(server: Arc<PrivatePostgres>) -> Self {
        let drop = format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)");
        let create = format!("CREATE DATABASE {DATABASE}");
        for statement in [drop, create] {
            server
                .execute("postgres", &statement)
                .expect("PostgreSQL makes a database");
        }
        Self::Postgres(server)
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded store",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    pub const fn goals(&self) -> Goals {
        match self {
            Self::Embedded => Goals {
                ingest: 300_000.0,
                ingest_to_peer: 1.5,
                statement: Goal::AtMost(10.0),
            },
            Self::Postgres(_) => Goals {
                ingest: 100_000.0,
                ingest_to_peer: 0.8,
                // A database elsewhere adds what it takes to ask it: it is measured, and held against nothing.
                statement: Goal::None,
            },
        }
    }

    /// What `--store` says, if anything.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Embedded => None,
            Self::Postgres(server) => Some(server.url(DATABASE)),
        }
    }

    /// Bytes on disk: all files of the data directory, or the database as it is, with its indexes and what was not
    /// cleaned up yet.
    pub fn bytes(&self, data: &Path) -> u64 {
        match self {
            Self::Embedded => bytes_below(data),
            Self::Postgres(server) => {
                let size = server.execute(DATABASE, "SELECT pg_database_size(current_database())");
                size.expect("a size").trim().parse().expect("a size is a number")
            }
        }
    }

    /// The processor time that a database beside the server has used so far.
    pub fn processor_seconds(&self) -> Option<f64> {
        match self {
            Self::Embedded => None,
            Self::Postgres(server) => server.process_id().ok().map(processor_seconds_of_all),
        }
    }
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| {
        let path = entry.path();
        if path.is_dir() {
            bytes_below(&path)
        } else {
            path.metadata().map_or(0, |it| it.len())
        }
    };
    entries.flatten().map(size).sum()
}

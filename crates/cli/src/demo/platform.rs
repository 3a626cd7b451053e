//! The server of the demonstration: a real one, in this process, with a data directory and a clock of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::{Client, Credential};
use domain::time::Timestamp;
use server::{Clock, Running, Server, ServerConfig, StoreConfig, Tls};
use tempfile::TempDir;

use super::clock::DemoClock;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::serving::open;

/// The name of the operator's account.
const OPERATOR: &str = "demo";
/// The operator's credential, for commands that are tried out afterwards.
const CREDENTIAL_FILE: &str = "operator-credential";
/// One caller does the work of a month in seconds.
const REQUESTS_PER_SECOND_MAX: NonZeroU32 = NonZeroU32::MAX;

/// Where a server is made, and whether it is to last.
#[derive(Default)]
pub(super) struct Place<'a> {
    /// Its data directory, which must be empty or not there yet; a temporary one if none is named.
    pub(super) data: Option<&'a Path>,
    /// Whether its data stays, to be tried out afterwards.
    pub(super) keep: bool,
    /// Where its store is, if not in the data directory.
    pub(super) store: Option<StoreConfig>,
}

/// Where the server keeps its data.
#[derive(Debug)]
enum DataDirectory {
    /// Removed with this value.
    Temporary(TempDir),
    /// Left where it is.
    Kept(PathBuf),
}

impl DataDirectory {
    /// The directory that is named, which must be empty or not there yet; else a temporary one.
    fn open(named: Option<&Path>, keep: bool) -> Result<Self, Failure> {
        let Some(path) = named else {
            let directory = tempfile::Builder::new().prefix("meterbridge-demo-").tempdir();
            let directory = directory.map_err(|error| {
                Failure::new("No temporary directory can be made.")
                    .because(error.to_string())
                    .hint("Name one with --data.")
            })?;
            return Ok(if keep {
                Self::Kept(directory.keep())
            } else {
                Self::Temporary(directory)
            });
        };
        let entries = fs::create_dir_all(path).and_then(|()| fs::read_dir(path));
        if entries
            .map_err(|error| Failure::file(path, &error))?
            .next()
            .is_some()
        {
            let what = format!("{} is not empty.", path.display());
            return Err(
                Failure::new(what).hint("The demonstration begins with nothing: name a new directory.")
            );
        }
        Ok(Self::Kept(
            std::path::absolute(path).map_err(|error| Failure::file(path, &error))?,
        ))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }
}

/// A server that runs.
pub(super) struct Platform {
    running: Running,
    /// Its clock.
    pub(super) clock: Arc<DemoClock>,
    /// A client with the operator's credential.
    pub(super) operator: Client,
    data: DataDirectory,
}

impl Platform {
    /// Makes a data directory and an operator, and starts a server on a free port of this machine. Its clock stands
    /// at `start`.
    pub(super) async fn start(place: Place<'_>, start: Timestamp) -> Result<Self, Failure> {
        let Place { data, keep, store } = place;
        let data = DataDirectory::open(data, keep)?;
        let store = store.unwrap_or_else(|| server::embedded_store(data.path()));
        let wall_clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let clock = Arc::new(DemoClock::at(start, Arc::clone(&wall_clock)));
        let not_started = |error: &dyn std::fmt::Display| {
            Failure::new("The server of the demonstration does not start.").because(error.to_string())
        };
        let app = open(&store, Arc::clone(&clock) as Arc<dyn Clock>).await?;
        if app.has_operators() {
            return Err(not_empty(&store));
        }
        let credential = server::admit_operator(&app, OPERATOR)
            .await
            .map_err(|error| not_started(&error))?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = ServerConfig::new(data.path().to_owned(), listen, wall_clock);
        config.limits.requests_per_second_max = REQUESTS_PER_SECOND_MAX;
        let running = Server::start(config, app)
            .await
            .map_err(|error| not_started(&error))?;
        let builder = Client::builder(running.url()).credential(Credential::new(&credential));
        let operator = builder
            .ca_pem(running.ca_certificate_pem().unwrap_or_default())
            .build()?;
        if keep {
            write_secret(&data.path().join(CREDENTIAL_FILE), &credential)?;
        }
        Ok(Self {
            running,
            clock,
            operator,
            data,
        })
    }

    /// What somebody needs to know who wants to try commands on this server.
    pub(super) fn introduction(&self) -> String {
        let data = self.data.path();
        let (ca, credential) = (Tls::ca_certificate_path(data), data.join(CREDENTIAL_FILE));
        format!(
            "The server goes on running, with the time of this machine. Stop it with Ctrl-C.\n\
             Its data stays in {}. In another terminal:\n\
             \n\
             \x20 export METERBRIDGE_URL={}\n\
             \x20 export METERBRIDGE_CA='{}'\n\
             \x20 export METERBRIDGE_CREDENTIAL=\"$(cat '{}')\"",
            data.display(),
            self.running.url().trim_end_matches('/'),
            ca.display(),
            credential.display(),
        )
    }

    /// Stops the server, and removes its data unless it is to be kept.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let stopped = self.running.shutdown().await;
        stopped
            .map_err(|error| Failure::new("The server did not stop as it should.").because(error.to_string()))
    }
}

/// The demonstration begins with nothing, and what is somebody's is left alone.
fn not_empty(store: &StoreConfig) -> Failure {
    Failure::new(format!(
        "The store is not empty, and nothing in it was changed: {store}."
    ))
    .coded("StoreInUse")
    .hint("The demonstration begins with nothing: name a database that was made for it.")
}

/// Writes a file that only this account can read.
fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;

    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|error| Failure::file(path, &error))
}

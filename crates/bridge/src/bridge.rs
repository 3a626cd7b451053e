//! A bridge: several stacks, each read and delivered on its own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use domain::time::Hour;
use tokio::task::JoinSet;

use crate::activation::ActivationKey;
use crate::backfill::stack_directory;
use crate::claims::Claims;
use crate::config::{BridgeConfig, StackConfig};
use crate::connection::Connection;
use crate::deliver::{Deliverer, ServerAddress};
use crate::depot::Depot;
use crate::directory::DirectoryDeliverer;
use crate::environment::Environment;
use crate::opening::{self, cannot_listen, listen, lock};
use crate::patience::HELD_WAIT;
use crate::reading::Reader;
use crate::requests::Requests;
use crate::schedule::Schedule;
use crate::spool::Spool;
use crate::status::{self, Board, BridgeStatus, Part, StatusFile};
use crate::trouble::Trouble;

/// A bridge. Whatever happens to it, it can be started again and goes on where it was.
pub struct Bridge {
    config: BridgeConfig,
    environment: Environment,
    boards: Vec<Arc<Board>>,
    claims: Arc<Claims>,
    listener: Option<TcpListener>,
    lock: Arc<File>,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bridge").field(&self.config).finish()
    }
}

impl Bridge {
    /// Opens a bridge. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Trouble`] if its spool directory cannot be used, or another bridge uses it; if two of its stacks are the same one,
    /// or one is to be read from an hour that has not begun; or if nothing can listen where the configuration says.
    pub fn open(config: BridgeConfig, environment: Environment) -> Result<Self, Trouble> {
        let lock = Arc::new(lock(&config.spool_directory)?);
        let claims = opening::claims(&config, &environment)?;
        let listener = config.listen.map(listen).transpose()?;
        let board = |stack: &StackConfig| {
            Board::for_stack(Arc::clone(&environment.clock), stack, config.spool_bytes_max)
        };
        Ok(Self {
            boards: config.stacks.iter().map(board).collect(),
            config,
            environment,
            claims: Arc::new(claims),
            listener,
            lock,
        })
    }

    /// Where `/metrics` and `/healthz` are: an address with the port that the system chose where the configuration has 0.
    #[must_use]
    pub fn listens_at(&self) -> Option<SocketAddr> {
        self.listener.as_ref()?.local_addr().ok()
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> BridgeStatus {
        status::of_all(&*self.environment.clock, &self.boards)
    }

    /// Reads and delivers until it is told to stop. What is being done then is given up where it is; nothing is lost or
    /// counted twice by that. The last that its status says is that it was stopped.
    ///
    /// # Errors
    /// [`Trouble`] if the system does not let it listen any more.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<(), Trouble> {
        let mut work = JoinSet::new();
        if let (Some(listener), Some(address)) = (&self.listener, self.config.listen) {
            let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
            let listener = listener.map_err(|error| cannot_listen(address, &error))?;
            let (clock, boards) = (Arc::clone(&self.environment.clock), self.boards.clone());
            work.spawn(status::listen(listener, clock, boards));
        }
        let file = StatusFile::new(&self.config.spool_directory, &self.environment, &self.boards);
        for (stack, board) in self.config.stacks.iter().zip(&self.boards) {
            let serving = Serving {
                directory: stack_directory(&self.config.spool_directory, &stack.name),
                bytes_max: self.config.spool_bytes_max,
                stack: stack.clone(),
                server: self.config.server.clone(),
                environment: self.environment.clone(),
                board: Arc::clone(board),
                claims: Arc::clone(&self.claims),
                lock: Arc::clone(&self.lock),
            };
            work.spawn(serving.run());
        }
        tokio::select! {
            () = stop => {}
            () = file.keep() => {}
        }
        work.shutdown().await;
        file.end().await;
        Ok(())
    }
}

/// The work for one stack.
struct Serving {
    stack: StackConfig,
    server: ServerAddress,
    directory: PathBuf,
    bytes_max: u64,
    environment: Environment,
    board: Arc<Board>,
    claims: Arc<Claims>,
    lock: Arc<File>,
}

impl Serving {
    /// Works for ever: what needs somebody to do something is tried again until they did.
    async fn run(self) {
        let (reporter, mut failures) = (self.board.reporter(Part::Start), 0);
        loop {
            let trouble = match self.open().await {
                Ok((depot, key)) => {
                    reporter.well();
                    failures = 0;
                    self.work(depot, key).await
                }
                Err(trouble) => trouble,
            };
            failures += 1;
            reporter.held(&trouble, failures, HELD_WAIT);
            self.environment.timer.pause(HELD_WAIT).await;
        }
    }

    async fn open(&self) -> Result<(Arc<Depot>, ActivationKey), Trouble> {
        let key = ActivationKey::read(&self.stack.activation_key_file)?;
        self.claims.claim(&self.stack.name, key.cloud_id)?;
        let first_of_month = Hour::containing(self.environment.clock.now())
            .period()
            .interval()
            .start();
        let start = self.stack.start.unwrap_or(first_of_month);
        let (disk, directory) = (Arc::clone(&self.environment.disk), self.directory.clone());
        let (bytes_max, cloud_id) = (self.bytes_max, key.cloud_id);
        let open = move || Spool::open(disk, &directory, bytes_max, (cloud_id, start));
        let spool = match tokio::task::spawn_blocking(open).await {
            Ok(opened) => opened.map_err(|error| error.trouble())?,
            Err(error) => {
                return Err(Trouble::new(
                    "SpoolBrokenOff",
                    error.to_string(),
                    "It is tried again.",
                ));
            }
        };
        if spool.cursor().totals.batches == 0 {
            let (stack, start, lookback) =
                (&self.stack.name, spool.cursor().start, self.stack.lookback_hours);
            tracing::info!(
                stack,
                "reading begins with {start}; if the server has deliveries of the stack already, the {lookback} hours before \
                 that are read again too"
            );
        }
        let depot = Depot::new(spool, Arc::clone(&self.board), Arc::clone(&self.lock));
        Ok((depot, key))
    }

    /// Reads and delivers until the spool cannot be used any more. What is in the spool is delivered also while the stack
    /// cannot be reached.
    async fn work(&self, depot: Arc<Depot>, key: ActivationKey) -> Trouble {
        let deliverer = Deliverer {
            depot: Arc::clone(&depot),
            server: self.server.clone(),
            key_file: self.stack.activation_key_file.clone(),
            cloud_id: key.cloud_id,
            lookback: i32::from(self.stack.lookback_hours),
            environment: self.environment.clone(),
            reporter: self.board.reporter(Part::Delivering),
        };
        tokio::select! {
            error = deliverer.run() => error.trouble(),
            trouble = self.read(depot, key) => trouble,
        }
    }

    async fn read(&self, depot: Arc<Depot>, key: ActivationKey) -> Trouble {
        let cloud_id = key.cloud_id;
        let connection = Connection::new(self.stack.clone(), key, self.environment.clone());
        let lookback = i32::from(self.stack.lookback_hours);
        let reader = Reader::new(
            Arc::clone(&connection),
            Arc::clone(&depot),
            Schedule::new(self.stack.margin, lookback),
            &self.board,
        );
        let requests = Requests {
            depot: Arc::clone(&depot),
            directory: self.directory.clone(),
            environment: self.environment.clone(),
            reporter: self.board.reporter(Part::Backfill),
            stack: self.stack.name.clone(),
        };
        let directory = DirectoryDeliverer {
            depot,
            connection,
            server: self.server.clone(),
            key_file: self.stack.activation_key_file.clone(),
            cloud_id,
            directory: self.directory.join("listings"),
            environment: self.environment.clone(),
            reporter: self.board.reporter(Part::Directory),
        };
        tokio::select! {
            error = reader.run() => error.trouble(),
            error = requests.run() => error.trouble(),
            () = directory.run() => Trouble::new("DirectoryEnded", "The directory is not read any more.", "It is tried again."),
        }
    }
}

//! A connection that is driven by the thread that uses it: while nobody asks, nothing happens on it.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls, Statement};

use super::config::{PostgresConfig, name};
use super::failure::Failure;
use super::tls::MakeTls;
use crate::error::StoreError;

/// The longest that a statement may take.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a statement waits for somebody else's transaction.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a transaction waits for its next statement.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer may be on its way, beside the time of its statement. After that nobody is on the other side.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long telling the server that nobody waits any more may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);

/// How each connection is set up, as far as the server knows these settings, and whether the server takes no writes. A
/// commit has to be on the disk before it is answered, whatever the server's own setting is.
const SETTINGS: &str = "SELECT set_config(wanted.name, wanted.value, false), pg_is_in_recovery()
    FROM (VALUES ('statement_timeout', $1), ('lock_timeout', $2), ('idle_in_transaction_session_timeout', $3),
                 ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'),
                 ('TimeZone', 'UTC'), ('client_min_messages', 'warning'),
                 ('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                       ELSE current_setting('synchronous_commit') END))
         AS wanted (name, value)
    JOIN pg_settings ON lower(pg_settings.name) = lower(wanted.name)";

/// A statement ends when its connection does, where the server's operating system can tell: on others this fails.
const WATCH: &str = "DO $$ BEGIN
        PERFORM set_config('client_connection_check_interval', '1000', false);
    EXCEPTION WHEN OTHERS THEN NULL;
    END $$";

type Driver = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

pub(super) struct Link {
    /// Taken out only to be shut down.
    runtime: Option<Runtime>,
    client: Client,
    /// Nothing once the connection has ended.
    driver: Option<Driver>,
    /// Resolves when nobody waits any more for what is asked.
    abandoned: Option<oneshot::Receiver<()>>,
    statements: HashMap<&'static str, Statement>,
    tls: Option<MakeTls>,
    /// How long the next answer is waited for.
    patience: Duration,
    broken: bool,
}

impl Link {
    /// Connects to a host, if it takes writes. Blocks.
    fn open(host: &tokio_postgres::Config, tls: Option<&MakeTls>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::System)?;
        let within = host.get_connect_timeout().copied().unwrap_or_default() * 2;
        let connected = runtime.block_on(async { tokio::time::timeout(within, connect(host, tls)).await });
        let (client, driver) = match connected {
            Ok(Ok(connected)) => connected,
            failed => {
                // Perhaps a name is still being looked up, which nobody can be made to stop.
                runtime.shutdown_background();
                return Err(match failed {
                    Ok(failed) => failed.err().map_or(Failure::Ended, Failure::from),
                    Err(_) => Failure::Silent(within.as_secs()),
                });
            }
        };
        let mut link = Self {
            runtime: Some(runtime),
            client,
            driver: Some(driver),
            abandoned: None,
            statements: HashMap::new(),
            tls: tls.cloned(),
            patience: STATEMENT_TIMEOUT + ANSWER_TIMEOUT,
            broken: false,
        };
        link.be_quick(within);
        link.set_up()?;
        link.be_usual();
        Ok(link)
    }

    fn set_up(&mut self) -> Result<(), Failure> {
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let values = [STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_TIMEOUT].map(milliseconds);
        let [statement, lock, idle] = &values;
        let set = self.ask(async |client| client.query(SETTINGS, &[statement, lock, idle]).await)?;
        if set.iter().any(|setting| setting.get(1)) {
            return Err(Failure::Standby);
        }
        self.execute(WATCH)
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Waits for answers as long as this, and lets statements take as long: for what is done once, such as a migration.
    /// Ends with the transaction at the server, and with [`Self::be_usual`] here.
    pub(super) fn be_patient(&mut self, patience: Duration) -> Result<(), Failure> {
        self.patience = patience;
        self.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
    }

    /// Waits for each answer no longer than this, until [`Self::be_usual`].
    pub(super) fn be_quick(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Waits as long as usual.
    pub(super) fn be_usual(&mut self) {
        self.patience = STATEMENT_TIMEOUT + ANSWER_TIMEOUT;
    }

    /// Gives up whatever is asked as soon as the other end of this is gone.
    pub(super) fn abandon_with(&mut self, abandoned: Option<oneshot::Receiver<()>>) {
        self.abandoned = abandoned;
    }

    /// Asks something of the server and waits for the answer. If that is given up, the server is told.
    pub(super) fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        let answered = self.wait_for(question);
        if let Err(Failure::Silent(_) | Failure::Abandoned) = &answered {
            self.cancel();
        }
        answered
    }

    /// Commits. What is not answered is not cancelled: where it waits for a standby, that would show to everybody what the
    /// standby does not have, and a failover takes it away again.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        self.wait_for(async |client| client.batch_execute("COMMIT").await)
    }

    fn wait_for<T>(
        &mut self,
        question: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        if self.broken {
            return Err(Failure::Ended);
        }
        let within = self.patience;
        let Self {
            runtime: Some(runtime),
            client,
            driver,
            abandoned,
            ..
        } = self
        else {
            return Err(Failure::Ended);
        };
        let answered = runtime.block_on(async {
            let mut question = pin!(question(client));
            let mut silence = pin!(tokio::time::sleep(within));
            poll_fn(|context| {
                if let Some(running) = driver
                    && running.as_mut().poll(context).is_ready()
                {
                    // Whatever was asked is told so.
                    *driver = None;
                }
                if let Poll::Ready(answer) = question.as_mut().poll(context) {
                    return Poll::Ready(answer.map_err(Failure::from));
                }
                if let Some(receiver) = abandoned
                    && Pin::new(receiver).poll(context).is_ready()
                {
                    return Poll::Ready(Err(Failure::Abandoned));
                }
                if !silence.is_elapsed() {
                    // Something came or went, or nobody would have woken us: there is somebody on the other side.
                    silence.as_mut().reset(Instant::now() + within);
                }
                let silent = || Err(Failure::Silent(within.as_secs()));
                silence.as_mut().poll(context).map(|()| silent())
            })
            .await
        });
        if let Err(failure) = &answered {
            self.broken |= failure.spoils_connection();
        }
        answered
    }

    /// Ends at the server what nobody here waits for any more: it would hold its locks, and one of the connections that
    /// the server has.
    fn cancel(&self) {
        let Some(runtime) = &self.runtime else { return };
        let token = self.client.cancel_token();
        let cancelling = async {
            match self.tls.clone() {
                Some(tls) => token.cancel_query(tls).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        // Whoever cannot be told either finds out when the network says so.
        let _ = runtime.block_on(async { tokio::time::timeout(CANCEL_TIMEOUT, cancelling).await });
    }

    /// Runs statements that take no values.
    pub(super) fn execute(&mut self, statements: &str) -> Result<(), Failure> {
        self.ask(async |client| client.batch_execute(statements).await)
    }

    /// Begins a transaction: a server that takes more than a moment for that is not there.
    fn begin(&mut self, begin: &str) -> Result<(), Failure> {
        self.be_quick(ANSWER_TIMEOUT);
        let begun = self.execute(begin);
        self.be_usual();
        begun
    }

    /// The statement of a text whose values are `?1`, `?2` and so on: here they are called `$1`.
    pub(super) fn prepared(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let renamed = sql.replace('?', "$");
        let statement = self.ask(async |client| client.prepare(&renamed).await)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

async fn connect(
    host: &tokio_postgres::Config,
    tls: Option<&MakeTls>,
) -> Result<(Client, Driver), tokio_postgres::Error> {
    Ok(match tls {
        Some(tls) => {
            let (client, connection) = host.connect(tls.clone()).await?;
            (client, Box::pin(connection))
        }
        None => {
            let (client, connection) = host.connect(NoTls).await?;
            (client, Box::pin(connection))
        }
    })
}

impl Drop for Link {
    /// Perhaps on a thread that must not block.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Opens connections to the one of some servers that takes writes.
#[derive(Clone)]
pub(super) struct Connector {
    config: PostgresConfig,
    tls: Option<MakeTls>,
    /// The host that took them last: the others are asked only if it does not any more.
    last: Arc<AtomicUsize>,
}

impl Connector {
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, StoreError> {
        Ok(Self {
            config: config.clone(),
            tls: MakeTls::new(&config.tls)?,
            last: Arc::default(),
        })
    }

    pub(super) fn connect(&self) -> Result<Link, StoreError> {
        let hosts = &self.config.hosts;
        let first = self.last.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for place in (first..hosts.len()).chain(0..first) {
            match Link::open(&hosts[place], self.tls.as_ref()) {
                Ok(link) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(link);
                }
                Err(failure) if hosts.len() == 1 => failures.push(failure.to_string()),
                Err(failure) => failures.push(format!("{}: {failure}", name(&hosts[place]))),
            }
        }
        Err(StoreError::unavailable(format_args!(
            "{} cannot be reached: {}",
            self.config,
            failures.join("; ")
        )))
    }

    /// Begins a transaction, on this connection if it still works and else on a new one.
    pub(super) fn begin(&self, kept: Option<Link>, begin: &str) -> Result<Link, StoreError> {
        if let Some(mut link) = kept
            && !link.is_broken()
        {
            match link.begin(begin) {
                Ok(()) => return Ok(link),
                Err(failure) => tracing::info!(%failure, "connecting to PostgreSQL anew"),
            }
        }
        let mut link = self.connect()?;
        link.begin(begin)?;
        Ok(link)
    }
}

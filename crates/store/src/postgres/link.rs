//! A connection that is driven by the thread that uses it: while nobody asks, nothing happens on it.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls, Statement};

use super::config::PostgresConfig;
use super::failure::{Failure, Remedy};
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

/// How each connection is set up, as far as the server knows these settings. A commit has to be on the disk before it is
/// answered, whatever the server's own setting is, and a statement ends when its connection does.
const SETTINGS: &str = "SELECT set_config(wanted.name, wanted.value, false)
    FROM (VALUES ('statement_timeout', $1), ('lock_timeout', $2), ('idle_in_transaction_session_timeout', $3),
                 ('client_connection_check_interval', '1000'), ('TimeZone', 'UTC'), ('client_min_messages', 'warning'),
                 ('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                       ELSE current_setting('synchronous_commit') END))
         AS wanted (name, value)
    JOIN pg_settings ON lower(pg_settings.name) = lower(wanted.name)";

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
    /// How long an answer is waited for.
    patience: Duration,
    broken: bool,
}

impl Link {
    /// Connects. Blocks.
    pub(super) fn open(config: &PostgresConfig, tls: Option<&MakeTls>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::System)?;
        let connecting = async {
            let (client, driver): (Client, Driver) = match tls {
                Some(tls) => {
                    let (client, connection) = config.connection.connect(tls.clone()).await?;
                    (client, Box::pin(connection))
                }
                None => {
                    let (client, connection) = config.connection.connect(NoTls).await?;
                    (client, Box::pin(connection))
                }
            };
            Ok::<_, tokio_postgres::Error>((client, driver))
        };
        let within = config
            .connection
            .get_connect_timeout()
            .copied()
            .unwrap_or_default()
            * 2;
        let connected = runtime.block_on(async { tokio::time::timeout(within, connecting).await });
        let (client, driver) = connected.map_err(|_| Failure::Silent(within.as_secs()))??;
        let mut link = Self {
            runtime: Some(runtime),
            client,
            driver: Some(driver),
            abandoned: None,
            statements: HashMap::new(),
            patience: STATEMENT_TIMEOUT + ANSWER_TIMEOUT,
            broken: false,
        };
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let values = [STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_TIMEOUT].map(milliseconds);
        let [statement, lock, idle] = &values;
        link.ask(async |client| client.query(SETTINGS, &[statement, lock, idle]).await)?;
        Ok(link)
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

    /// Waits as long as usual.
    pub(super) fn be_usual(&mut self) {
        self.patience = STATEMENT_TIMEOUT + ANSWER_TIMEOUT;
    }

    /// Gives up whatever is asked as soon as the other end of this is gone.
    pub(super) fn abandon_with(&mut self, abandoned: Option<oneshot::Receiver<()>>) {
        self.abandoned = abandoned;
    }

    /// Asks something of the server and waits for the answer.
    pub(super) fn ask<T>(
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
                if silence.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(Failure::Silent(within.as_secs())));
                }
                if let Some(receiver) = abandoned
                    && Pin::new(receiver).poll(context).is_ready()
                {
                    return Poll::Ready(Err(Failure::Abandoned));
                }
                Poll::Pending
            })
            .await
        });
        if let Err(failure) = &answered {
            self.broken |= failure.remedy() == Remedy::Reconnect;
        }
        answered
    }

    /// Runs statements that take no values.
    pub(super) fn execute(&mut self, statements: &str) -> Result<(), Failure> {
        self.ask(async |client| client.batch_execute(statements).await)
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

impl Drop for Link {
    /// Perhaps on a thread that must not block.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Opens connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    config: PostgresConfig,
    tls: Option<MakeTls>,
}

impl Connector {
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, StoreError> {
        Ok(Self {
            config: config.clone(),
            tls: MakeTls::new(&config.tls)?,
        })
    }

    pub(super) fn connect(&self) -> Result<Link, StoreError> {
        Link::open(&self.config, self.tls.as_ref()).map_err(|failure| {
            StoreError::unavailable(format_args!("{} cannot be reached: {failure}", self.config))
        })
    }

    /// Begins a transaction, on this connection if it still works and else on a new one.
    pub(super) fn begin(&self, kept: Option<Link>, begin: &str) -> Result<Link, StoreError> {
        if let Some(mut link) = kept
            && !link.is_broken()
        {
            match link.execute(begin) {
                Ok(()) => return Ok(link),
                Err(failure) => tracing::info!(%failure, "connecting to PostgreSQL anew"),
            }
        }
        let mut link = self.connect()?;
        link.execute(begin)?;
        Ok(link)
    }
}

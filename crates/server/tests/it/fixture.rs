//! A server with a store in a temporary directory, and a client for it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use app::App;
use domain::time::Timestamp;
use private_postgres::Database;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use server::{Clock, Limits, Random, Running, Server, ServerConfig};
use store::StoreConfig;
use tempfile::TempDir;

/// A clock that stands still.
pub(crate) struct TestClock(Timestamp);

impl TestClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(text.parse().unwrap()))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The clock that the client judges certificates by.
pub(crate) struct WallClock;

impl Clock for WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the client looks at the wall clock, so the certificate must fit it"
    )]
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().try_into().unwrap()
    }
}

pub(crate) struct TestRandom;

impl Random for TestRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place of the tests' randomness"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

/// A data directory, and the store that belongs to it: embedded, or in PostgreSQL if that is what this run is about.
pub(crate) struct DataDirectory {
    directory: TempDir,
    store: StoreConfig,
    /// Dropped with this.
    _database: Option<Database<'static>>,
}

impl DataDirectory {
    pub(crate) fn new() -> Self {
        Self::of(Database::of_this_run(open_once))
    }

    /// One whose store is in PostgreSQL, which several servers share, whatever this run is about; none where it is missing.
    pub(crate) fn shared() -> Option<Self> {
        Some(Self::of(Some(Database::opened(open_once)?)))
    }

    /// One whose store is somewhere else.
    pub(crate) fn with(store: StoreConfig) -> Self {
        Self {
            store,
            ..Self::of(None)
        }
    }

    fn of(database: Option<Database<'static>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = match &database {
            Some(database) => database.url().parse().unwrap(),
            None => server::embedded_store(directory.path()),
        };
        Self {
            directory,
            store,
            _database: database,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn store(&self) -> StoreConfig {
        self.store.clone()
    }
}

fn open_once(url: &str) {
    drop(store::open(&url.parse().unwrap()).unwrap());
}

/// A running server, with an operator and a client.
pub(crate) struct House {
    pub(crate) client: reqwest::Client,
    pub(crate) operator: String,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) running: Running,
    pub(crate) app: App,
    pub(crate) directory: DataDirectory,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let answer = Self {
            status,
            headers,
            body,
        };
        if answer.status.is_client_error() || answer.status.is_server_error() {
            super::codes::is_listed(answer.code());
        }
        answer
    }

    /// The code of an envelope.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("expected an envelope: {self:?}"))
    }

    pub(crate) fn target(&self) -> &str {
        self.body["error"]["target"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// This answer, if it has the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// This answer, if it is this refusal.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{self:?}");
        self
    }
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_in(DataDirectory::new(), limits).await
    }

    pub(crate) async fn start_in(directory: DataDirectory, limits: Limits) -> Self {
        let clock = TestClock::at("2026-11-02T10:30:00Z");
        let app = server::open(directory.store(), clock.clone(), Arc::new(TestRandom))
            .await
            .unwrap();
        Self::start_app(directory, clock, app, limits).await
    }

    pub(crate) async fn start_app(
        directory: DataDirectory,
        clock: Arc<TestClock>,
        app: App,
        limits: Limits,
    ) -> Self {
        Self::start_as(directory, clock, app, |config| ServerConfig { limits, ..config }).await
    }

    /// A server whose configuration is changed before it starts.
    pub(crate) async fn start_as(
        directory: DataDirectory,
        clock: Arc<TestClock>,
        app: App,
        change: impl FnOnce(ServerConfig) -> ServerConfig,
    ) -> Self {
        let operator = server::admit_operator(&app, "tests").await.unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig::new(directory.path().to_owned(), listen, Arc::new(WallClock));
        let running = Server::start(change(config), app.clone()).await.unwrap();
        let client = client(&running).build().unwrap();
        Self {
            client,
            operator,
            clock,
            running,
            app,
            directory,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}", self.running.url(), path.trim_start_matches('/'))
    }

    /// A request of the operator.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, self.url(path))
            .bearer_auth(&self.operator)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }
}

/// A client that trusts a server, and nobody else.
pub(crate) fn client(running: &Running) -> reqwest::ClientBuilder {
    let ca = reqwest::Certificate::from_pem(running.ca_certificate_pem().unwrap().as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([ca])
}

/// Ids of one kind, told apart by their last digits.
pub(crate) fn id(kind: char, number: u32) -> String {
    let kind = String::from(kind).repeat(8);
    format!("{kind}-0000-4000-8000-{number:012}")
}

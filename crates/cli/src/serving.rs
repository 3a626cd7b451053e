//! `serve`: the server in this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use server::{
    App, Clock, ExternalIssuer, IdentityConfig, OpenError, Running, Server, ServerConfig, StartError,
    StoreConfig, StoreError, Tls, WebhooksConfig,
};

use crate::args::{IdentityArgs, LISTEN, ServeArgs, ServeSettings};
use crate::configuration::{Configuration, FILE};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::init::{is_initialised, not_initialised};
use crate::long_running::{Sayings, Stop, log_to_standard_error};
use crate::platform::Belonging;
use crate::printer::Printer;
use crate::settings::small_text;

/// Where a server answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listening<'a> {
    url: &'a str,
    address: String,
    /// The file to trust, where the certificate is self-made.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_certificate: Option<String>,
    /// Where it keeps what it is told.
    store: String,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// If it cannot start, or its listener fails.
pub(crate) async fn serve(args: ServeArgs, printer: &Printer) -> Result<(), Failure> {
    let ServeArgs {
        data,
        store,
        settings,
    } = args;
    if !is_initialised(&data)? {
        return Err(not_initialised(&data));
    }
    let Configuration { store, serve, .. } = Configuration::of(&data, &store, printer)?;
    let settings = settings.or(serve);
    log_to_standard_error(settings.log.as_deref(), settings.log_format)?;
    let sayings = Sayings::beside(settings.log_format, printer);
    // Before anybody can read that it listens, and stop it: a signal that nobody listens for ends it at once.
    let stop = Stop::listen()?;
    let app = open_made(&store, &data).await?;
    let belonging = Belonging::of(&app, &store, &data).await?;
    // A directory of an earlier version does not say yet where it belongs. A mounted one may never.
    if let Err(failure) = belonging.write_down() {
        sayings.warning(&format!("{} It goes without it.", failure.what()));
    }
    let config = config(data.clone(), settings)?;
    let running = Server::start(config, app).await.map_err(not_started)?;
    announce(&running, (&data, &store), &sayings, printer)?;
    stop.told().await;
    sayings.note("Stopping: requests in flight are finished first.");
    running
        .shutdown()
        .await
        .map_err(|error| Failure::new("The listener failed.").because(error.to_string()))?;
    sayings.note("Stopped.");
    Ok(())
}

fn config(data: PathBuf, settings: ServeSettings) -> Result<ServerConfig, Failure> {
    let tls = match (settings.tls_cert, settings.tls_key) {
        (Some(certificate), Some(key)) => Tls::Own { certificate, key },
        _ => Tls::SelfMade {
            host_names: settings.host_name,
        },
    };
    let listen = settings.listen.unwrap_or(LISTEN);
    Ok(ServerConfig {
        public_url: settings.public_url,
        tls,
        webhooks: WebhooksConfig {
            to_private_networks: settings.webhooks_to_private_networks,
            ..WebhooksConfig::default()
        },
        identity: identity(settings.identity)?,
        ..ServerConfig::new(data, listen, Arc::new(SystemClock))
    })
}

fn identity(args: IdentityArgs) -> Result<IdentityConfig, Failure> {
    let IdentityArgs {
        audiences,
        external_issuers,
        access_token_lifetime,
        refresh_token_lifetime,
    } = args;
    let external_issuers = external_issuers.as_deref().map(issuers).transpose()?;
    let usual = IdentityConfig::default();
    Ok(IdentityConfig {
        audiences,
        external_issuers: external_issuers.unwrap_or_default(),
        access_token_lifetime: access_token_lifetime.unwrap_or(usual.access_token_lifetime),
        refresh_token_lifetime: refresh_token_lifetime.unwrap_or(usual.refresh_token_lifetime),
    })
}

fn issuers(file: &Path) -> Result<Vec<ExternalIssuer>, Failure> {
    ExternalIssuer::read_list(&small_text(file)?).map_err(|error| {
        Failure::new(format!("{} cannot be used.", file.display()))
            .coded("UnusableFile")
            .because(error.to_string())
            .hint(
                "Expected a list such as [{\"issuer\": \"https://login.example\", \"audiences\": [\"api://bills\"], \
                 \"tenantIds\": [\"d0000000-0000-4000-8000-0000000000ee\"]}].",
            )
    })
}

fn announce(
    running: &Running,
    (data, store): (&Path, &StoreConfig),
    sayings: &Sayings<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    let ca = Tls::ca_certificate_path(data).display().to_string();
    let listening = Listening {
        url: running.url().trim_end_matches('/'),
        address: running.address().to_string(),
        ca_certificate: running.ca_certificate_pem().map(|_| ca),
        store: store.to_string(),
    };
    sayings.note(&format!("listening on {} ({})", listening.url, listening.address));
    if let Some(ca) = &listening.ca_certificate {
        sayings.note(&format!("CA certificate: {ca}"));
    }
    sayings.note(&format!("The store is {store}."));
    sayings.note("Stop it with Ctrl-C.");
    printer.show_to_programs(&listening)
}

/// Opens a store, for use-cases that go by this clock.
///
/// # Errors
/// If it cannot be opened, or is not what it was.
pub(crate) async fn open(store: &StoreConfig, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let opened = server::open(store.clone(), clock, Arc::new(SystemRandom)).await;
    opened.map_err(|error| not_opened(store, &error))
}

/// Opens the store of a data directory that was made whole, and so the store with it.
///
/// # Errors
/// `StoreEmpty`, and nothing is made or entered there; or if it cannot be opened, or is not what it was.
pub(crate) async fn open_made(store: &StoreConfig, data: &Path) -> Result<App, Failure> {
    // Opening would make one, which would be in the way of whoever brings the right one back.
    if !server::is_made(store.clone()).await {
        return Err(store_empty(store, data));
    }
    let opened = server::open_made(store.clone(), Arc::new(SystemClock), Arc::new(SystemRandom)).await;
    let app = opened.map_err(|error| not_opened(store, &error))?;
    if app.has_operators() {
        Ok(app)
    } else {
        Err(store_empty(store, data))
    }
}

fn not_opened(store: &StoreConfig, error: &OpenError) -> Failure {
    let failure = Failure::new(format!("The store cannot be opened: {store}.")).because(error.to_string());
    match error {
        OpenError::BooksMissing(_) => failure.coded("BooksMissing").hint(
            "Nothing was changed. Restore books and usage together, from one backup: of the embedded store all of store/ \
             (books.db and usage.db, and the files books.db-wal and usage.db-wal where the backup has them), of a database \
             elsewhere all of it.",
        ),
        OpenError::Store(part @ (StoreError::FileMissing { .. } | StoreError::FileEmpty { .. } | StoreError::TablesMissing { .. })) => {
            let (code, hint) = part_missing(part);
            failure.coded(code).hint(hint)
        }
        OpenError::Store(StoreError::NewerSchema { .. }) => failure.coded("NewerStore"),
        OpenError::Store(StoreError::OfOthers { .. }) => failure
            .coded("DatabaseNotEmpty")
            .hint("Nothing was changed. Make a database that is for Meterbridge alone, and name that one."),
        OpenError::Store(StoreError::Corrupt { .. }) => failure
            .coded("StoreDamaged")
            .hint(
                "Stop whatever uses it and keep a copy of it as it is. `meterbridge audit verify` says all that is damaged; \
                 restore the newest backup of which it says that nothing differs. Stacks deliver again what came later.",
            ),
        OpenError::Store(StoreError::Unfinished { .. }) => failure
            .coded("UnfinishedCopy")
            .hint("Run `meterbridge store copy` again, from the same source: it goes on where it ended."),
        OpenError::Store(StoreError::InUse { .. }) => failure.coded("StoreInUse").hint(store.needs()),
        _ => failure.coded("StoreUnavailable").hint(store.needs()),
    }
}

/// The code of the failure that a part of a store is not there any more, and what to do about it.
pub(crate) fn part_missing(error: &StoreError) -> (&'static str, &'static str) {
    if let StoreError::TablesMissing { .. } = error {
        return (
            "TableMissing",
            "Nothing was changed. Restore a dump of the whole database into another one, and name that one: books and usage belong \
             together. Stacks deliver again what came later, and nothing is counted twice.",
        );
    }
    (
        "FileMissing",
        "Nothing was changed. Bring the file back from where it went, with the one of the same name that ends in -wal if there is \
         one. Where it is lost, restore all of store/ from one backup: books and usage belong together. Stacks deliver again what \
         came later, and nothing is counted twice.",
    )
}

/// The failure that nothing is in the store of a data directory that was made whole: it was made with another one.
fn store_empty(store: &StoreConfig, data: &Path) -> Failure {
    let data = data.display();
    Failure::new(format!("The store is empty, and {data} was made with another one: {store}."))
        .coded("StoreEmpty")
        .hint(format!(
            "Name the store that it was made with, as --store, as METERBRIDGE_STORE or in {data}/{FILE}; or restore it from \
             a backup."
        ))
}

/// The failure that the server, or what it needs, is not there.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn not_started(error: StartError) -> Failure {
    Failure::new("The server does not start.").because(error.to_string())
}

//! `serve`: the server in this process.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use server::{ExternalIssuer, IdentityConfig, OpenError, Running, Server, ServerConfig, StartError, Tls};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::{IdentityArgs, LogFormat, ServeArgs};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::init::{is_initialised, not_initialised};
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
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// If it cannot start, or its listener fails.
pub(crate) async fn serve(args: ServeArgs, printer: &Printer) -> Result<(), Failure> {
    if !is_initialised(&args.data) {
        return Err(not_initialised(&args.data));
    }
    log_to_standard_error(&args)?;
    // Before anybody can read that it listens, and stop it: a signal that nobody listens for ends it at once.
    let stop = Stop::listen()?;
    let app = server::open(
        server::embedded_store(&args.data),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
    .await
    .map_err(not_opened)?;
    let data = args.data.clone();
    let running = Server::start(config(args)?, app).await.map_err(not_started)?;
    announce(&running, &data, printer)?;
    stop.told().await;
    printer.note("Stopping: requests in flight are finished first.");
    running
        .shutdown()
        .await
        .map_err(|error| Failure::new("The listener failed.").because(error.to_string()))?;
    printer.note("Stopped.");
    Ok(())
}

fn config(args: ServeArgs) -> Result<ServerConfig, Failure> {
    let tls = match (args.tls_cert, args.tls_key) {
        (Some(certificate), Some(key)) => Tls::Own { certificate, key },
        _ => Tls::SelfMade {
            host_names: args.host_name,
        },
    };
    Ok(ServerConfig {
        public_url: args.public_url,
        tls,
        identity: identity(args.identity)?,
        ..ServerConfig::new(args.data, args.listen, Arc::new(SystemClock))
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
    Ok(IdentityConfig {
        audiences,
        external_issuers: external_issuers.unwrap_or_default(),
        access_token_lifetime,
        refresh_token_lifetime,
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

fn announce(running: &Running, data: &Path, printer: &Printer) -> Result<(), Failure> {
    let ca = Tls::ca_certificate_path(data).display().to_string();
    let listening = Listening {
        url: running.url().trim_end_matches('/'),
        address: running.address().to_string(),
        ca_certificate: running.ca_certificate_pem().map(|_| ca),
    };
    printer.note(&format!("listening on {} ({})", listening.url, listening.address));
    if let Some(ca) = &listening.ca_certificate {
        printer.note(&format!("CA certificate: {ca}"));
    }
    printer.note("Stop it with Ctrl-C.");
    printer.show_to_programs(&listening)
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on the signals end nothing by themselves.
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::new("Signals cannot be received.").because(error.to_string()))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    async fn told(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn log_to_standard_error(args: &ServeArgs) -> Result<(), Failure> {
    let filter = EnvFilter::builder().parse(&args.log);
    let filter = filter.map_err(|error| {
        Failure::usage(format!("'{}' does not say what to log.", args.log))
            .because(error.to_string())
            .hint("Give a level (error, warn, info, debug, trace), or levels per part such as `warn,server=debug`.")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let begun = match args.log_format {
        LogFormat::Text => log
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    begun.map_err(|error| Failure::new("Logging cannot begin.").because(error.to_string()))
}

/// The failure that the data directory cannot be opened.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn not_opened(error: OpenError) -> Failure {
    let failure = Failure::new("The data directory cannot be opened.").because(error.to_string());
    if matches!(error, OpenError::BooksMissing(_)) {
        return failure.coded("BooksMissing").hint(
            "Nothing was changed. Restore all of store/ from one backup: books.db and usage.db, and the files \
             books.db-wal and usage.db-wal where the backup has them.",
        );
    }
    failure.hint("One process at a time may have it open; it has to be readable and writable for this one.")
}

/// The failure that the server, or what it needs, is not there.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn not_started(error: StartError) -> Failure {
    Failure::new("The server does not start.").because(error.to_string())
}

//! `init` and `serve`: the server in this process.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use server::{OpenError, Running, Server, ServerConfig, StartError, Tls};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::{InitArgs, LogFormat, ServeArgs};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::printer::Printer;

/// A file in the data directory that is there when it has been made whole.
const MARK: &str = "initialised";

/// What `init` made. The one place where a credential is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialised<'a> {
    operator: &'a str,
    credential: String,
    data_directory: String,
    ca_certificate: String,
}

/// Makes a data directory, or adds a credential to one.
///
/// # Errors
/// If it was made before, cannot be written, or a server has it open.
pub(crate) async fn init(args: InitArgs, printer: &Printer) -> Result<(), Failure> {
    let InitArgs {
        data,
        operator,
        new_credential,
    } = args;
    match (is_initialised(&data), new_credential) {
        (true, false) => return Err(already_initialised(&data)),
        (false, true) => return Err(not_initialised(&data)),
        _ => {}
    }
    make_private_directory(&data).map_err(|error| Failure::file(&data, &error))?;
    let app = server::open(&data, Arc::new(SystemClock), Arc::new(SystemRandom))
        .await
        .map_err(not_opened)?;
    let loopback = ([127, 0, 0, 1], 0).into();
    Server::prepare(&ServerConfig::new(data.clone(), loopback, Arc::new(SystemClock)))
        .await
        .map_err(not_started)?;
    let credential = server::admit_operator(&app, &operator).await;
    let credential = credential
        .map_err(|error| Failure::new("No credential could be made.").because(error.to_string()))?;
    let mark = data.join(MARK);
    fs::write(&mark, "").map_err(|error| Failure::file(&mark, &error))?;

    let ca = Tls::ca_certificate_path(&data);
    let (directory, ca) = (data.display().to_string(), ca.display().to_string());
    printer.note(&format!(
        "The data directory is {directory}, the CA certificate {ca}."
    ));
    printer.note(&format!(
        "The credential of operator \"{operator}\" follows. It is shown this once: keep it safe."
    ));
    let made = Initialised {
        operator: &operator,
        credential,
        data_directory: directory,
        ca_certificate: ca,
    };
    printer.show(&made, || made.credential.clone())?;
    printer.hint(&format!(
        "Run the server with `meterbridge serve --data {0}`. Where you work with it, set METERBRIDGE_CREDENTIAL to the \
         credential and METERBRIDGE_CA to a copy of {1}.",
        made.data_directory, made.ca_certificate
    ));
    Ok(())
}

fn is_initialised(data: &Path) -> bool {
    data.join(MARK).exists()
}

fn already_initialised(data: &Path) -> Failure {
    Failure::new(format!("{} is initialised already, and nothing in it was changed.", data.display())).hint(
        "Run the server with `meterbridge serve`. If the credential is lost, stop the server and make another with \
         `meterbridge init --new-credential`.",
    )
}

fn not_initialised(data: &Path) -> Failure {
    Failure::new(format!("{} is not initialised.", data.display())).hint(format!(
        "Make it with `meterbridge init --data {}`.",
        data.display()
    ))
}

fn make_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
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
    let app = server::open(&args.data, Arc::new(SystemClock), Arc::new(SystemRandom))
        .await
        .map_err(not_opened)?;
    let data = args.data.clone();
    let running = Server::start(config(args), app).await.map_err(not_started)?;
    announce(&running, &data, printer);
    told_to_stop().await?;
    printer.note("Stopping: requests in flight are finished first.");
    running
        .shutdown()
        .await
        .map_err(|error| Failure::new("The listener failed.").because(error.to_string()))?;
    printer.note("Stopped.");
    Ok(())
}

fn config(args: ServeArgs) -> ServerConfig {
    let tls = match (args.tls_cert, args.tls_key) {
        (Some(certificate), Some(key)) => Tls::Own { certificate, key },
        _ => Tls::SelfMade {
            host_names: args.host_name,
        },
    };
    ServerConfig {
        public_url: args.public_url,
        tls,
        ..ServerConfig::new(args.data, args.listen, Arc::new(SystemClock))
    }
}

fn announce(running: &Running, data: &Path, printer: &Printer) {
    printer.note(&format!(
        "listening on {} ({})",
        running.url().trim_end_matches('/'),
        running.address()
    ));
    if running.ca_certificate_pem().is_some() {
        printer.note(&format!(
            "CA certificate: {}",
            Tls::ca_certificate_path(data).display()
        ));
    }
    printer.note("Stop it with Ctrl-C.");
}

/// Waits for SIGINT or SIGTERM.
async fn told_to_stop() -> Result<(), Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::new("Signals cannot be received.").because(error.to_string()))
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
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

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn not_opened(error: OpenError) -> Failure {
    let failure = Failure::new("The data directory cannot be opened.").because(error.to_string());
    failure.hint("One process at a time may have it open; it has to be readable and writable for this one.")
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn not_started(error: StartError) -> Failure {
    Failure::new("The server does not start.").because(error.to_string())
}

//! What is common to processes that run until they are told to stop: how they are told, and their log.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::failure::Failure;
use crate::printer::Printer;

/// What is logged by a process that is told nothing else.
const LOG: &str = "info";

/// SIGINT and SIGTERM.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on the signals end nothing by themselves.
    ///
    /// # Errors
    /// If signals cannot be received.
    pub(crate) fn listen() -> Result<Self, Failure> {
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
    pub(crate) async fn told(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a process says of itself while it runs: for people, or in its log where programs read that from the same place.
pub(crate) struct Sayings<'p> {
    printer: &'p Printer,
    in_log: bool,
}

impl<'p> Sayings<'p> {
    /// Beside a log of this format. In a log in JSON a failure that ends the process is JSON, too.
    pub(crate) fn beside(format: Option<LogFormat>, printer: &'p Printer) -> Self {
        let in_log = matches!(format, Some(LogFormat::Json));
        if in_log {
            printer.fail_as_json();
        }
        Self { printer, in_log }
    }

    /// Says something in passing.
    pub(crate) fn note(&self, text: &str) {
        if self.in_log {
            tracing::info!("{text}");
        } else {
            self.printer.note(text);
        }
    }

    /// Says what needs attention.
    pub(crate) fn warning(&self, text: &str) {
        if self.in_log {
            tracing::warn!("{text}");
        } else {
            self.printer.warning(text);
        }
    }
}

/// Logs to standard error what a filter such as `warn,server=debug` lets through.
///
/// # Errors
/// If there is no such filter.
pub(crate) fn log_to_standard_error(filter: Option<&str>, format: Option<LogFormat>) -> Result<(), Failure> {
    let wanted = filter.unwrap_or(LOG);
    let filter = EnvFilter::builder().parse(wanted);
    let filter = filter.map_err(|error| {
        Failure::usage(format!("'{wanted}' does not say what to log."))
            .because(error.to_string())
            .hint("Give a level (error, warn, info, debug, trace), or levels per part such as `warn,server=debug`.")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let begun = match format.unwrap_or(LogFormat::Text) {
        LogFormat::Text => log
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    begun.map_err(|error| Failure::new("Logging cannot begin.").because(error.to_string()))
}

//! `bridge`: what is done on a stack's side.

mod backfill;
mod bundles;
mod check;
mod configuration;
mod directories;
mod status;

use std::sync::Arc;

use bridge::{Bridge, Environment, LocalDisk, RuntimeTimer, Trouble};
use serde::Serialize;

use crate::args::{BridgeCommand, BridgeRunArgs};
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::long_running::{Sayings, Stop, log_to_standard_error};
use crate::printer::Printer;

/// What a bridge works for, and where it can be seen how it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    stacks: Vec<String>,
    server: String,
    spool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
}

/// Carries a command out.
///
/// # Errors
/// If it cannot be.
pub(super) async fn bridge(command: BridgeCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        BridgeCommand::Run(args) => run(args, printer).await,
        BridgeCommand::Check(args) => check::check(args, printer).await,
        BridgeCommand::Status(args) => status::status(&args, printer),
        BridgeCommand::Backfill(args) => backfill::backfill(&args, printer).await,
        BridgeCommand::AdmitDirectory(args) => directories::admit(args, printer).await,
        BridgeCommand::RemoveDirectory(args) => directories::remove(args, printer).await,
        BridgeCommand::BundleKey(args) => bundles::key(args, printer),
        BridgeCommand::Export(args) => bundles::export(args, printer).await,
        BridgeCommand::AcceptReceipt(args) => bundles::accept(args, printer),
        BridgeCommand::Bundles(args) => bundles::list(args, printer),
    }
}

async fn run(args: BridgeRunArgs, printer: &Printer) -> Result<(), Failure> {
    log_to_standard_error(args.log.as_deref(), args.log_format)?;
    // Before anybody can read that it runs, and stop it: a signal that nobody listens for ends it at once.
    let stop = Stop::listen()?;
    let sayings = Sayings::beside(args.log_format, printer);
    let config = configuration::of_bridge(args.bridge)?;
    let mut running = Running {
        stacks: config.stacks.iter().map(|it| it.name.clone()).collect(),
        server: config.server.url.clone(),
        spool: config.spool_directory.display().to_string(),
        listen: None,
    };
    let bridge = Bridge::open(config, environment()).map_err(refused)?;
    running.listen = bridge.listens_at().map(|it| it.to_string());
    announce(&running, &sayings, printer)?;
    bridge.run(stop.told()).await.map_err(refused)?;
    sayings.note("Stopped. It goes on where it was when it is started again.");
    Ok(())
}

fn announce(running: &Running, sayings: &Sayings<'_>, printer: &Printer) -> Result<(), Failure> {
    let stacks = running.stacks.join(", ");
    sayings.note(&format!(
        "The bridge takes usage of {stacks} to {}.",
        running.server
    ));
    sayings.note(&format!("What waits to be delivered is in {}.", running.spool));
    if let Some(address) = &running.listen {
        sayings.note(&format!(
            "How it is: http://{address}/metrics and http://{address}/healthz"
        ));
    }
    sayings.note("Stop it with Ctrl-C.");
    printer.show_to_programs(running)
}

fn environment() -> Environment {
    Environment {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        timer: Arc::new(RuntimeTimer),
        disk: Arc::new(LocalDisk),
    }
}

/// What went wrong at the bridge.
fn refused(trouble: Trouble) -> Failure {
    Failure::new(trouble.message)
        .coded(trouble.code.into_owned())
        .hint(trouble.advice)
}

//! `meterbridge`: the one binary. Runs the server and the demonstration, and is an operator's hand at a server.
//!
//! [`args`] declares what can be said, [`settings`] finds out what follows from it, [`commands`], [`init`] and
//! [`serving`] do it,
//! and [`printer`] alone prints: data to standard output, everything else to standard error.

mod agreement;
mod args;
mod audit;
mod backups;
mod commands;
mod commands_of_routes;
mod configuration;
mod delivery_file;
mod demo;
mod environment;
mod failure;
mod figures;
mod init;
mod invoice;
mod long_running;
mod platform;
mod printer;
mod secrets;
mod serving;
mod settings;
mod shell;
mod sign_ins;
mod statement;
mod store_copy;
mod table;
mod usage_summary;

use std::process::ExitCode;

use crate::args::{AuditCommand, Command, CommandLine, SigningKeyCommand, StoreCommand};
use crate::failure::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    let CommandLine { output, command } = match args::parse(std::env::args_os()) {
        Ok(said) => said,
        Err(error) => return not_understood(&error),
    };
    let printer = Printer::standard(output.output, output.quiet, !output.no_color);
    match run(command, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints help, the version, or what is wrong with the command line; the latter as JSON where that was asked for.
fn not_understood(error: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX));
    match args::asked_format(std::env::args_os()) {
        Some(format) if error.use_stderr() => {
            let text = error.render().to_string();
            let what = text.trim().trim_start_matches("error: ");
            Printer::standard(format, true, false).failure(&Failure::usage(what));
        }
        // Who cannot be told cannot be told that either.
        _ => drop(error.print()),
    }
    code
}

fn run(command: Command, printer: &Printer) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new("The process cannot work.").because(error.to_string()))?;
    runtime.block_on(async {
        match command {
            Command::Init(args) => init::init(args, printer).await,
            Command::Serve(args) => serving::serve(args, printer).await,
            Command::Demo(args) => demo::run(args, printer).await,
            Command::SigningKey(SigningKeyCommand::Rotate(args)) => {
                init::rotate_signing_key(&args, printer).await
            }
            Command::Backup(args) => backups::backup(&args, printer),
            Command::Restore(args) => backups::restore(&args, printer).await,
            Command::Audit(AuditCommand::Verify(args)) => audit::verify(&args, printer),
            Command::Store(StoreCommand::Copy(args)) => store_copy::copy(&args, printer),
            at_server => commands::run(at_server, printer).await,
        }
    })
}

//! `meterbridge`: the one binary. Runs the server and the demonstration, and is an operator's hand at a server.
//!
//! [`args`] declares what can be said, [`settings`] finds out what follows from it, [`commands`] and [`serving`] do it,
//! and [`printer`] alone prints: data to standard output, everything else to standard error.

mod args;
mod commands;
mod delivery_file;
mod demo;
mod environment;
mod failure;
mod figures;
mod printer;
mod serving;
mod settings;
mod statement;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Command, CommandLine};
use crate::failure::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    let CommandLine { output, command } = CommandLine::parse();
    let printer = Printer::standard(output.output, output.quiet, !output.no_color);
    match run(command, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command, printer: &Printer) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new("The process cannot work.").because(error.to_string()))?;
    runtime.block_on(async {
        match command {
            Command::Init(args) => serving::init(args, printer).await,
            Command::Serve(args) => serving::serve(args, printer).await,
            Command::Demo(args) => demo::run(args, printer).await,
            at_server => commands::run(at_server, printer).await,
        }
    })
}

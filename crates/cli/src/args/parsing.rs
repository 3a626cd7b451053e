//! Command lines, understood or refused.

use std::ffi::OsString;

use clap::{Command, CommandFactory as _, Parser as _};

use super::CommandLine;

/// What was said, the name of the program first.
///
/// # Errors
/// If it is not understood, or if help or the version was asked for. What is wrong is told with the usage that help
/// shows, too. The parser's own repeats the options that the environment supplies, as if a credential had to be on the
/// command line.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let arguments: Vec<OsString> = arguments.collect();
    CommandLine::try_parse_from(&arguments).map_err(|error| {
        let mut command = CommandLine::command();
        command.build();
        let told = with_usage_of_help(command).try_get_matches_from(&arguments);
        told.err().unwrap_or(error)
    })
}

fn with_usage_of_help(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    command.mut_subcommands(with_usage_of_help).override_usage(usage)
}

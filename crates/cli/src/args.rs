//! What can be said on the command line. Declarations only: what follows from them is in `settings` and `commands`.

mod registration;
mod serving;
mod texts;
mod trade;
mod usage;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

pub(crate) use registration::{
    BillingModel, OperatedBy, RegisterArgs, RegistrationCommand, TenantCommand, TokenArgs,
};
pub(crate) use serving::{InitArgs, LogFormat, ServeArgs};
pub(crate) use trade::{
    CustomerCommand, MeterCommand, PartnerCommand, PartnerKind, PriceListCommand, SubscriptionCommand,
    SubscriptionKind,
};
pub(crate) use usage::{ImportArgs, StackCommand, StatementCommand, UsageCommand};

use crate::demo::DemoArgs;
use crate::printer::Format;

const AFTER_HELP: &str = "\
First steps:
  meterbridge demo                          see the whole job done on a simulated month
  meterbridge init --data ./data            make a data directory and an operator's credential
  meterbridge serve --data ./data           run the server

Data goes to standard output, everything else to standard error.
Exit codes: 0 done, 1 failed, 2 the command line was not understood.";

/// Usage of Azure Stack, registered, attributed, rated and billed to the right subscription.
#[derive(Debug, Parser)]
#[command(name = "meterbridge", version, after_help = AFTER_HELP, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the outcome is shown.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// How data is written.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    #[arg(help_heading = "Output")]
    pub(crate) output: Format,
    /// Say nothing but data, warnings and errors.
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// No colours, not even on a terminal.
    #[arg(
        long,
        global = true,
        env = "NO_COLOR",
        hide_env_values = true,
        help_heading = "Output"
    )]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(crate) no_color: bool,
}

/// Everything that can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a data directory with its keys, its CA, and an operator's credential.
    Init(InitArgs),
    /// Run the server.
    Serve(ServeArgs),
    /// See the whole job done, on a simulated month, without any set-up.
    Demo(DemoArgs),
    /// Ask which kind of subscription a stack is best registered with, and why.
    Advice(AdviceArgs),
    /// Partners: who sells.
    Partner(AtServer<PartnerCommand>),
    /// Customers: who buys, and their directory tenants.
    Customer(AtServer<CustomerCommand>),
    /// Subscriptions: what can be charged.
    Subscription(AtServer<SubscriptionCommand>),
    /// Registrations: which stack is charged to which subscription.
    Registration(AtServer<RegistrationCommand>),
    /// Tenants of a stack whose usage is charged to customers' subscriptions.
    Tenant(AtServer<TenantCommand>),
    /// Stacks: what they delivered.
    Stack(AtServer<StackCommand>),
    /// Price lists.
    PriceList(AtServer<PriceListCommand>),
    /// Meters: what stacks measure and what is priced.
    Meter(AtServer<MeterCommand>),
    /// Usage: bring it in, and see what cannot be counted or charged as it should.
    Usage(AtServer<UsageCommand>),
    /// Statements: what each subscription owes.
    Statement(AtServer<StatementCommand>),
    /// Check that every law holds: no record lost, no usage lost, every sum agrees.
    Check(CheckArgs),
}

/// A command that is carried out by a server.
#[derive(Debug, Args)]
pub(crate) struct AtServer<C: Subcommand> {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// Which server, and who asks it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server's URL.
    #[arg(long, global = true, env = "METERBRIDGE_URL", value_name = "URL")]
    #[arg(default_value = "https://localhost:8443")]
    pub(crate) url: String,
    /// The CA certificate to trust (PEM), instead of those of the operating system.
    #[arg(long, global = true, env = "METERBRIDGE_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Where the operator's credential is: a file that holds nothing else.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "credential")]
    pub(crate) credential_file: Option<PathBuf>,
    /// The operator's credential. Better in the environment than here, where other users can see it.
    #[arg(
        long,
        global = true,
        env = "METERBRIDGE_CREDENTIAL",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub(crate) credential: Option<String>,
    /// The data directory of a server on this machine: its CA is trusted.
    #[arg(long, global = true, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
}

/// What is asked about a stack.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  meterbridge advice --operated-by reseller")]
pub(crate) struct AdviceArgs {
    /// Who operates the stack.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) operated_by: OperatedBy,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Leaves with 0 only if every law holds, so it can be run by a scheduler.

Example:
  meterbridge check --period 2026-10")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which month.
#[derive(Debug, Args)]
pub(crate) struct PeriodArgs {
    /// The billing period: a calendar month, UTC [default: this month].
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) period: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declarations_are_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_that_does_something_shows_an_example() {
        fn missing(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command
                    .get_subcommands()
                    .for_each(|inner| missing(inner, &path, found));
            } else if !command
                .get_after_help()
                .is_some_and(|help| help.to_string().contains("Example"))
            {
                found.push(path);
            }
        }
        let mut found = Vec::new();
        missing(&CommandLine::command(), "", &mut found);
        found.retain(|path| path != " meterbridge demo");
        assert_eq!(found, [""; 0]);
    }
}

//! What can be said on the command line. Declarations only: what follows from them is in `settings` and `commands`.

mod audit;
mod backup;
mod bill;
mod bridge;
mod budget;
mod bundles;
mod directory;
mod operator;
mod parsing;
mod quarantine;
mod registration;
mod role;
mod serving;
mod sign_in;
mod simulator;
mod store;
mod texts;
mod trade;
mod trusted;
mod usage;
mod webhook;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use audit::{AuditCommand, AuditVerifyArgs};
pub(crate) use backup::{BackupArgs, BackupCommand, RestoreArgs};
pub(crate) use bill::{
    BillCommand, ExplainArgs, InvoicesArgs, PrintArgs, PrintForm, ReconcileArgs, ReplayArgs, RunningArgs,
    SetCoresArgs, SetProfileArgs, SetTermsArgs, TraderArgs,
};
pub(crate) use bridge::{
    BackfillArgs, BridgeArgs, BridgeCheckArgs, BridgeCommand, BridgeRunArgs, BridgeStackArgs,
    BridgeStatusArgs, ConfigArgs, GuestDirectoryArgs, LocalBridgeArgs,
};
pub(crate) use budget::{BudgetCommand, SetBudgetArgs};
pub(crate) use bundles::{AcceptReceiptArgs, BundleKeyArgs, BundlesArgs, ExportArgs};
pub(crate) use directory::{
    ApplicationCommand, DirectoryCommand, GroupCommand, MemberArgs, PasswordArgs, UserCommand,
};
pub(crate) use operator::{OperatorCredentialCommand, RotateArgs, SigningKeyCommand};
pub(crate) use parsing::parse;
pub(crate) use quarantine::{ActArgs, PurgeArgs, QuarantineArgs, QuarantineCommand, ReleaseArgs, StateArg};
pub(crate) use registration::{
    BillingModel, OperatedBy, RegisterArgs, RegistrationCommand, TenantCommand, TokenArgs,
};
pub(crate) use role::{LockCommand, LockLevel, PrincipalKind, RoleCommand, RoleGivenArgs, WhomArgs};
#[cfg(test)]
pub(crate) use serving::GivenStore;
pub(crate) use serving::{IdentityArgs, InitArgs, LISTEN, LogFormat, ServeArgs, ServeSettings, StoreArgs};
pub(crate) use sign_in::{LoginArgs, LogoutArgs, WhoamiArgs};
pub(crate) use simulator::{SimulatorCommand, SimulatorServeArgs};
pub(crate) use store::{StoreCommand, StoreCopyArgs};
pub(crate) use texts::{access_token_lifetime, address, guid, refresh_token_lifetime};
pub(crate) use trade::{
    CustomerCommand, ImportPricesArgs, MeterCommand, PartnerCommand, PartnerKind, PriceListCommand,
    SubscriptionCommand, SubscriptionKind,
};
pub(crate) use trusted::Trusted;
pub(crate) use usage::{
    ActivationKeyArgs, CompletenessArgs, ImportArgs, StackCommand, StatementCommand, UsageCommand,
};
pub(crate) use webhook::{SetWebhookArgs, WebhookCommand};

use crate::demo::DemoArgs;
use crate::printer::Format;

/// The widest that help gets, in characters.
const TERM_WIDTH_MAX: usize = 100;

const AFTER_HELP: &str = "\
First steps:
  meterbridge demo                          see the whole job done on a simulated month
  meterbridge init --data ./data            make a data directory and an operator's credential
  meterbridge serve --data ./data           run the server
  meterbridge login                         sign in to a server

Data goes to standard output, everything else to standard error.
With --output json that is one JSON document, and an error is the last line on standard error:
  {\"error\": {\"code\": \"...\", \"message\": \"...\", \"target\": \"...\", \"causes\": [...], \"hint\": \"...\"}}

Exit codes:
  0  It is done.
  1  It was refused or it failed, or what was checked does not hold.
  2  The command line was not understood: nothing was tried.
  3  It is done, but not with all that was given.
  4  What is stored differs from what was taken in (`audit verify`).";

/// Usage of Azure Stack, registered, attributed, rated and billed to the right subscription.
#[derive(Debug, Parser)]
#[command(name = "meterbridge", version, after_help = AFTER_HELP, arg_required_else_help = true)]
#[command(max_term_width = TERM_WIDTH_MAX)]
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
    /// Sign in to a server; commands then go by it until you sign out.
    Login(LoginArgs),
    /// Sign out of a server.
    Logout(LogoutArgs),
    /// Show who you are at a server, and what you may do there.
    Whoami(WhoamiArgs),
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
    /// The bridge: what runs on a stack's side and takes its usage to a server.
    #[command(subcommand)]
    Bridge(BridgeCommand),
    /// Stacks that do not exist: to try things out.
    #[command(subcommand)]
    Simulator(SimulatorCommand),
    /// Price lists.
    PriceList(AtServer<PriceListCommand>),
    /// Meters: what stacks measure and what is priced.
    Meter(AtServer<MeterCommand>),
    /// Usage: bring it in, and see what cannot be counted or charged as it should.
    Usage(AtServer<UsageCommand>),
    /// Statements: what each subscription owes.
    Statement(AtServer<StatementCommand>),
    /// Bills: months that are closed, their invoices, and what these are reckoned by.
    Bill(AtServer<BillCommand>),
    /// Budgets: what is meant to be spent in a month, and how far that is.
    Budget(AtServer<BudgetCommand>),
    /// Directories: where users, applications and groups are kept that sign in.
    Directory(AtServer<DirectoryCommand>),
    /// Users: people who sign in.
    User(AtServer<UserCommand>),
    /// Applications: programs that sign in, with secrets and certificates.
    Application(AtServer<ApplicationCommand>),
    /// Groups: what is given to one, all its members have.
    Group(AtServer<GroupCommand>),
    /// Roles: who may do what, and where.
    Role(AtServer<RoleCommand>),
    /// Locks: what nobody may delete or change.
    Lock(AtServer<LockCommand>),
    /// Operators' credentials: what opens everything.
    OperatorCredential(AtServer<OperatorCredentialCommand>),
    /// Webhooks: who is told when a stack falls behind or uses other than usual, or a budget is reached.
    Webhook(AtServer<WebhookCommand>),
    /// The keys that sign the tokens of sign-ins.
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Back a data directory up, whether or not a server runs on it.
    Backup(BackupArgs),
    /// Make a data directory of a backup, and check all of it.
    Restore(RestoreArgs),
    /// Audits: whether anything that was taken in has been changed since.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Stores: where everything is kept.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check that every law holds: no record lost, no usage lost, every sum agrees.
    Check(CheckArgs),
    /// Print what a shell needs to complete commands and options.
    Completions(CompletionsArgs),
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
    /// First: whoever reads a value takes it, and where it came from with it.
    #[command(flatten)]
    pub(crate) trusted: Trusted,
    /// The server's URL.
    #[arg(long, global = true, env = "METERBRIDGE_URL", value_name = "URL")]
    #[arg(default_value = "https://localhost:8443")]
    pub(crate) url: String,
    /// The CA certificate to trust (PEM), instead of those of the operating system.
    #[arg(long, global = true, env = "METERBRIDGE_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Where the operator's credential is: the first line of a file. It wins over --credential and the environment, and
    /// these over a sign-in.
    #[arg(long, global = true, value_name = "FILE")]
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
    /// The data directory of a server on this machine: its CA is trusted, whatever METERBRIDGE_CA says.
    #[arg(long, global = true, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// Where sign-ins are kept [default: meterbridge in your directory of configurations].
    #[arg(long, global = true, env = "METERBRIDGE_CONFIG", value_name = "DIRECTORY")]
    pub(crate) config: Option<PathBuf>,
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

/// What is completed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  meterbridge completions bash > ~/.local/share/bash-completion/completions/meterbridge
  meterbridge completions zsh > ~/.zfunc/_meterbridge
  meterbridge completions fish > ~/.config/fish/completions/meterbridge.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: CompletedShell,
}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletedShell {
    /// The Bourne-again shell.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// Which month.
#[derive(Debug, Args)]
pub(crate) struct PeriodArgs {
    /// The billing period: a calendar month, UTC [default: this month].
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) period: Option<String>,
}

/// The format that a command line asks for that is otherwise not understood, if it says so.
pub(crate) fn asked_format(arguments: impl Iterator<Item = OsString>) -> Option<Format> {
    let arguments: Vec<String> = arguments.map(|it| it.to_string_lossy().into_owned()).collect();
    let following = arguments.iter().skip(1).map(Some).chain([None]);
    let mut named = arguments
        .iter()
        .zip(following)
        .filter_map(|(argument, next)| match argument.as_str() {
            "--output" | "-o" => next.map(String::as_str),
            other => other
                .strip_prefix("--output=")
                .or_else(|| other.strip_prefix("-o")),
        });
    named.find_map(|name| Format::from_str(name.trim_start_matches('='), true).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_format_of_a_command_line_that_is_not_understood_is_known() {
        for (line, expected) in [
            ("meterbridge statment -o json", Some(Format::Json)),
            ("meterbridge -ojson statment", Some(Format::Json)),
            ("meterbridge -o=ndjson statment", Some(Format::Ndjson)),
            ("meterbridge statment --output=json", Some(Format::Json)),
            ("meterbridge statment --output ndjson", Some(Format::Ndjson)),
            ("meterbridge statment --output xml", None),
            ("meterbridge statment --output", None),
            ("meterbridge statment", None),
        ] {
            let format = asked_format(line.split(' ').map(OsString::from));
            assert_eq!(format, expected, "{line}");
        }
    }

    #[test]
    fn the_declarations_are_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn no_argument_is_taken_for_one_of_every_command() {
        fn taken(command: &clap::Command, above: &[&str], found: &mut Vec<String>) {
            let ids = |global| {
                let own = command
                    .get_arguments()
                    .filter(move |it| it.is_global_set() == global);
                own.map(|it| it.get_id().as_str())
            };
            let hidden = ids(false).filter(|id| above.contains(id));
            found.extend(hidden.map(|id| format!("{} {id}", command.get_name())));
            let global: Vec<&str> = above.iter().copied().chain(ids(true)).collect();
            command
                .get_subcommands()
                .for_each(|inner| taken(inner, &global, found));
        }
        let mut found = Vec::new();
        taken(&CommandLine::command(), &[], &mut found);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn help_is_not_broken_into_lines_twice() {
        fn broken(command: &clap::Command, found: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string);
            let lines = help.iter().flat_map(|help| help.lines());
            let shown_badly = lines.filter(|line| {
                if line.starts_with(' ') {
                    line.len() > TERM_WIDTH_MAX
                } else {
                    !line.is_empty() && !line.ends_with(['.', ':'])
                }
            });
            found.extend(shown_badly.map(|line| format!("{}: {line}", command.get_name())));
            command.get_subcommands().for_each(|inner| broken(inner, found));
        }
        let mut found = Vec::new();
        broken(&CommandLine::command(), &mut found);
        assert_eq!(found, [""; 0], "paragraphs are one line, and examples fit");
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

//! `usage`, `stack` and `statement`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{PeriodArgs, texts};

/// What is done with usage.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Deliver what a stack's provider usage API returned.
    Import(ImportArgs),
    /// List usage that no tenant mapping claims: it falls to default subscriptions, or to nobody.
    #[command(after_help = "Example:\n  meterbridge usage unmapped --period 2026-10")]
    Unmapped {
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// List records that could not be read, with the reason.
    #[command(
        after_help = "The table shows the beginning of each record; with --output json, `raw` has all of it.\n\n\
                      Example:\n  meterbridge usage quarantine --stack 5bf881b2-6be7-42a1-9f47-d6fcb6737747"
    )]
    Quarantine {
        /// Of this stack only.
        #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
        stack: Option<String>,
    },
}

/// What is delivered.
#[derive(Debug, Args)]
#[command(after_help = "\
A file holds what the provider usage API returns: one page {\"value\": [...]}, several pages one after the other or in an \
array, the records alone in an array, or one record in each line; as it is or compressed with gzip or zstd. Numbers are \
passed on as they are written.
Usage is delivered with the stack's activation key. Without one, the operator's credential is used to fetch it.
Importing the same again is harmless: every record is recognised as a duplicate. So an import that was cut off is \
continued by repeating the same command.
A correction is recognised by its window, --reported-start. Of different quantities of the same usage, the one reported \
last counts, and of those reported at the same time the largest. So a correction to less takes effect only if its window \
is a later one: without the flag, a later hour. Import files of different windows one window at a time.

Examples:
  meterbridge usage import --cloud-id 5bf881b2-6be7-42a1-9f47-d6fcb6737747 \\
      --reported-start 2026-10-01T13:00:00Z 13.json
  curl ... | meterbridge usage import --activation-key-file stack.key \\
      --reported-start 2026-10-01T13:00:00Z -")]
pub(crate) struct ImportArgs {
    /// The files; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The stack [default: the one that the activation key is of].
    #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: Option<String>,
    #[command(flatten)]
    pub(crate) key: ActivationKeyArgs,
    /// The start of the window of reported time that the records were read from: their reported time, by which a correction is
    /// known to be later than what it corrects [default: the hour in which they are received].
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) reported_start: Option<String>,
    /// The end of that window.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour, requires = "reported_start")]
    pub(crate) reported_end: Option<String>,
    /// The stack has reported completely up to this hour. Declared when all deliveries have arrived, unless pages are
    /// missing.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) reported_through: Option<String>,
    /// How many records are delivered at a time, at most 10000.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch: u32,
    /// Leave with 1 if a record is put into quarantine. The others count all the same; nothing is declared complete.
    #[arg(long)]
    pub(crate) fail_on_quarantine: bool,
    /// Do not compress deliveries.
    #[arg(long)]
    pub(crate) no_compression: bool,
}

/// The stack's own credential.
#[derive(Debug, Args)]
pub(crate) struct ActivationKeyArgs {
    /// Where the stack's activation key is: a file that holds nothing else. It wins over --activation-key and the
    /// environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) activation_key_file: Option<PathBuf>,
    /// The stack's activation key. Better in the environment than here, where other users can see it.
    #[arg(
        long,
        env = "METERBRIDGE_ACTIVATION_KEY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub(crate) activation_key: Option<String>,
}

/// What is done with stacks.
#[derive(Debug, Subcommand)]
pub(crate) enum StackCommand {
    /// List registered stacks, and how far each has reported.
    #[command(after_help = "Example:\n  meterbridge stack list")]
    List,
    /// Tell the server which tenant each local subscription of a stack belongs to.
    #[command(after_help = "\
The file holds what the stack's Microsoft.Subscriptions.Admin/subscriptions returns; `-` is standard input:

  {\"value\": [
    {\"subscriptionId\": \"<LOCAL-SUBSCRIPTION-ID>\", \"tenantId\": \"<TENANT-ID>\", \"displayName\": \"Shop\"}
  ]}

What was listed before and is not in the file stays as it is.
An operator of the platform may do this, and whoever has the stack's activation key: `meterbridge \
registration activation-key` prints it.

Examples:
  meterbridge stack directory 5bf881b2-6be7-42a1-9f47-d6fcb6737747 subscriptions.json
  meterbridge stack directory 5bf881b2-6be7-42a1-9f47-d6fcb6737747 subscriptions.json \\
      --activation-key-file stack.key")]
    Directory {
        /// The stack.
        #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
        cloud_id: String,
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        key: ActivationKeyArgs,
    },
    /// List the receipts of what a stack delivered.
    #[command(after_help = "Example:\n  meterbridge stack receipts 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    Receipts {
        /// The stack.
        #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
        cloud_id: String,
    },
}

/// What is done with statements.
#[derive(Debug, Subcommand)]
pub(crate) enum StatementCommand {
    /// Show the running bill of one subscription.
    #[command(after_help = "\
Example:
  meterbridge statement show 0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10 --period 2026-10")]
    Show {
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// List what every charged subscription owes.
    #[command(after_help = "Example:\n  meterbridge statement list --period 2026-10")]
    List {
        #[command(flatten)]
        period: PeriodArgs,
    },
}

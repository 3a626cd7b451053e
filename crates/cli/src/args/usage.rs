//! `usage`, `stack` and `statement`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::completeness::{DeclaredOutside, may_declare};
use domain::time::Hour;

use super::{PeriodArgs, QuarantineArgs, texts};
use crate::failure::Failure;
use crate::usage_summary::{DateOrder, Zone};

/// What is done with usage.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Deliver what a stack's provider usage API returned, or the usage summary (CSV) that its script wrote.
    Import(ImportArgs),
    /// List usage that no tenant mapping claims: it falls to default subscriptions, or to nobody.
    #[command(after_help = "Example:\n  meterbridge usage unmapped --period 2026-10")]
    Unmapped {
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// List records that could not be counted, with the reason; release them once they can be, or purge them.
    Quarantine(QuarantineArgs),
}

/// What is delivered.
#[derive(Debug, Args)]
#[command(after_help = "\
A file holds what the provider usage API returns: one page {\"value\": [...]}, several pages one after the other or in an \
array, the records alone in an array, or one record in each line; as it is or compressed with gzip or zstd. Numbers are \
passed on as they are written.
Usage is delivered with the stack's activation key. Without one, the operator's credential is used to fetch it.
Importing the same again is harmless: every record is recognised as a duplicate, also one in quarantine. So an import that \
was cut off is continued by repeating the same command.
A correction is recognised by its window, --reported-start. Of different quantities of the same usage, the one reported \
last counts, and of those reported at the same time the largest. So a correction to less takes effect only if its window \
is a later one: without the flag, a later hour. Import files of different windows one window at a time.

A usage summary, the CSV of Azure Stack's usage summary script, is recognised by its header. It is looked at as a whole \
before anything is sent, and what was understood is shown. What it leaves open is asked for and never guessed, but for the \
time zone: times that name none are UTC, unless a day proves otherwise. PowerShell 7 writes local times: say --time-zone then. \
Its parts have idempotency keys of their own: importing the same file again is answered as the first time. Lines that cannot \
be taken are written to FILE.rejected.csv, with the reason, and the command leaves with 3. Mend them there and import that \
file, or mend the summary and import it again: what was taken in already counts once.

Examples:
  meterbridge usage import --cloud-id 5bf881b2-6be7-42a1-9f47-d6fcb6737747 \\
      --reported-start 2026-10-01T13:00:00Z 13.json
  meterbridge usage import --preview UsageSummary.csv
  meterbridge usage import --stack 5bf881b2-6be7-42a1-9f47-d6fcb6737747 UsageSummary.csv
  curl ... | meterbridge usage import --activation-key-file stack.key \\
      --reported-start 2026-10-01T13:00:00Z -")]
pub(crate) struct ImportArgs {
    /// The files; `-` is standard input, whatever it holds.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The stack [default: the one that the activation key is of].
    #[arg(long, visible_alias = "stack", value_name = "CLOUD-ID", value_parser = texts::guid)]
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
    /// The stack has reported completely up to this hour, within the window: from --reported-start on if --reported-end is
    /// given too, else everything before. Declared when all deliveries have arrived, unless pages are missing.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) reported_through: Option<String>,
    /// How many records are delivered at a time, at most 10000.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch: u32,
    /// Leave with 1 if a record is put into quarantine, or waits there already. The others count all the same; nothing is
    /// declared complete.
    #[arg(long)]
    pub(crate) fail_on_quarantine: bool,
    /// Do not compress deliveries.
    #[arg(long)]
    pub(crate) no_compression: bool,
    /// Where the receipt of a bundle is written to: what goes back to the stack's side.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
}

impl ImportArgs {
    /// What is declared complete is of the window that is named, if one is. The server says so, too, but only when everything
    /// was delivered.
    ///
    /// # Errors
    /// If it ends before that begins, or after it.
    pub(crate) fn declares_of_its_window(&self) -> Result<(), Failure> {
        let hour = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Hour>().ok());
        let [start, end, through] =
            [&self.reported_start, &self.reported_end, &self.reported_through].map(hour);
        let Some(through) = through else { return Ok(()) };
        let Err(outside) = may_declare(start, end, through) else {
            return Ok(());
        };
        let expected = match outside {
            DeclaredOutside::NotAfter(start) => format!("an hour after --reported-start, {start}"),
            DeclaredOutside::After(end) => format!("--reported-end, {end}, or an hour before"),
        };
        Err(Failure::usage(format!("--reported-through is {through}: expected {expected}."))
            .coded("InvalidReportedThrough")
            .hint("Declared is what was read. Without a window it is everything before. Nothing was delivered."))
    }
}

/// How a usage summary is understood, and whether it is delivered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Usage summaries (CSV)")]
pub(crate) struct SummaryArgs {
    /// Show what is understood and stop, with 0 also if lines would be rejected. The server is not asked.
    #[arg(long)]
    pub(crate) preview: bool,
    /// Do everything but deliver and write: the stack's credential is found, and it is said where lines would be written to that
    /// cannot be taken; then it leaves with 3.
    #[arg(long, conflicts_with = "preview")]
    pub(crate) dry_run: bool,
    /// Which number of a date comes first, where the file does not prove it.
    #[arg(long, value_name = "ORDER")]
    pub(crate) date_format: Option<DateOrder>,
    /// In which zone times are that name none: how far it is ahead of UTC, such as +02:00, or a name such as Europe/Berlin
    /// [default: UTC].
    #[arg(
        long,
        visible_alias = "utc-offset",
        value_name = "ZONE",
        allow_hyphen_values = true
    )]
    pub(crate) time_zone: Option<Zone>,
    /// Quantities have a comma where others have a point, though the file does not prove it.
    #[arg(long)]
    pub(crate) decimal_comma: bool,
    /// Where lines that cannot be taken are written [default: beside each file, as FILE.rejected.csv]. What is there already
    /// stays: other lines go into a file with a number.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejected: Option<PathBuf>,
}

impl SummaryArgs {
    /// The options that are given.
    pub(crate) fn given(&self) -> impl Iterator<Item = &'static str> + use<> {
        let Self {
            preview,
            dry_run,
            date_format,
            time_zone,
            decimal_comma,
            rejected,
        } = self;
        let all = [
            ("--preview", *preview),
            ("--dry-run", *dry_run),
            ("--date-format", date_format.is_some()),
            ("--time-zone", time_zone.is_some()),
            ("--decimal-comma", *decimal_comma),
            ("--rejected", rejected.is_some()),
        ];
        all.into_iter()
            .filter(|(_, given)| *given)
            .map(|(option, _)| option)
    }

    /// Nothing is said about summaries.
    ///
    /// # Errors
    /// If something is, which would be passed over otherwise.
    pub(crate) fn none_given(&self) -> Result<(), Failure> {
        self.given().next().map_or(Ok(()), |option| {
            Err(Failure::usage(format!(
                "{option} is for usage summaries (CSV), and these files are none."
            ))
            .hint("Leave it out. Importing the same files again is harmless. Nothing was delivered."))
        })
    }
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
    /// Show what is here of the stacks' usage of a month, and what is missing.
    Completeness(CompletenessArgs),
    /// List the bundles of a stack that were taken in under the registration that it has now.
    #[command(after_help = "Example:\n  meterbridge stack bundles 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    Bundles {
        /// The stack.
        #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
        cloud_id: String,
    },
    /// Print the receipt of a bundle that was taken in: what goes back to the stack's side.
    #[command(after_help = "\
Example:
  meterbridge stack bundle-receipt 5bf881b2-6be7-42a1-9f47-d6fcb6737747 3 > north-3.receipt.json")]
    BundleReceipt {
        /// The stack.
        #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
        cloud_id: String,
        /// The number of the bundle.
        #[arg(value_name = "NUMBER")]
        sequence: u32,
    },
    /// List the receipts of what a stack delivered.
    #[command(after_help = "\
Each receipt has a chain value over all receipts up to it. Whoever keeps one elsewhere proves with it later that nothing up to \
there was changed: `meterbridge audit verify --receipts FILE` compares.

Examples:
  meterbridge stack receipts 5bf881b2-6be7-42a1-9f47-d6fcb6737747
  meterbridge stack receipts 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --output json > receipts.json")]
    Receipts {
        /// The stack.
        #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
        cloud_id: String,
    },
}

/// What is here of which usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a stack there is one line for each stack that was registered in the month. With one there is a row for each \
day and a character for each hour, then what was found and what can be done about it.

What is usual for an hour is the median of the same hour of the last 14 days on which the stack reported anything.

Examples:
  meterbridge stack completeness
  meterbridge stack completeness 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --period 2026-10
  meterbridge stack completeness --check || echo 'somebody should look'")]
pub(crate) struct CompletenessArgs {
    /// The stack; all of them without one.
    #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: Option<String>,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    /// Leave with exit code 1 if usage is missing: if a stack fell behind, or has a gap.
    #[arg(long)]
    pub(crate) check: bool,
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

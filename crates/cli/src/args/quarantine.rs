//! `usage quarantine`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use domain::quarantine::Positions;
use wire::api::QuarantineFilter;

use super::texts;

/// What is looked at, unless something is done.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
On a terminal the table shows what there is room for; written to a file or a pipe it has all of each record, as has \
--output json in `raw`. `usage quarantine summary` says how many there are and why.

Examples:
  meterbridge usage quarantine --stack 5bf881b2-6be7-42a1-9f47-d6fcb6737747
  meterbridge usage quarantine --code InvalidQuantity --containing 'quantity is \"1,5\"'
  meterbridge usage quarantine release 17 --reason 'the hour has come'"
)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    pub(crate) command: Option<QuarantineCommand>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// What has become of them.
    #[arg(long, value_name = "STATE", value_enum, default_value_t = StateArg::Waiting)]
    pub(crate) state: StateArg,
}

/// What has become of a record in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArg {
    /// They cannot be counted, and wait.
    Waiting,
    /// They were counted after all.
    Released,
    /// Their texts were removed.
    Purged,
}

impl StateArg {
    /// As the server calls it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Released => "released",
            Self::Purged => "purged",
        }
    }
}

/// What records have in common.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Of this stack only.
    #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) stack: Option<String>,
    /// Those that cannot be counted for this reason, such as InvalidQuantity.
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// Those that came in this batch.
    #[arg(long, value_name = "BATCH-ID", value_parser = texts::guid)]
    pub(crate) batch: Option<String>,
    /// Those received from this hour on.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) from: Option<String>,
    /// Those received before this hour.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) to: Option<String>,
    /// Those with this text in what is wrong or in what was sent, exactly so.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) containing: Option<String>,
}

impl FilterArgs {
    /// As the server takes it.
    pub(crate) fn filter(&self) -> QuarantineFilter {
        QuarantineFilter {
            cloud_id: self.stack.clone(),
            code: self.code.clone(),
            batch_id: self.batch.clone(),
            received_from: self.from.clone(),
            received_to: self.to.clone(),
            containing: self.containing.clone(),
        }
    }
}

/// What is done about records in quarantine.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Count the records that wait, by stack and reason.
    #[command(after_help = "Example:\n  meterbridge usage quarantine summary")]
    Summary {
        /// Of this stack only.
        #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
        stack: Option<String>,
    },
    /// Have records read again, and counted if they can be.
    #[command(after_help = "\
A released record counts as if it had been delivered rightly, at the reported time of its delivery. One that still cannot be \
counted waits on, with the reason that was found now. Releasing a record twice changes nothing.
What will come of it is shown first, and asked for; a script says --yes. It leaves with 3 if records wait on, or would by \
--dry-run.

Examples:
  meterbridge usage quarantine release 17,20-22 --reason 'the hour has come'
  meterbridge usage quarantine release --code UsageInFuture --reason 'the clock was wrong' --dry-run
  meterbridge usage quarantine release 17 --set properties.quantity=1.5 \\
      --reason 'a comma for a point'
  meterbridge usage quarantine release 17 --mended record.json --reason 'the resource was renamed'")]
    Release(ReleaseArgs),
    /// Remove the texts of records for good.
    #[command(after_help = "\
That a record was there stays, with its stack, batch, place and reason and the digest of its text, and so does the sentence \
that says what is wrong with it. It is never counted, and its usage is charged to nobody. What database files and back-ups \
still hold of the text is not removed by this.
What will be purged is shown first, and asked for; a script says --yes.

Examples:
  meterbridge usage quarantine purge 17 --reason 'a test of the stack'
  meterbridge usage quarantine purge --batch 5bf881b2-6be7-42a1-9f47-d6fcb6737747 \\
      --expect 20 --reason 'test data' --yes")]
    Purge(PurgeArgs),
    /// List who released and purged what, when and why.
    #[command(after_help = "Example:\n  meterbridge usage quarantine history")]
    History,
}

/// Which records something is done with, and why.
#[derive(Debug, Args)]
pub(crate) struct ActArgs {
    /// Their numbers, such as 17 or 3-7,9.
    #[arg(value_name = "POSITIONS", conflicts_with_all = ["stack", "code", "batch", "from", "to", "containing", "all"])]
    pub(crate) positions: Option<Positions>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// All that wait.
    #[arg(long)]
    pub(crate) all: bool,
    /// How many there have to be; otherwise nothing is done.
    #[arg(long, value_name = "COUNT")]
    pub(crate) expect: Option<u64>,
    /// Why: it is kept in the books.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only show what would come of it.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it without asking.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// What is released.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
    /// A file with the record as it should have been sent; `-` is standard input. What was sent is kept.
    #[arg(long, value_name = "FILE", requires = "positions")]
    pub(crate) mended: Option<PathBuf>,
    /// Read the record with another value for one member; the value is JSON, or else a text.
    #[arg(
        long,
        value_name = "MEMBER=VALUE",
        requires = "positions",
        conflicts_with = "mended"
    )]
    pub(crate) set: Vec<String>,
}

/// What is purged.
#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

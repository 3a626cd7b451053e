//! `backup` and `restore`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StoreArgs;

/// What is backed up, and where to.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
#[command(after_help = "\
Works while `meterbridge serve` runs on the data directory, and keeps nobody waiting. All that was acknowledged before it \
began is in the backup. Meanwhile the data directory takes up to as many bytes more as are written into it.
A backup holds the keys that sign activation keys and tokens, and that of the certificate authority: whoever can read it can \
pass for any stack and any user. Only its owner can; keep its copies as closed, or leave the keys out and keep them apart.
The store in PostgreSQL is backed up with the tools of PostgreSQL.

Examples:
  meterbridge backup --data ./data --to /var/backups/meterbridge/2026-11-22
  meterbridge backup --data ./data --to /var/backups/meterbridge/2026-11-22 --without-keys
  meterbridge backup verify /var/backups/meterbridge/2026-11-22")]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
    /// The data directory.
    #[arg(long, required = true, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The folder that becomes the backup. It must not be there yet, or be empty.
    #[arg(long, required = true, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Leave out the folders `keys` and `tls`. Whoever restores the backup puts them back before `meterbridge serve`.
    #[arg(long)]
    pub(crate) without_keys: bool,
}

/// What else is done with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Compare every file of a backup with its manifest.
    #[command(after_help = "\
This finds what has changed since the backup was made. Whether a server can be run on it is found by restoring it somewhere.

Example:
  meterbridge backup verify /var/backups/meterbridge/2026-11-22")]
    Verify {
        /// The backup.
        #[arg(value_name = "FOLDER")]
        backup: PathBuf,
    },
}

/// What is restored, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Every file is compared with the manifest, then copied. Then the copy is checked as a whole: SQLite's own integrity check, the \
chains of journal and receipts up to the last ones that the manifest names, and totals, records and receipts of the ledger \
against each other. The data directory is there only if all of it holds. Leaves with 1 otherwise, and says where it differs.

Examples:
  meterbridge restore --from /var/backups/meterbridge/2026-11-22 --data ./data
  meterbridge restore --from /var/backups/meterbridge/2026-11-22 --data ./rehearsal --output json")]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: PathBuf,
    /// The folder that becomes the data directory. It must not be there yet, or be empty.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
}

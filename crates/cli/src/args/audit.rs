//! `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StoreArgs;

/// What is audited.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Compare everything that is stored with everything else, with no server running, and say exactly what was changed.
    Verify(AuditVerifyArgs),
}

/// Which store, and what else is known of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is written, not even a file beside the store. The embedded store is read while no server runs on it, and so is a \
backup: name the folder that `meterbridge backup` has made. A database of PostgreSQL may be in use.
It is compared: the journal with its chain; the receipts of each stack with theirs; what is stored of each batch with what its \
receipt says, down to each quantity, hour and resource; totals of days with their hours; texts in quarantine with what was \
sent, and what was released or purged with the journal; names with their keys; all that was received with all that became of it.
Not found is: what was stored by versions that did not keep digests of batches yet, beyond counts and totals (told as not \
covered); to which other known location, tags or additional info a record was turned, and the letter case of a resource, \
neither of which is on a bill; sign-ins. Whoever may write to the store can also compute all chains anew, or cut off their \
ends: that is found by what somebody has kept elsewhere, an earlier output (--expect) or receipts (--receipts).

Exit codes: 0 if nothing differs, 4 if anything does, 1 if nothing could be compared, 2 if this was not understood.

Examples:
  meterbridge audit verify --data ./data
  meterbridge audit verify --data /var/backups/meterbridge/2026-11-22 --output json
  meterbridge audit verify --store postgres://meterbridge@db.example/meterbridge \\
      --receipts receipts.json
  meterbridge audit verify --data ./data --output json > heads.json
  meterbridge audit verify --data ./data --expect heads.json")]
pub(crate) struct AuditVerifyArgs {
    /// The data directory, a backup, or the folder of a store.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Receipts that somebody else kept, as `meterbridge stack receipts --output json` or the API lists them. May be given
    /// several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipts: Vec<PathBuf>,
    /// What `audit verify --output json` wrote earlier, or the manifest.json of a backup: every chain must go on from where it
    /// ended then. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Vec<PathBuf>,
}

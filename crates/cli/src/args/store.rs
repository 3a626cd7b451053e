//! `store`.

use clap::{Args, Subcommand};

/// What is done with a store as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy everything from one store to another, embedded or on PostgreSQL, and compare every record.
    Copy(StoreCopyArgs),
}

/// From where to where.
#[derive(Debug, Args)]
#[command(after_help = "\
A store is named by a data directory, for the embedded store in it, or by the URL of a database of PostgreSQL. Stop every \
server of the source first; if one has written while the copy was made, that is found in the end, and the copy is not good.
A data directory whose server uses a store elsewhere is refused: name that one by its URL, or the folder of the embedded \
store itself, such as ./data/store.
The target has to be empty. If the copy is interrupted, or was not good, run the same command again: what is there already is \
not written again. Until it is done no server starts on the target.
Then both are read and compared record by record, and chains, totals and counts are checked in the target. Leaves with 0 only \
if all of it holds. Sign-ins are copied too; keys and certificates are not in a store, but in the data directory.
A password in a URL can be seen by other users while the command runs; in the environment it cannot.

Examples:
  meterbridge store copy --from ./data --to postgres://meterbridge@db.example/meterbridge
  meterbridge store copy --from postgres://meterbridge@db.example/meterbridge --to ./data
  METERBRIDGE_COPY_TO=postgres://meterbridge:...@db.example/m meterbridge store copy --from ./data")]
pub(crate) struct StoreCopyArgs {
    /// What is copied. Nothing in it changes, but its schema is brought up to date.
    #[arg(
        long,
        env = "METERBRIDGE_COPY_FROM",
        hide_env_values = true,
        value_name = "STORE"
    )]
    pub(crate) from: String,
    /// Where it is copied to.
    #[arg(
        long,
        env = "METERBRIDGE_COPY_TO",
        hide_env_values = true,
        value_name = "STORE"
    )]
    pub(crate) to: String,
}

//! `operator-credential` and `signing-key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::texts;

/// What is done with operators' credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCredentialCommand {
    /// Make another operator's credential and print it, this once: only its digest is kept.
    #[command(after_help = "\
A user who operates the platform does this as well, after `meterbridge login`. If there is none, and no \
credential is left to do this with, stop the server and make one at its machine with `meterbridge init \
--new-credential`.

Example:
  meterbridge operator-credential create \"Night shift\" > night-shift.credential")]
    Create {
        /// Its name: who uses it, or for what.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the operators' credentials, with when each was last used: that is noted once a minute, so it may have been used
    /// up to a minute later.
    #[command(after_help = "Example:\n  meterbridge operator-credential list")]
    List,
    /// Revoke an operator's credential: from then on it is good for nothing.
    #[command(after_help = "\
The others stay good. To replace one that has leaked, make another first.

Example:
  meterbridge operator-credential revoke <CREDENTIAL-ID>")]
    Revoke {
        /// The credential, as the list names it.
        #[arg(value_name = "CREDENTIAL-ID", value_parser = texts::guid)]
        credential_id: String,
    },
}

/// What is done with the keys that sign the tokens of sign-ins.
#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// Make a new key. A server that runs on the data directory signs with it within a second.
    #[command(after_help = "\
Tokens that are out stay good, unless the older keys are revoked.

Examples:
  meterbridge signing-key rotate --data ./data
  meterbridge signing-key rotate --data ./data --revoke")]
    Rotate(RotateArgs),
}

/// Which keys.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The data directory.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    /// Remove all older keys, because one has leaked: no token is good any more, and everybody signs in again.
    #[arg(long)]
    pub(crate) revoke: bool,
}

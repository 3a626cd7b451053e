//! Usage that is carried in files: what is said about bundles, on both sides.

use std::path::PathBuf;

use clap::Args;

use super::{BridgeArgs, texts};

/// The key that bundles are signed with.
#[derive(Debug, Args)]
#[command(after_help = "\
The private part is kept in the bridge's spool and never leaves this machine. Give the public part to whoever registers the \
stack, who enters it with `meterbridge registration bundle-key`. Each registration needs that once: a stack that is \
registered anew needs it anew.

What replacing a key costs is shown first, and asked for; a script says --yes.

Example:
  meterbridge bridge bundle-key --config bridge.toml --out north-bundles.pem")]
pub(crate) struct BundleKeyArgs {
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
    /// Write the public part to this file instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Make a new key in place of the one that is there: what is signed with it is taken in only when it is registered.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Replace it without asking.
    #[arg(long, requires = "replace")]
    pub(crate) yes: bool,
}

/// What is exported.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the stack hour by hour of reported time and writes one file, which is carried to the platform's side and taken in there \
with `meterbridge usage import`. Broken off, the same command goes on where it was. The next bundle begins where the last one \
ended; bundles may be made while others are on their way. As many hours before it as --lookback says are read again, since \
usage comes late at times; what is known already counts once.

Examples:
  meterbridge bridge export --config bridge.toml --to 2026-11-01 --out /media/usb/north-2026-10.mbz
  meterbridge bridge export --config bridge.toml --again 2026-10-20 --out /media/usb/north-again.mbz")]
pub(crate) struct ExportArgs {
    /// The first hour of reported time, or a day [default: where the last bundle ended; for the first one, `start` of the
    /// configuration or the first of this month].
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) from: Option<String>,
    /// The end: the first hour that is not read [default: the last hour that is over].
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) to: Option<String>,
    /// Where the bundle is written to. Nothing may be there.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Wait no longer for bundles that have no receipt, because they were lost, and begin again after the last one that has.
    #[arg(long)]
    pub(crate) restart: bool,
    /// With --restart, begin again after the bundle with this number, though later ones have receipts: the platform was restored
    /// from a backup and does not know of those any more. 0 for the beginning.
    #[arg(long, value_name = "NUMBER", requires = "restart")]
    pub(crate) after: Option<u32>,
    /// Read hours before the bundle again, from this one on, for usage that came late [default: as many as --lookback says].
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) again: Option<String>,
    /// Begin the first bundle of a registration later than it has to: hours before, though nobody reported them, are left out
    /// for good, and the bundle says so.
    #[arg(long)]
    pub(crate) leave_out_earlier: bool,
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
}

/// A receipt that came back.
#[derive(Debug, Args)]
#[command(after_help = "\
The receipt is checked against the platform's key, which the stack's activation key names, and against what was exported. It \
may be of a bundle that is not known here, because what was known was lost: then the next bundle follows that one.

Example:
  meterbridge bridge accept-receipt /media/usb/north-2026-10.receipt.json --config bridge.toml")]
pub(crate) struct AcceptReceiptArgs {
    /// The file that `meterbridge usage import --receipt FILE` wrote.
    #[arg(value_name = "FILE")]
    pub(crate) receipt: PathBuf,
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
}

/// Which bundles are listed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  meterbridge bridge bundles --config bridge.toml")]
pub(crate) struct BundlesArgs {
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
}

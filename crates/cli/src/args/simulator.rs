//! `simulator`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::texts;

/// What is done with a stack that does not exist.
#[derive(Debug, Subcommand)]
pub(crate) enum SimulatorCommand {
    /// Serve a stack that does not exist as a real one is served, to try the bridge without any stack.
    Serve(SimulatorServeArgs),
}

/// Which stack is served, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
The stack has the admin API of a real one, as far as a bridge asks it: TLS with an authority of its own, tokens for an \
account with a secret or a certificate, local subscriptions, guest directories, and the usage of a month, of which the hours \
can be read that are over by the stack's clock. It is used from the first to the last hour of the month, and every run with the \
same options has the same usage.

In its directory are, made with the first run:
  ca.pem                        what clients of the stack have to trust
  bridge.secret                 the secret of the bridge's account
  bridge.crt, bridge.keyfile    a certificate of the account instead of the secret, and its key
  registration.token            what the stack is registered with
  bridge.toml                   the configuration of a bridge for it; stays once you changed it

Example, with a server on this machine (`meterbridge serve --data ./data`):
  meterbridge simulator serve --directory ./stack --data ./data
  meterbridge registration register --subscription <SUBSCRIPTION-ID> \\
      --token-file ./stack/registration.token
  meterbridge registration activation-key 5eed0001-0000-4000-8000-000000000001 \\
      > ./stack/activation.key
  meterbridge bridge run --config ./stack/bridge.toml")]
pub(crate) struct SimulatorServeArgs {
    /// Where it keeps its certificates and what a bridge needs; is made if it is not there.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", value_parser = texts::address, default_value = "127.0.0.1:8444")]
    pub(crate) listen: SocketAddr,
    /// What its resources, its usage and all faults are made from.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The stack's id.
    #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
    #[arg(default_value = "5eed0001-0000-4000-8000-000000000001")]
    pub(crate) cloud_id: String,
    /// The month in which it is used: a calendar month, UTC [default: this month].
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) month: Option<String>,
    /// How many records the month has at least.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=simulator::RECORDS_MIN_MAX))]
    pub(crate) records: u64,
    /// The most records of a page.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) page_size: u32,
    /// In how many answers of a thousand something is wrong: overload, expired tokens, broken links, broken pages and more.
    #[arg(long, value_name = "PER-MILLE", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) faults: u16,
    /// How many minutes the stack's clock is ahead of this machine's; below zero, behind.
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    #[arg(value_parser = clap::value_parser!(i32).range(-100_000_000..=100_000_000))]
    pub(crate) clock_ahead: i32,
    /// The server that the configuration of the bridge names.
    #[arg(
        long,
        env = "METERBRIDGE_URL",
        value_name = "URL",
        default_value = "https://localhost:8443"
    )]
    pub(crate) url: String,
    /// The CA certificate of that server (PEM), if it is not one that the operating system trusts.
    #[arg(long, env = "METERBRIDGE_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The data directory of that server, if it is on this machine: its CA is trusted.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
}

//! `bridge`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AcceptReceiptArgs, BundleKeyArgs, BundlesArgs, ExportArgs, LogFormat, texts};

/// What is done on a stack's side.
#[derive(Debug, Subcommand)]
pub(crate) enum BridgeCommand {
    /// Read usage from stacks and deliver it, until told to stop.
    Run(BridgeRunArgs),
    /// Try a configuration out: sign in to each stack, read a little, ask the server. Nothing is changed anywhere.
    Check(BridgeCheckArgs),
    /// Show how a bridge that runs on this machine is: how far each stack was read and delivered, and what is wrong.
    Status(BridgeStatusArgs),
    /// Have a bridge that runs on this machine read a range of reported time again, and watch it.
    Backfill(BackfillArgs),
    /// Admit a guest directory on a stack: the stack's side of multi-tenancy.
    AdmitDirectory(GuestDirectoryArgs),
    /// Admit a guest directory on a stack no longer.
    RemoveDirectory(GuestDirectoryArgs),
    /// Make the key that bundles of a stack without a connection are signed with, and print its public part.
    BundleKey(BundleKeyArgs),
    /// Export usage of a stack without a connection into a file: a signed bundle.
    Export(ExportArgs),
    /// Accept the receipt of a bundle, which came back from the platform's side.
    AcceptReceipt(AcceptReceiptArgs),
    /// List the bundles that were exported, and which of them have arrived.
    Bundles(BundlesArgs),
}

/// How a bridge is run.
#[derive(Debug, Args)]
#[command(after_help = "\
All that the configuration can say can be said with options instead, for one stack: with the environment they win over the \
file. Secrets are in files of their own, never in an option. SIGINT and SIGTERM stop it; whatever stops it, it goes on where \
it was.

A configuration:
  [server]
  url = \"https://meterbridge.example:8443\"
  ca = \"server-ca.pem\"
  [spool]
  directory = \"/var/lib/meterbridge-bridge\"
  [[stack]]
  name = \"north\"
  endpoint = \"https://adminmanagement.local.azurestack.external\"
  ca = \"stack-ca.pem\"
  client-id = \"9a1c7c6e-5a0e-4c0e-9d6f-3f1a2f0b7a11\"
  secret-file = \"north.secret\"
  activation-key-file = \"north.key\"

Examples:
  meterbridge bridge run --config /etc/meterbridge/bridge.toml
  meterbridge bridge run --server-url https://meterbridge.example:8443 --spool ./spool \\
      --stack-endpoint https://adminmanagement.local.azurestack.external --stack-ca stack-ca.pem \\
      --stack-client-id 9a1c7c6e-5a0e-4c0e-9d6f-3f1a2f0b7a11 --stack-secret-file north.secret \\
      --activation-key-file north.key --lookback 24")]
pub(crate) struct BridgeRunArgs {
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
    /// What is logged to standard error: a level, or levels per part such as `warn,bridge=debug` [default: info].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How the log is written [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// What is tried out.
#[derive(Debug, Args)]
#[command(after_help = "\
Leaves with 0 only if everything works that a bridge needs.

Examples:
  meterbridge bridge check --config /etc/meterbridge/bridge.toml
  meterbridge bridge check --config /etc/meterbridge/bridge.toml --stack north")]
pub(crate) struct BridgeCheckArgs {
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
}

/// All that can be said of a bridge.
#[derive(Debug, Args)]
pub(crate) struct BridgeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The URL of the server that usage is delivered to.
    #[arg(long, env = "METERBRIDGE_BRIDGE_SERVER_URL", value_name = "URL")]
    pub(crate) server_url: Option<String>,
    /// The certificate to trust the server by (PEM), instead of those of the operating system.
    #[arg(long, env = "METERBRIDGE_BRIDGE_SERVER_CA", value_name = "FILE")]
    pub(crate) server_ca: Option<PathBuf>,
    /// Where usage waits until the server has it.
    #[arg(long, env = "METERBRIDGE_BRIDGE_SPOOL", value_name = "DIRECTORY")]
    pub(crate) spool: Option<PathBuf>,
    /// The most bytes that wait, of each stack. When they do, the stack is not read on; nothing is dropped [default:
    /// 10737418240].
    #[arg(long, env = "METERBRIDGE_BRIDGE_SPOOL_BYTES_MAX", value_name = "BYTES")]
    pub(crate) spool_bytes_max: Option<u64>,
    /// Where /metrics and /healthz are answered, without TLS [default: nowhere].
    #[arg(long, env = "METERBRIDGE_BRIDGE_LISTEN", value_name = "ADDRESS:PORT", value_parser = texts::address)]
    pub(crate) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) stack: BridgeStackArgs,
}

/// Where a configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration (TOML).
    #[arg(long, env = "METERBRIDGE_BRIDGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// One stack of a bridge.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stack")]
pub(crate) struct BridgeStackArgs {
    /// This stack alone: one of the configuration, or what the one is called that is described here [default: all of the
    /// configuration, or the only one].
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK", value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// The stack's admin endpoint of Azure Resource Manager.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_ENDPOINT", value_name = "URL")]
    pub(crate) stack_endpoint: Option<String>,
    /// The certificate to trust the stack by (PEM), instead of those of the operating system.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_CA", value_name = "FILE")]
    pub(crate) stack_ca: Option<PathBuf>,
    /// The directory of the account, where the stack has no AD FS of its own: its id or a domain.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_TENANT", value_name = "TENANT")]
    pub(crate) stack_tenant: Option<String>,
    /// The account that the bridge has on the stack.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_CLIENT_ID", value_name = "ID")]
    pub(crate) stack_client_id: Option<String>,
    /// The file with the account's secret.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_SECRET_FILE", value_name = "FILE")]
    pub(crate) stack_secret_file: Option<PathBuf>,
    /// The file with the account's certificate (PEM), instead of a secret.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_CERTIFICATE_FILE", value_name = "FILE")]
    pub(crate) stack_certificate_file: Option<PathBuf>,
    /// The file with the RSA key of that certificate (PEM, not encrypted).
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK_KEY_FILE", value_name = "FILE")]
    pub(crate) stack_key_file: Option<PathBuf>,
    /// The id of the stack's default provider subscription [default: the one of that name].
    #[arg(
        long,
        env = "METERBRIDGE_BRIDGE_STACK_PROVIDER_SUBSCRIPTION",
        value_name = "ID"
    )]
    pub(crate) stack_provider_subscription: Option<String>,
    /// The file with the activation key of the stack's registration.
    #[arg(long, env = "METERBRIDGE_BRIDGE_ACTIVATION_KEY_FILE", value_name = "FILE")]
    pub(crate) activation_key_file: Option<PathBuf>,
    /// The stack's cloud id, where it does not say so itself.
    #[arg(long, env = "METERBRIDGE_BRIDGE_CLOUD_ID", value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: Option<String>,
    /// The hour of reported time with which reading begins, once [default: the first of this month].
    #[arg(long, env = "METERBRIDGE_BRIDGE_START", value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) start: Option<String>,
    /// How many hours are read again whenever a new one was read, for usage that came late [default: 6].
    #[arg(long, env = "METERBRIDGE_BRIDGE_LOOKBACK", value_name = "HOURS")]
    pub(crate) lookback: Option<u16>,
    /// How long an hour has to be over before it is read [default: 15].
    #[arg(long, env = "METERBRIDGE_BRIDGE_MARGIN", value_name = "MINUTES")]
    pub(crate) margin: Option<u16>,
}

/// Which bridge on this machine.
#[derive(Debug, Args)]
pub(crate) struct LocalBridgeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The bridge's spool, instead of the one that the configuration names.
    #[arg(long, env = "METERBRIDGE_BRIDGE_SPOOL", value_name = "DIRECTORY")]
    pub(crate) spool: Option<PathBuf>,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
It is read from the spool, by whoever may read that. Leaves with 0 only if the bridge runs and no stack is held, so it can be \
run by a scheduler: what is `retrying` passes by itself, what is `held` waits for somebody.

Examples:
  meterbridge bridge status --config /etc/meterbridge/bridge.toml
  meterbridge bridge status --spool /var/lib/meterbridge-bridge --output json")]
pub(crate) struct BridgeStatusArgs {
    #[command(flatten)]
    pub(crate) bridge: LocalBridgeArgs,
    /// Of this stack alone.
    #[arg(long, env = "METERBRIDGE_BRIDGE_STACK", value_name = "NAME")]
    pub(crate) stack: Option<String>,
}

/// What is read again.
#[derive(Debug, Args)]
#[command(after_help = "\
The bridge reads the range between new hours, and delivers what it finds: what the server knows already counts once. It may \
begin before the first hour that the bridge ever read. Ctrl-C leaves the bridge at it; the same command watches it again. \
Hours that the stack refuses are left out and named; then it leaves with 3.

Examples:
  meterbridge bridge backfill north --from 2026-10-01 --to 2026-11-01 --config bridge.toml
  meterbridge bridge backfill north --stop --config bridge.toml
  meterbridge bridge backfill north --give-up-lost --config bridge.toml")]
pub(crate) struct BackfillArgs {
    /// The stack's name in the configuration.
    #[arg(value_name = "STACK")]
    pub(crate) stack: String,
    /// The first hour of reported time, or a day.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour, required_unless_present_any = ["stop", "give_up_lost"])]
    pub(crate) from: Option<String>,
    /// The end: the first hour that is not read again. At most a year later.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour, required_unless_present_any = ["stop", "give_up_lost"])]
    pub(crate) to: Option<String>,
    /// Take back all ranges of the stack that are not read yet. What was read stays.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(crate) stop: bool,
    /// Give up what is read by itself: what the server lost, and hours before the start. What it does not have of these
    /// hours stays missing.
    #[arg(long, conflicts_with_all = ["from", "to", "stop"])]
    pub(crate) give_up_lost: bool,
    /// Give up without asking.
    #[arg(long, requires = "give_up_lost", conflicts_with_all = ["from", "to", "stop"])]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) bridge: LocalBridgeArgs,
}

/// Which directory, and on which stack.
#[derive(Debug, Args)]
#[command(after_help = "\
What it will change is shown first, and asked for; a script says --yes. The account needs the role Contributor on the \
stack's default provider subscription.

Examples:
  meterbridge bridge admit-directory fabrikam.onmicrosoft.com --config bridge.toml --stack north
  meterbridge bridge remove-directory fabrikam.onmicrosoft.com --config bridge.toml --stack north")]
pub(crate) struct GuestDirectoryArgs {
    /// A domain of the directory, or the id of its tenant.
    #[arg(value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) stack: BridgeStackArgs,
}

//! `init` and `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is made.
#[derive(Debug, Args)]
#[command(after_help = "\
The credential is the only line on standard output, and it is shown this once: only its digest is stored.

Examples:
  meterbridge init --data ./data > operator.credential
  meterbridge init --data ./data --new-credential --operator \"Night shift\"")]
pub(crate) struct InitArgs {
    /// Where everything is kept.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    /// The name of the operator that the credential is for.
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub(crate) operator: String,
    /// Add a credential to a data directory that has one already. The server must not be running.
    #[arg(long)]
    pub(crate) new_credential: bool,
}

/// How the server is run.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints `listening on URL` on standard error when requests are answered. SIGINT and SIGTERM let requests end first.

Examples:
  meterbridge serve --data ./data
  meterbridge serve --data /var/lib/meterbridge --listen 0.0.0.0:443 \\
      --public-url https://meterbridge.example --tls-cert server.pem --tls-key server.key")]
pub(crate) struct ServeArgs {
    /// Where everything is kept; made by `meterbridge init`.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    /// The address to listen on. Port 0 lets the system choose one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub(crate) listen: SocketAddr,
    /// The URL under which clients and stacks reach the server; activation keys tell it to stacks [default:
    /// https://localhost:PORT].
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// A further name or address for the self-made certificate. May be given several times.
    #[arg(long, value_name = "NAME", conflicts_with = "tls_cert")]
    pub(crate) host_name: Vec<String>,
    /// Your own certificate with its chain (PEM), instead of a self-made one.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of your own certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// What is logged to standard error: a level, or levels per part such as `warn,server=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
    /// How the log is written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON document in each line.
    Json,
}

//! `init` and `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::texts;

/// What is made.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("replaced").args(["new_credential", "new_activation_key"]))]
#[command(after_help = "\
The credential is the first line on standard output, and it is shown this once: only its digest is \
stored. With --user, and without --password-file, a second line is the user's password, made up. \
--credential-file reads the first line alone.

Examples:
  meterbridge init --data ./data > operator.credential
  meterbridge init --data ./data --user anna --password-file - < password.txt
  meterbridge init --data ./data --new-credential --operator \"Night shift\"")]
pub(crate) struct InitArgs {
    /// Where everything is kept.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    /// The name of the operator that the credential is for [default: operator].
    #[arg(long, value_name = "NAME", conflicts_with = "new_activation_key")]
    pub(crate) operator: Option<String>,
    /// The domain of the platform's own directory, if it has to be made: the names of its users end in it.
    #[arg(long, value_name = "DOMAIN", default_value = "meterbridge.local")]
    pub(crate) domain: String,
    /// Make a user in the platform's own directory who may do what the credential may. In a data directory that is
    /// initialised already, this is all that is done, and the server must not be running.
    #[arg(long, value_name = "NAME", conflicts_with = "replaced")]
    pub(crate) user: Option<String>,
    /// A file that holds the user's password and nothing else; `-` is standard input [default: one is made up].
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// Add a credential to a data directory that has one already, because it was lost. The server must not be running;
    /// with a credential at hand, `operator-credential create` does without that.
    #[arg(long)]
    pub(crate) new_credential: bool,
    /// Replace the key that signs activation keys, because it was lost or has leaked, and do nothing else. Every stack
    /// then needs a new activation key. The server must not be running.
    #[arg(long)]
    pub(crate) new_activation_key: bool,
}

/// How the server is run.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints `listening on URL` on standard error when requests are answered, and with --output json a \
document on standard output. SIGINT and SIGTERM let requests end first.

Examples:
  meterbridge serve --data ./data
  meterbridge serve --data /var/lib/meterbridge --listen 0.0.0.0:443 \\
      --public-url https://meterbridge.example --tls-cert server.pem --tls-key server.key")]
pub(crate) struct ServeArgs {
    /// Where everything is kept; made by `meterbridge init`.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    /// The address to listen on. Port 0 lets the system choose one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443", value_parser = texts::address)]
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
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}

/// How people and programs sign in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sign-in")]
pub(crate) struct IdentityArgs {
    /// A further audience that tokens are given and accepted for, such as `https://management.azure.com/` for programs that
    /// cannot be told another one. May be given several times; commas separate them in the environment.
    #[arg(
        long = "audience",
        env = "METERBRIDGE_AUDIENCES",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub(crate) audiences: Vec<String>,
    /// A file that lists the issuers elsewhere whose tokens are accepted (JSON).
    #[arg(long, env = "METERBRIDGE_EXTERNAL_ISSUERS", value_name = "FILE")]
    pub(crate) external_issuers: Option<PathBuf>,
    /// How long an access token is good.
    #[arg(
        long,
        env = "METERBRIDGE_ACCESS_TOKEN_LIFETIME",
        value_name = "TIME",
        default_value = "1h"
    )]
    #[arg(value_parser = texts::access_token_lifetime)]
    pub(crate) access_token_lifetime: Duration,
    /// How long a sign-in is good that is not used. Each use renews it, for 90 days in all.
    #[arg(
        long,
        env = "METERBRIDGE_REFRESH_TOKEN_LIFETIME",
        value_name = "TIME",
        default_value = "14d"
    )]
    #[arg(value_parser = texts::refresh_token_lifetime)]
    pub(crate) refresh_token_lifetime: Duration,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON document in each line.
    Json,
}

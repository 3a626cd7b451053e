//! `init` and `serve`, and where a data directory has its store.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgGroup, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use super::texts;

/// Where a server listens that is told nothing else.
pub(crate) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// Where the store of a data directory is.
#[derive(Debug, Default)]
pub(crate) struct StoreArgs {
    pub(crate) given: GivenStore,
    /// Whether the store is named on the command line, and not by the environment.
    pub(crate) named_here: bool,
}

/// What is said of where the store is.
#[derive(Debug, Default, Args)]
pub(crate) struct GivenStore {
    /// Where the store is, if not in the data directory: `postgres://USER@HOST/DATABASE`. A password is better kept in the
    /// environment or in the configuration file than here, where other users can see it.
    #[arg(long, env = "METERBRIDGE_STORE", hide_env_values = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// A file with settings of the server (TOML). What is given as an option or in the environment wins over it [default:
    /// meterbridge.toml in the data directory, where there is one].
    #[arg(long, env = "METERBRIDGE_CONFIG_FILE", value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
}

impl Args for StoreArgs {
    fn augment_args(command: Command) -> Command {
        GivenStore::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        GivenStore::augment_args_for_update(command)
    }
}

impl FromArgMatches for StoreArgs {
    fn from_arg_matches(said: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            given: GivenStore::from_arg_matches(said)?,
            named_here: said.value_source("store") == Some(ValueSource::CommandLine),
        })
    }

    fn update_from_arg_matches(&mut self, said: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(said)?;
        Ok(())
    }
}

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
  meterbridge init --data ./data --store postgres://meterbridge@db.example/meterbridge
  meterbridge init --data ./data --new-credential --operator \"Night shift\"")]
pub(crate) struct InitArgs {
    /// Where everything is kept.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
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

impl InitArgs {
    /// What the operator is called that the credential is for.
    pub(crate) fn operator(&self) -> &str {
        self.operator.as_deref().unwrap_or("operator")
    }
}

/// How the server is run.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints `listening on URL` on standard error when requests are answered, and with --output json a \
document on standard output. SIGINT and SIGTERM let requests end first.
The configuration file has the long options as its keys, such as:

  store = \"postgres://meterbridge@db.example/meterbridge\"
  listen = \"0.0.0.0:443\"
  public-url = \"https://meterbridge.example\"

Examples:
  meterbridge serve --data ./data
  meterbridge serve --data /var/lib/meterbridge --listen 0.0.0.0:443 \\
      --public-url https://meterbridge.example --tls-cert server.pem --tls-key server.key")]
pub(crate) struct ServeArgs {
    /// Where everything is kept; made by `meterbridge init`.
    #[arg(long, env = "METERBRIDGE_DATA", value_name = "DIRECTORY")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) settings: ServeSettings,
}

/// What can be said on the command line and in the configuration file. What is not said has a default.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeSettings {
    /// The address to listen on. Port 0 lets the system choose one [default: 127.0.0.1:8443].
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = texts::address)]
    pub(crate) listen: Option<SocketAddr>,
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
    /// What is logged to standard error: a level, or levels per part such as `warn,server=debug` [default: info].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How the log is written [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Let webhooks lead to this machine and into private networks. Whoever operates the platform can then make this server
    /// ask what only it can reach.
    #[arg(long, env = "METERBRIDGE_WEBHOOKS_TO_PRIVATE_NETWORKS", value_parser = FalseyValueParser::new())]
    pub(crate) webhooks_to_private_networks: bool,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}

/// How people and programs sign in.
#[derive(Debug, Default, Args)]
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
    /// How long an access token is good [default: 1h].
    #[arg(long, env = "METERBRIDGE_ACCESS_TOKEN_LIFETIME", value_name = "TIME")]
    #[arg(value_parser = texts::access_token_lifetime)]
    pub(crate) access_token_lifetime: Option<Duration>,
    /// How long a sign-in is good that is not used. Each use renews it, for 90 days in all [default: 14d].
    #[arg(long, env = "METERBRIDGE_REFRESH_TOKEN_LIFETIME", value_name = "TIME")]
    #[arg(value_parser = texts::refresh_token_lifetime)]
    pub(crate) refresh_token_lifetime: Option<Duration>,
}

impl ServeSettings {
    /// What is not said here is as it is said there. A certificate is one's own or self-made, so its settings come from one
    /// of the two.
    pub(crate) fn or(self, other: Self) -> Self {
        let of_certificate = if self.tls_cert.is_some() || !self.host_name.is_empty() {
            (self.tls_cert, self.tls_key, self.host_name)
        } else {
            (other.tls_cert, other.tls_key, other.host_name)
        };
        let (tls_cert, tls_key, host_name) = of_certificate;
        Self {
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            host_name,
            tls_cert,
            tls_key,
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            webhooks_to_private_networks: self.webhooks_to_private_networks
                || other.webhooks_to_private_networks,
            identity: self.identity.or(other.identity),
        }
    }
}

impl IdentityArgs {
    fn or(self, other: Self) -> Self {
        let audiences = if self.audiences.is_empty() {
            other.audiences
        } else {
            self.audiences
        };
        Self {
            audiences,
            external_issuers: self.external_issuers.or(other.external_issuers),
            access_token_lifetime: self.access_token_lifetime.or(other.access_token_lifetime),
            refresh_token_lifetime: self.refresh_token_lifetime.or(other.refresh_token_lifetime),
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON document in each line.
    Json,
}

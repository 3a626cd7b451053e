//! The configuration of a bridge, from TOML.
//!
//! ```toml
//! [server]
//! url = "https://meterbridge.example:8443"
//! ca = "server-ca.pem"                        # without it, the authorities of the operating system
//!
//! [spool]
//! directory = "spool"
//! bytes-max = 10_737_418_240                  # for each stack
//!
//! [status]
//! listen = "127.0.0.1:9465"                   # /metrics and /healthz; without it, nothing listens
//!
//! [[stack]]
//! name = "north"
//! endpoint = "https://adminmanagement.local.azurestack.external"
//! ca = "stack-ca.pem"
//! tenant = "contoso.onmicrosoft.com"          # where the stack has no AD FS of its own
//! client-id = "2f1f4e2c-…"
//! secret-file = "north.secret"                # or certificate-file and key-file
//! activation-key-file = "north.key"
//! ```
//! Paths are relative to the folder of the file.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::{CloudId, SubscriptionId};
use domain::time::Hour;
use serde::Deserialize;

use crate::deliver::ServerAddress;
use crate::stack::{Account, Proof, StackAddress, safe_url};

/// The most stacks of one bridge.
pub const STACKS_MAX: usize = 256;
/// The most characters of a stack's name.
pub const STACK_NAME_CHARACTERS_MAX: usize = 64;
/// The most hours that are looked back at: a month.
pub const LOOKBACK_HOURS_MAX: u16 = 744;
/// The longest that an hour has to be over before it is read: a day.
pub const MARGIN_MINUTES_MAX: u16 = 1440;
/// The least bytes of a spool: a page fits in.
pub const SPOOL_BYTES_MIN: u64 = 1024 * 1024;

const SPOOL_BYTES_USUAL: u64 = 10 * 1024 * 1024 * 1024;
const LOOKBACK_HOURS_USUAL: u16 = 6;
const MARGIN_MINUTES_USUAL: u16 = 15;

/// What a bridge is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeConfig {
    /// Where usage is delivered to.
    pub server: ServerAddress,
    /// Where it waits until it is acknowledged.
    pub spool_directory: PathBuf,
    /// The most bytes that wait there, of each stack.
    pub spool_bytes_max: u64,
    /// Where `/metrics` and `/healthz` are; nowhere without it.
    pub listen: Option<SocketAddr>,
    /// The stacks.
    pub stacks: Vec<StackConfig>,
}

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackConfig {
    /// What it is called here: the name of its folder in the spool.
    pub name: String,
    /// How it is reached.
    pub address: StackAddress,
    /// The file with its activation key.
    pub activation_key_file: PathBuf,
    /// Its cloud id, where it does not say so itself.
    pub cloud_id: Option<CloudId>,
    /// The hour of reported time with which reading begins, once; the first of the month if it is not given.
    pub start: Option<Hour>,
    /// How many hours are read again whenever a new one was read.
    pub lookback_hours: u16,
    /// How long an hour has to be over before it is read.
    pub margin: Duration,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(String);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    server: Server,
    spool: SpoolSection,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    stack: Vec<StackSection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Server {
    url: String,
    ca: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SpoolSection {
    directory: PathBuf,
    #[serde(default = "spool_bytes_usual")]
    bytes_max: u64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Status {
    listen: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StackSection {
    name: String,
    endpoint: String,
    ca: Option<PathBuf>,
    tenant: Option<String>,
    client_id: String,
    secret_file: Option<PathBuf>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    provider_subscription: Option<String>,
    activation_key_file: PathBuf,
    cloud_id: Option<String>,
    start: Option<String>,
    #[serde(default = "lookback_hours_usual")]
    lookback_hours: u16,
    #[serde(default = "margin_minutes_usual")]
    margin_minutes: u16,
}

const fn spool_bytes_usual() -> u64 {
    SPOOL_BYTES_USUAL
}

const fn lookback_hours_usual() -> u16 {
    LOOKBACK_HOURS_USUAL
}

const fn margin_minutes_usual() -> u16 {
    MARGIN_MINUTES_USUAL
}

fn refuse(key: &str, expected: impl std::fmt::Display) -> InvalidConfig {
    InvalidConfig(format!("`{key}`: {expected}."))
}

impl BridgeConfig {
    /// Reads a configuration; `folder` is where its file is.
    ///
    /// # Errors
    /// [`InvalidConfig`] with the key and what would be right.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, InvalidConfig> {
        let file: File = toml::from_str(text).map_err(|error| InvalidConfig(error.to_string()))?;
        if file.stack.is_empty() || file.stack.len() > STACKS_MAX {
            return Err(refuse("stack", format!("expected 1 to {STACKS_MAX} [[stack]]")));
        }
        if file.spool.bytes_max < SPOOL_BYTES_MIN {
            return Err(refuse(
                "spool.bytes-max",
                format!("expected at least {SPOOL_BYTES_MIN}"),
            ));
        }
        let mut names = HashSet::new();
        let stacks = file.stack.into_iter().map(|section| {
            if !names.insert(section.name.to_ascii_lowercase()) {
                let expected = format!("expected a name for each stack; '{}' has two", section.name);
                return Err(refuse("stack.name", expected));
            }
            section.read(folder)
        });
        safe_url(&file.server.url).map_err(|why| refuse("server.url", why))?;
        Ok(Self {
            stacks: stacks.collect::<Result<_, _>>()?,
            server: ServerAddress {
                url: file.server.url,
                ca: file.server.ca.map(|path| folder.join(path)),
            },
            spool_directory: folder.join(file.spool.directory),
            spool_bytes_max: file.spool.bytes_max,
            listen: file.status.listen,
        })
    }
}

impl StackSection {
    fn read(self, folder: &Path) -> Result<StackConfig, InvalidConfig> {
        let name = self.name.clone();
        let refuse = |key: &str, expected: &dyn std::fmt::Display| {
            refuse(&format!("{key}` of stack `{name}"), expected)
        };
        let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || name.len() > STACK_NAME_CHARACTERS_MAX || !name.chars().all(is_good) {
            return Err(refuse(
                "name",
                &format!("expected 1 to {STACK_NAME_CHARACTERS_MAX} letters, digits and hyphens"),
            ));
        }
        safe_url(&self.endpoint).map_err(|why| refuse("endpoint", &why))?;
        if self.lookback_hours > LOOKBACK_HOURS_MAX {
            return Err(refuse(
                "lookback-hours",
                &format!("expected at most {LOOKBACK_HOURS_MAX}"),
            ));
        }
        if self.margin_minutes > MARGIN_MINUTES_MAX {
            return Err(refuse(
                "margin-minutes",
                &format!("expected at most {MARGIN_MINUTES_MAX}"),
            ));
        }
        let proof = match (self.secret_file, self.certificate_file, self.key_file) {
            (Some(secret), None, None) => Proof::Secret(folder.join(secret)),
            (None, Some(certificate), Some(key)) => Proof::Certificate {
                certificate: folder.join(certificate),
                key: folder.join(key),
            },
            _ => {
                let expected = "expected either `secret-file`, or `certificate-file` and `key-file`";
                return Err(refuse("secret-file", &expected));
            }
        };
        let provider = self
            .provider_subscription
            .map(|text| text.parse::<SubscriptionId>());
        let cloud_id = self.cloud_id.map(|text| text.parse::<CloudId>());
        let start = self.start.map(|text| text.parse::<Hour>());
        Ok(StackConfig {
            address: StackAddress {
                endpoint: self.endpoint,
                ca: self.ca.map(|path| folder.join(path)),
                tenant: self.tenant,
                account: Account {
                    client_id: self.client_id,
                    proof,
                },
                provider_subscription: provider
                    .transpose()
                    .map_err(|error| refuse("provider-subscription", &error))?
                    .map(|id| id.to_string()),
            },
            activation_key_file: folder.join(self.activation_key_file),
            cloud_id: cloud_id.transpose().map_err(|error| refuse("cloud-id", &error))?,
            start: start.transpose().map_err(|error| refuse("start", &error))?,
            lookback_hours: self.lookback_hours,
            margin: Duration::from_secs(60 * u64::from(self.margin_minutes)),
            name: self.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"
        [server]
        url = "https://meterbridge.example:8443"
        [spool]
        directory = "spool"
        [[stack]]
        name = "north"
        endpoint = "https://adminmanagement.local.azurestack.external"
        client-id = "bridge"
        secret-file = "north.secret"
        activation-key-file = "north.key"
    "#;

    #[test]
    fn the_smallest_configuration_is_enough() {
        let config = BridgeConfig::parse(SMALLEST, Path::new("/etc/bridge")).unwrap();
        assert_eq!(config.spool_directory, Path::new("/etc/bridge/spool"));
        let stack = &config.stacks[0];
        assert_eq!(stack.activation_key_file, Path::new("/etc/bridge/north.key"));
        assert_eq!((stack.lookback_hours, stack.margin.as_secs()), (6, 900));
        assert_eq!((stack.start, config.listen), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let stack = |line: &str| format!("{SMALLEST}\n{line}");
        for (text, expected) in [
            (stack("retries = 3"), "unknown field `retries`"),
            (SMALLEST.replace("directory", "folder"), "unknown field `folder`"),
            (
                SMALLEST.replace("secret-file = \"north.secret\"", ""),
                "`certificate-file` and `key-file`",
            ),
            (stack("key-file = \"k\""), "either `secret-file`"),
            (stack("cloud-id = \"north\""), "`cloud-id` of stack `north`"),
            (
                stack("start = \"yesterday\""),
                "`start` of stack `north`: expected a date and time",
            ),
            (
                stack("start = \"2026-10-01T00:30:00Z\""),
                "expected the start of an hour",
            ),
            (stack("lookback-hours = 745"), "expected at most 744"),
            (stack("margin-minutes = 1441"), "expected at most 1440"),
            (
                stack("provider-subscription = \"x\""),
                "`provider-subscription` of stack",
            ),
            (
                SMALLEST.replace("\"north\"", "\"../north\""),
                "letters, digits and hyphens",
            ),
            (
                SMALLEST.replace("https://admin", "http://admin"),
                "`endpoint` of stack `north`",
            ),
            (
                SMALLEST.replace("https://meterbridge", "http://meterbridge"),
                "`server.url`",
            ),
            (
                SMALLEST.replace("[spool]", "[spool]\nbytes-max = 5"),
                "`spool.bytes-max`",
            ),
            (
                SMALLEST.replace("[spool]", "[status]\nlisten = \"here\"\n[spool]"),
                "listen",
            ),
            (
                SMALLEST.split("[[stack]]").next().unwrap().to_owned(),
                "expected 1 to 256 [[stack]]",
            ),
            (
                format!(
                    "{SMALLEST}\n[[stack]]{}",
                    SMALLEST.split("[[stack]]").nth(1).unwrap()
                ),
                "'north' has two",
            ),
        ] {
            let error = BridgeConfig::parse(&text, Path::new("")).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}

//! What a bridge is started with: what was said of it, found to be right.

use std::collections::HashSet;
use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use domain::ids::{CloudId, SubscriptionId};
use domain::time::Hour;

use crate::deliver::ServerAddress;
use crate::settings::{Settings, StackSettings};
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
/// What the only stack is called that was given no name.
const STACK_NAME_USUAL: &str = "stack";
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
pub enum InvalidConfig {
    /// The file is not read.
    #[error("line {line}: {why}")]
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// A key that has to be said is not.
    #[error("{key} is missing: expected {expected}")]
    Missing {
        /// The key.
        key: Key,
        /// What it should be.
        expected: &'static str,
    },
    /// The value of a key is not as it should be.
    #[error("{key}: {why}")]
    Invalid {
        /// The key.
        key: Key,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The section, and its name there: `server.url`.
    pub path: &'static str,
    /// Of which stack, if there are stacks with names.
    pub stack: Option<String>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.stack, self.path.strip_prefix("stack.")) {
            (Some(name), Some(key)) => write!(f, "`{key}` of stack `{name}`"),
            _ => write!(f, "`{}`", self.path),
        }
    }
}

impl InvalidConfig {
    pub(crate) fn of(path: &'static str, why: String) -> Self {
        let key = Key { path, stack: None };
        Self::Invalid { key, why }
    }

    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Missing { key, .. } | Self::Invalid { key, .. } => Some(key),
        }
    }
}

impl BridgeConfig {
    /// Reads a configuration; `folder` is where its file is.
    ///
    /// # Errors
    /// [`InvalidConfig`] with the key and what would be right.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, InvalidConfig> {
        Settings::parse(text, folder)?.try_into()
    }
}

impl TryFrom<Settings> for BridgeConfig {
    type Error = InvalidConfig;

    fn try_from(said: Settings) -> Result<Self, InvalidConfig> {
        let of_bridge = Section { stack: None };
        if said.stack.is_empty() || said.stack.len() > STACKS_MAX {
            let why = format!("expected 1 to {STACKS_MAX} [[stack]]");
            return Err(of_bridge.refuse("stack", why));
        }
        let url = of_bridge.said(
            "server.url",
            said.server.url,
            "where usage is delivered to, such as https://meterbridge.example:8443",
        )?;
        safe_url(&url).map_err(|why| of_bridge.refuse("server.url", why))?;
        client::server_url(&url).map_err(|why| of_bridge.refuse("server.url", why))?;
        let spool_directory = of_bridge.said(
            "spool.directory",
            said.spool.directory,
            "a directory for what waits to be delivered",
        )?;
        let spool_bytes_max = said.spool.bytes_max.unwrap_or(SPOOL_BYTES_USUAL);
        if spool_bytes_max < SPOOL_BYTES_MIN {
            let why = format!("expected at least {SPOOL_BYTES_MIN}");
            return Err(of_bridge.refuse("spool.bytes-max", why));
        }
        let listen = said.status.listen.map(|text| text.parse()).transpose();
        let listen = listen.map_err(|_: AddrParseError| {
            let why = "expected an address with its port, such as 127.0.0.1:9465";
            of_bridge.refuse("status.listen", why)
        })?;
        let are_many = said.stack.len() > 1;
        let mut names = HashSet::new();
        let stacks = said.stack.into_iter().map(|stack| {
            let stack = configured(stack, are_many)?;
            if is_same_url(&stack.address.endpoint, &url) {
                let of = Section {
                    stack: Some(stack.name),
                };
                let why = "it is the same as `server.url`: one of them is the stack's admin endpoint, and the other the \
                           Meterbridge server";
                return Err(of.refuse("stack.endpoint", why));
            }
            if !names.insert(stack.name.to_ascii_lowercase()) {
                let why = format!("expected a name for each stack; '{}' has two", stack.name);
                return Err(of_bridge.refuse("stack.name", why));
            }
            Ok(stack)
        });
        Ok(Self {
            stacks: stacks.collect::<Result<_, _>>()?,
            server: ServerAddress {
                url,
                ca: said.server.ca,
            },
            spool_directory,
            spool_bytes_max,
            listen,
        })
    }
}

fn is_same_url(one: &str, other: &str) -> bool {
    let url = |text: &str| safe_url(text.trim().trim_end_matches('/')).ok();
    url(one).is_some_and(|one| Some(one) == url(other))
}

/// Where keys are that are missing or not right.
struct Section {
    stack: Option<String>,
}

impl Section {
    fn key(&self, path: &'static str) -> Key {
        Key {
            path,
            stack: self.stack.clone(),
        }
    }

    fn refuse(&self, path: &'static str, why: impl fmt::Display) -> InvalidConfig {
        InvalidConfig::Invalid {
            key: self.key(path),
            why: why.to_string(),
        }
    }

    fn said<T>(
        &self,
        path: &'static str,
        said: Option<T>,
        expected: &'static str,
    ) -> Result<T, InvalidConfig> {
        said.ok_or_else(|| InvalidConfig::Missing {
            key: self.key(path),
            expected,
        })
    }

    fn read<T>(&self, path: &'static str, text: Option<String>) -> Result<Option<T>, InvalidConfig>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let read = text.map(|text| text.parse()).transpose();
        read.map_err(|error: T::Err| self.refuse(path, error))
    }

    fn at_most(&self, path: &'static str, value: u16, most: u16) -> Result<u16, InvalidConfig> {
        if value > most {
            return Err(self.refuse(path, format!("expected at most {most}")));
        }
        Ok(value)
    }
}

/// One stack; it needs no name where it is the only one.
fn configured(said: StackSettings, are_many: bool) -> Result<StackConfig, InvalidConfig> {
    let of = Section {
        stack: said.name.clone(),
    };
    let usual = (!are_many).then(|| STACK_NAME_USUAL.to_owned());
    let name = of.said(
        "stack.name",
        said.name.clone().or(usual),
        "what each stack is called here, where there are several",
    )?;
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || name.len() > STACK_NAME_CHARACTERS_MAX || !name.chars().all(is_good) {
        let why = format!("expected 1 to {STACK_NAME_CHARACTERS_MAX} letters, digits and hyphens");
        return Err(of.refuse("stack.name", why));
    }
    let lookback_hours = said.lookback_hours.unwrap_or(LOOKBACK_HOURS_USUAL);
    let margin_minutes = said.margin_minutes.unwrap_or(MARGIN_MINUTES_USUAL);
    let margin_minutes = of.at_most("stack.margin-minutes", margin_minutes, MARGIN_MINUTES_MAX)?;
    Ok(StackConfig {
        lookback_hours: of.at_most("stack.lookback-hours", lookback_hours, LOOKBACK_HOURS_MAX)?,
        margin: Duration::from_secs(60 * u64::from(margin_minutes)),
        cloud_id: of.read("stack.cloud-id", said.cloud_id.clone())?,
        start: of.read("stack.start", said.start.clone())?,
        activation_key_file: of.said(
            "stack.activation-key-file",
            said.activation_key_file.clone(),
            "a file with the activation key of the stack's registration",
        )?,
        address: address(&of, said)?,
        name,
    })
}

impl TryFrom<StackSettings> for StackAddress {
    type Error = InvalidConfig;

    fn try_from(said: StackSettings) -> Result<Self, InvalidConfig> {
        let stack = said.name.clone();
        address(&Section { stack }, said)
    }
}

fn address(of: &Section, said: StackSettings) -> Result<StackAddress, InvalidConfig> {
    let endpoint = of.said(
        "stack.endpoint",
        said.endpoint,
        "the stack's admin endpoint, such as https://adminmanagement.local.azurestack.external",
    )?;
    safe_url(&endpoint).map_err(|why| of.refuse("stack.endpoint", why))?;
    let provider: Option<SubscriptionId> =
        of.read("stack.provider-subscription", said.provider_subscription)?;
    let client_id = of.said(
        "stack.client-id",
        said.client_id,
        "the account that the bridge has on the stack",
    )?;
    let proof = match (said.secret_file, said.certificate_file, said.key_file) {
        (Some(secret), None, None) => Proof::Secret(secret),
        (None, Some(certificate), Some(key)) => Proof::Certificate { certificate, key },
        _ => {
            let why = "expected either `secret-file`, or `certificate-file` and `key-file`";
            return Err(of.refuse("stack.secret-file", why));
        }
    };
    Ok(StackAddress {
        endpoint,
        ca: said.ca,
        tenant: said.tenant,
        account: Account { client_id, proof },
        provider_subscription: provider.map(|id| id.to_string()),
    })
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
        let unnamed = SMALLEST.replace("name = \"north\"", "");
        let config = BridgeConfig::parse(&unnamed, Path::new("")).unwrap();
        assert_eq!(config.stacks[0].name, "stack");
    }

    #[test]
    fn a_url_with_the_path_of_the_api_would_be_refused_as_if_the_activation_key_were_wrong() {
        let url = |path: &str| SMALLEST.replace(":8443\"", &format!(":8443{path}\""));
        for path in ["/api/v1", "/api/v1/", "/behind/another/api/v1/stacks"] {
            let error = BridgeConfig::parse(&url(path), Path::new("")).unwrap_err();
            assert_eq!(error.key().map(|key| key.path), Some("server.url"), "{path}");
            assert!(
                error.to_string().contains("/api/v1 is added to it by itself"),
                "{error}"
            );
        }
        BridgeConfig::parse(&url("/behind/another/"), Path::new("")).unwrap();
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
                SMALLEST.replace(
                    "https://meterbridge.example:8443",
                    "https://AdminManagement.local.azurestack.external:443/",
                ),
                "`endpoint` of stack `north`: it is the same as `server.url`",
            ),
            (
                SMALLEST.replace("[spool]", "[spool]\nbytes-max = 5"),
                "`spool.bytes-max`",
            ),
            (
                SMALLEST.replace("[spool]", "[status]\nlisten = \"here\"\n[spool]"),
                "`status.listen`: expected an address with its port",
            ),
            (
                SMALLEST.replace("url =", "ca ="),
                "`server.url` is missing: expected where usage is delivered to",
            ),
            (
                SMALLEST.replace("client-id", "tenant"),
                "`client-id` of stack `north` is missing",
            ),
            (
                format!("{}\n[[stack]]", SMALLEST.replace("name = \"north\"", "")),
                "`stack.name` is missing",
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

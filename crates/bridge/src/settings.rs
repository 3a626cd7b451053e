//! What is said of a bridge: in a file, and on a command line, which wins over it.
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
//! Paths are relative to the folder of the file. No secret is in it: secrets are in files of their own.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::InvalidConfig;

/// Everything that is said of a bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Where usage is delivered to.
    pub server: ServerSettings,
    /// Where it waits until then.
    pub spool: SpoolSettings,
    /// Where it can be seen how the bridge is.
    pub status: StatusSettings,
    /// The stacks.
    pub stack: Vec<StackSettings>,
}

/// What a command line says, of the bridge and of one of its stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Where usage is delivered to.
    pub server: ServerSettings,
    /// Where it waits until then.
    pub spool: SpoolSettings,
    /// Where it can be seen how the bridge is.
    pub status: StatusSettings,
    /// The stack that is meant.
    pub stack: StackSettings,
}

/// The section `[server]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ServerSettings {
    /// The server's URL.
    pub url: Option<String>,
    /// A file with the certificates that it is trusted by.
    pub ca: Option<PathBuf>,
}

/// The section `[spool]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SpoolSettings {
    /// The directory.
    pub directory: Option<PathBuf>,
    /// The most bytes that wait there, of each stack.
    pub bytes_max: Option<u64>,
}

/// The section `[status]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StatusSettings {
    /// Where `/metrics` and `/healthz` are.
    pub listen: Option<String>,
}

/// A section `[[stack]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StackSettings {
    /// What the stack is called here.
    pub name: Option<String>,
    /// Its admin endpoint of Azure Resource Manager.
    pub endpoint: Option<String>,
    /// A file with the certificates that it is trusted by.
    pub ca: Option<PathBuf>,
    /// The directory of the account, where the stack does not have its own.
    pub tenant: Option<String>,
    /// The account.
    pub client_id: Option<String>,
    /// The file with the account's secret.
    pub secret_file: Option<PathBuf>,
    /// The file with the account's certificate.
    pub certificate_file: Option<PathBuf>,
    /// The file with the key of that certificate.
    pub key_file: Option<PathBuf>,
    /// The subscription of the stack's operator.
    pub provider_subscription: Option<String>,
    /// The file with the stack's activation key.
    pub activation_key_file: Option<PathBuf>,
    /// The stack's cloud id, where it does not say so itself.
    pub cloud_id: Option<String>,
    /// The hour of reported time with which reading begins.
    pub start: Option<String>,
    /// How many hours are read again whenever a new one was read.
    pub lookback_hours: Option<u16>,
    /// How long an hour has to be over before it is read.
    pub margin_minutes: Option<u16>,
}

impl Settings {
    /// Reads a file that is in this folder, beside the files that it names.
    ///
    /// # Errors
    /// [`InvalidConfig`] with the line. Lines are not repeated: who wrote a secret into one does not find it in a log.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, InvalidConfig> {
        let read: Result<Self, _> = toml::from_str(text);
        let mut settings = read.map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            let why = crate::misread::why(text, at, error.message());
            InvalidConfig::Unreadable { line, why }
        })?;
        let stacks = settings.stack.iter_mut().flat_map(StackSettings::files);
        let files = [&mut settings.server.ca, &mut settings.spool.directory];
        for file in files.into_iter().chain(stacks).flatten() {
            *file = folder.join(&*file);
        }
        Ok(settings)
    }

    /// The same, where something else is said in other words. Who names a stack, or says anything of one, means this one
    /// alone: it is the one of that name; without a name the only one, and one that is not there yet is made.
    ///
    /// # Errors
    /// [`InvalidConfig`] if it is not clear which stack is meant.
    pub fn overridden(self, by: Overrides) -> Result<Self, InvalidConfig> {
        let Overrides {
            server,
            spool,
            status,
            stack,
        } = by;
        Ok(Self {
            server: ServerSettings {
                url: server.url.or(self.server.url),
                ca: server.ca.or(self.server.ca),
            },
            spool: SpoolSettings {
                directory: spool.directory.or(self.spool.directory),
                bytes_max: spool.bytes_max.or(self.spool.bytes_max),
            },
            status: StatusSettings {
                listen: status.listen.or(self.status.listen),
            },
            stack: if stack == StackSettings::default() {
                self.stack
            } else {
                vec![meant(self.stack, stack)?]
            },
        })
    }
}

fn meant(of: Vec<StackSettings>, said: StackSettings) -> Result<StackSettings, InvalidConfig> {
    let names: Vec<&str> = of.iter().filter_map(|it| it.name.as_deref()).collect();
    let names = names.join("`, `");
    let mut candidates: Vec<StackSettings> = match &said.name {
        None => of,
        Some(name) => {
            let is_it =
                |it: &StackSettings| it.name.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(name));
            of.into_iter().filter(is_it).collect()
        }
    };
    match (candidates.pop(), &said.name) {
        (Some(found), _) if candidates.is_empty() => Ok(said.or(found)),
        (None, Some(name)) if said.endpoint.is_none() && !names.is_empty() => Err(InvalidConfig::of(
            "stack.name",
            format!("there is no stack `{name}`: expected one of `{names}`, or where the new one is"),
        )),
        (None, _) => Ok(said),
        (Some(_), _) => Err(InvalidConfig::of(
            "stack.name",
            format!("there are several stacks: expected one of `{names}`"),
        )),
    }
}

impl StackSettings {
    fn files(&mut self) -> [&mut Option<PathBuf>; 5] {
        [
            &mut self.ca,
            &mut self.secret_file,
            &mut self.certificate_file,
            &mut self.key_file,
            &mut self.activation_key_file,
        ]
    }

    /// What is not said here is as it is said there. An account is proved in one way, so that comes from one of the two.
    fn or(self, other: Self) -> Self {
        let proof = (self.secret_file, self.certificate_file, self.key_file);
        let (secret_file, certificate_file, key_file) = match proof {
            (None, None, None) => (other.secret_file, other.certificate_file, other.key_file),
            said => said,
        };
        Self {
            name: other.name.or(self.name),
            endpoint: self.endpoint.or(other.endpoint),
            ca: self.ca.or(other.ca),
            tenant: self.tenant.or(other.tenant),
            client_id: self.client_id.or(other.client_id),
            secret_file,
            certificate_file,
            key_file,
            provider_subscription: self.provider_subscription.or(other.provider_subscription),
            activation_key_file: self.activation_key_file.or(other.activation_key_file),
            cloud_id: self.cloud_id.or(other.cloud_id),
            start: self.start.or(other.start),
            lookback_hours: self.lookback_hours.or(other.lookback_hours),
            margin_minutes: self.margin_minutes.or(other.margin_minutes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str) -> StackSettings {
        StackSettings {
            name: Some(name.to_owned()),
            client_id: Some(format!("of {name}")),
            secret_file: Some("secret".into()),
            ..StackSettings::default()
        }
    }

    fn overridden(names: &[&str], said: StackSettings) -> Result<Vec<StackSettings>, String> {
        let settings = Settings {
            stack: names.iter().map(|name| stack(name)).collect(),
            ..Settings::default()
        };
        let by = Overrides {
            stack: said,
            ..Overrides::default()
        };
        let overridden = settings.overridden(by).map_err(|error| error.to_string())?;
        Ok(overridden.stack)
    }

    #[test]
    fn what_is_said_of_a_stack_is_about_no_other() {
        let said = |name: Option<&str>, endpoint: Option<&str>| StackSettings {
            name: name.map(str::to_owned),
            endpoint: endpoint.map(str::to_owned),
            ..StackSettings::default()
        };
        let both = ["north", "south"];
        assert_eq!(overridden(&both, said(None, None)).unwrap().len(), 2);
        let south = overridden(&both, said(Some("South"), Some("e"))).unwrap();
        let expected = StackSettings {
            endpoint: Some("e".to_owned()),
            ..stack("south")
        };
        assert_eq!(south, [expected]);
        assert_eq!(
            overridden(&["north"], said(None, Some("e"))).unwrap()[0]
                .name
                .as_deref(),
            Some("north")
        );
        assert_eq!(
            overridden(&[], said(None, Some("e"))).unwrap(),
            [said(None, Some("e"))]
        );
        let new = said(Some("west"), Some("e"));
        assert_eq!(overridden(&both, new.clone()).unwrap(), [new]);
        for (said, told) in [
            (
                said(None, Some("e")),
                "there are several stacks: expected one of `north`, `south`",
            ),
            (
                said(Some("west"), None),
                "there is no stack `west`: expected one of `north`, `south`",
            ),
        ] {
            let error = overridden(&both, said).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn an_account_is_not_proved_with_half_of_one_proof_and_half_of_another() {
        let said = StackSettings {
            certificate_file: Some("c".into()),
            key_file: Some("k".into()),
            ..StackSettings::default()
        };
        let [it] = &overridden(&["north"], said).unwrap()[..] else {
            panic!("one stack was meant");
        };
        assert_eq!((&it.secret_file, &it.key_file), (&None, &Some("k".into())));
    }

    #[test]
    fn files_are_beside_the_file_that_names_them() {
        let text = "[server]\nca = \"ca.pem\"\n[[stack]]\nkey-file = \"k\"\nsecret-file = \"/run/s\"";
        let settings = Settings::parse(text, Path::new("/etc/bridge")).unwrap();
        let stack = &settings.stack[0];
        assert_eq!(
            settings.server.ca.as_deref(),
            Some(Path::new("/etc/bridge/ca.pem"))
        );
        assert_eq!(stack.key_file.as_deref(), Some(Path::new("/etc/bridge/k")));
        assert_eq!(stack.secret_file.as_deref(), Some(Path::new("/run/s")));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_said_by_its_key_with_one_of_the_right_kind() {
        for (text, expected) in [
            (
                "[stack]\nname = \"n\"",
                "line 1: expected [[stack]] with two brackets",
            ),
            (
                "[[server]]\nurl = \"u\"",
                "line 1: expected [server] with one bracket",
            ),
            (
                "server = \"https://a.example\"",
                "line 1: `server` is a section: it begins with a line [server]",
            ),
            ("stack = 1", "line 1: `stack` is a section"),
            (
                "[[stack]]\nname = \"n\"\nlookback-hours = \"hunter2\"",
                "line 3: `lookback-hours`: expected a whole number, not below zero and without quotes, such as \
                 lookback-hours = 6",
            ),
            (
                "[spool]\nbytes-max = -1",
                "line 2: `bytes-max`: expected a whole number",
            ),
            (
                "[[stack]]\nmargin-minutes = 70000",
                "line 2: `margin-minutes`: expected a whole number",
            ),
            (
                "[[stack]]\nstart = 2026-10-01T00:00:00Z",
                "line 2: `start`: expected a text in quotes, such as start = \"2026-10-01T00:00:00Z\"",
            ),
            ("[server]\nurl = 8443", "line 2: `url`: expected a text in quotes"),
            (
                "[server]\nurl = true\n[[stack]]",
                "line 2: `url`: expected a text in quotes",
            ),
            (
                "[server]\nurl = \"a\"\n\"ca\" = [1]",
                "line 3: `ca`: expected a text in quotes",
            ),
        ] {
            let error = Settings::parse(text, Path::new("")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{expected}\n{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_secret_that_somebody_wrote_into_the_file_is_not_repeated() {
        for line in [
            "secret = \"hunter2\"",
            "secret-file = hunter2",
            "client-id = [\"hunter2\"]",
        ] {
            let text = format!("[[stack]]\nname = \"north\"\n{line}");
            let error = Settings::parse(&text, Path::new("")).unwrap_err().to_string();
            assert!(
                error.starts_with("line 3: ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}

//! The configuration file: what it says, or the line in which it says something else.

use std::path::Path;

use clap::ValueEnum as _;
use server::StoreConfig;
use toml::de::{DeTable, DeValue};

use crate::args::{self, LogFormat, ServeSettings};
use crate::failure::Failure;

/// Every key, with a value as it should be.
const KEYS: [(&str, &str); 13] = [
    ("access-token-lifetime", "\"1h\""),
    ("audience", "[\"https://management.azure.com/\"]"),
    ("external-issuers", "\"issuers.json\""),
    ("host-name", "[\"bills.example\"]"),
    ("listen", "\"0.0.0.0:8443\""),
    ("log", "\"info\""),
    ("log-format", "\"json\""),
    ("public-url", "\"https://bills.example:8443\""),
    ("refresh-token-lifetime", "\"14d\""),
    ("store", "\"postgres://meterbridge@db.example/meterbridge\""),
    ("tls-cert", "\"server.pem\""),
    ("tls-key", "\"server.key\""),
    ("webhooks-to-private-networks", "true"),
];

/// What a configuration file says.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) store: Option<StoreConfig>,
    pub(super) serve: ServeSettings,
}

impl Contents {
    /// Reads a file. Files that it names are beside it.
    ///
    /// # Errors
    /// If something in it is not as it should be: in which line, and what would be right.
    pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let refuse = |at: usize, what: String| {
            let before = bytes.iter().take(at);
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            Failure::new(format!("{} cannot be used.", path.display()))
                .coded("InvalidConfiguration")
                .because(format!("line {line}: {what}"))
                .hint(
                    "Its keys are the long options of `meterbridge serve --help`, its values texts (name = \"value\"), lists of them \
                     ([\"value\"]), or true and false without quotes.",
                )
        };
        let text = str::from_utf8(bytes)
            .map_err(|error| refuse(error.valid_up_to(), "this is not text in UTF-8".to_owned()))?;
        // Its own words would repeat the line, which may hold a password.
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            refuse(at, error.message().to_owned())
        })?;
        let mut contents = Self::default();
        for (key, value) in table.get_ref() {
            let set = contents.set(key.get_ref(), value.get_ref(), folder);
            set.map_err(|what| refuse(key.span().start, what))?;
        }
        let serve = &contents.serve;
        let together = match (&serve.tls_cert, &serve.tls_key) {
            (Some(_), None) => Err(("tls-cert", "tls-cert needs tls-key")),
            (None, Some(_)) => Err(("tls-key", "tls-key needs tls-cert")),
            (Some(_), Some(_)) if !serve.host_name.is_empty() => Err((
                "host-name",
                "host-name is for a self-made certificate, and tls-cert names another one: leave one of them out",
            )),
            _ => Ok(()),
        };
        together.map_err(|(name, what)| {
            let mut keys = table.get_ref().keys();
            let key = keys.find(|key| key.get_ref() == name);
            refuse(key.map_or(0, |key| key.span().start), what.to_owned())
        })?;
        Ok(contents)
    }

    fn set(&mut self, key: &str, value: &DeValue<'_>, folder: &Path) -> Result<(), String> {
        let expected = || {
            format!(
                "{key} is {}: expected one such as {key} = {}",
                kind(value),
                example(key)
            )
        };
        let text = || value.as_str().ok_or_else(expected);
        let texts = || list(value).ok_or_else(expected);
        let file = || text().map(|name| Some(folder.join(name)));
        let refused = |error: String| format!("{key}: {error}");
        let Self { store, serve } = self;
        match key {
            "store" => {
                let read = text()?.parse::<StoreConfig>();
                *store = Some(read.map_err(|error| refused(error.to_string()))?);
            }
            "listen" => serve.listen = Some(args::address(text()?).map_err(refused)?),
            "public-url" => serve.public_url = Some(text()?.to_owned()),
            "host-name" => serve.host_name = texts()?,
            "tls-cert" => serve.tls_cert = file()?,
            "tls-key" => serve.tls_key = file()?,
            "log" => serve.log = Some(text()?.to_owned()),
            "log-format" => {
                let read = LogFormat::from_str(text()?, false);
                serve.log_format = Some(read.map_err(|_| expected())?);
            }
            "audience" => serve.identity.audiences = texts()?,
            "webhooks-to-private-networks" => {
                serve.webhooks_to_private_networks = value.as_bool().ok_or_else(expected)?;
            }
            "external-issuers" => serve.identity.external_issuers = file()?,
            "access-token-lifetime" => {
                let read = args::access_token_lifetime(text()?).map_err(refused)?;
                serve.identity.access_token_lifetime = Some(read);
            }
            "refresh-token-lifetime" => {
                let read = args::refresh_token_lifetime(text()?).map_err(refused)?;
                serve.identity.refresh_token_lifetime = Some(read);
            }
            _ => {
                let known = KEYS.map(|(name, _)| name).join(", ");
                return Err(format!("there is no setting {key}: expected one of {known}"));
            }
        }
        Ok(())
    }
}

fn example(key: &str) -> &'static str {
    let known = KEYS.iter().find(|(name, _)| *name == key);
    known.map_or("\"value\"", |(_, example)| example)
}

/// The texts of a list; one text is a list, too.
fn list(value: &DeValue<'_>) -> Option<Vec<String>> {
    if let Some(one) = value.as_str() {
        return Some(vec![one.to_owned()]);
    }
    let texts = value.as_array()?.iter();
    texts.map(|it| it.get_ref().as_str().map(str::to_owned)).collect()
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use clap::CommandFactory as _;

    use super::*;
    use crate::args::CommandLine;

    fn read(text: &str) -> Result<Contents, Failure> {
        Contents::read(text.as_bytes(), Path::new("/data/meterbridge.toml"))
    }

    #[test]
    fn all_that_serve_can_be_told_can_be_said_in_the_file() {
        let mut command = CommandLine::command();
        let serve = command.find_subcommand_mut("serve").unwrap();
        let mut options: Vec<&str> = serve.get_arguments().filter_map(clap::Arg::get_long).collect();
        options.retain(|name| !["data", "config-file"].contains(name));
        options.sort_unstable();
        assert_eq!(options, KEYS.map(|(name, _)| name));
        for (name, example) in KEYS.iter().filter(|(name, _)| !name.starts_with("tls-")) {
            read(&format!("{name} = {example}")).map(drop).unwrap();
        }
    }

    #[test]
    fn what_the_file_says_is_understood_as_on_the_command_line_and_files_are_beside_it() {
        let contents = read(
            "# ours\nstore = \"postgres://m:s3cret@db.example/m\"\nlisten = \"0.0.0.0:443\"\n\
             public-url = 'https://bills.example'\ntls-cert = \"server.pem\"\ntls-key = \"/keys/server.key\"\n\
             log-format = \"json\"\naudience = [\"api://a\", \"api://b\"]\naccess-token-lifetime = \"90m\"\n",
        )
        .unwrap();
        let store = contents.store.unwrap();
        assert_eq!(store.to_string(), "PostgreSQL database \"m\" on db.example");
        assert!(store.has_password());
        let serve = contents.serve;
        assert_eq!(serve.listen, Some(([0, 0, 0, 0], 443).into()));
        assert_eq!(serve.public_url.as_deref(), Some("https://bills.example"));
        assert_eq!(serve.tls_cert, Some(PathBuf::from("/data/server.pem")));
        assert_eq!(serve.tls_key, Some(PathBuf::from("/keys/server.key")));
        assert_eq!(serve.log_format, Some(LogFormat::Json));
        assert_eq!(serve.identity.audiences, ["api://a", "api://b"]);
        assert_eq!(
            serve.identity.access_token_lifetime,
            Some(Duration::from_secs(90 * 60))
        );
        let one = read("host-name = \"bills.example\"").unwrap();
        assert_eq!(one.serve.host_name, ["bills.example"]);
        assert!(read("").unwrap().store.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_would_be_right() {
        for (text, told) in [
            (
                "listen = 8443",
                "line 1: listen is a number: expected one such as listen = \"0.0.0.0:8443\"",
            ),
            (
                "\nlisten = \"8443\"",
                "line 2: listen: expected an address with a port",
            ),
            (
                "# ours\n\nlistn = \"127.0.0.1:8443\"",
                "line 3: there is no setting listn: expected one of access-token",
            ),
            (
                "[serve]\nlisten = \"127.0.0.1:8443\"",
                "line 1: there is no setting serve",
            ),
            (
                "log = \"info\"\nlog-format = \"xml\"",
                "line 2: log-format is a text: expected one such as",
            ),
            (
                "audience = [\"api://a\", 7]",
                "line 1: audience is a list: expected one such as audience = [\"",
            ),
            (
                "access-token-lifetime = \"1w\"",
                "line 1: access-token-lifetime: expected a time from 5m to 24h",
            ),
            (
                "refresh-token-lifetime = true",
                "line 1: refresh-token-lifetime is true or false",
            ),
            (
                "store = \"mysql://m@db/m\"",
                "line 1: store: expected a URL such as postgres://",
            ),
            (
                "log = \"info\"\ntls-key = \"k\"",
                "line 2: tls-key needs tls-cert",
            ),
            (
                "tls-cert = \"c\"\ntls-key = \"k\"\nhost-name = \"h\"",
                "line 3: host-name is for a self-made",
            ),
            ("log = \"info\"\nlog = \"warn\"", "line 2: duplicate key"),
        ] {
            let failure = read(text).err().unwrap_or_else(|| panic!("{text}: taken"));
            assert_eq!((failure.code(), failure.exit_code()), ("InvalidConfiguration", 1));
            assert!(failure.what().contains("/data/meterbridge.toml"), "{failure:?}");
            let [cause] = failure.causes() else {
                panic!("{failure:?}")
            };
            assert!(cause.starts_with(told), "{cause}\nis not\n{told}");
        }
    }

    #[test]
    fn a_password_is_not_repeated_whatever_is_wrong_with_it() {
        for text in [
            "store = \"postgres://m:s3cret@db.example",
            "store = \"postgres://m:s3cret@db.example:port/m\"",
            "store = \"mysql://m:s3cret@db.example/m\"",
            "store = postgres://m:s3cret@db.example/m",
            "store = [\"postgres://m:s3cret@db.example/m\"]",
        ] {
            let failure = read(text).err().unwrap();
            assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        }
    }
}

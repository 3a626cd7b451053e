//! Where a PostgreSQL server is and how it is spoken to, from a URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

/// How long connecting may take, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the system looks whether somebody is still there.
const KEEPALIVES_IDLE: Duration = Duration::from_secs(30);
/// How long what was sent may remain without an answer of the network.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A URL that does not say how to reach PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostgresUrl {
    /// It does not begin as one.
    #[error("expected a URL such as postgres://user@host/database")]
    Scheme,
    /// It cannot be read.
    #[error("the URL of PostgreSQL cannot be read: {0}")]
    Unreadable(String),
    /// It names no host.
    #[error("the URL of PostgreSQL names no host: expected postgres://user@host/database")]
    NoHost,
    /// It asks for a kind of TLS that there is not.
    #[error(
        "sslmode={0} is not supported: expected `verify-full` (the default: the server's certificate is checked, also \
         for its name) or `disable`"
    )]
    SslMode(String),
    /// It names certificates for a connection without TLS.
    #[error("sslrootcert needs TLS: leave out sslmode=disable")]
    RootCertificateWithoutTls,
}

/// A PostgreSQL server and a database on it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    pub(super) connection: Box<tokio_postgres::Config>,
    pub(super) tls: Tls,
}

/// Whether a connection is encrypted, and whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// No: a socket of this machine, or the URL says so.
    Disabled,
    /// Yes, by the authorities that the system trusts.
    System,
    /// Yes, by those of a file.
    File(PathBuf),
}

impl FromStr for PostgresConfig {
    type Err = InvalidPostgresUrl;

    /// Reads `postgres://user:password@host:port/database?name=value`. Beside what
    /// [`tokio_postgres::Config`] knows, `sslmode` may be `verify-full` (the default; not for a socket of this machine)
    /// or `disable`, and `sslrootcert` may name a file with the certificates of the authorities that are trusted.
    fn from_str(url: &str) -> Result<Self, InvalidPostgresUrl> {
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(InvalidPostgresUrl::Scheme);
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let decoded = || {
                let value = form_urlencoded::parse(pair.as_bytes()).next();
                value.map(|(_, value)| value.into_owned()).unwrap_or_default()
            };
            match pair.split_once('=').map_or(pair, |(name, _)| name) {
                "sslmode" => mode = Some(decoded()),
                "sslrootcert" => root = Some(PathBuf::from(decoded())),
                _ => rest.push(pair),
            }
        }
        let mut connection: tokio_postgres::Config = format!("{base}?{}", rest.join("&"))
            .parse()
            .map_err(|error: tokio_postgres::Error| InvalidPostgresUrl::Unreadable(error.to_string()))?;
        if connection.get_hosts().is_empty() {
            return Err(InvalidPostgresUrl::NoHost);
        }
        let local = connection
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        let tls = match (mode.as_deref(), root) {
            (Some("disable"), Some(_)) => return Err(InvalidPostgresUrl::RootCertificateWithoutTls),
            (Some("disable"), None) => Tls::Disabled,
            (None, None) if local => Tls::Disabled,
            (None | Some("verify-full"), Some(file)) => Tls::File(file),
            (None | Some("verify-full"), None) => Tls::System,
            (Some(other), _) => return Err(InvalidPostgresUrl::SslMode(other.to_owned())),
        };
        connection.ssl_mode(match tls {
            Tls::Disabled => SslMode::Disable,
            Tls::System | Tls::File(_) => SslMode::Require,
        });
        if connection.get_application_name().is_none() {
            connection.application_name("meterbridge");
        }
        if connection.get_connect_timeout().is_none() {
            connection.connect_timeout(CONNECT_TIMEOUT);
        }
        connection.keepalives_idle(KEEPALIVES_IDLE);
        connection.tcp_user_timeout(TCP_USER_TIMEOUT);
        Ok(Self {
            connection: Box::new(connection),
            tls,
        })
    }
}

/// Where it is, without the password.
impl fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.connection.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let user = self.connection.get_user().unwrap_or_default();
        let database = self.connection.get_dbname().unwrap_or(user);
        write!(
            f,
            "PostgreSQL database {database:?} on {}",
            hosts.collect::<Vec<_>>().join(", ")
        )
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresConfig({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<PostgresConfig, InvalidPostgresUrl> {
        url.parse()
    }

    #[test]
    fn a_server_elsewhere_is_asked_who_it_is_unless_the_url_says_not_to() {
        for (url, tls) in [
            ("postgres://user@db.example/meterbridge", Tls::System),
            (
                "postgresql://user@db.example:5433/m?sslmode=verify-full",
                Tls::System,
            ),
            (
                "postgres://db.example/m?sslrootcert=%2Fetc%2Fca.pem",
                Tls::File("/etc/ca.pem".into()),
            ),
            (
                "postgres://127.0.0.1/m?sslmode=disable&connect_timeout=2",
                Tls::Disabled,
            ),
            ("postgres://user@%2Fvar%2Frun%2Fpostgresql/m", Tls::Disabled),
        ] {
            assert_eq!(parsed(url).unwrap().tls, tls, "{url}");
        }
    }

    #[test]
    fn a_url_that_says_too_little_or_too_much_is_refused_with_what_would_be_right() {
        let mode = |mode: &str| InvalidPostgresUrl::SslMode(mode.to_owned());
        for (url, error) in [
            ("mysql://host/m", InvalidPostgresUrl::Scheme),
            ("/var/lib/meterbridge", InvalidPostgresUrl::Scheme),
            ("postgres:///m", InvalidPostgresUrl::NoHost),
            ("postgres://host/m?sslmode=prefer", mode("prefer")),
            ("postgres://host/m?sslmode=require", mode("require")),
            (
                "postgres://host/m?sslmode=disable&sslrootcert=ca.pem",
                InvalidPostgresUrl::RootCertificateWithoutTls,
            ),
        ] {
            assert_eq!(parsed(url).unwrap_err(), error, "{url}");
        }
        let unknown = parsed("postgres://host/m?colour=blue").unwrap_err();
        assert!(matches!(unknown, InvalidPostgresUrl::Unreadable(_)), "{unknown}");
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let config = parsed("postgres://user:s3cret@db.example/meterbridge").unwrap();
        assert_eq!(
            config.to_string(),
            "PostgreSQL database \"meterbridge\" on db.example"
        );
        let store = crate::StoreConfig::Postgres(config.clone());
        for text in [config.to_string(), format!("{config:?}"), format!("{store:#?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        let wrong = parsed("postgres://user:s3cret@db.example:port/m").unwrap_err();
        assert!(!format!("{wrong} {wrong:?}").contains("s3cret"), "{wrong:?}");
    }
}

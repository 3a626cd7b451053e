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

/// The parameters of a URL.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "options",
    "password",
    "sslmode",
    "sslrootcert",
    "user",
];

/// A URL that does not say how to reach PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostgresUrl {
    /// It does not begin as one.
    #[error("expected a URL such as postgres://user@host/database")]
    Scheme,
    /// It cannot be read.
    #[error("the URL of PostgreSQL cannot be read: {0}")]
    Unreadable(String),
    /// It has an `@` too many, in a password perhaps: what is behind it would be shown as the name of the host.
    #[error(
        "the URL of PostgreSQL has more than one @ before its parameters: those in a user name or a password are written \
         as %40"
    )]
    At,
    /// It names no host.
    #[error("the URL of PostgreSQL names no host: expected postgres://user@host/database")]
    NoHost,
    /// It asks for a kind of TLS that there is not.
    #[error(
        "sslmode={0} is not supported: expected `verify-full` (the default: the server's certificate is checked, also \
         for its name) or `disable`"
    )]
    SslMode(String),
    /// It asks for servers that do not take writes.
    #[error(
        "target_session_attrs={0} is not supported: leave it out; of several hosts the one that takes writes is looked for"
    )]
    SessionAttributes(String),
    /// It names hosts where they cannot be told apart.
    #[error(
        "{0} is not supported: hosts and ports stand before the name of the database, as in host1:5432,host2:5432"
    )]
    HostParameter(String),
    /// It has a parameter that there is not.
    #[error("the URL of PostgreSQL has a parameter {0:?} that there is not: expected one of {known}", known = PARAMETERS.join(", "))]
    Parameter(String),
    /// It names certificates for a connection without TLS.
    #[error("sslrootcert needs TLS: leave out sslmode=disable")]
    RootCertificateWithoutTls,
}

/// A PostgreSQL server and a database on it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// How each of the hosts is reached. There is one at least, and all have the same user and the same database.
    pub(super) hosts: Vec<tokio_postgres::Config>,
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

    /// Reads `postgres://user:password@host:port/database?name=value`, with several hosts perhaps, of which the one is used
    /// that takes writes. Beside what [`tokio_postgres::Config`] knows, `sslmode` may be `verify-full` (the default; not for
    /// a socket of this machine) or `disable`, and `sslrootcert` may name a file with the certificates of the authorities
    /// that are trusted.
    fn from_str(url: &str) -> Result<Self, InvalidPostgresUrl> {
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .ok_or(InvalidPostgresUrl::Scheme)?;
        let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
        if base.matches('@').count() > 1 {
            return Err(InvalidPostgresUrl::At);
        }
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let decoded = || {
                let value = form_urlencoded::parse(pair.as_bytes()).next();
                value.map(|(_, value)| value.into_owned()).unwrap_or_default()
            };
            match pair.split_once('=').map_or(pair, |(name, _)| name) {
                "sslmode" => mode = Some(decoded()),
                "sslrootcert" => root = Some(PathBuf::from(decoded())),
                "target_session_attrs" if decoded() == "read-write" => {}
                "target_session_attrs" => return Err(InvalidPostgresUrl::SessionAttributes(decoded())),
                name @ ("host" | "hostaddr" | "port") => {
                    return Err(InvalidPostgresUrl::HostParameter(name.to_owned()));
                }
                name if PARAMETERS.contains(&name) => rest.push(pair),
                other => return Err(InvalidPostgresUrl::Parameter(other.to_owned())),
            }
        }
        let (user, place) = base.split_at(base.find('@').map_or(0, |at| at + 1));
        let (names, database) = place.split_once('/').unwrap_or((place, ""));
        let mut hosts = names
            .split(',')
            .map(|host| format!("postgres://{user}{host}/{database}?{}", rest.join("&")).parse())
            .collect::<Result<Vec<tokio_postgres::Config>, _>>()
            .map_err(|error| InvalidPostgresUrl::Unreadable(error.to_string()))?;
        if hosts.iter().any(|host| host.get_hosts().is_empty()) {
            return Err(InvalidPostgresUrl::NoHost);
        }
        let local = hosts
            .iter()
            .flat_map(tokio_postgres::Config::get_hosts)
            .all(|host| matches!(host, Host::Unix(_)));
        let tls = match (mode.as_deref(), root) {
            (Some("disable"), Some(_)) => return Err(InvalidPostgresUrl::RootCertificateWithoutTls),
            (Some("disable"), None) => Tls::Disabled,
            (None, None) if local => Tls::Disabled,
            (None | Some("verify-full"), Some(file)) => Tls::File(file),
            (None | Some("verify-full"), None) => Tls::System,
            (Some(other), _) => return Err(InvalidPostgresUrl::SslMode(other.to_owned())),
        };
        for host in &mut hosts {
            complete(host, &tls);
        }
        Ok(Self { hosts, tls })
    }
}

/// What the URL does not say.
fn complete(host: &mut tokio_postgres::Config, tls: &Tls) {
    host.ssl_mode(match tls {
        Tls::Disabled => SslMode::Disable,
        Tls::System | Tls::File(_) => SslMode::Require,
    });
    if host.get_application_name().is_none() {
        host.application_name("meterbridge");
    }
    if host.get_connect_timeout().is_none() {
        host.connect_timeout(CONNECT_TIMEOUT);
    }
    host.keepalives_idle(KEEPALIVES_IDLE);
    host.tcp_user_timeout(TCP_USER_TIMEOUT);
}

impl PostgresConfig {
    /// Whether the URL holds a password.
    pub(crate) fn has_password(&self) -> bool {
        self.hosts.iter().any(|host| host.get_password().is_some())
    }
}

/// The name of a host.
pub(super) fn name(host: &tokio_postgres::Config) -> String {
    let names = host.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    names.collect()
}

/// Where it is, without the password.
impl fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.hosts.iter().map(name).collect();
        let first = self.hosts.first();
        let user = first.and_then(|host| host.get_user()).unwrap_or_default();
        let database = first.and_then(|host| host.get_dbname()).unwrap_or(user);
        write!(f, "PostgreSQL database {database:?} on {}", names.join(", "))
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
            ("postgres://user@/m", InvalidPostgresUrl::NoHost),
            ("postgres://host1,/m", InvalidPostgresUrl::NoHost),
            (
                "postgres://host/m?host=other",
                InvalidPostgresUrl::HostParameter("host".to_owned()),
            ),
            (
                "postgres://host/m?sslmode=disable&sslrootcert=ca.pem",
                InvalidPostgresUrl::RootCertificateWithoutTls,
            ),
        ] {
            assert_eq!(parsed(url).unwrap_err(), error, "{url}");
        }
        for url in [
            "postgres://host/m?sslmod=disable",
            "postgres://host/m?sslmode=disable&sslmod=x",
        ] {
            let unknown = parsed(url).unwrap_err();
            assert_eq!(unknown, InvalidPostgresUrl::Parameter("sslmod".to_owned()));
            assert!(unknown.to_string().contains("sslmode"), "{unknown}");
        }
        let unreadable = parsed("postgres://host/m?connect_timeout=soon").unwrap_err();
        assert!(
            matches!(unreadable, InvalidPostgresUrl::Unreadable(_)),
            "{unreadable}"
        );
    }

    #[test]
    fn of_several_servers_none_is_accepted_that_would_answer_with_old_bills() {
        let config = parsed("postgres://user:a%40b@db1:5433,db2/m?target_session_attrs=read-write").unwrap();
        assert_eq!(config.to_string(), "PostgreSQL database \"m\" on db1, db2");
        let ports: Vec<_> = config
            .hosts
            .iter()
            .map(|host| host.get_ports().to_vec())
            .collect();
        assert_eq!(ports, [[5433], [5432]]);
        for host in &config.hosts {
            assert_eq!(host.get_password(), Some(b"a@b".as_slice()));
        }
        for attributes in ["any", "read-only"] {
            assert_eq!(
                parsed(&format!("postgres://db1,db2/m?target_session_attrs={attributes}")).unwrap_err(),
                InvalidPostgresUrl::SessionAttributes(attributes.to_owned())
            );
        }
    }

    #[test]
    fn half_a_password_is_not_taken_for_a_host_and_shown() {
        for url in [
            "postgres://user:hunter2@secret@host/db",
            "postgres://user:hun@ter/2@host/db",
        ] {
            let refused = parsed(url).unwrap_err();
            assert_eq!(refused, InvalidPostgresUrl::At, "{url}");
            assert!(!format!("{refused} {refused:?}").contains("hun"), "{refused}");
        }
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

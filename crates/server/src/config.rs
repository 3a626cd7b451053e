//! What a server is started with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::environment::Clock;
use axum::http::Uri;

use crate::identity::IdentityConfig;
use crate::limits::Limits;
use crate::webhooks::WebhooksConfig;

/// What a server is started with.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where its keys and certificates are kept, in folders of their own.
    pub data_directory: PathBuf,
    /// Where it listens; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Under which URL clients reach it: activation keys tell it to stacks. Without one, `https://localhost:PORT`.
    pub public_url: Option<String>,
    /// Its certificate.
    pub tls: Tls,
    /// How people and programs sign in.
    pub identity: IdentityConfig,
    /// Where notices may be sent, and how.
    pub webhooks: WebhooksConfig,
    /// Its limits.
    pub limits: Limits,
    /// The clock by which clients judge certificates and tokens. The clock of the use-cases may be a simulated one, this one
    /// never is.
    pub wall_clock: Arc<dyn Clock>,
}

impl ServerConfig {
    /// A self-made certificate, default limits, reached as localhost.
    #[must_use]
    pub fn new(data_directory: PathBuf, listen: SocketAddr, wall_clock: Arc<dyn Clock>) -> Self {
        Self {
            data_directory,
            listen,
            public_url: None,
            tls: Tls::SelfMade {
                host_names: Vec::new(),
            },
            identity: IdentityConfig::default(),
            webhooks: WebhooksConfig::default(),
            limits: Limits::default(),
            wall_clock,
        }
    }
}

impl ServerConfig {
    /// The names and addresses, beside this machine's own, that a self-made certificate is good for.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = match &self.tls {
            Tls::SelfMade { host_names } => host_names.clone(),
            Tls::Own { .. } => Vec::new(),
        };
        let public = self.public_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
        names.extend(
            public
                .as_ref()
                .and_then(Uri::host)
                .map(|host| host.trim_matches(['[', ']']).to_owned()),
        );
        let address = self.listen.ip();
        names.extend((!address.is_unspecified()).then(|| address.to_string()));
        names
    }
}

/// Where the server's certificate comes from.
#[derive(Debug, Clone)]
pub enum Tls {
    /// From a certificate authority of its own, made at the first start and kept in the data directory. Good for
    /// `localhost`, the loopback addresses, the machine's name, the host of the public URL, the address that is listened
    /// on, and these names and addresses.
    SelfMade {
        /// Further names and addresses.
        host_names: Vec<String>,
    },
    /// From the operator: PEM files.
    Own {
        /// The certificate with its chain, the server's own first.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

impl Tls {
    /// Where, in a data directory, the certificate is that clients of a server with a self-made one have to trust.
    #[must_use]
    pub fn ca_certificate_path(data_directory: &Path) -> PathBuf {
        data_directory.join("tls").join("ca.pem")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl Clock for Never {
        fn now(&self) -> domain::time::Timestamp {
            domain::time::Timestamp::UNIX_EPOCH
        }
    }

    #[test]
    fn a_self_made_certificate_is_good_for_the_public_url() {
        for (listen, public_url, names) in [
            ("0.0.0.0:1", None, vec!["a"]),
            (
                "[::]:1",
                Some("https://bills.example:8443"),
                vec!["a", "bills.example"],
            ),
            (
                "192.0.2.1:1",
                Some("https://[2001:db8::1]/"),
                vec!["a", "2001:db8::1", "192.0.2.1"],
            ),
        ] {
            let config = ServerConfig {
                public_url: public_url.map(str::to_owned),
                tls: Tls::SelfMade {
                    host_names: vec!["a".to_owned()],
                },
                ..ServerConfig::new(PathBuf::new(), listen.parse().unwrap(), Arc::new(Never))
            };
            assert_eq!(config.names(), names);
        }
    }
}

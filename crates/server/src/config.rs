//! What a server is started with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::environment::Clock;

use crate::limits::Limits;

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
    /// Its limits.
    pub limits: Limits,
    /// The clock by which clients judge certificates. The clock of the use-cases may be a simulated one, this one
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
            limits: Limits::default(),
            wall_clock,
        }
    }
}

/// Where the server's certificate comes from.
#[derive(Debug, Clone)]
pub enum Tls {
    /// From a certificate authority of its own, made at the first start and kept in the data directory. Good for
    /// `localhost`, the loopback addresses, the machine's name and these names and addresses.
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

//! The certificate that the server shows, and how TLS is spoken.

mod self_made;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::time::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of keys or certificates cannot be read or written.
    #[error("cannot use {path}: {error}. Expected a file that this process may read and write")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// One of the two files of the authority is gone.
    #[error(
        "{missing} is missing, and {present}, which belongs to it, is there. Restore the file from a backup. If it is lost, \
         remove {present}, too: the next start makes a new authority, and every client has to be told to trust its ca.pem \
         in place of the old one"
    )]
    HalfAnAuthority {
        /// The file that is gone.
        missing: String,
        /// The file that is there.
        present: String,
    },
    /// A file holds something else than it should.
    #[error("{path} holds no {expected} in PEM form: {error}")]
    Content {
        /// The file.
        path: String,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        error: String,
    },
    /// A certificate could not be made, or does not fit its key.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
}

impl TlsError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            error,
        }
    }

    fn content(path: &Path, expected: &'static str, error: &impl ToString) -> Self {
        Self::Content {
            path: path.display().to_string(),
            expected,
            error: error.to_string(),
        }
    }
}

/// What the server shows to its clients.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The server's own certificate, then those that vouch for it.
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// What clients have to trust, in PEM form; nothing if the operator brought the certificate.
    pub(crate) authority_pem: Option<String>,
}

impl Certificate {
    /// Reads the operator's certificate, or makes one for these names that is good from now on.
    pub(crate) fn obtain(
        tls: &Tls,
        names: &[String],
        data_directory: &Path,
        now: Timestamp,
    ) -> Result<Self, TlsError> {
        match tls {
            Tls::SelfMade { .. } => {
                let authority = self_made::Authority::open(&data_directory.join("tls"), now)?;
                authority.issue(names, now)
            }
            Tls::Own { certificate, key } => own(certificate, key),
        }
    }

    /// How TLS is spoken with this certificate: HTTP/2 or HTTP/1.1 inside.
    pub(crate) fn into_config(self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key);
        let mut config = config.map_err(|error| TlsError::Unusable(error.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn own(certificate: &Path, key: &Path) -> Result<Certificate, TlsError> {
    let read = |path: &Path| fs::read(path).map_err(|error| TlsError::file(path, error));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
    let chain = chain.map_err(|error| TlsError::content(certificate, "certificate", &error))?;
    if chain.is_empty() {
        return Err(TlsError::content(certificate, "certificate", &"it has none"));
    }
    let key_read = PrivateKeyDer::from_pem_slice(&read(key)?);
    let key = key_read.map_err(|error| TlsError::content(key, "private key", &error))?;
    Ok(Certificate {
        chain,
        key,
        authority_pem: None,
    })
}

//! Serving a stack to other processes, and the certificates for that.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, date_time_ymd,
};

use crate::admin_api::AdminApi;

/// How long certificates are good that are made here: longer than anybody tries anything out.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// They are good from this long before they were made, as clocks differ.
const BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that has to do with certificates cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(String);

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a stack on this machine shows of itself, as PEM.
pub struct StackCertificate {
    /// The authority that clients are to trust.
    pub authority: String,
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// What proves an account without a secret.
pub struct AccountCertificate {
    /// The certificate, as PEM.
    pub certificate: String,
    /// Its private key, as PEM.
    pub key: String,
    /// What [`crate::Account::certificate_key`] is for it.
    pub public_key: Vec<u8>,
}

impl fmt::Debug for StackCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StackCertificate(…)")
    }
}

impl fmt::Debug for AccountCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountCertificate(…)")
    }
}

impl StackCertificate {
    /// Makes one for the names of this machine's loopback interface.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn make(now: Timestamp) -> Result<Self, CertificateError> {
        let mut params = params("Simulated stack, certificate authority", &[], now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let authority = params.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(params, authority_key);
        let names = ["localhost", "127.0.0.1", "::1"];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = self::params("Simulated stack", &names, now)?.signed_by(&key, &issuer)?;
        Ok(Self {
            authority,
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl AccountCertificate {
    /// Makes one with an RSA key, as directories expect it.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn make(now: Timestamp) -> Result<Self, CertificateError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let certificate = params("Bridge of a simulated stack", &[], now)?.self_signed(&key)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            public_key: key.der_bytes().to_vec(),
        })
    }

    /// One that was made before.
    ///
    /// # Errors
    /// [`CertificateError`] if the key is none.
    pub fn of(certificate: String, key: String) -> Result<Self, CertificateError> {
        let public_key = KeyPair::from_pem(&key)?.der_bytes().to_vec();
        Ok(Self {
            certificate,
            key,
            public_key,
        })
    }
}

fn params(name: &str, names: &[&str], now: Timestamp) -> Result<CertificateParams, CertificateError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    let since_1970 = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970.saturating_sub(BACKDATED);
    params.not_after = params.not_before + BACKDATED + CERTIFICATE_LIFE;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// Serves a stack until the process ends or this is dropped: with TLS if there is a certificate.
///
/// # Errors
/// If the listener fails, or the certificate cannot be used.
pub async fn serve(
    api: AdminApi,
    listener: TcpListener,
    certificate: Option<StackCertificate>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let service = api.router().into_make_service();
    match certificate {
        Some(StackCertificate { certificate, key, .. }) => {
            let tls = RustlsConfig::from_pem(certificate.into_bytes(), key.into_bytes()).await?;
            axum_server::from_tcp_rustls(listener, tls)?.serve(service).await
        }
        None => axum_server::from_tcp(listener)?.serve(service).await,
    }
}

//! A certificate authority of the server's own.
//!
//! Only the authority is kept: clients are told to trust it once. The certificate that it vouches for is made anew at
//! each start and from time to time while the server runs, so it never runs out and always has the configured names.

use std::path::Path;
use std::time::Duration;

use domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Certificate, TlsError};
use crate::secret_file;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long ago a certificate's time begins, for clients whose clock is slow.
const BACKDATED: Duration = DAY.saturating_mul(30);
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3653);
const CERTIFICATE_LIFE: Duration = DAY.saturating_mul(397);

/// Who vouches for the server's certificate.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    /// Reads the authority in a folder, or makes one there.
    pub(super) fn open(directory: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let (certificate_path, key_path) = (directory.join("ca.pem"), directory.join("ca.key"));
        let read = |path: &Path| secret_file::read(path).map_err(|error| TlsError::file(path, error));
        let (pem, key) = match (read(&certificate_path)?, read(&key_path)?) {
            (Some(pem), Some(key)) => (pem, key),
            (None, None) => {
                let (pem, key) = make(now).map_err(unusable)?;
                secret_file::make_directory(directory).map_err(|error| TlsError::file(directory, error))?;
                secret_file::write(&key_path, key.as_bytes())
                    .map_err(|error| TlsError::file(&key_path, error))?;
                secret_file::write_public(&certificate_path, pem.as_bytes())
                    .map_err(|error| TlsError::file(&certificate_path, error))?;
                tracing::info!(path = %certificate_path.display(), "made a certificate authority: clients have to trust it");
                (pem, key)
            }
            // To make a new one would lock out every client that trusts the old one, for what may be an oversight.
            (pem, _) => {
                let (missing, present) = match pem {
                    Some(_) => (key_path, certificate_path),
                    None => (certificate_path, key_path),
                };
                return Err(TlsError::HalfAnAuthority {
                    missing: missing.display().to_string(),
                    present: present.display().to_string(),
                });
            }
        };
        let key =
            KeyPair::from_pem(&key).map_err(|error| TlsError::content(&key_path, "private key", &error))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
        let certificate =
            certificate.map_err(|error| TlsError::content(&certificate_path, "certificate", &error))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| TlsError::content(&certificate_path, "certificate authority", &error))?;
        Ok(Self {
            issuer,
            certificate,
            pem,
        })
    }

    /// Makes a certificate for the names by which this machine is reached.
    pub(super) fn issue(&self, further_names: &[String], now: Timestamp) -> Result<Certificate, TlsError> {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        names.extend(machine_name());
        names.extend(further_names.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let mut params = CertificateParams::new(names).map_err(unusable)?;
        set_life(&mut params, now, CERTIFICATE_LIFE);
        params.distinguished_name.push(DnType::CommonName, "Meterbridge");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unusable)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(unusable)?;
        Ok(Certificate {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            authority_pem: Some(self.pem.clone()),
        })
    }
}

/// Makes an authority: its certificate and its private key, in PEM form.
fn make(now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    set_life(&mut params, now, AUTHORITY_LIFE);
    params
        .distinguished_name
        .push(DnType::CommonName, "Meterbridge certificate authority");
    // It vouches for servers, not for other authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn set_life(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let since_1970 = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    let start = date_time_ymd(1970, 1, 1) + since_1970.saturating_sub(BACKDATED);
    params.not_before = start;
    params.not_after = start + BACKDATED + life;
}

/// What the machine calls itself, if that can be found out and be put into a certificate.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (!name.is_empty() && name.bytes().all(legal)).then(|| name.to_ascii_lowercase())
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unusable(error: rcgen::Error) -> TlsError {
    TlsError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_authority_stays_while_certificates_come_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let tls = directory.path().join("tls");
        let first = Authority::open(&tls, at("2026-11-21T00:00:00Z")).unwrap();
        let one = first
            .issue(&["bills.example".to_owned()], at("2026-11-21T00:00:00Z"))
            .unwrap();
        let again = Authority::open(&tls, at("2027-11-21T00:00:00Z")).unwrap();
        let other = again.issue(&[], at("2027-11-21T00:00:00Z")).unwrap();
        assert_eq!(one.authority_pem, other.authority_pem);
        assert_ne!(one.chain[0], other.chain[0]);
        assert_eq!(one.chain[1], other.chain[1]);
        other.into_config().unwrap();
    }

    #[test]
    fn what_clients_are_to_trust_can_be_read_by_them_and_the_key_behind_it_cannot() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open(directory.path(), at("2026-11-21T00:00:00Z")).unwrap();
        for (file, expected) in [("ca.pem", 0o644), ("ca.key", 0o600)] {
            let mode = std::fs::metadata(directory.path().join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, expected, "{file}");
        }
    }

    #[test]
    fn half_an_authority_is_not_replaced_in_silence() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open(directory.path(), at("2026-11-21T00:00:00Z")).unwrap();
        std::fs::remove_file(directory.path().join("ca.key")).unwrap();
        let error = Authority::open(directory.path(), at("2026-11-21T00:00:00Z"))
            .err()
            .unwrap();
        for said in [
            "ca.key is missing",
            "from a backup",
            "ca.pem, too",
            "every client",
        ] {
            assert!(error.to_string().contains(said), "{said}: {error}");
        }
    }
}

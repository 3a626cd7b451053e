//! Certificates by which programs prove themselves: they sign a short text with the key (RFC 7523).

use std::fmt;

use aws_lc_rs::digest::{Algorithm as Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::ClientError;

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long a signed text is good.
const ASSERTION_SECONDS: i64 = 10 * 60;

/// A certificate with its private key.
pub struct CertificateAndKey {
    /// The certificate in base64 of its DER form.
    certificate: String,
    /// By what directories know it: Entra ID and AD FS go by the first, newer ones also by the second.
    sha1: String,
    sha256: String,
    key: EncodingKey,
}

/// When a text is signed, and what tells it from every other.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Seconds since 1970.
    pub now: i64,
    /// An id that was never used before.
    pub id: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl CertificateAndKey {
    /// Reads both from PEM text: a certificate (the first, if there is a chain) and its RSA key, not encrypted.
    ///
    /// # Errors
    /// [`ClientError::Settings`] if one of them is missing or cannot be used.
    pub fn from_pem(pem: &str) -> Result<Self, ClientError> {
        let refuse = |what: &str| {
            ClientError::Settings(format!(
                "{what}. Expected PEM text with a certificate (-----BEGIN CERTIFICATE-----) and its RSA key \
                 (-----BEGIN PRIVATE KEY-----, not encrypted)."
            ))
        };
        let certificate = block(pem, "CERTIFICATE").ok_or_else(|| refuse("There is no certificate"))?;
        let key = ["PRIVATE KEY", "RSA PRIVATE KEY"]
            .iter()
            .find_map(|label| block(pem, label));
        let key = key.ok_or_else(|| match block(pem, "EC PRIVATE KEY") {
            Some(_) => refuse("The private key is one of an elliptic curve, and an RSA key is needed"),
            None => refuse("There is no private key beside the certificate"),
        })?;
        let key = EncodingKey::from_rsa_pem(key.as_bytes());
        let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
        let certificate: String = lines.map(str::trim).collect();
        let der = STANDARD.decode(&certificate);
        let der = der.map_err(|_| refuse("The certificate cannot be used: it is not base64"))?;
        Ok(Self {
            certificate,
            sha1: thumbprint(&SHA1_FOR_LEGACY_USE_ONLY, &der),
            sha256: thumbprint(&SHA256, &der),
            key: key.map_err(|_| refuse("The private key cannot be used: it is no RSA key"))?,
        })
    }

    /// A text, signed with the key, by which whoever is asked for tokens knows the program.
    ///
    /// # Errors
    /// [`ClientError::Settings`] if nothing can be signed with the key.
    pub fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, ClientError> {
        let header = Header {
            x5c: Some(vec![self.certificate.clone()]),
            x5t: Some(self.sha1.clone()),
            x5t_s256: Some(self.sha256.clone()),
            ..Header::new(Algorithm::RS256)
        };
        let now = circumstances.now;
        let claims = Claims {
            iss: client_id,
            sub: client_id,
            aud: audience,
            jti: circumstances.id,
            iat: now,
            nbf: now,
            exp: now.saturating_add(ASSERTION_SECONDS),
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|error| {
            ClientError::Settings(format!("Nothing can be signed with the private key: {error}."))
        })
    }
}

impl fmt::Debug for CertificateAndKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateAndKey(…)")
    }
}

fn thumbprint(algorithm: &'static Digest, der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(algorithm, der))
}

/// The first block of this label, with the lines that enclose it.
fn block<'a>(pem: &'a str, label: &str) -> Option<&'a str> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let start = pem.find(&begin)?;
    let length = pem.get(start..)?.find(&end)? + end.len();
    pem.get(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_in_a_file_is_named() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for (pem, expected) in [
            (String::new(), "There is no certificate"),
            (key.to_owned(), "There is no certificate"),
            (certificate.to_owned(), "no private key beside"),
            (format!("{key}{certificate}"), "The private key cannot be used"),
            (
                format!("{certificate}{}", key.replace("PRIVATE", "EC PRIVATE")),
                "an RSA key is needed",
            ),
            (
                certificate.replace("-----END", "-----"),
                "There is no certificate",
            ),
            (
                format!("{}{key}", certificate.replace("AAAA", "AA!A")),
                "The certificate cannot be used",
            ),
        ] {
            let error = CertificateAndKey::from_pem(&pem).unwrap_err().to_string();
            assert!(error.contains(expected), "{pem}: {error}");
        }
    }
}

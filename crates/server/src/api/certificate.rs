//! Reading the certificate that a program will prove itself with.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use domain::identity::ClientCertificate;
use domain::ids::CredentialId;
use domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::error::Failure;

/// The sizes of keys, in bits, with which assertions are verified here.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Reads a certificate from its PEM form. Its id is still to be drawn.
pub(super) fn read(pem: &str) -> Result<ClientCertificate, Failure> {
    let blocks: Vec<Pem> = Pem::iter_from_buffer(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| invalid("it is not in PEM form, which begins with -----BEGIN CERTIFICATE-----"))?;
    if blocks.iter().any(|block| block.label.contains("PRIVATE KEY")) {
        return Err(invalid(
            "it comes with its private key, which nobody but its owner should have: send the certificate alone, and \
             think about making a new pair",
        ));
    }
    let [block] = blocks.as_slice() else {
        return Err(invalid("there is not exactly one certificate in it"));
    };
    of_der(&block.contents)
}

fn of_der(der: &[u8]) -> Result<ClientCertificate, Failure> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| invalid("what is in it is no X.509 certificate"))?;
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if KEY_BITS.contains(&rsa.key_size()) => {}
        _ => {
            return Err(invalid(
                "its key is of another kind than is understood here: an RSA key of 2048 to 8192 bits",
            ));
        }
    }
    let validity = certificate.validity();
    if validity.not_after <= validity.not_before {
        return Err(invalid("it ends before it begins"));
    }
    let time = |at: ASN1Time| {
        let time = Timestamp::from_second(at.timestamp());
        time.map_err(|_| invalid("it begins or expires at a time that is none"))
    };
    Ok(ClientCertificate {
        id: CredentialId::from_bytes([0; 16]),
        sha256: hash(&SHA256, der)?,
        sha1: hash(&SHA1_FOR_LEGACY_USE_ONLY, der)?,
        public_key: key.raw.to_vec(),
        not_before: Some(time(validity.not_before)?),
        expires: time(validity.not_after)?,
    })
}

fn hash<const BYTES: usize>(algorithm: &'static Algorithm, der: &[u8]) -> Result<[u8; BYTES], Failure> {
    let hash = digest(algorithm, der);
    let bytes = hash.as_ref().try_into();
    bytes.map_err(|_| Failure::internal("a digest has another length than its algorithm says"))
}

fn invalid(why: &'static str) -> Failure {
    let message = format!("The certificate cannot be used: {why}.");
    Failure::invalid("InvalidCertificate", message).about("pem")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};

    use super::*;

    fn pem(key: &KeyPair) -> String {
        let params = CertificateParams::new(vec!["nightly.example".to_owned()]).unwrap();
        params.self_signed(key).unwrap().pem()
    }

    #[test]
    fn a_certificate_is_known_by_the_key_and_the_digests_that_clients_name_it_by() {
        use rcgen::PublicKeyData as _;
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let text = pem(&key);
        let certificate = read(&text).unwrap();
        assert_eq!(certificate.public_key, key.subject_public_key_info());
        let begins = "1975-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(certificate.not_before, Some(begins), "as this one says");
        let der = Pem::iter_from_buffer(text.as_bytes())
            .next()
            .unwrap()
            .unwrap()
            .contents;
        assert_eq!(certificate.sha256.as_slice(), digest(&SHA256, &der).as_ref());
        assert_eq!(
            certificate.sha1.as_slice(),
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref()
        );
    }

    #[test]
    fn what_cannot_prove_anybody_is_refused_and_a_private_key_above_all() {
        let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let good = pem(&rsa);
        let mut params = CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2026, 11, 2);
        params.not_after = rcgen::date_time_ymd(2026, 11, 1);
        let never_valid = params.self_signed(&rsa).unwrap().pem();
        for (text, why) in [
            (String::new(), "exactly one"),
            ("certificate".to_owned(), "exactly one"),
            (format!("{good}{good}"), "exactly one"),
            (format!("{good}{}", rsa.serialize_pem()), "private key"),
            (pem(&curve), "RSA"),
            (never_valid, "before it begins"),
            (good.replace("MII", "AAA"), "X.509"),
            (
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
                "PEM",
            ),
        ] {
            let refused = format!("{:?}", read(&text).unwrap_err());
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}

//! Activation keys: signed by this server, kept by stacks, and their only credential for delivering usage.
//!
//! A key is a JWT with the claims that Azure Stack knows, and two of our own. One ties it to one life of the registration:
//! when the registration is deleted, its keys end with it, even if a new one takes its name. The other ties it to the
//! generation of the registration's keys: when they are revoked, the next generation begins.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{CloudId, RegistrationId};
use domain::registration::Registration;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, crypto, decode, encode};
use serde::Deserialize;
use wire::azure_stack::ActivationKeyClaims;
use wire::bundle::PlatformKey;

use crate::secret_file;

/// Keys are signed in this way; one that says otherwise is none of ours.
const ALGORITHM: Algorithm = Algorithm::RS256;
const PEM_LINE_CHARS: usize = 64;

/// Why activation keys cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file of the signing key cannot be read or written.
    #[error("cannot use {path}: {error}. Expected a file that this process may read and write")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("{path} holds no RSA private key in PKCS#8 PEM form: {error}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: jsonwebtoken::errors::Error,
    },
    /// The file is gone, and keys that were signed with it are in use.
    #[error(
        "{path} is missing, and stacks are registered. Their activation keys were signed with it: with another one, no \
         stack could deliver usage any more. Restore the file from a backup. If it is lost, run `meterbridge init --data \
         {data_directory} --new-activation-key`; then every stack needs a new activation key"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The data directory it belongs to.
        data_directory: PathBuf,
    },
    /// No key could be made.
    #[error("no signing key could be made")]
    NotMade,
}

/// Signs activation keys and recognises them.
pub(crate) struct ActivationKeys {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    public: PlatformKey,
}

/// What an activation key proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProvenStack {
    pub(crate) cloud_id: CloudId,
    pub(crate) registration: RegistrationId,
    pub(crate) key_generation: u32,
}

impl ActivationKeys {
    /// Reads the signing key from the data directory, or makes one there, unless keys are `in_use` that were signed with
    /// the one that is missing.
    pub(crate) fn open(data_directory: &Path, in_use: bool) -> Result<Self, KeysError> {
        let path = path(data_directory);
        let read = secret_file::read(&path).map_err(|error| KeysError::File {
            path: path.clone(),
            error,
        })?;
        let pem = match read {
            Some(pem) => pem,
            None if in_use => {
                return Err(KeysError::Missing {
                    path,
                    data_directory: data_directory.to_owned(),
                });
            }
            None => replace(data_directory)?,
        };
        Self::from_pem(pem.as_bytes()).map_err(|error| KeysError::Content { path, error })
    }

    fn from_pem(pem: &[u8]) -> Result<Self, jsonwebtoken::errors::Error> {
        let signing = EncodingKey::from_rsa_pem(pem)?;
        let public = Jwk::from_encoding_key(&signing, ALGORITHM)?;
        let AlgorithmParameters::RSA(numbers) = &public.algorithm else {
            return Err(ErrorKind::InvalidRsaKey("it is of another kind".to_owned()).into());
        };
        let numbers = PlatformKey {
            n: numbers.n.clone(),
            e: numbers.e.clone(),
        };
        let mut validation = Validation::new(ALGORITHM);
        // There is no claim `exp`: a key ends with its registration, and its `expires` never comes.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        Ok(Self {
            header: Header {
                kid: Some(public.thumbprint(ThumbprintHash::SHA256)?),
                ..Header::new(ALGORITHM)
            },
            signing,
            verifying: DecodingKey::from_jwk(&public)?,
            validation,
            public: numbers,
        })
    }

    /// The activation key of a registration.
    pub(crate) fn sign(
        &self,
        registration: &Registration,
        public_url: &str,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        encode(
            &self.header,
            &ActivationKeyClaims::of(registration, public_url),
            &self.signing,
        )
    }

    /// The signature on what is said of a bundle's receipt, and the public key for it. An activation key names that key in
    /// its header, so whoever has one can tell.
    pub(crate) fn sign_receipt(
        &self,
        said: &[u8],
    ) -> Result<(String, PlatformKey), jsonwebtoken::errors::Error> {
        Ok((crypto::sign(said, &self.signing, ALGORITHM)?, self.public.clone()))
    }

    /// What a key proves; nothing unless this server signed it.
    pub(crate) fn verify(&self, key: &str) -> Option<ProvenStack> {
        let token = decode::<ProvenClaims>(key, &self.verifying, &self.validation).ok()?;
        if token.header.kid != self.header.kid {
            return None;
        }
        let ProvenClaims {
            cloud_id,
            registration_id,
            key_generation,
        } = token.claims;
        Some(ProvenStack {
            cloud_id: cloud_id.parse().ok()?,
            registration: registration_id.parse().ok()?,
            key_generation,
        })
    }
}

/// Where the signing key is.
fn path(data_directory: &Path) -> PathBuf {
    data_directory.join("keys").join("activation-key.pem")
}

/// Puts a new signing key into the data directory: every activation key that was signed with another is good no more.
pub(crate) fn replace(data_directory: &Path) -> Result<String, KeysError> {
    let path = path(data_directory);
    let pem = make()?;
    secret_file::make_directory(&data_directory.join("keys"))
        .and_then(|()| secret_file::write(&path, pem.as_bytes()))
        .map_err(|error| KeysError::File { path, error })?;
    Ok(pem)
}

/// A new private key, as PEM text.
pub(crate) fn make() -> Result<String, KeysError> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeysError::NotMade)?;
    let der = key.as_der().map_err(|_| KeysError::NotMade)?;
    Ok(pem(der.as_ref()))
}

/// A private key in PKCS#8 form as PEM text.
pub(crate) fn pem(der: &[u8]) -> String {
    let mut rest = &*STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE_CHARS));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenClaims {
    cloud_id: String,
    registration_id: String,
    /// Keys that were signed before keys could be revoked do not say it: they are of the first generation.
    #[serde(default)]
    key_generation: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::SubscriptionId;
    use domain::registration::{BillingModel, RegistrationToken};
    use domain::timeline::Recorded;
    use std::collections::BTreeMap;

    fn registration() -> Registration {
        let by = domain::ids::ObjectId::from_bytes([9; 16]);
        let recorded = Recorded {
            entry: 1,
            at: "2026-10-01T00:00:00Z".parse().unwrap(),
            by,
        };
        Registration {
            id: RegistrationId::from_bytes([1; 16]),
            subscription: SubscriptionId::from_bytes([2; 16]),
            resource_group: "azurestack".parse().unwrap(),
            name: "north".parse().unwrap(),
            location: "global".to_owned(),
            tags: BTreeMap::new(),
            token: RegistrationToken {
                cloud_id: CloudId::from_bytes([3; 16]),
                object_id: None,
                billing_model: BillingModel::PayAsYouUse,
                marketplace_syndication_enabled: true,
                usage_reporting_enabled: true,
                agreement_number: None,
                asset_tag: None,
                region_names: vec!["north".to_owned()],
                hardware: Vec::new(),
                issuer: "tests".to_owned(),
                version: "1.0".to_owned(),
            },
            multi_tenancy_approved: false,
            key_generation: 3,
            created: recorded,
            updated: recorded,
        }
    }

    #[test]
    fn a_key_proves_its_stack_and_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let keys = ActivationKeys::open(directory.path(), false).unwrap();
        let key = keys.sign(&registration(), "https://localhost:1/").unwrap();
        let proven = ActivationKeys::open(directory.path(), true)
            .unwrap()
            .verify(&key)
            .unwrap();
        assert_eq!(proven.cloud_id, CloudId::from_bytes([3; 16]));
        assert_eq!(proven.registration, RegistrationId::from_bytes([1; 16]));
        assert_eq!(proven.key_generation, 3);
    }

    #[test]
    fn a_stack_with_a_key_from_before_keys_could_be_revoked_goes_on_delivering() {
        let directory = tempfile::tempdir().unwrap();
        let keys = ActivationKeys::open(directory.path(), false).unwrap();
        let claims = ActivationKeyClaims::of(&registration(), "https://localhost:1/");
        let mut claims = serde_json::to_value(claims).unwrap();
        claims.as_object_mut().unwrap().remove("keyGeneration").unwrap();
        let key = encode(&keys.header, &claims, &keys.signing).unwrap();
        assert_eq!(keys.verify(&key).unwrap().key_generation, 0);
    }

    #[test]
    fn a_lost_signing_key_is_not_replaced_in_silence_while_stacks_rely_on_it() {
        let directory = tempfile::tempdir().unwrap();
        let keys = ActivationKeys::open(directory.path(), false).unwrap();
        let key = keys.sign(&registration(), "https://localhost:1/").unwrap();
        std::fs::remove_file(path(directory.path())).unwrap();
        let error = ActivationKeys::open(directory.path(), true).err().unwrap();
        assert!(matches!(error, KeysError::Missing { .. }), "{error}");
        let remedy = format!("init --data {} --new-activation-key`", directory.path().display());
        assert!(error.to_string().contains(&remedy), "{error}");
        assert!(!path(directory.path()).exists());
        replace(directory.path()).unwrap();
        let replaced = ActivationKeys::open(directory.path(), true).unwrap();
        assert_eq!(replaced.verify(&key), None);
    }

    #[test]
    fn a_key_that_this_server_did_not_sign_proves_nothing() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keys = ActivationKeys::open(one.path(), false).unwrap();
        let key = keys.sign(&registration(), "https://localhost:1/").unwrap();
        assert_eq!(
            ActivationKeys::open(other.path(), false).unwrap().verify(&key),
            None
        );

        let (signed, signature) = key.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let unsigned = base64.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let shared_secret = base64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        for forged in [
            String::new(),
            "x.y.z".to_owned(),
            format!("{signed}."),
            format!("{unsigned}.{claims}."),
            format!("{shared_secret}.{claims}.{signature}"),
            format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        ] {
            assert_eq!(keys.verify(&forged), None, "{forged}");
        }
    }
}

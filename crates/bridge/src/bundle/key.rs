//! The key that bundles are signed with (Ed25519): made on the stack's side, where its private part stays.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::bundle::signed_of_manifest;

use crate::environment::Environment;
use crate::files::small_text;
use crate::trouble::Trouble;

const FILE: &str = "bundle-key.pem";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The key of one stack.
pub(super) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Where it is.
    pub(super) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Makes one, in place of another if there is one.
    pub(super) fn make(directory: &Path, environment: &Environment) -> Result<Self, Trouble> {
        let path = Self::path(directory);
        let refuse = |why: &dyn std::fmt::Display| {
            Trouble::new(
                "BundleKeyNotMade",
                format!("No key could be made in {}: {why}.", path.display()),
                "See that this user may write there.",
            )
        };
        let mut seed = [0; 32];
        environment.random.fill(&mut seed);
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| refuse(&error))?;
        let der = key.to_pkcs8v1().map_err(|error| refuse(&error))?;
        let pem = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der.as_ref()));
        let written = environment.disk.replace(&path, pem.as_bytes());
        written.map_err(|error| refuse(&error))?;
        Ok(Self(key))
    }

    /// Reads it; none if none was made.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, Trouble> {
        let path = Self::path(directory);
        if !path.exists() {
            return Ok(None);
        }
        let text = small_text(&path)?;
        let der = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END));
        let der = der.and_then(|der| STANDARD.decode(der.trim()).ok());
        let key = der.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok());
        let key = key.ok_or_else(|| {
            Trouble::new(
                "BundleKeyDamaged",
                format!("{} holds no key.", path.display()),
                "Bring it back from a backup, or make another with `meterbridge bridge bundle-key --replace` and have it \
                 registered.",
            )
        })?;
        Ok(Some(Self(key)))
    }

    /// Its public part.
    pub(super) fn public(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let public = self.0.public_key().as_ref();
        bytes.iter_mut().zip(public).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The signature on a manifest, in base64.
    pub(super) fn sign(&self, manifest: &str) -> String {
        STANDARD.encode(self.0.sign(&signed_of_manifest(manifest)))
    }
}

/// Whether a signature on a manifest is that of a key.
pub(super) fn is_signed_with(key: [u8; 32], manifest: &str, signature: &str) -> bool {
    let signature = STANDARD.decode(signature).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(&signed_of_manifest(manifest), &signature).is_ok()
}

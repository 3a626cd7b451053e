//! Secrets of applications: random, shown once, kept as digests only.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::ClientSecret;
use domain::ids::CredentialId;
use domain::time::Timestamp;

use crate::environment::Random;

/// What every secret begins with, so that one that leaked can be recognised as such.
pub const SECRET_PREFIX: &str = "mbs_";

const SECRET_BYTES: usize = 32;

/// A secret that was just made: the one moment at which its text is known.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its id: what it is removed by.
    pub id: CredentialId,
    /// Its text, for whoever will use it.
    pub text: String,
    /// The moment from which on it is no longer accepted.
    pub expires: Timestamp,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewSecret({})", self.id)
    }
}

impl NewSecret {
    /// A secret, and what is kept of it.
    pub(super) fn draw(random: &dyn Random, expires: Timestamp) -> (Self, ClientSecret) {
        let id = CredentialId::from_uuid(random.uuid());
        let mut secret = [0; SECRET_BYTES];
        random.fill(&mut secret);
        let text = format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let digest = blake3::hash(text.as_bytes()).into();
        (Self { id, text, expires }, ClientSecret { id, digest, expires })
    }
}

/// The secret that a text is, if it is one of these. Digests are compared in the same time wherever they differ.
pub(super) fn find<'a>(secrets: &'a [ClientSecret], text: &str) -> Option<&'a ClientSecret> {
    let digest = blake3::hash(text.as_bytes());
    secrets
        .iter()
        .find(|secret| digest == blake3::Hash::from_bytes(secret.digest))
}

//! Operators' credentials: random, shown once, kept as digests only.

use app::access::CredentialDigest;
use app::environment::Random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every operator's credential begins with, so that one that leaked can be recognised as such.
pub const PREFIX: &str = "mbo_";

const SECRET_BYTES: usize = 32;

/// A new credential: its text, for whoever will use it, and its digest, which is all that is stored.
#[must_use]
pub fn generate(random: &dyn Random) -> (String, CredentialDigest) {
    let mut secret = [0; SECRET_BYTES];
    random.fill(&mut secret);
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let digest = digest(&text);
    (text, digest)
}

/// The digest of a credential. A secret of 256 random bits needs no salt and no slow function, and comparing digests
/// tells nothing about it.
#[must_use]
pub(crate) fn digest(text: &str) -> CredentialDigest {
    blake3::hash(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(place).unwrap();
            }
        }
    }

    #[test]
    fn a_credential_is_recognised_by_its_prefix_and_found_by_its_digest() {
        let (text, stored) = generate(&Counting);
        assert_eq!(text, "mbo_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(digest(&text), stored);
        assert_ne!(digest(&text.to_lowercase()), stored);
    }
}

//! The public key of a stack's bundles, as PEM: what other programs read and write, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// What stands before the 32 bytes of a key of Ed25519 (RFC 8410).
const PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a public key of Ed25519 in PEM form, which begins with -----BEGIN PUBLIC KEY-----, as `meterbridge bridge \
     bundle-key` prints it"
)]
pub struct InvalidPublicKey;

/// The PEM text of a key.
#[must_use]
pub fn public_key_pem(key: &[u8; 32]) -> String {
    let der = [PREFIX.as_slice(), key.as_slice()].concat();
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

/// Reads the PEM text of a key.
///
/// # Errors
/// [`InvalidPublicKey`].
pub fn read_public_key(pem: &str) -> Result<[u8; 32], InvalidPublicKey> {
    let text = pem
        .trim()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END));
    let text: String = text.ok_or(InvalidPublicKey)?.split_whitespace().collect();
    let der = STANDARD.decode(text).map_err(|_| InvalidPublicKey)?;
    let key = der.strip_prefix(&PREFIX).ok_or(InvalidPublicKey)?;
    key.try_into().map_err(|_| InvalidPublicKey)
}

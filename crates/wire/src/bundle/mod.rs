//! Bundles: a stack's usage in a file, and the receipt that comes back.
//!
//! A bundle is a tar archive (ustar) that any tar lists: `manifest.json` first, then `manifest.sig`, perhaps
//! `directory.json.zst`, and the parts `parts/00001.ndjson.zst` and so on, in the order of the manifest. What is signed is
//! the text of the manifest as it stands in the file; it holds the digests of everything else, so the BLAKE3 of that text is
//! the digest of the bundle.

mod key;
mod manifest;

use domain::time::Hour;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::key::{InvalidPublicKey, public_key_pem, read_public_key};
pub use self::manifest::{InvalidManifest, MANIFEST_BYTES_MAX, Manifest, PART_BYTES_MAX, Packed, Part};
use crate::api::Receipt;

/// Whatever is signed begins with this, so that a signature on one kind of text never is one on another.
const MANIFEST_SIGNED_AS: &str = "meterbridge bundle manifest\n";
const RECEIPT_SIGNED_AS: &str = "meterbridge bundle receipt\n";

/// How receipts of bundles are written now.
pub const RECEIPT_FORMAT: &str = "meterbridge-bundle-receipt/1";

/// The body of the delivery that declares, after all parts, how far the stack has reported: a page of nothing.
pub const DECLARATION: &str = "{\"value\":[]}";

/// What of a manifest is signed.
#[must_use]
pub fn signed_of_manifest(manifest: &str) -> Vec<u8> {
    [MANIFEST_SIGNED_AS.as_bytes(), manifest.as_bytes()].concat()
}

/// What of a receipt is signed.
#[must_use]
pub fn signed_of_receipt(receipt: &str) -> Vec<u8> {
    [RECEIPT_SIGNED_AS.as_bytes(), receipt.as_bytes()].concat()
}

/// What a delivery's digest covers after its body: a line feed and `name=hour` for each parameter that came with it.
#[must_use]
pub fn digested_parameters(start: Option<Hour>, end: Option<Hour>, through: Option<Hour>) -> String {
    let named = [
        ("reportedStart", start),
        ("reportedEnd", end),
        ("reportedThrough", through),
    ];
    named
        .into_iter()
        .filter_map(|(name, hour)| Some(format!("\n{name}={}", hour?)))
        .collect()
}

/// Registers the key with which the bundles of a stack are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterBundleKey {
    /// The public key: Ed25519, PEM.
    pub public_key: String,
}

/// The key with which the bundles of a stack are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredBundleKey {
    /// The stack.
    pub cloud_id: String,
    /// The registration's name.
    pub registration_name: String,
    /// The public key: Ed25519, PEM.
    pub public_key: String,
    /// Its number among the keys of this registration, from 1: those before it are good no more.
    pub generation: usize,
    /// When it was registered.
    pub registered_at: String,
    /// Who registered it.
    pub registered_by: String,
}

/// A bundle, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnnouncedBundle {
    /// The text of its manifest, exactly as it was signed.
    pub manifest: String,
    /// The signature, Ed25519, in base64.
    pub signature: String,
}

/// A bundle that may be delivered, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckedBundle {
    /// Its digest.
    pub digest: String,
    /// Its number.
    pub sequence: u32,
    /// Whether it was taken in completely before.
    pub taken: bool,
    /// The deliveries that are missing, by number: the parts from 1, and after the last one the declaration of how far the
    /// stack has reported.
    pub missing: Vec<usize>,
}

/// A bundle that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakenBundle {
    /// Its number.
    pub sequence: u32,
    /// Its digest.
    pub digest: String,
    /// The first hour of reported time that it holds completely.
    pub reported_start: String,
    /// The first hour after them.
    pub reported_end: String,
    /// In how many parts it was delivered.
    pub parts: u32,
    /// How many records it brought.
    pub records: u64,
    /// When it had been taken in.
    pub taken_at: String,
}

/// What became of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleReceipt {
    /// How it is written: `meterbridge-bundle-receipt/1`.
    pub format: String,
    /// The stack.
    pub cloud_id: String,
    /// This life of its registration.
    pub registration_id: String,
    /// The bundle.
    #[serde(flatten)]
    pub bundle: TakenBundle,
    /// The receipts of its deliveries, in order; the last one declares how far the stack has reported.
    pub batches: Vec<Receipt>,
}

/// A receipt with the signature of the platform: what goes back to the stack's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedReceipt {
    /// The text of a [`BundleReceipt`], exactly as it was signed.
    pub receipt: String,
    /// The signature, RS256, in base64url.
    pub signature: String,
    /// The key that it was signed with: the one that signs activation keys.
    pub key: PlatformKey,
}

/// A public RSA key of the platform, as RFC 7517 writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlatformKey {
    /// The modulus, base64url.
    pub n: String,
    /// The exponent, base64url.
    pub e: String,
}

impl PlatformKey {
    /// The text whose SHA-256, in base64url, is the name of the key in the header of an activation key (RFC 7638).
    #[must_use]
    pub fn thumbprint_text(&self) -> String {
        format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, self.e, self.n)
    }
}

#[cfg(test)]
mod tests;

//! Receipts: signed by the platform with the key that signs activation keys, so that whoever has one of those can tell.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::bundle::Bundle;
use domain::ids::RegistrationId;
use domain::time::HourInterval;
use wire::bundle::{BundleReceipt, Manifest, RECEIPT_FORMAT, SignedReceipt, signed_of_receipt};

use crate::activation::ActivationKey;
use crate::trouble::Trouble;

/// Reads a receipt that the platform of this activation key signed.
pub(super) fn verified(text: &str, key: &ActivationKey) -> Result<BundleReceipt, Trouble> {
    let invalid = |what: &str| {
        Trouble::new(
            "InvalidReceipt",
            format!("This is no receipt of a bundle: {what}."),
            "Give the file that `meterbridge usage import --receipt FILE` wrote.",
        )
    };
    let signed: SignedReceipt = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    let thumbprint = digest(&SHA256, signed.key.thumbprint_text().as_bytes());
    if key.signed_with.as_deref() != Some(URL_SAFE_NO_PAD.encode(thumbprint).as_str()) {
        return Err(Trouble::new(
            "ForeignReceipt",
            "The receipt is signed with another key than the activation key of this stack: it is of another platform, \
             or the platform has a new signing key.",
            "See that the file that `activation-key-file` names is the stack's present one (`meterbridge registration \
             activation-key` on the platform's side).",
        ));
    }
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let public = RsaPublicKeyComponents {
        n: number(&signed.key.n),
        e: number(&signed.key.e),
    };
    let (said, signature) = (signed_of_receipt(&signed.receipt), number(&signed.signature));
    if public
        .verify(&RSA_PKCS1_2048_8192_SHA256, &said, &signature)
        .is_err()
    {
        return Err(Trouble::new(
            "ReceiptSignatureInvalid",
            "The signature on the receipt is not the platform's: it was damaged, or somebody changed it.",
            "Have it copied again, or written again with `meterbridge stack bundle-receipt` on the platform's side. \
             Until a good one is accepted here, the bundle counts as outstanding.",
        ));
    }
    let receipt: BundleReceipt =
        serde_json::from_str(&signed.receipt).map_err(|error| invalid(&error.to_string()))?;
    if receipt.format != RECEIPT_FORMAT {
        return Err(invalid(&format!("its format is '{}'", receipt.format)));
    }
    Ok(receipt)
}

/// The bundle of a receipt that is of this stack and of this life of its registration, but for what it follows, which no
/// receipt says.
pub(super) fn bundle_of(
    receipt: &BundleReceipt,
    key: &ActivationKey,
    registration: RegistrationId,
) -> Result<Bundle, Trouble> {
    if receipt.cloud_id.parse() != Ok(key.cloud_id) || receipt.registration_id.parse() != Ok(registration) {
        return Err(Trouble::new(
            "ReceiptOfAnotherStack",
            format!(
                "The receipt is of stack {} and its registration {}, and not of stack {} and its registration {registration}.",
                receipt.cloud_id, receipt.registration_id, key.cloud_id
            ),
            "Accept it with the configuration of the stack that it is of.",
        ));
    }
    let said = &receipt.bundle;
    let bundle = || {
        Some(Bundle {
            sequence: said.sequence.try_into().ok()?,
            digest: said.digest.parse().ok()?,
            previous: None,
            window: HourInterval::new(said.reported_start.parse().ok()?, said.reported_end.parse().ok()?)?,
        })
    };
    bundle().ok_or_else(|| {
        Trouble::new(
            "InvalidReceipt",
            "The receipt names no bundle: its number, its digest or its hours cannot be read.",
            "Have it written again with `meterbridge stack bundle-receipt` on the platform's side.",
        )
    })
}

/// What a receipt says of a bundle has to be what was exported: each part, with its digest and its records.
pub(super) fn must_agree(receipt: &BundleReceipt, manifest: &Manifest) -> Result<(), Trouble> {
    let said = receipt.batches.iter().map(|it| (it.digest.clone(), it.received));
    let made = manifest
        .parts
        .iter()
        .map(|it| (it.packed.digest.to_string(), it.records));
    let through = receipt.batches.last().and_then(|it| it.reported_through.clone());
    let (deliveries, parts) = (receipt.batches.len(), manifest.parts.len());
    if deliveries == parts + 1
        && said.take(parts).eq(made)
        && through == Some(manifest.window.end().to_string())
    {
        return Ok(());
    }
    Err(Trouble::new(
        "ReceiptDiffers",
        format!(
            "The receipt of bundle {} does not say what was exported: {parts} parts were, and it is about {deliveries} \
             deliveries, or about other ones.",
            manifest.sequence
        ),
        "Do not count on it, and ask the platform's operator: the receipt is signed, and something was taken in that is \
         not this bundle.",
    ))
}

//! Usage that is carried in files, on the platform's side: the key of a stack's bundles, those that were taken in, and their
//! receipts. Taking one in is in [`super::import`].

use std::path::Path;

use client::Client;
use wire::bundle::{RegisterBundleKey, SignedReceipt, TakenBundle};

use crate::failure::Failure;
use crate::figures::count;
use crate::printer::Printer;
use crate::settings::small_text;
use crate::table::{Listing, left, right};

use super::minute;

const BUNDLES: Listing<TakenBundle> = Listing(&[
    (right("NO."), |it| it.sequence.to_string()),
    (left("FROM"), |it| minute(&it.reported_start)),
    (left("TO"), |it| minute(&it.reported_end)),
    (right("PARTS"), |it| it.parts.to_string()),
    (right("RECORDS"), |it| count(it.records)),
    (left("TAKEN IN"), |it| minute(&it.taken_at)),
    (left("DIGEST").rank(1), |it| it.digest.clone()),
]);

/// Registers the key that a stack's bundles are signed with.
///
/// # Errors
/// If it is none, or the server refuses it.
pub(super) async fn register_key(
    client: &Client,
    cloud_id: &str,
    public_key: &Path,
    printer: &Printer,
) -> Result<(), Failure> {
    let request = RegisterBundleKey {
        public_key: small_text(public_key)?,
    };
    let known = client.register_bundle_key(cloud_id, &request).await?;
    printer.show(&known, || {
        format!(
            "Bundles of stack {cloud_id} are signed with key {} of its registration {}, registered at {}.",
            known.generation,
            known.registration_name,
            minute(&known.registered_at)
        )
    })?;
    printer.hint(&format!(
        "The stack's side checks receipts by the stack's activation key, so it needs that one too: `meterbridge registration \
         activation-key {cloud_id}`."
    ));
    Ok(())
}

/// Lists the bundles that were taken in.
///
/// # Errors
/// If the server does not answer.
pub(super) async fn list(client: &Client, cloud_id: &str, printer: &Printer) -> Result<(), Failure> {
    let bundles = client.bundles(cloud_id).await?;
    if bundles.is_empty() {
        printer.note(&format!(
            "No bundle of stack {cloud_id} was taken in under the registration that it has now."
        ));
    }
    BUNDLES.show(&bundles, printer)
}

/// Prints the receipt of a bundle.
///
/// # Errors
/// If there is no such bundle.
pub(super) async fn receipt(
    client: &Client,
    cloud_id: &str,
    sequence: u32,
    printer: &Printer,
) -> Result<(), Failure> {
    let bundles = client.bundles(cloud_id).await?;
    let bundle = bundles.iter().find(|it| it.sequence == sequence).ok_or_else(|| {
        Failure::new(format!("No bundle {sequence} of stack {cloud_id} was taken in."))
            .coded("BundleNotFound")
            .hint(format!(
                "`meterbridge stack bundles {cloud_id}` lists those that were."
            ))
    })?;
    let receipt: SignedReceipt = client.bundle_receipt(cloud_id, &bundle.digest).await?;
    printer.document(&receipt)
}

//! Usage that is carried in files: bundles, the keys they are signed with, and the receipts that go back.

use std::sync::Arc;

use app::bundles::{AnnouncedBundle as Announced, BundleReceipt as Taken};
use app::directory::Carried;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::books;
use domain::bundle::{Digest, Place};
use domain::ids::CloudId;
use wire::api::Page;
use wire::bundle::{
    AnnouncedBundle, BundleReceipt, CheckedBundle, DECLARATION, Manifest, RECEIPT_FORMAT, RegisterBundleKey,
    RegisteredBundleKey, SignedReceipt, TakenBundle, digested_parameters, public_key_pem, read_public_key,
    signed_of_manifest, signed_of_receipt,
};

use super::path_only::PathOnly;
use super::stacks;
use crate::Door;
use crate::access::By;
use crate::body;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;

/// Registers the key with which the bundles of a stack are signed, for this life of its registration. What is signed with
/// another one is not taken in from then on.
#[utoipa::path(put, path = "/api/v1/registrations/{cloudId}/bundle-key", tag = "registrations",
    params(("cloudId" = String, Path)), request_body = RegisterBundleKey,
    responses((status = 200, body = RegisteredBundleKey)))]
pub(crate) async fn register_key(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<RegisterBundleKey>,
) -> Result<Json<RegisteredBundleKey>, Failure> {
    query.only(&[])?;
    let key = read_public_key(&asked.public_key).map_err(|error| {
        Failure::invalid("InvalidPublicKey", format!("publicKey: {error}.")).about("publicKey")
    })?;
    let (registration, known) = door
        .app
        .register_bundle_key(&caller, params.cloud_id()?, key)
        .await?;
    Ok(Json(RegisteredBundleKey {
        cloud_id: registration.cloud_id().to_string(),
        registration_name: registration.name.to_string(),
        public_key: public_key_pem(&known.public),
        generation: known.generation,
        registered_at: known.registered.at.to_string(),
        registered_by: known.registered.by.to_string(),
    }))
}

/// Says whether a bundle may be delivered, and which of its deliveries are missing. Changes nothing.
#[utoipa::path(post, path = "/api/v1/stacks/{cloudId}/bundles/check", tag = "stacks",
    params(("cloudId" = String, Path)), request_body = AnnouncedBundle,
    responses((status = 200, body = CheckedBundle)))]
pub(crate) async fn check(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
    request: Request,
) -> Result<Json<CheckedBundle>, Failure> {
    query.only(&[])?;
    let stack = params.cloud_id()?;
    let announced = announced(stack, body::json_delivery(&door, request).await?).await?;
    let checked = door.app.check_bundle(&announced).await?;
    Ok(Json(CheckedBundle {
        digest: announced.bundle.digest.to_string(),
        sequence: announced.bundle.sequence.get(),
        taken: checked.place == Place::Taken,
        missing: checked.missing,
    }))
}

/// Takes note that all of a bundle has arrived, and gives the receipt. Done again, it gives the same one.
#[utoipa::path(put, path = "/api/v1/stacks/{cloudId}/bundles/{digest}", tag = "stacks",
    params(("cloudId" = String, Path), ("digest" = String, Path, description = "BLAKE3 of the manifest, in hex")),
    request_body = AnnouncedBundle, responses((status = 200, body = SignedReceipt)))]
pub(crate) async fn take(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    request: Request,
) -> Result<Json<SignedReceipt>, Failure> {
    query.only(&[])?;
    let (stack, digest) = (params.cloud_id()?, digest(&params)?);
    let announced = announced(stack, body::json_delivery(&door, request).await?).await?;
    if announced.bundle.digest != digest {
        let message = format!(
            "In the path, digest is '{digest}', and the manifest has {}. Expected that one.",
            announced.bundle.digest
        );
        return Err(Failure::invalid("InvalidDigest", message).about("digest"));
    }
    let taken = door.app.take_bundle(&caller, &announced).await?;
    signed(&door, &taken).map(Json)
}

/// Lists the bundles that were taken in under the registration that a stack has now, by sequence.
#[utoipa::path(get, path = "/api/v1/stacks/{cloudId}/bundles", tag = "stacks",
    params(("cloudId" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<TakenBundle>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<TakenBundle>>, Failure> {
    let page = PageRequest::<u32>::of_own(&query)?;
    let all = door.app.bundles_taken(&caller, params.cloud_id()?)?;
    Ok(page
        .page_of_all(all, |it| it.bundle.sequence.get(), &door.base(&uri))
        .shown(|it| shown(&it)))
}

/// The receipt of a bundle that was taken in under the registration that a stack has now.
#[utoipa::path(get, path = "/api/v1/stacks/{cloudId}/bundles/{digest}", tag = "stacks",
    params(("cloudId" = String, Path), ("digest" = String, Path, description = "BLAKE3 of the manifest, in hex")),
    responses((status = 200, body = SignedReceipt)))]
pub(crate) async fn receipt(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<Json<SignedReceipt>, Failure> {
    let (stack, digest) = (params.cloud_id()?, digest(&params)?);
    let taken = door.app.bundle_receipt(&caller, stack, digest).await?;
    signed(&door, &taken).map(Json)
}

fn digest(params: &Params) -> Result<Digest, Failure> {
    params.read("digest", "InvalidDigest")
}

/// A bundle whose signature is that of the key that it names. Large ones are read where nobody is held up.
async fn announced(stack: CloudId, bundle: AnnouncedBundle) -> Result<Announced, Failure> {
    let read = tokio::task::spawn_blocking(move || verified(stack, &bundle)).await;
    read.unwrap_or_else(|error| Err(Failure::internal(format!("a manifest was not read: {error}"))))
}

fn verified(stack: CloudId, bundle: &AnnouncedBundle) -> Result<Announced, Failure> {
    let text = &bundle.manifest;
    let manifest = Manifest::read(text).map_err(|error| {
        let message = format!("The manifest of the bundle cannot be read: {error}.");
        Failure::invalid("InvalidBundle", message).about("manifest")
    })?;
    let signature = STANDARD.decode(&bundle.signature).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ED25519, manifest.public_key);
    if key.verify(&signed_of_manifest(text), &signature).is_err() {
        let message = "The signature is not that of the key that the bundle names: the bundle is damaged, or somebody \
                       changed it. Have it copied, or exported, again.";
        return Err(Failure::invalid("BundleSignatureInvalid", message).about("signature"));
    }
    if manifest.stack != stack {
        let message = format!(
            "The bundle is of stack {}, and was brought for stack {stack}. Import it for the stack that it is of.",
            manifest.stack
        );
        return Err(Failure::invalid("BundleOfAnotherStack", message).about("manifest"));
    }
    let digest = Digest::from_bytes(blake3::hash(text.as_bytes()).into());
    let declared = manifest.declared();
    let (start, end) = (Some(declared.start()), Some(declared.end()));
    let declaration = format!("{DECLARATION}{}", digested_parameters(start, end, end));
    let parts = manifest.parts.iter().map(|part| *part.packed.digest.as_bytes());
    Ok(Announced {
        stack,
        registration: manifest.registration,
        key: manifest.public_key,
        bundle: manifest.bundle(digest),
        leaves_out_earlier: manifest.leaves_out_earlier,
        directory: manifest.directory.map(|packed| Carried {
            made_at: manifest.made_at,
            digest: packed.digest,
        }),
        records: manifest.records(),
        deliveries: parts
            .chain([blake3::hash(declaration.as_bytes()).into()])
            .collect(),
    })
}

fn shown(taken: &books::TakenBundle) -> TakenBundle {
    let bundle = &taken.bundle;
    TakenBundle {
        sequence: bundle.sequence.get(),
        digest: bundle.digest.to_string(),
        reported_start: bundle.window.start().to_string(),
        reported_end: bundle.window.end().to_string(),
        parts: taken.parts,
        records: taken.records,
        taken_at: taken.taken.at.to_string(),
    }
}

fn signed(door: &Door, taken: &Taken) -> Result<SignedReceipt, Failure> {
    let receipt = BundleReceipt {
        format: RECEIPT_FORMAT.to_owned(),
        cloud_id: taken.stack.to_string(),
        registration_id: taken.registration.to_string(),
        bundle: shown(&taken.taken),
        batches: taken.receipts.iter().map(stacks::receipt).collect(),
    };
    let unsigned =
        |error: &dyn std::fmt::Display| Failure::internal(format!("a receipt was not signed: {error}"));
    let receipt = serde_json::to_string(&receipt).map_err(|error| unsigned(&error))?;
    let (signature, key) = door
        .keys
        .sign_receipt(&signed_of_receipt(&receipt))
        .map_err(|error| unsigned(&error))?;
    Ok(SignedReceipt {
        receipt,
        signature,
        key,
    })
}

//! What a stack is deployed with: the manifest of this cloud, and licenses, which are Microsoft's to give.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use wire::azure_stack::cloud_manifest::{CloudManifestFile, LATEST};

use super::resource_not_found;
use super::resource_types::{CLOUD_MANIFEST_FILES, DEPLOYMENT_LICENSES};
use super::version::speaks;
use crate::Door;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;

/// The manifest. In the contract this list is no list.
pub(crate) async fn manifests(
    State(door): State<Arc<Door>>,
    query: Query,
) -> Result<Json<CloudManifestFile>, Failure> {
    speaks(&query, &CLOUD_MANIFEST_FILES)?;
    Ok(Json(manifest_of(&door)))
}

pub(crate) async fn manifest(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<CloudManifestFile>, Failure> {
    speaks(&query, &CLOUD_MANIFEST_FILES)?;
    let version = params.text("verificationVersion")?;
    if version.eq_ignore_ascii_case(LATEST) {
        return Ok(Json(manifest_of(&door)));
    }
    Err(resource_not_found(
        "Microsoft.AzureStack/cloudManifestFiles",
        version,
        None,
    ))
}

fn manifest_of(door: &Door) -> CloudManifestFile {
    CloudManifestFile::of(door.public_url.trim_end_matches('/'))
}

/// Refuses to make a license.
pub(crate) async fn license(query: Query) -> Result<StatusCode, Failure> {
    speaks(&query, &DEPLOYMENT_LICENSES)?;
    let message = "Deployment licenses are signed by Microsoft and cannot be made here. Ask for one where the stack was bought.";
    Err(Failure::new(
        StatusCode::CONFLICT,
        "DeploymentLicenseNotAvailable",
        message,
    ))
}

//! Tenant mappings with their history, and for stated hours.

use std::sync::Arc;

use app::tenants::MappingVersion as Version;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use domain::time::Hour;
use wire::api::{MapTenant, MappingVersion, Page};

use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;
use crate::{body, notes};

fn shown(version: &Version) -> MappingVersion {
    let Version {
        tenant,
        subscription,
        valid,
        recorded,
    } = version;
    MappingVersion {
        tenant_id: tenant.to_string(),
        subscription_id: subscription.map(|id| id.to_string()),
        valid_from: valid.start().to_string(),
        valid_to: (valid.end() != Hour::MAX).then(|| valid.end().to_string()),
        recorded_at: recorded.at.to_string(),
        recorded_by: recorded.by.to_string(),
        entry: recorded.entry,
    }
}

/// Every version of every tenant mapping of a stack's registration, in the order of recording.
#[utoipa::path(get, path = "/api/v1/registrations/{cloudId}/tenant-mappings", tag = "registrations",
    params(("cloudId" = String, Path), super::documents::Paging), responses((status = 200, body = Page<MappingVersion>)))]
pub(crate) async fn history(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<MappingVersion>>, Failure> {
    query.only(&[pages::OWN.token, pages::OWN.top])?;
    let page = PageRequest::of(&query, pages::OWN)?;
    let versions = door.app.mapping_history(params.cloud_id()?)?;
    Ok(page
        .page_of_all(versions, |it| it.recorded.entry, &door.base(&uri))
        .shown(|it| shown(&it)))
}

/// Maps a tenant for stated hours, past ones too. Answers with the version that was recorded; warnings are in
/// headers `x-meterbridge-warning`.
#[utoipa::path(post, path = "/api/v1/registrations/{cloudId}/tenant-mappings", tag = "registrations",
    params(("cloudId" = String, Path)), request_body = MapTenant,
    responses((status = 200, body = MappingVersion)))]
pub(crate) async fn map(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<MapTenant>,
) -> Result<(HeaderMap, Json<MappingVersion>), Failure> {
    query.only(&[])?;
    let cloud_id = params.cloud_id()?;
    let (tenant, subscription, valid) = asked.parts()?;
    let warnings = door
        .app
        .map_tenant(&caller, cloud_id, tenant, subscription, valid)
        .await?;
    let history = door.app.mapping_history(cloud_id)?;
    let recorded = history
        .iter()
        .rev()
        .find(|it| (it.tenant, it.subscription, it.valid) == (tenant, subscription, valid));
    let recorded =
        recorded.ok_or_else(|| Failure::internal("the mapping that was just recorded is not there"))?;
    Ok((notes::warnings(&warnings), Json(shown(recorded))))
}

//! Tenant mappings with their history, and for stated hours.

use std::sync::Arc;

use app::mappings::MappingVersion as Version;
use app::periods::{Backdating, Settled};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use domain::time::{Hour, HourInterval};
use wire::api::{
    BillAccount, BillDifference, MapTenant, MappingPreview, MappingVersion, MovedUsage, Page,
    RegisteredHours, SettledBy,
};

use super::usage::used_quantity;
use crate::Door;
use crate::access::By;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{body, notes};

fn shown(version: &Version) -> MappingVersion {
    let Version {
        registration,
        tenant,
        subscription,
        subscription_name,
        customer_name,
        valid,
        recorded,
        recorded_by_name,
    } = version;
    MappingVersion {
        tenant_id: tenant.to_string(),
        subscription_id: subscription.map(|id| id.to_string()),
        subscription_name: subscription_name.clone(),
        customer_name: customer_name.clone(),
        valid_from: valid.start().to_string(),
        valid_to: end(*valid),
        recorded_at: recorded.at.to_string(),
        recorded_by: recorded.by.to_string(),
        recorded_by_name: recorded_by_name.clone(),
        entry: recorded.entry,
        registration: RegisteredHours {
            name: registration.name.to_string(),
            registered_at: registration.created.at.to_string(),
            valid_from: registration.hours.map(|hours| hours.start().to_string()),
            valid_to: registration.hours.and_then(end),
            live: registration.live,
        },
    }
}

/// The first hour after, where there is one.
fn end(hours: HourInterval) -> Option<String> {
    (hours.end() != Hour::MAX).then(|| hours.end().to_string())
}

/// Every version of every tenant mapping of a stack, in the order of recording: of its registration, and of those that it
/// had before.
#[utoipa::path(get, path = "/api/v1/registrations/{cloudId}/tenant-mappings", tag = "registrations",
    params(("cloudId" = String, Path), super::documents::Paging), responses((status = 200, body = Page<MappingVersion>)))]
pub(crate) async fn history(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<MappingVersion>>, Failure> {
    let page = PageRequest::of_own(&query)?;
    let versions = door.app.mapping_history(&caller, params.cloud_id()?)?;
    Ok(page
        .page_of_all(versions, |it| it.recorded.entry, &door.base(&uri))
        .shown(|it| shown(&it)))
}

/// Maps a tenant for stated hours, past ones too: in the registration that was valid in them. Answers with the version
/// that holds from the first of them on; warnings are in headers `x-meterbridge-warning`.
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
    let (version, warnings) = door
        .app
        .map_tenant(&caller, cloud_id, tenant, subscription, valid)
        .await?;
    Ok((notes::warnings(&warnings), Json(shown(&version))))
}

/// What mapping a tenant for stated hours would move, from whom to whom, and what that would cost each side; nothing is
/// changed. It is about the usage that there is, up to the present hour. Of the bills those are shown that the caller reads.
/// Warnings are in headers `x-meterbridge-warning`.
#[utoipa::path(post, path = "/api/v1/registrations/{cloudId}/tenant-mappings/preview", tag = "registrations",
    params(("cloudId" = String, Path)), request_body = MapTenant,
    responses((status = 200, body = MappingPreview)))]
pub(crate) async fn preview(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<MapTenant>,
) -> Result<(HeaderMap, Json<MappingPreview>), Failure> {
    query.only(&[])?;
    let cloud_id = params.cloud_id()?;
    let (tenant, subscription, valid) = asked.parts()?;
    let preview = door
        .app
        .preview_mapping(&caller, cloud_id, tenant, subscription, valid)
        .await?;
    let headers = notes::warnings(&preview.warnings);
    Ok((headers, Json(previewed(&door, preview))))
}

fn previewed(door: &Door, preview: Backdating) -> MappingPreview {
    let moved = preview.moved.into_iter().map(|it| MovedUsage {
        period: it.period.to_string(),
        from_subscription_id: it.from.to_string(),
        from_subscription_name: it.from_name,
        to_subscription_id: it.to.to_string(),
        to_subscription_name: it.to_name,
        records: it.records,
        used: it
            .quantities
            .iter()
            .map(|(meter, quantity)| used_quantity(*meter, quantity, door.app.catalog()))
            .collect(),
    });
    let differences = preview.differences.iter().map(|it| {
        let names = door.app.account_names(it.account.seller, Some(it.account.buyer));
        let settled = match it.settled {
            Settled::RunningBill => SettledBy::RunningBill,
            Settled::Corrections => SettledBy::Corrections,
            Settled::Nowhere => SettledBy::Nothing,
        };
        let account = BillAccount::of(it.account, &names);
        BillDifference::of(
            it.period.to_string(),
            settled,
            account,
            [it.before, it.after, it.difference],
        )
    });
    MappingPreview {
        moved: moved.collect(),
        differences: differences.collect(),
        withheld: preview.withheld,
    }
}

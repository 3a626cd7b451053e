//! The meters of the catalog.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use wire::api::{Meter, Page};

use crate::Door;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::query::Query;

/// Lists what stacks measure and what becomes of it, by local meter id.
#[utoipa::path(get, path = "/api/v1/meters", tag = "prices", params(super::documents::Paging),
    responses((status = 200, body = Page<Meter>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Meter>>, Failure> {
    let page = PageRequest::of_own(&query)?;
    let catalog = door.app.catalog();
    let meters = catalog.local_meters().collect();
    Ok(page
        .page_of_all(meters, |it| it.id, &door.base(&uri))
        .shown(|it| Meter::of(it, catalog)))
}

//! Directories: whose people and programs sign in here.

use std::sync::Arc;

use app::identity;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use domain::ids::TenantId;
use wire::api::{Directory, NewDirectory, Page};

use crate::access::By;
use crate::error::Failure;
use crate::pages::PageRequest;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

/// The directory in the path.
pub(super) fn directory_id(params: &Params) -> Result<TenantId, Failure> {
    params.read("directoryId", "InvalidDirectoryId")
}

/// Lists the directories that the caller manages, by id.
#[utoipa::path(get, path = "/api/v1/directories", tag = "identity", params(super::documents::Paging),
    responses((status = 200, body = Page<Directory>)))]
pub(crate) async fn list(
    State(door): State<Arc<Door>>,
    By(caller): By,
    uri: Uri,
    query: Query,
) -> Result<Json<Page<Directory>>, Failure> {
    let page = PageRequest::of_own(&query)?;
    let directories = door.app.directories(&caller, page.after, page.items_wanted());
    let page = page.page(directories, |it| it.id, &door.base(&uri));
    Ok(page.shown(|it| Directory::from(&it)))
}

/// Creates a directory.
#[utoipa::path(post, path = "/api/v1/directories", tag = "identity", request_body = NewDirectory,
    responses((status = 201, body = Directory)))]
pub(crate) async fn create(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
    body::Json(new): body::Json<NewDirectory>,
) -> Result<(StatusCode, Json<Directory>), Failure> {
    query.only(&[])?;
    let (id, name, domain, owner) = new.parts()?;
    let new = identity::NewDirectory {
        id,
        name,
        domain,
        owner,
    };
    let directory = door.app.create_directory(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(Directory::from(&directory))))
}

/// A directory.
#[utoipa::path(get, path = "/api/v1/directories/{directoryId}", tag = "identity",
    params(("directoryId" = String, Path)), responses((status = 200, body = Directory)))]
pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Directory>, Failure> {
    query.only(&[])?;
    let directory = door.app.directory(&caller, directory_id(&params)?)?;
    Ok(Json(Directory::from(&directory)))
}

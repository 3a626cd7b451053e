//! Directories: whose people and programs sign in here.

use std::sync::Arc;

use app::App;
use app::access::Caller;
use app::identity;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::TenantId;
use wire::api::{Directory, NewDirectory, Page};

use super::listing::Listing;
use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
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
pub(crate) async fn list(listing: Listing) -> Result<Json<Page<Directory>>, Failure> {
    let directories = |app: &App, caller: &Caller, after, limit| Ok(app.directories(caller, after, limit));
    listing.page(directories, |it| it.id)
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
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<Directory>, Failure> {
    let directory = door.app.directory(&caller, directory_id(&params)?)?;
    Ok(Json(Directory::from(&directory)))
}

/// Deletes a directory that nobody and nothing is in any more.
#[utoipa::path(delete, path = "/api/v1/directories/{directoryId}", tag = "identity",
    params(("directoryId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app.delete_directory(&caller, directory_id(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

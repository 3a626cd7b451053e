//! Groups of users and service principals that are given roles together.

use std::sync::Arc;

use app::App;
use app::access::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use domain::ids::ObjectId;
use wire::api::{Group, NewGroup, Page};

use super::directories::directory_id;
use super::listing::Listing;
use super::path_only::PathOnly;
use crate::access::By;
use crate::created::status;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

fn group_id(params: &Params) -> Result<ObjectId, Failure> {
    params.read("groupId", "InvalidGroupId")
}

fn member_id(params: &Params) -> Result<ObjectId, Failure> {
    params.read("memberId", "InvalidMemberId")
}

/// Lists the groups of a directory by id.
#[utoipa::path(get, path = "/api/v1/directories/{directoryId}/groups", tag = "identity",
    params(("directoryId" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<Group>)))]
pub(crate) async fn list(listing: Listing) -> Result<Json<Page<Group>>, Failure> {
    let directory = directory_id(&listing.of)?;
    let groups = |app: &App, caller: &Caller, after, limit| app.groups(caller, directory, after, limit);
    listing.page(groups, |it| it.id)
}

/// Creates a group. Nobody is in it yet.
#[utoipa::path(post, path = "/api/v1/directories/{directoryId}/groups", tag = "identity",
    params(("directoryId" = String, Path)), request_body = NewGroup, responses((status = 201, body = Group)))]
pub(crate) async fn create(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(new): body::Json<NewGroup>,
) -> Result<(StatusCode, Json<Group>), Failure> {
    query.only(&[])?;
    let directory = directory_id(&params)?;
    let group = door.app.create_group(&caller, directory, &new.name()?).await?;
    Ok((StatusCode::CREATED, Json(Group::from(&group))))
}

/// A group with its members.
#[utoipa::path(get, path = "/api/v1/groups/{groupId}", tag = "identity", params(("groupId" = String, Path)),
    responses((status = 200, body = Group)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<Group>, Failure> {
    let group = door.app.group(&caller, group_id(&params)?)?;
    Ok(Json(Group::from(&group)))
}

/// Deletes a group, with every role that it has. Its members stay.
#[utoipa::path(delete, path = "/api/v1/groups/{groupId}", tag = "identity",
    params(("groupId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app.delete_group(&caller, group_id(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a user or service principal of the same directory into a group.
#[utoipa::path(put, path = "/api/v1/groups/{groupId}/members/{memberId}", tag = "identity",
    params(("groupId" = String, Path), ("memberId" = String, Path)),
    responses((status = 201, body = Group), (status = 200, body = Group, description = "It was in it already")))]
pub(crate) async fn add_member(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<(StatusCode, Json<Group>), Failure> {
    let id = group_id(&params)?;
    let created = door.app.add_member(&caller, id, member_id(&params)?).await?;
    let group = door.app.group(&caller, id)?;
    Ok((status(created), Json(Group::from(&group))))
}

/// Takes a member out of a group.
#[utoipa::path(delete, path = "/api/v1/groups/{groupId}/members/{memberId}", tag = "identity",
    params(("groupId" = String, Path), ("memberId" = String, Path)),
    responses((status = 200, body = Group), (status = 204, description = "It was not in it")))]
pub(crate) async fn remove_member(PathOnly { door, caller, params }: PathOnly) -> Result<Response, Failure> {
    let id = group_id(&params)?;
    if !door.app.remove_member(&caller, id, member_id(&params)?).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let group = door.app.group(&caller, id)?;
    Ok(Json(Group::from(&group)).into_response())
}

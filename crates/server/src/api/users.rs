//! The users of directories.

use std::sync::Arc;

use app::App;
use app::access::Caller;
use app::identity;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::identity::UserName;
use domain::ids::ObjectId;
use wire::api::{NewUser, Page, SetPassword, User};

use super::directories::directory_id;
use super::listing::Listing;
use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

fn user_id(params: &Params) -> Result<ObjectId, Failure> {
    params.read("userId", "InvalidUserId")
}

/// Lists the users of a directory by name.
#[utoipa::path(get, path = "/api/v1/directories/{directoryId}/users", tag = "identity",
    params(("directoryId" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<User>)))]
pub(crate) async fn list(listing: Listing) -> Result<Json<Page<User>>, Failure> {
    let directory = directory_id(&listing.of)?;
    let users = |app: &App, caller: &Caller, after: Option<UserName>, limit| {
        app.users(caller, directory, after.as_ref(), limit)
    };
    listing.page(users, |it| it.name.clone())
}

/// Creates a user, who may sign in at once.
#[utoipa::path(post, path = "/api/v1/directories/{directoryId}/users", tag = "identity",
    params(("directoryId" = String, Path)), request_body = NewUser, responses((status = 201, body = User)))]
pub(crate) async fn create(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(new): body::Json<NewUser>,
) -> Result<(StatusCode, Json<User>), Failure> {
    query.only(&[])?;
    let directory = directory_id(&params)?;
    let (name, display_name, password) = new.parts()?;
    let new = identity::NewUser {
        directory,
        name,
        display_name,
        password,
    };
    let user = door.app.create_user(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(User::from(&user))))
}

/// A user.
#[utoipa::path(get, path = "/api/v1/users/{userId}", tag = "identity", params(("userId" = String, Path)),
    responses((status = 200, body = User)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<User>, Failure> {
    let user = door.app.user(&caller, user_id(&params)?)?;
    Ok(Json(User::from(&user)))
}

/// Deletes a user, with every role that it has. It is out at once.
#[utoipa::path(delete, path = "/api/v1/users/{userId}", tag = "identity",
    params(("userId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app.delete_user(&caller, user_id(&params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a user another password. Where the user was signed in, it has to sign in again.
#[utoipa::path(put, path = "/api/v1/users/{userId}/password", tag = "identity", params(("userId" = String, Path)),
    request_body = SetPassword, responses((status = 204, description = "It is the password now")))]
pub(crate) async fn set_password(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(SetPassword { password }): body::Json<SetPassword>,
) -> Result<StatusCode, Failure> {
    query.only(&[])?;
    door.app
        .set_password(&caller, user_id(&params)?, password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_enabled(
    door: &Door,
    caller: &Caller,
    params: &Params,
    query: &Query,
    enabled: bool,
) -> Result<Json<User>, Failure> {
    query.only(&[])?;
    let user = door
        .app
        .set_user_enabled(caller, user_id(params)?, enabled)
        .await?;
    Ok(Json(User::from(&user)))
}

/// Keeps a user from signing in, at once: what it was given before is void, too.
#[utoipa::path(post, path = "/api/v1/users/{userId}/disable", tag = "identity", params(("userId" = String, Path)),
    responses((status = 200, body = User)))]
pub(crate) async fn disable(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<User>, Failure> {
    set_enabled(&door, &caller, &params, &query, false).await
}

/// Lets a user sign in again.
#[utoipa::path(post, path = "/api/v1/users/{userId}/enable", tag = "identity", params(("userId" = String, Path)),
    responses((status = 200, body = User)))]
pub(crate) async fn enable(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<User>, Failure> {
    set_enabled(&door, &caller, &params, &query, true).await
}

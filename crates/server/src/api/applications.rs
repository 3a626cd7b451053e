//! Applications: programs that sign in, with their secrets and certificates.

use std::sync::Arc;
use std::time::Duration;

use app::App;
use app::access::Caller;
use app::identity;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use domain::ids::ApplicationId;
use wire::api::{Application, Certificate, NewApplication, NewCertificate, NewSecret, Page, Secret};

use super::certificate;
use super::directories::directory_id;
use super::listing::Listing;
use super::path_only::PathOnly;
use crate::access::By;
use crate::error::Failure;
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body};

/// How long a secret is accepted, if nothing else is asked for.
const SECRET_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn application_id(params: &Params) -> Result<ApplicationId, Failure> {
    params.read("applicationId", "InvalidApplicationId")
}

/// Lists the applications of a directory by id.
#[utoipa::path(get, path = "/api/v1/directories/{directoryId}/applications", tag = "identity",
    params(("directoryId" = String, Path), super::documents::Paging),
    responses((status = 200, body = Page<Application>)))]
pub(crate) async fn list(listing: Listing) -> Result<Json<Page<Application>>, Failure> {
    let directory = directory_id(&listing.of)?;
    let applications =
        |app: &App, caller: &Caller, after, limit| app.applications(caller, directory, after, limit);
    listing.page(applications, |it| it.id)
}

/// Creates an application. To sign in, it needs a secret or a certificate.
#[utoipa::path(post, path = "/api/v1/directories/{directoryId}/applications", tag = "identity",
    params(("directoryId" = String, Path)), request_body = NewApplication,
    responses((status = 201, body = Application)))]
pub(crate) async fn create(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(new): body::Json<NewApplication>,
) -> Result<(StatusCode, Json<Application>), Failure> {
    query.only(&[])?;
    let directory = directory_id(&params)?;
    let (id, name) = new.parts()?;
    let new = identity::NewApplication { directory, name, id };
    let application = door.app.create_application(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(Application::from(&application))))
}

/// An application.
#[utoipa::path(get, path = "/api/v1/applications/{applicationId}", tag = "identity",
    params(("applicationId" = String, Path)), responses((status = 200, body = Application)))]
pub(crate) async fn get(PathOnly { door, caller, params }: PathOnly) -> Result<Json<Application>, Failure> {
    let application = door.app.application(&caller, application_id(&params)?)?;
    Ok(Json(Application::from(&application)))
}

/// Deletes an application, with its secrets and certificates and every role that it has. It is out at once, and its id is not
/// given again.
#[utoipa::path(delete, path = "/api/v1/applications/{applicationId}", tag = "identity",
    params(("applicationId" = String, Path)), responses((status = 204, description = "It is deleted")))]
pub(crate) async fn delete(PathOnly { door, caller, params }: PathOnly) -> Result<StatusCode, Failure> {
    door.app
        .delete_application(&caller, application_id(&params)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_enabled(
    door: &Door,
    caller: &Caller,
    params: &Params,
    query: &Query,
    enabled: bool,
) -> Result<Json<Application>, Failure> {
    query.only(&[])?;
    let id = application_id(params)?;
    let application = door.app.set_application_enabled(caller, id, enabled).await?;
    Ok(Json(Application::from(&application)))
}

/// Keeps an application from signing in, at once: what it was given before is void, too.
#[utoipa::path(post, path = "/api/v1/applications/{applicationId}/disable", tag = "identity",
    params(("applicationId" = String, Path)), responses((status = 200, body = Application)))]
pub(crate) async fn disable(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Application>, Failure> {
    set_enabled(&door, &caller, &params, &query, false).await
}

/// Lets an application sign in again.
#[utoipa::path(post, path = "/api/v1/applications/{applicationId}/enable", tag = "identity",
    params(("applicationId" = String, Path)), responses((status = 200, body = Application)))]
pub(crate) async fn enable(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<Json<Application>, Failure> {
    set_enabled(&door, &caller, &params, &query, true).await
}

/// Adds a secret to an application. Its text is in this answer and nowhere else: it cannot be asked for again.
#[utoipa::path(post, path = "/api/v1/applications/{applicationId}/secrets", tag = "identity",
    params(("applicationId" = String, Path)), request_body = Option<NewSecret>,
    responses((status = 201, body = Secret)))]
pub(crate) async fn add_secret(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::OptionalJson(new): body::OptionalJson<NewSecret>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<Secret>), Failure> {
    query.only(&[])?;
    let application = application_id(&params)?;
    let expires = new.expires()?;
    let expires = expires.unwrap_or_else(|| door.app.clock().now() + SECRET_LIFETIME);
    let added = door.app.add_secret(&caller, application, expires).await?;
    let secret = Secret {
        id: added.id.to_string(),
        text: added.text,
        expires: added.expires.to_string(),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(secret)))
}

/// Adds a certificate to an application, which then signs in with its private key.
#[utoipa::path(post, path = "/api/v1/applications/{applicationId}/certificates", tag = "identity",
    params(("applicationId" = String, Path)), request_body = NewCertificate,
    responses((status = 201, body = Certificate)))]
pub(crate) async fn add_certificate(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(new): body::Json<NewCertificate>,
) -> Result<(StatusCode, Json<Certificate>), Failure> {
    query.only(&[])?;
    let application = application_id(&params)?;
    let certificate = certificate::read(&new.pem)?;
    let added = door
        .app
        .add_certificate(&caller, application, certificate)
        .await?;
    Ok((StatusCode::CREATED, Json(Certificate::from(&added))))
}

/// Removes a secret or a certificate of an application: it is not accepted any longer.
#[utoipa::path(delete, path = "/api/v1/applications/{applicationId}/credentials/{credentialId}", tag = "identity",
    params(("applicationId" = String, Path), ("credentialId" = String, Path)),
    responses((status = 204, description = "It is removed")))]
pub(crate) async fn remove_credential(
    PathOnly { door, caller, params }: PathOnly,
) -> Result<StatusCode, Failure> {
    let credential = params.read("credentialId", "InvalidCredentialId")?;
    door.app
        .remove_credential(&caller, application_id(&params)?, credential)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

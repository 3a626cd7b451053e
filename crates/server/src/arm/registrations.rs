//! `Microsoft.AzureStack/registrations`.

use std::sync::Arc;

use app::access::Caller;
use app::precondition::Precondition;
use app::registrations::{Registered, RegistrationAddress};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::registration::register::PutRegistration as Asked;
use domain::registration::token::InvalidToken;
use domain::registration::{RegistrationNotFound, RegistrationToken};
use domain::resource_id::folded;
use wire::arm::List;
use wire::azure_stack::{
    ActivationKeyResult, PutRegistration, REGISTRATION_TYPE, Registration, decode_registration_token,
};

use super::etag::IfMatch;
use super::resource_types::{REGISTRATIONS, REMOTE_MANAGEMENT};
use super::version::{speaks, speaks_if_said};
use super::{
    RESOURCE_NOT_FOUND, checked_location, checked_tags, not_found_text, registration, resource_group,
    subscription,
};
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body, notes};

const TOKEN: &str = "properties.registrationToken";

pub(crate) async fn list_of_subscription(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Registration>>, Failure> {
    speaks(&query, &REGISTRATIONS)?;
    let registrations = door.app.registrations(subscription(&params)?, None)?;
    listed(&door, registrations, &query, &uri)
}

pub(crate) async fn list_of_group(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Registration>>, Failure> {
    speaks(&query, &REGISTRATIONS)?;
    let group = resource_group(&params)?;
    let registrations = door.app.registrations(subscription(&params)?, Some(&group))?;
    listed(&door, registrations, &query, &uri)
}

fn listed(
    door: &Door,
    registrations: Vec<domain::registration::Registration>,
    query: &Query,
    uri: &Uri,
) -> Result<Json<List<Registration>>, Failure> {
    let page = PageRequest::of(query, pages::ARM)?;
    let page = page.page_of_all(
        registrations,
        |it| folded(&it.path().to_string()).into_owned(),
        &door.base(uri),
    );
    Ok(page.listed(|it| Registration::from(&it)))
}

/// Registers a stack or registers it again: 201 or 200.
pub(crate) async fn put(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    IfMatch(precondition): IfMatch,
    body::Json(asked): body::Json<PutRegistration>,
) -> Result<(StatusCode, HeaderMap, Json<Registration>), Failure> {
    speaks(&query, &REGISTRATIONS)?;
    register(&door, &caller, &registration(&params)?, asked, &precondition).await
}

/// Changes what exists, and creates nothing.
pub(crate) async fn patch(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    IfMatch(precondition): IfMatch,
    body::Json(asked): body::Json<PutRegistration>,
) -> Result<(StatusCode, HeaderMap, Json<Registration>), Failure> {
    speaks(&query, &REGISTRATIONS)?;
    let at = registration(&params)?;
    found(&door, &at)?;
    register(&door, &caller, &at, asked, &precondition).await
}

async fn register(
    door: &Door,
    caller: &Caller,
    at: &RegistrationAddress,
    asked: PutRegistration,
    precondition: &Precondition,
) -> Result<(StatusCode, HeaderMap, Json<Registration>), Failure> {
    let text = asked
        .properties
        .and_then(|properties| properties.registration_token);
    let request = Asked {
        name: at.name.clone(),
        location: checked_location(asked.location)?,
        tags: checked_tags(asked.tags)?,
        token: text.as_deref().map(token).transpose()?,
    };
    let Registered {
        registration,
        created,
        warnings,
    } = door
        .app
        .put_registration(caller, at, &request, precondition)
        .await?;
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((
        status,
        notes::warnings(&warnings),
        Json(Registration::from(&registration)),
    ))
}

fn token(text: &str) -> Result<RegistrationToken, Failure> {
    let invalid = |message: String| Failure::invalid(InvalidToken::CODE, message).about(TOKEN);
    let claims = decode_registration_token(text).map_err(|error| invalid(error.to_string()))?;
    RegistrationToken::from_claims(claims).map_err(|error| invalid(error.to_string()))
}

pub(crate) async fn get(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<Registration>, Failure> {
    speaks(&query, &REGISTRATIONS)?;
    Ok(Json(Registration::from(&found(&door, &registration(&params)?)?)))
}

/// The registration at an address. Azure Resource Manager answers in its own words for a resource that is not there;
/// `RegistrationNotFound` is for what is below one.
pub(super) fn found(
    door: &Door,
    at: &RegistrationAddress,
) -> Result<domain::registration::Registration, Failure> {
    let found = door.app.registration(at);
    found.map_err(|error| match error.code {
        RegistrationNotFound::CODE => Failure::from(app::Error {
            code: RESOURCE_NOT_FOUND,
            message: not_found_text(REGISTRATION_TYPE, &at.name.to_string(), Some(&at.resource_group)),
            ..error
        }),
        _ => Failure::from(error),
    })
}

/// Deletes a registration: 200, or 204 if there is none. Where that leaves what a stack uses to be charged to nobody, a
/// warning says so.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    IfMatch(precondition): IfMatch,
) -> Result<(StatusCode, HeaderMap), Failure> {
    speaks(&query, &REGISTRATIONS)?;
    let deleted = door
        .app
        .delete_registration(&caller, &registration(&params)?, &precondition)
        .await?;
    Ok(match deleted {
        Some(warnings) => (StatusCode::OK, notes::warnings(&warnings)),
        None => (StatusCode::NO_CONTENT, HeaderMap::new()),
    })
}

/// The activation key: the stack's credential.
pub(crate) async fn activation_key(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<ActivationKeyResult>, Failure> {
    speaks(&query, &REGISTRATIONS)?;
    let registration = found(&door, &registration(&params)?)?;
    let signed = door.keys.sign(&registration, &door.public_url);
    let activation_key =
        signed.map_err(|error| Failure::internal(format!("an activation key was not signed: {error}")))?;
    Ok(Json(ActivationKeyResult { activation_key }))
}

/// Accepts that a device shall be managed remotely, which nothing here depends on. The contract has no api-version for
/// it, so clients send none.
pub(crate) async fn enable_remote_management(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    speaks_if_said(&query, &REMOTE_MANAGEMENT)?;
    found(&door, &registration(&params)?)?;
    Ok(StatusCode::OK)
}

//! `Microsoft.AzureStack/registrations`.

use std::sync::Arc;

use app::access::Caller;
use app::registrations::{Registered, RegistrationAddress};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::registration::RegistrationToken;
use domain::registration::register::PutRegistration as Asked;
use domain::registration::token::InvalidToken;
use wire::arm::List;
use wire::azure_stack::{ActivationKeyResult, PutRegistration, Registration, decode_registration_token};

use super::version::azure_stack;
use super::{checked_location, checked_tags, registration, resource_group, subscription};
use crate::access::By;
use crate::error::Failure;
use crate::pages::{self, PageRequest};
use crate::params::Params;
use crate::query::Query;
use crate::{Door, body, notes};

const TYPE: &str = "registrations";
const TOKEN: &str = "properties.registrationToken";

pub(crate) async fn list_of_subscription(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Registration>>, Failure> {
    azure_stack(&query, TYPE)?;
    let registrations = door.app.registrations(subscription(&params)?, None)?;
    listed(&door, registrations, &query, &uri)
}

pub(crate) async fn list_of_group(
    State(door): State<Arc<Door>>,
    params: Params,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Registration>>, Failure> {
    azure_stack(&query, TYPE)?;
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
        |it| it.path().to_string().to_lowercase(),
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
    body::Json(asked): body::Json<PutRegistration>,
) -> Result<(StatusCode, HeaderMap, Json<Registration>), Failure> {
    azure_stack(&query, TYPE)?;
    register(&door, &caller, &registration(&params)?, asked).await
}

/// Changes what exists, and creates nothing.
pub(crate) async fn patch(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
    body::Json(asked): body::Json<PutRegistration>,
) -> Result<(StatusCode, HeaderMap, Json<Registration>), Failure> {
    azure_stack(&query, TYPE)?;
    let at = registration(&params)?;
    door.app.registration(&at)?;
    register(&door, &caller, &at, asked).await
}

async fn register(
    door: &Door,
    caller: &Caller,
    at: &RegistrationAddress,
    asked: PutRegistration,
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
    } = door.app.put_registration(caller, at, &request).await?;
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
    azure_stack(&query, TYPE)?;
    Ok(Json(Registration::from(
        &door.app.registration(&registration(&params)?)?,
    )))
}

/// Deletes a registration: 200, or 204 if there is none.
pub(crate) async fn delete(
    State(door): State<Arc<Door>>,
    By(caller): By,
    params: Params,
    query: Query,
) -> Result<StatusCode, Failure> {
    azure_stack(&query, TYPE)?;
    let deleted = door
        .app
        .delete_registration(&caller, &registration(&params)?)
        .await?;
    Ok(if deleted {
        StatusCode::OK
    } else {
        StatusCode::NO_CONTENT
    })
}

/// The activation key: the stack's credential.
pub(crate) async fn activation_key(
    State(door): State<Arc<Door>>,
    params: Params,
    query: Query,
) -> Result<Json<ActivationKeyResult>, Failure> {
    azure_stack(&query, TYPE)?;
    let registration = door.app.registration(&registration(&params)?)?;
    let signed = door.keys.sign(&registration, &door.public_url);
    let activation_key =
        signed.map_err(|error| Failure::internal(format!("an activation key was not signed: {error}")))?;
    Ok(Json(ActivationKeyResult { activation_key }))
}

//! The one place that turns a request into somebody who may do what it asks for.
//!
//! Every route says in the route table what it needs; this guard stands before each of them, so that no handler runs
//! for anybody else. Directories, roles and Azure sign-in will find their place in [`authenticate`].

use std::net::SocketAddr;
use std::sync::Arc;

use app::access::{Caller, Right};
use app::{Error, Kind};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::Door;
use crate::credential;
use crate::error::Failure;
use crate::observe::Story;
use crate::params;

/// Who may come in where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody: health and documents.
    Nothing,
    /// An operator of the platform.
    Operator,
    /// The stack in the path, to deliver its usage.
    UsageOfStack,
    /// The stack in the path, or an operator, to deliver its directory.
    DirectoryOfStack,
}

/// What the guard of one route goes by.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) door: Arc<Door>,
    pub(crate) needs: Needs,
    pub(crate) path: &'static str,
}

/// Stands before a route.
pub(crate) async fn guard(
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let story = request
        .extensions()
        .get::<Arc<Story>>()
        .cloned()
        .unwrap_or_default();
    story.on_route(gate.path);
    let Gate { door, needs, .. } = gate;
    if needs == Needs::Nothing {
        door.rates.count_anonymous(peer.ip())?;
        return Ok(next.run(request).await);
    }
    let caller = authenticate(&door, request.headers(), peer)?;
    story.by(&caller);
    door.rates.count_request(caller.id())?;
    let path = path.map_err(|error| params::unreadable(&error))?;
    let right = match needs {
        Needs::UsageOfStack => Right::DeliverUsage(params::cloud_id(&path)?),
        Needs::DirectoryOfStack => Right::DeliverDirectory(params::cloud_id(&path)?),
        Needs::Operator | Needs::Nothing => Right::Operate,
    };
    door.app.authorize(&caller, right)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Who calls.
fn authenticate(door: &Door, headers: &HeaderMap, peer: SocketAddr) -> Result<Caller, Failure> {
    identify(door, headers).map_err(|error| {
        if error.kind != Kind::Unauthenticated {
            return error.into();
        }
        match door.rates.count_failure(peer.ip()) {
            Ok(()) => Failure::unauthenticated(error.code, error.message, &door.public_url),
            Err(too_many) => too_many,
        }
    })
}

fn identify(door: &Door, headers: &HeaderMap) -> Result<Caller, Error> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| unknown("Authentication failed. The 'Authorization' header is missing."))?;
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| unknown("Authentication failed. Expected the 'Authorization' header to be 'Bearer', a blank and a token."))?;
    if token.starts_with(credential::PREFIX) {
        return door.app.operator(&credential::digest(token));
    }
    let proven = door.keys.verify(token).ok_or_else(|| {
        unknown(
            "Authentication failed. The token is neither an operator's credential nor an activation key of this server.",
        )
    })?;
    door.app.registered_stack(proven.cloud_id, proven.registration)
}

fn unknown(message: &'static str) -> Error {
    Error::new(Kind::Unauthenticated, "AuthenticationFailed", message)
}

/// The caller that the guard let in.
pub(crate) struct By(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.map(By).ok_or_else(|| {
            Failure::internal("a handler that asks who calls is behind a route that lets everybody in")
        })
    }
}

/// The answer of a path that nothing is at.
pub(crate) fn nothing_here(request: &Request) -> Failure {
    let message = format!(
        "Nothing is at '{}'. GET /api/v1/openapi.json lists what is.",
        params::shown(request.uri())
    );
    Failure::new(StatusCode::NOT_FOUND, "NotFound", message)
}

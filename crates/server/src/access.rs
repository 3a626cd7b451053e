//! The one place that turns a request into somebody who may do what it asks for.
//!
//! Every route says in the route table what it needs; this guard stands before each of them, so that no handler runs
//! for anybody else.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::access::{Caller, Right};
use app::{App, Error, Kind};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::Door;
use crate::arm::scope;
use crate::credential;
use crate::error::Failure;
use crate::identity::{Circumstances, Unproven};
use crate::keys::ProvenStack;
use crate::limits::BUSY_RETRY_AFTER_SECONDS;
use crate::observe::Story;
use crate::{ops, params};

/// For how long somebody is held up by keeping that their credential is used. *(ours)*
const SEEN_WAIT: Duration = Duration::from_secs(1);
/// For how long somebody who watches the server is held up by asking what other servers entered. *(ours)*
const WATCHER_WAIT: Duration = Duration::from_secs(1);

/// Who may come in where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody: health and documents.
    Nothing,
    /// Anybody: to sign in.
    SignIn,
    /// An operator of the platform.
    Operator,
    /// Somebody who signed in: what they see is decided for each item of the answer.
    SignedIn,
    /// Somebody for whom the subscription in the path exists.
    SeenSubscription,
    /// Somebody whose roles allow this action at the scope that the path names.
    Action(&'static str),
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

/// Stands before a route. What is decided there and behind it is decided on everything that any server has acknowledged;
/// for somebody who watches the server, as far as its memory says so in time.
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
    let Gate {
        door,
        needs,
        path: route,
    } = gate;
    if matches!(needs, Needs::Nothing | Needs::SignIn) {
        return match admit_anybody(&door, needs, peer).await {
            Ok(()) => Ok(next.run(request).await),
            Err(failure) if needs == Needs::SignIn => {
                let asked = Circumstances::of(request.headers(), request.extensions(), &door);
                Ok(asked.refuse(failure))
            }
            Err(failure) => Err(failure),
        };
    }
    if route == ops::METRICS {
        // Who watches the server has to see it also while its memory is away: then as of what it knows.
        let _ = tokio::time::timeout(WATCHER_WAIT, door.app.catch_up()).await;
    } else {
        door.app.catch_up().await?;
    }
    let caller = authenticate(&door, request.headers(), peer).await?;
    story.by(&caller);
    story.may_send(door.rates.count_request(caller.id())?);
    let path = path.map_err(|error| params::unreadable(&error))?;
    allow(&door.app, &caller, needs, &path)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Lets somebody in of whom nobody asks who they are.
async fn admit_anybody(door: &Door, needs: Needs, peer: SocketAddr) -> Result<(), Failure> {
    door.rates.count_anonymous(peer.ip())?;
    if needs == Needs::SignIn {
        door.app.catch_up().await?;
    }
    Ok(())
}

/// Whether the caller may come in.
fn allow(app: &App, caller: &Caller, needs: Needs, path: &RawPathParams) -> Result<(), Failure> {
    let right = match needs {
        Needs::Action(action) => return Ok(app.may(caller, action, &scope::of(path)?)?),
        Needs::UsageOfStack => Right::DeliverUsage(params::cloud_id(path)?),
        Needs::DirectoryOfStack => Right::DeliverDirectory(params::cloud_id(path)?),
        Needs::SignedIn | Needs::SeenSubscription => Right::SignedIn,
        Needs::Operator | Needs::Nothing | Needs::SignIn => Right::Operate,
    };
    app.authorize(caller, right)?;
    if needs == Needs::SeenSubscription
        && let Some(subscription) = scope::subscription(path)?
    {
        app.subscription_seen(caller, subscription)?;
    }
    Ok(())
}

/// Who calls.
async fn authenticate(door: &Door, headers: &HeaderMap, peer: SocketAddr) -> Result<Caller, Failure> {
    let (code, message) = match identify(door, headers).await {
        Ok(caller) => return Ok(caller),
        Err(Unknown::NotNow(failure)) => return Err(failure),
        Err(Unknown::Refused(code, message)) => (code, message),
    };
    door.rates.count_failure(peer.ip())?;
    Err(Failure::unauthenticated(
        code,
        message,
        &door.identity.authorization_uri(),
    ))
}

/// Why it is not known who calls.
enum Unknown {
    /// What was sent does not prove it.
    Refused(&'static str, Cow<'static, str>),
    /// It cannot be found out now.
    NotNow(Failure),
}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        if error.kind == Kind::Unauthenticated {
            Self::Refused(error.code, error.message.into())
        } else {
            Self::NotNow(error.into())
        }
    }
}

impl From<Unproven> for Unknown {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Token(code, message) => Self::Refused(code, message.into()),
            Unproven::Failed(error) => Self::NotNow(error.into()),
            Unproven::IssuerSilent => {
                let message = "The issuer of the token cannot be asked for its keys at the moment. Send the request again.";
                Self::NotNow(Failure::unavailable(
                    "IssuerUnavailable",
                    message,
                    BUSY_RETRY_AFTER_SECONDS,
                ))
            }
        }
    }
}

/// Three kinds of tokens are told apart by what they look like: an operator's credential by its beginning, an activation
/// key by its key, and anything else is an access token, good or not.
async fn identify(door: &Door, headers: &HeaderMap) -> Result<Caller, Unknown> {
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
        let operator = door.app.operator(&credential::digest(token))?;
        if let Caller::Operator { id, .. } = &operator {
            // What takes longer goes on: it is lost at the worst that it was used.
            let _ = tokio::time::timeout(SEEN_WAIT, door.app.operator_seen(*id)).await;
        }
        return Ok(operator);
    }
    if let Some(proven) = door.keys.verify(token) {
        let ProvenStack {
            cloud_id,
            registration,
            key_generation,
        } = proven;
        return Ok(door
            .app
            .registered_stack(cloud_id, registration, key_generation)?);
    }
    Ok(door.prove(token).await?)
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

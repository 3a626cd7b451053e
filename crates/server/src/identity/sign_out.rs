//! Signing out: what was given to a person in one sign-in is not good any more, wherever a copy of it is.

use std::net::SocketAddr;
use std::sync::Arc;

use app::identity::SignInRefused;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::ids::{ObjectId, SessionId};

use super::accounts::of_user;
use super::authority::Version;
use super::clients::Presented;
use super::discovery::unknown_directory;
use super::form::Form;
use super::grants::SignIn;
use super::html::Page;
use super::refusal::{Circumstances, Refusal, never_stored};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;

/// `POST …/oauth2/revoke`: a program gives a refresh token back (RFC 7009). A token that is not good any more is given back
/// already.
pub(crate) async fn revoke(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    asked: Circumstances,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    let Some(authority) = door.authority(name) else {
        return Ok(unknown_directory(name).answer(&asked));
    };
    let sign_in = SignIn {
        door: &door,
        authority,
        version: Version::V2,
        form: &form,
        peer: peer.ip(),
        asked: &asked,
    };
    Ok(match sign_in.give_back(&headers).await {
        Ok(()) => never_stored(StatusCode::OK.into_response()),
        Err(refusal) => refusal.answer(&asked),
    })
}

impl SignIn<'_> {
    async fn give_back(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let client = Presented::read(self.form, headers)?;
        self.program_of_people(&client)?;
        self.form.needed("token")?;
        let Ok((token, _)) = self.refresh_token("token", &client) else {
            return Ok(());
        };
        self.door.end_session(token.user, token.session).await
    }
}

/// `GET …/oauth2/logout`: whoever shows the id token of a sign-in ends it (OpenID Connect RP-Initiated Logout 1.0). Nothing is
/// kept in the browser itself.
pub(crate) async fn page(
    State(door): State<Arc<Door>>,
    asked: Circumstances,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let hint = query.text("id_token_hint").ok().flatten();
    let session = hint.and_then(|hint| door.identity.session_of_id_token(hint).ok());
    let Some((user, session)) = session else {
        let text = "This server keeps nobody signed in in a browser. A program ends its sign-in by itself: see its own \
                    command, such as meterbridge logout.";
        return Page::new("Signed out").paragraph(text).answer();
    };
    match door.end_session(user, session).await {
        Ok(()) => Page::new("Signed out")
            .paragraph("You are signed out: what the program was given is not good any more.")
            .answer(),
        Err(refusal) => refusal.answer(&asked),
    }
}

impl Door {
    pub(super) async fn end_session(&self, user: ObjectId, session: SessionId) -> Result<(), Refusal> {
        let ended = self.app.end_session(session).await;
        let ended = ended.map_err(|error| of_user(SignInRefused::Failed(error)))?;
        if ended {
            tracing::info!(%user, %session, "somebody signed out");
        }
        Ok(())
    }
}

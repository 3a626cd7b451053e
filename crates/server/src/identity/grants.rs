//! The token endpoint: something is presented, and tokens are given for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use app::access::Principal;
use app::identity::{RefreshToken, SignInRefused, SignedInApplication};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use domain::ids::{ApplicationId, ObjectId};

use super::accounts::of_user;
use super::audiences::{Asked, SCOPE_BYTES_MAX, Unasked};
use super::authority::{Authority, Version};
use super::clients::{Presented, Proof, native};
use super::codes::NotRedeemed;
use super::discovery::unknown_directory;
use super::form::Form;
use super::jwt::Bad;
use super::refusal::{Circumstances, Refusal, never_stored};
use super::tokens::{Holder, Order, ProvenBy, Standing, TokenAnswer};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;

/// What somebody who signs in sent, and from where.
pub(super) struct SignIn<'a> {
    pub(super) door: &'a Door,
    pub(super) authority: Authority,
    pub(super) version: Version,
    pub(super) form: &'a Form,
    pub(super) peer: IpAddr,
    pub(super) asked: &'a Circumstances,
}

/// `POST …/oauth2/token`.
pub(crate) async fn first_form(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    asked: Circumstances,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    Ok(answer(&door, Version::V1, name, peer.ip(), &asked, &headers, &form).await)
}

/// `POST …/oauth2/v2.0/token`.
pub(crate) async fn second_form(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    asked: Circumstances,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    Ok(answer(&door, Version::V2, name, peer.ip(), &asked, &headers, &form).await)
}

async fn answer(
    door: &Door,
    version: Version,
    name: &str,
    peer: IpAddr,
    asked: &Circumstances,
    headers: &HeaderMap,
    form: &Form,
) -> Response {
    let Some(authority) = door.authority(name) else {
        return unknown_directory(name).answer(asked);
    };
    let sign_in = SignIn {
        door,
        authority,
        version,
        form,
        peer,
        asked,
    };
    match sign_in.grant(headers).await {
        Ok(tokens) => never_stored(Json(tokens).into_response()),
        Err(refusal) => refusal.answer(asked),
    }
}

impl SignIn<'_> {
    async fn grant(&self, headers: &HeaderMap) -> Result<TokenAnswer, Refusal> {
        let kind = self.form.needed("grant_type")?;
        let client = Presented::read(self.form, headers)?;
        match kind {
            "client_credentials" => self.client_credentials(&client),
            "authorization_code" => self.authorization_code(&client).await,
            "refresh_token" => self.refresh(&client).await,
            // The first form of the protocol calls it so.
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => self.device_code(&client).await,
            other => {
                let shown = crate::query::excerpt(other);
                let text = format!(
                    "The grant_type '{shown}' is not offered here. Sign in with a secret or certificate of an application, \
                     or as a user with a device code (az login --use-device-code) or in the browser."
                );
                Err(Refusal::new("unsupported_grant_type", 70_003, text))
            }
        }
    }

    /// A program for itself.
    fn client_credentials(&self, client: &Presented<'_>) -> Result<TokenAnswer, Refusal> {
        let asked = self.asked_for(None)?;
        let (signed_in, proven_by) = self.application(client)?;
        let holder = Holder {
            principal: signed_in.principal,
            standing: Standing::Credential(signed_in.credential, signed_in.since),
            client: client.id,
            proven_by,
        };
        self.give(&holder, &asked, None)
    }

    /// Somebody who signed in on a page of ours, through their browser.
    async fn authorization_code(&self, client: &Presented<'_>) -> Result<TokenAnswer, Refusal> {
        let proven_by = self.program_of_people(client)?;
        match self.redeem(client, proven_by).await {
            Ok(given) => Ok(given),
            Err(NotRedeemed { refusal, ends }) => {
                if let Some((user, session)) = ends {
                    self.door.end_session(user, session).await?;
                }
                Err(*refusal)
            }
        }
    }

    async fn redeem(&self, client: &Presented<'_>, proven_by: ProvenBy) -> Result<TokenAnswer, NotRedeemed> {
        let (codes, random) = (&self.door.identity.codes, self.door.app.random());
        let text = self.form.needed("code")?;
        let code = codes
            .redeem(
                text,
                client.id,
                self.form.needed("redirect_uri")?,
                self.form.needed("code_verifier")?,
                self.asked.now,
                random,
            )
            .await?;
        let user = code.user.0;
        let asked = match self.form.text("scope")? {
            Some(_) => self.asked_for(None)?,
            None => code.asked,
        };
        let holder = self.begin(user, code.since, client.id, proven_by).await?;
        if let Standing::Session(session) = holder.standing {
            codes
                .begun(text, user, session.id, self.asked.now, random)
                .await?;
        }
        Ok(self.give(&holder, &asked, code.nonce.as_deref())?)
    }

    /// Somebody who signed in on a page of ours, with a code that their device showed.
    async fn device_code(&self, client: &Presented<'_>) -> Result<TokenAnswer, Refusal> {
        let proven_by = self.program_of_people(client)?;
        // The first form of the protocol calls it `code`; some clients send both.
        let code = match self.form.text("device_code")? {
            Some(code) => code,
            None => self.form.needed("code")?,
        };
        let devices = &self.door.identity.devices;
        let random = self.door.app.random();
        let approved = devices.poll(code, client.id, self.asked.now, random).await?;
        let holder = self
            .begin(approved.user, approved.since, client.id, proven_by)
            .await?;
        self.give(&holder, &approved.asked, None)
    }

    /// Somebody who signed in before.
    async fn refresh(&self, client: &Presented<'_>) -> Result<TokenAnswer, Refusal> {
        let proven_by = self.program_of_people(client)?;
        let (token, scope) = self.refresh_token("refresh_token", client)?;
        let asked = self.asked_for(Some(&scope))?;
        let app = &self.door.app;
        // First of all, so that no token is used up where none would be given for it.
        let signed_in = app
            .session(token.user, token.session, client.id)
            .await
            .map_err(of_user)?;
        self.check_directory(&signed_in.principal)?;
        let life = self.door.identity.session_lifetime();
        let renewed = app.renew_session(&token, self.asked.now, life).await;
        let (signed_in, session) = renewed.map_err(of_user)?;
        let holder = Holder {
            principal: signed_in.principal,
            standing: Standing::Session(session),
            client: client.id,
            proven_by,
        };
        self.give(&holder, &asked, None)
    }

    /// The refresh token in a field of the form, if it is this client's, and the scope that it was given for.
    pub(super) fn refresh_token(
        &self,
        field: &'static str,
        client: &Presented<'_>,
    ) -> Result<(RefreshToken, String), Refusal> {
        let text = self.form.needed(field)?;
        let claims = self.door.identity.read_refresh_token(text, self.asked.now);
        let claims = claims.map_err(|bad| {
            let number = if bad == Bad::Expired { 700_082 } else { 9_002_313 };
            let text = format!("The refresh token is not good: {bad}. Sign in again.");
            Refusal::grant(number, text)
        })?;
        let token = claims.of(client.id).ok_or_else(|| {
            let text = "The refresh token was given to another client. Sign in again.";
            Refusal::grant(70_000, text)
        })?;
        Ok((token, claims.scope))
    }

    /// Begins a session of somebody who signed in a moment ago, if the account is still as it was then.
    async fn begin(
        &self,
        user: ObjectId,
        since: u64,
        client: ApplicationId,
        proven_by: ProvenBy,
    ) -> Result<Holder, Refusal> {
        let app = &self.door.app;
        let signed_in = app.renew(user, Some(client), since).map_err(of_user)?;
        self.check_directory(&signed_in.principal)?;
        let life = self.door.identity.session_lifetime();
        let session = app.begin_session(&signed_in, client, self.asked.now, life).await;
        let session = session.map_err(|error| of_user(SignInRefused::Failed(error)))?;
        Ok(Holder {
            principal: signed_in.principal,
            standing: Standing::Session(session),
            client,
            proven_by,
        })
    }

    fn check_directory(&self, principal: &Principal) -> Result<(), Refusal> {
        let directory = self.authority.directory();
        if directory.is_some_and(|directory| directory != principal.tenant) {
            let text = "The account is not in this directory. Sign in under its own directory, 'organizations' or 'adfs'.";
            return Err(Refusal::grant(50_020, text));
        }
        Ok(())
    }

    /// Gives the tokens.
    fn give(&self, holder: &Holder, asked: &Asked, nonce: Option<&str>) -> Result<TokenAnswer, Refusal> {
        self.asked.signed_in(&holder.principal);
        let order = Order {
            authority: self.authority,
            version: self.version,
            asked,
            nonce,
            client_info: self.form.text("client_info")? == Some("1"),
        };
        let id = self.door.app.random().uuid();
        self.door.identity.give(holder, &order, self.asked.now, id)
    }

    /// What is asked for; if nothing is, what was asked for `before`.
    pub(super) fn asked_for(&self, before: Option<&str>) -> Result<Asked, Refusal> {
        let (scope, resource) = (self.form.text("scope")?, self.form.text("resource")?);
        let scope = if resource.is_some() {
            scope
        } else {
            scope.or(before)
        };
        self.door
            .identity
            .audiences
            .read(scope, resource)
            .map_err(|unasked| not_given(&unasked))
    }

    /// The application of a directory that a client has proven to be.
    fn application(&self, client: &Presented<'_>) -> Result<(SignedInApplication, ProvenBy), Refusal> {
        let directory = self.authority.directory();
        match &client.proof {
            Proof::Secret(secret) => {
                let signed_in = self
                    .door
                    .sign_in_with_secret(directory, client.id, secret, self.peer);
                Ok((signed_in?, ProvenBy::Secret))
            }
            Proof::Assertion(text) => {
                let signed_in = self
                    .door
                    .sign_in_with_assertion(directory, client.id, text, self.peer, self.asked);
                Ok((signed_in?, ProvenBy::Certificate))
            }
            Proof::None => {
                let text = "The client has to prove itself. Send client_secret or client_assertion.";
                Err(Refusal::client(7_000_218, text))
            }
        }
    }

    /// With what a program proves itself that people use: those that everybody may run need not.
    pub(super) fn program_of_people(&self, client: &Presented<'_>) -> Result<ProvenBy, Refusal> {
        match client.proof {
            Proof::None if native(client.id).is_some() => Ok(ProvenBy::Nothing),
            _ => self.application(client).map(|(_, proven_by)| proven_by),
        }
    }
}

/// Why nothing is given for what was asked.
pub(super) fn not_given(unasked: &Unasked) -> Refusal {
    let shown = |text: &str| crate::query::excerpt(text).to_owned();
    match unasked {
        Unasked::Unknown(audience) => Refusal::new(
            "invalid_resource",
            500_011,
            format!(
                "'{}' is no audience of this server. GET /metadata/endpoints names the one to ask for; the operator can add \
                 others.",
                shown(audience)
            ),
        ),
        Unasked::Several => Refusal::new(
            "invalid_scope",
            28_000,
            "The scope names several audiences. A token is for one: ask for each by itself.",
        ),
        Unasked::TooLong => Refusal::new(
            "invalid_scope",
            70_011,
            format!("The scope has more than {SCOPE_BYTES_MAX} bytes. Expected <audience>/.default."),
        ),
        Unasked::Word(word) => Refusal::new(
            "invalid_scope",
            70_011,
            format!(
                "The scope '{}' means nothing here. Expected <audience>/.default.",
                shown(word)
            ),
        ),
    }
}

//! The tokens that are given out here: for access, for renewal, and to say who signed in.

use std::time::Duration;

use app::access::Principal;
use base64::Engine as _;
use domain::authorization::PrincipalKind;
use domain::ids::{ApplicationId, ObjectId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Identity;
use super::audiences::Asked;
use super::authority::{Authority, Version};
use super::jwt::{BASE64, Bad, Jwt, Times};
use super::refusal::Refusal;
use super::signing_keys::ALGORITHM;

/// The `typ` of an access token, as Azure has it.
pub(super) const ACCESS: &str = "JWT";
/// The `typ` of a refresh token: nothing else reads it, and it is never taken for another.
const REFRESH: &str = "rt+jwt";
/// The `typ` of an id token. Its audience is the client, so it is never taken for an access token.
const ID: &str = "JWT";

/// How a client proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProvenBy {
    /// Not at all: it runs where nothing can be kept secret.
    Nothing,
    Secret,
    Certificate,
}

impl ProvenBy {
    /// `appidacr`, as Azure documents it.
    const fn number(self) -> &'static str {
        match self {
            Self::Nothing => "0",
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// Who tokens are given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) principal: Principal,
    /// For people: what makes their sign-in void when it changes. They get a token for renewal.
    pub(super) since: Option<u64>,
    /// The application that asked.
    pub(super) client: ApplicationId,
    pub(super) proven_by: ProvenBy,
}

/// Where and for what tokens are asked.
pub(super) struct Order<'a> {
    pub(super) authority: Authority,
    pub(super) version: Version,
    pub(super) asked: &'a Asked,
    pub(super) nonce: Option<&'a str>,
    /// The client wants to be told about itself, as Entra ID tells it.
    pub(super) client_info: bool,
}

/// The answer of a token endpoint (RFC 6749, section 5.1).
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    token_type: &'static str,
    expires_in: u64,
    ext_expires_in: u64,
    /// In seconds since 1970, as text: what clients of the first form of the protocol read.
    expires_on: String,
    resource: String,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<String>,
}

#[derive(Serialize)]
struct AccessClaims<'a> {
    aud: &'a str,
    iss: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: String,
    appidacr: &'static str,
    idtyp: &'static str,
    oid: String,
    sub: String,
    tid: String,
    ver: &'static str,
    uti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// See [`Holder::since`].
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

#[derive(Serialize)]
struct IdClaims<'a> {
    aud: String,
    iss: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    oid: String,
    sub: String,
    tid: String,
    ver: &'static str,
    name: &'a str,
    preferred_username: &'a str,
    upn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// What a refresh token says. It is bound to the client that got it, and to the account as it was.
#[derive(Serialize, Deserialize)]
pub(super) struct RefreshClaims {
    iss: String,
    iat: i64,
    exp: i64,
    oid: String,
    client: String,
    /// The scope that was asked for first, for clients that name none when they renew.
    pub(super) scope: String,
    pub(super) since: u64,
}

impl Identity {
    /// Gives somebody the tokens that were ordered, each with this `id` where it has one.
    pub(super) fn give(
        &self,
        holder: &Holder,
        order: &Order<'_>,
        now: Timestamp,
        id: Uuid,
    ) -> Result<TokenAnswer, Refusal> {
        let tenant = holder.principal.tenant;
        let issuer = order.authority.issuer(order.version, self.base(), tenant);
        let life = self.access_token_lifetime;
        let is_user = holder.principal.kind == PrincipalKind::User;
        let name = holder.principal.name.as_str();
        let access = AccessClaims {
            aud: &order.asked.audience,
            iss: &issuer,
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: after(now, life),
            appid: holder.client.to_string(),
            appidacr: holder.proven_by.number(),
            idtyp: if is_user { "user" } else { "app" },
            oid: holder.principal.id.to_string(),
            sub: holder.principal.id.to_string(),
            tid: tenant.to_string(),
            ver: "1.0",
            uti: id.to_string(),
            scp: is_user.then_some("user_impersonation"),
            upn: is_user.then_some(name),
            name: is_user.then_some(name),
            since: holder.since,
        };
        let refresh = holder.since.map(|since| RefreshClaims {
            iss: self.base().to_owned(),
            iat: now.as_second(),
            exp: after(now, self.refresh_token_lifetime),
            oid: holder.principal.id.to_string(),
            client: holder.client.to_string(),
            scope: order.asked.scope.clone(),
            since,
        });
        let id_token = (is_user && order.asked.openid).then(|| IdClaims {
            aud: holder.client.to_string(),
            iss: &issuer,
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: after(now, life),
            oid: holder.principal.id.to_string(),
            sub: holder.principal.id.to_string(),
            tid: tenant.to_string(),
            ver: "2.0",
            name,
            preferred_username: name,
            upn: name,
            nonce: order.nonce,
        });
        let info = (is_user && order.client_info).then(|| {
            BASE64.encode(format!(
                r#"{{"uid":"{}","utid":"{tenant}"}}"#,
                holder.principal.id
            ))
        });
        Ok(TokenAnswer {
            token_type: "Bearer",
            expires_in: life.as_secs(),
            ext_expires_in: life.as_secs(),
            expires_on: after(now, life).to_string(),
            resource: order.asked.audience.clone(),
            access_token: self.sign(ACCESS, &access)?,
            scope: is_user.then(|| order.asked.scope.clone()),
            refresh_token: refresh.map(|claims| self.sign(REFRESH, &claims)).transpose()?,
            id_token: id_token.map(|claims| self.sign(ID, &claims)).transpose()?,
            client_info: info,
        })
    }

    fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, Refusal> {
        let signed = self.keys.sign(kind, claims);
        signed.map_err(|error| Refusal::internal(format!("a token was not signed: {error}")))
    }

    /// What a refresh token says, if it is one, and good.
    pub(super) fn read_refresh_token(&self, text: &str, now: Timestamp) -> Result<RefreshClaims, Bad> {
        let token = Jwt::parse(text)?;
        if token.header.typ.as_deref() != Some(REFRESH) {
            return Err(Bad::Kind);
        }
        let key = token.header.kid.as_deref().and_then(|id| self.keys.verifying(id));
        let key = key.ok_or(Bad::UnknownKey)?;
        token.verify::<Times>(&key, &[ALGORITHM])?.check(now)?;
        let claims: RefreshClaims = token.believe()?;
        if claims.iss == self.base() {
            Ok(claims)
        } else {
            Err(Bad::Issuer)
        }
    }
}

impl RefreshClaims {
    /// Who it is for, if it was given to this client.
    pub(super) fn user_of(&self, client: ApplicationId) -> Option<ObjectId> {
        let user = self.oid.parse().ok();
        user.filter(|_| self.client == client.to_string())
    }
}

fn after(now: Timestamp, life: Duration) -> i64 {
    now.as_second().saturating_add(life.as_secs().cast_signed())
}

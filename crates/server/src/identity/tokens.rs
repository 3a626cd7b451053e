//! The tokens that are given out here: for access, for renewal, and to say who signed in.

use std::time::Duration;

use app::access::Principal;
use app::identity::RefreshToken;
use base64::Engine as _;
use domain::authorization::PrincipalKind;
use domain::identity::Session;
use domain::ids::{ApplicationId, CredentialId, ObjectId, SessionId};
use domain::time::Timestamp;
use serde::de::IgnoredAny;
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
    pub(super) standing: Standing,
    /// The application that asked.
    pub(super) client: ApplicationId,
    pub(super) proven_by: ProvenBy,
}

/// What a sign-in stands on: when it goes, so do the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A person's session. They get a token for renewal.
    Session(Session),
    /// A program's secret or certificate, and the entry since which its sign-ins are good.
    Credential(CredentialId, u64),
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
    /// A person's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// A program's secret or certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    cred: Option<String>,
    /// The entry since which a program's sign-ins were good.
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
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// What a refresh token says. It is bound to the client that got it, and good once.
#[derive(Serialize, Deserialize)]
pub(super) struct RefreshClaims {
    iss: String,
    iat: i64,
    exp: i64,
    oid: String,
    client: String,
    /// The scope that was asked for first, for clients that name none when they renew.
    pub(super) scope: String,
    sid: String,
    /// Its number in the session.
    number: u64,
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
        let issuer = order
            .authority
            .issuer(order.version, self.base(), holder.principal.tenant);
        let made = Made {
            holder,
            order,
            issuer: &issuer,
            now,
            id,
        };
        let life = made.life(self.access_token_lifetime);
        let mut answer = TokenAnswer {
            token_type: "Bearer",
            expires_in: life.as_secs(),
            ext_expires_in: life.as_secs(),
            expires_on: after(now, life).to_string(),
            resource: order.asked.audience.clone(),
            access_token: self.sign(ACCESS, &made.access(life))?,
            scope: None,
            refresh_token: None,
            id_token: None,
            client_info: None,
        };
        if let Standing::Session(session) = &holder.standing {
            let refresh = made.refresh(session, self.base(), made.life(self.refresh_token_lifetime));
            answer.scope = Some(order.asked.scope.clone());
            answer.refresh_token = Some(self.sign(REFRESH, &refresh)?);
            if order.asked.openid {
                answer.id_token = Some(self.sign(ID, &made.id(session, life))?);
            }
            answer.client_info = order.client_info.then(|| made.client_info());
        }
        Ok(answer)
    }

    fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, Refusal> {
        let signed = self.keys.sign(kind, claims);
        signed.map_err(|error| Refusal::internal(format!("a token was not signed: {error}")))
    }

    /// What a refresh token says, if it is one, and good.
    pub(super) fn read_refresh_token(&self, text: &str, now: Timestamp) -> Result<RefreshClaims, Bad> {
        let token = self.own(text, REFRESH)?;
        let claims: RefreshClaims = token.believe()?;
        token.believe::<Times>()?.check(now)?;
        if claims.iss == self.base() {
            Ok(claims)
        } else {
            Err(Bad::Issuer)
        }
    }

    /// The session that an id token was given in, even if the token's time is over: whoever signs out comes late.
    pub(super) fn session_of_id_token(&self, text: &str) -> Result<(ObjectId, SessionId), Bad> {
        #[derive(Deserialize)]
        struct Claims {
            oid: String,
            sid: String,
        }
        let claims: Claims = self.own(text, ID)?.believe()?;
        let user = claims.oid.parse().map_err(|_| Bad::Claims)?;
        Ok((user, claims.sid.parse().map_err(|_| Bad::Claims)?))
    }

    /// A token of this type that was signed here.
    fn own<'a>(&self, text: &'a str, kind: &str) -> Result<Jwt<'a>, Bad> {
        let token = Jwt::parse(text)?;
        if token.header.typ.as_deref() != Some(kind) {
            return Err(Bad::Kind);
        }
        let key = token.header.kid.as_deref().and_then(|id| self.keys.verifying(id));
        token.verify::<IgnoredAny>(&key.ok_or(Bad::UnknownKey)?, &[ALGORITHM])?;
        Ok(token)
    }
}

/// What all tokens of one answer have in common.
struct Made<'a> {
    holder: &'a Holder,
    order: &'a Order<'a>,
    issuer: &'a str,
    now: Timestamp,
    id: Uuid,
}

impl<'a> Made<'a> {
    /// How long something is good that would be good for so long: no longer than the session.
    fn life(&self, life: Duration) -> Duration {
        match &self.holder.standing {
            Standing::Session(session) => {
                let left = session.ends.as_second().saturating_sub(self.now.as_second());
                life.min(Duration::from_secs(left.max(0).cast_unsigned()))
            }
            Standing::Credential(..) => life,
        }
    }

    fn access(&self, life: Duration) -> AccessClaims<'a> {
        let Holder {
            principal,
            standing,
            client,
            proven_by,
        } = self.holder;
        let is_user = principal.kind == PrincipalKind::User;
        let name = is_user.then_some(principal.name.as_str());
        let (sid, cred, since) = match standing {
            Standing::Session(session) => (Some(session.id.to_string()), None, None),
            Standing::Credential(id, since) => (None, Some(id.to_string()), Some(*since)),
        };
        AccessClaims {
            aud: &self.order.asked.audience,
            iss: self.issuer,
            iat: self.now.as_second(),
            nbf: self.now.as_second(),
            exp: after(self.now, life),
            appid: client.to_string(),
            appidacr: proven_by.number(),
            idtyp: if is_user { "user" } else { "app" },
            oid: principal.id.to_string(),
            sub: principal.id.to_string(),
            tid: principal.tenant.to_string(),
            ver: "1.0",
            uti: self.id.to_string(),
            scp: is_user.then_some("user_impersonation"),
            upn: name,
            name,
            sid,
            cred,
            since,
        }
    }

    fn refresh(&self, session: &Session, base: &str, life: Duration) -> RefreshClaims {
        RefreshClaims {
            iss: base.to_owned(),
            iat: self.now.as_second(),
            exp: after(self.now, life),
            oid: session.user.to_string(),
            client: session.client.to_string(),
            scope: self.order.asked.scope.clone(),
            sid: session.id.to_string(),
            number: session.number,
        }
    }

    fn id(&self, session: &Session, life: Duration) -> IdClaims<'a> {
        let principal = &self.holder.principal;
        IdClaims {
            aud: self.holder.client.to_string(),
            iss: self.issuer,
            iat: self.now.as_second(),
            nbf: self.now.as_second(),
            exp: after(self.now, life),
            oid: principal.id.to_string(),
            sub: principal.id.to_string(),
            tid: principal.tenant.to_string(),
            ver: "2.0",
            name: &principal.name,
            preferred_username: &principal.name,
            upn: &principal.name,
            sid: session.id.to_string(),
            nonce: self.order.nonce,
        }
    }

    fn client_info(&self) -> String {
        let Principal { id, tenant, .. } = &self.holder.principal;
        BASE64.encode(format!(r#"{{"uid":"{id}","utid":"{tenant}"}}"#))
    }
}

impl RefreshClaims {
    /// The token, if it was given to this client.
    pub(super) fn of(&self, client: ApplicationId) -> Option<RefreshToken> {
        (self.client == client.to_string()).then_some(())?;
        Some(RefreshToken {
            session: self.sid.parse().ok()?,
            user: self.oid.parse().ok()?,
            client,
            number: self.number,
        })
    }
}

fn after(now: Timestamp, life: Duration) -> i64 {
    now.as_second().saturating_add(life.as_secs().cast_signed())
}

//! Access tokens that come back with requests: whether they are good, and whose they are.

use app::access::{Caller, Principal};
use app::identity::SignInRefused;
use domain::ids::{ApplicationId, CredentialId, ObjectId, SessionId, TenantId};
use serde::Deserialize;

use super::Identity;
use super::authority::is_own_issuer;
use super::external::NotProven;
use super::jwt::{Bad, Jwt, OneOrMany, Times};
use super::signing_keys::ALGORITHM;
use super::tokens::ACCESS;
use crate::Door;

/// Why a request with an access token is not let in.
#[derive(Debug)]
pub(crate) enum Unproven {
    /// The token is not good: the code, and the text for the caller.
    Token(&'static str, String),
    /// The issuer elsewhere cannot be asked for its keys.
    IssuerSilent,
    /// It cannot be known now whether it is.
    Failed(app::Error),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    aud: OneOrMany,
    #[serde(flatten)]
    times: Times,
    oid: String,
    tid: String,
    /// Every access token names the client; nothing else that is signed here does.
    appid: String,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    cred: Option<String>,
    #[serde(default)]
    since: Option<u64>,
}

/// What a token of our own proves.
struct Own {
    object: ObjectId,
    tenant: TenantId,
    client: ApplicationId,
    standing: Standing,
}

/// What the sign-in stands on that a token was given for. One that names nothing was not made here.
enum Standing {
    Session(SessionId),
    Credential(CredentialId, u64),
}

impl Claims {
    fn standing(&self) -> Option<Standing> {
        match (&self.sid, &self.cred, self.since) {
            (Some(session), None, None) => session.parse().ok().map(Standing::Session),
            (None, Some(credential), Some(since)) => {
                let credential = credential.parse().ok()?;
                Some(Standing::Credential(credential, since))
            }
            _ => None,
        }
    }
}

const INVALID: &str = "InvalidAuthenticationToken";

impl Door {
    /// Whose access token it is.
    pub(crate) async fn prove(&self, text: &str) -> Result<Caller, Unproven> {
        let token = Jwt::parse(text).map_err(not_good)?;
        let own_key = token
            .header
            .kid
            .as_deref()
            .and_then(|id| self.identity.keys.verifying(id));
        let principal = match own_key {
            Some(key) => {
                let claims: Claims = token.verify(&key, &[ALGORITHM]).map_err(not_good)?;
                let own = self.identity.check(&token, &claims).map_err(not_good)?;
                self.account(&own).await?
            }
            None if self.identity.names_itself(&token) => return Err(not_good(Bad::RetiredKey)),
            None => self.described_elsewhere(&token).await?,
        };
        Ok(Caller::Principal(principal))
    }

    /// Somebody with an account here, as it is now: what was taken from them since the token was made is gone.
    async fn account(&self, proven: &Own) -> Result<Principal, Unproven> {
        let principal = match proven.standing {
            Standing::Session(session) => {
                let signed_in = self.app.session(proven.object, session, proven.client).await;
                signed_in.map_err(ended)?.principal
            }
            Standing::Credential(credential, since) => self
                .app
                .application_signed_in(proven.object, since, credential)
                .map_err(|error| not_let_in(&error))?,
        };
        if principal.tenant != proven.tenant {
            return Err(not_good(Bad::Tenant));
        }
        if principal.application != Some(proven.client) {
            return Err(not_good(Bad::Claims));
        }
        Ok(principal)
    }

    /// Somebody whom an issuer elsewhere describes. Accounts and directories of this server are not its to speak of.
    async fn described_elsewhere(&self, token: &Jwt<'_>) -> Result<Principal, Unproven> {
        let described = self.identity.external.verify(token, self.identity.now()).await;
        let described = described.map_err(|error| match error {
            NotProven::Bad(bad) => not_good(bad),
            NotProven::KeysUnavailable => Unproven::IssuerSilent,
        })?;
        self.app
            .external_principal(described)
            .map_err(|error| not_let_in(&error))
    }
}

impl Identity {
    /// Whether a token says that it was made here. That is not believed: it decides why it is refused.
    fn names_itself(&self, token: &Jwt<'_>) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
            tid: String,
        }
        let named: Result<Named, Bad> = token.believe();
        named.is_ok_and(|Named { iss, tid }| {
            tid.parse()
                .is_ok_and(|tenant| is_own_issuer(&iss, &self.base, tenant))
        })
    }

    /// Checks what a token of our own says.
    fn check(&self, token: &Jwt<'_>, claims: &Claims) -> Result<Own, Bad> {
        if token.header.typ.as_deref() != Some(ACCESS) {
            return Err(Bad::Kind);
        }
        claims.times.check(self.now())?;
        claims
            .times
            .check_lifetime(self.access_token_lifetime, self.now())?;
        let tenant: TenantId = claims.tid.parse().map_err(|_| Bad::Claims)?;
        if !is_own_issuer(&claims.iss, &self.base, tenant) {
            return Err(Bad::Issuer);
        }
        if !claims
            .aud
            .as_slice()
            .iter()
            .any(|audience| self.audiences.find(audience).is_some())
        {
            return Err(Bad::Audience);
        }
        Ok(Own {
            object: claims.oid.parse().map_err(|_| Bad::Claims)?,
            tenant,
            client: claims.appid.parse().map_err(|_| Bad::Claims)?,
            standing: claims.standing().ok_or(Bad::Claims)?,
        })
    }
}

impl Bad {
    /// The code that Azure documents, or a cousin of it.
    const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "AuthenticationFailed",
            Self::Expired => "ExpiredAuthenticationToken",
            Self::Audience => "InvalidAuthenticationTokenAudience",
            Self::Issuer | Self::Tenant => "InvalidAuthenticationTokenTenant",
            _ => "InvalidAuthenticationToken",
        }
    }
}

fn not_good(bad: Bad) -> Unproven {
    Unproven::Token(
        bad.code(),
        format!("Authentication failed. The access token is not good: {bad}."),
    )
}

fn ended(refused: SignInRefused) -> Unproven {
    match refused {
        SignInRefused::Failed(error) => Unproven::Failed(error),
        refused => Unproven::Token(
            INVALID,
            format!("Authentication failed. The access token is not good any more: {refused}."),
        ),
    }
}

fn not_let_in(error: &app::Error) -> Unproven {
    Unproven::Token(INVALID, format!("Authentication failed. {}", error.message))
}

//! Where the tokens for the admin API come from: an authority in the shape of AD FS, for one account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::json;

use crate::random::{self, Random};

/// How long a token lives.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// By how much the clock of a client may differ.
const CLOCK_SKEW_SECONDS: i64 = 10 * 60;

/// The account that may ask, and what proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
    /// The RSA key of its certificate: the public one, in DER as of PKCS #1.
    pub certificate_key: Option<Vec<u8>>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Account").field(&self.client_id).finish()
    }
}

/// Gives tokens, and knows which are good.
#[derive(Debug)]
pub(super) struct Authority {
    account: Account,
    /// For what tokens are.
    audience: String,
    token_endpoint: String,
    /// The tokens that are good, with the moment until which they are.
    tokens: Mutex<Tokens>,
}

#[derive(Debug)]
struct Tokens {
    random: Random,
    good: HashMap<String, Timestamp>,
}

/// What is asked with.
#[derive(Debug, Default)]
pub(super) struct TokenRequest {
    grant_type: String,
    client_id: String,
    resource: String,
    client_secret: Option<String>,
    client_assertion: Option<String>,
}

impl TokenRequest {
    /// Reads a form, `application/x-www-form-urlencoded`.
    pub(super) fn read(form: &[u8]) -> Self {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            let value = value.into_owned();
            match &*name {
                "grant_type" => asked.grant_type = value,
                "client_id" => asked.client_id = value,
                "resource" => asked.resource = value,
                "client_secret" => asked.client_secret = Some(value),
                "client_assertion" => asked.client_assertion = Some(value),
                _ => {}
            }
        }
        asked
    }
}

/// Why there is no token, as OAuth says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoToken {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

impl Authority {
    pub(super) fn new(account: Account, base_url: &str, seed: u64) -> Self {
        Self {
            account,
            audience: audience(base_url),
            token_endpoint: format!("{base_url}/adfs/oauth2/token"),
            tokens: Mutex::new(Tokens {
                random: Random::new(random::draw(seed, 1)),
                good: HashMap::new(),
            }),
        }
    }

    /// A token for whoever proves to be the account: the body of the answer.
    pub(super) fn token(&self, asked: &TokenRequest, now: Timestamp) -> Result<String, NoToken> {
        let refuse = |error, description| Err(NoToken { error, description });
        if asked.grant_type != "client_credentials" {
            return refuse(
                "unsupported_grant_type",
                "Only client_credentials are taken here.",
            );
        }
        if asked.client_id != self.account.client_id {
            return refuse("invalid_client", "There is no such client.");
        }
        if asked.resource.trim_end_matches('/') != self.audience {
            return refuse("invalid_resource", "The resource is not that of the stack's API.");
        }
        let proved = match (&asked.client_secret, &asked.client_assertion) {
            (Some(secret), _) => *secret == self.account.secret,
            (None, Some(assertion)) => self.is_signed(assertion, now).unwrap_or(false),
            (None, None) => false,
        };
        if !proved {
            return refuse(
                "invalid_client",
                "The secret or the assertion is not that of the client.",
            );
        }
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = uuid::Uuid::from_bytes(tokens.random.guid()).simple().to_string();
        tokens.good.insert(token.clone(), now + TOKEN_LIFETIME);
        let lifetime = TOKEN_LIFETIME.as_secs().to_string();
        Ok(json!({ "access_token": token, "token_type": "bearer", "expires_in": lifetime }).to_string())
    }

    pub(super) fn is_good(&self, token: &str, now: Timestamp) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.good.get(token).is_some_and(|until| now < *until)
    }

    /// From now on no token is good that was given.
    pub(super) fn forget_tokens(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.good.clear();
    }

    /// Whether an assertion is of the account, for this authority, of this moment, and signed with its key (RFC 7523).
    fn is_signed(&self, assertion: &str, now: Timestamp) -> Option<bool> {
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
            sub: String,
            aud: String,
            exp: i64,
        }
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let key = DecodingKey::from_rsa_der(self.account.certificate_key.as_deref()?);
        let signed =
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, Algorithm::RS256).ok()?;
        Some(
            signed
                && claims.iss == self.account.client_id
                && claims.sub == self.account.client_id
                && claims.aud == self.token_endpoint
                && claims.exp + CLOCK_SKEW_SECONDS > now.as_second(),
        )
    }
}

/// For what tokens of a stack at such an address are.
fn audience(base_url: &str) -> String {
    let host = base_url.split_once("://").map_or(base_url, |(_, host)| host);
    let host = host.split([':', '/']).next().unwrap_or(host);
    format!("https://management.adfs.{host}/simulated")
}

/// The document from which clients learn where to sign in, and for what.
pub(super) fn endpoints_json(base_url: &str) -> String {
    json!({
        "galleryEndpoint": format!("{base_url}/gallery"),
        "graphEndpoint": format!("{base_url}/graph"),
        "portalEndpoint": format!("{base_url}/portal"),
        "authentication": {
            "loginEndpoint": format!("{base_url}/adfs"),
            "audiences": [audience(base_url)],
        },
    })
    .to_string()
}

/// What a directory says of itself, by its domain.
pub(super) fn directory_json(base_url: &str, tenant: &str) -> String {
    json!({
        "issuer": format!("{base_url}/{tenant}"),
        "token_endpoint": format!("{base_url}/{tenant}/oauth2/token"),
    })
    .to_string()
}

/// Whether a name can be a domain: several labels of letters, digits and hyphens.
pub(super) fn is_domain(name: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    name.contains('.') && name.split('.').all(is_label)
}

/// The tenant of a directory that this stack knows nothing of yet: always the same for the same domain.
pub(super) fn tenant_elsewhere(domain: &str) -> String {
    let bytes = domain.bytes().map(u64::from);
    let mut random = Random::new(bytes.fold(0, random::draw));
    uuid::Uuid::from_bytes(random.guid()).to_string()
}

//! Signing in: directories of our own under two shapes of address, and issuers elsewhere that are trusted.
//!
//! - [`authority`] tells the shapes apart, [`discovery`] is what clients read first.
//! - [`grants`] is the token endpoint; [`device_pages`] and [`authorize`] are the pages on which people sign in.
//! - [`tokens`] are given out, signed with [`signing_keys`]; [`access_tokens`] come back with requests and are verified;
//!   [`sign_out`] is where a person's sign-in ends.
//! - [`external`] is about tokens that were issued elsewhere.
//!
//! Who may sign in, and with what, is decided in `app::identity`; here it is only asked for, in the forms of OAuth 2.0
//! and OpenID Connect that Azure's clients speak.

mod access_tokens;
mod accounts;
mod assertion;
mod audiences;
pub(crate) mod authority;
pub(crate) mod authorize;
mod clients;
mod codes;
pub(crate) mod device_pages;
mod devices;
pub(crate) mod discovery;
mod expiring;
mod external;
mod form;
pub(crate) mod grants;
mod html;
mod jwt;
mod kept;
mod refusal;
mod replays;
pub(crate) mod sign_out;
pub(crate) mod signing_keys;
mod tokens;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::environment::Clock;
use domain::time::Timestamp;

pub(crate) use self::access_tokens::Unproven;
pub(crate) use self::external::KeysHealth;
pub use self::external::{ClaimNames, ExternalIssuer, ExternalIssuerError, SigningAlgorithm};
pub(crate) use self::refusal::Circumstances;

use self::audiences::Audiences;
use self::codes::Codes;
use self::devices::Devices;
use self::external::ExternalIssuers;
use self::replays::Assertions;
use self::signing_keys::SigningKeys;
use crate::serve::StartError;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How people and programs sign in.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// Audiences, beside the server's own URL, that tokens are given and accepted for; such as
    /// `https://management.azure.com/` for programs that cannot be told another one.
    pub audiences: Vec<String>,
    /// Issuers elsewhere that are trusted.
    pub external_issuers: Vec<ExternalIssuer>,
    /// How long an access token is good.
    pub access_token_lifetime: Duration,
    /// How long a refresh token is good. It can be used once, and that gives a new one, until
    /// [`SESSION_LIFETIME_MAX`](domain::identity::SESSION_LIFETIME_MAX) after the password was entered.
    pub refresh_token_lifetime: Duration,
}

impl Default for IdentityConfig {
    /// The server's own audience, nobody elsewhere, an hour and two weeks.
    fn default() -> Self {
        Self {
            audiences: Vec::new(),
            external_issuers: Vec::new(),
            access_token_lifetime: HOUR,
            refresh_token_lifetime: HOUR.saturating_mul(24 * 14),
        }
    }
}

/// Everything that signing in works with, beside the accounts themselves.
pub(crate) struct Identity {
    keys: SigningKeys,
    audiences: Audiences,
    external: ExternalIssuers,
    devices: Devices,
    codes: Codes,
    assertions: Assertions,
    access_token_lifetime: Duration,
    refresh_token_lifetime: Duration,
    /// The server's URL without a slash at its end.
    base: String,
    /// The clock that others go by, too: tokens come from and go to other machines.
    clock: Arc<dyn Clock>,
}

impl Identity {
    pub(crate) fn open(
        config: &IdentityConfig,
        data_directory: &Path,
        public_url: &str,
        clock: Arc<dyn Clock>,
        codes: &Arc<dyn store::Codes>,
    ) -> Result<Self, StartError> {
        let base = public_url.trim_end_matches('/').to_owned();
        let signed_for = config.access_token_lifetime.max(config.refresh_token_lifetime);
        let own = [base.clone(), format!("{base}{GRAPH}")];
        Ok(Self {
            keys: SigningKeys::open(data_directory, signed_for, clock.now())?,
            audiences: Audiences::new(own.into_iter().chain(config.audiences.iter().cloned())),
            external: ExternalIssuers::new(&config.external_issuers)?,
            devices: Devices::new(codes),
            codes: Codes::new(codes),
            assertions: Assertions::new(),
            access_token_lifetime: config.access_token_lifetime,
            refresh_token_lifetime: config.refresh_token_lifetime,
            base,
            clock,
        })
    }

    /// How it goes with the keys of issuers elsewhere, by the issuer's name.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = (&str, KeysHealth)> {
        self.external.health()
    }

    /// Looks after the signing keys.
    pub(crate) fn renew_keys(&self) {
        if let Err(error) = self.keys.renew(self.now()) {
            tracing::error!(%error, "the signing keys were not renewed; those in use stay");
        }
    }

    /// Where somebody signs in who was not let in: the authority that clients use without asking anybody whether it is
    /// genuine.
    pub(crate) fn authorization_uri(&self) -> String {
        format!("{}/adfs", self.base)
    }

    /// How long after it was used a session ends that is not used again.
    fn session_lifetime(&self) -> Duration {
        self.refresh_token_lifetime.max(self.access_token_lifetime)
    }

    fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether an assertion that is made for this audience is made for this server: its token endpoints and its names as
    /// an issuer, under any authority. Whose endpoint it is does not matter, because all are this one server's.
    fn is_own_endpoint(&self, audience: &str) -> bool {
        let Some(path) = audience.strip_prefix(&self.base) else {
            return false;
        };
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        path.starts_with('/')
            && matches!(
                segments[..],
                [_] | [_, "v2.0"] | [_, "oauth2", "token"] | [_, "oauth2", "v2.0", "token"]
            )
    }
}

/// Below the server's URL: what clients of Azure ask about the names of users and groups. They want a token for it.
const GRAPH: &str = "/graph";

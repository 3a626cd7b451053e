//! The keys of an issuer elsewhere: fetched, kept for a while, and fetched anew when a token names one that is not
//! known, but never more often than the issuer deserves.

mod pace;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::time::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use self::pace::Pace;
use super::NotProven;
use crate::identity::jwt::Bad;

/// For how long keys are used before they are fetched anew.
const KEYS_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// For how long after they were fetched keys are trusted while the issuer cannot be asked. *(ours)* Whatever an issuer
/// withdraws because it leaked is good here for so long at the most, even if somebody keeps us from hearing of it.
const KEYS_TRUSTED_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one answer of the issuer may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of one answer of the issuer.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// The most keys of one issuer.
const KEYS_MAX: usize = 64;

pub(super) struct KeySet {
    issuer: String,
    http: Client,
    known: RwLock<Known>,
    /// Held by whoever fetches: the others wait, and share what comes of it.
    pace: Mutex<Pace>,
    /// How many fetches have ended: whoever waited for one sees by it that there was one.
    fetches: AtomicU64,
    failures: AtomicU64,
}

#[derive(Default)]
struct Known {
    keys: Arc<[PublishedKey]>,
    fetched: Option<Timestamp>,
}

/// How it goes with the keys of an issuer, for whoever watches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysHealth {
    /// When they were fetched last, if ever.
    pub(crate) fetched: Option<Timestamp>,
    /// How often they were asked for.
    pub(crate) fetches: u64,
    /// How often that failed.
    pub(crate) failures: u64,
}

/// A key that an issuer publishes.
#[derive(Clone)]
pub(super) struct PublishedKey {
    id: String,
    decoding: DecodingKey,
    /// The ways of signing that its kind allows, or the one that it is published for.
    algorithms: Vec<Algorithm>,
}

impl PublishedKey {
    /// Nothing if it is no public key for signatures.
    fn read(jwk: &Jwk) -> Option<Self> {
        if matches!(jwk.common.public_key_use, Some(ref other) if *other != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            _ => return None,
        };
        if let Some(published_for) = jwk.common.key_algorithm {
            let published_for = Algorithm::try_from(published_for).ok()?;
            algorithms.retain(|algorithm| *algorithm == published_for);
        }
        Some(Self {
            id: jwk.common.key_id.clone()?,
            decoding: DecodingKey::from_jwk(jwk).ok()?,
            algorithms,
        })
    }

    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(super) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

/// What is known of a key.
enum Looked {
    /// It is known.
    Fresh(PublishedKey),
    /// It was known a while ago.
    Old(PublishedKey),
    /// It is not among those that are known.
    NotThere,
    /// None are known that could be trusted.
    NoKeys,
}

impl KeySet {
    pub(super) fn new(issuer: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let mut http = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .timeout(FETCH_TIMEOUT)
            .user_agent(concat!("meterbridge/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or_else(|| format!("{} holds no certificate in PEM form", path.display()))?;
            http = http.tls_certs_merge(certificates);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            http: http.build().map_err(|error| error.to_string())?,
            known: RwLock::default(),
            pace: Mutex::default(),
            fetches: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    /// The key with this id.
    pub(super) async fn find(&self, id: &str, now: Timestamp) -> Result<PublishedKey, NotProven> {
        let seen = self.fetches.load(Ordering::Acquire);
        match self.look(id, now) {
            Looked::Fresh(key) => return Ok(key),
            // What is known is good enough while somebody else asks the issuer.
            Looked::Old(key) => match self.pace.try_lock() {
                Ok(pace) => self.fetch(pace, seen, now).await,
                Err(_) => return Ok(key),
            },
            Looked::NotThere | Looked::NoKeys => self.fetch(self.pace.lock().await, seen, now).await,
        }
        match self.look(id, now) {
            Looked::Fresh(key) | Looked::Old(key) => Ok(key),
            Looked::NotThere => Err(Bad::UnknownKey.into()),
            Looked::NoKeys => Err(NotProven::KeysUnavailable),
        }
    }

    pub(super) fn health(&self) -> KeysHealth {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        KeysHealth {
            fetched: known.fetched,
            fetches: self.fetches.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    fn look(&self, id: &str, now: Timestamp) -> Looked {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let younger_than = |life| known.fetched.is_some_and(|fetched| !is_over(fetched, life, now));
        if !younger_than(KEYS_TRUSTED_MAX) {
            return Looked::NoKeys;
        }
        match known.keys.iter().find(|key| key.id == id) {
            Some(key) if younger_than(KEYS_LIFETIME) => Looked::Fresh(key.clone()),
            Some(key) => Looked::Old(key.clone()),
            None => Looked::NotThere,
        }
    }

    /// Asks the issuer, unless somebody did since `seen` fetches had ended, or it was asked too often. If it does not answer,
    /// what is known stays.
    async fn fetch(&self, mut pace: tokio::sync::MutexGuard<'_, Pace>, seen: u64, now: Timestamp) {
        if self.fetches.load(Ordering::Acquire) != seen || !pace.may_go(now) {
            return;
        }
        match self.fetched().await {
            Ok(keys) => {
                tracing::info!(
                    issuer = self.issuer,
                    keys = keys.len(),
                    "fetched the keys of an issuer"
                );
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known {
                    keys,
                    fetched: Some(now),
                };
            }
            Err(why) => self.complain(&why, now),
        }
        self.fetches.fetch_add(1, Ordering::Release);
    }

    fn complain(&self, why: &str, now: Timestamp) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let issuer = &self.issuer;
        let fetched = self.known.read().unwrap_or_else(PoisonError::into_inner).fetched;
        match fetched {
            Some(fetched) if !is_over(fetched, KEYS_TRUSTED_MAX, now) => {
                tracing::warn!(issuer, why, %fetched, "the keys of an issuer were not fetched; those that are known stay");
            }
            Some(fetched) => tracing::error!(
                issuer,
                why,
                %fetched,
                "the keys of an issuer have not been fetched for so long that its tokens are refused"
            ),
            None => tracing::error!(
                issuer,
                why,
                "the keys of an issuer were not fetched; its tokens are refused"
            ),
        }
    }

    async fn fetched(&self) -> Result<Arc<[PublishedKey]>, String> {
        let below = self.issuer.trim_end_matches('/');
        let discovered: Discovered = self
            .document(&format!("{below}/.well-known/openid-configuration"))
            .await?;
        if discovered.issuer != self.issuer {
            return Err(format!(
                "it calls itself '{}'",
                crate::query::excerpt(&discovered.issuer)
            ));
        }
        let published: Published = self.document(&discovered.jwks_uri).await?;
        // A key of a kind that is not known here must not keep the others away.
        let readable = published
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        let keys: Arc<[PublishedKey]> = readable
            .filter_map(|key| PublishedKey::read(&key))
            .take(KEYS_MAX)
            .collect();
        if keys.is_empty() {
            return Err("it publishes no key that tokens can be verified with".to_owned());
        }
        Ok(keys)
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{url}: {error}");
        let response = self.http.get(url).send().await;
        let mut response = response
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| failed(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(failed(&response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if bytes.len() + chunk.len() > DOCUMENT_BYTES_MAX {
                return Err(failed(&format!("more than {DOCUMENT_BYTES_MAX} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|error| failed(&error))
    }
}

fn is_over(since: Timestamp, life: Duration, now: Timestamp) -> bool {
    now.duration_since(since).unsigned_abs() >= life
}

//! The keys of an issuer elsewhere: fetched, kept for a while, and fetched anew when a token names one that is not
//! known, but never more often than the issuer deserves.

use std::path::Path;
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

use super::NotProven;
use crate::identity::jwt::Bad;

/// For how long keys are used before they are fetched anew.
const KEYS_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long after one attempt to fetch keys the next may follow: whoever sends tokens with keys that do not exist can
/// make us ask the issuer this often and no more.
const FETCH_INTERVAL: Duration = Duration::from_secs(30);
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
    /// Held by whoever fetches.
    attempted: Mutex<Option<Timestamp>>,
}

#[derive(Default)]
struct Known {
    keys: Arc<[PublishedKey]>,
    fetched: Option<Timestamp>,
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
            attempted: Mutex::default(),
        })
    }

    /// The key with this id.
    pub(super) async fn find(&self, id: &str, now: Timestamp) -> Result<PublishedKey, NotProven> {
        let (found, fresh) = self.look(id, now);
        match found {
            Some(key) if fresh => return Ok(key),
            // What is known is good enough while somebody else asks the issuer.
            Some(key) => {
                if let Ok(attempted) = self.attempted.try_lock() {
                    self.fetch(attempted, now).await;
                } else {
                    return Ok(key);
                }
            }
            None => self.fetch(self.attempted.lock().await, now).await,
        }
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .fetched
            .is_some();
        match self.look(id, now).0 {
            Some(key) => Ok(key),
            None if known => Err(Bad::UnknownKey.into()),
            None => Err(NotProven::KeysUnavailable),
        }
    }

    /// The key with this id, if it is known, and whether what is known is fresh.
    fn look(&self, id: &str, now: Timestamp) -> (Option<PublishedKey>, bool) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known
            .fetched
            .is_some_and(|fetched| !is_over(fetched, KEYS_LIFETIME, now));
        (known.keys.iter().find(|key| key.id == id).cloned(), fresh)
    }

    /// Asks the issuer, unless it was asked a moment ago. If it does not answer, what is known stays.
    async fn fetch(&self, mut attempted: tokio::sync::MutexGuard<'_, Option<Timestamp>>, now: Timestamp) {
        if attempted.is_some_and(|at| !is_over(at, FETCH_INTERVAL, now)) {
            return;
        }
        *attempted = Some(now);
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
            Err(why) => {
                tracing::warn!(
                    issuer = self.issuer,
                    why,
                    "the keys of an issuer were not fetched; those that are known stay"
                );
            }
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

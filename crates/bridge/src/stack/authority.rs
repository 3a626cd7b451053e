//! Tokens for a stack's API: client credentials, proved by a secret or by a certificate (RFC 6749, RFC 7523).

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::sign_in::{CertificateAndKey, Circumstances};
use domain::time::Timestamp;
use jiff::SignedDuration;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::call::{Answer, Failure, Http, judge};
use super::endpoints::SignIn;
use crate::environment::Environment;
use crate::files::small_text;
use crate::trouble::Trouble;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long before its end a token is renewed, if it lives long enough.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);
/// How long a token lives whose authority does not say it.
const LIFETIME_UNSTATED: Duration = Duration::from_secs(10 * 60);

/// By what the account of the bridge is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id in the directory.
    pub client_id: String,
    /// What proves it. The files are read whenever a token is asked for: they can be replaced at any time.
    pub proof: Proof,
}

/// Files that prove an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A file with a client secret.
    Secret(PathBuf),
    /// PEM files.
    Certificate {
        /// The certificate.
        certificate: PathBuf,
        /// Its RSA key, not encrypted.
        key: PathBuf,
    },
}

/// Gets tokens and keeps the newest.
pub(crate) struct Authority {
    http: Http,
    sign_in: SignIn,
    account: Account,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Seconds, in some versions as text.
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Authority {
    pub(crate) fn new(http: Http, sign_in: SignIn, account: Account) -> Self {
        Self {
            http,
            sign_in,
            account,
            held: Mutex::new(None),
        }
    }

    /// A token: the one that is held, unless its time is nearly over or it is the one that was `refused`.
    pub(crate) async fn token(
        &self,
        environment: &Environment,
        refused: Option<&str>,
    ) -> Result<String, Failure> {
        let mut held = self.held.lock().await;
        let now = environment.clock.now();
        if let Some(Held { token, renew_at }) = &*held
            && *renew_at > now
            && refused != Some(token)
        {
            return Ok(token.clone());
        }
        let (token, lifetime) = self.ask(environment).await?;
        let good_for = lifetime - RENEWED_BEFORE.min(lifetime / 2);
        let good_for = SignedDuration::try_from(good_for).unwrap_or(SignedDuration::ZERO);
        *held = Some(Held {
            token: token.clone(),
            renew_at: now.saturating_add(good_for).unwrap_or(now),
        });
        Ok(token)
    }

    /// What asks the authority.
    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }

    async fn ask(&self, environment: &Environment) -> Result<(String, Duration), Failure> {
        let proof = self.proof(environment).map_err(Failure::Refused)?;
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.account.client_id)
            .append_pair("resource", &self.sign_in.audience)
            .extend_pairs(proof)
            .finish();
        let request = self
            .http
            .client()
            .post(self.sign_in.token_endpoint.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let whom = format!("the authority {}", self.sign_in.token_endpoint);
        let answer = self.http.send(request, environment.clock.now(), &whom).await?;
        if matches!(answer.status, 400 | 401) {
            return Err(Failure::Refused(refused(&whom, &answer)));
        }
        judge(&answer, &whom)?;
        token_of(&answer).ok_or_else(|| {
            Failure::temporary(
                "InvalidToken",
                format!("{whom} answered with something that is no token."),
            )
        })
    }

    /// The fields that prove the account.
    fn proof(&self, environment: &Environment) -> Result<Vec<(&'static str, String)>, Trouble> {
        match &self.account.proof {
            Proof::Secret(path) => {
                let secret = small_text(path)?.trim().to_owned();
                Ok(vec![("client_secret", secret)])
            }
            Proof::Certificate { certificate, key } => {
                let assertion = self.assertion(environment, certificate, key)?;
                Ok(vec![
                    ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                    ("client_assertion", assertion),
                ])
            }
        }
    }

    fn assertion(
        &self,
        environment: &Environment,
        certificate: &Path,
        key: &Path,
    ) -> Result<String, Trouble> {
        let pem = format!("{}\n{}", small_text(certificate)?, small_text(key)?);
        let id = environment.uuid().to_string();
        let circumstances = Circumstances {
            now: environment.clock.now().as_second(),
            id: &id,
        };
        CertificateAndKey::from_pem(&pem)
            .and_then(|it| {
                it.assertion(
                    &self.account.client_id,
                    self.sign_in.token_endpoint.as_str(),
                    &circumstances,
                )
            })
            .map_err(|error| {
                Trouble::new(
                    "InvalidCertificate",
                    error.to_string(),
                    "See `certificate-file` and `key-file` of the stack.",
                )
            })
    }
}

fn refused(whom: &str, answer: &Answer) -> Trouble {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Refused {
        error: String,
        error_description: String,
    }
    let Refused {
        error,
        error_description,
    } = serde_json::from_slice(&answer.body).unwrap_or_default();
    Trouble::new(
        "StackSignInRefused",
        format!("{whom} gives no token: {error} {error_description}"),
        "See that `client-id` and the secret or certificate of the stack are right and not expired. The files are read \
         again with the next attempt.",
    )
}

fn token_of(answer: &Answer) -> Option<(String, Duration)> {
    let TokenAnswer {
        access_token,
        expires_in,
    } = serde_json::from_slice(&answer.body).ok()?;
    let seconds = match expires_in {
        Some(serde_json::Value::Number(seconds)) => seconds.as_u64(),
        Some(serde_json::Value::String(seconds)) => seconds.trim().parse().ok(),
        _ => None,
    };
    let lifetime = seconds.map_or(LIFETIME_UNSTATED, Duration::from_secs);
    (!access_token.is_empty()).then_some((access_token, lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_as_long_as_its_authority_says_in_either_form() {
        for (expires_in, seconds) in [
            (r#","expires_in":3600"#, 3600),
            (r#","expires_in":"3599""#, 3599),
            ("", 600),
        ] {
            let answer = Answer {
                status: 200,
                retry_after: None,
                body: format!(r#"{{"access_token":"t","token_type":"bearer"{expires_in}}}"#).into_bytes(),
            };
            assert_eq!(
                token_of(&answer),
                Some(("t".to_owned(), Duration::from_secs(seconds)))
            );
        }
    }
}

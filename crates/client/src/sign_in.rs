//! Signing in: tokens for a person or a program, in the forms of OAuth 2.0 (RFC 6749, RFC 7523, RFC 8628).
//!
//! `directory` is an id or a domain: then only its accounts sign in. Without one, those of every directory do.

mod certificate;

use std::fmt;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use certificate::{CertificateAndKey, Circumstances};

use crate::call::Call;
use crate::retry::is_temporary;
use crate::{Client, ClientError};

/// Under which id this command line is known to every directory.
const COMMAND_LINE: &str = "6d657465-7262-4269-8467-650000000001";
/// The authority at which the accounts of all directories sign in.
const ANY_DIRECTORY: &str = "adfs";
/// How much longer to wait between two questions when the server says that they come too fast (RFC 8628, section 3.5).
const SLOWER_BY: Duration = Duration::from_secs(5);
/// How long to wait between two questions where the server does not say.
const INTERVAL_SECONDS: u64 = 5;

/// What somebody who signed in holds. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Goes with every request.
    pub access_token: String,
    /// How long the access token is good.
    pub lifetime: Duration,
    /// Gets new tokens; programs have none, they prove themselves again.
    pub refresh_token: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens(…, {:?})", self.lifetime)
    }
}

/// What somebody has to do in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeviceCode {
    /// The page to open.
    pub verification_uri: String,
    /// The code to enter there.
    pub user_code: String,
    /// How many seconds the code is good.
    pub expires_in: u64,
    device_code: String,
    #[serde(default = "interval_seconds")]
    interval: u64,
}

const fn interval_seconds() -> u64 {
    INTERVAL_SECONDS
}

/// With what a program proves which one it is.
#[derive(Debug)]
pub enum Proof<'a> {
    /// A client secret.
    Secret(&'a Secret),
    /// The key of a certificate.
    Certificate(&'a CertificateAndKey, Circumstances<'a>),
}

/// A client secret; its text goes into the request and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret from its text; white space around it is not part of it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
    refresh_token: Option<String>,
}

impl From<TokenAnswer> for Tokens {
    fn from(answer: TokenAnswer) -> Self {
        Self {
            access_token: answer.access_token,
            lifetime: Duration::from_secs(answer.expires_in),
            refresh_token: answer.refresh_token,
        }
    }
}

type Field<'a> = (&'static str, &'a str);

impl Client {
    /// Signs a person in who enters a code on a page of the server, in whatever browser: `show` is told the code, then
    /// the server is asked until it was entered.
    ///
    /// # Errors
    /// [`ClientError`]; as refusals `authorization_declined`, and `expired_token` when the code's time is over.
    pub async fn sign_in_on_device(
        &self,
        directory: Option<&str>,
        show: impl FnOnce(&DeviceCode) + Send,
    ) -> Result<Tokens, ClientError> {
        let code: DeviceCode = self
            .sign_in_form(directory, "devicecode", &[("client_id", COMMAND_LINE)])
            .await?;
        show(&code);
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", COMMAND_LINE),
            ("device_code", &code.device_code),
        ];
        let mut interval = Duration::from_secs(code.interval);
        loop {
            tokio::time::sleep(interval).await;
            match self.tokens(directory, &fields).await {
                Err(error) if error.code() == Some("authorization_pending") => {}
                Err(error) if is_too_fast(&error) => interval += SLOWER_BY,
                outcome => return outcome,
            }
        }
    }

    /// Signs a program in.
    ///
    /// # Errors
    /// [`ClientError`]; as refusal `invalid_client` if it does not prove which one it is.
    pub async fn sign_in_application(
        &self,
        directory: Option<&str>,
        client_id: &str,
        proof: &Proof<'_>,
    ) -> Result<Tokens, ClientError> {
        let fields = [("grant_type", "client_credentials"), ("client_id", client_id)];
        match proof {
            Proof::Secret(Secret(text)) => {
                let proof = [("client_secret", text.as_str())];
                self.tokens(directory, &[&fields[..], &proof].concat()).await
            }
            Proof::Certificate(certificate, circumstances) => {
                let audience = self.token_endpoint(directory).await?;
                let assertion = certificate.assertion(client_id, &audience, circumstances)?;
                let proof = [
                    ("client_assertion_type", certificate::ASSERTION_TYPE),
                    ("client_assertion", assertion.as_str()),
                ];
                self.tokens(directory, &[&fields[..], &proof].concat()).await
            }
        }
    }

    /// New tokens for a person who signed in before.
    ///
    /// # Errors
    /// [`ClientError`]; as refusal `invalid_grant` if they have to sign in again.
    pub async fn renew_sign_in(
        &self,
        directory: Option<&str>,
        refresh_token: &str,
    ) -> Result<Tokens, ClientError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", COMMAND_LINE),
            ("refresh_token", refresh_token),
        ];
        self.tokens(directory, &fields).await
    }

    /// Ends the sign-in of a person that this refresh token is of: nothing that was given in it is good any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn end_sign_in(&self, directory: Option<&str>, refresh_token: &str) -> Result<(), ClientError> {
        let fields = [("client_id", COMMAND_LINE), ("token", refresh_token)];
        self.anonymous()
            .tell(sign_in_call(directory, "revoke", &fields).repeatable())
            .await
    }

    async fn tokens(&self, directory: Option<&str>, fields: &[Field<'_>]) -> Result<Tokens, ClientError> {
        let answer: TokenAnswer = self.sign_in_form(directory, "token", fields).await?;
        Ok(answer.into())
    }

    /// The server's own name for where tokens are got, whatever name it is reached by here.
    async fn token_endpoint(&self, directory: Option<&str>) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Configuration {
            token_endpoint: String,
        }
        let path = [
            directory.unwrap_or(ANY_DIRECTORY),
            ".well-known",
            "openid-configuration",
        ];
        let found: Configuration = self.anonymous().ask(Call::new(Method::GET, path)).await?;
        Ok(found.token_endpoint)
    }

    async fn sign_in_form<T: DeserializeOwned>(
        &self,
        directory: Option<&str>,
        endpoint: &str,
        fields: &[Field<'_>],
    ) -> Result<T, ClientError> {
        self.anonymous()
            .ask(sign_in_call(directory, endpoint, fields))
            .await
    }

    /// Who signs in has nothing to show yet.
    fn anonymous(&self) -> Self {
        Self {
            credential: None,
            renewal: None,
            ..self.clone()
        }
    }
}

fn sign_in_call(directory: Option<&str>, endpoint: &str, fields: &[Field<'_>]) -> Call {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let path = [directory.unwrap_or(ANY_DIRECTORY), "oauth2", endpoint];
    let call = Call::new(Method::POST, path);
    call.body("application/x-www-form-urlencoded", body.into())
}

fn is_too_fast(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.code == "slow_down" || is_temporary(refusal.status),
        _ => false,
    }
}

/// The code and the text of a refusal in OAuth's form, if it is one (RFC 6749, section 5.2).
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    let refused: Refused = serde_json::from_slice(body).ok()?;
    let text = refused.error_description;
    let text = if text.is_empty() {
        format!("The server answered {status} without a reason.")
    } else {
        without_number(&text).to_owned()
    };
    Some((refused.error, text))
}

/// The text without the number that Azure's clients look for.
fn without_number(text: &str) -> &str {
    let numbered = text.strip_prefix("AADSTS").and_then(|rest| rest.split_once(": "));
    numbered.map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_to_sign_in_is_told_without_azures_number() {
        let body =
            br#"{"error":"invalid_grant","error_description":"AADSTS50126: The password is not right."}"#;
        let read = refusal(StatusCode::BAD_REQUEST, body).unwrap();
        assert_eq!(
            read,
            ("invalid_grant".into(), "The password is not right.".into())
        );
        let bare = refusal(StatusCode::BAD_REQUEST, br#"{"error":"slow_down"}"#).unwrap();
        assert_eq!(bare.0, "slow_down");
        assert_eq!(
            refusal(
                StatusCode::BAD_REQUEST,
                br#"{"error":{"code":"x","message":"y"}}"#
            ),
            None
        );
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"<html>"), None);
    }

    #[test]
    fn what_signs_in_is_not_shown() {
        let tokens = Tokens {
            access_token: "secret".into(),
            lifetime: Duration::from_secs(1),
            refresh_token: Some("secret".into()),
        };
        assert!(!format!("{tokens:?} {:?}", Proof::Secret(&Secret::new("secret"))).contains("secret"));
    }
}

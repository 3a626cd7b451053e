//! Who signed in where: kept in one file that only its owner can read, a sign-in for each server, and renewed in
//! passing.

mod file;

use std::path::PathBuf;
use std::time::Duration;

use client::sign_in::{CertificateAndKey, Circumstances, Proof, Secret, Tokens};
use client::{Client, ClientError, Credential};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use server::{Clock as _, Random as _};

pub(crate) use file::SignIns;

use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::settings::small_text;

/// How long before its end an access token is renewed: longer than a command's requests take.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Somebody signed in. It holds secrets, and is shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignIn {
    /// The directory, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    /// The program, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) application: Option<Application>,
    /// The CA certificate that the server is trusted by, if it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    access_token: String,
    /// When the access token ends: RFC 3339, UTC.
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// A program, and where that is with which it proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Application {
    pub(crate) client_id: String,
    pub(crate) proof: ProofFile,
}

/// The file with which a program proves itself. Its content is not kept a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ProofFile {
    /// It holds a client secret.
    Secret(PathBuf),
    /// It holds a certificate and its key.
    Certificate(PathBuf),
    /// The secret came from nowhere that it could be had from again.
    Gone,
}

impl SignIn {
    /// What is kept of tokens that somebody just got.
    pub(crate) fn new(
        tokens: Tokens,
        directory: Option<String>,
        application: Option<Application>,
        ca: Option<PathBuf>,
    ) -> Self {
        let Tokens {
            access_token,
            lifetime,
            refresh_token,
        } = tokens;
        // Where the clock ends, so does the token.
        let expires = SystemClock.now().checked_add(lifetime).unwrap_or(Timestamp::MAX);
        Self {
            directory,
            application,
            ca,
            access_token,
            expires: expires.to_string(),
            refresh_token,
        }
    }

    /// What goes with requests.
    pub(crate) fn credential(&self) -> Credential {
        Credential::new(&self.access_token)
    }

    /// Whether it is a program's that can prove itself at any time, whatever became of its tokens.
    pub(crate) fn proves_itself(&self) -> bool {
        let application = self.application.as_ref();
        application.is_some_and(|it| it.proof != ProofFile::Gone)
    }

    /// Until when, if it cannot be renewed.
    pub(crate) fn ends(&self) -> Option<&str> {
        let renewable = match &self.application {
            Some(_) => self.proves_itself(),
            None => self.refresh_token.is_some(),
        };
        (!renewable).then_some(&*self.expires)
    }

    /// Whether it is time to renew it. What cannot be renewed is used up to its end.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let Ok(expires) = self.expires.parse::<Timestamp>() else {
            return true;
        };
        let early = if self.ends().is_some() {
            Duration::ZERO
        } else {
            RENEWED_BEFORE
        };
        now.checked_add(early).map_or(true, |soon| soon >= expires)
    }

    /// The same, with new tokens.
    ///
    /// # Errors
    /// If whoever it was has to sign in again, or the server cannot be asked.
    pub(crate) async fn renewed(self, client: &Client) -> Result<Self, Failure> {
        let directory = self.directory.as_deref();
        let tokens = match (&self.application, &self.refresh_token) {
            (Some(application), _) => prove(client, directory, application).await?,
            (None, Some(token)) => {
                let renewed = client.renew_sign_in(directory, token).await;
                renewed.map_err(|error| over(client, error))?
            }
            (None, None) => return Err(ended(client)),
        };
        Ok(Self::new(tokens, self.directory, self.application, self.ca))
    }
}

impl SignIn {
    /// Has the server end it, if it is a person's: a program's token ends by itself.
    ///
    /// # Errors
    /// If the server cannot be asked, or refuses.
    pub(crate) async fn end(&self, client: &Client) -> Result<(), Failure> {
        match &self.refresh_token {
            Some(token) => Ok(client.end_sign_in(self.directory.as_deref(), token).await?),
            None => Ok(()),
        }
    }
}

/// Signs a program in with what its file holds.
///
/// # Errors
/// If the file cannot be used, or proves nothing.
pub(crate) async fn prove(
    client: &Client,
    directory: Option<&str>,
    application: &Application,
) -> Result<Tokens, Failure> {
    let Application { client_id, proof } = application;
    match proof {
        ProofFile::Secret(path) => {
            let secret = Secret::new(&small_text(path)?);
            Ok(client
                .sign_in_application(directory, client_id, &Proof::Secret(&secret))
                .await?)
        }
        ProofFile::Certificate(path) => {
            let of_file = |error: ClientError| Failure::from(error).because(path.display().to_string());
            let certificate = CertificateAndKey::from_pem(&small_text(path)?).map_err(of_file)?;
            let circumstances = Circumstances {
                now: SystemClock.now().as_second(),
                id: &SystemRandom.uuid().to_string(),
            };
            let proof = Proof::Certificate(&certificate, circumstances);
            Ok(client.sign_in_application(directory, client_id, &proof).await?)
        }
        ProofFile::Gone => Err(ended(client)),
    }
}

/// The server does not renew a sign-in; or it was not the server that failed.
fn over(client: &Client, error: ClientError) -> Failure {
    if error.code() == Some("invalid_grant") {
        return ended(client).because(Failure::from(error).what());
    }
    error.into()
}

fn ended(client: &Client) -> Failure {
    Failure::new(format!("The sign-in to {} is over.", client.server()))
        .coded("SignInOver")
        .hint("Sign in again with `meterbridge login`.")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Somebody who signed in.
    pub(crate) fn signed_in(token: &str) -> SignIn {
        let tokens = Tokens {
            access_token: token.to_owned(),
            lifetime: Duration::from_secs(3600),
            refresh_token: Some("refresh".to_owned()),
        };
        SignIn {
            expires: "2026-11-22T12:00:00Z".into(),
            ..SignIn::new(tokens, None, None, None)
        }
    }

    #[test]
    fn a_sign_in_is_renewed_before_its_end_and_used_up_where_it_cannot_be() {
        let renewable = signed_in("a");
        let ending = SignIn {
            refresh_token: None,
            ..renewable.clone()
        };
        let by_secret = |proof| SignIn {
            application: Some(Application {
                client_id: "a".into(),
                proof,
            }),
            ..ending.clone()
        };
        for (sign_in, last_good, ends) in [
            (&renewable, "2026-11-22T11:54:59Z", false),
            (&ending, "2026-11-22T11:59:59Z", true),
            (
                &by_secret(ProofFile::Secret("s".into())),
                "2026-11-22T11:54:59Z",
                false,
            ),
            (&by_secret(ProofFile::Gone), "2026-11-22T11:59:59Z", true),
        ] {
            let last_good: Timestamp = last_good.parse().unwrap();
            assert!(!sign_in.is_due(last_good));
            assert!(sign_in.is_due(last_good + Duration::from_secs(1)));
            assert_eq!(sign_in.ends().is_some(), ends);
        }
        assert!(
            SignIn {
                expires: "soon".into(),
                ..renewable
            }
            .is_due(Timestamp::MIN)
        );
    }
}

//! Asking `app::identity` who somebody is, and saying no in OAuth's words.

use std::net::IpAddr;
use std::sync::OnceLock;

use app::Kind;
use app::identity::{Proof, SignInRefused, SignedIn, SignedInApplication};
use app::network::network;
use domain::ids::{ApplicationId, TenantId};

use super::assertion::Assertion;
use super::authority::Authority;
use super::clients;
use super::jwt::Bad;
use super::refusal::{Circumstances, Refusal};
use crate::Door;

impl Door {
    /// The authority that the first segment of a path names.
    pub(super) fn authority(&self, segment: &str) -> Option<Authority> {
        Authority::read(segment, |name| {
            self.app.directory_named(name).map(|directory| directory.id)
        })
    }

    /// What people are told that a client is called.
    pub(super) fn name_of_client(&self, client: ApplicationId) -> Result<String, Refusal> {
        let native = clients::native(client).map(str::to_owned);
        native
            .or_else(|| self.app.application_name(client))
            .ok_or_else(|| {
                let text = format!("The application '{client}' is not known here.");
                Refusal::new("unauthorized_client", 700_016, text)
            })
    }

    /// Signs a user in, for a client.
    pub(super) async fn sign_in_user(
        &self,
        directory: Option<TenantId>,
        name: &str,
        password: &str,
        client: ApplicationId,
        peer: IpAddr,
    ) -> Result<SignedIn, Refusal> {
        let signed_in = self
            .app
            .sign_in_user(directory, name, password, Some(client), peer)
            .await;
        match signed_in {
            Ok(signed_in) => Ok(signed_in),
            Err(SignInRefused::Unproven) => {
                self.count_failed_sign_in(peer)?;
                Err(Refusal::grant(
                    50_126,
                    "The user name or the password is not right.",
                ))
            }
            Err(refused) => Err(of_user(refused)),
        }
    }

    /// Signs an application in with a secret.
    pub(super) fn sign_in_with_secret(
        &self,
        directory: Option<TenantId>,
        client: ApplicationId,
        secret: &str,
        peer: IpAddr,
    ) -> Result<SignedInApplication, Refusal> {
        match self
            .app
            .sign_in_application(directory, client, &Proof::Secret(secret))
        {
            Ok(signed_in) => Ok(signed_in),
            Err(SignInRefused::Unproven) => {
                self.count_failed_sign_in(peer)?;
                let text = "The application is not known here, or the secret is not its own.";
                Err(Refusal::client(7_000_215, text))
            }
            Err(refused) => Err(of_application(refused)),
        }
    }

    /// Signs an application in with an assertion that is signed with the key of one of its certificates.
    pub(super) fn sign_in_with_assertion(
        &self,
        directory: Option<TenantId>,
        client: ApplicationId,
        assertion: &str,
        peer: IpAddr,
        asked: &Circumstances,
    ) -> Result<SignedInApplication, Refusal> {
        let assertion = Assertion::parse(assertion).map_err(of_assertion)?;
        if assertion.client != client {
            return Err(of_assertion(Bad::Claims));
        }
        let checked = OnceLock::new();
        let proof = Proof::Certificate {
            thumbprint: assertion.certificate,
            verify: &|certificate| {
                let meant = |audience: &str| self.identity.is_own_endpoint(audience);
                let verified = assertion.verify(&certificate.public_key, meant, asked.now);
                checked.get_or_init(|| verified).is_ok()
            },
        };
        let signed_in = self.app.sign_in_application(directory, client, &proof);
        match (signed_in, checked.into_inner()) {
            (Ok(signed_in), Some(Ok(verified))) => {
                let peer = network(peer);
                self.identity
                    .assertions
                    .present(client, &verified, peer, asked.now)?;
                Ok(signed_in)
            }
            (_, Some(Err(bad))) => {
                self.count_failed_sign_in(peer)?;
                Err(of_assertion(bad))
            }
            (Err(SignInRefused::Unproven), _) => {
                self.count_failed_sign_in(peer)?;
                let text = "The application is not known here, or the certificate is not one of its own.";
                Err(Refusal::client(700_027, text))
            }
            (Err(refused), _) => Err(of_application(refused)),
            (Ok(_), None) => Err(Refusal::internal("an assertion was not verified")),
        }
    }

    /// Counts that somebody did not prove who they are.
    pub(super) fn count_failed_sign_in(&self, peer: IpAddr) -> Result<(), Refusal> {
        self.rates.count_failure(peer).map_err(|_| {
            Refusal::later(
                "Too many attempts to sign in failed at this address. Wait a minute.",
                60,
            )
        })
    }
}

fn of_assertion(bad: Bad) -> Refusal {
    let number = match bad {
        Bad::Expired | Bad::NotYetGood => 700_024,
        Bad::Audience => 700_023,
        _ => 700_027,
    };
    Refusal::client(number, format!("The client assertion proves nothing: {bad}."))
}

/// Why a user is not signed in.
pub(super) fn of_user(refused: SignInRefused) -> Refusal {
    let text = sentence(&refused);
    match refused {
        SignInRefused::Slowed { seconds } => Refusal::later(text, seconds),
        SignInRefused::Busy => Refusal::later(text, 1),
        SignInRefused::Disabled => Refusal::grant(50_057, text),
        SignInRefused::Changed | SignInRefused::Over => Refusal::grant(50_173, text),
        SignInRefused::Copied => Refusal::grant(70_000, text),
        SignInRefused::ClientGone => Refusal::new("unauthorized_client", 7_000_112, text),
        SignInRefused::Unproven | SignInRefused::Expired | SignInRefused::NotYetValid => {
            Refusal::grant(50_126, text)
        }
        SignInRefused::Failed(error) => of_failure(&error),
    }
}

/// What failed is no fault of whoever signs in, and may be tried again where it passes by itself.
pub(super) fn of_failure(error: &app::Error) -> Refusal {
    match error.kind {
        Kind::Busy | Kind::Unavailable => Refusal::unavailable(
            "The server cannot store anything at the moment. Try again.",
            error.to_string(),
        ),
        _ => Refusal::internal(error.to_string()),
    }
}

fn of_application(refused: SignInRefused) -> Refusal {
    let text = sentence(&refused);
    match refused {
        SignInRefused::Expired => Refusal::client(7_000_222, text),
        SignInRefused::NotYetValid => Refusal::client(700_027, text),
        SignInRefused::Disabled => Refusal::client(7_000_112, text),
        other => of_user(other),
    }
}

/// The refusal as a sentence of its own.
fn sentence(refused: &SignInRefused) -> String {
    let text = refused.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

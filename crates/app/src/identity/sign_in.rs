//! Proving who one is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::authorization::PrincipalKind;
use domain::books::{Books, DirectoryObject};
use domain::identity::{Application, ClientCertificate, PasswordHash, Thumbprint, User, Validity};
use domain::ids::{ApplicationId, CredentialId, ObjectId, RegistrationId, TenantId};
use domain::time::Timestamp;

use super::attempts::{Attempts, Wait};
use super::hashing::{Hashing, TooMany};
use super::native::native_client;
use super::{password, secret};
use crate::access::Principal;
use crate::{App, Error, Kind};

/// Why somebody is not signed in. Who knows neither password nor secret learns nothing about the account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    /// There is no such account, or it was not proven: which of the two is not told.
    #[error("the account is not known, or the password, secret or certificate is not its own")]
    Unproven,
    /// It was proven, and may not sign in.
    #[error("the account is disabled; ask who manages its directory to enable it")]
    Disabled,
    /// It was proven with something that has expired.
    #[error("the secret or certificate has expired; add a new one to the application")]
    Expired,
    /// It was proven with a certificate whose time has not come.
    #[error("the certificate is not valid yet; wait for its notBefore, or use another one")]
    NotYetValid,
    /// Too many attempts failed before.
    #[error("too many attempts to sign in failed; wait {} and try again", waiting(*.seconds))]
    Slowed {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many sign in at this moment.
    #[error("too many sign-ins are being checked at this moment; try again in a second")]
    Busy,
    /// What was signed in before is void: the password was changed, or the account or the client disabled.
    #[error("the account or the application was changed since somebody signed in; sign in again")]
    Changed,
    /// The client is an application that may not sign anybody in.
    #[error("the application that asks is disabled or was deleted; ask who manages its directory")]
    ClientGone,
    /// The sign-in has ended: by a sign-out, by its time, or because it was void.
    #[error("the sign-in has ended; sign in again")]
    Over,
    /// A refresh token was shown that had been used before.
    #[error(
        "the refresh token was used before, so somebody may have a copy of it; the sign-in was ended, sign in again"
    )]
    Copied,
    /// A defect, or damage.
    #[error(transparent)]
    Failed(Error),
}

/// So many seconds, in words.
pub(super) fn waiting(seconds: u64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        more => format!("{more} seconds"),
    }
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub principal: Principal,
    /// What makes this sign-in void when it changes; see [`App::renew`].
    pub since: u64,
}

/// An application that proved which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedInApplication {
    /// Which one.
    pub principal: Principal,
    /// What makes this sign-in void when it changes; see [`App::application_signed_in`].
    pub since: u64,
    /// The secret or certificate that proved it: what it was given goes when that is removed.
    pub credential: CredentialId,
}

/// What an application proves itself with.
pub enum Proof<'a> {
    /// The text of one of its secrets.
    Secret(&'a str),
    /// Something signed with the private key of one of its certificates.
    Certificate {
        /// Which one.
        thumbprint: Thumbprint,
        /// Whether its public key verifies what was signed.
        verify: &'a (dyn Fn(&ClientCertificate) -> bool + Send + Sync),
    },
}

/// Somebody of a directory that is kept elsewhere, as an issuer that is trusted says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The id under which it is known here.
    pub id: ObjectId,
    /// What kind of object it is.
    pub kind: PrincipalKind,
    /// The application that it is, or that a person uses.
    pub application: Option<ApplicationId>,
    /// The directory.
    pub tenant: TenantId,
    /// Its name, for people.
    pub name: String,
    /// The groups that it belongs to there, each by the id under which it is known here.
    pub groups: BTreeSet<ObjectId>,
}

/// What signing in needs while the process runs.
#[derive(Default)]
pub(crate) struct SignIns {
    attempts: Mutex<Attempts>,
    pub(super) hashing: Hashing,
}

impl SignIns {
    fn with_attempts<T>(&self, act: impl FnOnce(&mut Attempts) -> T) -> T {
        // Counters are good after a panic, too.
        act(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a password is the one that this was kept of, if whoever tries it does not have to wait.
    pub(super) async fn prove(
        &self,
        name: &str,
        password: &str,
        kept: Option<PasswordHash>,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<bool, SignInRefused> {
        let begun = self.with_attempts(|attempts| attempts.begin(name, peer, now));
        let attempt = begun.map_err(|Wait(seconds)| SignInRefused::Slowed { seconds })?;
        let proven = self.hashing.proves(password.to_owned(), kept, peer).await;
        self.with_attempts(|attempts| match proven {
            Ok(Ok(true)) => attempts.succeeded(attempt, now),
            Ok(Ok(false)) => {}
            Ok(Err(_)) | Err(TooMany) => attempts.not_made(attempt),
        });
        match proven {
            Ok(proven) => proven.map_err(SignInRefused::Failed),
            Err(TooMany) => Err(SignInRefused::Busy),
        }
    }
}

/// Whether an id is somebody's or something's whose acts are recorded under it: of a directory kept here, an operator or a
/// registration.
fn is_taken_here(books: &Books, id: ObjectId) -> bool {
    let uuid = id.as_uuid();
    books.directories().object(id).is_some()
        || books.directories().former_object(id).is_some()
        || books.operators().any(|it| it.operator.id.as_uuid() == uuid)
        || books
            .registration_by_id(RegistrationId::from_uuid(uuid))
            .is_some()
}

fn known_user(books: &Books, directory: Option<TenantId>, name: &str) -> Option<User> {
    let user = books.directories().user_by_name(&name.parse().ok()?)?;
    directory
        .is_none_or(|directory| user.directory == directory)
        .then(|| user.clone())
}

/// The entry since which sign-ins of a user with a client are good. Each change of one of them is a later entry than all
/// before it, so the later one of both says whether either was changed.
fn good_since(books: &Books, user: &User, client: Option<ApplicationId>) -> Result<u64, SignInRefused> {
    let directories = books.directories();
    let of_user = directories.sign_ins_since(user.id).unwrap_or_default();
    let Some(client) = client.filter(|client| native_client(*client).is_none()) else {
        return Ok(of_user);
    };
    let application = directories.application(client).filter(|it| it.enabled);
    let service_principal = application.ok_or(SignInRefused::ClientGone)?.service_principal;
    let of_client = directories.sign_ins_since(service_principal).unwrap_or_default();
    Ok(of_user.max(of_client))
}

/// The user of a sign-in that was good since then, if it is still.
pub(super) fn still_signed_in(
    books: &Books,
    user: ObjectId,
    client: Option<ApplicationId>,
    since: u64,
) -> Result<&User, SignInRefused> {
    let user = books.directories().user(user).filter(|user| user.enabled);
    let user = user.ok_or(SignInRefused::Changed)?;
    if good_since(books, user, client)? == since {
        Ok(user)
    } else {
        Err(SignInRefused::Changed)
    }
}

fn signed_in_user(
    books: &Books,
    user: &User,
    client: Option<ApplicationId>,
) -> Result<SignedIn, SignInRefused> {
    let principal = Principal {
        id: user.id,
        kind: PrincipalKind::User,
        application: client,
        tenant: user.directory,
        name: user.name.to_string(),
        groups: books.directories().groups_of(user.id),
    };
    let since = good_since(books, user, client)?;
    Ok(SignedIn { principal, since })
}

fn application_principal(books: &Books, application: &Application) -> Principal {
    Principal {
        id: application.service_principal,
        kind: PrincipalKind::ServicePrincipal,
        application: Some(application.id),
        tenant: application.directory,
        name: application.name.clone(),
        groups: books.directories().groups_of(application.service_principal),
    }
}

/// With which of its credentials an application proves itself, and whether that is valid now; none if it proves nothing.
fn proven(application: &Application, proof: &Proof<'_>, now: Timestamp) -> Option<(CredentialId, Validity)> {
    match proof {
        Proof::Secret(text) => {
            secret::find(&application.secrets, text).map(|secret| (secret.id, secret.validity(now)))
        }
        Proof::Certificate { thumbprint, verify } => {
            let mut certificates = application.certificates.iter();
            let named = certificates.find(|it| it.is_named_by(thumbprint));
            let proven = named.filter(|certificate| verify(certificate));
            proven.map(|certificate| (certificate.id, certificate.validity(now)))
        }
    }
}

fn signed_in_application(
    books: &Books,
    application: &Application,
    credential: CredentialId,
) -> SignedInApplication {
    let since = books.directories().sign_ins_since(application.service_principal);
    SignedInApplication {
        principal: application_principal(books, application),
        since: since.unwrap_or_default(),
        credential,
    }
}

fn has(application: &Application, credential: CredentialId) -> bool {
    let secrets = application.secrets.iter().map(|it| it.id);
    let mut all = secrets.chain(application.certificates.iter().map(|it| it.id));
    all.any(|id| id == credential)
}

fn gone() -> Error {
    let message = "The account of the token does not exist any longer, was disabled, or the secret or certificate that it \
                   signed in with was removed. Sign in again.";
    Error::new(Kind::Unauthenticated, "AuthenticationFailed", message)
}

impl App {
    /// Signs a user in with its password. A directory, where one is named, has to be the user's.
    ///
    /// # Errors
    /// [`SignInRefused`]. An unknown user takes as long as a wrong password and is slowed down in the same way.
    pub async fn sign_in_user(
        &self,
        directory: Option<TenantId>,
        name: &str,
        password: &str,
        client: Option<ApplicationId>,
        peer: IpAddr,
    ) -> Result<SignedIn, SignInRefused> {
        if password.len() > password::PASSWORD_BYTES_MAX {
            return Err(SignInRefused::Unproven);
        }
        let known = self.read(|books| known_user(books, directory, name));
        let kept = known.as_ref().map(|user| user.password.clone());
        let now = self.clock.now();
        if !self.sign_ins.prove(name, password, kept, peer, now).await? {
            return Err(SignInRefused::Unproven);
        }
        let user = known.ok_or(SignInRefused::Unproven)?;
        // The password may have been changed, or the user disabled, while it was checked.
        self.read(|books| match books.directories().user(user.id) {
            Some(now) if now.password != user.password => Err(SignInRefused::Unproven),
            Some(now) if now.enabled => signed_in_user(books, now, client),
            _ => Err(SignInRefused::Disabled),
        })
    }

    /// Signs an application in with a secret or a certificate. A directory, where one is named, has to be its own.
    ///
    /// Attempts are not slowed down here: neither 256 random bits nor a private key are found by trying, and slowing
    /// down an account would be a way of stopping its program.
    ///
    /// # Errors
    /// [`SignInRefused`].
    pub fn sign_in_application(
        &self,
        directory: Option<TenantId>,
        id: ApplicationId,
        proof: &Proof<'_>,
    ) -> Result<SignedInApplication, SignInRefused> {
        let now = self.clock.now();
        let known = self.read(|books| books.directories().application(id).cloned());
        let application = known
            .filter(|known| directory.is_none_or(|directory| known.directory == directory))
            .ok_or(SignInRefused::Unproven)?;
        let (credential, validity) = proven(&application, proof, now).ok_or(SignInRefused::Unproven)?;
        match validity {
            Validity::Over => Err(SignInRefused::Expired),
            Validity::ToCome => Err(SignInRefused::NotYetValid),
            Validity::Now if !application.enabled => Err(SignInRefused::Disabled),
            Validity::Now => self.read(|books| Ok(signed_in_application(books, &application, credential))),
        }
    }

    /// Who an application is now that signed in with this credential, for what it was given then.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if it is gone, was disabled since, or that credential was removed.
    pub fn application_signed_in(
        &self,
        service_principal: ObjectId,
        since: u64,
        credential: CredentialId,
    ) -> Result<Principal, Error> {
        self.read(|books| {
            let Some(DirectoryObject::ServicePrincipal(application)) =
                books.directories().object(service_principal)
            else {
                return Err(gone());
            };
            let now = signed_in_application(books, application, credential);
            if application.enabled && now.since == since && has(application, credential) {
                Ok(now.principal)
            } else {
                Err(gone())
            }
        })
    }

    /// Goes on with a user's sign-in as it was then: for sessions, and for codes that are redeemed later.
    ///
    /// # Errors
    /// [`SignInRefused::Changed`] if its password was changed since, or it or the client was disabled, be it that they are
    /// enabled again; [`SignInRefused::ClientGone`] if the client is neither a program that every directory knows nor an
    /// application that is enabled.
    pub fn renew(
        &self,
        user: ObjectId,
        client: Option<ApplicationId>,
        since: u64,
    ) -> Result<SignedIn, SignInRefused> {
        self.read(|books| {
            let user = still_signed_in(books, user, client, since)?;
            signed_in_user(books, user, client)
        })
    }

    /// Somebody of a directory kept elsewhere. What its issuer says of accounts and groups kept here does not count.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if it is said to be an account kept here, an operator or a registration, or in a directory
    /// kept here.
    pub fn external_principal(&self, identity: ExternalIdentity) -> Result<Principal, Error> {
        let ExternalIdentity {
            id,
            kind,
            application,
            tenant,
            name,
            mut groups,
        } = identity;
        self.read(|books| {
            let directories = books.directories();
            if directories.directory(tenant).is_some() || is_taken_here(books, id) {
                let message = "The token is of another issuer and names a directory or an account that is kept here. \
                               Sign in here.";
                return Err(Error::new(Kind::Unauthenticated, "AuthenticationFailed", message));
            }
            groups.retain(|group| directories.object(*group).is_none());
            Ok(())
        })?;
        Ok(Principal {
            id,
            kind,
            application,
            tenant,
            name,
            groups,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SignInRefused;

    #[test]
    fn nobody_is_told_to_wait_1_seconds() {
        for (seconds, expected) in [(1, "wait a second and try"), (2, "wait 2 seconds and try")] {
            let told = SignInRefused::Slowed { seconds }.to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}

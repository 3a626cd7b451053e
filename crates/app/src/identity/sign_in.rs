//! Proving who one is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domain::authorization::PrincipalKind;
use domain::books::{Books, DirectoryObject};
use domain::identity::{Application, ClientCertificate, PasswordHash, Thumbprint, User};
use domain::ids::{ApplicationId, ObjectId, RegistrationId, TenantId};
use tokio::sync::Semaphore;

use super::attempts::{Attempts, Wait};
use super::{password, secret};
use crate::access::Principal;
use crate::error::internal;
use crate::{App, Error, Kind};

/// How many passwords are hashed at once; each takes a thread and 19 MiB.
const HASHED_AT_ONCE_MAX: usize = 4;
/// How many more may wait for it.
const WAITING_MAX: usize = 64;

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
    /// Too many attempts failed before.
    #[error("too many attempts to sign in failed; wait {seconds} seconds and try again")]
    Slowed {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many sign in at this moment.
    #[error("too many sign-ins are being checked at this moment; try again in a second")]
    Busy,
    /// What was signed in before is void: the password was changed, or the account disabled.
    #[error("the account was changed since it signed in; sign in again")]
    Changed,
    /// A defect, or damage.
    #[error(transparent)]
    Failed(Error),
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub principal: Principal,
    /// What makes this sign-in void when it changes; see [`App::renew`].
    pub since: u64,
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
pub(crate) struct SignIns {
    attempts: Mutex<Attempts>,
    hashing: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            attempts: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE_MAX)),
            admitted: Semaphore::new(HASHED_AT_ONCE_MAX + WAITING_MAX),
        }
    }
}

impl SignIns {
    fn with_attempts<T>(&self, act: impl FnOnce(&mut Attempts) -> T) -> T {
        // Counters are good after a panic, too.
        act(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is kept of a password.
    pub(super) async fn hash(
        &self,
        password: String,
        salt: [u8; password::SALT_BYTES],
    ) -> Result<PasswordHash, Error> {
        let hashed = self.apart(move || password::hash(&password, salt)).await;
        hashed.unwrap_or_else(|TooMany| {
            let message = "Too many passwords are being checked at this moment. Try again in a second.";
            Err(Error::new(Kind::Busy, "TooManySignIns", message))
        })
    }

    async fn proves(&self, password: String, kept: Option<PasswordHash>) -> Result<bool, SignInRefused> {
        match self.apart(move || password::is(&password, kept.as_ref())).await {
            Ok(proven) => proven.map_err(SignInRefused::Failed),
            Err(TooMany) => Err(SignInRefused::Busy),
        }
    }

    /// Runs what takes long on a thread where it holds up nobody, if not too many wait for that.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<Result<T, Error>, TooMany> {
        let _admitted = self.admitted.try_acquire().map_err(|_| TooMany)?;
        let turn = Arc::clone(&self.hashing)
            .acquire_owned()
            .await
            .map_err(|_| TooMany)?;
        // The turn ends with the work, and not already when nobody waits for the answer any more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await;
        Ok(done.unwrap_or_else(|_| Err(internal("The password could not be checked."))))
    }
}

/// Too many wait already.
struct TooMany;

/// Whether an id is somebody's or something's whose acts are recorded under it: of a directory kept here, an operator or a
/// registration.
fn is_taken_here(books: &Books, id: ObjectId) -> bool {
    let uuid = id.as_uuid();
    books.directories().object(id).is_some()
        || books.operators().any(|operator| operator.id.as_uuid() == uuid)
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

fn user_principal(books: &Books, user: &User, client: Option<ApplicationId>) -> SignedIn {
    let principal = Principal {
        id: user.id,
        kind: PrincipalKind::User,
        application: client,
        tenant: user.directory,
        name: user.name.to_string(),
        groups: books.directories().groups_of(user.id),
    };
    let since = books.directories().sign_ins_since(user.id).unwrap_or_default();
    SignedIn { principal, since }
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

fn gone() -> Error {
    let message = "The account of the token does not exist any longer or is disabled. Sign in again.";
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
        let now = self.clock.now();
        let begun = self
            .sign_ins
            .with_attempts(|attempts| attempts.begin(name, peer, now));
        begun.map_err(|Wait(seconds)| SignInRefused::Slowed { seconds })?;
        let known = self.read(|books| known_user(books, directory, name));
        let kept = known.as_ref().map(|user| user.password.clone());
        let proven = self.sign_ins.proves(password.to_owned(), kept).await;
        self.sign_ins.with_attempts(|attempts| match proven {
            Ok(true) => attempts.succeeded(name, peer),
            Ok(false) => {}
            Err(_) => attempts.not_made(name, peer),
        });
        if !proven? {
            return Err(SignInRefused::Unproven);
        }
        let user = known.ok_or(SignInRefused::Unproven)?;
        // The password may have been changed, or the user disabled, while it was checked.
        self.read(|books| match books.directories().user(user.id) {
            Some(now) if now.password != user.password => Err(SignInRefused::Unproven),
            Some(now) if now.enabled => Ok(user_principal(books, now, client)),
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
    ) -> Result<Principal, SignInRefused> {
        let now = self.clock.now();
        let known = self.read(|books| books.directories().application(id).cloned());
        let application = known
            .filter(|known| directory.is_none_or(|directory| known.directory == directory))
            .ok_or(SignInRefused::Unproven)?;
        let expires = match proof {
            Proof::Secret(text) => secret::find(&application.secrets, text).map(|secret| secret.expires),
            Proof::Certificate { thumbprint, verify } => {
                let named = application
                    .certificates
                    .iter()
                    .find(|it| it.is_named_by(thumbprint));
                named
                    .filter(|certificate| verify(certificate))
                    .map(|certificate| certificate.expires)
            }
        };
        match expires {
            None => Err(SignInRefused::Unproven),
            Some(expires) if expires <= now => Err(SignInRefused::Expired),
            Some(_) if !application.enabled => Err(SignInRefused::Disabled),
            Some(_) => Ok(self.read(|books| application_principal(books, &application))),
        }
    }

    /// Who an account kept here is now, with the groups that it belongs to now: for what it was given when it signed in.
    /// A user may act by way of a client.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if it is gone or disabled.
    pub fn principal(&self, id: ObjectId, client: Option<ApplicationId>) -> Result<Principal, Error> {
        self.read(|books| match books.directories().object(id) {
            Some(DirectoryObject::User(user)) if user.enabled => {
                Ok(user_principal(books, user, client).principal)
            }
            Some(DirectoryObject::ServicePrincipal(application)) if application.enabled => {
                Ok(application_principal(books, application))
            }
            _ => Err(gone()),
        })
    }

    /// Goes on with a user's sign-in as it was then: for refresh tokens, and for codes that are redeemed later.
    ///
    /// # Errors
    /// [`SignInRefused::Changed`] if its password was changed since, or it was disabled.
    pub fn renew(
        &self,
        user: ObjectId,
        client: Option<ApplicationId>,
        since: u64,
    ) -> Result<SignedIn, SignInRefused> {
        self.read(|books| {
            let user = books.directories().user(user).filter(|user| user.enabled);
            let signed_in = user.map(|user| user_principal(books, user, client));
            signed_in
                .filter(|now| now.since == since)
                .ok_or(SignInRefused::Changed)
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

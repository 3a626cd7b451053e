//! Directories kept here: who is in them, how they prove who they are, and who may change that.
//!
//! Whoever manages the owner of a directory manages the directory: the platform's operators all of them, a partner's
//! agents those of the partner and of its customers. For anybody else a directory does not exist: not even for the
//! provider of a reseller, since who could set passwords in it could be anybody there.

mod attempts;
mod closing;
mod hashing;
mod lookup;
mod members;
mod native;
mod own_password;
mod password;
mod remembered;
mod secret;
mod sessions;
mod sign_in;

use domain::books::{Books, DirectoryRefused};
use domain::identity::{Application, Directory, DirectoryOwner, DomainName, Group, User};
use domain::ids::{ApplicationId, ObjectId, TenantId};

use crate::access::{Caller, agents_only, chosen_by_operators, view_of};
use crate::{App, Error, Kind};

pub use lookup::{Account, AccountKind};
pub use members::{NewApplication, NewUser};
pub use native::native_client;
pub use own_password::NotChanged;
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
pub use secret::{NewSecret, SECRET_PREFIX};
pub use sessions::RefreshToken;
pub use sign_in::{ExternalIdentity, Proof, SignInRefused, SignedIn, SignedInApplication};

pub(crate) use sessions::Sessions;
pub(crate) use sign_in::SignIns;

/// A directory to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDirectory {
    /// Its id, if an operator chooses it; none for the first tenant of a customer that owns it, or else a random one.
    pub id: Option<TenantId>,
    /// Its name, for people.
    pub name: String,
    /// The domain that its users' names end in.
    pub domain: DomainName,
    /// Whose it is.
    pub owner: DirectoryOwner,
}

impl From<DirectoryRefused> for Error {
    fn from(refused: DirectoryRefused) -> Self {
        let kind = match refused {
            DirectoryRefused::UnknownDirectory(_)
            | DirectoryRefused::UnknownUser(_)
            | DirectoryRefused::UnknownApplication(_)
            | DirectoryRefused::UnknownGroup(_)
            | DirectoryRefused::UnknownCredential(_) => Kind::NotFound,
            DirectoryRefused::IdTaken(_)
            | DirectoryRefused::CertificateKnown { .. }
            | DirectoryRefused::DomainTaken(_)
            | DirectoryRefused::UserNameTaken(_)
            | DirectoryRefused::IdWasUsed(_)
            | DirectoryRefused::TooMany(_)
            | DirectoryRefused::LastOperator(_) => Kind::Conflict,
            _ => Kind::Invalid,
        };
        Self {
            target: refused.target(),
            ..Self::new(kind, refused.code(), refused.to_string())
        }
    }
}

/// A directory, if somebody manages it.
fn managed<'a>(books: &'a Books, caller: &Caller, id: TenantId) -> Result<&'a Directory, Error> {
    let directory = books.known_directory(id)?;
    if books.manages(&view_of(books, caller), directory.owner) {
        Ok(directory)
    } else {
        Err(DirectoryRefused::UnknownDirectory(id).into())
    }
}

/// A user of a directory that somebody manages.
fn managed_user<'a>(books: &'a Books, caller: &Caller, id: ObjectId) -> Result<&'a User, Error> {
    let user = books.known_user(id)?;
    let hidden = |_| DirectoryRefused::UnknownUser(id);
    managed(books, caller, user.directory).map_err(hidden)?;
    Ok(user)
}

/// An application of a directory that somebody manages.
fn managed_application<'a>(
    books: &'a Books,
    caller: &Caller,
    id: ApplicationId,
) -> Result<&'a Application, Error> {
    let application = books.known_application(id)?;
    let hidden = |_| DirectoryRefused::UnknownApplication(id);
    managed(books, caller, application.directory).map_err(hidden)?;
    Ok(application)
}

/// A group of a directory that somebody manages.
fn managed_group<'a>(books: &'a Books, caller: &Caller, id: ObjectId) -> Result<&'a Group, Error> {
    let group = books.known_group(id)?;
    let hidden = |_| DirectoryRefused::UnknownGroup(id);
    managed(books, caller, group.directory).map_err(hidden)?;
    Ok(group)
}

impl App {
    /// Creates a directory. Operators alone choose its id, or make one of a tenant that an issuer elsewhere speaks for: whose
    /// directory it is, is who can be anybody in it.
    ///
    /// # Errors
    /// `AuthorizationFailed`, or [`DirectoryRefused`]: for an owner that the caller does not manage as for one that is not
    /// there. Or as the store.
    pub async fn create_directory(&self, caller: &Caller, new: NewDirectory) -> Result<Directory, Error> {
        let random = TenantId::from_uuid(self.random.uuid());
        self.change(caller, |books| {
            demand_owner(books, caller, new.owner)?;
            let NewDirectory {
                id,
                name,
                domain,
                owner,
            } = new.clone();
            if id.is_some() {
                demand_operator(
                    books,
                    caller,
                    "only operators choose the id of a directory. Leave it out.",
                )?;
            }
            let id = id.or_else(|| first_tenant(books, owner)).unwrap_or(random);
            self.demand_claim(books, caller, id)?;
            let directory = Directory {
                id,
                name,
                domain,
                owner,
            };
            let entry = books.create_directory(directory.clone())?;
            Ok((vec![entry], directory))
        })
        .await
    }

    /// Whether the caller may make a tenant somebody's here.
    pub(crate) fn demand_claim(&self, books: &Books, caller: &Caller, tenant: TenantId) -> Result<(), Error> {
        if !self.directories_elsewhere.contains(&tenant) {
            return Ok(());
        }
        let what = "only operators give somebody a tenant that an issuer elsewhere speaks for. Have one of them do this.";
        demand_operator(books, caller, what)
    }

    /// A directory that the caller manages.
    ///
    /// # Errors
    /// `DirectoryNotFound`.
    pub fn directory(&self, caller: &Caller, id: TenantId) -> Result<Directory, Error> {
        self.read(|books| managed(books, caller, id).cloned())
    }

    /// The directories that the caller manages, by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn directories(&self, caller: &Caller, after: Option<TenantId>, limit: usize) -> Vec<Directory> {
        self.read(|books| {
            let view = view_of(books, caller);
            let rest = books
                .directories()
                .all()
                .filter(|it| after.is_none_or(|after| it.id > after));
            let managed = rest.filter(|it| books.manages(&view, it.owner));
            managed.take(limit).cloned().collect()
        })
    }

    /// The directory that has this id or this domain, in whatever way it is written: for where clients name the
    /// directory that they sign in to. Nothing about it is secret but who is in it.
    #[must_use]
    pub fn directory_named(&self, id_or_domain: &str) -> Option<Directory> {
        self.read(|books| {
            let directories = books.directories();
            match id_or_domain.parse() {
                Ok(id) => directories.directory(id).cloned(),
                Err(_) => directories
                    .directory_by_domain(&id_or_domain.parse().ok()?)
                    .cloned(),
            }
        })
    }

    /// The name of an application, for the page on which somebody signs in to it. Its id is no secret.
    #[must_use]
    pub fn application_name(&self, id: ApplicationId) -> Option<String> {
        self.read(|books| {
            let application = books.directories().application(id);
            application.map(|application| application.name.clone())
        })
    }

    /// The directory that the caller is in, if it is kept here.
    #[must_use]
    pub fn own_directory(&self, caller: &Caller) -> Option<Directory> {
        let Caller::Principal(principal) = caller else {
            return None;
        };
        self.read(|books| books.directories().directory(principal.tenant).cloned())
    }
}

/// Whether the caller manages what belongs to an owner. An owner that it does not see does not exist.
fn demand_owner(books: &Books, caller: &Caller, owner: DirectoryOwner) -> Result<(), Error> {
    let view = view_of(books, caller);
    if books.manages(&view, owner) {
        return Ok(());
    }
    let partner = books.partner_of(owner);
    match caller {
        Caller::Principal(principal) if partner.is_some_and(|it| view.sees_partner(it)) => {
            Err(agents_only(principal))
        }
        _ => Err(DirectoryRefused::UnknownOwner.into()),
    }
}

fn demand_operator(books: &Books, caller: &Caller, what: &str) -> Result<(), Error> {
    match caller {
        Caller::Principal(principal) if !view_of(books, caller).everything => {
            Err(chosen_by_operators(principal, what))
        }
        _ => Ok(()),
    }
}

fn first_tenant(books: &Books, owner: DirectoryOwner) -> Option<TenantId> {
    match owner {
        DirectoryOwner::Customer(customer) => books.customer(customer)?.tenants.first().copied(),
        DirectoryOwner::Platform | DirectoryOwner::Partner(_) => None,
    }
}

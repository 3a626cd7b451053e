//! Who is behind an id or a name: for whoever gives a role to somebody, or reads to whom roles were given.
//!
//! The accounts of a directory exist for everybody who is in it and for whoever manages it. They are found by what
//! somebody has to know already, and never listed, so that nobody learns here who else there is.

use domain::books::{Books, DirectoryObject};
use domain::identity::UserName;
use domain::ids::{ApplicationId, ObjectId};

use super::managed;
use crate::App;
use crate::access::Caller;

/// An account, as far as others are told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its object in the directory: what roles are given to.
    pub id: ObjectId,
    /// Its name, for people.
    pub name: String,
    /// What it is.
    pub kind: AccountKind,
}

/// What an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKind {
    /// A person, who signs in with this name.
    User(UserName),
    /// What this application acts as.
    ServicePrincipal(ApplicationId),
    /// A group.
    Group,
}

impl From<DirectoryObject<'_>> for Account {
    fn from(object: DirectoryObject<'_>) -> Self {
        match object {
            DirectoryObject::User(user) => Self {
                id: user.id,
                name: user.display_name.clone(),
                kind: AccountKind::User(user.name.clone()),
            },
            DirectoryObject::ServicePrincipal(application) => Self {
                id: application.service_principal,
                name: application.name.clone(),
                kind: AccountKind::ServicePrincipal(application.id),
            },
            DirectoryObject::Group(group) => Self {
                id: group.id,
                name: group.name.clone(),
                kind: AccountKind::Group,
            },
        }
    }
}

impl App {
    /// The user who signs in with this name, if it exists for the caller.
    #[must_use]
    pub fn user_named(&self, caller: &Caller, name: &UserName) -> Option<Account> {
        self.account(caller, |books| {
            books.directories().user_by_name(name).map(DirectoryObject::User)
        })
    }

    /// What an application acts as, if it exists for the caller.
    #[must_use]
    pub fn service_principal_of(&self, caller: &Caller, application: ApplicationId) -> Option<Account> {
        self.account(caller, |books| {
            let application = books.directories().application(application);
            application.map(DirectoryObject::ServicePrincipal)
        })
    }

    /// The account with this object, if it exists for the caller.
    #[must_use]
    pub fn account_of(&self, caller: &Caller, id: ObjectId) -> Option<Account> {
        self.account(caller, |books| books.directories().object(id))
    }

    fn account(
        &self,
        caller: &Caller,
        find: impl FnOnce(&Books) -> Option<DirectoryObject<'_>>,
    ) -> Option<Account> {
        self.read(|books| {
            let found = find(books)?;
            let directory = found.directory();
            let is_own = matches!(caller, Caller::Principal(principal) if principal.tenant == directory);
            (is_own || managed(books, caller, directory).is_ok()).then(|| found.into())
        })
    }
}

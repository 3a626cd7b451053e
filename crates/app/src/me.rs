//! Who a caller is, and what others are called.

use std::sync::Arc;

use domain::authorization::{PartnerRole, RoleAssignment, RoleDefinition};
use domain::books::{Books, DirectoryObject};
use domain::ids::ObjectId;

use crate::App;
use crate::access::{Caller, View, view_of};

/// What a caller was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The groups that it belongs to, with the names of those that are kept here.
    pub groups: Vec<(ObjectId, Option<String>)>,
    /// Its partner roles, those of its groups too, each once.
    pub partner_roles: Vec<PartnerRole>,
    /// The roles that it or one of its groups has at scopes.
    pub roles: Vec<(RoleAssignment, Arc<RoleDefinition>)>,
}

impl App {
    /// What the caller was given. An operator's credential was given nothing: it may do everything.
    #[must_use]
    pub fn given(&self, caller: &Caller) -> Given {
        let Caller::Principal(principal) = caller else {
            return Given::default();
        };
        self.read(|books| {
            let (directories, roles) = (books.directories(), books.roles());
            let all = || principal.groups.iter().chain([&principal.id]);
            let name = |id| directories.group(id).map(|group| group.name.clone());
            let mut partner_roles: Vec<PartnerRole> = all()
                .flat_map(|id| roles.partner_roles_of(*id))
                .map(|given| given.role)
                .collect();
            partner_roles.sort_unstable();
            partner_roles.dedup();
            let assigned = all().flat_map(|id| roles.assignments_of(*id));
            Given {
                groups: principal.groups.iter().map(|id| (*id, name(*id))).collect(),
                partner_roles,
                roles: assigned
                    .filter_map(|it| Some((it.clone(), Arc::clone(roles.definition(it.role)?))))
                    .collect(),
            }
        })
    }

    /// The name of the partner or customer that a partner role is about.
    #[must_use]
    pub fn subject_name(&self, role: PartnerRole) -> Option<String> {
        self.read(|books| match role {
            PartnerRole::PlatformOperator => None,
            PartnerRole::AdminAgent(id) => books.partner(id).map(|it| it.name.clone()),
            PartnerRole::CustomerUser(id) => books.customer(id).map(|it| it.name.clone()),
        })
    }

    /// The name of somebody who acts here, where the caller may know it: its own, those of the directories that it
    /// manages, and for the platform's operators those of all.
    #[must_use]
    pub fn name_of(&self, caller: &Caller, id: ObjectId) -> Option<String> {
        match caller {
            Caller::Principal(principal) if principal.id == id => Some(principal.name.clone()),
            _ => self.read(|books| name_of(books, &view_of(books, caller), id)),
        }
    }
}

/// The name of somebody who acts here, where whoever has this view may know it.
pub(crate) fn name_of(books: &Books, view: &View, id: ObjectId) -> Option<String> {
    if let Some(former) = books.directories().former_object(id) {
        return books.manages(view, former.owner).then(|| former.name.clone());
    }
    let Some(object) = books.directories().object(id) else {
        let mut operators = books.operators().filter(|_| view.everything);
        let found = operators.find(|it| it.operator.id.as_bytes() == id.as_bytes());
        return found.map(|it| it.operator.name.clone());
    };
    let directory = books.directories().directory(object.directory())?;
    if !books.manages(view, directory.owner) {
        return None;
    }
    Some(match object {
        DirectoryObject::User(user) => user.name.to_string(),
        DirectoryObject::ServicePrincipal(application) => application.name.clone(),
        DirectoryObject::Group(group) => group.name.clone(),
    })
}

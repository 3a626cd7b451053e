//! People and programs of the house, and what they were given.

use app::access::{Caller, Principal};
use app::identity::{NewApplication, NewDirectory, NewUser, Proof, SignInRefused, SignedIn};
use app::{Error, Kind};
use domain::authorization::{PartnerRole, PrincipalKind, Scope};
use domain::books::AssignRole;
use domain::identity::{Application, Directory, DirectoryOwner, User};
use domain::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId, TenantId};
use domain::registration::BillingModel;

use crate::house::{House, SHARED, address, operator};

pub(crate) const PASSWORD: &str = "correct horse battery";

impl House {
    pub(crate) async fn directory(&self, domain: &str, owner: DirectoryOwner) -> Directory {
        let new = NewDirectory {
            id: None,
            name: domain.to_owned(),
            domain: domain.parse().unwrap(),
            owner,
        };
        self.app().create_directory(&operator(), new).await.unwrap()
    }

    pub(crate) async fn user(&self, directory: &Directory, name: &str) -> User {
        let new = NewUser {
            directory: directory.id,
            name: format!("{name}@{}", directory.domain).parse().unwrap(),
            display_name: name.to_owned(),
            password: PASSWORD.to_owned(),
        };
        self.app().create_user(&operator(), new).await.unwrap()
    }

    pub(crate) async fn application(&self, directory: TenantId, name: &str) -> Application {
        let new = NewApplication {
            directory,
            name: name.to_owned(),
            id: None,
        };
        self.app().create_application(&operator(), new).await.unwrap()
    }

    /// A program in a directory of the platform's own, as it calls after it signed in with its secret.
    pub(crate) async fn program(&self, name: &str) -> Caller {
        let domain = format!("{name}.example");
        let directory = self.directory(&domain, DirectoryOwner::Platform).await;
        let app = self.app();
        let application = self.application(directory.id, name).await;
        let expires = "2030-01-01T00:00:00Z".parse().unwrap();
        let secret = app
            .add_secret(&operator(), application.id, expires)
            .await
            .unwrap();
        let proof = Proof::Secret(&secret.text);
        let signed_in = app.sign_in_application(None, application.id, &proof).unwrap();
        Caller::Principal(signed_in.principal)
    }

    pub(crate) async fn signs_in(&self, name: &str, password: &str) -> Result<SignedIn, SignInRefused> {
        let peer = [192, 0, 2, 1].into();
        self.app().sign_in_user(None, name, password, None, peer).await
    }

    /// Somebody is given a role at a scope.
    pub(crate) async fn give(&self, to: &Caller, role: RoleDefinitionId, scope: &Scope) -> RoleAssignmentId {
        let request = AssignRole {
            id: RoleAssignmentId::from_uuid(self.app().random().uuid()),
            scope: scope.clone(),
            role,
            principal: to.id(),
            principal_kind: None,
        };
        self.app().assign_role(&operator(), &request).await.unwrap();
        request.id
    }

    pub(crate) async fn give_partner_role(&self, to: &Caller, role: PartnerRole) {
        self.app()
            .assign_partner_role(&operator(), role, to.id(), None)
            .await
            .unwrap();
    }
}

/// The same caller as it is now.
pub(crate) fn now(house: &House, id: ObjectId) -> Principal {
    let app = house.app();
    let user = app.user(&operator(), id).unwrap();
    let groups = app.groups(&operator(), user.directory, None, usize::MAX).unwrap();
    let of_user = groups.iter().filter(|group| group.members.contains(&id));
    Principal {
        id,
        kind: PrincipalKind::User,
        application: None,
        tenant: user.directory,
        name: user.name.to_string(),
        groups: of_user.map(|group| group.id).collect(),
    }
}

pub(crate) const READ: &str = "Microsoft.AzureStack/registrations/read";
pub(crate) const WRITE: &str = "Microsoft.AzureStack/registrations/write";

pub(crate) fn group() -> Scope {
    Scope::ResourceGroup(SHARED, address().resource_group)
}

pub(crate) fn registration() -> Scope {
    Scope::registration(SHARED, &address().resource_group, &address().name)
}

pub(crate) async fn registered() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house
}

pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (Kind, &'static str) {
    let error = outcome.unwrap_err();
    (error.kind, error.code)
}

pub(crate) const NOT_FOUND: (Kind, &str) = (Kind::NotFound, "SubscriptionNotFound");
pub(crate) const FAILED: (Kind, &str) = (Kind::Forbidden, "AuthorizationFailed");

use super::*;
use crate::authorization::PrincipalKind;
use crate::books::tests::{books, enter};
use crate::books::{DirectoryEntry, Entry, Operator, RoleEntry};
use crate::identity::{ClientSecret, Directory, DirectoryOwner, Group, PasswordHash, User};
use crate::ids::{OperatorId, TenantId};

const HOME: TenantId = TenantId::from_bytes([50; 16]);
const ONE: ObjectId = ObjectId::from_bytes([61; 16]);
const TWO: ObjectId = ObjectId::from_bytes([62; 16]);
const GROUP: ObjectId = ObjectId::from_bytes([63; 16]);
const PROGRAM: ObjectId = ObjectId::from_bytes([64; 16]);
const APPLICATION: ApplicationId = ApplicationId::from_bytes([65; 16]);
const LAST: &str = "LastPlatformOperator";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn now() -> Timestamp {
    at(1_000)
}

fn with(mut books: Books, entries: impl IntoIterator<Item = impl Into<Entry>>) -> Books {
    for entry in entries {
        enter(&mut books, &entry.into()).unwrap();
    }
    books
}

fn user(id: ObjectId) -> User {
    User {
        id,
        directory: HOME,
        name: format!("u{}@platform.example", id.as_bytes()[0]).parse().unwrap(),
        display_name: "Anna".to_owned(),
        password: PasswordHash::from_phc(String::new()),
        enabled: true,
    }
}

fn operates(principal: ObjectId) -> RoleEntry {
    RoleEntry::PartnerRoleAssigned {
        role: PartnerRole::PlatformOperator,
        principal,
        principal_kind: PrincipalKind::User,
    }
}

/// The platform's directory with two users, a group and an application, all without roles.
fn platform() -> Books {
    let directory = Directory {
        id: HOME,
        name: "Platform".to_owned(),
        domain: "platform.example".parse().unwrap(),
        owner: DirectoryOwner::Platform,
    };
    let name = "x".to_owned();
    with(
        books(&[]),
        [
            DirectoryEntry::DirectoryCreated(directory),
            DirectoryEntry::UserCreated(user(ONE)),
            DirectoryEntry::UserCreated(user(TWO)),
            DirectoryEntry::GroupCreated {
                id: GROUP,
                directory: HOME,
                name: name.clone(),
            },
            DirectoryEntry::ApplicationCreated {
                id: APPLICATION,
                service_principal: PROGRAM,
                directory: HOME,
                name,
            },
        ],
    )
}

fn joins(member: ObjectId) -> DirectoryEntry {
    DirectoryEntry::MemberAdded { group: GROUP, member }
}

fn secret(number: u8, expires: i64) -> DirectoryEntry {
    DirectoryEntry::SecretAdded {
        application: APPLICATION,
        secret: ClientSecret {
            id: CredentialId::from_bytes([number; 16]),
            digest: [number; 32],
            expires: at(expires),
        },
    }
}

fn group(books: &Books) -> Group {
    books.known_group(GROUP).unwrap().clone()
}

#[test]
fn nobody_locks_everybody_out_of_the_platform_by_deleting_the_last_operator() {
    let alone = with(platform(), [operates(ONE)]);
    let refused = alone.delete_user(&user(ONE), now()).unwrap_err();
    assert_eq!(refused.code(), LAST);
    assert!(
        refused
            .to_string()
            .starts_with("Nobody else operates the platform."),
        "{refused}"
    );
    assert!(
        alone.delete_user(&user(TWO), now()).is_ok(),
        "it operates nothing"
    );
    let both = with(alone.clone(), [operates(TWO)]);
    assert!(both.delete_user(&user(ONE), now()).is_ok());
    let disabled = DirectoryEntry::UserEnabledSet {
        user: TWO,
        enabled: false,
    };
    let other_is_disabled = with(both, [disabled]);
    let refused = other_is_disabled.delete_user(&user(ONE), now()).unwrap_err();
    assert_eq!(refused.code(), LAST);
    assert!(other_is_disabled.delete_user(&user(TWO), now()).is_ok());
    let operator = Operator {
        id: OperatorId::from_bytes([70; 16]),
        name: "at the machine".to_owned(),
        credential_digest: [1; 32],
    };
    let with_credential = with(alone, [Entry::OperatorAdmitted(operator)]);
    assert!(with_credential.delete_user(&user(ONE), now()).is_ok());
    let operator = OperatorId::from_bytes([70; 16]);
    let revoked = with(with_credential, [Entry::OperatorRevoked { operator }]);
    assert_eq!(revoked.delete_user(&user(ONE), now()).unwrap_err().code(), LAST);
}

#[test]
fn nobody_locks_everybody_out_of_the_platform_by_emptying_the_operators_group() {
    let alone = with(with(platform(), [joins(ONE)]), [operates(GROUP)]);
    assert_eq!(
        alone.delete_group(&group(&alone), now()).unwrap_err().code(),
        LAST
    );
    let refused = alone.remove_member(GROUP, ONE, now()).unwrap_err();
    assert_eq!((refused.code(), refused.target()), (LAST, None));
    assert_eq!(
        alone.remove_member(GROUP, TWO, now()),
        Ok(None),
        "it is in no group"
    );
    let both = with(alone.clone(), [joins(TWO)]);
    assert!(both.remove_member(GROUP, ONE, now()).is_ok());
    let by_itself_too = with(alone, [operates(ONE)]);
    assert!(by_itself_too.remove_member(GROUP, ONE, now()).is_ok());
    let role = PartnerRole::PlatformOperator;
    assert!(
        by_itself_too.unassign_partner_role(role, ONE, now()).is_ok(),
        "the group has it"
    );
}

#[test]
fn nobody_locks_everybody_out_of_the_platform_by_removing_the_last_secret_of_the_program_that_operates_it() {
    let alone = with(with(platform(), [secret(1, 2_000)]), [operates(PROGRAM)]);
    let first = CredentialId::from_bytes([1; 16]);
    let remove = |books: &Books| books.remove_credential(APPLICATION, first, now());
    assert_eq!(remove(&alone).unwrap_err().code(), LAST);
    let expired = with(alone.clone(), [secret(2, 1_000)]);
    assert_eq!(
        remove(&expired).unwrap_err().code(),
        LAST,
        "the other one is good no more"
    );
    let with_another = with(alone, [secret(2, 1_001)]);
    assert!(remove(&with_another).is_ok());
    let operated_otherwise = with(
        with(platform(), [secret(1, 2_000)]),
        [operates(PROGRAM), operates(ONE)],
    );
    assert!(remove(&operated_otherwise).is_ok());
}

#[test]
fn a_program_that_cannot_sign_in_does_not_stand_in_for_the_last_operator() {
    let without_secret = with(platform(), [operates(PROGRAM), operates(ONE)]);
    let refused = without_secret.delete_user(&user(ONE), now()).unwrap_err();
    assert_eq!(refused.code(), LAST);
    let with_secret = with(without_secret, [secret(1, 2_000)]);
    assert!(with_secret.delete_user(&user(ONE), now()).is_ok());
}

#[test]
fn who_was_deleted_does_not_stand_in_for_the_last_operator() {
    let gone = with(platform(), [DirectoryEntry::UserDeleted { user: TWO }]);
    // As an earlier version entered it.
    let books = with(gone, [operates(ONE), operates(TWO)]);
    assert_eq!(books.delete_user(&user(ONE), now()).unwrap_err().code(), LAST);
    let elsewhere = with(books, [operates(ObjectId::from_bytes([99; 16]))]);
    assert!(
        elsewhere.delete_user(&user(ONE), now()).is_ok(),
        "somebody of a directory kept elsewhere"
    );
}

use super::super::{Books, Contradiction, Entry, Limit, LimitReached, RoleEntry};
use super::*;
use crate::identity::DirectoryOwner;
use crate::ids::{CustomerId, PartnerId};
use crate::partner::{Customer, Partner, PartnerKind};
use crate::time::Timestamp;

const HOME: TenantId = TenantId::from_bytes([1; 16]);
const TENANT: TenantId = TenantId::from_bytes([2; 16]);
const PARTNER: PartnerId = PartnerId::from_bytes([3; 16]);
const CUSTOMER: CustomerId = CustomerId::from_bytes([4; 16]);
const ANNA: ObjectId = ObjectId::from_bytes([5; 16]);
const APPLICATION: ApplicationId = ApplicationId::from_bytes([6; 16]);
const SERVICE: ObjectId = ObjectId::from_bytes([7; 16]);
const GROUP: ObjectId = ObjectId::from_bytes([8; 16]);
const CREDENTIAL: CredentialId = CredentialId::from_bytes([9; 16]);

fn enter(books: &mut Books, entry: impl Into<Entry>) -> Result<(), Contradiction> {
    let entry_number = books.entries() + 1;
    let at = at(i64::try_from(entry_number).unwrap());
    let recorded = Recorded {
        entry: entry_number,
        at,
        by: ObjectId::from_bytes([0; 16]),
    };
    books.apply(&entry.into(), recorded)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn directory() -> Directory {
    Directory {
        id: HOME,
        name: "Fabrikam".to_owned(),
        domain: "fabrikam.example".parse().unwrap(),
        owner: DirectoryOwner::Partner(PARTNER),
    }
}

fn anna() -> User {
    User {
        id: ANNA,
        directory: HOME,
        name: "anna@fabrikam.example".parse().unwrap(),
        display_name: "Anna".to_owned(),
        password: PasswordHash::from_phc("$argon2id$one".to_owned()),
        enabled: true,
    }
}

fn secret(expires: i64) -> ClientSecret {
    ClientSecret {
        id: CREDENTIAL,
        digest: [1; 32],
        expires: at(expires),
    }
}

fn certificate(number: u8) -> ClientCertificate {
    ClientCertificate {
        id: CredentialId::from_bytes([number; 16]),
        sha256: [number; 32],
        sha1: [number; 20],
        public_key: vec![number],
        not_before: None,
        expires: at(1_000),
    }
}

/// A partner with a directory, in it a user, an application and a group; and a customer.
fn books() -> Books {
    let mut books = Books::default();
    let partner = Partner {
        id: PARTNER,
        name: "Fabrikam".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    let customer = Customer {
        id: CUSTOMER,
        partner: PARTNER,
        name: "Contoso".to_owned(),
        tenants: vec![TENANT],
    };
    enter(&mut books, Entry::PartnerCreated(partner)).unwrap();
    enter(&mut books, Entry::CustomerCreated(customer)).unwrap();
    let entry = books.create_directory(directory()).unwrap();
    enter(&mut books, entry).unwrap();
    let entry = books.create_user(anna()).unwrap();
    enter(&mut books, entry).unwrap();
    let application = books
        .create_application(APPLICATION, SERVICE, HOME, "registrar")
        .unwrap();
    enter(&mut books, application).unwrap();
    let group = books.create_group(GROUP, HOME, "Registrars").unwrap();
    enter(&mut books, group).unwrap();
    books
}

#[test]
fn everybody_is_found_by_what_a_client_says() {
    let books = books();
    let directories = books.directories();
    assert_eq!(
        directories.user_by_name(&"ANNA@fabrikam.example".parse().unwrap()),
        Some(&anna())
    );
    assert_eq!(
        directories.directory_by_domain(&"Fabrikam.example".parse().unwrap()),
        Some(&directory())
    );
    assert_eq!(
        directories.application(APPLICATION).unwrap().service_principal,
        SERVICE
    );
    for (id, kind) in [
        (ANNA, PrincipalKind::User),
        (SERVICE, PrincipalKind::ServicePrincipal),
        (GROUP, PrincipalKind::Group),
    ] {
        let object = directories.object(id).unwrap();
        assert_eq!((object.kind(), object.directory()), (kind, HOME));
    }
}

#[test]
fn what_is_not_free_or_does_not_fit_is_refused() {
    use DirectoryRefused::{
        DomainDiffers, DomainTaken, IdTaken, Name, OwnerIsNotTenant, UnknownDirectory, UnknownOwner,
        UserNameTaken,
    };
    let books = books();
    let new = || Directory {
        id: TENANT,
        domain: "contoso.example".parse().unwrap(),
        ..directory()
    };
    let of_customer = DirectoryOwner::Customer(CUSTOMER);
    for (new, refused) in [
        (
            Directory {
                name: " ".to_owned(),
                ..new()
            },
            Name("name"),
        ),
        (Directory { id: HOME, ..new() }, IdTaken(HOME.to_string())),
        (
            Directory {
                domain: directory().domain,
                ..new()
            },
            DomainTaken("fabrikam.example".to_owned()),
        ),
        (
            Directory {
                owner: DirectoryOwner::Partner(PartnerId::from_bytes([9; 16])),
                ..new()
            },
            UnknownOwner,
        ),
        (new(), OwnerIsNotTenant(TENANT)),
        (
            Directory {
                id: TenantId::from_bytes([9; 16]),
                owner: of_customer,
                ..new()
            },
            OwnerIsNotTenant(TenantId::from_bytes([9; 16])),
        ),
    ] {
        assert_eq!(books.create_directory(new), Err(refused));
    }
    assert!(
        books
            .create_directory(Directory {
                owner: of_customer,
                ..new()
            })
            .is_ok()
    );
    let otto = || User {
        id: ObjectId::from_bytes([9; 16]),
        name: "otto@fabrikam.example".parse().unwrap(),
        ..anna()
    };
    for (user, refused) in [
        (
            User {
                directory: TENANT,
                ..otto()
            },
            UnknownDirectory(TENANT),
        ),
        (
            User {
                name: "otto@contoso.example".parse().unwrap(),
                ..otto()
            },
            DomainDiffers("fabrikam.example".to_owned()),
        ),
        (
            User {
                name: anna().name,
                ..otto()
            },
            UserNameTaken("anna@fabrikam.example".to_owned()),
        ),
        (
            User {
                id: SERVICE,
                ..otto()
            },
            IdTaken(SERVICE.to_string()),
        ),
        (
            User {
                display_name: String::new(),
                ..otto()
            },
            Name("displayName"),
        ),
    ] {
        assert_eq!(books.create_user(user), Err(refused));
    }
    assert!(books.create_user(otto()).is_ok());
    assert_eq!(
        books.create_application(APPLICATION, ObjectId::from_bytes([9; 16]), HOME, "x"),
        Err(IdTaken(APPLICATION.to_string()))
    );
    assert_eq!(
        books.create_group(ANNA, HOME, "x"),
        Err(IdTaken(ANNA.to_string()))
    );
}

#[test]
fn a_partners_directory_does_not_become_a_customers_tenant() {
    use super::super::Refused;
    let customer = Customer {
        id: CustomerId::from_bytes([9; 16]),
        partner: PARTNER,
        name: "Tailspin".to_owned(),
        tenants: vec![HOME],
    };
    assert_eq!(books().create_customer(customer), Err(Refused::TenantTaken(HOME)));
}

#[test]
fn a_change_of_password_or_of_being_enabled_voids_earlier_sign_ins_and_nothing_else_does() {
    let mut books = books();
    let first = books.directories().sign_ins_since(ANNA).unwrap();
    enter(
        &mut books,
        DirectoryEntry::MemberAdded {
            group: GROUP,
            member: ANNA,
        },
    )
    .unwrap();
    assert_eq!(books.directories().sign_ins_since(ANNA), Some(first));
    let password = PasswordHash::from_phc("$argon2id$two".to_owned());
    enter(
        &mut books,
        DirectoryEntry::PasswordSet {
            user: ANNA,
            password: password.clone(),
        },
    )
    .unwrap();
    let second = books.directories().sign_ins_since(ANNA).unwrap();
    assert!(second > first);
    assert_eq!(books.directories().user(ANNA).unwrap().password, password);
    enter(
        &mut books,
        DirectoryEntry::UserEnabledSet {
            user: ANNA,
            enabled: false,
        },
    )
    .unwrap();
    assert!(books.directories().sign_ins_since(ANNA).unwrap() > second);
    assert!(!books.directories().user(ANNA).unwrap().enabled);
}

#[test]
fn an_application_that_was_disabled_for_an_hour_does_not_get_back_what_it_was_given_before() {
    let mut books = books();
    let program = books.directories().application(APPLICATION).unwrap();
    let program = program.service_principal;
    let first = books.directories().sign_ins_since(program).unwrap();
    for enabled in [false, true] {
        enter(
            &mut books,
            DirectoryEntry::ApplicationEnabledSet {
                application: APPLICATION,
                enabled,
            },
        )
        .unwrap();
    }
    assert!(books.directories().sign_ins_since(program).unwrap() > first);
}

#[test]
fn credentials_come_and_go_and_are_limited() {
    let mut books = books();
    assert_eq!(
        books.add_secret(APPLICATION, secret(9), at(9)),
        Err(DirectoryRefused::Expired)
    );
    let added = books.add_secret(APPLICATION, secret(9), at(8)).unwrap();
    enter(&mut books, added).unwrap();
    let added = books.add_certificate(APPLICATION, certificate(1), at(8)).unwrap();
    enter(&mut books, added).unwrap();
    let same = ClientCertificate {
        id: CredentialId::from_bytes([99; 16]),
        ..certificate(1)
    };
    assert!(matches!(
        books.add_certificate(APPLICATION, same, at(8)),
        Err(DirectoryRefused::CertificateKnown { .. })
    ));
    for number in 2..20 {
        let added = books
            .add_certificate(APPLICATION, certificate(number), at(8))
            .unwrap();
        enter(&mut books, added).unwrap();
    }
    let more = books.add_secret(APPLICATION, secret(9), at(8));
    assert_eq!(
        more,
        Err(DirectoryRefused::TooMany(LimitReached(
            Limit::CredentialsOfApplication
        )))
    );
    let removed = books.remove_credential(APPLICATION, CREDENTIAL, at(8)).unwrap();
    enter(&mut books, removed).unwrap();
    assert!(
        books
            .directories()
            .application(APPLICATION)
            .unwrap()
            .secrets
            .is_empty()
    );
    let again = books.remove_credential(APPLICATION, CREDENTIAL, at(8));
    assert_eq!(again, Err(DirectoryRefused::UnknownCredential(CREDENTIAL)));
}

#[test]
fn a_group_has_users_and_service_principals_of_its_directory_and_no_others() {
    let mut books = books();
    for (member, fits) in [
        (ANNA, true),
        (SERVICE, true),
        (GROUP, false),
        (ObjectId::from_bytes([99; 16]), false),
    ] {
        assert_eq!(books.add_member(GROUP, member).is_ok(), fits, "{member}");
    }
    let added = books.add_member(GROUP, ANNA).unwrap().unwrap();
    enter(&mut books, added).unwrap();
    assert_eq!(books.add_member(GROUP, ANNA), Ok(None));
    assert_eq!(books.directories().groups_of(ANNA), [GROUP].into());
    let removed = books.remove_member(GROUP, ANNA, at(8)).unwrap().unwrap();
    enter(&mut books, removed).unwrap();
    assert_eq!(books.remove_member(GROUP, ANNA, at(8)), Ok(None));
    assert!(books.directories().groups_of(ANNA).is_empty());
}

#[test]
fn a_journal_that_contradicts_itself_is_noticed() {
    let unknown = ObjectId::from_bytes([99; 16]);
    let books = books();
    let contradictions: [Entry; 8] = [
        DirectoryEntry::DirectoryCreated(directory()).into(),
        DirectoryEntry::UserCreated(anna()).into(),
        DirectoryEntry::UserCreated(User {
            id: unknown,
            directory: TENANT,
            ..anna()
        })
        .into(),
        DirectoryEntry::UserEnabledSet {
            user: unknown,
            enabled: true,
        }
        .into(),
        DirectoryEntry::SecretAdded {
            application: ApplicationId::from_bytes([99; 16]),
            secret: secret(9),
        }
        .into(),
        DirectoryEntry::GroupCreated {
            id: ANNA,
            directory: HOME,
            name: "x".to_owned(),
        }
        .into(),
        DirectoryEntry::MemberAdded {
            group: unknown,
            member: ANNA,
        }
        .into(),
        DirectoryEntry::ApplicationCreated {
            id: APPLICATION,
            service_principal: unknown,
            directory: HOME,
            name: "x".to_owned(),
        }
        .into(),
    ];
    for entry in contradictions {
        let mut books = books.clone();
        let before = books.entries();
        assert!(enter(&mut books, entry.clone()).is_err(), "{entry:?}");
        assert_eq!(books.entries(), before);
    }
}

#[test]
fn a_password_hash_is_not_shown() {
    assert!(!format!("{:?}", anna()).contains("argon2id"));
}

#[test]
fn who_was_deleted_signs_in_no_more_and_neither_comes_back_nor_leaves_its_rights_to_others() {
    use crate::authorization::{PartnerRole, PrincipalKind, View};
    let mut books = books();
    let given = |principal| RoleEntry::PartnerRoleAssigned {
        role: PartnerRole::AdminAgent(PARTNER),
        principal,
        principal_kind: PrincipalKind::User,
    };
    for entry in [given(ANNA), given(SERVICE), given(GROUP)] {
        enter(&mut books, entry).unwrap();
    }
    let added = books.add_member(GROUP, ANNA).unwrap();
    added
        .into_iter()
        .for_each(|added| enter(&mut books, added).unwrap());
    let home = books.known_directory(HOME).unwrap().clone();
    assert_eq!(books.delete_directory(&home).unwrap_err().code(), "UsersRemain");
    let user = books.known_user(ANNA).unwrap().clone();
    let deleted = books.delete_user(&user, at(8)).unwrap();
    enter(&mut books, deleted).unwrap();
    let directories = books.directories();
    assert!(directories.object(ANNA).is_none() && directories.user_by_name(&user.name).is_none());
    assert!(directories.group(GROUP).unwrap().members.is_empty());
    assert_eq!(directories.sign_ins_since(ANNA), None);
    assert_eq!(
        directories.former_object(ANNA).unwrap().name,
        "anna@fabrikam.example"
    );
    assert_eq!(books.roles().partner_roles_of(ANNA).count(), 0);
    assert_eq!(books.create_user(user).unwrap_err().code(), "IdWasUsed");
    let another = User {
        id: ObjectId::from_bytes([77; 16]),
        ..anna()
    };
    assert!(
        books.create_user(another).is_ok(),
        "a name can be somebody else's"
    );

    assert_eq!(
        books.delete_directory(&home).unwrap_err().code(),
        "ApplicationsRemain"
    );
    let application = books.known_application(APPLICATION).unwrap().clone();
    let deleted = books.delete_application(&application, at(8)).unwrap();
    enter(&mut books, deleted).unwrap();
    let again = books.create_application(APPLICATION, ObjectId::from_bytes([78; 16]), HOME, "Nightly");
    assert_eq!(again.unwrap_err().code(), "IdWasUsed");
    assert_eq!(books.delete_directory(&home).unwrap_err().code(), "GroupsRemain");
    let group = books.known_group(GROUP).unwrap().clone();
    let deleted = books.delete_group(&group, at(8)).unwrap();
    enter(&mut books, deleted).unwrap();
    assert_eq!(books.roles().partner_roles().count(), 0);
    assert_eq!(
        books
            .delete_partner(PARTNER, &View::of_operator())
            .unwrap_err()
            .code(),
        "CustomersRemain"
    );
    let deleted = books.delete_directory(&home).unwrap();
    enter(&mut books, deleted).unwrap();
    assert!(books.directories().directory_by_domain(&home.domain).is_none());
    assert!(books.create_directory(home).is_ok(), "its id is a tenant's");
}

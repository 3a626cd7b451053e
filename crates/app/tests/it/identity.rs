//! Signing in, and managing who can.

use std::net::IpAddr;

use app::Kind;
use app::access::Caller;
use app::identity::{
    ExternalIdentity, NewDirectory, NewUser, Proof, SECRET_PREFIX, SignInRefused, SignedInApplication,
};
use domain::authorization::{PartnerRole, PrincipalKind};
use domain::identity::{ClientCertificate, DirectoryOwner, Thumbprint};
use domain::ids::{ApplicationId, CredentialId, CustomerId, ObjectId, TenantId};
use domain::partner::Customer;
use domain::registration::BillingModel;
use domain::time::Timestamp;

use crate::house::{CUSTOMER, House, PARTNER, TENANT, operator};
use crate::people::{FAILED, PASSWORD, now, refusal};

fn later() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

async fn house() -> House {
    House::built_at("2026-10-01T00:00:00Z").await
}

#[tokio::test]
async fn a_user_signs_in_with_its_password_and_with_nothing_else() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&directory, "anna").await;
    let signed_in = house.signs_in("Anna@Fabrikam.Example", PASSWORD).await.unwrap();
    let principal = &signed_in.principal;
    assert_eq!((principal.id, principal.tenant), (anna.id, directory.id));
    assert_eq!(
        (principal.kind, principal.client()),
        (PrincipalKind::User, "anna@fabrikam.example".to_owned())
    );
    for (name, password) in [
        ("anna@fabrikam.example", "correct horse batterY"),
        ("anna@fabrikam.example", ""),
        ("otto@fabrikam.example", PASSWORD),
        ("anna", PASSWORD),
        ("", PASSWORD),
    ] {
        assert_eq!(
            house.signs_in(name, password).await,
            Err(SignInRefused::Unproven),
            "{name}"
        );
    }
    let elsewhere = Some(TenantId::from_bytes([9; 16]));
    let (app, peer) = (house.app(), IpAddr::from([192, 0, 2, 7]));
    let refused = app
        .sign_in_user(elsewhere, "anna@fabrikam.example", PASSWORD, None, peer)
        .await;
    assert_eq!(refused, Err(SignInRefused::Unproven), "another directory");
    let endless = "x".repeat(1_000_000);
    assert_eq!(
        house.signs_in("anna@fabrikam.example", &endless).await,
        Err(SignInRefused::Unproven)
    );
    drop(app);
    let house = house.restarted().await;
    assert_eq!(
        house.signs_in("anna@fabrikam.example", PASSWORD).await,
        Ok(signed_in),
        "after a restart"
    );
}

#[tokio::test]
async fn who_tries_passwords_is_slowed_down_and_an_unknown_user_in_the_same_way() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    house.user(&directory, "anna").await;
    for name in ["anna@fabrikam.example", "nobody@fabrikam.example"] {
        for _ in 0..5 {
            assert_eq!(house.signs_in(name, "wrong").await, Err(SignInRefused::Unproven));
        }
        let slowed = house.signs_in(name, PASSWORD).await;
        assert_eq!(slowed, Err(SignInRefused::Slowed { seconds: 1 }), "{name}");
    }
    house.it_is("2026-10-01T00:00:01Z");
    assert!(house.signs_in("anna@fabrikam.example", PASSWORD).await.is_ok());
    assert!(house.signs_in("anna@fabrikam.example", "wrong").await.is_err());
    assert!(
        house.signs_in("anna@fabrikam.example", PASSWORD).await.is_ok(),
        "a success makes up for failures"
    );
}

#[tokio::test]
async fn many_wrong_passwords_at_once_are_not_all_free() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    house.user(&directory, "anna").await;
    let (app, peer) = (house.app(), IpAddr::from([192, 0, 2, 1]));
    let guesses: Vec<_> = (0..20)
        .map(|guess| {
            let app = app.clone();
            tokio::spawn(async move {
                let guess = format!("guess {guess}");
                app.sign_in_user(None, "anna@fabrikam.example", &guess, None, peer)
                    .await
            })
        })
        .collect();
    let mut checked = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            Err(SignInRefused::Unproven) => checked += 1,
            Err(SignInRefused::Slowed { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_changed_password_and_a_disabled_account_end_what_was_signed_in_before() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let anna = house.user(&directory, "anna").await;
    let app = house.app();
    let before = house.signs_in("anna@fabrikam.example", PASSWORD).await.unwrap();
    assert_eq!(app.renew(anna.id, None, before.since), Ok(before.clone()));
    app.set_password(&operator(), anna.id, "another password".to_owned())
        .await
        .unwrap();
    assert_eq!(
        app.renew(anna.id, None, before.since),
        Err(SignInRefused::Changed)
    );
    assert_eq!(
        house.signs_in("anna@fabrikam.example", PASSWORD).await,
        Err(SignInRefused::Unproven)
    );
    let after = house
        .signs_in("anna@fabrikam.example", "another password")
        .await
        .unwrap();
    app.set_user_enabled(&operator(), anna.id, false).await.unwrap();
    assert_eq!(app.renew(anna.id, None, after.since), Err(SignInRefused::Changed));
    let disabled = house.signs_in("anna@fabrikam.example", "another password").await;
    assert_eq!(disabled, Err(SignInRefused::Disabled));
    assert_eq!(
        house.signs_in("anna@fabrikam.example", PASSWORD).await,
        Err(SignInRefused::Unproven)
    );
    app.set_user_enabled(&operator(), anna.id, true).await.unwrap();
    assert!(
        house
            .signs_in("anna@fabrikam.example", "another password")
            .await
            .is_ok()
    );
    assert_eq!(
        app.renew(anna.id, None, after.since),
        Err(SignInRefused::Changed),
        "it does not come back"
    );
}

#[tokio::test]
async fn a_secret_is_shown_once_and_good_until_it_expires_or_is_removed() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let app = house.app();
    let application = house.application(directory.id, "registrar").await;
    let secret = app
        .add_secret(&operator(), application.id, later())
        .await
        .unwrap();
    assert!(
        secret.text.starts_with(SECRET_PREFIX) && secret.text.len() == 47,
        "256 bits"
    );
    assert!(!format!("{secret:?}").contains(&secret.text));
    let sign_in = |text: &str| app.sign_in_application(None, application.id, &Proof::Secret(text));
    let signed_in = sign_in(&secret.text).unwrap();
    let principal = &signed_in.principal;
    assert_eq!(
        (principal.id, principal.client()),
        (application.service_principal, application.id.to_string())
    );
    let since = |signed_in: &SignedInApplication| {
        app.application_signed_in(
            application.service_principal,
            signed_in.since,
            signed_in.credential,
        )
    };
    assert_eq!(since(&signed_in).as_ref(), Ok(principal));
    for wrong in ["", "mbs_", &secret.text.to_uppercase(), &secret.text[..46]] {
        assert_eq!(sign_in(wrong), Err(SignInRefused::Unproven));
    }
    let proof = Proof::Secret(&secret.text);
    let another = Some(TenantId::from_bytes([9; 16]));
    assert_eq!(
        app.sign_in_application(another, application.id, &proof),
        Err(SignInRefused::Unproven)
    );
    let unknown = ApplicationId::from_bytes([9; 16]);
    assert_eq!(
        app.sign_in_application(None, unknown, &proof),
        Err(SignInRefused::Unproven)
    );
    house.it_is("2027-01-01T00:00:00Z");
    assert_eq!(sign_in(&secret.text), Err(SignInRefused::Expired));
    house.it_is("2026-10-01T00:00:00Z");
    app.set_application_enabled(&operator(), application.id, false)
        .await
        .unwrap();
    assert_eq!(sign_in(&secret.text), Err(SignInRefused::Disabled));
    assert!(since(&signed_in).is_err());
    app.set_application_enabled(&operator(), application.id, true)
        .await
        .unwrap();
    let void = since(&signed_in).unwrap_err();
    assert_eq!(
        void.kind,
        Kind::Unauthenticated,
        "what was given before it was disabled stays void"
    );
    let again = sign_in(&secret.text).unwrap();
    let other = app
        .add_secret(&operator(), application.id, later())
        .await
        .unwrap();
    app.remove_credential(&operator(), application.id, secret.id)
        .await
        .unwrap();
    assert_eq!(sign_in(&secret.text), Err(SignInRefused::Unproven));
    assert!(since(&again).is_err(), "a token goes with the secret that leaked");
    let by_other = sign_in(&other.text).unwrap();
    assert!(since(&by_other).is_ok(), "and no other with it");
}

#[tokio::test]
async fn a_certificate_proves_an_application_only_by_what_was_signed_with_its_key() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let app = house.app();
    let application = house.application(directory.id, "registrar").await;
    let certificate = ClientCertificate {
        id: CredentialId::from_bytes([0; 16]),
        sha256: [2; 32],
        sha1: [1; 20],
        public_key: vec![7],
        not_before: Some("2026-10-01T00:10:00Z".parse().unwrap()),
        expires: later(),
    };
    app.add_certificate(&operator(), application.id, certificate)
        .await
        .unwrap();
    let sign_in = |thumbprint, good: bool| {
        let verify = move |certificate: &ClientCertificate| good && certificate.public_key == [7];
        app.sign_in_application(
            None,
            application.id,
            &Proof::Certificate {
                thumbprint,
                verify: &verify,
            },
        )
    };
    let before_its_time = sign_in(Thumbprint::Sha1([1; 20]), true);
    assert_eq!(before_its_time, Err(SignInRefused::NotYetValid));
    let not_even_proven = sign_in(Thumbprint::Sha1([1; 20]), false);
    assert_eq!(not_even_proven, Err(SignInRefused::Unproven));
    house.it_is("2026-10-01T00:05:00Z");
    assert!(sign_in(Thumbprint::Sha1([1; 20]), true).is_ok());
    assert!(sign_in(Thumbprint::Sha256([2; 32]), true).is_ok());
    for refused in [
        sign_in(Thumbprint::Sha1([1; 20]), false),
        sign_in(Thumbprint::Sha256([3; 32]), true),
    ] {
        assert_eq!(refused, Err(SignInRefused::Unproven));
    }
    house.it_is("2027-01-01T00:00:00Z");
    assert_eq!(
        sign_in(Thumbprint::Sha1([1; 20]), true),
        Err(SignInRefused::Expired)
    );
}

#[tokio::test]
async fn groups_count_as_they_are_now() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let anna = house.user(&directory, "anna").await;
    let app = house.app();
    let group = app
        .create_group(&operator(), directory.id, "Registrars")
        .await
        .unwrap();
    assert!(now(&house, anna.id).groups.is_empty());
    app.add_member(&operator(), group.id, anna.id).await.unwrap();
    assert_eq!(now(&house, anna.id).groups, [group.id].into());
    assert!(app.remove_member(&operator(), group.id, anna.id).await.unwrap());
    assert!(now(&house, anna.id).groups.is_empty());
}

#[tokio::test]
async fn an_issuer_elsewhere_cannot_speak_for_accounts_and_groups_that_are_kept_here() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let anna = house.user(&directory, "anna").await;
    let app = house.app();
    let group = app
        .create_group(&operator(), directory.id, "Operators")
        .await
        .unwrap();
    let night_shift = app.admit_operator("Night shift", [7; 32]).await.unwrap();
    house.register(BillingModel::PayAsYouUse).await;
    let registration = app.live_registrations()[0].id;
    let theirs = ObjectId::from_bytes([0xe1; 16]);
    let identity = ExternalIdentity {
        id: ObjectId::from_bytes([0xe0; 16]),
        kind: PrincipalKind::User,
        application: None,
        tenant: TenantId::from_bytes([0xe2; 16]),
        name: "eve@elsewhere.example".to_owned(),
        groups: [group.id, theirs].into(),
    };
    let principal = app.external_principal(identity.clone()).unwrap();
    assert_eq!(principal.groups, [theirs].into());
    for forged in [
        ExternalIdentity {
            id: anna.id,
            ..identity.clone()
        },
        ExternalIdentity {
            id: group.id,
            ..identity.clone()
        },
        ExternalIdentity {
            tenant: directory.id,
            ..identity.clone()
        },
        // What operators and stacks do is recorded under these ids.
        ExternalIdentity {
            id: ObjectId::from_uuid(night_shift.as_uuid()),
            ..identity.clone()
        },
        ExternalIdentity {
            id: ObjectId::from_uuid(registration.as_uuid()),
            ..identity
        },
    ] {
        assert_eq!(
            app.external_principal(forged).unwrap_err().kind,
            Kind::Unauthenticated
        );
    }
}

#[tokio::test]
async fn an_agent_manages_the_directories_of_its_partner_and_customers_and_knows_of_no_others() {
    let house = house().await;
    let app = house.app();
    let platform = house
        .directory("meterbridge.local", DirectoryOwner::Platform)
        .await;
    let admin = house.user(&platform, "admin").await;
    let fabrikam = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&fabrikam, "anna").await;
    let agent = Caller::Principal(now(&house, anna.id));
    let new = |domain: &str, owner| NewDirectory {
        id: None,
        name: "x".to_owned(),
        domain: domain.parse().unwrap(),
        owner,
    };
    let contoso = new("contoso.example", DirectoryOwner::Customer(CUSTOMER));
    let refused = app.create_directory(&agent, contoso.clone()).await.unwrap_err();
    assert_eq!(refused.code, "DirectoryOwnerNotFound");
    assert!(app.directory(&agent, fabrikam.id).is_err());
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let contoso = app.create_directory(&agent, contoso).await.unwrap();
    assert_eq!(contoso.id, TENANT, "a customer's directory is its tenant");
    let mut managed = [fabrikam.id, contoso.id];
    managed.sort();
    let seen: Vec<TenantId> = app.directories(&agent, None, 9).iter().map(|it| it.id).collect();
    assert_eq!(seen, managed);
    let otto = NewUser {
        directory: contoso.id,
        name: "otto@contoso.example".parse().unwrap(),
        display_name: "Otto".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let otto = app.create_user(&agent, otto).await.unwrap();
    assert_eq!(app.users(&agent, contoso.id, None, 9).unwrap(), [otto]);
    let unknown = ObjectId::from_bytes([0xee; 16]);
    let hidden = app
        .set_password(&agent, admin.id, "taken over now".to_owned())
        .await
        .unwrap_err();
    let missing = app
        .set_password(&agent, unknown, "taken over now".to_owned())
        .await
        .unwrap_err();
    assert_eq!((hidden.kind, hidden.code), (missing.kind, missing.code));
    assert_eq!(
        hidden.message.replace(&admin.id.to_string(), ""),
        missing.message.replace(&unknown.to_string(), "")
    );
    for refused in [
        app.user(&agent, admin.id).err(),
        app.users(&agent, platform.id, None, 9).err(),
        app.groups(&agent, platform.id, None, 9).err(),
        app.applications(&agent, platform.id, None, 9).err(),
        app.create_group(&agent, platform.id, "x").await.err(),
        app.create_directory(&agent, new("x.example", DirectoryOwner::Platform))
            .await
            .err(),
    ] {
        assert!(refused.is_some());
    }
    assert!(house.signs_in("admin@meterbridge.local", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn an_agent_cannot_make_itself_the_keeper_of_a_tenant_whose_people_sign_in_elsewhere() {
    let house = house().await;
    let elsewhere = TenantId::from_bytes([0xe2; 16]);
    let app = house.app().with_directories_elsewhere([elsewhere, TENANT].into());
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let new = |id, owner| NewDirectory {
        id,
        name: "x".to_owned(),
        domain: "x.example".parse().unwrap(),
        owner,
    };
    let own = DirectoryOwner::Partner(PARTNER);
    // By its id, whether or not somebody speaks for it now.
    for id in [elsewhere, TenantId::from_bytes([0xe3; 16])] {
        let refused = app.create_directory(&agent, new(Some(id), own)).await;
        assert_eq!(refusal(refused), FAILED);
    }
    // By way of a customer that has it as its tenant, or that is given it.
    let customers = DirectoryOwner::Customer(CUSTOMER);
    let refused = app.create_directory(&agent, new(None, customers)).await;
    assert_eq!(refusal(refused), FAILED);
    let customer = Customer {
        id: CustomerId::from_bytes([0xc7; 16]),
        partner: PARTNER,
        name: "Tailspin".to_owned(),
        tenants: vec![elsewhere],
    };
    let refused = app.create_customer(&agent, customer.clone()).await;
    assert_eq!(refusal(refused), FAILED);

    app.create_customer(&operator(), customer).await.unwrap();
    app.create_directory(&agent, new(None, own)).await.unwrap();
    let customers = NewDirectory {
        domain: "y.example".parse().unwrap(),
        ..new(None, customers)
    };
    let kept_here = app.create_directory(&operator(), customers).await.unwrap();
    assert_eq!(kept_here.id, TENANT);
}

#[tokio::test]
async fn a_password_that_is_too_short_is_refused_before_anything_is_entered() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let new = NewUser {
        directory: directory.id,
        name: "anna@fabrikam.example".parse().unwrap(),
        display_name: "Anna".to_owned(),
        password: "short".to_owned(),
    };
    let refused = house.app().create_user(&operator(), new).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.target),
        ("InvalidPassword", Some("password"))
    );
    assert!(!refused.to_string().contains("short"));
    assert!(
        house
            .app()
            .users(&operator(), directory.id, None, 9)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_directory_is_found_by_its_id_and_by_its_domain() {
    let house = house().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Platform)
        .await;
    let app = house.app();
    for name in [
        directory.id.to_string(),
        directory.id.to_string().to_uppercase(),
        "Fabrikam.Example".to_owned(),
    ] {
        assert_eq!(app.directory_named(&name).as_ref(), Some(&directory), "{name}");
    }
    for name in ["", "adfs", "organizations", "contoso.example"] {
        assert_eq!(app.directory_named(name), None, "{name}");
    }
}

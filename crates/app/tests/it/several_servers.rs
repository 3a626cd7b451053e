//! Several servers on one memory: what one of them was told, the others go by.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use app::access::Caller;
use app::environment::Clock;
use app::identity::{NewDirectory, NewUser, RefreshToken, SignInRefused, SignedIn};
use app::{App, Error, Kind};
use domain::authorization::{PartnerRole, PrincipalKind};
use domain::catalog::Catalog;
use domain::identity::{DirectoryOwner, Session, User};
use domain::ids::{ApplicationId, CustomerId, OperatorId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind};
use domain::time::Timestamp;
use private_postgres::{Database, PrivatePostgres, start_for_test};

use crate::house::{Counting, PARTNER, operator};
use crate::people::PASSWORD;

/// Azure CLI, which every directory knows.
const CLIENT: ApplicationId = ApplicationId::from_bytes([
    0x04, 0xb0, 0x77, 0x95, 0x8d, 0xdb, 0x46, 0x1a, 0xbb, 0xee, 0x02, 0xf9, 0xe1, 0xbf, 0x7b, 0x46,
]);
const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

async fn server(number: u64, url: &str) -> App {
    let store = store::open(&url.parse().unwrap()).unwrap();
    let random = Arc::new(Counting(AtomicU64::new(number << 32)));
    let catalog = Catalog::new([], []).unwrap();
    App::open(store, catalog, Arc::new(Noon), random).await.unwrap()
}

/// Two servers, and the database that they share.
struct Servers {
    one: App,
    other: App,
    _database: Database<'static>,
}

impl Servers {
    /// None where PostgreSQL is missing.
    async fn start() -> Option<Self> {
        let open = |url: &str| drop(store::open(&url.parse().unwrap()).unwrap());
        let database = Database::opened(open)?;
        let (one, other) = (server(1, &database.url()).await, server(2, &database.url()).await);
        one.create_partner(&operator(), partner()).await.unwrap();
        other.catch_up().await.unwrap();
        Some(Self {
            one,
            other,
            _database: database,
        })
    }

    /// Somebody of a directory of the platform's own, made at the first server.
    async fn anna(&self) -> User {
        self.directory().await;
        user(&self.one, "anna").await.unwrap()
    }

    async fn directory(&self) {
        let new = NewDirectory {
            id: None,
            name: "Fabrikam".to_owned(),
            domain: "fabrikam.example".parse().unwrap(),
            owner: DirectoryOwner::Platform,
        };
        self.one.create_directory(&operator(), new).await.unwrap();
    }
}

async fn user(server: &App, name: &str) -> Result<User, Error> {
    let new = NewUser {
        directory: server.directory_named("fabrikam.example").unwrap().id,
        name: format!("{name}@fabrikam.example").parse().unwrap(),
        display_name: name.to_owned(),
        password: PASSWORD.to_owned(),
    };
    server.create_user(&operator(), new).await
}

fn partner() -> Partner {
    Partner {
        id: PARTNER,
        name: "Fabrikam".to_owned(),
        kind: PartnerKind::DirectBill,
    }
}

async fn create_customer(server: &App, number: u8) -> CustomerId {
    let id = CustomerId::from_bytes([number; 16]);
    let customer = Customer {
        id,
        partner: PARTNER,
        name: format!("Customer {number}"),
        tenants: vec![TenantId::from_bytes([number; 16])],
    };
    server.create_customer(&operator(), customer).await.unwrap();
    id
}

async fn sign_in(server: &App, password: &str) -> Result<SignedIn, SignInRefused> {
    let peer = [192, 0, 2, 1].into();
    server
        .sign_in_user(None, "anna@fabrikam.example", password, Some(CLIENT), peer)
        .await
}

async fn begin(server: &App, password: &str, second: i64) -> Session {
    let signed_in = sign_in(server, password).await.unwrap();
    let begun = server
        .begin_session(&signed_in, CLIENT, at(second), TWO_WEEKS)
        .await;
    begun.unwrap()
}

async fn renew(server: &App, session: &Session, second: i64) -> Result<Session, SignInRefused> {
    let token = RefreshToken {
        session: session.id,
        user: session.user,
        client: session.client,
        number: session.number,
    };
    let renewed = server.renew_session(&token, at(second), TWO_WEEKS).await;
    renewed.map(|(_, session)| session)
}

async fn stands(server: &App, session: &Session) -> Result<(), SignInRefused> {
    let stands = server.session(session.user, session.id, session.client).await;
    stands.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_operator_is_not_admitted_by_books_that_do_not_know_of_another_yet() {
    let Some(Servers {
        one,
        other,
        _database,
    }) = Servers::start().await
    else {
        return;
    };
    assert!(one.admit_first_operator("ours", [1; 32]).await.unwrap());
    assert!(!other.has_operators(), "it has not looked since");
    assert!(!other.admit_first_operator("theirs", [2; 32]).await.unwrap());
    assert_eq!(one.operator_credentials(&operator()).await.unwrap().len(), 1);
    assert_eq!(one.origin().await.unwrap(), other.origin().await.unwrap());
    assert_ne!(one.origin().await.unwrap(), [0; 32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_misses_what_was_acknowledged_before_they_came_however_many_come_at_once() {
    let Some(Servers { one, other, .. }) = &Servers::start().await else {
        return;
    };
    let mut asking = Vec::new();
    for number in 10..90 {
        let created = create_customer(one, number).await;
        for _ in 0..4 {
            let other = other.clone();
            asking.push(tokio::spawn(async move {
                other.catch_up().await.unwrap();
                other.customer(&operator(), created).is_ok()
            }));
        }
    }
    for asked in asking {
        assert!(asked.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_write_at_once_lose_nothing_of_one_another() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let customers = async |server: &App, numbers: std::ops::Range<u8>| {
        for number in numbers {
            create_customer(server, number).await;
        }
    };
    let (one, other) = (&servers.one, &servers.other);
    tokio::join!(
        customers(one, 10..40),
        customers(other, 40..70),
        customers(other, 70..80)
    );
    for server in [one, other] {
        server.catch_up().await.unwrap();
        assert_eq!(server.customers(&operator(), None, 1000).len(), 70);
    }
    servers.directory().await;
    other.catch_up().await.unwrap();
    let (here, there) = tokio::join!(user(one, "anna"), user(other, "anna"));
    let refused = match (here, there) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        both => panic!("one name, two users, or none: {both:?}"),
    };
    assert_eq!(refused.code, "UserNameTaken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_away_at_one_server_opens_nothing_at_another() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let (one, other) = (&servers.one, &servers.other);
    let digest = [7; 32];
    let credential = one
        .create_operator_credential(&operator(), "night", digest)
        .await
        .unwrap();
    other.catch_up().await.unwrap();
    assert!(other.operator(&digest).is_ok());
    other
        .revoke_operator_credential(&operator(), credential.id)
        .await
        .unwrap();
    one.catch_up().await.unwrap();
    assert_eq!(one.operator(&digest).unwrap_err().kind, Kind::Unauthenticated);

    let anna = servers.anna().await;
    let role = PartnerRole::PlatformOperator;
    one.assign_partner_role(&operator(), role, anna.id, Some(PrincipalKind::User))
        .await
        .unwrap();
    other.catch_up().await.unwrap();
    let principal = sign_in(other, PASSWORD).await.unwrap().principal;
    let anna = Caller::Principal(principal);
    assert!(
        other.partners(&anna, None, 9).len() == 1,
        "she operates the platform"
    );
    let bert = user(one, "bert").await.unwrap();
    one.assign_partner_role(&operator(), role, bert.id, Some(PrincipalKind::User))
        .await
        .unwrap();
    one.unassign_partner_role(&operator(), role, anna.id())
        .await
        .unwrap();
    other.catch_up().await.unwrap();
    assert_eq!(other.partners(&anna, None, 9), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_or_a_copied_token_at_one_server_ends_the_sign_in_at_every_other() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let (one, other) = (&servers.one, &servers.other);
    servers.anna().await;
    let session = begin(one, PASSWORD, 0).await;
    other.catch_up().await.unwrap();
    assert_eq!(stands(other, &session).await, Ok(()), "begun elsewhere");
    assert_eq!(other.end_session(session.id).await, Ok(true));
    assert_eq!(stands(one, &session).await, Err(SignInRefused::Over));
    assert_eq!(renew(one, &session, 3600).await, Err(SignInRefused::Over));
    assert_eq!(one.end_session(session.id).await, Ok(false));

    let first = begin(one, PASSWORD, 0).await;
    let second = renew(other, &first, 3600).await.unwrap();
    assert_eq!(
        renew(one, &first, 3630).await,
        Ok(second),
        "the answer was lost, and the balancer chose another server"
    );
    let third = renew(one, &second, 7200).await.unwrap();
    assert_eq!(renew(other, &first, 7300).await, Err(SignInRefused::Copied));
    assert_eq!(renew(one, &third, 7301).await, Err(SignInRefused::Over));
    assert_eq!(stands(one, &third).await, Err(SignInRefused::Over));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_that_is_shown_at_two_servers_at_once_gives_the_same_next_one() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let (one, other) = (&servers.one, &servers.other);
    servers.anna().await;
    other.catch_up().await.unwrap();
    let mut session = begin(one, PASSWORD, 0).await;
    for round in 1..=10 {
        let (here, there) = tokio::join!(
            renew(one, &session, 3600 * round),
            renew(other, &session, 3600 * round + 1)
        );
        assert_eq!(here, there, "or one of the two would be taken for a thief later");
        session = here.unwrap();
    }
    assert_eq!(session.number, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_at_a_server_that_has_not_heard_of_a_new_password_ends_no_sign_in_with_it() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let (one, other) = (&servers.one, &servers.other);
    let anna = servers.anna().await;
    let old = begin(one, PASSWORD, 0).await;
    other.catch_up().await.unwrap();
    let new = "another password";
    one.set_password(&operator(), anna.id, new.to_owned())
        .await
        .unwrap();
    let session = begin(one, new, 1).await;
    // Nobody asked the other one for anything in the meantime.
    tokio::join!(
        other.forget_ended_sessions(at(2)),
        one.forget_ended_sessions(at(2))
    );
    assert_eq!(stands(one, &session).await, Ok(()));
    assert_eq!(stands(one, &old).await, Err(SignInRefused::Over));
    for server in [one, other] {
        server.forget_ended_sessions(session.ends).await;
    }
    assert_eq!(stands(other, &session).await, Err(SignInRefused::Over));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_used_elsewhere_only_is_not_taken_for_one_that_nobody_uses() {
    let Some(servers) = Servers::start().await else {
        return;
    };
    let (one, other) = (&servers.one, &servers.other);
    let made = one
        .create_operator_credential(&operator(), "night", [7; 32])
        .await
        .unwrap();
    assert_eq!(made.last_used, None);
    one.operator_seen(made.id).await;
    other.catch_up().await.unwrap();
    let listed = other.operator_credentials(&operator()).await.unwrap();
    assert_eq!(listed[0].last_used, Some(at(0)));
    let unknown = OperatorId::from_bytes([9; 16]);
    assert!(listed.iter().all(|it| it.id != unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_know_what_others_entered_says_so_and_knows_it_again_by_itself() {
    let Some(database_server) = start_for_test() else {
        return;
    };
    let database = Database::on(&database_server);
    let (one, other) = (server(1, &database.url()).await, server(2, &database.url()).await);
    one.create_partner(&operator(), partner()).await.unwrap();
    let created = create_customer(&one, 10).await;
    other.catch_up().await.unwrap();
    let restart = |server: &PrivatePostgres| tokio::task::block_in_place(|| server.run_server()).unwrap();
    database_server.kill().unwrap();
    let away: Vec<_> = (0..50)
        .map(|_| {
            let other = other.clone();
            tokio::spawn(async move { other.catch_up().await })
        })
        .collect();
    for away in away {
        assert_eq!(away.await.unwrap().unwrap_err().kind, Kind::Unavailable);
    }
    assert!(
        other.customer(&operator(), created).is_ok(),
        "what it knew it knows"
    );
    restart(&database_server);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(180);
    while let Err(error) = other.catch_up().await {
        assert!(tokio::time::Instant::now() < deadline, "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    one.catch_up().await.unwrap();
    let created = create_customer(&one, 11).await;
    other.catch_up().await.unwrap();
    assert!(other.customer(&operator(), created).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_books_were_lost_by_a_failover_would_go_on_billing_by_them() {
    let open = |url: &str| drop(store::open(&url.parse().unwrap()).unwrap());
    let Some(database) = Database::opened(open) else {
        return;
    };
    let one = server(1, &database.url()).await;
    one.create_partner(&operator(), partner()).await.unwrap();
    let lost = create_customer(&one, 10).await;
    one.ready().await.unwrap();
    database.lose_last("entry", "sequence");
    for refused in [one.catch_up().await, one.ready().await] {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.kind, refused.code),
            (Kind::Unavailable, "StorageUnavailable")
        );
        assert!(refused.message.contains("restarts it"), "{refused}");
    }
    let directory = NewDirectory {
        id: None,
        name: "Fabrikam".to_owned(),
        domain: "fabrikam.example".parse().unwrap(),
        owner: DirectoryOwner::Platform,
    };
    let decided = one.create_directory(&operator(), directory).await;
    assert_eq!(decided.unwrap_err().kind, Kind::Unavailable);
    // As it is after a restart.
    let anew = server(2, &database.url()).await;
    anew.ready().await.unwrap();
    assert!(anew.customer(&operator(), lost).is_err());
    create_customer(&anew, 11).await;
    one.ready().await.unwrap_err();
}

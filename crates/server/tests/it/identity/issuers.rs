//! Tokens of issuers elsewhere that the operator trusts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use axum_server::tls_rustls::RustlsConfig;
use domain::authorization::PartnerRole;
use domain::ids::{ObjectId, TenantId};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use server::{ClaimNames, ExternalIssuer, IdentityConfig, SigningAlgorithm};
use tempfile::TempDir;

use super::people::{Certificate, People, operator};
use crate::fixture::{Answer, id};

const AUDIENCE: &str = "api://bills";

/// The id here of the person that [`Trust::claims`] describes, as other tools make it.
const EVE_HERE: &str = "1f9e0fdb-9a9a-573c-9f77-5655021528ec";

/// An OpenID provider with what can go wrong with one.
struct Provider {
    url: String,
    published: Arc<Published>,
    directory: TempDir,
}

#[derive(Default)]
struct Published {
    keys: Mutex<Vec<Value>>,
    name: Mutex<String>,
    down: AtomicBool,
    asked: AtomicUsize,
}

impl Provider {
    async fn start() -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = Issuer::from_params(&params, &authority_key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!(
            "https://localhost:{}/realms/r",
            listener.local_addr().unwrap().port()
        );
        let published = Arc::new(Published::default());
        url.clone_into(&mut published.name.lock().unwrap());
        let routes = Router::new()
            .route("/realms/r/.well-known/openid-configuration", get(configuration))
            .route("/realms/r/keys", get(keys))
            .with_state((url.clone(), Arc::clone(&published)));
        let tls = RustlsConfig::from_der(vec![certificate.der().to_vec()], key.serialize_der())
            .await
            .unwrap();
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(server.serve(routes.into_make_service()));
        Self {
            url,
            published,
            directory,
        }
    }

    fn publish(&self, kid: &str, key: &EncodingKey, algorithm: Algorithm) {
        let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        self.published
            .keys
            .lock()
            .unwrap()
            .push(serde_json::to_value(jwk).unwrap());
    }

    fn trusted(&self) -> ExternalIssuer {
        ExternalIssuer {
            issuer: self.url.clone(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec![SigningAlgorithm::Rs256],
            tenant_ids: [1, 2].map(|number| id('f', number).parse().unwrap()).to_vec(),
            claims: ClaimNames {
                application: "azp".to_owned(),
                name: "preferred_username".to_owned(),
                ..ClaimNames::default()
            },
            ca_file: Some(self.directory.path().join("ca.pem")),
        }
    }

    fn asked(&self) -> usize {
        self.published.asked.load(Ordering::SeqCst)
    }
}

type Shared = State<(String, Arc<Published>)>;

async fn configuration(State((url, published)): Shared) -> Result<Json<Value>, StatusCode> {
    published.asked.fetch_add(1, Ordering::SeqCst);
    if published.down.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let name = published.name.lock().unwrap().clone();
    Ok(Json(json!({ "issuer": name, "jwks_uri": format!("{url}/keys") })))
}

async fn keys(State((_, published)): Shared) -> Json<Value> {
    Json(json!({ "keys": *published.keys.lock().unwrap() }))
}

/// A server that trusts a provider, whose key `one` is published.
struct Trust {
    people: People,
    provider: Provider,
    key: EncodingKey,
}

impl Trust {
    async fn start() -> Self {
        let provider = Provider::start().await;
        let key = Certificate::make().key;
        provider.publish("one", &key, Algorithm::RS256);
        let config = IdentityConfig {
            external_issuers: vec![provider.trusted()],
            ..IdentityConfig::default()
        };
        Self {
            people: People::start_with(config).await,
            provider,
            key,
        }
    }

    fn claims(&self) -> Value {
        let now = server::Clock::now(&*self.people.clock).as_second();
        json!({
            "iss": self.provider.url, "aud": [AUDIENCE, "account"], "iat": now, "exp": now + 300,
            "oid": id('e', 1), "tid": id('f', 1), "azp": "bills-cli", "preferred_username": "eve",
            "groups": [id('e', 2), "not a GUID"],
        })
    }

    async fn call(&self, kid: &str, key: &EncodingKey, claims: &Value) -> Answer {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::RS256)
        };
        self.people
            .call(&jsonwebtoken::encode(&header, claims, key).unwrap())
            .await
    }

    async fn call_with(&self, member: &str, value: Value) -> Answer {
        let mut claims = self.claims();
        claims[member] = value;
        self.call("one", &self.key, &claims).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_a_trusted_issuer_describes_is_let_in_as_described() {
    let trust = Trust::start().await;
    let answer = trust
        .call("one", &trust.key, &trust.claims())
        .await
        .refused(403, "AuthorizationFailed");
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("'eve'") && message.contains(EVE_HERE),
        "{message}"
    );
    for _ in 0..5 {
        trust.call("one", &trust.key, &trust.claims()).await.expect(403);
    }
    assert_eq!(trust.provider.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_issuer_is_not_trusted_for_is_refused() {
    let trust = Trust::start().await;
    let now = server::Clock::now(&*trust.people.clock).as_second();
    for (member, value, code) in [
        ("aud", json!("api://others"), "InvalidAuthenticationTokenAudience"),
        ("aud", json!(null), "InvalidAuthenticationTokenAudience"),
        (
            "aud",
            json!(trust.people.base()),
            "InvalidAuthenticationTokenAudience",
        ),
        (
            "iss",
            json!(format!("{}/", trust.provider.url)),
            "InvalidAuthenticationTokenTenant",
        ),
        ("exp", json!(now - 61), "ExpiredAuthenticationToken"),
        ("nbf", json!(now + 120), "InvalidAuthenticationToken"),
        ("oid", json!("eve"), "InvalidAuthenticationToken"),
        ("tid", json!(null), "InvalidAuthenticationToken"),
        ("tid", json!(1), "InvalidAuthenticationToken"),
        ("tid", json!(id('f', 3)), "InvalidAuthenticationTokenTenant"),
        // A directory that is kept here is not an issuer's to speak of.
        (
            "tid",
            json!(trust.people.tenant.to_string()),
            "InvalidAuthenticationTokenTenant",
        ),
    ] {
        let answer = trust.call_with(member, value.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, code),
            "{member} {value}: {answer:?}"
        );
    }
    let other = Certificate::make().key;
    trust
        .call("one", &other, &trust.claims())
        .await
        .refused(401, "InvalidAuthenticationToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_algorithm_is_the_one_that_was_agreed_and_that_the_key_is_for() {
    let trust = Trust::start().await;
    let claims = trust.claims();
    for algorithm in [Algorithm::RS384, Algorithm::PS256] {
        let header = Header {
            kid: Some("one".to_owned()),
            ..Header::new(algorithm)
        };
        let token = jsonwebtoken::encode(&header, &claims, &trust.key).unwrap();
        trust
            .people
            .call(&token)
            .await
            .refused(401, "InvalidAuthenticationToken");
    }
    let published = trust.provider.published.keys.lock().unwrap()[0].clone();
    let secret = EncodingKey::from_secret(published["n"].as_str().unwrap().as_bytes());
    let header = Header {
        kid: Some("one".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    trust
        .people
        .call(&token)
        .await
        .refused(401, "InvalidAuthenticationToken");
    assert_eq!(
        trust.provider.asked(),
        0,
        "nothing is fetched for a token that is refused anyway"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_for_half_a_minute_because_their_issuer_has_a_new_key() {
    let trust = Trust::start().await;
    trust.call("one", &trust.key, &trust.claims()).await.expect(403);
    let new = Certificate::make().key;
    trust.provider.publish("two", &new, Algorithm::RS256);
    trust.people.clock.forward(Duration::from_secs(2));
    // They all come at once, and the issuer is asked once for all of them.
    let claims = trust.claims();
    let calls = (0..8).map(|_| trust.call("two", &new, &claims));
    for answer in futures_util::future::join_all(calls).await {
        answer.expect(403);
    }
    assert_eq!(trust.provider.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_up_key_ids_does_not_have_the_issuer_asked_again_and_again() {
    let trust = Trust::start().await;
    trust.call("one", &trust.key, &trust.claims()).await.expect(403);
    let made_up = async |count: usize, after: Duration| {
        for number in 0..count {
            trust.people.clock.forward(after);
            trust
                .call(&number.to_string(), &trust.key, &trust.claims())
                .await
                .refused(401, "InvalidAuthenticationToken");
        }
    };
    made_up(5, Duration::ZERO).await;
    assert_eq!(trust.provider.asked(), 1, "it was asked a moment ago");
    made_up(30, Duration::from_secs(2)).await;
    let asked = trust.provider.asked();
    assert!((10..=13).contains(&asked), "asked {asked} times in a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_its_issuer_withdrew_is_not_good_forever_because_we_are_kept_from_hearing_of_it() {
    let trust = Trust::start().await;
    let day = Duration::from_secs(24 * 60 * 60);
    let call = async || trust.call("one", &trust.key, &trust.claims()).await;
    call().await.expect(403);
    trust.provider.published.down.store(true, Ordering::SeqCst);
    trust.people.clock.forward(day - Duration::from_secs(60));
    call().await.expect(403);
    trust.people.clock.forward(Duration::from_secs(60));
    call().await.refused(503, "IssuerUnavailable");
    let metrics = trust.people.house.get("/metrics").await.expect(200);
    let metrics = metrics.body.as_str().unwrap();
    let issuer = &trust.provider.url;
    for line in [
        format!("meterbridge_external_issuer_key_fetches{{issuer=\"{issuer}\",outcome=\"succeeded\"}} 1\n"),
        format!("meterbridge_external_issuer_key_fetches{{issuer=\"{issuer}\",outcome=\"failed\"}} 2\n"),
        format!("meterbridge_external_issuer_keys_fetched_timestamp_seconds{{issuer=\"{issuer}\"}} "),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    trust.provider.published.down.store(false, Ordering::SeqCst);
    trust.people.clock.forward(Duration::from_secs(2));
    call().await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_an_issuer_made_for_its_client_is_no_access_token() {
    let trust = Trust::start().await;
    for (member, value) in [
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("at_hash", json!("MTIzNDU2Nzg5MDEyMzQ1Ng")),
        ("typ", json!("ID")),
        ("azp", json!(null)),
    ] {
        trust
            .call_with(member, value)
            .await
            .refused(401, "InvalidAuthenticationToken");
    }
    trust.call_with("typ", json!("Bearer")).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_that_are_known_stay_while_the_issuer_is_down_and_a_withdrawn_one_ends() {
    let trust = Trust::start().await;
    trust.call("one", &trust.key, &trust.claims()).await.expect(403);
    trust.provider.published.down.store(true, Ordering::SeqCst);
    trust.people.clock.forward(Duration::from_secs(2 * 60 * 60));
    trust.call("one", &trust.key, &trust.claims()).await.expect(403);
    assert_eq!(trust.provider.asked(), 2);

    trust.provider.published.down.store(false, Ordering::SeqCst);
    trust.provider.published.keys.lock().unwrap().clear();
    trust
        .provider
        .publish("two", &Certificate::make().key, Algorithm::RS256);
    trust.people.clock.forward(Duration::from_secs(30));
    trust
        .call("one", &trust.key, &trust.claims())
        .await
        .refused(401, "InvalidAuthenticationToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_cannot_be_asked_at_all_is_no_fault_of_the_caller() {
    let trust = Trust::start().await;
    trust.provider.published.down.store(true, Ordering::SeqCst);
    let answer = trust
        .call("one", &trust.key, &trust.claims())
        .await
        .refused(503, "IssuerUnavailable");
    assert!(!answer.header("retry-after").is_empty());
    // One that calls itself otherwise is not the one that was trusted.
    trust.provider.published.down.store(false, Ordering::SeqCst);
    "https://evil.example".clone_into(&mut trust.provider.published.name.lock().unwrap());
    trust.people.clock.forward(Duration::from_secs(30));
    trust
        .call("one", &trust.key, &trust.claims())
        .await
        .refused(503, "IssuerUnavailable");
}

/// The id under which the bearer of a token is known.
async fn known_as(people: &People, token: &str) -> ObjectId {
    let me = people.house.client.get(people.house.url("/api/v1/me"));
    let me = Answer::of(me.bearer_auth(token).send().await.unwrap()).await;
    me.expect(200).body["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_names_the_object_id_of_an_operator_at_another_issuer_gets_nothing_of_what_is_the_operators()
 {
    let providers = [Provider::start().await, Provider::start().await];
    let key = Certificate::make().key;
    let tenants = [id('f', 1), id('f', 2)];
    let trusted = providers.iter().zip(&tenants).map(|(provider, tenant)| {
        provider.publish("one", &key, Algorithm::RS256);
        ExternalIssuer {
            tenant_ids: vec![tenant.parse().unwrap()],
            ..provider.trusted()
        }
    });
    let config = IdentityConfig {
        external_issuers: trusted.collect(),
        ..IdentityConfig::default()
    };
    let people = People::start_with(config).await;
    let now = server::Clock::now(&*people.clock).as_second();
    let token = |issuer: usize, tenant: &str, object: &str| {
        let header = Header {
            kid: Some("one".to_owned()),
            ..Header::new(Algorithm::RS256)
        };
        let claims = json!({ "iss": providers[issuer].url, "aud": AUDIENCE, "exp": now + 300, "oid": object,
            "tid": tenant, "scp": "bills", "groups": [id('e', 9)] });
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let operators = token(0, &tenants[0], &id('e', 1));
    let theirs = known_as(&people, &operators).await;
    let role = PartnerRole::PlatformOperator;
    let app = &people.house.app;
    app.assign_partner_role(&operator(), role, theirs, None)
        .await
        .unwrap();
    people.call(&operators).await.expect(200);

    let forged = token(1, &tenants[1], &id('e', 1));
    assert_ne!(known_as(&people, &forged).await, theirs);
    people.call(&forged).await.refused(403, "AuthorizationFailed");
    people
        .call(&token(1, &tenants[1], &theirs.to_string()))
        .await
        .refused(403, "AuthorizationFailed");
    people
        .call(&token(1, &tenants[0], &id('e', 1)))
        .await
        .refused(401, "InvalidAuthenticationTokenTenant");
    // Nor do the groups of one issuer hold for the other's people.
    let group = id('e', 9).parse().unwrap();
    app.assign_partner_role(&operator(), role, group, None)
        .await
        .unwrap();
    people.call(&forged).await.refused(403, "AuthorizationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_names_no_directory_is_about_the_only_one_of_its_issuer() {
    let provider = Provider::start().await;
    let key = Certificate::make().key;
    provider.publish("one", &key, Algorithm::RS256);
    let only: TenantId = id('f', 1).parse().unwrap();
    let config = IdentityConfig {
        external_issuers: vec![ExternalIssuer {
            tenant_ids: vec![only],
            ..provider.trusted()
        }],
        ..IdentityConfig::default()
    };
    let trust = Trust {
        people: People::start_with(config).await,
        provider,
        key,
    };
    trust.call_with("tid", json!(null)).await.expect(403);
    trust
        .call_with("tid", json!(id('f', 2)))
        .await
        .refused(401, "InvalidAuthenticationTokenTenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_kept_here_is_not_an_issuers_to_give() {
    let trust = Trust::start().await;
    let app = &trust.people.house.app;
    let group = app
        .create_group(&operator(), trust.people.tenant, "Owners")
        .await
        .unwrap();
    trust
        .call_with("groups", json!([group.id.to_string()]))
        .await
        .expect(403);
}

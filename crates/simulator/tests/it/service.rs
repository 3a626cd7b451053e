//! The service around the API: who may ask, and what goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::{Hour, Timestamp};
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use simulator::{Account, AccountCertificate, AdminApi, Faults, ServiceFault, ServiceFaults};
use tower::ServiceExt as _;

use crate::admin_api::{BASE, answer, api, code, usage_path};
use crate::support::{many_faults, stack};

const CLIENT: &str = "bridge";
const SECRET: &str = "a secret & more";
const NOW: &str = "2026-11-21T10:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn account(certificate_key: Option<Vec<u8>>) -> Account {
    Account {
        client_id: CLIENT.to_owned(),
        secret: SECRET.to_owned(),
        certificate_key,
    }
}

/// Where tokens are got, and for what, as the stack says it.
async fn sign_in(router: &Router) -> (String, String) {
    let target = "/metadata/endpoints?api-version=2015-01-01";
    let (status, body) = answer(router, Request::get(target).body(Body::empty()).unwrap()).await;
    assert_eq!(status.as_u16(), 200, "{body}");
    let endpoints: Value = serde_json::from_str(&body).unwrap();
    let authentication = &endpoints["authentication"];
    let login = authentication["loginEndpoint"].as_str().unwrap();
    assert!(login.ends_with("/adfs"), "{login}");
    let path = format!("{}/oauth2/token", login.strip_prefix(BASE).unwrap());
    (path, authentication["audiences"][0].as_str().unwrap().to_owned())
}

async fn token(router: &Router, fields: &[(&str, &str)]) -> Result<String, String> {
    let (path, audience) = sign_in(router).await;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", CLIENT)
        .append_pair("resource", &audience)
        .extend_pairs(fields);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.finish()));
    let (status, body) = answer(router, request.unwrap()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    match status.as_u16() {
        200 => Ok(body["access_token"].as_str().unwrap().to_owned()),
        _ => Err(body["error"].as_str().unwrap().to_owned()),
    }
}

async fn ask(router: &Router, method: Method, target: &str, bearer: &str, body: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header(header::AUTHORIZATION, bearer)
        .body(Body::from(body.to_owned()));
    let (status, body) = answer(router, request.unwrap()).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn only_the_account_may_ask_and_only_while_its_token_is_good() {
    let stack = stack(Faults::none());
    let target = format!(
        "{}?api-version=2015-06-01-preview&reportedStartTime=2026-10-05T03:00:00Z&reportedEndTime=2026-10-05T04:00:00Z&aggregationGranularity=Hourly",
        usage_path(&stack)
    );
    let clock = Arc::new(std::sync::Mutex::new(now()));
    let told = Arc::clone(&clock);
    let router = AdminApi {
        account: Some(account(None)),
        now: Arc::new(move || *told.lock().unwrap()),
        ..api(stack)
    }
    .router();
    for authorization in ["", "Bearer", "Bearer another", "Basic another"] {
        let (status, body) = ask(&router, Method::GET, &target, authorization, "").await;
        assert_eq!((status, code(&body).as_str()), (401, "AuthenticationFailed"));
    }
    let wrong = token(&router, &[("client_secret", "another")]).await;
    assert_eq!(wrong, Err("invalid_client".to_owned()));
    let good = format!(
        "bearer {}",
        token(&router, &[("client_secret", SECRET)]).await.unwrap()
    );
    assert_eq!(ask(&router, Method::GET, &target, &good, "").await.0, 200);
    *clock.lock().unwrap() = now() + std::time::Duration::from_secs(3600);
    assert_eq!(ask(&router, Method::GET, &target, &good, "").await.0, 401);
}

#[tokio::test]
async fn a_certificate_proves_the_account_and_another_one_does_not() {
    let (own, other) = (
        AccountCertificate::make(now()).unwrap(),
        AccountCertificate::make(now()).unwrap(),
    );
    let router = AdminApi {
        account: Some(account(Some(own.public_key.clone()))),
        ..api(stack(Faults::none()))
    }
    .router();
    let signed = |key: &str, audience: String, exp: i64| {
        let claims = json!({ "iss": CLIENT, "sub": CLIENT, "aud": audience, "exp": exp });
        let key = EncodingKey::from_rsa_pem(key.as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap()
    };
    let (audience, soon) = (format!("{BASE}/adfs/oauth2/token"), now().as_second() + 600);
    let good = signed(&own.key, audience.clone(), soon);
    assert!(token(&router, &[("client_assertion", &good)]).await.is_ok());
    let unsigned = format!("e30.{}.", URL_SAFE_NO_PAD.encode(b"{}"));
    for assertion in [
        signed(&other.key, audience.clone(), soon),
        signed(&own.key, "https://elsewhere.example".to_owned(), soon),
        signed(&own.key, audience, now().as_second() - 3600),
        unsigned,
        String::new(),
    ] {
        let refused = token(&router, &[("client_assertion", &assertion)]).await;
        assert_eq!(refused, Err("invalid_client".to_owned()), "{assertion}");
    }
    let again = AccountCertificate::of(own.certificate, own.key).unwrap();
    assert_eq!(again.public_key, own.public_key);
}

#[tokio::test]
async fn a_stack_says_what_a_bridge_asks_before_it_reads_usage() {
    let stack = stack(Faults::none());
    let (provider, cloud) = (stack.provider_subscription(), stack.spec().cloud_id);
    let registration = format!("/subscriptions/x/registrations/AzureStack-{cloud}");
    let api = AdminApi {
        registration: Some(registration.clone()),
        ..api(stack)
    };
    let router = api.clone().router();
    let read = async |router: &Router, target: String| {
        let (status, body) = ask(router, Method::GET, &target, "", "").await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (_, seen) = read(&router, "/subscriptions?api-version=2015-11-01".to_owned()).await;
    let own = seen["value"].as_array().unwrap().iter();
    let own: Vec<_> = own
        .filter(|it| it["displayName"] == "Default Provider Subscription")
        .map(|it| it["subscriptionId"].clone())
        .collect();
    assert_eq!(own, [provider.to_string()]);
    let activation = format!(
        "/subscriptions/{provider}/resourceGroups/azurestack-activation/providers/Microsoft.AzureBridge.Admin/activations/default?api-version=2016-01-01"
    );
    let (status, activated) = read(&router, activation.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(
        activated["properties"]["azureRegistrationResourceIdentifier"],
        registration
    );
    let fresh = AdminApi {
        registration: None,
        ..api
    };
    assert_eq!(read(&fresh.router(), activation).await.0, 404);
}

#[tokio::test]
async fn guest_directories_are_admitted_and_removed() {
    let stack = stack(Faults::none());
    let provider = stack.provider_subscription();
    let router = api(stack).router();
    let guest = format!(
        "/subscriptions/{provider}/resourcegroups/system.north/providers/Microsoft.Subscriptions.Admin/directoryTenants/Tailspin.example?api-version=2015-11-01"
    );
    let known = "/Tailspin.example/.well-known/openid-configuration";
    let (_, directory) = ask(&router, Method::GET, known, "", "").await;
    let directory: Value = serde_json::from_str(&directory).unwrap();
    let endpoint = directory["token_endpoint"].as_str().unwrap();
    let tenant = endpoint.strip_prefix(BASE).unwrap().split('/').nth(1).unwrap();
    let body = json!({ "location": "north", "properties": { "tenantId": tenant } }).to_string();
    for (method, body, status) in [
        (Method::GET, "", 404),
        (Method::DELETE, "", 204),
        (
            Method::PUT,
            r#"{"location":"south","properties":{"tenantId":"x"}}"#,
            400,
        ),
        (
            Method::PUT,
            r#"{"location":"north","properties":{"tenantId":"x"}}"#,
            400,
        ),
        (Method::PUT, "", 400),
        (Method::PUT, &body, 201),
        (Method::PUT, &body, 200),
        (Method::GET, "", 200),
        (Method::DELETE, "", 200),
        (Method::GET, "", 404),
        (Method::PATCH, "", 405),
    ] {
        let (given, answer) = ask(&router, method.clone(), &guest, "", body).await;
        assert_eq!(given, status, "{method} {body}: {answer}");
    }
}

/// Reads a window as simply as can be: what fails is asked again, and of links only the token is believed.
async fn read_with_patience(router: &Router, first: &str) -> Vec<String> {
    let (mut records, mut token) = (Vec::new(), None::<String>);
    let mut expects_more = BTreeMap::<Option<String>, ()>::new();
    loop {
        let target = match &token {
            Some(token) => format!("{first}&continuationToken={token}"),
            None => first.to_owned(),
        };
        let request = Request::get(&target).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let Ok(body) = response.into_body().collect().await else {
            continue;
        };
        let Ok(page) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
            continue;
        };
        if status != 200 {
            continue;
        }
        let link = page["nextLink"].as_str().map(str::to_owned);
        let full = page["value"].as_array().unwrap().len() >= 5;
        let next = link
            .as_deref()
            .and_then(|link| link.rsplit_once("continuationToken="))
            .map(|(_, token)| token.replace("%25", "%"));
        let is_last = match (&link, &next) {
            (None, _) if full && expects_more.insert(token.clone(), ()).is_none() => continue,
            (None, _) => true,
            // Nowhere, or to where the reading is: the first page again.
            (Some(_), None) => continue,
            (Some(_), next) if *next == token => continue,
            (Some(_), _) => false,
        };
        records.extend(page["value"].as_array().unwrap().iter().map(ToString::to_string));
        if is_last {
            return records;
        }
        token = next;
    }
}

#[tokio::test]
async fn whatever_goes_wrong_nothing_is_taken_away() {
    let stack = stack(many_faults());
    let path = usage_path(&stack);
    let api = AdminApi {
        page_size: 5,
        ..api(stack)
    };
    let faults = Arc::new(ServiceFaults::new(7, 300));
    let (perfect, faulty) = (
        api.clone().router(),
        AdminApi {
            faults: Arc::clone(&faults),
            ..api
        }
        .router(),
    );
    let times = |record: &String| {
        ["Z", ".0000000Z", ".0000000+00:00", ".0000000"]
            .iter()
            .fold(record.clone(), |record, form| {
                record.replace(&format!("{form}\""), "\"")
            })
            .replace("+00:00\"", "\"")
    };
    for after in 0..30 {
        let hour = "2026-10-05T00:00:00Z".parse::<Hour>().unwrap().plus(after);
        let target = format!(
            "{path}?api-version=2015-06-01-preview&reportedStartTime={hour}&reportedEndTime={}&aggregationGranularity=Hourly",
            hour.plus(1)
        );
        let expected = read_with_patience(&perfect, &target).await;
        let read = read_with_patience(&faulty, &target).await;
        let (mut expected, mut read): (Vec<_>, Vec<_>) = (
            expected.iter().map(times).collect(),
            read.iter().map(times).collect(),
        );
        // A page that was given again is not told from the one that was asked for here.
        expected.sort();
        read.sort();
        read.dedup();
        expected.dedup();
        assert_eq!(read, expected, "{hour}");
    }
    let met = faults.met();
    // Without an account, no token can expire.
    let missing = ServiceFault::ALL.iter().filter(|fault| !met.contains_key(fault));
    assert_eq!(
        missing.collect::<Vec<_>>(),
        [&ServiceFault::TokensExpired],
        "{met:?}"
    );
}

#[tokio::test]
async fn a_name_that_nobody_has_would_have_been_answered_as_another_tenant() {
    let router = api(stack(Faults::none())).router();
    let tenant = async |name: &str| {
        let path = format!("/{name}/.well-known/openid-configuration");
        let (status, answer) = ask(&router, Method::GET, &path, "", "").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let endpoint = answer["token_endpoint"].as_str().map(str::to_owned);
        (status, endpoint)
    };
    let (status, endpoint) = tenant("tailspin.example").await;
    assert_eq!(status, 200);
    let endpoint = endpoint.unwrap();
    let id = endpoint.strip_prefix(BASE).unwrap().split('/').nth(1).unwrap();
    // Nobody on the stack has that id, until its directory is admitted.
    for nobody in [id, "not%20a%20domain", "fabrikam", "a..example"] {
        assert_eq!(tenant(nobody).await, (400, None), "{nobody}");
    }
    let known = stack(Faults::none()).spec().tenants[0].id.to_string();
    let (status, endpoint) = tenant(&known.to_uppercase()).await;
    assert_eq!(status, 200);
    assert!(endpoint.unwrap().contains(&known));
}

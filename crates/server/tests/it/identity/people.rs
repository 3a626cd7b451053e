//! A directory with a user and a program, and the requests with which they sign in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use app::access::Caller;
use app::identity::{NewApplication, NewDirectory, NewUser};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::{ClientCertificate, DirectoryOwner};
use domain::ids::{ApplicationId, CredentialId, ObjectId, OperatorId, TenantId};
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};
use server::{Clock, IdentityConfig, ServerConfig};

use crate::fixture::{DataDirectory, House, TestClock, TestRandom, WallClock};

pub(super) const USER: &str = "anna@contoso.example";
pub(super) const PASSWORD: &str = "correct horse battery staple";
/// The client id that `az` has in every directory.
pub(super) const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
pub(super) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The machine's clock, and how far this test is ahead of it.
#[derive(Default)]
pub(super) struct MovingClock(AtomicI64);

impl MovingClock {
    pub(super) fn forward(&self, by: Duration) {
        self.0.fetch_add(by.as_secs().cast_signed(), Ordering::SeqCst);
    }
}

impl Clock for MovingClock {
    fn now(&self) -> Timestamp {
        WallClock.now() + Duration::from_secs(self.0.load(Ordering::SeqCst).cast_unsigned())
    }
}

/// A server with a directory, a user in it, and a program with a secret.
pub(super) struct People {
    pub(super) house: House,
    pub(super) clock: Arc<MovingClock>,
    pub(super) tenant: TenantId,
    pub(super) user: ObjectId,
    pub(super) application: ApplicationId,
    pub(super) service_principal: ObjectId,
    pub(super) secret: String,
}

/// The answer of a token endpoint.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) status: StatusCode,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Tokens {
    pub(super) async fn of(response: Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.json().await.unwrap(),
        }
    }

    #[track_caller]
    pub(super) fn given(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store");
        self
    }

    /// A refusal as OAuth and Azure's clients have it.
    #[track_caller]
    pub(super) fn refused(self, status: u16, error: &str, number: u32) -> Self {
        let found = (
            self.status.as_u16(),
            self.body["error"].as_str(),
            self.body["error_codes"][0].as_u64(),
        );
        assert_eq!(found, (status, Some(error), Some(number.into())), "{self:?}");
        let description = self.body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{description}"
        );
        for member in ["timestamp", "trace_id", "correlation_id"] {
            assert!(self.body[member].is_string(), "{member} in {self:?}");
        }
        assert_eq!(self.headers["cache-control"], "no-store");
        self
    }

    pub(super) fn text(&self, member: &str) -> &str {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member} in {self:?}"))
    }

    pub(super) fn access_token(&self) -> &str {
        self.text("access_token")
    }
}

/// The request with a form as its body.
pub(super) fn form<N: AsRef<str>, V: AsRef<str>>(
    request: reqwest::RequestBuilder,
    fields: &[(N, V)],
) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    request
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

/// The claims of a token, believed as clients do.
pub(super) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn operator() -> Caller {
    Caller::Operator {
        id: OperatorId::from_bytes([7; 16]),
        name: "tests".to_owned(),
    }
}

/// Somebody or something that signed in.
pub(crate) struct SignedIn {
    pub(crate) object: ObjectId,
    pub(crate) token: String,
}

/// A house with a user and a program of a directory of the platform, neither with any role, who both signed in.
pub(crate) async fn house_with_a_user_and_a_program() -> (House, SignedIn, SignedIn) {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    let user = SignedIn {
        object: people.user,
        token: tokens.access_token().to_owned(),
    };
    let tokens = people.program("/adfs/oauth2/token", &[]).await.given();
    let program = SignedIn {
        object: people.service_principal,
        token: tokens.access_token().to_owned(),
    };
    (people.house, user, program)
}

impl People {
    pub(super) async fn start() -> Self {
        Self::start_with(IdentityConfig::default()).await
    }

    pub(super) async fn start_with(identity: IdentityConfig) -> Self {
        Self::start_in(DataDirectory::new(), identity).await
    }

    pub(super) async fn start_in(directory: DataDirectory, identity: IdentityConfig) -> Self {
        let told = TestClock::at("2026-11-02T10:30:00Z");
        let app = server::open(directory.store(), told.clone(), Arc::new(TestRandom))
            .await
            .unwrap();
        let clock = Arc::new(MovingClock::default());
        let wall_clock: Arc<dyn Clock> = clock.clone();
        let house = House::start_as(directory, told, app, |config| ServerConfig {
            identity,
            wall_clock,
            ..config
        })
        .await;
        let app = &house.app;
        let new = NewDirectory {
            id: None,
            name: "Contoso".to_owned(),
            domain: "contoso.example".parse().unwrap(),
            owner: DirectoryOwner::Platform,
        };
        let tenant = app.create_directory(&operator(), new).await.unwrap().id;
        let new = NewUser {
            directory: tenant,
            name: USER.parse().unwrap(),
            display_name: "Anna".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let user = app.create_user(&operator(), new).await.unwrap().id;
        let new = NewApplication {
            directory: tenant,
            name: "Nightly".to_owned(),
            id: None,
        };
        let application = app.create_application(&operator(), new).await.unwrap();
        let expires = "2027-01-01T00:00:00Z".parse().unwrap();
        let secret = app
            .add_secret(&operator(), application.id, expires)
            .await
            .unwrap();
        Self {
            clock,
            tenant,
            user,
            application: application.id,
            service_principal: application.service_principal,
            secret: secret.text,
            house,
        }
    }

    /// The server's URL without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.house.running.url().trim_end_matches('/')
    }

    pub(super) fn scope(&self) -> String {
        format!("{}/.default", self.base())
    }

    pub(super) fn user_scope(&self) -> String {
        format!("{} offline_access openid profile", self.scope())
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        form(self.house.client.post(self.house.url(path)), fields)
            .send()
            .await
            .unwrap()
    }

    /// The ids of the keys that clients verify tokens with.
    pub(super) async fn published_keys(&self) -> Vec<String> {
        let keys: Value = self.get("/adfs/discovery/keys").await.json().await.unwrap();
        let ids = keys["keys"].as_array().unwrap().iter();
        ids.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.house.client.get(self.house.url(path)).send().await.unwrap()
    }

    pub(super) async fn token(&self, path: &str, fields: &[(&str, &str)]) -> Tokens {
        Tokens::of(self.post(path, fields).await).await
    }

    /// What `az login --service-principal` sends, with other fields in the place of some or beside them.
    pub(super) async fn program(&self, path: &str, others: &[(&'static str, &str)]) -> Tokens {
        let (client, scope) = (self.application.to_string(), self.scope());
        let mut fields = BTreeMap::from([
            ("client_id", client.as_str()),
            ("grant_type", "client_credentials"),
            ("client_info", "1"),
            ("client_secret", &self.secret),
            ("claims", r#"{"access_token": {"xms_cc": {"values": ["CP1"]}}}"#),
            ("scope", &scope),
        ]);
        fields.extend(others.iter().copied());
        let fields: Vec<(&str, &str)> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        self.token(path, &fields).await
    }

    /// Asks for a code to show on a device, as `az login --use-device-code` does.
    pub(super) async fn begin_on_device(&self, path: &str) -> Tokens {
        let scope = self.user_scope();
        self.token(path, &[("client_id", AZ), ("scope", &scope)]).await
    }

    pub(super) async fn poll(&self, path: &str, device_code: &str) -> Tokens {
        let fields = [
            ("client_id", AZ),
            ("grant_type", DEVICE_CODE),
            ("client_info", "1"),
            ("device_code", device_code),
            ("code", device_code),
        ];
        self.token(path, &fields).await
    }

    /// Enters a code on the page; the page that follows.
    pub(super) async fn enter(&self, user_code: &str, name: &str, password: &str) -> (StatusCode, String) {
        let fields = [
            ("user_code", user_code),
            ("username", name),
            ("password", password),
            ("decision", "approve"),
        ];
        let response = self.post("/adfs/oauth2/deviceauth", &fields).await;
        (response.status(), response.text().await.unwrap())
    }

    /// Enters a code alone; the page that follows says who would be let in.
    pub(super) async fn enter_code(&self, user_code: &str) -> (StatusCode, String) {
        let response = self
            .post("/adfs/oauth2/deviceauth", &[("user_code", user_code)])
            .await;
        (response.status(), response.text().await.unwrap())
    }

    /// Signs the user in on a device.
    pub(super) async fn user_tokens(&self) -> Tokens {
        let begun = self.begin_on_device("/adfs/oauth2/devicecode").await.given();
        let (status, page) = self.enter(begun.text("user_code"), USER, PASSWORD).await;
        assert_eq!(status, 200, "{page}");
        self.poll("/adfs/oauth2/token", begun.text("device_code"))
            .await
            .given()
    }

    pub(super) async fn refresh(&self, path: &str, client: &str, token: &str, scope: &str) -> Tokens {
        let fields = [
            ("client_id", client),
            ("grant_type", "refresh_token"),
            ("client_info", "1"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        self.token(path, &fields).await
    }

    /// What somebody gets who calls with a token. Nobody here has a role: whoever is let in gets 403, not 401.
    pub(super) async fn call(&self, token: &str) -> crate::fixture::Answer {
        let request = self.house.client.get(self.house.url("/api/v1/quarantine"));
        self.house.send(request.bearer_auth(token)).await
    }

    /// The files of the signing keys, the newest first.
    pub(super) fn signing_keys(&self) -> Vec<PathBuf> {
        let directory = self.house.directory.path().join("keys/identity");
        let entries = std::fs::read_dir(directory).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort_unstable();
        files.reverse();
        files
    }

    /// Signs claims as the server does: with its own key, or under its key's id with another one.
    pub(super) fn forge(
        &self,
        key: &EncodingKey,
        claims: &Value,
        header: impl FnOnce(&mut Header),
    ) -> String {
        let own = self.published_id();
        let mut with = Header {
            kid: Some(own),
            ..Header::new(Algorithm::RS256)
        };
        header(&mut with);
        jsonwebtoken::encode(&with, claims, key).unwrap()
    }

    pub(super) fn own_key(&self) -> EncodingKey {
        let pem = std::fs::read(&self.signing_keys()[0]).unwrap();
        EncodingKey::from_rsa_pem(&pem).unwrap()
    }

    fn published_id(&self) -> String {
        use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
        let public = Jwk::from_encoding_key(&self.own_key(), Algorithm::RS256).unwrap();
        public.thumbprint(ThumbprintHash::SHA256).unwrap()
    }
}

/// The certificate of a program, with its private key.
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    pub(super) key: EncodingKey,
    pub(super) sha1: [u8; 20],
    pub(super) sha256: [u8; 32],
    public_key: Vec<u8>,
}

impl Certificate {
    pub(super) fn make() -> Self {
        use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let params = CertificateParams::new(vec!["nightly.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der().to_vec();
        Self {
            key: EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap(),
            sha1: digest(&SHA1_FOR_LEGACY_USE_ONLY, &der)
                .as_ref()
                .try_into()
                .unwrap(),
            sha256: digest(&SHA256, &der).as_ref().try_into().unwrap(),
            public_key: key.subject_public_key_info(),
            der,
        }
    }

    pub(super) async fn add_to(&self, people: &People) {
        self.add_valid_from(people, None).await;
    }

    pub(super) async fn add_valid_from(&self, people: &People, not_before: Option<Timestamp>) {
        let certificate = ClientCertificate {
            id: CredentialId::from_bytes([0; 16]),
            sha256: self.sha256,
            sha1: self.sha1,
            public_key: self.public_key.clone(),
            not_before,
            expires: "2027-01-01T00:00:00Z".parse().unwrap(),
        };
        let app = &people.house.app;
        app.add_certificate(&operator(), people.application, certificate)
            .await
            .unwrap();
    }
}

/// An assertion with which a program proves itself, as Python's client makes it; the tests change what they like.
pub(super) struct Assertion {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl Assertion {
    pub(super) fn of(people: &People, certificate: &Certificate) -> Self {
        let now = people.clock.now().as_second();
        let client = people.application.to_string();
        let x5t = base64::engine::general_purpose::URL_SAFE.encode(certificate.sha1);
        let header = json!({ "alg": "RS256", "typ": "JWT", "x5t": x5t });
        let claims: Value = serde_json::from_str(&format!(
            r#"{{"aud":"{}/adfs/oauth2/token","iss":"{client}","sub":"{client}","jti":"{}","iat":{now}.2741287,"exp":{}.2741287}}"#,
            people.base(),
            people.house.app.random().uuid(),
            now + 600,
        ))
        .unwrap();
        Self {
            header: header.as_object().unwrap().clone(),
            claims: claims.as_object().unwrap().clone(),
        }
    }

    pub(super) fn sign(&self, key: &EncodingKey) -> String {
        let algorithm = match self.header["alg"].as_str() {
            Some("PS256") => Algorithm::PS256,
            _ => Algorithm::RS256,
        };
        let part = |map: &Map<String, Value>| URL_SAFE_NO_PAD.encode(serde_json::to_vec(map).unwrap());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), key, algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

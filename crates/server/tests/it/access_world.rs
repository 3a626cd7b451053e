//! One of everybody: a provider with a reseller and its customer, another partner with another customer, a stack of the
//! reseller's customer, and a program for each role that somebody can have.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::authorization::RoleDefinition;
use domain::ids::RoleDefinitionId;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use reqwest::Method;
use serde_json::{Value, json};
use server::Limits;

use crate::fixture::{Answer, House, id};
use crate::world::{at, registration, registration_body, stack};

/// Everybody who is tried at every route, in the order of the table's columns.
pub(crate) const CALLERS: [&str; 15] = [
    "nobody",
    "operator credential",
    "stack key",
    "platform operator",
    "own agent",
    "other agent",
    "provider's agent",
    "customer's user",
    "other customer's user",
    "Owner",
    "Contributor",
    "Reader",
    "User Access Administrator",
    "Registration Owner",
    "no role",
];

/// The roles of the last five but one, which they have at the default subscription; the registration's owner has its at
/// the registration.
const ROLES: [(&str, RoleDefinitionId); 5] = [
    ("Owner", RoleDefinition::OWNER),
    ("Contributor", RoleDefinition::CONTRIBUTOR),
    ("Reader", RoleDefinition::READER),
    (
        "User Access Administrator",
        RoleDefinition::USER_ACCESS_ADMINISTRATOR,
    ),
    (
        "Registration Owner",
        RoleDefinition::AZURE_STACK_REGISTRATION_OWNER,
    ),
];

pub(crate) const PROVIDER: u32 = 3;
pub(crate) const RESELLER: u32 = 1;
pub(crate) const OTHER: u32 = 2;

/// A program that signed in.
pub(crate) struct Program {
    pub(crate) object: String,
    pub(crate) token: String,
}

/// The house, and everybody in it.
pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) programs: BTreeMap<&'static str, Program>,
    stack_key: Mutex<String>,
    /// A directory of the reseller with a user, an application and a group in it.
    pub(crate) directory: String,
    pub(crate) user: String,
    pub(crate) application: String,
    pub(crate) group: String,
    /// A program of the platform's directory without a role.
    pub(crate) spare: String,
    /// A certificate that an application could have.
    pub(crate) certificate: String,
    numbers: AtomicU32,
}

pub(crate) const PASSWORD: &str = "correct horse battery";
const LIMITLESS: NonZeroU32 = NonZeroU32::MAX;

impl World {
    pub(crate) async fn build() -> Self {
        let limits = Limits {
            failed_authentications_per_minute_max: LIMITLESS,
            anonymous_requests_per_second_max: LIMITLESS,
            requests_per_second_max: LIMITLESS,
            ..Limits::default()
        };
        let house = House::start_with(limits).await;
        open_accounts(&house).await;
        register(&house).await;
        let stack_key = Mutex::new(house.activation_key("north").await);
        let platform = json!({ "name": "Platform", "domain": "platform.example" });
        let platform = created(&house, "directories", &platform).await;
        let mut programs = BTreeMap::new();
        for name in CALLERS.iter().skip(3) {
            programs.insert(*name, sign_in(&house, &platform, name).await);
        }
        let spare = sign_in(&house, &platform, "spare").await.object;
        let own =
            json!({ "name": "Reseller", "domain": "reseller.example", "ownerPartnerId": id('a', RESELLER) });
        let directory = created(&house, "directories", &own).await;
        let inside = |what: &str| format!("directories/{directory}/{what}");
        let user = json!({ "name": "anna@reseller.example", "password": PASSWORD });
        let user = created(&house, &inside("users"), &user).await;
        let application = created(&house, &inside("applications"), &json!({ "name": "Nightly" })).await;
        let group = created(&house, &inside("groups"), &json!({ "name": "Readers" })).await;
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let certificate = CertificateParams::new(vec!["nightly.example".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().pem();
        let world = Self {
            house,
            programs,
            stack_key,
            directory,
            user,
            application,
            group,
            spare,
            certificate,
            numbers: AtomicU32::new(1),
        };
        world.give_partner_roles().await;
        world.give_roles().await;
        world
    }

    async fn give_partner_roles(&self) {
        for (name, path) in [
            ("platform operator", "platform-operators".to_owned()),
            (
                "own agent",
                format!("partners/{}/admin-agents", id('a', RESELLER)),
            ),
            ("other agent", format!("partners/{}/admin-agents", id('a', OTHER))),
            (
                "provider's agent",
                format!("partners/{}/admin-agents", id('a', PROVIDER)),
            ),
            (
                "customer's user",
                format!("customers/{}/users", id('b', RESELLER)),
            ),
            (
                "other customer's user",
                format!("customers/{}/users", id('b', OTHER)),
            ),
        ] {
            let path = format!("/api/v1/{path}/{}", self.programs[name].object);
            self.house.put(&path, &json!({})).await.expect(201);
        }
    }

    async fn give_roles(&self) {
        for (number, (name, role)) in (1..).zip(ROLES) {
            let scope = match name {
                "Registration Owner" => registration("north"),
                _ => format!("/subscriptions/{}", id('d', 9)),
            };
            let assignment = id('7', number);
            let path = format!(
                "{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment}?api-version=2022-04-01"
            );
            let body = json!({ "properties": {
                "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
                "principalId": self.programs[name].object,
            } });
            let given = self.house.put(&path, &body).await;
            assert!(given.status.is_success(), "{name}: {given:?}");
        }
    }

    /// October is closed: the provider has invoiced the reseller what was agreed on for it.
    pub(crate) async fn close_october(&self) {
        let terms = json!({ "seller": id('a', PROVIDER), "buyer": { "kind": "partner", "id": id('a', RESELLER) },
            "from": "2026-10", "terms": { "minimumCommitment": { "amount": "100", "currency": "EUR" } } });
        self.house.put("/api/v1/terms", &terms).await.expect(200);
        let close = "/api/v1/periods/2026-10/close";
        let closed = self
            .house
            .post(close, &json!({ "first": true }))
            .await
            .expect(200);
        assert_eq!(closed.body["invoices"], 1, "{closed:?}");
    }

    /// Makes good what a request removed, so that the next caller finds the same.
    pub(crate) async fn restore(&self) {
        register(&self.house).await;
        self.give_roles().await;
    }

    /// Gives the stack a new key, after its keys were revoked.
    pub(crate) async fn renew_stack_key(&self) {
        let key = self.house.activation_key("north").await;
        *self.stack_key.lock().unwrap() = key;
    }

    /// A number that was not given before.
    pub(crate) fn next(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What somebody sends as bearer token.
    pub(crate) fn token(&self, caller: &str) -> Option<String> {
        match caller {
            "nobody" => None,
            "operator credential" => Some(self.house.operator.clone()),
            "stack key" => Some(self.stack_key.lock().unwrap().clone()),
            program => Some(self.programs[program].token.clone()),
        }
    }

    /// What somebody gets who asks for something.
    pub(crate) async fn get(&self, caller: &str, path: &str) -> Answer {
        self.send(caller, Method::GET, path, None).await
    }

    pub(crate) async fn send(
        &self,
        caller: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.house.client.request(method, self.house.url(path));
        if let Some(token) = self.token(caller) {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.house.send(request).await
    }
}

/// The id of what was created.
async fn created(house: &House, path: &str, body: &Value) -> String {
    let answer = house.post(&format!("/api/v1/{path}"), body).await.expect(201);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn sign_in(house: &House, directory: &str, name: &str) -> Program {
    let path = format!("/api/v1/directories/{directory}/applications");
    let application = house.post(&path, &json!({ "name": name })).await.expect(201).body;
    let client = application["id"].as_str().unwrap();
    let secret = house
        .post(&format!("/api/v1/applications/{client}/secrets"), &json!({}))
        .await
        .expect(201);
    assert_eq!(secret.header("cache-control"), "no-store");
    let form = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={}&scope={}.default",
        secret.body["text"].as_str().unwrap(),
        house.running.url()
    );
    let request = house.client.post(house.url("/adfs/oauth2/token")).body(form);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let tokens: Value = request.send().await.unwrap().json().await.unwrap();
    let token = tokens["access_token"].as_str();
    Program {
        object: application["servicePrincipalId"].as_str().unwrap().to_owned(),
        token: token.unwrap_or_else(|| panic!("{tokens}")).to_owned(),
    }
}

async fn open_accounts(house: &House) {
    let kinds = [
        (PROVIDER, json!({ "kind": "indirectProvider" })),
        (
            RESELLER,
            json!({ "kind": "indirectReseller", "provider": id('a', PROVIDER) }),
        ),
        (OTHER, json!({ "kind": "directBill" })),
    ];
    for (number, mut partner) in kinds {
        partner["id"] = json!(id('a', number));
        partner["name"] = json!(format!("Partner {number}"));
        house.post("/api/v1/partners", &partner).await.expect(201);
    }
    for number in [RESELLER, OTHER] {
        let customer = json!({ "id": id('b', number), "partnerId": id('a', number),
            "name": format!("Customer {number}"), "tenantIds": [id('c', number)] });
        house.post("/api/v1/customers", &customer).await.expect(201);
    }
    for (number, of) in [(9, RESELLER), (1, RESELLER), (2, OTHER)] {
        let subscription = json!({ "id": id('d', number), "name": format!("Subscription {number}"), "kind": "csp",
            "tenantId": id('c', of), "ownerPartnerId": id('a', of), "customerId": id('b', of) });
        house
            .post("/api/v1/subscriptions", &subscription)
            .await
            .expect(201);
    }
    for of in [RESELLER, OTHER] {
        let list = json!({ "currency": "EUR", "seller": id('a', of), "effectiveFrom": "2026-10-01T00:00:00Z",
            "prices": [] });
        let path = format!("/api/v1/price-lists/list-{of}");
        house.put(&path, &list).await.expect(201);
    }
}

/// The stack is registered under the customer's own subscription, and one tenant of it is mapped to another.
async fn register(house: &House) {
    let group = format!(
        "/subscriptions/{}/resourceGroups/azurestack?api-version=2024-11-01",
        id('d', 9)
    );
    let put = house.put(&group, &json!({ "location": "local" })).await;
    assert!(put.status.is_success(), "{put:?}");
    let body = registration_body(&stack(), "PayAsYouUse");
    let put = house.put(&at(&registration("north")), &body).await;
    assert!(put.status.is_success(), "{put:?}");
    let approve = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&approve, &json!({})).await.expect(200);
    let put = house
        .put(&crate::world::mapping("north", &id('d', 1)), &json!({}))
        .await;
    assert!(put.status.is_success(), "{put:?}");
}

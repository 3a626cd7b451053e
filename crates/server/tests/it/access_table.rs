//! Who gets in where: every route of the server is asked by one caller with each role, and what comes of it is compared
//! with a table. A route that is not in the table fails the test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use server::{Needs, RouteLine, route_table};
use wire::bundle::public_key_pem;

use crate::access_world::{CALLERS, PASSWORD, PROVIDER, RESELLER, World};
use crate::fixture::{Answer, id};
use crate::world::stack;

const TABLE: &str = include_str!("access_table.txt");

/// What says that something does not exist. Somebody who does not see it reads the same as for something that never did.
const HIDDEN: [&str; 17] = [
    "AccountNotFound",
    "ApplicationNotFound",
    "BudgetNotFound",
    "CustomerNotFound",
    "DirectoryNotFound",
    "DirectoryOwnerNotFound",
    "GroupNotFound",
    "InvoiceNotFound",
    "LocalSubscriptionNotFound",
    "PartnerNotFound",
    "PriceListDraftNotFound",
    "PriceListNotFound",
    "ProfileNotFound",
    "RegistrationNotFound",
    "SubscriptionNotFound",
    "TraderNotFound",
    "UserNotFound",
];

/// The number of an invoice of the provider's, and of one of nobody's.
const INVOICES: [&str; 2] = ["C5BA5050CEE4-000001", "000000000099-000001"];

/// A budget; it is asked for as the reseller's, and set for the caller's own side.
const BUDGET: &str = "/api/v1/budgets/{budget}";

/// What came of a request: one letter of the table.
fn outcome(answer: &Answer) -> char {
    let code = answer.body["error"]["code"].as_str().unwrap_or_default();
    match answer.status.as_u16() {
        401 => '-',
        403 => 'x',
        404 if answer.body.is_null() => '?',
        _ if HIDDEN.contains(&code) => '?',
        500.. => panic!("{answer:?}"),
        _ => '+',
    }
}

/// Ids of what there is, or of what there never was.
struct Ids<'a> {
    world: &'a World,
    exist: bool,
    /// The user, application or group that is there to be deleted, for the routes that do so.
    doomed: Option<&'a str>,
}

impl Ids<'_> {
    fn of(&self, there: &str) -> String {
        if self.exist { there.to_owned() } else { id('0', 99) }
    }

    fn number(&self, kind: char, number: u32) -> String {
        self.of(&id(kind, number))
    }

    fn path(&self, route: &RouteLine) -> String {
        let principal = match route.path {
            path if path.contains("platform-operators") => &self.world.spare,
            _ => &self.world.user,
        };
        let values = [
            ("{cloudId}", self.of(&stack())),
            ("{period}", "2026-10".to_owned()),
            ("{name}", if self.exist { "list-1" } else { "list-99" }.to_owned()),
            ("{resourceGroupName}", "azurestack".to_owned()),
            ("{registrationName}", "north".to_owned()),
            ("{customerSubscriptionName}", id('d', 1)),
            ("{subscriptionId}", self.number('d', 9)),
            ("{partnerId}", self.number('a', RESELLER)),
            ("{customerId}", self.number('b', RESELLER)),
            ("{directoryId}", self.of(&self.world.directory)),
            ("{userId}", self.of(self.doomed.unwrap_or(&self.world.user))),
            (
                "{applicationId}",
                self.of(self.doomed.unwrap_or(&self.world.application)),
            ),
            ("{groupId}", self.of(self.doomed.unwrap_or(&self.world.group))),
            ("{memberId}", self.world.user.clone()),
            ("{principalId}", principal.clone()),
            ("{resourceProviderNamespace}", "Microsoft.AzureStack".to_owned()),
            ("{verificationVersion}", "latest".to_owned()),
            ("{productName}", "product".to_owned()),
            ("{linkedSubscriptionName}", "linked".to_owned()),
            ("{lockName}", "lock".to_owned()),
            ("{operationId}", id('f', 1)),
            ("{digest}", "0".repeat(64)),
            ("{credentialId}", id('f', 1)),
            ("{operatorId}", id('f', 1)),
            ("{webhook}", "night".to_owned()),
            (
                "{budget}",
                if self.exist { "budget-1" } else { "budget-99" }.to_owned(),
            ),
            ("{noticeId}", id('f', 1)),
            ("{roleDefinitionId}", id('f', 1)),
            ("{roleAssignmentId}", id('f', 1)),
            ("{number}", self.invoice().to_owned()),
            (
                "{lineId}",
                format!("{}.2026-10.minimumCommitment", self.invoice()),
            ),
            ("{seller}", self.number('a', RESELLER)),
            ("{buyer}", format!("subscription:{}", self.number('d', 9))),
        ];
        let path = values.iter().fold(route.path.to_owned(), |path, (name, value)| {
            path.replace(name, value)
        });
        assert!(!path.contains('{'), "{path}: say what to put there");
        if route.path.ends_with("/what-if") {
            let draft = if self.exist { "list-1" } else { "list-99" };
            return format!("{path}?draft={draft}");
        }
        if route.path == BUDGET && route.method != "PUT" {
            return format!("{path}?owner=partner:{}", self.number('a', RESELLER));
        }
        if route.path.ends_with("/margins") {
            return format!("{path}?seller={}&currency=EUR", self.number('a', RESELLER));
        }
        if route.path.contains("/running/") {
            let (seller, buyer) = (self.number('a', PROVIDER), self.number('a', RESELLER));
            let form = if route.path.ends_with("/document") {
                "&format=csv"
            } else {
                ""
            };
            return format!("{path}?seller={seller}&buyer=partner:{buyer}&currency=EUR{form}");
        }
        path + query(route.path)
    }

    /// The number of what the provider has invoiced the reseller.
    const fn invoice(&self) -> &'static str {
        if self.exist { INVOICES[0] } else { INVOICES[1] }
    }

    /// What is sent, where the decision needs it.
    fn body(&self, route: &RouteLine) -> Option<Value> {
        let (partner, customer) = (self.number('a', RESELLER), self.number('b', RESELLER));
        let body = match (route.method, route.path) {
            ("POST", "/api/v1/partners") => {
                json!({ "id": id('a', 50), "name": "New", "kind": "directBill" })
            }
            ("POST", "/api/v1/customers") => {
                json!({ "id": id('b', 50), "partnerId": partner, "name": "New", "tenantIds": [id('c', 50)] })
            }
            ("POST", "/api/v1/subscriptions") => json!({ "id": id('d', 50), "name": "New", "kind": "csp",
                "tenantId": id('c', RESELLER), "ownerPartnerId": partner, "customerId": customer }),
            ("POST", "/api/v1/registrations/{cloudId}/backdate") => {
                json!({ "validFrom": "2026-10-01T00:00:00Z" })
            }
            (
                "POST",
                "/api/v1/registrations/{cloudId}/tenant-mappings"
                | "/api/v1/registrations/{cloudId}/tenant-mappings/preview",
            ) => {
                json!({ "tenantId": id('c', RESELLER),
                "subscriptionId": id('d', 1), "validFrom": "2026-11-02T10:00:00Z" })
            }
            ("PUT", "/api/v1/registrations/{cloudId}/bundle-key") => {
                json!({ "publicKey": public_key_pem(&[7; 32]) })
            }
            ("PUT", "/api/v1/stacks/{cloudId}/subscriptions")
            | ("POST", "/api/v1/stacks/{cloudId}/usage") => {
                json!({ "value": [] })
            }
            ("PUT", "/api/v1/price-lists/{name}" | "/api/v1/price-list-drafts/{name}") => {
                json!({ "currency": "EUR", "seller": partner,
                "effectiveFrom": "2026-11-01T00:00:00Z", "prices": [] })
            }
            ("POST", "/api/v1/directories") => {
                json!({ "name": "New", "domain": "new.example", "ownerPartnerId": partner })
            }
            ("POST", "/api/v1/directories/{directoryId}/users") => {
                json!({ "name": "otto@reseller.example", "password": PASSWORD })
            }
            ("PUT", "/api/v1/users/{userId}/password") => json!({ "password": PASSWORD }),
            ("PUT", "/api/v1/me/password") => {
                json!({ "oldPassword": "not the old one", "newPassword": PASSWORD })
            }
            (
                "POST",
                "/api/v1/directories/{directoryId}/applications" | "/api/v1/directories/{directoryId}/groups",
            ) => {
                json!({ "name": "New" })
            }
            ("POST", "/api/v1/periods/{period}/waivers") => {
                json!({ "stack": stack(), "reason": "burnt down" })
            }
            ("PUT", "/api/v1/sellers/{seller}/profile" | "/api/v1/buyers/{buyer}/profile") => {
                json!({ "legalName": "New" })
            }
            ("PUT", BUDGET) => budget(&self.number('d', 9)),
            ("PUT", "/api/v1/terms") => json!({ "seller": partner, "from": "2026-12", "terms": {} }),
            ("PUT", "/api/v1/registrations/{cloudId}/cores") => {
                json!({ "cores": 4, "from": "2026-12-01T00:00:00Z" })
            }
            ("PUT", "/api/v1/exchange-rates") => {
                json!({ "from": "EUR", "to": "USD", "rate": "1.1", "since": "2026-12-01T00:00:00Z" })
            }
            ("POST", "/api/v1/applications/{applicationId}/certificates") => {
                json!({ "pem": self.world.certificate })
            }
            _ => return None,
        };
        Some(body)
    }
}

/// A budget of what a subscription is charged.
fn budget(subscription: &str) -> Value {
    json!({ "subscriptionId": subscription, "amount": { "amount": "10", "currency": "EUR" } })
}

/// The query without which a route is not decided.
fn query(path: &str) -> &'static str {
    match path {
        "/api/v1/registration-advice" => "?operatedBy=reseller",
        "/api/v1/stacks/{cloudId}/usage" => "?localSubscriptionId=88888888-0000-4000-8000-000000000001",
        "/api/v1/usage/measured"
        | "/api/v1/usage/unmapped"
        | "/api/v1/tenant-suggestions"
        | "/api/v1/reconciliations"
        | "/api/v1/statements" => "?period=2026-10",
        "/api/v1/statements/{subscriptionId}" => "?period=2026-10",
        "/api/v1/invoices/{number}/document" => "?format=csv",
        _ => "",
    }
}

async fn ask(ids: Ids<'_>, caller: &str, route: &RouteLine) -> Answer {
    let world = ids.world;
    let method: Method = route.method.parse().unwrap();
    let mut path = ids.path(route);
    if (route.method, route.path) == ("POST", "/api/v1/stacks/{cloudId}/usage") {
        path.truncate(path.find('?').unwrap_or(path.len()));
    }
    let mut request = world.house.client.request(method, world.house.url(&path));
    if let Some(token) = world.token(caller) {
        request = request.bearer_auth(token);
    }
    if let Some(body) = ids.body(route) {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    if route.method == "HEAD" {
        let (status, headers) = (response.status(), response.headers().clone());
        return Answer {
            status,
            headers,
            body: Value::Null,
        };
    }
    Answer::of(response).await
}

/// An answer's text, without what it names.
fn blank(answer: &Answer, world: &World, doomed: Option<&str>) -> String {
    let named = [
        id('0', 99),
        stack(),
        id('d', 9),
        id('a', RESELLER),
        id('a', PROVIDER),
        id('b', RESELLER),
        world.directory.clone(),
        world.user.clone(),
        world.application.clone(),
        world.group.clone(),
        "list-99".to_owned(),
        "list-1".to_owned(),
        "budget-99".to_owned(),
        "budget-1".to_owned(),
        INVOICES[0].to_owned(),
        INVOICES[1].to_owned(),
    ];
    let text = format!("{} {}", answer.status, answer.body);
    let text = doomed.map_or(text.clone(), |doomed| text.replace(doomed, "…"));
    named.iter().fold(text, |text, id| text.replace(id.as_str(), "…"))
}

/// What a route deletes that only one caller can delete: each gets its own.
async fn doomed(world: &World, route: &RouteLine) -> Option<String> {
    if route.path.starts_with("/api/v1/price-list-drafts/") || route.path.ends_with("/what-if") {
        // There is one again for each caller, whoever gave it up.
        let draft = json!({ "currency": "EUR", "seller": id('a', RESELLER),
            "effectiveFrom": "2026-12-01T00:00:00Z", "prices": [] });
        let path = format!("/api/v1/price-list-drafts/list-{RESELLER}");
        let put = world.house.put(&path, &draft).await;
        assert!(put.status.is_success(), "{put:?}");
        return None;
    }
    if route.path.starts_with("/api/v1/budgets/") {
        let body = budget(&id('d', 9));
        let put = world.send("own agent", Method::PUT, "/api/v1/budgets/budget-1", Some(&body));
        let put = put.await;
        assert!(put.status.is_success(), "{put:?}");
        return None;
    }
    let (what, body) = match (route.method, route.path) {
        ("DELETE", "/api/v1/users/{userId}") => {
            let name = format!("u{}@reseller.example", world.next());
            ("users", json!({ "name": name, "password": PASSWORD }))
        }
        ("DELETE", "/api/v1/applications/{applicationId}") => ("applications", json!({ "name": "Doomed" })),
        ("DELETE", "/api/v1/groups/{groupId}") => ("groups", json!({ "name": "Doomed" })),
        _ => return None,
    };
    let path = format!("/api/v1/directories/{}/{what}", world.directory);
    let created = world.house.post(&path, &body).await.expect(201);
    Some(created.body["id"].as_str().unwrap().to_owned())
}

/// The letters of a route, one for each caller; and that whoever does not see something reads what they would read if it
/// were not there.
async fn row(world: &World, route: &RouteLine) -> String {
    let mut letters = String::new();
    for caller in CALLERS {
        let doomed = doomed(world, route).await;
        let doomed = doomed.as_deref();
        let ids = |exist| Ids { world, exist, doomed };
        let answer = ask(ids(true), caller, route).await;
        let letter = outcome(&answer);
        letters.push(letter);
        if letter == '?' && route.method != "HEAD" {
            let unknown = ask(ids(false), caller, route).await;
            let name = format!("{} {} as {caller}", route.method, route.path);
            let (hidden, unknown) = (blank(&answer, world, doomed), blank(&unknown, world, doomed));
            assert_eq!(hidden, unknown, "{name}");
        }
        if letter == '+' && route.path.ends_with("/revoke-activation-keys") {
            world.renew_stack_key().await;
        }
        if letter == '+' && route.method == "DELETE" && !route.path.starts_with("/api/") {
            world.restore().await;
        }
    }
    letters
}

/// The table as it is written: the letters of each route.
fn written() -> BTreeMap<String, String> {
    let lines = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows = lines.map(|line| {
        let (letters, route) = line.trim_start().split_once("  ").unwrap();
        (route.trim().to_owned(), letters.replace(' ', ""))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let world = World::build().await;
    world.close_october().await;
    let expected = written();
    let mut wrong = String::new();
    let mut found = 0;
    for route in route_table().iter().filter(|route| route.needs != Needs::SignIn) {
        let name = format!("{} {}", route.method, route.path);
        let letters = row(&world, route).await;
        found += 1;
        if expected.get(&name) != Some(&letters) {
            let spaced: Vec<String> = letters.chars().map(String::from).collect();
            writeln!(wrong, "  {}  {name}", spaced.join(" ")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "these are not as the table says:\n{wrong}");
    assert_eq!(
        found,
        expected.len(),
        "the table has routes that the server has not"
    );
}

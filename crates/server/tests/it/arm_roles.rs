//! Who may do what through Azure Resource Manager: every route with every role, and what somebody with a role sees.

use std::collections::BTreeMap;

use app::access::Caller;
use app::identity::{NewApplication, NewDirectory};
use domain::authorization::built_in;
use domain::identity::DirectoryOwner;
use domain::ids::{ObjectId, OperatorId, RoleDefinitionId};
use reqwest::Method;
use serde_json::json;
use server::{Limits, Needs, route_table};

use crate::access::filled;
use crate::fixture::{Answer, House, id};
use crate::world::{customer_subscription, default_subscription, registration};

const V: &str = "api-version=2024-11-01";

/// A program that signed in.
struct Program {
    object: ObjectId,
    application: String,
    token: String,
}

impl Program {
    async fn sign_in(house: &House, name: &str) -> Self {
        let operator = Caller::Operator {
            id: OperatorId::from_bytes([9; 16]),
            name: "tests".to_owned(),
        };
        let known = house.app.directory_named("programs.example");
        let directory = match known {
            Some(directory) => directory,
            None => {
                let new = NewDirectory {
                    id: None,
                    name: "Programs".to_owned(),
                    domain: "programs.example".parse().unwrap(),
                    owner: DirectoryOwner::Platform,
                };
                house.app.create_directory(&operator, new).await.unwrap()
            }
        };
        let new = NewApplication {
            directory: directory.id,
            name: name.to_owned(),
            id: None,
        };
        let application = house.app.create_application(&operator, new).await.unwrap();
        let expires = "2027-01-01T00:00:00Z".parse().unwrap();
        let secret = house
            .app
            .add_secret(&operator, application.id, expires)
            .await
            .unwrap();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}.default",
            application.id,
            secret.text,
            house.running.url()
        );
        let request = house.client.post(house.url("/adfs/oauth2/token")).body(form);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let given = house.send(request).await.expect(200).body;
        Self {
            object: application.service_principal,
            application: application.id.to_string(),
            token: given["access_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn send(&self, house: &House, method: Method, path: &str) -> Answer {
        let request = house
            .client
            .request(method.clone(), house.url(path))
            .bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        if method == Method::HEAD {
            let (status, headers) = (response.status(), response.headers().clone());
            return Answer {
                status,
                headers,
                body: json!(null),
            };
        }
        Answer::of(response).await
    }

    async fn is_given(&self, house: &House, role: RoleDefinitionId, scope: &str, number: u32) {
        let path = format!(
            "{scope}/providers/Microsoft.Authorization/roleAssignments/{}?api-version=2022-04-01",
            id('e', number)
        );
        let body = json!({ "properties": { "roleDefinitionId": role.to_string(), "principalId": self.object.to_string() } });
        house.put(&path, &body).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_open_to_the_roles_that_allow_its_action_and_to_nobody_else() {
    let house = House::start_with(Limits::default()).await;
    house.register().await;
    let subscription = format!("/subscriptions/{}", default_subscription());
    let elsewhere = format!("/subscriptions/{}", customer_subscription());
    let mut programs = BTreeMap::new();
    for (number, role) in (50..).zip(built_in()) {
        let program = Program::sign_in(&house, &role.name).await;
        program.is_given(&house, role.id, &subscription, number).await;
        programs.insert(role.name.clone(), program);
    }
    let nobody = Program::sign_in(&house, "nobody").await;
    let other = Program::sign_in(&house, "other").await;
    other.is_given(&house, built_in()[0].id, &elsewhere, 49).await;

    for route in route_table() {
        let (path, method) = (filled(route.path), route.method.parse::<Method>().unwrap());
        let name = format!("{} {}", route.method, route.path);
        let below = path.starts_with("/subscriptions/");
        // Without an api-version nothing is done: what is asked is only who gets as far as being told so.
        match route.needs {
            Needs::Action(action) => {
                for role in built_in() {
                    let status = programs[&role.name]
                        .send(&house, method.clone(), &path)
                        .await
                        .status;
                    let allowed = below && role.allows(action);
                    assert_eq!(
                        status == 403,
                        !allowed,
                        "{name} with role {}: {status}",
                        role.name
                    );
                }
                for stranger in [&nobody, &other] {
                    let status = stranger.send(&house, method.clone(), &path).await.status;
                    assert_eq!(status, if below { 404 } else { 403 }, "{name} for a stranger");
                }
            }
            Needs::SeenSubscription => {
                for program in programs.values() {
                    let status = program.send(&house, method.clone(), &path).await.status;
                    assert!(status != 403, "{name}: {status}");
                }
                let hidden = nobody.send(&house, method, &path).await;
                hidden.refused(404, "SubscriptionNotFound");
            }
            Needs::SignedIn if !path.starts_with("/api/") => {
                let status = nobody.send(&house, method, &path).await.status;
                assert!(status != 403 && status != 401, "{name}: {status}");
            }
            Needs::Operator => {
                let status = programs["Owner"].send(&house, method, &path).await.status;
                assert_eq!(status, 403, "{name} is for operators of the platform only");
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_a_role_at_a_group_finds_that_group_and_is_refused_in_the_documented_words() {
    let house = House::start().await;
    house.register().await;
    let subscription = format!("/subscriptions/{}", default_subscription());
    let other_group = format!("{subscription}/resourceGroups/other?{V}");
    house
        .put(&other_group, &json!({ "location": "local" }))
        .await
        .expect(201);
    let program = Program::sign_in(&house, "reader").await;
    let get = async |path: &str| program.send(&house, Method::GET, path).await;
    assert_eq!(
        get(&format!("/subscriptions?{V}")).await.expect(200).body,
        json!({ "value": [] })
    );
    // Nothing tells a subscription that exists from one that does not.
    let hidden = get(&format!("{subscription}?{V}"))
        .await
        .refused(404, "SubscriptionNotFound");
    let unknown = get(&format!("/subscriptions/{}?{V}", id('d', 77)))
        .await
        .refused(404, "SubscriptionNotFound");
    let text = |answer: &Answer| answer.body.to_string();
    assert_eq!(
        text(&hidden).replace(&default_subscription(), ""),
        text(&unknown).replace(&id('d', 77), "")
    );

    let group = format!("{subscription}/resourceGroups/azurestack");
    program.is_given(&house, built_in()[2].id, &group, 48).await;
    for (path, expected) in [
        (format!("/subscriptions?{V}"), 1),
        (format!("{subscription}/resourceGroups?{V}"), 1),
        (format!("{subscription}/resources?$filter=&{V}"), 1),
    ] {
        let listed = get(&path).await.expect(200).body;
        assert_eq!(
            listed["value"].as_array().unwrap().len(),
            expected,
            "{path}: {listed}"
        );
    }
    get(&format!("{subscription}/providers/Microsoft.AzureStack?{V}"))
        .await
        .expect(200);
    get(&format!("{}?api-version=2017-06-01", registration("north")))
        .await
        .expect(200);
    get(&other_group).await.refused(403, "AuthorizationFailed");

    let path = format!("{}?api-version=2017-06-01", registration("north"));
    let refused = program
        .send(&house, Method::DELETE, &path)
        .await
        .refused(403, "AuthorizationFailed");
    let documented = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action \
         'Microsoft.AzureStack/registrations/delete' over scope '{}' or the scope is invalid. If access was recently \
         granted, please refresh your credentials.",
        program.application,
        program.object,
        registration("north")
    );
    assert_eq!(refused.body["error"]["message"], documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_needs_a_role_in_the_target_group_too() {
    let house = House::start().await;
    house.register().await;
    let subscription = format!("/subscriptions/{}", default_subscription());
    let target = format!("{subscription}/resourceGroups/target");
    house
        .put(&format!("{target}?{V}"), &json!({ "location": "local" }))
        .await
        .expect(201);
    let program = Program::sign_in(&house, "mover").await;
    let source = format!("{subscription}/resourceGroups/azurestack");
    program.is_given(&house, built_in()[1].id, &source, 47).await;
    let body = json!({ "resources": [registration("north")], "targetResourceGroup": target });
    let ask = async || {
        let request = house
            .client
            .post(house.url(&format!("{source}/moveResources?{V}")))
            .json(&body);
        house.send(request.bearer_auth(&program.token)).await
    };
    ask().await.refused(403, "AuthorizationFailed");
    program.is_given(&house, built_in()[1].id, &target, 46).await;
    ask().await.expect(202);
}

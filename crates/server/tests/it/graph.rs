//! The little of Microsoft Graph that Azure's tools ask for when a role is given by name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access_world::World;
use crate::fixture::{Answer, id};

const NOBODY: &str = "00000000-0000-4000-8000-000000000099";

/// What finds the accounts of the reseller's directory, one for each way to ask.
async fn found(world: &World, caller: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for path in [
        "users?$filter=userPrincipalName eq 'Anna@Reseller.example'".to_owned(),
        format!(
            "servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '{}')",
            world.application
        ),
        format!(
            "servicePrincipals?$filter=appId eq '{}'",
            world.application.to_uppercase()
        ),
    ] {
        let answer = world
            .get(caller, &format!("/graph/v1.0/{path}"))
            .await
            .expect(200);
        found.push(answer.body["value"].clone());
    }
    let asked = json!({ "ids": [world.group, NOBODY], "types": ["user", "group", "directoryObjectPartnerReference"] });
    found.push(by_ids(world, caller, &asked).await.expect(200).body["value"].clone());
    found
}

async fn by_ids(world: &World, caller: &str, asked: &Value) -> Answer {
    let path = "/graph/v1.0/directoryObjects/getByIds";
    world.send(caller, Method::POST, path, Some(asked)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_found_by_those_who_manage_its_directory_and_does_not_exist_for_others() {
    let world = World::build().await;
    let path = format!("/api/v1/applications/{}", world.application);
    let principal = world.house.get(&path).await.expect(200).body["servicePrincipalId"].clone();
    let program = json!([{ "@odata.type": "#microsoft.graph.servicePrincipal", "id": principal,
        "displayName": "Nightly", "appId": world.application, "servicePrincipalNames": [world.application] }]);
    let expected = [
        json!([{ "@odata.type": "#microsoft.graph.user", "id": world.user, "displayName": "anna@reseller.example",
            "userPrincipalName": "anna@reseller.example" }]),
        program.clone(),
        program,
        json!([{ "@odata.type": "#microsoft.graph.group", "id": world.group, "displayName": "Readers" }]),
    ];
    for caller in ["operator credential", "platform operator", "own agent"] {
        assert_eq!(found(&world, caller).await, expected, "{caller}");
    }
    let nothing = vec![json!([]); expected.len()];
    for caller in [
        "provider's agent",
        "other agent",
        "customer's user",
        "Owner",
        "no role",
    ] {
        assert_eq!(found(&world, caller).await, nothing, "{caller}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_any_role_finds_who_is_in_the_same_directory() {
    let world = World::build().await;
    let asked = json!({ "ids": [world.spare] });
    let answer = by_ids(&world, "no role", &asked).await.expect(200).body;
    assert_eq!(answer["value"][0]["displayName"], "spare", "{answer}");
    // Of another type than asked for.
    let asked = json!({ "ids": [world.spare], "types": ["user"] });
    let answer = by_ids(&world, "no role", &asked).await.expect(200).body;
    assert_eq!(answer, json!({ "value": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_listed_and_what_cannot_be_answered_says_what_can() {
    let world = World::build().await;
    for path in [
        "users",
        "users?$filter=startswith(displayName,'a')",
        "users?$filter=userPrincipalName eq 'a' or userPrincipalName eq 'b'",
        "servicePrincipals",
        "servicePrincipals?$filter=displayName eq 'Nightly'",
    ] {
        let answer = world
            .get("operator credential", &format!("/graph/v1.0/{path}"))
            .await;
        let answer = answer.refused(400, "InvalidFilterInQueryString");
        assert!(
            answer.body["error"]["message"]
                .as_str()
                .unwrap()
                .contains("Expected"),
            "{answer:?}"
        );
    }
    for path in [
        "users?$filter=userPrincipalName eq 'nobody'",
        "servicePrincipals?$filter=servicePrincipalNames/any(c:c eq 'https://program.example')",
    ] {
        let answer = world
            .get("operator credential", &format!("/graph/v1.0/{path}"))
            .await;
        assert_eq!(answer.expect(200).body, json!({ "value": [] }), "{path}");
    }
    let refused = async |asked: Value| by_ids(&world, "operator credential", &asked).await;
    refused(json!({ "ids": ["anna"] }))
        .await
        .refused(400, "InvalidPrincipalId");
    let ids: Vec<String> = (0..1001).map(|number| id('0', number)).collect();
    refused(json!({ "ids": ids })).await.refused(400, "TooManyIds");
    refused(json!({})).await.refused(400, "InvalidRequestContent");
}

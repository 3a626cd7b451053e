//! What exists at every scope, roles and locks, and moving registrations from one resource group to another.

use serde_json::json;

use crate::fixture::{House, id};
use crate::world::{
    at, customer, customer_subscription, default_subscription, enterprise_subscription, mapping,
    others_subscription, partner, registration, registration_body, stack, tenant,
};

const V: &str = "api-version=2024-11-01";

fn below(rest: &str) -> String {
    format!("/subscriptions/{}{rest}", default_subscription())
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_move_within_a_partner_with_their_tenants_and_nowhere_else() {
    let house = House::start().await;
    house.register().await;
    let approval = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&approval, &json!({})).await.expect(200);
    house
        .put(&mapping("north", &customer_subscription()), &json!({}))
        .await
        .expect(200);
    let body = json!({ "id": id('d', 5), "name": "Second", "kind": "csp", "tenantId": tenant(),
        "ownerPartnerId": partner(), "customerId": customer() });
    house.post("/api/v1/subscriptions", &body).await.expect(201);
    for subscription in [
        default_subscription(),
        id('d', 5),
        others_subscription(),
        enterprise_subscription(),
    ] {
        let group = format!("/subscriptions/{subscription}/resourceGroups/target?{V}");
        house
            .put(&group, &json!({ "location": "local" }))
            .await
            .expect(201);
    }
    let source = below("/resourceGroups/azurestack");
    let target = |subscription: &str| format!("/subscriptions/{subscription}/resourceGroups/target");
    let ask = async |what: &str, resources: &[String], target: &str| {
        let body = json!({ "resources": resources, "targetResourceGroup": target });
        house.post(&format!("{source}/{what}?{V}"), &body).await
    };
    let north = [registration("north")];
    for what in ["validateMoveResources", "moveResources"] {
        let refused = ask(what, &north, &target(&others_subscription())).await;
        refused.refused(409, "ResourceMoveToOtherPartner");
        ask(what, &north, &target(&enterprise_subscription()))
            .await
            .refused(409, "ResourceMoveToOtherPartner");
        ask(what, &north, &source)
            .await
            .refused(400, "InvalidMoveRequest");
        ask(what, &[], &target(&default_subscription()))
            .await
            .refused(400, "InvalidMoveRequest");
        ask(what, &north, "nowhere")
            .await
            .refused(400, "InvalidMoveRequest");
        ask(what, &[registration("south")], &target(&default_subscription()))
            .await
            .refused(404, "RegistrationNotFound");
        let inside = mapping("north", &customer_subscription());
        let inside = inside.split('?').next().unwrap().to_owned();
        ask(what, &[inside], &target(&default_subscription()))
            .await
            .refused(400, "InvalidMoveRequest");
        let nowhere = target(&default_subscription()).replace("target", "none");
        ask(what, &north, &nowhere)
            .await
            .refused(404, "ResourceGroupNotFound");
    }
    let key = house.activation_key("north").await;
    let accepted = ask("validateMoveResources", &north, &target(&id('d', 5)))
        .await
        .expect(202);
    let location = accepted.header("location").replace(house.running.url(), "/");
    house.get(&location).await.expect(204);
    house.get(&at(&registration("north"))).await.expect(200);

    let lock = format!(
        "{}/providers/Microsoft.Authorization/locks/l?api-version=2016-09-01",
        registration("north")
    );
    house
        .put(&lock, &json!({ "properties": { "level": "CanNotDelete" } }))
        .await
        .expect(201);
    ask("moveResources", &north, &target(&id('d', 5)))
        .await
        .refused(409, "ScopeLocked");
    house.delete(&lock).await.expect(200);

    ask("moveResources", &north, &target(&id('d', 5)))
        .await
        .expect(202);
    house
        .get(&at(&registration("north")))
        .await
        .refused(404, "ResourceNotFound");
    let moved = format!(
        "{}/providers/Microsoft.AzureStack/registrations/north",
        target(&id('d', 5))
    );
    assert_eq!(house.get(&at(&moved)).await.expect(200).body["id"], moved);
    let tenants = house
        .get(&at(&format!("{moved}/customerSubscriptions")))
        .await
        .expect(200)
        .body;
    assert_eq!(tenants["value"].as_array().unwrap().len(), 1, "mappings stay");
    let directory = format!("/api/v1/stacks/{}/subscriptions", stack());
    let delivered = house
        .client
        .put(house.url(&directory))
        .bearer_auth(key)
        .json(&json!({ "value": [] }));
    house.send(delivered).await.expect(200);
    // The name is free again, and another stack may have it.
    let body = registration_body(&id('5', 2), "PayAsYouUse");
    house.put(&at(&registration("north")), &body).await.expect(201);
    ask("moveResources", &north, &target(&id('d', 5)))
        .await
        .refused(409, "ResourceAlreadyExists");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_locks_are_resources_at_every_scope() {
    let house = House::start().await;
    house.register().await;
    let roles = "api-version=2022-04-01";
    let provider = "providers/Microsoft.Authorization";
    let scopes = [
        String::new(),
        below(""),
        below("/resourcegroups/azurestack"),
        registration("north"),
        format!(
            "{}/customerSubscriptions/{}",
            registration("north"),
            customer_subscription()
        ),
    ];
    let canonical = format!("{}/{provider}/roleDefinitions/", below(""));
    for (place, scope) in scopes.iter().enumerate() {
        let definitions = format!("{scope}/{provider}/roleDefinitions?{roles}&$filter=roleName eq 'reader'");
        let found = house.get(&definitions).await.expect(200).body;
        let reader = found["value"][0]["id"].as_str().unwrap();
        assert_eq!(found["value"].as_array().unwrap().len(), 1);
        if place > 0 {
            assert!(
                reader.starts_with(&canonical),
                "clients compare ids as text: {reader}"
            );
        }
        let path = format!(
            "{scope}/{provider}/roleAssignments/{}?{roles}",
            id('e', 20 + u32::try_from(place).unwrap())
        );
        let body = json!({ "properties": { "roleDefinitionId": reader, "principalId": id('e', 2), "principalType": "Group" } });
        let given = house.put(&path, &body).await.expect(201).body;
        assert_eq!(given["properties"]["principalType"], "Group");
        assert_eq!(house.put(&path, &body).await.expect(200).body, given);
        assert_eq!(house.get(&path).await.expect(200).body, given);
        let listed = format!("{scope}/{provider}/roleAssignments?{roles}&$filter=atScope()");
        assert_eq!(
            house.get(&listed).await.expect(200).body["value"]
                .as_array()
                .unwrap()
                .len(),
            place + 1
        );
        let to = format!(
            "{scope}/{provider}/roleAssignments?{roles}&$filter=principalId eq '{}'",
            id('e', 3)
        );
        assert_eq!(house.get(&to).await.expect(200).body, json!({ "value": [] }));
        house
            .get(&format!("{scope}/{provider}/permissions?{roles}"))
            .await
            .expect(200);
    }
    for (place, scope) in scopes.iter().enumerate().skip(1) {
        // As the command line sends it.
        let scope = scope.replace(
            "Microsoft.AzureStack/registrations",
            "Microsoft.AzureStack//registrations",
        );
        let path = format!("{scope}/{provider}/locks/l{place}?api-version=2016-09-01");
        let body = json!({ "properties": { "level": "CanNotDelete", "notes": "n" } });
        house.put(&path, &body).await.expect(201);
        assert_eq!(
            house.get(&path).await.expect(200).body["properties"],
            body["properties"]
        );
        let all = format!("{}/{provider}/locks?api-version=2016-09-01", below(""));
        assert_eq!(
            house.get(&all).await.expect(200).body["value"]
                .as_array()
                .unwrap()
                .len(),
            place
        );
    }
    let level = json!({ "properties": { "level": "Maybe" } });
    let lock = format!("{}/{provider}/locks/x?api-version=2016-09-01", below(""));
    house.put(&lock, &level).await.refused(400, "InvalidLockLevel");
    let read_only = json!({ "properties": { "level": "ReadOnly" } });
    house.put(&lock, &read_only).await.expect(201);
    house
        .put(&at(&registration("north")), &json!({ "tags": { "a": "b" } }))
        .await
        .refused(409, "ScopeLocked");
    house
        .put(&mapping("north", &customer_subscription()), &json!({}))
        .await
        .refused(409, "ScopeLocked");

    let custom = format!("{}/{provider}/roleDefinitions/{}?{roles}", below(""), id('e', 9));
    let body = json!({ "properties": { "roleName": "Tagger", "description": "Tags.", "assignableScopes": [below("")],
        "permissions": [{ "actions": ["Microsoft.Resources/tags/*"], "notActions": [] }] } });
    let defined = house.put(&custom, &body).await.expect(201).body;
    assert_eq!(defined["properties"]["type"], "CustomRole");
    house.delete(&custom).await.expect(200);
    house.delete(&custom).await.expect(204);
}

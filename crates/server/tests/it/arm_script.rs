//! The requests of the documented registration script and of the documented way to add a tenant, raw and in their order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::described::Recorded;
use crate::fixture::{Answer, House, id};
use crate::world::{
    customer_subscription, default_subscription, enterprise_subscription, others_subscription, stack, tenant,
    token,
};

const SCRIPT_VERSION: &str = "2017-06-01";
const REGISTRATION_OWNER: &str = "6f12a6df-dd06-4f3e-bcb1-ce8be600526a";

fn name() -> String {
    format!("AzureStack-{}", stack())
}

fn below(subscription: &str, rest: &str) -> String {
    format!("/subscriptions/{subscription}{rest}")
}

fn registration() -> String {
    let rest = format!(
        "/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/{}",
        name()
    );
    below(&default_subscription(), &rest)
}

fn lock() -> String {
    let path = registration();
    format!("{path}/providers/Microsoft.Authorization/locks/RegistrationResourceLock?api-version=2016-09-01")
}

fn versioned(path: &str, version: &str) -> String {
    format!("{path}?api-version={version}")
}

/// A partner with a customer, without a resource group: the script makes it.
async fn accounts() -> Recorded {
    let house = House::start().await;
    house.open_accounts().await;
    let group = versioned(
        &below(&default_subscription(), "/resourceGroups/azurestack"),
        "2024-11-01",
    );
    house.delete(&group).await.expect(202);
    Recorded::of(house)
}

async fn register(house: &Recorded) -> Answer {
    let body = json!({ "location": "Global", "properties": { "registrationToken": token(&stack(), "PayAsYouUse") } });
    house
        .put(&versioned(&registration(), SCRIPT_VERSION), &body)
        .await
}

async fn activation_key(house: &Recorded) -> String {
    let path = versioned(&format!("{}/GetActivationKey", registration()), SCRIPT_VERSION);
    let answer = house.send(house.request(Method::POST, &path)).await.expect(200);
    answer.body["activationKey"].as_str().unwrap().to_owned()
}

/// From the first request of the script to the stack's credential.
async fn run_script(house: &Recorded) {
    let s = default_subscription();
    let locations = versioned(&below(&s, "/locations"), "2016-06-01");
    let locations = house.get(&locations).await.expect(200).body;
    let named = |name: &str| {
        locations["value"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == name)
    };
    assert!(
        named("westcentralus"),
        "the script goes on only if its location is listed: {locations}"
    );

    let register_provider = versioned(
        &below(&s, "/providers/Microsoft.AzureStack/register"),
        "2016-09-01",
    );
    let provider = house
        .send(house.request(Method::POST, &register_provider))
        .await
        .expect(200)
        .body;
    assert_eq!(provider["registrationState"], "Registered");

    house.get(&lock()).await.refused(404, "LockNotFound");
    let group = versioned(&below(&s, "/resourcegroups/azurestack"), "2016-09-01");
    house
        .put(&group, &json!({ "location": "westcentralus" }))
        .await
        .expect(201);

    let registered = register(house).await.expect(201).body;
    assert_eq!(registered["location"], "global");
    let lock_body = json!({ "properties": { "level": "CanNotDelete", "notes": "Registered." } });
    house.put(&lock(), &lock_body).await.expect(201);

    let known = house
        .get(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .expect(200)
        .body;
    assert_eq!(known["properties"]["billingModel"], "PayAsYouUse");
    let of_bridge = id('e', 5);
    let roles = format!("{}/providers/Microsoft.Authorization", registration());
    let given = format!("{roles}/roleAssignments?api-version=2015-07-01&$filter=atScope()");
    assert_eq!(house.get(&given).await.expect(200).body, json!({ "value": [] }));
    let definition = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{REGISTRATION_OWNER}",
        below(&s, "")
    );
    let assignment = json!({ "properties": {
        "roleDefinitionId": definition, "principalId": of_bridge, "principalType": "ServicePrincipal",
    }});
    let path = versioned(&format!("{roles}/roleAssignments/{}", id('e', 6)), "2015-07-01");
    let assigned = house.put(&path, &assignment).await.expect(201).body;
    assert_eq!(assigned["properties"]["roleDefinitionId"], definition);
    assert_eq!(activation_key(house).await.split('.').count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registration_script_registers_registers_again_and_removes() {
    let house = accounts().await;
    run_script(&house).await;

    // Again, as it does when the billing model changes: the lock goes, the registration is put, the lock comes back.
    house.get(&lock()).await.expect(200);
    house
        .delete(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .refused(409, "ScopeLocked");
    house.delete(&lock()).await.expect(200);
    let again = register(&house).await.expect(200).body;
    assert_eq!(again["properties"]["cloudId"], stack());
    let lock_body = json!({ "properties": { "level": "CanNotDelete" } });
    house.put(&lock(), &lock_body).await.expect(201);
    activation_key(&house).await;

    // Removal.
    house
        .get(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .expect(200);
    house.delete(&lock()).await.expect(200);
    house.delete(&lock()).await.expect(204);
    house
        .delete(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .expect(200);
    house
        .get(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .refused(404, "ResourceNotFound");
    house.assert_answers_are_as_described("the_registration_script_registers_registers_again_and_removes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_registration_stops_the_deletion_of_its_group_and_names_what_is_locked() {
    let house = accounts().await;
    run_script(&house).await;
    let group = versioned(
        &below(&default_subscription(), "/resourceGroups/azurestack"),
        "2024-11-01",
    );
    let refused = house.delete(&group).await.refused(409, "ScopeLocked");
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(&registration()) && message.contains("cannot perform delete operation"),
        "{message}"
    );
    activation_key(&house).await;

    house.delete(&lock()).await.expect(200);
    let accepted = house.delete(&group).await.expect(202);
    let location = accepted.header("location").replace(house.running.url(), "/");
    assert!(!accepted.header("retry-after").is_empty());
    house.get(&location).await.expect(200);
    house
        .get(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .refused(404, "ResourceNotFound");
    let forgotten = location.replace("operationresults/", "operationresults/0");
    house.get(&forgotten).await.refused(404, "OperationNotFound");
}

/// The command of the tenant article: one PUT, with an empty body or none.
async fn add(house: &Recorded, subscription: &str) -> Answer {
    let path = format!("{}/customerSubscriptions/{subscription}", registration());
    let body = json!({ "properties": {} });
    house.put(&versioned(&path, SCRIPT_VERSION), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_article_adds_lists_and_removes_a_tenant_and_refuses_in_eight_ways() {
    let house = accounts().await;
    let csp = customer_subscription();
    // 1. Nothing is registered yet.
    let unknown = add(&house, &csp).await.refused(404, "RegistrationNotFound");
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&name())
    );
    run_script(&house).await;
    // 2. The registration is not approved for multi-tenancy.
    add(&house, &csp)
        .await
        .refused(403, "UnauthorizedCspRegistration");
    let approval = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&approval, &json!({})).await.expect(200);
    // 3. No subscription.
    add(&house, "contoso")
        .await
        .refused(400, "InvalidCustomerSubscriptionId");
    // 4. One of another kind.
    add(&house, &enterprise_subscription())
        .await
        .refused(400, "InvalidCSPSubscription");
    // 5. One of another partner.
    add(&house, &others_subscription())
        .await
        .refused(403, "BadCustomerSubscriptionId");
    // 6. One that was not added.
    let path = format!("{}/customerSubscriptions/{csp}", registration());
    house
        .get(&versioned(&path, SCRIPT_VERSION))
        .await
        .refused(404, "CustomerSubscriptionNotFound");

    let added = add(&house, &csp.to_uppercase()).await.expect(200).body;
    assert_eq!(added["properties"]["tenantId"], tenant());
    assert_eq!(
        added["location"],
        Value::Null,
        "the contract knows no location here"
    );
    let list = format!("{}/customerSubscriptions", registration());
    let listed = house
        .get(&versioned(&list, SCRIPT_VERSION))
        .await
        .expect(200)
        .body;
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    // The script's lock is good for what is below, too.
    house
        .delete(&versioned(&path, SCRIPT_VERSION))
        .await
        .refused(409, "ScopeLocked");
    house.delete(&lock()).await.expect(200);
    house.delete(&versioned(&path, SCRIPT_VERSION)).await.expect(200);
    house.delete(&versioned(&path, SCRIPT_VERSION)).await.expect(204);

    // 7. A registration that does not pay by usage.
    let capacity = json!({ "properties": { "registrationToken": token(&stack(), "Capacity") } });
    house
        .put(&versioned(&registration(), SCRIPT_VERSION), &capacity)
        .await
        .expect(200);
    add(&house, &csp)
        .await
        .refused(409, "CustomerSubscriptionsNotAllowed");
    // 8. MetadataResolverBadGatewayError: subscriptions are looked up in the books, which do not fail in that way. The
    // domain's tests hold the text.

    house.assert_answers_are_as_described(
        "the_tenant_article_adds_lists_and_removes_a_tenant_and_refuses_in_eight_ways",
    );
}

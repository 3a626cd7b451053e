//! The requests of the documented registration script and of the documented way to add a tenant, raw and in their order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::described::Recorded;
use crate::fixture::{Answer, House, id};
use crate::identity::{SignedIn, house_with_a_user_and_a_program};
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

/// What the documentation says that a role for registering has to allow.
const DOCUMENTED_ACTIONS: [&str; 8] = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.AzureStack/registrations/*",
    "Microsoft.AzureStack/register/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/permissions/read",
];
/// What it does not say, and the script does all the same.
const LOCKS: &str = "Microsoft.Authorization/locks/*";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

/// Accounts, and their operator.
async fn accounts() -> Recorded {
    let house = House::start().await;
    open_accounts(&house).await;
    Recorded::of(house)
}

/// Accounts, and a user who is Owner of the default subscription and nothing else.
async fn accounts_and_an_owner() -> Recorded {
    let (house, user, _) = house_with_a_user_and_a_program().await;
    open_accounts(&house).await;
    give(&house, OWNER, &user).await;
    Recorded::asked_with(house, user.token)
}

/// Accounts, and a program that has a role of these actions at the default subscription and nothing else.
async fn accounts_and_a_program(actions: &[&str]) -> Recorded {
    let (house, _, program) = house_with_a_user_and_a_program().await;
    open_accounts(&house).await;
    let role = id('e', 8);
    let path = below(
        &default_subscription(),
        &format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
    );
    let body = json!({ "properties": {
        "roleName": "Azure Stack registration role", "description": "Registers stacks.",
        "assignableScopes": [below(&default_subscription(), "")], "permissions": [{ "actions": actions }],
    } });
    house
        .put(&versioned(&path, "2022-04-01"), &body)
        .await
        .expect(201);
    give(&house, &role, &program).await;
    Recorded::asked_with(house, program.token)
}

async fn give(house: &House, role: &str, to: &SignedIn) {
    let path = format!(
        "/providers/Microsoft.Authorization/roleAssignments/{}",
        id('e', 7)
    );
    let path = below(&default_subscription(), &path);
    let body = json!({ "properties": { "roleDefinitionId": role, "principalId": to.object.to_string() } });
    house
        .put(&versioned(&path, "2022-04-01"), &body)
        .await
        .expect(201);
}

/// A partner with a customer, without a resource group: the script makes it.
async fn open_accounts(house: &House) {
    house.open_accounts().await;
    let group = versioned(
        &below(&default_subscription(), "/resourceGroups/azurestack"),
        "2024-11-01",
    );
    house.delete(&group).await.expect(202);
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
    prepare(house).await;
    house.get(&lock()).await.refused(404, "LockNotFound");
    put_registration(house).await;
    set_lock(house).await;
    give_to_the_bridge(house).await;
    assert_eq!(activation_key(house).await.split('.').count(), 3);
}

async fn prepare(house: &Recorded) {
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
}

async fn put_registration(house: &Recorded) {
    let s = default_subscription();
    let group = versioned(&below(&s, "/resourcegroups/azurestack"), "2016-09-01");
    house
        .put(&group, &json!({ "location": "westcentralus" }))
        .await
        .expect(201);

    let registered = register(house).await.expect(201).body;
    assert_eq!(registered["location"], "global");
}

async fn set_lock(house: &Recorded) {
    let body = json!({ "properties": { "level": "CanNotDelete", "notes": "Registered." } });
    house.put(&lock(), &body).await.expect(201);
}

/// The account that the stack downloads products with has a role at the registration.
async fn give_to_the_bridge(house: &Recorded) {
    let s = default_subscription();
    let known = house
        .get(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .expect(200)
        .body;
    assert_eq!(known["properties"]["billingModel"], "PayAsYouUse");
    let of_bridge = id('e', 5);
    let roles = format!("{}/providers/Microsoft.Authorization", registration());
    let given = format!("{roles}/roleAssignments?api-version=2015-07-01&$filter=atScope()");
    let given = house.get(&given).await.expect(200).body;
    let of_bridge_already = |it: &Value| it["properties"]["principalId"] == of_bridge;
    assert!(!given["value"].as_array().unwrap().iter().any(of_bridge_already));
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
}

/// The script registers, registers again and removes.
async fn script_from_beginning_to_end(house: &Recorded) {
    run_script(house).await;

    // Again, as it does when the billing model changes: the lock goes, the registration is put, the lock comes back.
    house.get(&lock()).await.expect(200);
    house
        .delete(&versioned(&registration(), SCRIPT_VERSION))
        .await
        .refused(409, "ScopeLocked");
    house.delete(&lock()).await.expect(200);
    let again = register(house).await.expect(200).body;
    assert_eq!(again["properties"]["cloudId"], stack());
    set_lock(house).await;
    activation_key(house).await;

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
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registration_script_registers_registers_again_and_removes() {
    let house = accounts().await;
    script_from_beginning_to_end(&house).await;
    house.assert_answers_are_as_described("the_registration_script_registers_registers_again_and_removes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_a_subscription_could_not_run_the_registration_script() {
    let house = accounts_and_an_owner().await;
    script_from_beginning_to_end(&house).await;
    house.assert_answers_are_as_described("an_owner_of_a_subscription_could_not_run_the_registration_script");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_the_documented_role_and_locks_could_not_run_the_registration_script() {
    let actions = [&DOCUMENTED_ACTIONS[..], &[LOCKS]].concat();
    let house = accounts_and_a_program(&actions).await;
    script_from_beginning_to_end(&house).await;
}

/// The documented role lists no action on locks. What is refused is the lock, and the script, which passes over a lock that
/// it cannot read, stops after it has registered; whoever runs its steps by hand gets the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_exactly_the_documented_role_could_not_register_a_stack_and_change_or_remove_it() {
    let house = accounts_and_a_program(&DOCUMENTED_ACTIONS).await;
    prepare(&house).await;
    house.get(&lock()).await.refused(403, "AuthorizationFailed");
    put_registration(&house).await;
    let body = json!({ "properties": { "level": "CanNotDelete" } });
    house
        .put(&lock(), &body)
        .await
        .refused(403, "AuthorizationFailed");
    give_to_the_bridge(&house).await;
    activation_key(&house).await;

    // Somebody else locks it: it is registered again all the same, and not removed before they unlock it.
    House::put(&house, &lock(), &body).await.expect(201);
    register(&house).await.expect(200);
    let registration = versioned(&registration(), SCRIPT_VERSION);
    house.delete(&registration).await.refused(409, "ScopeLocked");
    house.delete(&lock()).await.refused(403, "AuthorizationFailed");
    House::delete(&house, &lock()).await.expect(200);
    house.delete(&registration).await.expect(200);
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

/// The article from its beginning to its end, and the refusals that it and the contract document but one:
/// MetadataResolverBadGatewayError. Subscriptions are looked up in the books, which do not fail in that way; the domain's
/// tests hold its text.
///
/// Whoever does not see the subscription of another kind learns only that it is of another partner.
async fn tenant_article(house: &Recorded, of_another_kind: (u16, &str)) {
    let csp = customer_subscription();
    // 1. Nothing is registered yet.
    let unknown = add(house, &csp).await.refused(404, "RegistrationNotFound");
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&name())
    );
    run_script(house).await;
    // 2. The registration is not approved for multi-tenancy.
    add(house, &csp).await.refused(403, "UnauthorizedCspRegistration");
    let approval = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    House::post(house, &approval, &json!({})).await.expect(200);
    // 3. No subscription.
    add(house, "contoso")
        .await
        .refused(400, "InvalidCustomerSubscriptionId");
    // 4. One of another kind.
    add(house, &default_subscription())
        .await
        .refused(400, "InvalidCSPSubscription");
    let (status, code) = of_another_kind;
    add(house, &enterprise_subscription()).await.refused(status, code);
    // 5. One of another partner.
    add(house, &others_subscription())
        .await
        .refused(403, "BadCustomerSubscriptionId");
    // 6. One that was not added.
    let path = format!("{}/customerSubscriptions/{csp}", registration());
    house
        .get(&versioned(&path, SCRIPT_VERSION))
        .await
        .refused(404, "CustomerSubscriptionNotFound");

    let added = add(house, &csp.to_uppercase()).await.expect(200).body;
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

    // 7. A registration that does not pay by usage. Those who pay do not end that by themselves.
    let capacity = json!({ "properties": { "registrationToken": token(&stack(), "Capacity") } });
    House::put(house, &versioned(&registration(), SCRIPT_VERSION), &capacity)
        .await
        .expect(200);
    add(house, &csp)
        .await
        .refused(409, "CustomerSubscriptionsNotAllowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_article_adds_lists_and_removes_a_tenant_and_refuses_in_seven_ways() {
    let house = accounts().await;
    tenant_article(&house, (400, "InvalidCSPSubscription")).await;
    house.assert_answers_are_as_described(
        "the_tenant_article_adds_lists_and_removes_a_tenant_and_refuses_in_seven_ways",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_a_subscription_could_not_add_a_tenant_as_the_article_says() {
    let house = accounts_and_an_owner().await;
    tenant_article(&house, (403, "BadCustomerSubscriptionId")).await;
    house.assert_answers_are_as_described(
        "an_owner_of_a_subscription_could_not_add_a_tenant_as_the_article_says",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_the_documented_role_and_locks_could_not_add_a_tenant_as_the_article_says() {
    let actions = [&DOCUMENTED_ACTIONS[..], &[LOCKS]].concat();
    let house = accounts_and_a_program(&actions).await;
    tenant_article(&house, (403, "BadCustomerSubscriptionId")).await;
}

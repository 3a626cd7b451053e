//! Azure's shapes, against the documents of Azure.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{CloudId, ObjectId, RegistrationId, SubscriptionId, TenantId};
use domain::registration::{BillingModel, Registration, RegistrationToken};
use domain::time::Timestamp;
use domain::timeline::Recorded;
use serde_json::{Value, json};
use wire::arm::ResourceGroup;
use wire::azure_stack::{
    self, API_VERSIONS, ActivationKeyClaims, ActivationKeyResult, CustomerSubscription,
    PutCustomerSubscription, PutRegistration, decode_registration_token, encode_registration_token,
};
use wire::stack_admin::{DirectoryTenantList, SubscriptionList};

/// A document of the contracts, or nothing with a loud line when they are not there.
#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn contract(path: &str) -> Option<Value> {
    let path = format!("{}/../../../shared/contracts/{path}", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            eprintln!("NOT RUN: {path} cannot be read ({error}), so nothing was compared with it");
            None
        }
    }
}

/// The body of an example's answer.
fn answer(example: &Value) -> &Value {
    &example["responses"]["200"]["body"]
}

/// Every member, with the path to it.
fn members(value: &Value) -> BTreeSet<String> {
    let Value::Object(object) = value else {
        return BTreeSet::new();
    };
    let inner = |(name, value): (&String, &Value)| {
        let inside = members(value)
            .into_iter()
            .map(|inside| format!("{name}.{inside}"))
            .collect::<Vec<_>>();
        std::iter::once(name.clone()).chain(inside).collect::<Vec<_>>()
    };
    object.iter().flat_map(inner).collect()
}

fn registration() -> Registration {
    let recorded = Recorded {
        entry: 42,
        at: Timestamp::from_second(1_790_000_000).unwrap(),
        by: ObjectId::from_bytes([7; 16]),
    };
    Registration {
        id: RegistrationId::from_bytes([1; 16]),
        subscription: "dd8597b4-8739-4467-8b10-f8679f62bfbf".parse().unwrap(),
        resource_group: "azurestack".parse().unwrap(),
        name: "testregistration".parse().unwrap(),
        location: "global".to_owned(),
        tags: [("key1".to_owned(), "value1".to_owned())].into(),
        token: RegistrationToken {
            cloud_id: CloudId::from_bytes([2; 16]),
            object_id: Some(ObjectId::from_bytes([3; 16])),
            billing_model: BillingModel::Development,
            marketplace_syndication_enabled: true,
            usage_reporting_enabled: true,
            agreement_number: Some("agreement1".to_owned()),
            asset_tag: None,
            region_names: vec!["uswest".to_owned()],
            hardware: Vec::new(),
            issuer: "issuer1".to_owned(),
            version: "1.0".to_owned(),
        },
        multi_tenancy_approved: false,
        key_generation: 0,
        created: recorded,
        updated: recorded,
    }
}

#[test]
fn a_registration_has_the_members_of_the_documented_answer_and_no_others() {
    let said = serde_json::to_value(azure_stack::Registration::from(&registration())).unwrap();
    for version in API_VERSIONS {
        let Some(example) = contract(&format!("azurestack/{version}/examples/Registration/Patch.json"))
        else {
            return;
        };
        assert_eq!(members(&said), members(answer(&example)), "{version}");
        for member in ["id", "name", "type", "location", "tags"] {
            assert_eq!(said[member], answer(&example)[member], "{version}: {member}");
        }
        let etag = said["etag"].as_str().unwrap();
        assert!(
            etag.starts_with('"') && etag.ends_with('"'),
            "{etag} is not quoted inside the text"
        );
    }
}

#[test]
fn a_registration_and_an_activation_key_have_the_agreed_members_and_no_others() {
    let said = serde_json::to_value(azure_stack::Registration::from(&registration())).unwrap();
    let said: Vec<_> = members(&said).into_iter().collect();
    assert_eq!(
        said,
        [
            "etag",
            "id",
            "location",
            "name",
            "properties",
            "properties.billingModel",
            "properties.cloudId",
            "properties.objectId",
            "tags",
            "tags.key1",
            "type"
        ]
    );
    let claims = ActivationKeyClaims::of(&registration(), "https://meterbridge.example/");
    let said: Vec<_> = members(&serde_json::to_value(&claims).unwrap())
        .into_iter()
        .collect();
    assert_eq!(
        said,
        [
            "agreementNumber",
            "billingModel",
            "certPinningIntermediateThumbprints",
            "certPinningRootSubjects",
            "cloudId",
            "expires",
            "hardwareInfo",
            "issuer",
            "keyGeneration",
            "marketplaceEndpoint",
            "marketplaceResourceUri",
            "marketplaceSyndicationEnabled",
            "objectId",
            "regionNames",
            "registrationId",
            "registrationName",
            "resourceGroupName",
            "subscriptionId",
            "usageEndpoint",
            "usageReportingEnabled",
            "usageResourceUri",
            "version"
        ]
    );
}

#[test]
fn a_change_of_a_registration_changes_its_etag() {
    let (before, mut after) = (registration(), registration());
    after.updated.entry += 1;
    let etag = |it: &Registration| azure_stack::Registration::from(it).etag;
    assert_ne!(etag(&before), etag(&after));
}

#[test]
fn requests_as_clients_send_them_are_understood() {
    let put = json!({
        "location": "global", "tags": { "site": "north" }, "properties": { "registrationToken": "e30=" },
    });
    let request: PutRegistration = serde_json::from_value(put).unwrap();
    assert_eq!(request.location.as_deref(), Some("global"));
    assert_eq!(request.tags.unwrap()["site"], "north");
    assert_eq!(
        request.properties.unwrap().registration_token.as_deref(),
        Some("e30=")
    );
    let put = json!({ "properties": { "tenantId": "7C6F3A52-0E0B-4C55-8E8F-3D1E5C1A9B20" } });
    let request: PutCustomerSubscription = serde_json::from_value(put).unwrap();
    let tenant = request.tenant().unwrap().unwrap();
    assert_eq!(tenant.to_string(), "7c6f3a52-0e0b-4c55-8e8f-3d1e5c1a9b20");
}

#[test]
fn requests_that_clients_are_documented_to_send_are_understood() {
    for version in API_VERSIONS {
        let path = format!("azurestack/{version}/examples");
        let Some(put) = contract(&format!("{path}/Registration/Put.json")) else {
            return;
        };
        let request: PutRegistration = serde_json::from_value(put["parameters"]["token"].clone()).unwrap();
        assert_eq!(request.location.as_deref(), Some("global"));
        assert!(
            request
                .properties
                .unwrap()
                .registration_token
                .unwrap()
                .starts_with("Eyj")
        );
        let put = contract(&format!("{path}/CustomerSubscription/Put.json")).unwrap();
        let request = put["parameters"]["customerCreationParameters"].clone();
        let request: PutCustomerSubscription = serde_json::from_value(request).unwrap();
        assert_eq!(
            request.tenant().unwrap().unwrap().to_string(),
            "dbab3982-796f-4d03-9908-044c08aef8a2"
        );
    }
}

#[test]
fn a_customer_subscription_has_the_agreed_members_and_its_id_in_lower_case() {
    let subscription: SubscriptionId = "C0FFEE00-1111-4222-8333-444455556666".parse().unwrap();
    let said = CustomerSubscription::of(
        &registration().path(),
        subscription,
        TenantId::from_bytes([5; 16]),
        42,
    );
    let path = registration().path();
    let expected = json!({
        "id": format!("{path}/customerSubscriptions/c0ffee00-1111-4222-8333-444455556666"),
        "name": "testregistration/c0ffee00-1111-4222-8333-444455556666",
        "type": "Microsoft.AzureStack/registrations/customerSubscriptions",
        "etag": "\"0000002a-0000-0000-0000-000000000000\"",
        "properties": { "tenantId": "05050505-0505-0505-0505-050505050505" },
    });
    assert_eq!(serde_json::to_value(said).unwrap(), expected);
}

#[test]
fn a_customer_subscription_is_as_documented_with_its_id_in_lower_case() {
    let subscription: SubscriptionId = "E09A4E93-29A7-4EBA-A6D4-76202383F07F".parse().unwrap();
    let tenant: TenantId = "dbab3982-796f-4d03-9908-044c08aef8a2".parse().unwrap();
    let said = CustomerSubscription::of(&registration().path(), subscription, tenant, 42);
    let mut said = serde_json::to_value(said).unwrap();
    // The contract allows it, and the example does without.
    assert!(said.as_object_mut().unwrap().remove("etag").is_some());
    for version in ["2017-06-01", "2022-06-01"] {
        let path = format!("azurestack/{version}/examples/CustomerSubscription/Get.json");
        let Some(example) = contract(&path) else { return };
        let documented = answer(&example).to_string();
        let documented =
            documented.replace("E09A4E93-29A7-4EBA-A6D4-76202383F07F", &subscription.to_string());
        assert_eq!(
            said,
            serde_json::from_str::<Value>(&documented).unwrap(),
            "{version}"
        );
    }
}

#[test]
fn what_a_token_says_of_a_stack_is_in_its_activation_key() {
    let machine = json!({
        "name": "rack1-node1", "uuid": "board-1", "numCores": -1_234_567, "bios": ["a1"], "nic": ["b1", "b2"],
        "cpu": [], "disk": ["d1"], "memory": ["m1"],
    });
    let token = json!({
        "BillingModel": "Development", "ObjectId": "7c6f3a52-0e0b-4c55-8e8f-3d1e5c1a9b20",
        "CloudId": "5bf881b2-6be7-42a1-9f47-d6fcb6737747", "MarketplaceSyndicationEnabled": true,
        "HardwareInfo": [machine], "RegionNames": ["north"], "Issuer": "stamp", "Version": "1.0",
    });
    let claims = decode_registration_token(&STANDARD.encode(token.to_string())).unwrap();
    let token = RegistrationToken::from_claims(claims).unwrap();
    let again = decode_registration_token(&encode_registration_token(&token)).unwrap();
    assert_eq!(RegistrationToken::from_claims(again), Ok(token.clone()));
    let registered = Registration {
        token,
        ..registration()
    };
    let key = serde_json::to_value(ActivationKeyClaims::of(&registered, "https://m.example/")).unwrap();
    assert_eq!(key["hardwareInfo"], json!([machine]));
    assert_eq!(key["cloudId"], "5bf881b2-6be7-42a1-9f47-d6fcb6737747");
    assert_eq!(key["objectId"], "7c6f3a52-0e0b-4c55-8e8f-3d1e5c1a9b20");
    assert_eq!(key["regionNames"], json!(["north"]));
    assert_eq!(
        (
            &key["certPinningRootSubjects"],
            &key["certPinningIntermediateThumbprints"]
        ),
        (&json!([]), &json!([]))
    );
    let endpoint = "https://m.example/api/v1/stacks/5bf881b2-6be7-42a1-9f47-d6fcb6737747/usage";
    assert_eq!(key["usageEndpoint"], endpoint);
}

#[test]
fn a_documented_registration_token_is_decoded() {
    let Some(document) = contract("azurestack/registration-token-decoded.json") else {
        return;
    };
    let mut token = document["token_json"].clone();
    // The document admits that some of its hexadecimal digits are not certain.
    token["objectId"] = json!("5b3b06a8-9c6c-4888-9eb3-e81ddaae7479");
    let claims = decode_registration_token(&STANDARD.encode(token.to_string())).unwrap();
    let machine = &claims.hardware_info[0];
    assert_eq!(
        (machine.name.as_deref(), machine.num_cores),
        (Some("bC1u15a0212"), Some(2))
    );
    let kinds: Vec<_> = machine.parts.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["bios", "cpu", "disk", "memory", "nic"]);
    let token = RegistrationToken::from_claims(claims).unwrap();
    assert_eq!(token.cloud_id.to_string(), "69464895-3a1a-450a-9824-4b7608d9203f");
    let again = decode_registration_token(&encode_registration_token(&token)).unwrap();
    assert_eq!(RegistrationToken::from_claims(again), Ok(token));
}

#[test]
fn an_activation_key_says_what_real_ones_say_and_which_life_of_the_registration_it_is_for() {
    let Some(document) = contract("azurestack/activation-key-decoded.json") else {
        return;
    };
    let claims = ActivationKeyClaims::of(&registration(), "https://meterbridge.example/");
    let said = members(&serde_json::to_value(&claims).unwrap());
    let mut documented: BTreeSet<_> = document["payload"].as_object().unwrap().keys().cloned().collect();
    documented.extend(["registrationId".to_owned(), "keyGeneration".to_owned()]);
    assert_eq!(said, documented);
    let cloud_id = registration().cloud_id();
    assert_eq!(
        claims.usage_endpoint,
        format!("https://meterbridge.example/api/v1/stacks/{cloud_id}/usage")
    );
    let said = ActivationKeyResult {
        activation_key: "key".to_owned(),
    };
    assert_eq!(
        serde_json::to_value(said).unwrap(),
        json!({ "activationKey": "key" })
    );
}

#[test]
fn a_resource_group_is_as_clients_of_its_api_expect_it() {
    let group = domain::books::ResourceGroup {
        subscription: registration().subscription,
        name: "azurestack".parse().unwrap(),
        location: "westcentralus".to_owned(),
        tags: Default::default(),
    };
    let said = serde_json::to_value(ResourceGroup::from(&group)).unwrap();
    let expected = json!({
        "id": "/subscriptions/dd8597b4-8739-4467-8b10-f8679f62bfbf/resourceGroups/azurestack",
        "name": "azurestack",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westcentralus",
        "properties": { "provisioningState": "Succeeded" },
    });
    assert_eq!(said, expected);
}

#[test]
fn a_stacks_directory_is_read_and_written_without_loss() {
    let directory = json!({ "value": [
        {
            "id": "/subscriptions/p/providers/Microsoft.Subscriptions.Admin/subscriptions/5144634d",
            "subscriptionId": "5144634d-7e4d-443b-a304-d27e44220fc6",
            "delegatedProviderSubscriptionId": "0e0b7c6f-3a52-4c55-8e8f-3d1e5c1a9b20",
            "displayName": "web", "owner": "ops@contoso.example", "tenantId": "d9b782d5-d098-4374-8f2c-3907cc34611c",
            "routingResourceManagerType": "Default", "offerId": "/delegatedProviders/default/offers/o", "state": "Enabled",
        },
        { "subscriptionId": "7c6f3a52-0e0b-4c55-8e8f-3d1e5c1a9b20", "tenantId": "d9b782d5-d098-4374-8f2c-3907cc34611c" },
    ]});
    let list: SubscriptionList = serde_json::from_value(directory.clone()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), directory);
    let listed = list.into_domain().unwrap();
    let told: Vec<_> = listed
        .iter()
        .map(|(_, it)| (it.name.as_str(), it.state.as_str()))
        .collect();
    assert_eq!(told, [("web", "Enabled"), ("", "")]);

    let guests = json!({ "value": [{
        "id": "/subscriptions/p/resourceGroups/system.north/providers/Microsoft.Subscriptions.Admin/directoryTenants/fabrikam.example",
        "name": "fabrikam.example", "type": "Microsoft.Subscriptions.Admin/directoryTenants", "location": "north",
        "properties": { "tenantId": "d9b782d5-d098-4374-8f2c-3907cc34611c" },
    }]});
    let list: DirectoryTenantList = serde_json::from_value(guests.clone()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), guests);
}

#[test]
fn a_stacks_documented_directory_is_read_and_written_without_loss() {
    let path = "azsadmin/Microsoft.Subscriptions.Admin/preview/2015-11-01/examples";
    let Some(example) = contract(&format!("{path}/Subscriptions/List.json")) else {
        return;
    };
    let list: SubscriptionList = serde_json::from_value(answer(&example).clone()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), *answer(&example));
    let listed = list.into_domain().unwrap();
    assert_eq!(listed.len(), 4);
    let (_, first) = listed
        .iter()
        .find(|(id, _)| id.to_string().starts_with("5144634d"))
        .unwrap();
    assert_eq!((first.name.as_str(), first.state.as_str()), ("sfsdf", "Enabled"));
    assert_eq!(first.tenant.to_string(), "d9b782d5-d098-4374-8f2c-3907cc34611c");

    let example = contract(&format!("{path}/DirectoryTenant/List.json")).unwrap();
    let list: DirectoryTenantList = serde_json::from_value(answer(&example).clone()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), *answer(&example));
}

//! Every operation of every published description of `Microsoft.AzureStack` is answered: with a status that it knows, or
//! with a refusal that is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::House;
use crate::world::{customer_subscription, default_subscription, stack, token};

const VERSIONS: [&str; 4] = ["2016-01-01", "2017-06-01", "2020-06-01-preview", "2022-06-01"];
const ALL: &[&str] = &VERSIONS;
const SINCE_2017: &[&str] = &["2017-06-01", "2020-06-01-preview", "2022-06-01"];

/// The operations as this test knows them, so that it can run where the published descriptions are missing: method, path
/// below the provider, and the versions that have it. `R` stands for a registration.
const KNOWN: [(&str, &str, &[&str]); 31] = [
    ("GET", "/operations", ALL),
    ("GET", "/cloudManifestFiles", SINCE_2017),
    ("GET", "/cloudManifestFiles/{verificationVersion}", SINCE_2017),
    ("POST", "S/generateDeploymentLicense", &["2022-06-01"]),
    ("GET", "S/registrations", ALL),
    ("GET", "G/registrations", ALL),
    ("GET", "R", ALL),
    ("PUT", "R", ALL),
    ("PATCH", "R", ALL),
    ("DELETE", "R", ALL),
    ("POST", "R/getactivationkey", ALL),
    ("POST", "R/enableRemoteManagement", SINCE_2017),
    (
        "PUT",
        "R/customerSubscriptions/{customerSubscriptionName}",
        SINCE_2017,
    ),
    ("GET", "R/customerSubscriptions", SINCE_2017),
    (
        "GET",
        "R/customerSubscriptions/{customerSubscriptionName}",
        SINCE_2017,
    ),
    (
        "DELETE",
        "R/customerSubscriptions/{customerSubscriptionName}",
        SINCE_2017,
    ),
    ("GET", "R/products", ALL),
    ("GET", "R/products/{productName}", ALL),
    ("POST", "R/products/{productName}/listDetails", ALL),
    (
        "POST",
        "R/products/{productName}/listProducts",
        &["2016-01-01", "2017-06-01", "2022-06-01"],
    ),
    ("POST", "R/products/{productName}/getProducts", ALL),
    ("POST", "R/products/{productName}/getProduct", ALL),
    ("POST", "R/products/{productName}/uploadProductLog", ALL),
    ("GET", "S/linkedSubscriptions", &["2020-06-01-preview"]),
    ("GET", "G/linkedSubscriptions", &["2020-06-01-preview"]),
    (
        "GET",
        "G/linkedSubscriptions/{linkedSubscriptionName}",
        &["2020-06-01-preview"],
    ),
    (
        "PUT",
        "G/linkedSubscriptions/{linkedSubscriptionName}",
        &["2020-06-01-preview"],
    ),
    (
        "PATCH",
        "G/linkedSubscriptions/{linkedSubscriptionName}",
        &["2020-06-01-preview"],
    ),
    (
        "DELETE",
        "G/linkedSubscriptions/{linkedSubscriptionName}",
        &["2020-06-01-preview"],
    ),
    ("POST", "R/products/_all/getProducts", ALL),
    (
        "POST",
        "R/products/_all/listProducts",
        &["2016-01-01", "2017-06-01", "2022-06-01"],
    ),
];

/// Refusals that are an answer, too: there are no products and no linked subscriptions, and licenses are not ours to give.
const DOCUMENTED: [&str; 3] = [
    "ResourceNotFound",
    "LinkedSubscriptionsNotSupported",
    "DeploymentLicenseNotAvailable",
];

fn written_out(short: &str) -> String {
    let provider = "/providers/Microsoft.AzureStack";
    let group = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroup}";
    match short.split_at(1) {
        ("S", rest) => format!("/subscriptions/{{subscriptionId}}{provider}{rest}"),
        ("G", rest) => format!("{group}{provider}{rest}"),
        ("R", rest) => format!("{group}{provider}/registrations/{{registrationName}}{rest}"),
        _ => format!("{provider}{short}"),
    }
}

/// An operation: its method and its path, with the names of the parameters left out.
fn operation(method: &str, path: &str) -> (String, String) {
    let segments = path
        .split('/')
        .map(|it| if it.starts_with('{') { "{}" } else { it });
    (
        method.to_uppercase(),
        segments.collect::<Vec<_>>().join("/").to_lowercase(),
    )
}

/// The operations of a version with the statuses that they know, as published; nothing if that is not at hand, which is
/// said aloud: what a test is without it.
#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn published(version: &str, without: &str) -> Option<BTreeMap<(String, String), BTreeSet<String>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/contracts/azurestack")
        .join(version);
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("{without}: {} is missing", folder.display());
        return None;
    };
    let mut operations = BTreeMap::new();
    for file in files
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
    {
        let swagger: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for (path, methods) in swagger["paths"].as_object().into_iter().flatten() {
            for (method, described) in methods.as_object().unwrap() {
                let statuses = described["responses"].as_object().unwrap().keys().cloned();
                operations.insert(operation(method, path), statuses.collect());
            }
        }
    }
    Some(operations)
}

#[test]
fn the_operations_that_are_tried_are_those_that_are_published() {
    for version in VERSIONS {
        let known = KNOWN
            .iter()
            .filter(|(_, path, versions)| versions.contains(&version) && !path.contains("_all"));
        let known: BTreeSet<_> = known
            .map(|(method, path, _)| operation(method, &written_out(path)))
            .collect();
        if let Some(published) = published(version, "NOT RUN") {
            assert_eq!(published.into_keys().collect::<BTreeSet<_>>(), known, "{version}");
        }
    }
}

fn filled(path: &str) -> String {
    [
        ("{subscriptionId}", default_subscription()),
        ("{resourceGroup}", "azurestack".to_owned()),
        ("{registrationName}", "north".to_owned()),
        ("{customerSubscriptionName}", customer_subscription()),
        ("{verificationVersion}", "latest".to_owned()),
        ("{productName}", "product".to_owned()),
        ("{linkedSubscriptionName}", "linked".to_owned()),
    ]
    .iter()
    .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

fn body(path: &str) -> Value {
    if path.contains("linkedSubscriptions") || path.contains("products") || path.contains("License") {
        return json!({});
    }
    if path.contains("customerSubscriptions") {
        return json!({ "properties": {} });
    }
    json!({ "location": "global", "properties": { "registrationToken": token(&stack(), "PayAsYouUse") } })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_every_version_is_answered_and_other_versions_are_told_which_have_it() {
    let house = House::start().await;
    house.register().await;
    let approve = async || {
        let path = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
        house.post(&path, &json!({})).await.expect(200);
    };
    approve().await;
    for (method, path, versions) in KNOWN {
        for version in VERSIONS {
            let path = filled(&written_out(path));
            let mut request = house.request(
                method.parse::<Method>().unwrap(),
                &format!("{path}?api-version={version}"),
            );
            if matches!(method, "PUT" | "PATCH" | "POST") {
                request = request.json(&body(&path));
            }
            let answer = house.send(request).await;
            let what = format!("{method} {path} in {version}: {answer:?}");
            if !versions.contains(&version) {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (400, "NoRegisteredProviderFound"),
                    "{what}"
                );
                let message = answer.body["error"]["message"].as_str().unwrap();
                assert!(versions.iter().all(|version| message.contains(version)), "{what}");
                continue;
            }
            let status = answer.status.as_u16();
            if answer.status.is_success() {
                let known = published(version, "RUN IN PART").map(|mut all| {
                    let found = all.remove(&operation(method, &path.replace("_all", "{}")));
                    found.unwrap_or_default()
                });
                let known = known.filter(|known| !known.is_empty());
                assert!(
                    known.is_none_or(|known| known.contains(&status.to_string())),
                    "{what}"
                );
                assert!(matches!(status, 200 | 201 | 204), "{what}");
            } else {
                assert!(DOCUMENTED.contains(&answer.code()), "{what}");
            }
            if method == "DELETE" && path.ends_with("/north") {
                house
                    .put(&format!("{path}?api-version={version}"), &body(&path))
                    .await
                    .expect(201);
                approve().await;
            }
        }
    }
    let without_a_version = format!("{}/enableRemoteManagement", filled(&written_out("R")));
    house
        .send(house.request(Method::POST, &without_a_version))
        .await
        .expect(200);
}

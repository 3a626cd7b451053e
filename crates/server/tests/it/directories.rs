//! Managing directories: who is in them and how they prove who they are.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access_world::{PASSWORD, RESELLER, World};
use crate::fixture::{Answer, House, id};

async fn sign_in(house: &House, client: &str, secret: &str) -> u16 {
    let form = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={}.default",
        house.running.url()
    );
    let request = house.client.post(house.url("/adfs/oauth2/token")).body(form);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_keeps_its_own_directory_from_the_first_user_to_the_last_secret() {
    let world = World::build().await;
    let ask = async |method: &str, path: &str, body: Option<Value>| -> Answer {
        let method: Method = method.parse().unwrap();
        world
            .send("own agent", method, &format!("/api/v1/{path}"), body.as_ref())
            .await
    };
    let new = json!({ "name": "Branch", "domain": "Branch.example", "ownerPartnerId": id('a', RESELLER) });
    let directory = ask("POST", "directories", Some(new)).await.expect(201).body;
    assert_eq!(
        (&directory["domain"], &directory["ownerPartnerId"]),
        (&json!("branch.example"), &json!(id('a', RESELLER)))
    );
    let of = |what: &str| format!("directories/{}/{what}", directory["id"].as_str().unwrap());
    let shown = ask("GET", of("").trim_end_matches('/'), None)
        .await
        .expect(200)
        .body;
    assert_eq!(shown, directory);

    let new = json!({ "name": "Bea@branch.example", "password": PASSWORD });
    let user = ask("POST", &of("users"), Some(new)).await.expect(201).body;
    assert_eq!(
        (&user["name"], &user["displayName"]),
        (&json!("bea@branch.example"), &json!("bea@branch.example"))
    );
    assert!(
        !user.to_string().contains(PASSWORD) && !user.to_string().contains("argon2"),
        "{user}"
    );
    let id_of = |it: &Value| it["id"].as_str().unwrap().to_owned();
    let user = format!("users/{}", id_of(&user));
    ask(
        "PUT",
        &format!("{user}/password"),
        Some(json!({ "password": "another long one" })),
    )
    .await
    .expect(204);
    assert_eq!(
        ask("POST", &format!("{user}/disable"), None)
            .await
            .expect(200)
            .body["enabled"],
        false
    );
    assert_eq!(ask("GET", &user, None).await.expect(200).body["enabled"], false);
    assert_eq!(
        ask("POST", &format!("{user}/enable"), None)
            .await
            .expect(200)
            .body["enabled"],
        true
    );

    let application = ask("POST", &of("applications"), Some(json!({ "name": "Nightly" })))
        .await
        .expect(201)
        .body;
    let client = id_of(&application);
    let path = format!("applications/{client}");
    let secret = ask("POST", &format!("{path}/secrets"), None).await.expect(201);
    assert_eq!(secret.header("cache-control"), "no-store");
    let (secret, text) = (
        id_of(&secret.body),
        secret.body["text"].as_str().unwrap().to_owned(),
    );
    assert_eq!(sign_in(&world.house, &client, &text).await, 200);
    let pem = json!({ "pem": world.certificate });
    let certificate = ask("POST", &format!("{path}/certificates"), Some(pem.clone()))
        .await
        .expect(201)
        .body;
    let thumbprint = certificate["sha1Thumbprint"].as_str().unwrap();
    assert!(
        thumbprint.len() == 40 && !thumbprint.contains(|c: char| c.is_ascii_lowercase()),
        "{thumbprint}"
    );
    ask("POST", &format!("{path}/certificates"), Some(pem))
        .await
        .refused(409, "AlreadyExists");
    let shown = ask("GET", &path, None).await.expect(200).body;
    assert_eq!(shown["certificates"], json!([certificate]));
    assert_eq!(shown["secrets"][0]["id"], json!(secret));
    assert!(
        !shown.to_string().contains(&text),
        "a secret is shown once: {shown}"
    );
    ask("DELETE", &format!("{path}/credentials/{secret}"), None)
        .await
        .expect(204);
    ask("DELETE", &format!("{path}/credentials/{secret}"), None)
        .await
        .refused(404, "CredentialNotFound");
    assert_ne!(
        sign_in(&world.house, &client, &text).await,
        200,
        "a removed secret is good no longer"
    );
    assert_eq!(
        ask("POST", &format!("{path}/disable"), None)
            .await
            .expect(200)
            .body["enabled"],
        false
    );

    let group = id_of(
        &ask("POST", &of("groups"), Some(json!({ "name": "Readers" })))
            .await
            .expect(201)
            .body,
    );
    let member = application["servicePrincipalId"].as_str().unwrap();
    let membership = format!("groups/{group}/members/{member}");
    assert_eq!(
        ask("PUT", &membership, None).await.expect(201).body["members"],
        json!([member])
    );
    ask("PUT", &membership, None).await.expect(200);
    assert_eq!(
        ask("GET", &format!("groups/{group}"), None)
            .await
            .expect(200)
            .body["members"],
        json!([member])
    );
    assert_eq!(
        ask("DELETE", &membership, None).await.expect(200).body["members"],
        json!([])
    );
    ask("DELETE", &membership, None).await.expect(204);

    for (what, count) in [("users", 1), ("applications", 1), ("groups", 1)] {
        let list = ask("GET", &of(what), None).await.expect(200).body;
        assert_eq!(list["value"].as_array().unwrap().len(), count, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gives_the_roles_of_its_own_and_takes_them() {
    let world = World::build().await;
    let role = format!("/api/v1/customers/{}/users/{}", id('b', RESELLER), world.user);
    let given = world
        .send("own agent", Method::PUT, &role, None)
        .await
        .expect(201)
        .body;
    assert_eq!(
        (&given["role"], &given["principalKind"]),
        (&json!("customerUser"), &json!("user"))
    );
    assert_eq!(given["principalName"], "anna@reseller.example");
    world
        .send("own agent", Method::PUT, &role, None)
        .await
        .expect(200);
    world
        .send("own agent", Method::DELETE, &role, None)
        .await
        .expect(204);
    world
        .send("own agent", Method::DELETE, &role, None)
        .await
        .refused(404, "PartnerRoleNotFound");
    let platform = format!(
        "/api/v1/platform-operators/{}",
        world.programs["own agent"].object
    );
    let itself = world.send("own agent", Method::PUT, &platform, None).await;
    itself.refused(403, "AuthorizationFailed");
    let unknown = format!("/api/v1/platform-operators/{}", id('9', 9));
    let elsewhere = json!({ "principalKind": "servicePrincipal" });
    let given = world.house.put(&unknown, &elsewhere).await.expect(201).body;
    assert_eq!(given["principalKind"], "servicePrincipal");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_member_is_said_of_that_member() {
    let world = World::build().await;
    let directories = "directories".to_owned();
    let (users, applications) = (
        format!("directories/{}/users", world.directory),
        format!("directories/{}/applications", world.directory),
    );
    let (secrets, certificates) = (
        format!("applications/{}/secrets", world.application),
        format!("applications/{}/certificates", world.application),
    );
    for (path, body, code, target) in [
        (
            &directories,
            json!({ "name": "", "domain": "a.example" }),
            "InvalidProperty",
            "name",
        ),
        (
            &directories,
            json!({ "name": "A", "domain": "no domain" }),
            "InvalidProperty",
            "domain",
        ),
        (
            &directories,
            json!({ "name": "A", "domain": "a.example", "id": "x" }),
            "InvalidProperty",
            "id",
        ),
        (
            &directories,
            json!({ "name": "A", "domain": "a.example", "ownerPartnerId": id('a', 1), "ownerCustomerId": id('b', 1) }),
            "InvalidProperty",
            "ownerCustomerId",
        ),
        (
            &directories,
            json!({ "name": "A", "domain": "a.example", "owner": 1 }),
            "InvalidRequestContent",
            "owner",
        ),
        (
            &users,
            json!({ "name": "anna", "password": PASSWORD }),
            "InvalidProperty",
            "name",
        ),
        (
            &users,
            json!({ "name": "a@other.example", "password": PASSWORD }),
            "UserNameOutsideDomain",
            "name",
        ),
        (
            &users,
            json!({ "name": "a@reseller.example", "password": "short" }),
            "InvalidPassword",
            "password",
        ),
        (
            &users,
            json!({ "name": "a@reseller.example", "password": PASSWORD, "displayName": "\n" }),
            "InvalidProperty",
            "displayName",
        ),
        (
            &applications,
            json!({ "name": "A", "id": "x" }),
            "InvalidProperty",
            "id",
        ),
        (
            &applications,
            json!({ "name": "A", "id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46" }),
            "ReservedApplicationId",
            "id",
        ),
        (
            &applications,
            json!({ "name": "Microsoft Azure-CLI" }),
            "ReservedApplicationName",
            "name",
        ),
        (
            &applications,
            json!({ "name": "Az\u{202e}eruz" }),
            "InvalidName",
            "name",
        ),
        (
            &secrets,
            json!({ "expires": "tomorrow" }),
            "InvalidProperty",
            "expires",
        ),
        (
            &secrets,
            json!({ "expires": "2020-01-01T00:00:00Z" }),
            "InvalidExpiry",
            "expires",
        ),
        (&certificates, json!({ "pem": "x" }), "InvalidCertificate", "pem"),
    ] {
        let refused = world.house.post(&format!("/api/v1/{path}"), &body).await;
        let refused = refused.refused(400, code);
        assert_eq!(refused.target(), target, "{path} {body}: {refused:?}");
        assert!(!refused.body.to_string().contains(PASSWORD), "{refused:?}");
    }
    for (path, code) in [
        ("directories/x", "InvalidDirectoryId"),
        ("users/x", "InvalidUserId"),
        ("applications/x", "InvalidApplicationId"),
        ("groups/x", "InvalidGroupId"),
    ] {
        world
            .house
            .get(&format!("/api/v1/{path}"))
            .await
            .refused(400, code);
    }
}

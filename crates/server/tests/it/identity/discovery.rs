//! What clients read before they sign in.

use serde_json::Value;

use super::people::People;

#[tokio::test(flavor = "multi_thread")]
async fn each_shape_of_authority_says_where_its_own_endpoints_are() {
    let people = People::start().await;
    let (base, tenant) = (people.base().to_owned(), people.tenant);
    for (path, issuer, oauth) in [
        (
            "/adfs/.well-known/openid-configuration",
            "/adfs".to_owned(),
            "/adfs/oauth2".to_owned(),
        ),
        (
            "/ADFS/.Well-Known/OpenId-Configuration",
            "/adfs".to_owned(),
            "/adfs/oauth2".to_owned(),
        ),
        (
            "/adfs/v2.0/.well-known/openid-configuration",
            "/adfs".to_owned(),
            "/adfs/oauth2".to_owned(),
        ),
        (
            "/adfs/adfs/v2.0/.well-known/openid-configuration",
            "/adfs".to_owned(),
            "/adfs/oauth2".to_owned(),
        ),
        (
            &format!("/{tenant}/v2.0/.well-known/openid-configuration"),
            format!("/{tenant}/v2.0"),
            format!("/{tenant}/oauth2/v2.0"),
        ),
        (
            &format!("/{tenant}/.well-known/openid-configuration"),
            format!("/{tenant}/"),
            format!("/{tenant}/oauth2"),
        ),
        (
            "/organizations/v2.0/.well-known/openid-configuration",
            "/{tenantid}/v2.0".to_owned(),
            "/organizations/oauth2/v2.0".to_owned(),
        ),
        (
            "/Contoso.Example/v2.0/.well-known/openid-configuration",
            format!("/{tenant}/v2.0"),
            "/contoso.example/oauth2/v2.0".to_owned(),
        ),
        // az takes the first segment of the issuer for the id of the directory.
        (
            "/adfs/contoso.example/v2.0/.well-known/openid-configuration",
            format!("/{tenant}/v2.0"),
            "/contoso.example/oauth2/v2.0".to_owned(),
        ),
        // So does msal, if it is given the authority B/adfs and a directory.
        (
            &format!("/adfs/{tenant}/.well-known/openid-configuration"),
            format!("/{tenant}/"),
            format!("/{tenant}/oauth2"),
        ),
    ] {
        let response = people.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        let found: Value = response.json().await.unwrap();
        assert_eq!(found["issuer"], format!("{base}{issuer}"), "{path}");
        for (member, endpoint) in [
            ("token_endpoint", "token"),
            ("authorization_endpoint", "authorize"),
            ("device_authorization_endpoint", "devicecode"),
        ] {
            assert_eq!(found[member], format!("{base}{oauth}/{endpoint}"), "{path}");
        }
        let keys = found["jwks_uri"].as_str().unwrap().strip_prefix(&base).unwrap();
        let keys: Value = people.get(keys).await.json().await.unwrap();
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_not_here_is_refused_in_words_that_clients_show() {
    let people = People::start().await;
    for path in [
        "/nowhere.example/v2.0/.well-known/openid-configuration",
        "/adfs/nowhere.example/v2.0/.well-known/openid-configuration",
        "/00000000-0000-4000-8000-000000000000/.well-known/openid-configuration",
    ] {
        let response = people.get(path).await;
        assert_eq!(response.status(), 400, "{path}");
        let refused: Value = response.json().await.unwrap();
        assert_eq!(refused["error"], "invalid_request");
        assert_eq!(refused["error_codes"][0], 90_002);
    }
}

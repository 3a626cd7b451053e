//! Whether a token of an issuer elsewhere is an access token. Its id tokens are signed with the same keys, and tell another
//! party who signed in there: they open nothing here.

use serde_json::{Map, Value};

/// The `typ` of access tokens of issuers that follow RFC 9068.
const ACCESS: &str = "at+jwt";
/// The `typ` of tokens of every kind, of issuers that do not: Entra ID, AD FS and Keycloak write it into all of theirs.
const ANY: &str = "jwt";
/// Claims that OpenID Connect defines for id tokens.
const OF_ID_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];
/// Claims of which an access token has one: the client that it was given to, or what it may do. Entra ID writes `appid` or
/// `azp`, AD FS `appid`, others the ones of RFC 9068.
const OF_ACCESS_TOKENS: [&str; 7] = ["appid", "azp", "cid", "client_id", "scp", "scope", "idtyp"];

/// Whether a token with this `typ` and these claims is an access token.
pub(super) fn is_access_token(kind: Option<&str>, claims: &Map<String, Value>) -> bool {
    let kind = kind.unwrap_or(ANY).to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    if kind == ACCESS {
        return true;
    }
    if kind != ANY {
        return false;
    }
    // Keycloak says it in a claim, and some of its versions repeat the nonce in access tokens.
    if let Some(named) = claims.get("typ").and_then(Value::as_str) {
        return named.eq_ignore_ascii_case("bearer") || named.eq_ignore_ascii_case(ACCESS);
    }
    let has = |names: &[&str]| {
        names
            .iter()
            .any(|name| claims.get(*name).is_some_and(|it| !it.is_null()))
    };
    !has(&OF_ID_TOKENS) && has(&OF_ACCESS_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_token_that_was_made_for_somebody_else_opens_nothing() {
        for (name, kind, claims, expected) in [
            ("RFC 9068", Some("at+jwt"), json!({ "client_id": "c" }), true),
            ("the same, in full", Some("application/AT+JWT"), json!({}), true),
            (
                "Entra ID, version 1",
                Some("JWT"),
                json!({ "appid": "c", "scp": "x" }),
                true,
            ),
            (
                "Entra ID, version 2, a program",
                Some("JWT"),
                json!({ "azp": "c", "idtyp": "app" }),
                true,
            ),
            (
                "AD FS",
                Some("JWT"),
                json!({ "appid": "c", "apptype": "Public" }),
                true,
            ),
            (
                "Keycloak",
                Some("JWT"),
                json!({ "typ": "Bearer", "azp": "c", "nonce": "n" }),
                true,
            ),
            ("nothing said of itself", None, json!({ "scope": "x" }), true),
            (
                "an id token of Keycloak",
                Some("JWT"),
                json!({ "typ": "ID", "azp": "c" }),
                false,
            ),
            (
                "a refresh token of Keycloak",
                Some("JWT"),
                json!({ "typ": "Refresh", "azp": "c" }),
                false,
            ),
            (
                "an id token with a nonce",
                Some("JWT"),
                json!({ "azp": "c", "nonce": "n" }),
                false,
            ),
            (
                "an id token beside an access token",
                Some("JWT"),
                json!({ "azp": "c", "at_hash": "h" }),
                false,
            ),
            (
                "an id token of Entra ID",
                Some("JWT"),
                json!({ "oid": "o", "roles": ["r"] }),
                false,
            ),
            (
                "a sign-out",
                Some("logout+jwt"),
                json!({ "client_id": "c" }),
                false,
            ),
            (
                "an event",
                Some("secevent+jwt"),
                json!({ "client_id": "c" }),
                false,
            ),
        ] {
            let claims = claims.as_object().unwrap();
            assert_eq!(is_access_token(kind, claims), expected, "{name}");
        }
    }
}

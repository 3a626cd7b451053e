//! What clients read before they sign somebody in: where to go, and with which keys tokens are signed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::authority::{Authority, Version};
use super::refusal::{Circumstances, Refusal};
use crate::Door;
use crate::error::Failure;
use crate::params::Params;

/// `…/.well-known/openid-configuration` of the first form, and of Active Directory Federation Services.
pub(crate) async fn first_form(
    State(door): State<Arc<Door>>,
    params: Params,
    asked: Circumstances,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    Ok(configuration(&door, name, Version::V1, &asked))
}

/// `…/v2.0/.well-known/openid-configuration`; under `/adfs/{directory}/…` it is how a client of a federation service asks
/// for the id of a directory that it knows the name of. The id is the first segment of the issuer.
pub(crate) async fn second_form(
    State(door): State<Arc<Door>>,
    params: Params,
    asked: Circumstances,
) -> Result<Response, Failure> {
    let name = params.text("authority")?;
    Ok(configuration(&door, name, Version::V2, &asked))
}

/// `/adfs/v2.0/.well-known/openid-configuration`: a federation service has no forms to tell apart.
pub(crate) async fn of_federation(State(door): State<Arc<Door>>, asked: Circumstances) -> Response {
    configuration(&door, "adfs", Version::V2, &asked)
}

/// `…/discovery/keys`: the public keys, the same under every authority.
pub(crate) async fn keys(State(door): State<Arc<Door>>) -> Response {
    Json(door.identity.keys.published()).into_response()
}

/// `/common/discovery/instance`: clients ask whether an authority is genuine. Each is, on the server that it is asked of.
pub(crate) async fn instance(State(door): State<Arc<Door>>) -> Json<Value> {
    let base = door.identity.base();
    let host = base.trim_start_matches("https://");
    Json(json!({
        "tenant_discovery_endpoint": format!("{base}/organizations/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    }))
}

/// The members that clients look for, of OpenID Connect Discovery 1.0 and RFC 8628.
#[derive(Serialize)]
struct Configuration {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    device_authorization_endpoint: String,
    end_session_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 4],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    scopes_supported: [&'static str; 3],
    claims_supported: [&'static str; 10],
}

fn configuration(door: &Door, name: &str, version: Version, asked: &Circumstances) -> Response {
    let Some(authority) = door.authority(name) else {
        return unknown_directory(name).answer(asked);
    };
    let base = door.identity.base();
    // A directory keeps the name that the client gave it: the token endpoint is what assertions are made for.
    let segment = name.to_ascii_lowercase();
    let oauth = match (authority, version) {
        (Authority::Federation, _) | (_, Version::V1) => format!("{base}/{segment}/oauth2"),
        (_, Version::V2) => format!("{base}/{segment}/oauth2/v2.0"),
    };
    let keys = match (authority, version) {
        (Authority::Federation, _) | (_, Version::V1) => format!("{base}/{segment}/discovery/keys"),
        (_, Version::V2) => format!("{base}/{segment}/discovery/v2.0/keys"),
    };
    let issuer = match (authority, version) {
        (Authority::Federation, _) => format!("{base}/adfs"),
        (Authority::Any, Version::V1) => format!("{base}/{{tenantid}}/"),
        (Authority::Any, Version::V2) => format!("{base}/{{tenantid}}/v2.0"),
        (Authority::Directory(tenant), _) => authority.issuer(version, base, tenant),
    };
    Json(Configuration {
        issuer,
        authorization_endpoint: format!("{oauth}/authorize"),
        token_endpoint: format!("{oauth}/token"),
        device_authorization_endpoint: format!("{oauth}/devicecode"),
        end_session_endpoint: format!("{oauth}/logout"),
        revocation_endpoint: format!("{oauth}/revoke"),
        jwks_uri: keys,
        response_types_supported: ["code"],
        response_modes_supported: ["query", "form_post"],
        grant_types_supported: [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        token_endpoint_auth_methods_supported: [
            "client_secret_post",
            "client_secret_basic",
            "private_key_jwt",
        ],
        token_endpoint_auth_signing_alg_values_supported: ["RS256", "PS256"],
        code_challenge_methods_supported: ["S256"],
        scopes_supported: ["openid", "profile", "offline_access"],
        claims_supported: [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "oid",
            "tid",
            "name",
            "preferred_username",
            "upn",
        ],
    })
    .into_response()
}

/// The refusal of a directory that is not here. Directories are no secret: a user's name says theirs.
pub(super) fn unknown_directory(name: &str) -> Refusal {
    let name = crate::query::excerpt(name);
    let text = format!(
        "There is no directory '{name}' here. Expected its id, its domain, 'organizations' or 'adfs'."
    );
    Refusal::request(90_002, text)
}

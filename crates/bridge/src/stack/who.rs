//! Who answers at a URL. A server and a stack look alike to whoever asks the wrong one: both say where to sign in, and
//! then refuse what they are asked for.

use domain::time::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use wire::stack_admin::AdminEndpoints;

use super::call::Http;
use super::endpoints;

/// The version of `/metadata/endpoints` in which a server says its name.
const NAMED_VERSION: &str = "2022-09-01";
const NAME_OF_A_SERVER: &str = "Meterbridge";

/// Whether it is a Meterbridge server: it says so itself.
pub(crate) async fn is_server(http: &Http, url: &Url, now: Timestamp) -> bool {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let body = metadata(http, url, NAMED_VERSION, now).await;
    let named = body.and_then(|body| serde_json::from_slice::<Named>(&body).ok());
    named.is_some_and(|it| it.name == NAME_OF_A_SERVER)
}

/// Whether it is a stack's Azure Resource Manager: it says where to sign in, and is no server.
pub(crate) async fn is_stack(http: &Http, url: &Url, now: Timestamp) -> bool {
    let body = metadata(http, url, endpoints::VERSION, now).await;
    let said = body.and_then(|body| serde_json::from_slice::<AdminEndpoints>(&body).ok());
    said.is_some_and(|it| !it.authentication.audiences.is_empty()) && !is_server(http, url, now).await
}

/// The URL of `/metadata/endpoints` of this version.
pub(super) fn metadata_url(of: &Url, version: &str) -> Url {
    let mut url = of.clone();
    // An https or http URL always has a path to add to.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["metadata", "endpoints"]);
    }
    url.query_pairs_mut().append_pair("api-version", version);
    url
}

async fn metadata(http: &Http, url: &Url, version: &str, now: Timestamp) -> Option<Vec<u8>> {
    let request = http.client().get(metadata_url(url, version));
    let answer = http.send(request, now, url.as_str()).await.ok()?;
    (answer.status == 200).then_some(answer.body)
}

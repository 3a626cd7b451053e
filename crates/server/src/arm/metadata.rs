//! `/metadata/endpoints`: where a client finds this cloud's services and signs in. Anybody may ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use wire::arm::metadata::{EarlierEndpoints, EarlierSignIn, Endpoints, SignIn};

use crate::Door;
use crate::error::Failure;
use crate::query::{Query, excerpt};

/// The versions in which endpoints are told, newest first.
const VERSIONS: [&str; 6] = [
    "2022-09-01",
    "2020-06-01",
    "2019-05-01",
    "2018-05-01",
    "2015-01-01",
    "1.0",
];
/// The version in which they are told as a list of clouds.
const LISTED: &str = "2019-05-01";
/// The versions in which they have their earlier names.
const EARLIER: [&str; 2] = ["2015-01-01", "1.0"];

/// What is announced to clients, made of the URL under which they reach the server.
pub(crate) struct Announced<'a> {
    base: &'a str,
}

impl<'a> Announced<'a> {
    pub(crate) fn new(public_url: &'a str) -> Self {
        let base = public_url.trim_end_matches('/');
        Self { base }
    }

    /// For whom clients ask for tokens. Without a slash at its end: they put one there.
    pub(crate) fn audience(&self) -> String {
        self.base.to_owned()
    }

    /// For whom clients ask for tokens that are about their directory.
    pub(crate) fn graph(&self) -> String {
        format!("{}/graph", self.base)
    }

    /// Where clients sign in. By its last segment they know that it is not Azure's own.
    pub(crate) fn authority(&self) -> String {
        format!("{}/adfs", self.base)
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints {
            name: "Meterbridge",
            portal: self.base.to_owned(),
            gallery: self.base.to_owned(),
            graph: self.graph(),
            graph_audience: self.graph(),
            microsoft_graph_resource_id: self.graph(),
            resource_manager: self.base.to_owned(),
            authentication: SignIn {
                login_endpoint: self.authority(),
                audiences: vec![self.audience()],
                tenant: "adfs",
                identity_provider: "ADFS",
            },
            suffixes: BTreeMap::new(),
        }
    }

    fn earlier_endpoints(&self) -> EarlierEndpoints {
        EarlierEndpoints {
            gallery_endpoint: self.base.to_owned(),
            graph_endpoint: self.graph(),
            portal_endpoint: self.base.to_owned(),
            authentication: EarlierSignIn {
                login_endpoint: self.authority(),
                audiences: vec![self.audience()],
            },
        }
    }
}

pub(crate) async fn endpoints(State(door): State<Arc<Door>>, query: Query) -> Result<Response, Failure> {
    let announced = Announced::new(&door.public_url);
    let version = query.text("api-version")?.unwrap_or(VERSIONS[0]);
    if !VERSIONS.contains(&version) {
        let message = format!(
            "The api-version '{}' is invalid. The supported versions are '{}'.",
            excerpt(version),
            VERSIONS.join(", ")
        );
        return Err(Failure::invalid("InvalidApiVersionParameter", message).about("api-version"));
    }
    Ok(if EARLIER.contains(&version) {
        Json(announced.earlier_endpoints()).into_response()
    } else if version == LISTED {
        Json([announced.endpoints()]).into_response()
    } else {
        Json(announced.endpoints()).into_response()
    })
}

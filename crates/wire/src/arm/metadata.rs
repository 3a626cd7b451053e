//! Where a cloud's services are: what a client asks first, before it signs in.

use std::collections::BTreeMap;

use serde::Serialize;

/// The endpoints of a cloud, as they are told since 2018-05-01.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// The cloud's name.
    pub name: &'static str,
    /// The portal.
    pub portal: String,
    /// The gallery; nothing is in it, and clients insist on having one.
    pub gallery: String,
    /// The directory's API, as its first form is called.
    pub graph: String,
    /// For whom tokens for [`Self::graph`] are.
    pub graph_audience: String,
    /// The directory's API, as its second form is called.
    pub microsoft_graph_resource_id: String,
    /// The endpoint of Azure Resource Manager.
    pub resource_manager: String,
    /// How to sign in.
    pub authentication: SignIn,
    /// Domains of further services: none.
    pub suffixes: BTreeMap<String, String>,
}

/// The endpoints of a cloud, as they were told before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierEndpoints {
    /// The gallery.
    pub gallery_endpoint: String,
    /// The directory's API.
    pub graph_endpoint: String,
    /// The portal.
    pub portal_endpoint: String,
    /// How to sign in.
    pub authentication: EarlierSignIn,
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// The authority.
    pub login_endpoint: String,
    /// For whom tokens are; clients ask for the first of them.
    pub audiences: Vec<String>,
    /// The directory that clients sign in to, if none is named.
    pub tenant: &'static str,
    /// What kind of authority it is: a client goes by it.
    pub identity_provider: &'static str,
}

/// How to sign in, as it was told before 2018-05-01.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierSignIn {
    /// The authority.
    pub login_endpoint: String,
    /// For whom tokens are.
    pub audiences: Vec<String>,
}

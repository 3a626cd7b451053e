//! The door: HTTPS in front of the use-cases of `app`.
//!
//! - [`router`] shows every route on one screen, with what each needs; [`access`] stands before all of them.
//! - `arm` speaks the contracts of Azure Resource Manager, `graph` a little of those of Microsoft Graph, `api` is our own
//!   API under `/api/v1`, `ops` is for whoever runs the server, and `identity` is where people and programs sign in.
//! - [`error`] is the one place that knows which failure has which status.
//! - [`house`] opens what is in a data directory, and [`backup`](mod@backup) copies it and makes it anew.
//!
//! Only here and in `wire` is anything known about JSON and HTTP; what is allowed and what follows is decided in `app`
//! and `domain`.

mod access;
mod api;
mod arm;
pub mod audit;
pub mod backup;
mod body;
mod closing;
mod config;
mod connection;
mod created;
pub mod credential;
mod error;
mod graph;
mod house;
mod identity;
mod keys;
mod limits;
mod metrics;
mod notes;
mod observe;
mod ops;
mod origin;
mod pages;
mod params;
mod query;
mod rates;
mod router;
mod secret_file;
mod serve;
mod tls;
mod unread;
mod webhooks;

use std::sync::Arc;

use tokio::sync::Semaphore;

pub use access::Needs;
pub use api::documents::document as openapi_document;
pub use app::App;
pub use app::environment::{Clock, Random};
pub use config::{ServerConfig, Tls};
pub use house::{
    OpenError, admit_first_operator, admit_operator, admit_operator_user, embedded_store, is_made,
    make_home_directory, open, open_made,
};
pub use identity::{ClaimNames, ExternalIssuer, ExternalIssuerError, IdentityConfig, SigningAlgorithm};
pub use keys::KeysError;
pub use limits::{Limits, PAGE_ITEMS_MAX};
pub use origin::Origin;
pub use router::{RouteLine, route_table};
pub use serve::{Running, Server, StartError};
pub use store::{
    Copied, CopiedTable, CopyError, CopyStep, Digest, StoreConfig, StoreError, copy as copy_store,
};
pub use tls::TlsError;
pub use webhooks::{Pace, WebhooksConfig};

/// Everything that the routes work with.
struct Door {
    app: App,
    keys: keys::ActivationKeys,
    identity: identity::Identity,
    limits: Limits,
    /// Under which URL clients reach the server, with a slash at its end.
    public_url: String,
    rates: rates::Rates,
    memory: body::Memories,
    /// Places for deliveries that are being parsed and stored.
    deliveries: Arc<Semaphore>,
    metrics: metrics::Metrics,
    webhooks: webhooks::Webhooks,
}

impl Door {
    /// What links to further pages are made from.
    fn base<'a>(&'a self, uri: &'a axum::http::Uri) -> pages::Base<'a> {
        pages::Base {
            public_url: &self.public_url,
            uri,
        }
    }
}

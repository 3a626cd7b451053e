//! The door, tested from outside: a real server on a free port, spoken to over TLS with a client that trusts its
//! certificate authority.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests: a panic is the report"
)]

mod access;
mod access_table;
mod access_world;
mod arm;
mod arm_roles;
mod arm_scopes;
mod arm_script;
mod arm_surface;
mod arm_swagger;
mod backdating;
mod bad_bodies;
mod bad_requests;
mod budgets;
mod bundles;
mod closing;
mod codes;
mod completeness;
mod database_away;
mod described;
mod directories;
mod explained;
mod fixture;
mod forecasts;
mod graph;
mod identity;
mod invoice_papers;
mod keys;
mod lifecycle;
mod log;
mod operator_credentials;
mod own_api;
mod periods;
mod price_drafts;
mod quarantine;
mod reconciliations;
mod several_servers;
mod two_servers;
mod usage;
mod views;
mod webhooks;
mod world;

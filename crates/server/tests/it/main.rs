//! The door, tested from outside: a real server on a free port, spoken to over TLS with a client that trusts its
//! certificate authority.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests: a panic is the report"
)]

mod access;
mod arm;
mod bad_bodies;
mod bad_requests;
mod codes;
mod fixture;
mod lifecycle;
mod log;
mod own_api;
mod usage;
mod world;

//! The binary from outside: what it says, where it says it, and with which code it leaves.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in tests, and in what they share, a panic is the report"
)]

#[cfg(test)]
mod azure_clients;
mod backups;
mod closing;
mod credentials;
mod demo;
mod help;
mod import_files;
mod outcomes;
mod process;
mod real_usage;
mod refusals;
mod roles;
mod server;
mod sign_in;
mod signed_in;
mod store_copy;
mod store_elsewhere;
mod whole_job;

//! The binary from outside: what it says, where it says it, and with which code it leaves.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in tests, and in what they share, a panic is the report"
)]

mod audit;
#[cfg(test)]
mod azure_clients;
#[cfg(test)]
mod backdating;
mod backups;
mod bills;
mod bridge;
#[cfg(test)]
mod budgets;
mod closing;
mod completeness;
mod credentials;
mod demo;
mod faults;
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
mod simulated_stack;
mod store_copy;
mod store_elsewhere;
mod summaries;
mod webhooks;
mod webhooks_tls;
mod whole_job;

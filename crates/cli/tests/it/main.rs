//! The binary from outside: what it says, where it says it, and with which code it leaves.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in tests, and in what they share, a panic is the report"
)]

mod demo;
mod help;
mod process;
mod real_usage;
mod refusals;
mod server;
mod whole_job;

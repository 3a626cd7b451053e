//! The bridge between a stack and a server that do everything wrong that real ones do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in tests, and in what they share, a panic is the report"
)]

mod arrival;
#[cfg(test)]
mod bundles;
mod clocks;
mod directories;
mod operating;
mod outages;
mod recorded;
mod restores;
mod secure;
mod server_stub;
mod stack_faults;
mod stack_stub;
mod world;

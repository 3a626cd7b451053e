//! What this crate says is what the contracts and the design have fixed.
#![expect(
    clippy::unwrap_used,
    reason = "in tests, and in what they share, a panic is the report"
)]

mod api;
mod contracts;
mod recomputed;
mod statements;

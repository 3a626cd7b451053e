//! What this crate says is what the contracts and the design have fixed.

mod api;
mod contracts;
mod statements;

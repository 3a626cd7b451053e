//! What can be asked of a stack, asked from outside.
#![expect(
    clippy::unwrap_used,
    reason = "the tests' own helpers are tests too: a panic is the report"
)]

mod admin_api;
mod reports;
mod service;
mod stack;
mod support;

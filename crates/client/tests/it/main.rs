//! The client against a server that answers as it is told.
#![expect(
    clippy::unwrap_used,
    reason = "in tests, and in what they share, a panic is the report"
)]

mod answers;
mod repeating;
mod signing_in;
mod stub;

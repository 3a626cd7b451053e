//! The other side of the door: a typed client of our own API, and of the few Azure-shaped calls that operators need.
//!
//! A [`Client`] speaks TLS (plain HTTP only to the same machine), carries one caller's [`Credential`], and answers
//! with the shapes of `wire`. Requests that do no harm when repeated are sent again while the server says that it is
//! busy, and deliveries also when the connection is lost, a bounded number of times; every other failure is a
//! [`ClientError`] at once, in the server's own words where it had any. [`sign_in`] gets people and programs the token
//! that is their credential.

mod accounts;
mod authorization;
mod azure_stack;
mod bills;
mod budgets;
mod bundles;
mod call;
mod connection;
mod credential;
mod delivery;
mod error;
mod forecasts;
mod identity;
mod operators;
mod paging;
mod papers;
mod periods;
mod quarantine;
mod renewal;
mod retry;
mod roles;
pub mod sign_in;
mod stacks;
mod webhooks;

pub use azure_stack::RegistrationPath;
pub use call::Answered;
pub use connection::{Client, ClientBuilder, is_loopback, server_url};
pub use credential::Credential;
pub use delivery::{Delivery, Encoding, Format};
pub use error::{ClientError, Refusal};
pub use paging::{ITEMS_MAX, Pages};
pub use periods::InvoicesOf;
pub use renewal::Renewing;
pub use reqwest::StatusCode;
pub use retry::{ATTEMPTS_MAX, WAITING_MAX};
pub use roles::RoleOf;

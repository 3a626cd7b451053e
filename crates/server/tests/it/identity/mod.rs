//! Signing in and being let in, with what Azure's own clients send.

mod devices;
mod discovery;
mod issuers;
mod pages;
mod passwords;
mod people;
mod programs;
mod sessions;
mod tokens;

pub(crate) use people::{SignedIn, house_with_a_user_and_a_program, operator};
pub(crate) use sessions::secrets_of_signing_in;

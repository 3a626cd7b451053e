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

pub(crate) use people::operator;
pub(crate) use sessions::secrets_of_signing_in;

//! Signing in and being let in, with what Azure's own clients send.

mod devices;
mod discovery;
mod issuers;
mod pages;
mod people;
mod programs;
mod tokens;

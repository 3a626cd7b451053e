//! The door, tested from outside: a real server on a free port, spoken to over TLS with a client that trusts its
//! certificate authority.

mod access;
mod arm;
mod bad_input;
mod codes;
mod fixture;
mod lifecycle;
mod own_api;
mod usage;
mod world;

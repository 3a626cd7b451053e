//! What things mean.
//!
//! Registration, attribution, usage, rating and bills as pure functions of values: nothing here awaits, reads a
//! clock, draws a random number, touches a file or uses a binary float. Rules cite the document they come from;
//! decisions of this project are marked *ours*.
//!
//! Modules depend on each other in one direction only, in this order:
//!
//! `ids`, `quantity`, `money`, `time`, `timeline`, `resource_id` -> `partner` -> `identity` -> `authorization` ->
//! `registration` -> `usage` -> `quarantine` -> `bundle` -> `attribution` -> `catalog` -> `rating` -> `statement` ->
//! `chain` -> `terms` -> `profile` -> `reckoning` -> `forecast` -> `invoice` -> `reconciliation` -> `budget` ->
//! `notices` -> `books` -> `completeness` -> `laws`.
#![cfg_attr(not(test), warn(clippy::float_arithmetic, clippy::as_conversions))]

pub mod attribution;
pub mod authorization;
pub mod books;
pub mod budget;
pub mod bundle;
pub mod catalog;
pub mod chain;
pub mod completeness;
pub mod forecast;
pub mod identity;
pub mod ids;
pub mod invoice;
pub mod laws;
pub mod money;
pub mod notices;
pub mod partner;
pub mod profile;
pub mod quantity;
pub mod quarantine;
pub mod rating;
pub mod reckoning;
pub mod reconciliation;
pub mod registration;
pub mod resource_id;
pub mod statement;
pub mod terms;
pub mod time;
pub mod timeline;
pub mod usage;

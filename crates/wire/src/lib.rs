//! What is said: the shapes of the contracts and of our own API.
//!
//! Everything here is a shape or a way from text to domain values and back. Nothing decides, stores or sends.

pub mod api;
pub mod arm;
pub mod azure_stack;
pub mod bundle;
pub mod catalog;
pub mod graph;
pub mod partner_center;
pub mod price_import;
pub mod stack_admin;
pub mod usage;

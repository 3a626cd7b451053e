//! The use-cases without HTTP: a store in a temporary directory and a clock that the test sets.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod agents;
mod authorization;
mod billing;
mod bundles;
mod closing;
mod completeness;
mod concurrent_billing;
mod faltering;
mod gaps;
mod halting;
mod house;
mod identity;
mod intake;
mod keys;
mod listings;
mod locks;
mod mappings;
mod moves;
mod payers;
mod people;
mod periods;
mod price_drafts;
mod prices;
mod quarantine;
mod refusals;
mod repricing;
mod resellers;
mod sessions;
mod several_servers;
mod soundness;
mod strangers;
mod successors;
mod suggestions;
mod tearing;
mod webhooks;

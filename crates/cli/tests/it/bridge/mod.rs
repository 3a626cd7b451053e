//! The bridge's commands, and the bridge between a stack and a server: from a registration to a statement.

mod arrival;
mod bundles;
mod process;
mod refusals;
mod restores;
mod units;
mod world;

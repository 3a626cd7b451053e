//! The binary from outside: what it says, where it says it, and with which code it leaves.

mod demo;
mod help;
mod process;
mod real_usage;
mod refusals;
mod server;
mod whole_job;

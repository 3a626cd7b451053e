//! A second opinion: every bill of the demonstration, computed again in the plainest way.
//!
//! It goes over every true record of the simulated stacks, hour by hour, asks the script who pays, and rates what
//! comes out. It is written from the rules, not from the product: nothing of `domain`'s attribution, catalog, rating or
//! statements is called. What it shares with the product are the names of ids and hours, and what the served API says
//! about meters and prices.

mod bill;
mod ledger;
mod payer;
mod tariff;

pub(super) use bill::{Bill, BillLine, User};
pub(super) use ledger::Ledger;
pub(super) use payer::Why;
#[cfg(test)]
pub(super) use tariff::Price;
pub(super) use tariff::Tariff;

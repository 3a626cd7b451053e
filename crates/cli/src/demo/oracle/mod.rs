//! A second opinion: every bill of the demonstration, computed again in the plainest way.
//!
//! It goes over every true record of the simulated stacks, hour by hour, asks the script who pays, and rates what
//! comes out. It is written from the rules, not from the product: nothing of `domain`'s attribution, catalog, rating or
//! statements is called. What it shares with the product are the names of ids and hours. What meters mean and the
//! platform's opening prices are read from the reviewed data files, and later prices are taken as they were published:
//! nothing is taken as it is served.

mod bill;
mod ledger;
mod payer;
mod remainder;
mod tariff;
mod waiting;

pub(super) use bill::{Bill, BillLine, CURRENCY, User};
#[cfg(test)]
pub(super) use bill::{Measured, Share, Spread};
pub(super) use ledger::Ledger;
#[cfg(test)]
pub(super) use payer::{Payment, Why};
#[cfg(test)]
pub(super) use tariff::Price;
pub(super) use tariff::Tariff;
pub(super) use waiting::{Waiting, WaitingKey, waiting};

//! A stack that does not exist, for demonstrations, tests and benchmarks.
//!
//! A [`Stack`] is made from a [`StackSpec`] and a seed: a home directory and guests, local subscriptions, and virtual
//! machines, disks, storage accounts, addresses, App Service plans, databases and vaults that are created, resized and
//! deleted through a month. It knows its ground truth ([`Stack::truth`]) and it reports that truth as real stacks do
//! ([`Stack::reported_pages`], and over HTTP [`AdminApi`]): by windows of reported time, mostly an hour after the
//! usage, sometimes late, twice, first wrong and then right, or malformed ([`Faults`]). Over HTTP the service itself can be
//! at fault too ([`ServiceFaults`]), and is reached as that of a real stack: with TLS ([`serve`]) and a token.
//!
//! Nothing here reads a clock or draws from outside (but for the keys of certificates): the same specification gives the
//! same bytes.
//!
//! # What the records of a month count as
//! Every report names one key (local subscription, local meter, resource URI, usage hour) and one quantity.
//!
//! | report | counts as | what it says |
//! |---|---|---|
//! | the first of a key | counted | the true quantity, or a part of it (revised), or more than it (lowered) |
//! | the second quantity of a key | superseded, one of the two | the true quantity |
//! | a key and quantity that were reported | duplicate | either of the key's quantities |
//! | a malformed record | quarantined | nothing of the truth |
//!
//! A key has at most two quantities. By the rule of [`domain::usage::that_counts`] the true one counts: it is reported
//! in a later hour than the other, or in the same hour and is the larger. A repetition changes nothing, because a
//! quantity's reported time is the earliest. So records sent = counted + superseded + duplicates + quarantined
//! ([`Expected`]), and what counts in the end is [`Stack::truth`], record by record.

mod admin_api;
mod amount;
mod directory;
mod estate;
mod expected;
mod fate;
mod malformed;
mod meters;
mod pages;
mod random;
mod record;
mod reports;
mod series;
mod service_faults;
mod serving;
mod spec;
mod stack;

pub use admin_api::{Account, AdminApi};
pub use expected::Expected;
pub use fate::REPORTED_WITHIN_HOURS;
pub use pages::{Page, Pages};
pub use service_faults::{ServiceFault, ServiceFaults};
pub use serving::{AccountCertificate, CertificateError, StackCertificate, serve};
pub use spec::{Faults, InvalidSpec, RECORDS_MIN_MAX, StackSpec, TenantSpec};
pub use stack::{LocalSubscription, Stack, TrueRecord};

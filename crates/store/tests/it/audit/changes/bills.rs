//! Every column of the documents of closed periods, changed.

use super::Change;
use super::Sql::{Both, Each};

pub(super) const CHANGES: &[Change] = &[
    (
        "bill.kind",
        Both("UPDATE bill SET kind = 3 WHERE kind = 1"),
        &["Document"],
        "row `bill` 3, 20697, 00",
    ),
    (
        "bill.period",
        Both("UPDATE bill SET period = 20727 WHERE kind = 1"),
        &["Document"],
        "the invoice of the platform to subscription 01010101-0101-0101-0101-010101010101 in EUR for 2026-10: this document",
    ),
    (
        "bill.seller",
        Each(
            "UPDATE bill SET seller = x'0101010101010101010101010101010101' WHERE kind = 1",
            "UPDATE bill SET seller = decode('0101010101010101010101010101010101', 'hex') WHERE kind = 1",
        ),
        &["Document"],
        "the invoice of partner 01010101-0101-0101-0101-010101010101 to",
    ),
    (
        "bill.buyer",
        Each(
            "UPDATE bill SET buyer = x'0101010101010101010101010101010101' WHERE kind = 2",
            "UPDATE bill SET buyer = decode('0101010101010101010101010101010101', 'hex') WHERE kind = 2",
        ),
        &["Document"],
        "what was reckoned from of the platform to partner 01010101",
    ),
    (
        "bill.currency",
        Each(
            "UPDATE bill SET currency = x'555344' WHERE kind = 1",
            "UPDATE bill SET currency = decode('555344', 'hex') WHERE kind = 1",
        ),
        &["Document"],
        "in USD for 2026-09",
    ),
    (
        "bill.size",
        Both("UPDATE bill SET size = size + 1 WHERE kind = 1"),
        &["Document"],
        "the invoice of the platform",
    ),
    (
        "bill.digest",
        Both(
            "UPDATE bill SET digest = (SELECT digest FROM bill AS other WHERE other.kind = 2) WHERE kind = 1",
        ),
        &["Document"],
        "the invoice of the platform",
    ),
    (
        "bill.bound",
        Both("UPDATE bill SET bound = digest WHERE kind = 1"),
        &["Document"],
        "it was written under another key",
    ),
    (
        "bill.body",
        Both("UPDATE bill SET body = (SELECT body FROM bill AS other WHERE other.kind = 2) WHERE kind = 1"),
        &["Document"],
        "the invoice of the platform",
    ),
    (
        "catalog.digest",
        Both("UPDATE catalog SET digest = (SELECT digest FROM bill WHERE kind = 1)"),
        &["Document"],
        "the catalog ",
    ),
    (
        "catalog.size",
        Both("UPDATE catalog SET size = 2"),
        &["Document"],
        "the catalog ",
    ),
    (
        "catalog.body",
        Both("UPDATE catalog SET body = (SELECT body FROM bill WHERE kind = 1)"),
        &["Document"],
        "the catalog ",
    ),
];

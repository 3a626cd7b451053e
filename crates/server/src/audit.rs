//! Comparing a store with itself while no server runs: for whoever is at the machine.

pub use store::{
    AuditError, AuditReport, AuditStep, BatchCounts, CheckKind, Checked, Difference, Elsewhere, FINDINGS_MAX,
    Finding, FoundAt, LedgerCounts, Witness,
    backup::{Heads, Link},
    day_text, verify,
};

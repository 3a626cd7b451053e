//! Comparing a store with itself while no server runs: for whoever is at the machine.

pub use store::{
    AuditError, AuditReport, AuditStep, BatchCounts, CheckKind, Checked, Difference, FINDINGS_MAX, Finding,
    FoundAt, LedgerCounts, Witness, day_text, verify,
};

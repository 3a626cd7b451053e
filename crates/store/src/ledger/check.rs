//! Reads everything there is and compares it with itself.

mod attributes;
mod chain;
mod names;
mod quarantine;
mod records;
mod series;
mod totals;

use domain::time::HourInterval;

use super::{lookups, sums};
use crate::audit::{AuditStep, CheckKind, Checked, Difference, Finding, FoundAt, Watch};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction};
use crate::usage::{Audit, LedgerCounts, Slicing};

/// The ledger as this transaction sees it.
pub(super) fn audit(
    transaction: &dyn Transaction,
    interval: HourInterval,
    slices: Slicing,
) -> Result<Audit, StoreError> {
    let slices = slices(&lookups::with_records(transaction, None, interval)?);
    let (problems, counts) = laws(transaction)?;
    Ok(Audit {
        problems,
        counts,
        meter_totals: sums::meter_totals(transaction, interval)?,
        sums: sums::sums(transaction, &slices)?,
    })
}

/// Where the ledger contradicts itself, and what became of all records. Whether that adds up is for the reader to tell.
pub(crate) fn laws(transaction: &dyn Transaction) -> Result<(Vec<String>, LedgerCounts), StoreError> {
    let mut problems = transaction.damage()?;
    let (checks, counts) = compare(transaction, &mut |_| ())?;
    let laws = checks.iter().filter(|it| it.kind != CheckKind::Counts);
    problems.extend(laws.flat_map(Checked::sentences));
    Ok((problems, counts))
}

/// Compares everything that the ledger keeps with everything else that it keeps.
pub(crate) fn compare(
    transaction: &dyn Transaction,
    watch: Watch<'_>,
) -> Result<(Vec<Checked>, LedgerCounts), StoreError> {
    let mut checks = Vec::new();
    begin(transaction, "following receipts", &[BATCHES], watch)?;
    checks.push(Checked::by(CheckKind::Receipts, |it| {
        chain::check(transaction, it, &mut *watch)
    })?);
    begin(transaction, "comparing totals with records", &[DAYS], watch)?;
    let mut counted = None;
    checks.push(Checked::by(CheckKind::Totals, |it| {
        counted = totals::check(transaction, it, &mut *watch)?;
        Ok(())
    })?);
    begin(
        transaction,
        "comparing records with receipts",
        &[HOURS, BATCHES],
        watch,
    )?;
    checks.push(Checked::by(CheckKind::Records, |it| {
        records::check(transaction, it, &mut *watch)
    })?);
    checks.push(Checked::by(CheckKind::Quarantine, |it| {
        quarantine::check(transaction, it)
    })?);
    begin(
        transaction,
        "comparing names with keys",
        &[SERIES, ATTRIBUTES, CHANGES],
        watch,
    )?;
    checks.push(Checked::by(CheckKind::Series, |it| {
        series::check(transaction, it, &mut *watch)
    })?);
    checks.push(Checked::by(CheckKind::Attributes, |it| {
        attributes::check(transaction, it, &mut *watch)
    })?);
    let mut all = LedgerCounts::default();
    // Totals that cannot be read are told already.
    if let Some(counted) = counted {
        checks.push(Checked::by(CheckKind::Counts, |it| {
            let others = counts(transaction)?;
            all = LedgerCounts { counted, ..others };
            add_up(all, it);
            Ok(())
        })?);
    }
    Ok((checks, all))
}

const BATCHES: &str = "SELECT count(*) FROM batch";
const DAYS: &str = "SELECT count(*) FROM day_sheet";
const HOURS: &str = "SELECT count(*) FROM hour_sheet";
const SERIES: &str = "SELECT count(*) FROM series";
const ATTRIBUTES: &str = "SELECT count(*) FROM attributes";
const CHANGES: &str = "SELECT count(*) FROM series_attributes";

/// Says what is compared now, and how many rows that is, if they can be counted.
fn begin(
    transaction: &dyn Transaction,
    what: &'static str,
    counted: &[&'static str],
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    let count = |sql: &&'static str| transaction.the_row(sql, &[], |row| row.get::<u64>(0));
    let rows = match counted.iter().map(count).sum::<Result<u64, _>>() {
        Err(StoreError::Corrupt { .. }) => None,
        rows => Some(rows?),
    };
    watch(AuditStep::Begins { what, rows });
    Ok(())
}

/// Every record received has become something.
fn add_up(counts: LedgerCounts, checked: &mut Checked) {
    checked.examined = counts.received;
    if counts.add_up() {
        return;
    }
    let LedgerCounts {
        received,
        counted,
        superseded,
        duplicate,
        quarantined,
    } = counts;
    let became = format!(
        "{counted} counted, {superseded} superseded, {duplicate} duplicates and {quarantined} in quarantine"
    );
    let finding = Finding::new(Difference::RecordsLost, FoundAt::default());
    checked.add(finding.but(format!("{received} received"), became));
}

/// What became of the records that do not count: those superseded by counting them, the others by receipts.
fn counts(transaction: &dyn Transaction) -> Result<LedgerCounts, StoreError> {
    let of_receipts = |row: &dyn Columns| {
        Ok(LedgerCounts {
            received: row.get(0)?,
            duplicate: row.get(1)?,
            ..LedgerCounts::default()
        })
    };
    let counts = transaction.the_row(
        "SELECT CAST(coalesce(sum(CASE WHEN released = 0 THEN received END), 0) AS bigint),
         CAST(coalesce(sum(duplicate), 0) AS bigint) FROM batch",
        &[],
        of_receipts,
    )?;
    let count = |sql| transaction.the_row(sql, &[], |row| row.get(0));
    Ok(LedgerCounts {
        quarantined: count("SELECT count(*) FROM quarantine WHERE released_by IS NULL")?,
        superseded: count("SELECT count(*) FROM observation WHERE again = 0")?,
        ..counts
    })
}

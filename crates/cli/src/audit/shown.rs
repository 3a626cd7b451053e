//! What came of an audit, for people and programs.

use serde::Serialize;
use server::StoreConfig;
use server::audit::{AuditReport, CheckKind, Checked, Finding, FoundAt, Heads, LedgerCounts, Link, day_text};

use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::table::{Table, left, right};

/// All of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    store: String,
    holds: bool,
    found: u64,
    checks: Vec<Check<'a>>,
    counts: Counts,
    /// Nothing where they cannot be read: a file without them is refused as one to compare with.
    #[serde(flatten)]
    ends: Option<Ends>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check<'a> {
    check: &'static str,
    #[serde(skip)]
    kind: CheckKind,
    examined: u64,
    unit: &'static str,
    not_covered: u64,
    found: u64,
    findings: Vec<Shown<'a>>,
    noted: u64,
    /// What is as it was taken in and worth knowing all the same.
    notes: Vec<Shown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    code: &'static str,
    message: &'static str,
    place: Place,
    /// The last of several places that follow on each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_place: Option<Place>,
    /// How many they are.
    places: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    #[serde(skip)]
    finding: &'a Finding,
}

/// Where something was found, as far as that has these.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_subscription_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_meter_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_hour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine_position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    received: u64,
    counted: u64,
    superseded: u64,
    duplicate: u64,
    quarantined: u64,
}

/// Where all chains end.
#[derive(Serialize)]
struct Ends {
    journal: End,
    stacks: Vec<StackEnd>,
}

/// The end of a chain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct End {
    sequence: u64,
    chain: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StackEnd {
    cloud_id: String,
    #[serde(flatten)]
    end: End,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(store: &StoreConfig, report: &'a AuditReport) -> Self {
        let LedgerCounts {
            received,
            counted,
            superseded,
            duplicate,
            quarantined,
        } = report.counts;
        Self {
            store: store.to_string(),
            holds: report.found() == 0,
            found: report.found(),
            checks: report.checks.iter().map(Check::of).collect(),
            counts: Counts {
                received,
                counted,
                superseded,
                duplicate,
                quarantined,
            },
            ends: report.heads.as_ref().map(Ends::of),
        }
    }

    /// A table of what was compared, then what differs.
    pub(super) fn text(&self, printer: &Printer) -> String {
        let mut table = Table::new(&[
            left("COMPARED").wraps(),
            right("EXAMINED"),
            left(""),
            right("BY COUNTS ONLY").rank(1),
            left("OUTCOME"),
        ]);
        for check in &self.checks {
            let outcome = match check.found {
                0 => "nothing differs".to_owned(),
                many => counted(many, "difference"),
            };
            let not_covered = match check.not_covered {
                0 => String::new(),
                some => count(some),
            };
            table.row([
                in_words(check.kind).to_owned(),
                count(check.examined),
                check.kind.unit_of(check.examined).to_owned(),
                not_covered,
                outcome,
            ]);
        }
        let mut text = table.within(printer.width());
        for check in self.checks.iter().filter(|check| check.found > 0) {
            text.push_str(&format!("\n{}:\n", in_words(check.kind)));
            text.push_str(&all_told(&check.findings, check.found));
        }
        for check in self.checks.iter().filter(|check| check.noted > 0) {
            text.push_str(&format!(
                "\n{}, no difference but worth knowing:\n",
                in_words(check.kind)
            ));
            text.push_str(&all_told(&check.notes, check.noted));
            text.push_str(ABOUT_NOTES);
        }
        text
    }
}

/// What the only note there is means, and what to do.
const ABOUT_NOTES: &str = "  An earlier version took two letter cases of a name for two resources. What it counted twice stays, as receipts\n                             are bound to it: credit it to whoever paid. Whatever is delivered since counts once.\n";

/// Paragraphs, and how many more there are.
fn all_told(shown: &[Shown<'_>], all: u64) -> String {
    let mut text: String = shown.iter().map(|it| told(it.finding, it.code)).collect();
    let more = all - shown.len() as u64;
    if more > 0 {
        text.push_str(&format!("  and {} more\n", count(more)));
    }
    text
}

/// A difference as a paragraph: what, where, and both values.
fn told(finding: &Finding, code: &str) -> String {
    let mut text = format!("  {} ({code})\n", finding.difference.sentence());
    let at = finding.place();
    for (word, value) in [
        ("where", (!at.is_empty()).then_some(at)),
        ("expected", finding.expected.clone()),
        ("found", finding.found.clone()),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("    {word:<9}{value}\n"));
        }
    }
    text
}

const fn in_words(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Database => "the database with its own rules",
        CheckKind::Schema => "tables and indexes with what the program makes",
        CheckKind::Journal => "the journal with its chain",
        CheckKind::Receipts => "receipts with their chains",
        CheckKind::Witnesses => "receipts with those kept elsewhere",
        CheckKind::Heads => "chains with their ends noted elsewhere",
        CheckKind::Backup => "files of the backup with its manifest",
        CheckKind::Totals => "totals of days with their records",
        CheckKind::Records => "records with the receipts of their batches",
        CheckKind::Quarantine => "texts in quarantine with what was sent",
        CheckKind::QuarantineActs => "releases and purges with the journal",
        CheckKind::Documents => "documents of closed periods with their digests",
        CheckKind::Registrations => "stacks that delivered with the books",
        CheckKind::Series => "resources and meters with their keys",
        CheckKind::Attributes => "attributes with their keys and records",
        CheckKind::Counts => "all that was received with what became of it",
    }
}

impl<'a> Check<'a> {
    fn of(checked: &'a Checked) -> Self {
        Self {
            check: checked.kind.as_str(),
            kind: checked.kind,
            examined: checked.examined,
            unit: checked.kind.unit(),
            not_covered: checked.not_covered,
            found: checked.found,
            findings: checked.findings.iter().map(Shown::of).collect(),
            noted: checked.noted,
            notes: checked.notes.iter().map(Shown::of).collect(),
        }
    }
}

impl<'a> Shown<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            code: finding.difference.code(),
            message: finding.difference.sentence(),
            place: Place::of(&finding.at),
            last_place: finding.until.as_ref().map(Place::of),
            places: finding.places,
            expected: finding.expected.as_deref(),
            found: finding.found.as_deref(),
            finding,
        }
    }
}

impl Ends {
    fn of(heads: &Heads) -> Self {
        let stacks = heads.stacks.iter().map(|(stack, link)| StackEnd {
            cloud_id: stack.to_string(),
            end: End::of(*link),
        });
        Self {
            journal: End::of(heads.journal),
            stacks: stacks.collect(),
        }
    }
}

impl End {
    fn of(link: Link) -> Self {
        Self {
            sequence: link.sequence,
            chain: blake3::Hash::from_bytes(link.chain).to_hex().to_string(),
        }
    }
}

impl Place {
    fn of(at: &FoundAt) -> Self {
        Self {
            entry: at.entry,
            cloud_id: at.stack.map(|it| it.to_string()),
            receipt: at.receipt,
            batch_id: at.batch.map(|it| it.to_string()),
            received_at: at.received_at.map(|it| it.to_string()),
            local_subscription_id: at.local_subscription.map(|it| it.to_string()),
            local_meter_id: at.local_meter.map(|it| it.to_string()),
            resource_uri: at.resource_uri.clone(),
            day: at.day.map(day_text),
            hour: at.hour.map(|it| it.to_string()),
            last_hour: at.last_hour.map(|it| it.to_string()),
            quarantine_position: at.quarantine,
            row: at.row.clone(),
            file: at.file.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use server::audit::Difference;

    use super::super::heads;
    use super::*;

    #[test]
    fn a_store_with_two_spellings_from_before_an_update_would_be_thrown_away_for_a_damaged_one() {
        let note = Finding {
            difference: Difference::SeriesTwice,
            at: FoundAt::default(),
            until: None,
            places: 1,
            expected: None,
            found: Some("`series` 65".to_owned()),
        };
        let checked = Checked {
            kind: CheckKind::Series,
            examined: 2,
            not_covered: 0,
            found: 0,
            findings: Vec::new(),
            noted: 3,
            notes: vec![note],
        };
        let report = AuditReport {
            checks: vec![checked],
            counts: LedgerCounts::default(),
            heads: None,
        };
        let outcome = Outcome::of(&StoreConfig::in_folder("store".into()), &report);
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!((&json["holds"], &json["found"]), (&true.into(), &0.into()));
        assert_eq!(json["checks"][0]["notes"][0]["code"], "SeriesTwice");
        let text = all_told(&outcome.checks[0].notes, 3) + ABOUT_NOTES;
        for part in ["(SeriesTwice)", "`series` 65", "and 2 more", "credit it"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn what_is_said_of_a_journal_that_cannot_be_read_is_not_kept_for_years_as_a_proof() {
        let said = |heads: Option<Heads>| {
            let report = AuditReport {
                checks: Vec::new(),
                counts: LedgerCounts::default(),
                heads,
            };
            let file = tempfile::NamedTempFile::new().unwrap();
            let outcome = Outcome::of(&StoreConfig::in_folder("store".into()), &report);
            std::fs::write(file.path(), serde_json::to_vec(&outcome).unwrap()).unwrap();
            heads::read(&[file.path().to_owned()])
        };
        let nothing_there_yet = Heads::default();
        assert_eq!(
            said(Some(nothing_there_yet.clone())).unwrap(),
            [nothing_there_yet]
        );
        assert_eq!(said(None).unwrap_err().code(), "InvalidHeads");
    }
}

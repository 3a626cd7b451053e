//! What an audit tells: what was compared, how much of it, and where it differs.

use std::fmt;

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::time::{Day, Hour, Timestamp};

use crate::error::StoreError;

/// Findings of one kind that are told one by one. The others are counted.
pub const FINDINGS_MAX: usize = 100;

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// The pages of the database, as the database itself checks them. PostgreSQL has no such check that everybody may run.
    Database,
    /// Tables, indexes, triggers and rules with what the program makes.
    Schema,
    /// The entries of the journal with their chain.
    Journal,
    /// The receipts of each stack with their chain, and the last of them with what is known of the stack.
    Receipts,
    /// Receipts that somebody else kept with those that are stored.
    Witnesses,
    /// Where chains ended once, as somebody noted it elsewhere, with the chains that are stored.
    Heads,
    /// The files of a backup with its own manifest.
    Backup,
    /// The total of each series and day with the records of its hours.
    Totals,
    /// What is kept of each batch with what its receipt says.
    Records,
    /// The texts in quarantine with their digests, and with the batches that brought or counted them.
    Quarantine,
    /// Stack, local subscription, meter and resource of each series with its key.
    Series,
    /// What was done with records in quarantine with what the journal says of it.
    QuarantineActs,
    /// The documents of periods that were closed with their keys and digests.
    Documents,
    /// The stacks that delivered with the registrations in the books.
    Registrations,
    /// The sets of attributes with their keys, and the hours from which they hold with records.
    Attributes,
    /// All that was received with all that became of it.
    Counts,
}

impl CheckKind {
    /// As a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Journal => "journal",
            Self::Receipts => "receipts",
            Self::Witnesses => "witnesses",
            Self::Heads => "heads",
            Self::Backup => "backup",
            Self::Totals => "totals",
            Self::Records => "records",
            Self::Quarantine => "quarantine",
            Self::QuarantineActs => "quarantineActs",
            Self::Documents => "documents",
            Self::Registrations => "registrations",
            Self::Series => "series",
            Self::Attributes => "attributes",
            Self::Counts => "counts",
        }
    }

    /// What was counted as compared, in the plural.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Database => "databases",
            Self::Schema => "definitions",
            Self::Journal => "entries",
            Self::Receipts | Self::Witnesses => "receipts",
            Self::Heads => "ends of chains",
            Self::Backup => "files",
            Self::Totals => "totals",
            Self::Records => "batches",
            Self::Quarantine => "texts",
            Self::Documents => "documents",
            Self::Series => "series",
            Self::Registrations => "stacks",
            Self::Attributes => "sets and changes",
            Self::Counts | Self::QuarantineActs => "records",
        }
    }

    /// The same, for people: of one, in the singular.
    #[must_use]
    pub const fn unit_of(self, examined: u64) -> &'static str {
        if examined != 1 {
            return self.unit();
        }
        match self {
            Self::Database => "database",
            Self::Schema => "definition",
            Self::Journal => "entry",
            Self::Receipts | Self::Witnesses => "receipt",
            Self::Heads => "end of a chain",
            Self::Backup => "file",
            Self::Totals => "total",
            Self::Records => "batch",
            Self::Quarantine => "text",
            Self::Documents => "document",
            Self::Series => "series",
            Self::Registrations => "stack",
            Self::Attributes => "set or change",
            Self::Counts | Self::QuarantineActs => "record",
        }
    }
}

macro_rules! differences {
    ($($(#[$doc:meta])* $name:ident: $sentence:literal;)+) => {
        /// In what something differs from what it was when it was taken in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Difference {$(
            $(#[$doc])*
            $name,
        )+}

        impl Difference {
            /// A stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {$(Self::$name => stringify!($name),)+}
            }

            /// In words.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {$(Self::$name => $sentence,)+}
            }
        }
    };
}

differences! {
    /// Something that the program made of the database is not there.
    SchemaMissing: "the program made this, and it is not there any more";
    /// Something is made of the database that the program did not make.
    SchemaForeign: "the program did not make this";
    /// Something that the program made of the database is another one.
    SchemaChanged: "this is not as the program made it";
    /// The database itself says that it is damaged.
    DatabaseDamaged: "the database is damaged";
    /// Something stored is nothing that was ever written so.
    Unreadable: "what is stored cannot be read";
    /// An entry of the journal is missing before this one.
    JournalGap: "entries of the journal are missing before this one";
    /// An entry of the journal, or the one before it, was changed.
    JournalChain: "this entry of the journal is not what was recorded: its chain value does not follow";
    /// A receipt is missing before this one.
    ReceiptGap: "receipts are missing before this one";
    /// A receipt, or the one before it, was changed.
    ReceiptChain: "this receipt is not what was made out: its chain value does not follow";
    /// The counts of a receipt do not add up.
    ReceiptCounts: "the counts of this receipt do not add up";
    /// What is known of the stack's last receipt is not that one.
    LastReceipt: "the last receipt is not the one that is known of the stack";
    /// The hour up to which the stack has reported is not the furthest of its receipts.
    ReportedThrough: "the hour up to which the stack has reported is not that of its receipts";
    /// The last change of attributes is said to be of a batch that is not there.
    AttributesSequence: "attributes were changed last by a batch that is not there";
    /// A batch is of a stack that is not there.
    UnknownStack: "this batch is of a stack that is not there";
    /// Usage of a stack is stored that the books know no registration of.
    BooksMissing: "this stack delivered usage, and the books know no registration of it: books and usage are not of one moment";
    /// A receipt that somebody else kept is not stored.
    WitnessMissing: "this receipt was made out and is not stored any more";
    /// A receipt that somebody else kept is stored with another content.
    WitnessDiffers: "this receipt is not the one that was made out";
    /// A chain does not go as far as it went once.
    HeadMissing: "this was the end of its chain once, and is not stored any more";
    /// A chain has another value than it had once.
    HeadDiffers: "this was the end of its chain once, with another chain value";
    /// A file of a backup is not the one that the backup's manifest says.
    BackupFile: "this file is not the one that was backed up: the backup was cut off, changed or copied badly";
    /// The manifest of a backup is not the one that was written with it.
    BackupManifest: "the manifest of the backup is not what was written with it, so nothing says which files belong to it";
    /// The total of a day is not the sum of its hours.
    DayTotal: "the total of this day is not the sum of its records";
    /// Records by the hour and one of a whole day are mixed.
    TwoGranularities: "records of an hour and of a whole day stand beside each other on this day";
    /// Records belong to no day's total.
    HourWithoutTotal: "there are records in this hour, and no totals of its day";
    /// Of several quantities for one hour the wrong one counts.
    OtherCounts: "another quantity should count in this hour";
    /// Quantities were said for an hour in which nothing counts.
    NothingCounts: "of the quantities said for this hour none counts";
    /// A saying has another reported time than its batch.
    ReportedTime: "the reported time of what was said for this hour is not that of its batch";
    /// A saying is wrongly told to be the first, or not the first, of its quantity.
    Repetition: "whether this quantity had been said before is stored wrongly";
    /// Records belong to a batch that is not there.
    UnknownBatch: "records are of a batch that is not there";
    /// A batch has fewer or more records than its receipt says.
    BatchRecords: "other records are stored of this batch than its receipt says";
    /// A batch has as many records as its receipt says, but not the same.
    BatchContent: "a record of this batch, its idempotency key or a text in quarantine is not what was taken in";
    /// The receipt of a batch says of another number of its revisions that they did not count.
    RevisedNotCounting: "of this batch another number of revisions did not count than its receipt says";
    /// It is not written down of a day that a batch was about it when its month was over, or it is, and the batch was not.
    LateDay: "the days about which this batch came late are not those that are written down";
    /// A document is not the one that was written.
    Document: "this document is not what was written when its period was closed";
    /// A batch has fewer or more records in quarantine than its receipt says.
    QuarantineCount: "other records of this batch are in quarantine than its receipt says";
    /// A text in quarantine was changed.
    QuarantineText: "the text of this record in quarantine is not what was sent";
    /// A record in quarantine is said to be of another stack than its batch.
    QuarantineStack: "this record in quarantine is of another stack than its batch";
    /// Records in quarantine are not in the order of their delivery.
    QuarantineOrder: "the records of this batch in quarantine are not in the order of the delivery";
    /// What was done with a record in quarantine contradicts itself.
    QuarantineAct: "what was done with this record in quarantine contradicts itself";
    /// What was released from quarantine is not what the receipt of the release says.
    ReleasedTexts: "the texts released from quarantine by this batch are not those that its receipt says";
    /// What a series measures was changed.
    SeriesKey: "what this series measures is not what was taken in: its key is another one";
    /// Two series measure one thing, since an earlier version took two letter cases of it for two. That is no fault of the store.
    SeriesTwice: "another series measures the same in another letter case: hours that both had before the update count twice";
    /// There are records of a series that is not there.
    UnknownSeries: "records are of a series that is not there";
    /// A series refers to something that is not there.
    SeriesWithout: "this series refers to something that is not there";
    /// A set of attributes was changed.
    AttributesKey: "these attributes are not what was taken in: their key is another one";
    /// Attributes are said of something that is not there.
    AttributesWithout: "a change of attributes refers to something that is not there";
    /// Attributes change to what they are already.
    AttributesRepeated: "attributes change to what they were before";
    /// A record has no attributes.
    AttributesMissing: "the first record of this series has no attributes";
    /// Not every record received has become something.
    RecordsLost: "not every record received has become something, or some have twice";
}

/// Where something was found, as far as it has these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundAt {
    /// An entry of the journal.
    pub entry: Option<u64>,
    /// A stack.
    pub stack: Option<CloudId>,
    /// The number of a receipt of the stack.
    pub receipt: Option<u64>,
    /// A batch.
    pub batch: Option<BatchId>,
    /// When that was received.
    pub received_at: Option<Timestamp>,
    /// A local subscription of the stack.
    pub local_subscription: Option<LocalSubscriptionId>,
    /// A meter.
    pub local_meter: Option<LocalMeterId>,
    /// A resource.
    pub resource_uri: Option<String>,
    /// A day.
    pub day: Option<Day>,
    /// An hour, or the first one.
    pub hour: Option<Hour>,
    /// The last of the hours, if there are several.
    pub last_hour: Option<Hour>,
    /// A position in quarantine.
    pub quarantine: Option<u64>,
    /// A row of a table by its key, where that tells more.
    pub row: Option<String>,
    /// A file, by its path in what was compared.
    pub file: Option<String>,
}

impl fmt::Display for FoundAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |word: &str, part: Option<String>| {
            let Some(part) = part else { return Ok(()) };
            write!(f, "{separator}{word} {part}")?;
            separator = ", ";
            Ok(())
        };
        part("entry", self.entry.map(|it| it.to_string()))?;
        part("stack", self.stack.map(|it| it.to_string()))?;
        part("receipt", self.receipt.map(|it| it.to_string()))?;
        part("batch", self.batch.map(|it| it.to_string()))?;
        part("received", self.received_at.map(|it| it.to_string()))?;
        part(
            "local subscription",
            self.local_subscription.map(|it| it.to_string()),
        )?;
        part("meter", self.local_meter.map(|it| it.to_string()))?;
        part("resource", self.resource_uri.clone())?;
        part("day", self.day.map(day_text))?;
        match self.last_hour {
            None => part("hour", self.hour.map(|it| it.to_string()))?,
            Some(last) => part("hours", self.hour.map(|first| format!("{first} to {last}")))?,
        }
        part("quarantine", self.quarantine.map(|it| it.to_string()))?;
        part("row", self.row.clone())?;
        part("file", self.file.clone())
    }
}

impl FoundAt {
    /// What of this place is not told already by one before it.
    fn after(&self, first: &Self) -> Self {
        Self {
            stack: self.stack.filter(|_| self.stack != first.stack),
            hour: self.hour.filter(|_| self.hour != first.hour),
            ..self.clone()
        }
    }
}

/// A day as `2026-10-01`.
#[must_use]
pub fn day_text(day: Day) -> String {
    day.first_hour()
        .to_string()
        .chars()
        .take("2026-10-01".len())
        .collect()
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In what it differs.
    pub difference: Difference,
    /// Where.
    pub at: FoundAt,
    /// The last place, where it is the same in several that follow on each other.
    pub until: Option<FoundAt>,
    /// How many places that are.
    pub places: u64,
    /// What it should be, where that is known.
    pub expected: Option<String>,
    /// What it is.
    pub found: Option<String>,
}

impl Finding {
    pub(crate) fn new(difference: Difference, at: FoundAt) -> Self {
        Self {
            difference,
            at,
            until: None,
            places: 1,
            expected: None,
            found: None,
        }
    }

    /// The same, with what it should be and what it is.
    pub(crate) fn but(self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            expected: Some(expected.to_string()),
            found: Some(found.to_string()),
            ..self
        }
    }

    /// Where it is, in words; empty if that is not known.
    #[must_use]
    pub fn place(&self) -> String {
        let Some(last) = &self.until else {
            return self.at.to_string();
        };
        match (self.at.receipt, last.receipt) {
            (Some(from), Some(through)) => {
                let stack = self.at.stack.map(|it| format!("stack {it}, "));
                let batches = self.at.batch.zip(last.batch);
                let batches = batches.map(|(from, through)| format!(", batches {from} to {through}"));
                format!(
                    "{}receipts {from}–{through} ({}){}",
                    stack.unwrap_or_default(),
                    self.places,
                    batches.unwrap_or_default()
                )
            }
            _ => format!("{} to {}, {} of them", self.at, last.after(&self.at), self.places),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            difference,
            expected,
            found,
            ..
        } = self;
        let place = self.place();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(difference.sentence())?;
        match (expected, found) {
            (Some(expected), Some(found)) => write!(f, ": expected {expected}, found {found}"),
            (None, Some(found)) => write!(f, ": {found}"),
            (Some(expected), None) => write!(f, ": expected {expected}"),
            (None, None) => Ok(()),
        }
    }
}

/// What came of one kind of comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was compared with what.
    pub kind: CheckKind,
    /// How many there were of what [`CheckKind::unit`] says.
    pub examined: u64,
    /// How many of them were stored before there was anything to compare them with, and were compared by their counts only.
    pub not_covered: u64,
    /// How many differ.
    pub found: u64,
    /// The first of these, [`FINDINGS_MAX`] at most.
    pub findings: Vec<Finding>,
    /// How often something is as it was taken in and worth knowing all the same.
    pub noted: u64,
    /// The first of these, as many at most.
    pub notes: Vec<Finding>,
}

impl Checked {
    pub(crate) const fn new(kind: CheckKind) -> Self {
        Self {
            kind,
            examined: 0,
            not_covered: 0,
            found: 0,
            findings: Vec::new(),
            noted: 0,
            notes: Vec::new(),
        }
    }

    /// Compares. What makes that impossible is a finding too, unless it is no fault of what is stored.
    pub(crate) fn by(
        kind: CheckKind,
        compare: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut checked = Self::new(kind);
        match compare(&mut checked) {
            Err(error @ StoreError::Corrupt { .. }) => checked.add_unreadable(FoundAt::default(), &error),
            done => done?,
        }
        Ok(checked)
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Adds a place that follows on that of the finding before, and is told with it. Where that one is only counted, so
    /// is this.
    pub(crate) fn add_place(&mut self, at: FoundAt) {
        let all_are_told = self.found == self.findings.len() as u64;
        if let Some(before) = self.findings.last_mut().filter(|_| all_are_told) {
            (before.until, before.places) = (Some(at), before.places + 1);
        }
    }

    /// Adds what is no difference from what was taken in.
    pub(crate) fn note(&mut self, note: Finding) {
        self.noted += 1;
        if self.notes.len() < FINDINGS_MAX {
            self.notes.push(note);
        }
    }

    /// Adds what cannot be read. What follows on something of the same stack that cannot be read either, for the same reason, is
    /// told with it: a damaged page has many rows.
    pub(crate) fn add_unreadable(&mut self, at: FoundAt, error: &StoreError) {
        let why = match error {
            StoreError::Corrupt { detail } => detail.clone(),
            other => other.to_string(),
        };
        let last = self.findings.last_mut();
        let same = last.filter(|it| {
            it.difference == Difference::Unreadable
                && it.at.stack == at.stack
                && [&it.at, &at].iter().all(|it| **it != FoundAt::default())
                && it.found.as_ref() == Some(&why)
        });
        if let Some(before) = same {
            (before.until, before.places) = (Some(at), before.places + 1);
            return;
        }
        let finding = Finding::new(Difference::Unreadable, at);
        self.add(Finding {
            found: Some(why),
            ..finding
        });
    }

    /// Whether another finding will be told one by one: then it is worth a look at where it is.
    pub(crate) fn has_room(&self) -> bool {
        self.findings.len() < FINDINGS_MAX
    }

    /// The findings, a sentence each, and how many more there are.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        let more = self.found - self.findings.len() as u64;
        let more = (more > 0).then(|| format!("{more} more of {}", self.kind.as_str()));
        self.findings.iter().map(ToString::to_string).chain(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_page_would_be_told_as_often_as_it_has_rows_and_hide_what_else_differs() {
        let mut checked = Checked::new(CheckKind::Receipts);
        let of = |stack: u8, receipt| FoundAt {
            stack: Some(CloudId::from_bytes([stack; 16])),
            receipt: Some(receipt),
            ..FoundAt::default()
        };
        let malformed = StoreError::corrupt("malformed");
        for (stack, receipt) in [(1, 820), (1, 821), (1, 822), (2, 820)] {
            checked.add_unreadable(of(stack, receipt), &malformed);
        }
        checked.add_unreadable(of(2, 821), &StoreError::corrupt("no hour"));
        checked.add_unreadable(FoundAt::default(), &malformed);
        checked.add_unreadable(FoundAt::default(), &malformed);
        assert_eq!(checked.found, 5);
        let told: Vec<String> = checked.sentences().collect();
        let first = "stack 01010101-0101-0101-0101-010101010101, receipts 820–822 (3): what is stored \
                     cannot be read: malformed";
        assert_eq!(told[0], first);
        assert!(told[1].contains("receipt 820: "), "{told:?}");
    }
}

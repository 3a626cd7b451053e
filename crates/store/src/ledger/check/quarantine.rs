//! The texts in quarantine are what was sent, and those that were released are what the releasing batch says.

use domain::quarantine::RECORD_TEXT_BYTES_MAX;

use super::names;
use crate::audit::{Checked, Difference, Finding, FoundAt, Read, read_all};
use crate::error::StoreError;
use crate::ledger::delivery::only_beginning;
use crate::ledger::ids::{BatchRow, StackRow};
use crate::ledger::kept::text_digest;
use crate::ledger::quarantine::digest_of_released;
use crate::portion::rows_at_once;
use crate::transaction::{Columns, Transaction, values};

/// Texts read at one time, at the most.
const TEXTS_PAGE: usize = 1000;
/// Batches of released records read at one time.
const BATCHES_PAGE: usize = 1000;

/// A record that is or was in quarantine.
struct Text {
    position: u64,
    stack: StackRow,
    batch: BatchRow,
    place: u32,
    raw: String,
    /// How long the text was, if that is its beginning.
    raw_bytes: Option<u64>,
    digest: Option<[u8; 32]>,
    has_act: bool,
    released_by: Option<BatchRow>,
    mended: bool,
    /// Why it was refused, as the receipt says.
    message: String,
    /// The stack of the batch that brought it, and whether that batch released records: nothing if it is not there.
    brought: Option<(StackRow, bool)>,
    /// The same of the batch that released it.
    released: Option<(StackRow, bool)>,
}

impl Text {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        let batch = |first: usize| -> Result<Option<(StackRow, bool)>, StoreError> {
            let stack: Option<StackRow> = row.optional(first)?;
            let releases: Option<u64> = row.optional(first + 1)?;
            Ok(stack.zip(releases.map(|it| it != 0)))
        };
        Ok(Self {
            position: row.get(0)?,
            stack: row.get(1)?,
            batch: row.get(2)?,
            place: row.get(3)?,
            raw: row.get(4)?,
            digest: row.optional(5)?,
            has_act: row.bytes(6)?.is_some(),
            released_by: row.optional(7)?,
            mended: row.text(8)?.is_some(),
            brought: batch(9)?,
            released: batch(11)?,
            raw_bytes: row.optional(13)?,
            message: row.get(14)?,
        })
    }

    /// What contradicts itself in what was done with it, if anything does.
    fn contradiction(&self) -> Option<&'static str> {
        match (self.has_act, self.released_by, self.released) {
            (false, Some(_), _) => Some("it was released, by no act"),
            (_, Some(_), None) => Some("it was released by a batch that is not there"),
            (_, Some(_), Some((_, false))) => Some("it was released by a batch that releases none"),
            (_, Some(_), Some((stack, true))) if stack != self.stack => {
                Some("it was released by a batch of another stack")
            }
            (true, None, _) if !self.raw.is_empty() => Some("it was purged, and its text is there"),
            (_, Some(_), _) if self.raw_bytes.is_some() && !self.mended => {
                Some("it was released, and only the beginning of its text is there")
            }
            (_, None, _) if self.mended => Some("its text was mended, and it was not released"),
            _ if self.is_cut_elsewhere() => Some(
                "only the beginning of its text is said to be there, and that is not what is kept of a long one",
            ),
            _ => None,
        }
    }

    /// Whether its text is said to be the beginning of a longer one, and is not as long as such beginnings are, or its receipt
    /// says nothing of that. Otherwise a text could be exchanged for another, since beginnings are not compared.
    fn is_cut_elsewhere(&self) -> bool {
        let max = RECORD_TEXT_BYTES_MAX;
        // A text is cut between two letters, and a letter has up to four bytes.
        let is_purged = self.has_act && self.released_by.is_none();
        let is_beginning = (max - 3..=max).contains(&self.raw.len());
        self.raw_bytes.is_some_and(|bytes| {
            let is_told = self.message.contains(&only_beginning(bytes));
            !is_told || (!is_purged && (!is_beginning || bytes <= max as u64))
        })
    }

    /// Whether its text has to be the one that was sent. That of which only the beginning is kept cannot be compared.
    const fn is_there(&self) -> bool {
        (!self.has_act || self.released_by.is_some()) && self.raw_bytes.is_none()
    }
}

pub(super) fn check(transaction: &dyn Transaction, checked: &mut Checked) -> Result<(), StoreError> {
    let mut last: Option<Text> = None;
    read_all(
        TEXTS_PAGE,
        |after, limit| {
            let after = after.copied().unwrap_or(0);
            let sizes = "SELECT CAST(octet_length(raw) AS bigint) FROM quarantine WHERE position > ?1
                         ORDER BY position LIMIT ?2";
            let sizes = transaction.rows(sizes, &values![after, limit], |row| row.get(0))?;
            transaction.rows(
                "SELECT position, quarantine.stack, quarantine.batch, place, raw, raw_digest, act, released_by, mended,
                 origin.stack, origin.released, later.stack, later.released,
                 raw_bytes, message FROM quarantine
                 LEFT JOIN batch AS origin ON origin.id = quarantine.batch
                 LEFT JOIN batch AS later ON later.id = released_by WHERE position > ?1 ORDER BY position LIMIT ?2",
                &values![after, rows_at_once(sizes)],
                Text::from_row,
            )
        },
        |after| {
            let sql = "SELECT position FROM quarantine WHERE position > ?1 ORDER BY position LIMIT 1";
            transaction.row(sql, &values![after.copied().unwrap_or(0)], |row| row.get(0))
        },
        |text: &Text| text.position,
        |read| {
            match read {
                Read::Rows(page) => {
                    for text in page {
                        compare(transaction, last.as_ref(), &text, checked)?;
                        last = Some(text);
                    }
                }
                Read::Unreadable(position, error) => {
                    let at = FoundAt {
                        quarantine: Some(position),
                        ..FoundAt::default()
                    };
                    checked.add_unreadable(at, &error);
                }
            }
            Ok(())
        },
    )?;
    released(transaction, checked)
}

fn compare(
    transaction: &dyn Transaction,
    before: Option<&Text>,
    text: &Text,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    checked.examined += 1;
    let mut findings = Vec::new();
    let finding = |difference| Finding::new(difference, FoundAt::default());
    match text.brought {
        None => findings.push(finding(Difference::UnknownBatch)),
        Some((stack, _)) if stack != text.stack => findings.push(finding(Difference::QuarantineStack)),
        Some(_) => {}
    }
    if before.is_some_and(|before| before.batch == text.batch && before.place >= text.place) {
        findings.push(finding(Difference::QuarantineOrder));
    }
    match text.digest {
        None => checked.not_covered += 1,
        Some(digest) if text.is_there() && digest != text_digest(&text.raw) => {
            let [expected, found] = [digest, text_digest(&text.raw)].map(hex::encode);
            findings.push(finding(Difference::QuarantineText).but(expected, found));
        }
        Some(_) => {}
    }
    if let Some(contradiction) = text.contradiction() {
        findings.push(Finding {
            found: Some(contradiction.to_owned()),
            ..finding(Difference::QuarantineAct)
        });
    }
    for finding in findings {
        let at = FoundAt {
            quarantine: Some(text.position),
            ..names::of_batch(transaction, text.batch)?
        };
        checked.add(Finding { at, ..finding });
    }
    Ok(())
}

/// What a batch of released records says of them.
struct Release {
    batch: BatchRow,
    received: u64,
    digest: [u8; 32],
}

/// Compares what batches of released records say of them with what is kept of these.
fn released(transaction: &dyn Transaction, checked: &mut Checked) -> Result<(), StoreError> {
    read_all(
        BATCHES_PAGE,
        |after, limit| {
            transaction.rows(
                "SELECT id, received, digest FROM batch WHERE released = 1 AND id > ?1 ORDER BY id LIMIT ?2",
                &values![after.copied().unwrap_or(BatchRow(0)), limit],
                |row| {
                    Ok(Release {
                        batch: row.get(0)?,
                        received: row.get(1)?,
                        digest: row.get(2)?,
                    })
                },
            )
        },
        |after| {
            let sql = "SELECT id FROM batch WHERE released = 1 AND id > ?1 ORDER BY id LIMIT 1";
            let after = after.copied().unwrap_or(BatchRow(0));
            transaction.row(sql, &values![after], |row| row.get(0))
        },
        |release: &Release| release.batch,
        |read| match read {
            Read::Rows(page) => page
                .iter()
                .try_for_each(|release| texts_of(transaction, release, checked)),
            // One that cannot be read is told with the receipts.
            Read::Unreadable(..) => Ok(()),
        },
    )
}

/// The digests of the texts by which a batch counted what it released, by position.
fn texts_released_by(
    transaction: &dyn Transaction,
    batch: BatchRow,
) -> Result<Vec<(u64, [u8; 32])>, StoreError> {
    let sizes = "SELECT CAST(octet_length(coalesce(mended, raw)) AS bigint) FROM quarantine
                 WHERE released_by = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
    let sql = "SELECT position, coalesce(mended, raw) FROM quarantine
               WHERE released_by = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
    let digest = |row: &dyn Columns| {
        let text: String = row.get(1)?;
        Ok((row.get(0)?, text_digest(&text)))
    };
    let mut texts: Vec<(u64, [u8; 32])> = Vec::new();
    loop {
        let after = texts.last().map_or(0, |(position, _)| *position);
        let sizes = transaction.rows(sizes, &values![batch, after, TEXTS_PAGE], |row| row.get(0))?;
        if sizes.is_empty() {
            return Ok(texts);
        }
        texts.extend(transaction.rows(sql, &values![batch, after, rows_at_once(sizes)], digest)?);
    }
}

fn texts_of(
    transaction: &dyn Transaction,
    release: &Release,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let texts = texts_released_by(transaction, release.batch)?;
    let (count, digest) = (texts.len() as u64, digest_of_released(texts.into_iter()));
    if (count, digest) == (release.received, release.digest) {
        return Ok(());
    }
    let told = |count: u64, digest: [u8; 32]| format!("{count} texts, {}", hex::encode(digest));
    let at = names::of_batch(transaction, release.batch)?;
    let finding = Finding::new(Difference::ReleasedTexts, at);
    checked.add(finding.but(told(release.received, release.digest), told(count, digest)));
    Ok(())
}

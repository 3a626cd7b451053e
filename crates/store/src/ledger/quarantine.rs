//! What is or was in quarantine, and what became of it.

use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::QuarantineCode;

use super::delivery::{OfRelease, Releasing};
use super::ids::{BatchRow, StackRow};
use super::kept::text_digest;
use super::stacks::Stacks;
use crate::error::StoreError;
use crate::portion::rows_at_once;
use crate::quarantine::{
    ActOutcome, Purged, QuarantineCount, QuarantineFilter, QuarantinePage, QuarantineState,
    QuarantinedRecord, RefusedAgain,
};
use crate::transaction::{Columns, Transaction, Value, values};

/// How much of an instant as text tells its second.
const SECOND: usize = "2026-10-01T13:00:00".len();

/// Where records are, with how many bytes their texts have.
macro_rules! places_where {
    ($($condition:expr),+) => {
        concat!(
            "SELECT position, CAST(octet_length(raw) + coalesce(octet_length(mended), 0) AS bigint)
             FROM quarantine JOIN batch AS origin ON origin.id = quarantine.batch WHERE ",
            $($condition),+
        )
    };
}

/// Those that fit a filter, and another condition. What is not asked for is nothing, and fits all.
macro_rules! fitting {
    ($condition:literal) => {
        places_where!(
            $condition,
            "position > ?1 AND CASE WHEN act IS NULL THEN 0 WHEN released_by IS NULL THEN 2 ELSE 1 END = ?3
             AND coalesce(code_now, code) = coalesce(?4, code_now, code)
             AND origin.batch_id = coalesce(?5, origin.batch_id)
             AND substr(origin.received_at, 1, 19) >= coalesce(?6, '')
             AND substr(origin.received_at, 1, 19) < coalesce(?7, 'Z')
             AND coalesce(replace(coalesce(message_now, message), ?8, '') <> coalesce(message_now, message)
                          OR replace(raw, ?8, '') <> raw, TRUE)
             ORDER BY position LIMIT ?2"
        )
    };
}

/// Where a record is, and how many bytes its texts have.
type Place = (u64, u64);

fn place(row: &dyn Columns) -> Result<Place, StoreError> {
    Ok((row.get(0)?, row.get(1)?))
}

/// The records that fit a filter after a position, in order, as many as may be asked for and are read at one time.
pub(super) fn list(
    transaction: &dyn Transaction,
    filter: &QuarantineFilter,
    after: u64,
    limit: usize,
) -> Result<QuarantinePage, StoreError> {
    let state: u32 = match filter.state {
        QuarantineState::Waiting => 0,
        QuarantineState::Released => 1,
        QuarantineState::Purged => 2,
    };
    let second = |hour: Hour| hour.to_string().chars().take(SECOND).collect::<String>();
    let from = filter.received.map(|hours| second(hours.start()));
    // An interval without an end ends with a year that has a digit more: as a text it would be before all others.
    let end = filter.received.map(HourInterval::end);
    let until = end.filter(|end| *end != Hour::MAX).map(second);
    let batch = filter.batch.as_ref().map(BatchId::as_bytes);
    let code = filter.code.map(QuarantineCode::as_str);
    let fitting = values![
        after,
        limit.saturating_add(1),
        state,
        code,
        batch,
        from.as_ref(),
        until.as_ref(),
        filter.containing.as_ref()
    ];
    let places = match &filter.stack {
        None => transaction.rows(fitting!(""), &fitting, place)?,
        Some(stack) => {
            let sql = fitting!("quarantine.stack = (SELECT id FROM stack WHERE cloud_id = ?9) AND ");
            let stack = values![stack.as_bytes()];
            transaction.rows(sql, &[&fitting[..], &stack].concat(), place)?
        }
    };
    first(transaction, &places, limit)
}

/// The first of the records at some positions, in order, as many as are read at one time.
pub(super) fn at(transaction: &dyn Transaction, positions: &[u64]) -> Result<QuarantinePage, StoreError> {
    let asked: Vec<_> = positions.iter().map(|position| values![*position]).collect();
    let places = transaction.row_each(places_where!("position = ?1"), &asked, place)?;
    let mut places: Vec<Place> = places.into_iter().flatten().collect();
    places.sort_unstable();
    first(transaction, &places, places.len())
}

/// The first of the records at these places.
fn first(
    transaction: &dyn Transaction,
    places: &[Place],
    limit: usize,
) -> Result<QuarantinePage, StoreError> {
    let at_once = rows_at_once(places.iter().take(limit).map(|(_, bytes)| *bytes));
    let asked = places
        .iter()
        .take(at_once)
        .map(|(position, _)| values![*position]);
    let sql = "SELECT position, cloud_id, origin.batch_id, origin.received_at, origin.reported_start, place,
               coalesce(code_now, code), coalesce(message_now, message), code, raw, raw_digest, mended, act,
               later.batch_id, raw_bytes
               FROM quarantine JOIN batch AS origin ON origin.id = quarantine.batch JOIN stack ON stack.id = quarantine.stack
               LEFT JOIN batch AS later ON later.id = released_by WHERE position = ?1";
    let records = transaction.row_each(sql, &asked.collect::<Vec<_>>(), record)?;
    Ok(QuarantinePage {
        records: records.into_iter().flatten().collect(),
        more: at_once < places.len(),
    })
}

fn record(row: &dyn Columns) -> Result<QuarantinedRecord, StoreError> {
    Ok(QuarantinedRecord {
        position: row.get(0)?,
        stack: row.get(1)?,
        batch: row.get(2)?,
        received_at: row.get(3)?,
        reported: row.get(4)?,
        index: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        first_code: row.get(8)?,
        raw: row.get(9)?,
        raw_digest: row.optional(10)?,
        mended: row.optional(11)?,
        act: row.optional(12)?,
        released_by: row.optional(13)?,
        raw_bytes: row.optional(14)?,
    })
}

/// How many records wait, of one stack or of all, by stack and reason.
pub(super) fn counts(
    transaction: &dyn Transaction,
    stack: Option<CloudId>,
) -> Result<Vec<QuarantineCount>, StoreError> {
    let sql = "SELECT cloud_id, coalesce(code_now, code), count(*), min(position), max(position)
               FROM quarantine JOIN stack ON stack.id = quarantine.stack
               WHERE act IS NULL AND cloud_id = coalesce(?1, cloud_id) GROUP BY cloud_id, coalesce(code_now, code)";
    let stack = stack.as_ref().map(CloudId::as_bytes);
    let counted = |row: &dyn Columns| {
        let ends: (u64, u64) = (row.get(3)?, row.get(4)?);
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, ends))
    };
    let counted = transaction.rows(sql, &values![stack], counted)?;
    let ends: Vec<_> = counted
        .iter()
        .flat_map(|(_, _, _, (first, last))| [values![*first], values![*last]])
        .collect();
    let sql =
        "SELECT received_at FROM quarantine JOIN batch ON batch.id = quarantine.batch WHERE position = ?1";
    let received: Vec<Option<Timestamp>> = transaction.row_each(sql, &ends, |row| row.get(0))?;
    let of_record = |(counted, received): (_, &[Option<Timestamp>])| {
        let (stack, code, records, _) = counted;
        let &[Some(first_received), Some(last_received)] = received else {
            return Err(StoreError::corrupt("a record in quarantine has no batch"));
        };
        Ok(QuarantineCount {
            stack,
            code,
            records,
            first_received,
            last_received,
        })
    };
    let counts = counted.into_iter().zip(received.chunks(2)).map(of_record);
    let mut counts: Vec<QuarantineCount> = counts.collect::<Result<_, _>>()?;
    counts.sort_by_key(|count| (count.stack, count.code.as_str()));
    Ok(counts)
}

/// What acts have come to.
pub(super) fn acts(
    transaction: &dyn Transaction,
    acts: &[QuarantineActId],
) -> Result<Vec<ActOutcome>, StoreError> {
    let asked: Vec<_> = acts.iter().map(|act| values![act.as_bytes()]).collect();
    let mut outcomes = vec![ActOutcome::default(); acts.len()];
    let sql =
        "SELECT count(*), later.batch_id FROM quarantine LEFT JOIN batch AS later ON later.id = released_by
               WHERE act = ?1 GROUP BY released_by, later.batch_id ORDER BY released_by";
    transaction.each(sql, &asked, &mut |place, row| {
        let records: u64 = row.get(0)?;
        outcomes[place].records += records;
        let batch: Option<BatchId> = row.optional(1)?;
        outcomes[place].batches.extend(batch);
        Ok(())
    })?;
    Ok(outcomes)
}

/// Which of the records of a release still wait, as records of this stack that were reported then: by their places.
pub(super) fn waiting(
    transaction: &dyn Transaction,
    (stack, reported): (StackRow, Hour),
    release: &OfRelease,
) -> Result<Vec<bool>, StoreError> {
    let asked: Vec<_> = release
        .records
        .iter()
        .map(|it| values![it.position, stack, reported])
        .collect();
    let sql = "SELECT position FROM quarantine JOIN batch ON batch.id = quarantine.batch
               WHERE position = ?1 AND act IS NULL AND quarantine.stack = ?2 AND reported_start = ?3";
    let found: Vec<Option<u64>> = transaction.row_each(sql, &asked, |row| row.get(0))?;
    Ok(found.iter().map(Option::is_some).collect())
}

/// Marks records as released by batches.
pub(super) fn mark_released(
    transaction: &dyn Transaction,
    released: &[(BatchRow, QuarantineActId, &Releasing)],
) -> Result<(), StoreError> {
    let marks: Vec<_> = released
        .iter()
        .map(|(batch, act, it)| values![it.position, act.as_bytes(), *batch, it.mended.as_ref()])
        .collect();
    transaction.execute_each(
        "UPDATE quarantine SET act = ?2, released_by = ?3, mended = ?4 WHERE position = ?1 AND act IS NULL",
        &marks,
    )
}

/// Keeps why records that wait cannot be counted still.
pub(super) fn refuse_again(
    transaction: &dyn Transaction,
    refused: &[RefusedAgain],
) -> Result<(), StoreError> {
    let reasons: Vec<_> = refused
        .iter()
        .map(|it| values![it.position, it.code.as_str(), &it.message])
        .collect();
    transaction.execute_each(
        "UPDATE quarantine SET code_now = nullif(?2, code), message_now = nullif(?3, message)
         WHERE position = ?1 AND act IS NULL",
        &reasons,
    )
}

/// What has become of records by now, by the act that was to do something about them.
pub(super) struct Became {
    /// Those it did something about.
    pub(super) done: Vec<u64>,
    /// Those that wait.
    pub(super) waiting: Vec<RefusedAgain>,
    /// Those of which neither is true.
    pub(super) gone: Vec<u64>,
}

/// What has become of records.
pub(super) fn became(
    transaction: &dyn Transaction,
    act: QuarantineActId,
    positions: &[u64],
) -> Result<Became, StoreError> {
    let asked: Vec<_> = positions.iter().map(|position| values![*position]).collect();
    let sql = "SELECT act, coalesce(code_now, code), coalesce(message_now, message) FROM quarantine WHERE position = ?1";
    let read = |row: &dyn Columns| {
        let act: Option<QuarantineActId> = row.optional(0)?;
        Ok((act, row.get(1)?, row.get(2)?))
    };
    let found = transaction.row_each(sql, &asked, read)?;
    let mut became = Became {
        done: Vec::new(),
        waiting: Vec::new(),
        gone: Vec::new(),
    };
    for (position, found) in positions.iter().copied().zip(found) {
        match found {
            Some((Some(by), _, _)) if by == act => became.done.push(position),
            Some((None, code, message)) => became.waiting.push(RefusedAgain {
                position,
                code,
                message,
            }),
            _ => became.gone.push(position),
        }
    }
    Ok(became)
}

/// Removes the texts of those of some records that wait.
pub(super) fn purge(
    transaction: &dyn Transaction,
    act: QuarantineActId,
    positions: &[u64],
) -> Result<Purged, StoreError> {
    lock_stacks_of(transaction, positions)?;
    let asked: Vec<_> = positions.iter().map(|position| values![*position]).collect();
    keep_digests(transaction, &asked)?;
    let purged: Vec<_> = positions
        .iter()
        .map(|position| values![*position, act.as_bytes()])
        .collect();
    transaction.execute_each(
        "UPDATE quarantine SET act = ?2, raw = '' WHERE position = ?1 AND act IS NULL",
        &purged,
    )?;
    let became = became(transaction, act, positions)?;
    Ok(Purged {
        purged: became.done,
        gone: became.gone,
    })
}

/// Gives those that were put here before digests were kept their own. Their texts may have any length.
fn keep_digests(transaction: &dyn Transaction, positions: &[[Value<'_>; 1]]) -> Result<(), StoreError> {
    let sql = places_where!("position = ?1 AND act IS NULL AND raw_digest IS NULL");
    let without = transaction.row_each(sql, positions, place)?;
    let without: Vec<Place> = without.into_iter().flatten().collect();
    let mut left = &without[..];
    while !left.is_empty() {
        let (portion, others) = left.split_at(rows_at_once(left.iter().map(|(_, bytes)| *bytes)));
        keep_digests_of(transaction, portion)?;
        left = others;
    }
    Ok(())
}

fn keep_digests_of(transaction: &dyn Transaction, places: &[Place]) -> Result<(), StoreError> {
    let asked: Vec<_> = places.iter().map(|(position, _)| values![*position]).collect();
    let digest = |row: &dyn Columns| Ok(text_digest(&row.text(0)?.unwrap_or_default()));
    let digests = transaction.row_each("SELECT raw FROM quarantine WHERE position = ?1", &asked, digest)?;
    let digests: Vec<_> = places
        .iter()
        .zip(&digests)
        .filter_map(|((position, _), digest)| Some(values![*position, digest.as_ref()?]))
        .collect();
    transaction.execute_each(
        "UPDATE quarantine SET raw_digest = ?2 WHERE position = ?1",
        &digests,
    )
}

/// Lets nobody release any of these records until this transaction ends.
fn lock_stacks_of(transaction: &dyn Transaction, positions: &[u64]) -> Result<(), StoreError> {
    let asked: Vec<_> = positions.iter().map(|position| values![*position]).collect();
    let sql = "SELECT cloud_id FROM quarantine JOIN stack ON stack.id = quarantine.stack WHERE position = ?1";
    let stacks: Vec<Option<CloudId>> = transaction.row_each(sql, &asked, |row| row.get(0))?;
    Stacks::lock(transaction, stacks.into_iter().flatten()).map(drop)
}

/// The digest of a batch of released records: of each its position and the digest of the text it was counted by.
pub(super) fn digest_of_released(released: impl Iterator<Item = (u64, [u8; 32])>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (position, text) in released {
        hasher.update(&position.to_be_bytes()).update(&text);
    }
    *hasher.finalize().as_bytes()
}

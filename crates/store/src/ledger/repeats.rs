//! Records that cannot be counted and came before: what is in quarantine, or was, is not put there again, however often
//! it is delivered.
//!
//! A record is the same if the same stack sent the same text. It has to be kept again only if it turns out to have been
//! reported earlier than anybody knew, as that may decide which of two quantities is the newer one once it is released.
//! What was purged is never counted, so it stays purged whenever it was reported.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use domain::time::Hour;

use super::delivery::Refused;
use super::ids::{BatchRow, StackRow};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, values};

/// A text of a stack, by its digest.
type Text = (StackRow, [u8; 32]);

/// What the batches of one transaction put into quarantine. It is written at the end, so it is not found there yet.
#[derive(Default)]
pub(super) struct PutThere(HashMap<Text, Here>);

/// How a text was put there.
#[derive(Debug, Clone, Copy)]
struct Here {
    /// The earliest reported time.
    since: Hour,
    /// The first batch that did.
    by: BatchRow,
}

/// What a delivery repeats of what is or was in quarantine.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeats {
    /// How many of its records.
    pub(super) all: u32,
    /// How many of these repeat a record that waits there still since an earlier batch.
    pub(super) waiting: u32,
}

/// What quarantine knows of a text.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The earliest reported time.
    since: Hour,
    purged: bool,
    waits: bool,
}

impl PutThere {
    /// Takes out of the records of a delivery that cannot be counted those that came before. They are all of the stack and
    /// the batch, and reported then.
    pub(super) fn take_repeats<'d>(
        &mut self,
        transaction: &dyn Transaction,
        (stack, batch, reported): (StackRow, BatchRow, Hour),
        refused: Cow<'d, [Refused]>,
    ) -> Result<(Cow<'d, [Refused]>, Repeats), StoreError> {
        if refused.is_empty() {
            return Ok((refused, Repeats::default()));
        }
        let known = known(transaction, stack, &refused)?;
        let (mut repeats, mut repeated) = (Repeats::default(), BTreeSet::new());
        for (it, known) in refused.iter().zip(known) {
            let here = self.0.get(&(stack, it.text_digest)).copied();
            let since = known.map(|it| it.since).into_iter();
            let since = since.chain(here.map(|it| it.since)).min();
            let purged = known.is_some_and(|known| known.purged);
            if !purged && since.is_none_or(|since| reported < since) {
                let by = here.map_or(batch, |it| it.by);
                let here = Here { since: reported, by };
                self.0.insert((stack, it.text_digest), here);
                continue;
            }
            repeated.insert(it.index);
            repeats.all += 1;
            if here.is_some_and(|it| it.by != batch) || known.is_some_and(|known| known.waits) {
                repeats.waiting += 1;
            }
        }
        if repeated.is_empty() {
            return Ok((refused, repeats));
        }
        let mut new = refused.into_owned();
        new.retain(|it| !repeated.contains(&it.index));
        Ok((Cow::Owned(new), repeats))
    }
}

/// What is known of the texts of some records of a stack.
fn known(
    transaction: &dyn Transaction,
    stack: StackRow,
    refused: &[Refused],
) -> Result<Vec<Option<Known>>, StoreError> {
    let asked: Vec<_> = refused.iter().map(|it| values![stack, &it.text_digest]).collect();
    let sql = "SELECT min(reported_start),
               CAST(max(CASE WHEN act IS NOT NULL AND released_by IS NULL THEN 1 ELSE 0 END) AS bigint),
               CAST(max(CASE WHEN act IS NULL THEN 1 ELSE 0 END) AS bigint)
               FROM quarantine JOIN batch ON batch.id = quarantine.batch
               WHERE quarantine.stack = ?1 AND raw_digest = ?2";
    let read = |row: &dyn Columns| {
        // Nothing of a text that was never there.
        let Some(since) = row.optional(0)? else {
            return Ok(None);
        };
        Ok(Some(Known {
            since,
            purged: row.get::<u32>(1)? == 1,
            waits: row.get::<u32>(2)? == 1,
        }))
    };
    let found = transaction.row_each(sql, &asked, read)?;
    Ok(found.into_iter().map(Option::flatten).collect())
}

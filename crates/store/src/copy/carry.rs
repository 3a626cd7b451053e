//! Brings what one memory has into another, page by page: of what was brought before only what is missing, or is not
//! what it was, is brought again.

use std::cmp::Ordering;

use super::CopyError;
use super::record::Record;
use super::tables::Table;
use crate::error::StoreError;
use crate::transaction::{Transaction, Whole};

/// Brings one table. `done` is told of every further rows that are there.
pub(super) fn carry(
    table: &'static dyn Table,
    source: &dyn Transaction,
    target: &mut dyn Whole,
    done: &mut dyn FnMut(u64),
) -> Result<(), CopyError> {
    let mut after: Option<Record> = None;
    // Once nothing comes after what was brought before, nobody looks any more.
    let mut look = true;
    loop {
        let page = table.page(source, after.as_ref()).map_err(CopyError::Source)?;
        let mut brought = None;
        target
            .write(&mut |target| {
                let there = if look {
                    Range::read(table, target, after.as_ref(), page.last())?
                } else {
                    Range::default()
                };
                brought = Some((bring(table, target, &page, &there.records)?, there.more));
                Ok(())
            })
            .map_err(CopyError::Target)?;
        if let Some((foreign, more)) = brought {
            if let Some(record) = foreign {
                return Err(CopyError::OfAnother { record });
            }
            look = more;
        }
        done(page.iter().map(|it| it.rows).sum());
        match page.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// What the target has in the range of a page.
#[derive(Default)]
struct Range {
    records: Vec<Record>,
    /// Whether there are records after the range.
    more: bool,
}

impl Range {
    /// Reads what comes after one record up to another, or up to the end.
    fn read(
        table: &'static dyn Table,
        target: &dyn Transaction,
        after: Option<&Record>,
        last: Option<&Record>,
    ) -> Result<Self, StoreError> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let page = table.page(target, records.last().or(after))?;
            let more = !page.is_empty();
            for record in page {
                if last.is_some_and(|last| record.key() > last.key()) {
                    return Ok(Self { records, more });
                }
                records.push(record);
            }
            if !more {
                return Ok(Self { records, more });
            }
        }
    }
}

/// Makes a range of the target that of the source. If the target has a fact there that the source does not have, nothing
/// is done, and the fact is named.
fn bring(
    table: &'static dyn Table,
    target: &dyn Transaction,
    page: &[Record],
    there: &[Record],
) -> Result<Option<String>, StoreError> {
    let (mut missing, mut foreign) = (Vec::new(), Vec::new());
    each_pair(page.iter(), there.iter(), |pair| match pair {
        (Some(record), None) => missing.push(record),
        (None, Some(record)) => foreign.push(record),
        (Some(record), Some(other)) if record.bytes() != other.bytes() => {
            if table.of_facts() {
                foreign.push(other);
            } else {
                missing.push(record);
            }
        }
        _ => {}
    });
    match foreign.first() {
        Some(record) if table.of_facts() => return Ok(Some(super::named(table, record))),
        Some(_) => table.remove(target, &foreign)?,
        None => {}
    }
    if !missing.is_empty() {
        table.put(target, &missing)?;
    }
    Ok(None)
}

/// Goes through two lists in the order of their keys, and takes together what has the same key.
fn each_pair<'r>(
    one: impl Iterator<Item = &'r Record>,
    other: impl Iterator<Item = &'r Record>,
    mut each: impl FnMut((Option<&'r Record>, Option<&'r Record>)),
) {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    loop {
        let order = match (one.peek(), other.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key().cmp(other.key()),
        };
        let first = order.is_le().then(|| one.next()).flatten();
        let second = order.is_ge().then(|| other.next()).flatten();
        each((first, second));
    }
}

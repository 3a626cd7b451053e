//! When resources carried a tag.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::budget::Tag;
use domain::time::{Hour, HourInterval};

use super::history;
use super::ids::{AttributesRow, BlockId, MeterRow, SLOTS, SeriesId};
use super::lookups::{self, Meters};
use crate::error::StoreError;
use crate::transaction::{Transaction, values};
use crate::usage::{LocalSubscriptionKey, Slice, TaggedHours};

/// From which hours on the attributes of series are others, by series and hour.
type Changes = Vec<(SeriesId, Hour, AttributesRow)>;

/// The hours of each slice in which the records of resources carry a tag.
pub(super) fn tagged_hours(
    transaction: &dyn Transaction,
    slices: &[Slice],
    tag: &Tag,
) -> Result<Vec<TaggedHours>, StoreError> {
    let mut carrying = Carrying {
        transaction,
        tag,
        known: HashMap::new(),
    };
    let mut by_user: BTreeMap<LocalSubscriptionKey, Vec<(usize, HourInterval)>> = BTreeMap::new();
    for (place, slice) in slices.iter().enumerate() {
        by_user.entry(slice.of).or_default().push((place, slice.interval));
    }
    let mut found: Vec<(usize, SeriesId, HourInterval)> = Vec::new();
    for (of, wanted) in &by_user {
        let Some(until) = wanted.iter().map(|(_, interval)| interval.end()).max() else {
            continue;
        };
        let blocks = lookups::blocks_of(transaction, &[*of])?.concat();
        let changes = changes_of(transaction, &blocks, until)?;
        carrying.look_up(&changes)?;
        for of_series in changes.chunk_by(|one, other| one.0 == other.0) {
            let stretches = carrying.stretches(of_series);
            for (place, interval) in wanted {
                let within = stretches.iter().filter_map(|it| it.intersect(*interval));
                found.extend(within.map(|hours| (*place, of_series[0].0, hours)));
            }
        }
    }
    found.sort_unstable_by_key(|(place, series, hours)| (*place, *series, hours.start()));
    named(transaction, &found)
}

fn changes_of(transaction: &dyn Transaction, blocks: &[BlockId], until: Hour) -> Result<Changes, StoreError> {
    let asked: Vec<_> = blocks
        .iter()
        .map(|block| values![block.first_series(), block.series(SLOTS - 1), until])
        .collect();
    let mut changes = Changes::new();
    transaction.each(
        "SELECT series, from_hour, attributes FROM series_attributes
         WHERE series BETWEEN ?1 AND ?2 AND from_hour < ?3 ORDER BY series, from_hour",
        &asked,
        &mut |_, row| {
            changes.push((row.get(0)?, row.get(1)?, row.get(2)?));
            Ok(())
        },
    )?;
    changes.sort_unstable_by_key(|(series, hour, _)| (*series, *hour));
    Ok(changes)
}

/// Which sets of attributes have a tag.
struct Carrying<'t> {
    transaction: &'t dyn Transaction,
    tag: &'t Tag,
    known: HashMap<AttributesRow, bool>,
}

impl Carrying<'_> {
    fn look_up(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let asked: BTreeSet<AttributesRow> = changes.iter().map(|(.., row)| *row).collect();
        let new: Vec<AttributesRow> = asked
            .into_iter()
            .filter(|row| !self.known.contains_key(row))
            .collect();
        let texts = history::texts(self.transaction, &new)?;
        let carry = texts.iter().map(|it| has(&it.tags, self.tag));
        self.known.extend(new.iter().copied().zip(carry));
        Ok(())
    }

    /// The hours in which a series carries the tag, by its changes: those next to each other as one.
    fn stretches(&self, changes: &[(SeriesId, Hour, AttributesRow)]) -> Vec<HourInterval> {
        let mut stretches = Vec::new();
        let mut since: Option<Hour> = None;
        for (_, hour, attributes) in changes {
            let carries = self.known.get(attributes).copied().unwrap_or_default();
            match (since, carries) {
                (None, true) => since = Some(*hour),
                (Some(start), false) => {
                    stretches.extend(HourInterval::new(start, *hour));
                    since = None;
                }
                _ => {}
            }
        }
        stretches.extend(since.map(HourInterval::from));
        stretches
    }
}

/// Whether tags as they were sent have one of this name and value. What is no object of texts has none: `""` and
/// `"null"` are what stacks send without tags.
fn has(tags: &str, tag: &Tag) -> bool {
    let Ok(serde_json::Value::Object(tags)) = serde_json::from_str(tags) else {
        return false;
    };
    let name = tag.name.to_lowercase();
    let mut tags = tags.iter();
    tags.any(|(key, value)| value.as_str() == Some(&tag.value) && key.to_lowercase() == name)
}

fn named(
    transaction: &dyn Transaction,
    found: &[(usize, SeriesId, HourInterval)],
) -> Result<Vec<TaggedHours>, StoreError> {
    let keys: Vec<_> = found.iter().map(|(_, series, _)| values![*series]).collect();
    let sql = "SELECT local_meter, resource_uri FROM series WHERE id = ?1";
    let rows: Vec<Option<(MeterRow, String)>> =
        transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut meters = Meters::new(transaction);
    meters.look_up(rows.iter().flatten().map(|(meter, _)| *meter))?;
    let named = found.iter().zip(rows).map(|((slice, _, hours), row)| {
        let (meter, resource) = row.ok_or_else(|| StoreError::corrupt("attributes belong to no series"))?;
        Ok(TaggedHours {
            slice: *slice,
            local_meter: meters.known(meter)?,
            resource_uri: Arc::from(resource),
            hours: *hours,
        })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_stacks_send_them() {
        let tag = Tag {
            name: "Env".to_owned(),
            value: "prod".to_owned(),
        };
        for (tags, expected) in [
            ("", false),
            ("null", false),
            ("\"\"", false),
            ("[]", false),
            ("{", false),
            (r#"{"env":"prod"}"#, true),
            (r#"{"a":"b","ENV":"prod"}"#, true),
            (r#"{"env":"Prod"}"#, false),
            (r#"{"env":"prod "}"#, false),
            (r#"{"environment":"prod"}"#, false),
            (r#"{"env":{"prod":"prod"}}"#, false),
        ] {
            assert_eq!(has(tags, &tag), expected, "{tags}");
        }
    }
}

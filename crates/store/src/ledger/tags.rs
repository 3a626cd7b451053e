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

/// What was found: the tag and the slice by their places, the series, and the hours.
type Found = (usize, usize, SeriesId, HourInterval);

/// The hours of each slice in which the records of resources carry each of some tags. The attributes are read once for
/// all of them.
pub(super) fn tagged_hours(
    transaction: &dyn Transaction,
    slices: &[Slice],
    tags: &[Tag],
) -> Result<Vec<TaggedHours>, StoreError> {
    let mut carrying = Carrying {
        transaction,
        tags,
        known: HashMap::new(),
    };
    let mut by_user: BTreeMap<LocalSubscriptionKey, Vec<(usize, HourInterval)>> = BTreeMap::new();
    for (place, slice) in slices.iter().enumerate() {
        by_user.entry(slice.of).or_default().push((place, slice.interval));
    }
    let mut found: Vec<Found> = Vec::new();
    for (of, wanted) in &by_user {
        let Some(until) = wanted.iter().map(|(_, interval)| interval.end()).max() else {
            continue;
        };
        let blocks = lookups::blocks_of(transaction, &[*of])?.concat();
        let changes = changes_of(transaction, &blocks, until)?;
        carrying.look_up(&changes)?;
        for of_series in changes.chunk_by(|one, other| one.0 == other.0) {
            for tag in carrying.carried(of_series) {
                let stretches = carrying.stretches(of_series, tag);
                for (place, interval) in wanted {
                    let within = stretches.iter().filter_map(|it| it.intersect(*interval));
                    found.extend(within.map(|hours| (tag, *place, of_series[0].0, hours)));
                }
            }
        }
    }
    found.sort_unstable_by_key(|(tag, place, series, hours)| (*tag, *place, *series, hours.start()));
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

/// Which of the tags sets of attributes have, by their places.
struct Carrying<'t> {
    transaction: &'t dyn Transaction,
    tags: &'t [Tag],
    known: HashMap<AttributesRow, BTreeSet<usize>>,
}

impl Carrying<'_> {
    fn look_up(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let asked: BTreeSet<AttributesRow> = changes.iter().map(|(.., row)| *row).collect();
        let new: Vec<AttributesRow> = asked
            .into_iter()
            .filter(|row| !self.known.contains_key(row))
            .collect();
        let texts = history::texts(self.transaction, &new)?;
        let carry = texts.iter().map(|it| those_in(&it.tags, self.tags));
        self.known.extend(new.iter().copied().zip(carry));
        Ok(())
    }

    /// The tags that a series carries at any time, by its changes.
    fn carried(&self, changes: &[(SeriesId, Hour, AttributesRow)]) -> BTreeSet<usize> {
        let of_each = changes.iter().filter_map(|(.., row)| self.known.get(row));
        of_each.flatten().copied().collect()
    }

    /// The hours in which a series carries a tag, by its changes: those next to each other as one.
    fn stretches(&self, changes: &[(SeriesId, Hour, AttributesRow)], tag: usize) -> Vec<HourInterval> {
        let mut stretches = Vec::new();
        let mut since: Option<Hour> = None;
        for (_, hour, attributes) in changes {
            let carries = self.known.get(attributes).is_some_and(|tags| tags.contains(&tag));
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

/// Which of the tags are among tags as they were sent, by name and value. What is no object of texts has none: `""` and
/// `"null"` are what stacks send without tags.
fn those_in(sent: &str, tags: &[Tag]) -> BTreeSet<usize> {
    let Ok(serde_json::Value::Object(sent)) = serde_json::from_str(sent) else {
        return BTreeSet::new();
    };
    let mut names: HashMap<String, Vec<&str>> = HashMap::new();
    for (name, value) in &sent {
        names
            .entry(name.to_lowercase())
            .or_default()
            .extend(value.as_str());
    }
    let is_sent = |tag: &Tag| {
        let values = names.get(&tag.name.to_lowercase());
        values.is_some_and(|values| values.contains(&&*tag.value))
    };
    let places = tags.iter().enumerate().filter(|(_, tag)| is_sent(tag));
    places.map(|(place, _)| place).collect()
}

fn named(transaction: &dyn Transaction, found: &[Found]) -> Result<Vec<TaggedHours>, StoreError> {
    let keys: Vec<_> = found.iter().map(|(_, _, series, _)| values![*series]).collect();
    let sql = "SELECT local_meter, resource_uri FROM series WHERE id = ?1";
    let rows: Vec<Option<(MeterRow, String)>> =
        transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut meters = Meters::new(transaction);
    meters.look_up(rows.iter().flatten().map(|(meter, _)| *meter))?;
    let named = found.iter().zip(rows).map(|((tag, slice, _, hours), row)| {
        let (meter, resource) = row.ok_or_else(|| StoreError::corrupt("attributes belong to no series"))?;
        Ok(TaggedHours {
            tag: *tag,
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
            let found = those_in(tags, std::slice::from_ref(&tag));
            assert_eq!(found.contains(&0), expected, "{tags}");
        }
        let other = Tag {
            name: "cost".to_owned(),
            value: String::new(),
        };
        let both = those_in(
            r#"{"COST":"","env":"prod"}"#,
            &[other.clone(), tag.clone(), other],
        );
        assert_eq!(both, [0, 1, 2].into(), "each of several");
    }
}

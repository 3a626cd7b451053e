//! Putting one member of a record right, and leaving everything else as it was sent.

use serde_json::value::RawValue;

use super::members::Members;

/// The members by which a record counts: the only ones that are added where a record has none.
const READ: [&str; 7] = [
    "properties",
    "properties.subscriptionId",
    "properties.usageStartTime",
    "properties.usageEndTime",
    "properties.meterId",
    "properties.quantity",
    "properties.instanceData",
];

/// Why a member cannot be put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMended {
    /// Nobody would read it: it would change nothing, and the record would be said to be mended.
    #[error("the record has no member {member}")]
    Unknown {
        /// The member.
        member: String,
        /// The one that may have been meant.
        nearest: Option<String>,
    },
    /// The record is no object, or the member, or one around it, is there more than once or is no object itself.
    #[error("the record has no place for one {member}")]
    NoPlace {
        /// The member.
        member: String,
    },
}

/// The text of a record with another value for one member, or with that member if it had none and is read by it. The
/// member is named from the outside in, as in `properties.quantity`; the value is JSON, or else a text.
///
/// # Errors
/// [`NotMended`].
pub fn with_member(text: &str, member: &str, value: &str) -> Result<String, NotMended> {
    let no_place = || NotMended::NoPlace {
        member: member.to_owned(),
    };
    let record = Members::parse(text).map_err(|_| no_place())?;
    let known = has(&record, member) || READ.iter().any(|it| it.eq_ignore_ascii_case(member));
    if !known {
        return Err(NotMended::Unknown {
            member: member.to_owned(),
            nearest: nearest(&record, member),
        });
    }
    let as_text = serde_json::Value::from(value).to_string();
    let value = serde_json::from_str::<&RawValue>(value).map_or(&*as_text, RawValue::get);
    put(text, member, value).ok_or_else(no_place)
}

/// Whether a record has a member: once, or more than once.
fn has(record: &Members<'_>, member: &str) -> bool {
    match member.split_once('.') {
        None => !matches!(record.given(member), Ok(None)),
        Some((name, inner)) => {
            let object = record.given(name).ok().flatten();
            let object = object.and_then(|object| Members::parse(object.get()).ok());
            object.is_some_and(|object| has(&object, inner))
        }
    }
}

/// The member that a name nobody knows was most likely meant to be: one of the same last name, or of the most similar one.
fn nearest(record: &Members<'_>, member: &str) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    let meant = last(member);
    let own = record.names().map(str::to_owned);
    let candidates = READ.iter().map(|it| (*it).to_owned()).chain(own);
    let (edits, nearest) = candidates
        .map(|it| (edits(&last(&it), &meant), it))
        .min_by_key(|(edits, _)| *edits)?;
    // What has hardly a letter in common was not meant.
    (edits * 2 < meant.len().max(1)).then_some(nearest)
}

/// How many letters have to be put in, left out or changed to make one word of another.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, other) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn put(text: &str, member: &str, value: &str) -> Option<String> {
    let (name, inner) = member
        .split_once('.')
        .map_or((member, None), |(name, inner)| (name, Some(inner)));
    let members = Members::parse(text).ok()?;
    if let Some(found) = members.given(name).ok()? {
        let start = found.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let end = start.checked_add(found.get().len())?;
        let value = match inner {
            Some(inner) => &put(found.get(), inner, value)?,
            None => value,
        };
        return Some([text.get(..start)?, value, text.get(end..)?].concat());
    }
    if inner.is_some() {
        return None;
    }
    let (before, after) = text.split_once('{')?;
    let comma = if members.is_empty() { "" } else { "," };
    let name = serde_json::to_string(name).ok()?;
    Some(format!("{before}{{{name}:{value}{comma}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_is_put_right_and_everything_else_stays_as_it_was_sent() {
        let sent =
            r#" {"id": "x", "properties" : { "quantity":"1,5", "meterId": null, "q": 16.461425899527967 } }"#;
        assert_eq!(
            with_member(sent, "properties.Quantity", " 1.5").unwrap(),
            r#" {"id": "x", "properties" : { "quantity":1.5, "meterId": null, "q": 16.461425899527967 } }"#
        );
        assert_eq!(
            with_member(sent, "properties.meterId", "m").unwrap(),
            r#" {"id": "x", "properties" : { "quantity":"1,5", "meterId": "m", "q": 16.461425899527967 } }"#
        );
        assert_eq!(with_member(r#"{"b":2}"#, "b", "[1]").unwrap(), r#"{"b":[1]}"#);
    }

    #[test]
    fn a_member_that_is_read_is_added_where_it_is_missing() {
        assert_eq!(
            with_member("{}", "properties", "{}").unwrap(),
            r#"{"properties":{}}"#
        );
        assert_eq!(
            with_member(r#"{"properties":{"quantity":1}}"#, "properties.meterId", "m").unwrap(),
            r#"{"properties":{"meterId":"m","quantity":1}}"#
        );
    }

    #[test]
    fn a_misspelt_member_is_not_added_beside_the_one_that_was_meant() {
        let sent = r#"{"id":"x","properties":{"quantity":"1,5"}}"#;
        for (member, meant) in [
            ("quantity", Some("properties.quantity")),
            ("properties.quantitiy", Some("properties.quantity")),
            ("property.Quantity", Some("properties.quantity")),
            ("properties.usageStart", Some("properties.usageStartTime")),
            ("idd", Some("id")),
            ("properties.colour", None),
            ("", None),
        ] {
            let expected = NotMended::Unknown {
                member: member.to_owned(),
                nearest: meant.map(str::to_owned),
            };
            assert_eq!(with_member(sent, member, "1.5"), Err(expected), "{member}");
        }
    }

    #[test]
    fn what_cannot_be_put_right_in_one_way_only_is_left_alone() {
        for (text, member) in [
            ("[]", "properties"),
            ("{\"id\":1,\"ID\":2}", "id"),
            ("{\"properties\":1}", "properties.quantity"),
            ("{\"a\":1}", "properties.quantity"),
            ("not json", "properties"),
        ] {
            let told = with_member(text, member, "1");
            assert!(matches!(told, Err(NotMended::NoPlace { .. })), "{text}: {told:?}");
        }
    }
}

//! Putting one member of a record right, and leaving everything else as it was sent.

use serde_json::value::RawValue;

use super::members::Members;

/// The text of a record with another value for one member, or with that member if it had none. The member is named from
/// the outside in, as in `properties.quantity`; the value is JSON. Nothing where the record is no object, one of the
/// names is there more than once, or the value is not JSON.
#[must_use]
pub fn with_member(text: &str, member: &str, value: &str) -> Option<String> {
    let value: &RawValue = serde_json::from_str(value).ok()?;
    put(text, member, value.get())
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
            with_member(sent, "properties.meterId", "\"m\"").unwrap(),
            r#" {"id": "x", "properties" : { "quantity":"1,5", "meterId": "m", "q": 16.461425899527967 } }"#
        );
        assert_eq!(with_member("{}", "a", "1").unwrap(), r#"{"a":1}"#);
        assert_eq!(
            with_member(r#"{"b":2}"#, "a", "[1]").unwrap(),
            r#"{"a":[1],"b":2}"#
        );
    }

    #[test]
    fn what_cannot_be_put_right_in_one_way_only_is_left_alone() {
        for (text, member, value) in [
            ("[]", "a", "1"),
            ("{\"a\":1,\"A\":2}", "a", "1"),
            ("{\"a\":1}", "a", "1 2"),
            ("{\"a\":1}", "a", "x"),
            ("{\"a\":1}", "a.b", "1"),
            ("{\"a\":1}", "b.c", "1"),
            ("not json", "a", "1"),
        ] {
            assert_eq!(with_member(text, member, value), None, "{text} {member} {value}");
        }
    }
}

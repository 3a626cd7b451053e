//! `$filter` as far as it is understood here: conditions `name eq 'value'`, joined by `and`.

use std::borrow::Cow;

use crate::error::Failure;
use crate::query::{Query, excerpt};

/// Conditions that all have to hold.
#[derive(Debug, Default)]
pub(crate) struct Filter(Vec<Condition>);

/// `name eq 'value'`.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    name: &'static str,
    value: String,
}

impl Filter {
    /// The filter of a query with conditions on these names. An empty one is none.
    pub(crate) fn of(query: &Query, names: &[&'static str]) -> Result<Self, Failure> {
        let text = query.text("$filter")?.unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        read(text, names).map(Self).ok_or_else(|| {
            let names: Vec<String> = names.iter().map(|name| format!("{name} eq '…'")).collect();
            let message = format!(
                "The $filter '{}' cannot be read. Expected conditions joined by 'and', each one of: {}.",
                excerpt(text),
                names.join(", ")
            );
            Failure::invalid("InvalidFilterInQueryString", message).about("$filter")
        })
    }

    /// What a name has to be, if there is a condition on it.
    pub(crate) fn wanted(&self, name: &str) -> Option<&str> {
        let condition = self.0.iter().find(|condition| condition.name == name);
        condition.map(|condition| condition.value.as_str())
    }

    /// Whether the condition on a name holds for a value, without regard to case; it does if there is none.
    pub(crate) fn lets_pass(&self, name: &str, value: &str) -> bool {
        let conditions = self.0.iter().filter(|condition| condition.name == name);
        conditions
            .into_iter()
            .all(|condition| condition.value.eq_ignore_ascii_case(value))
    }
}

fn read(text: &str, names: &[&'static str]) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut rest = text;
    loop {
        let (condition, after) = condition(rest, names)?;
        conditions.push(condition);
        if after.is_empty() {
            return Some(conditions);
        }
        rest = word(after, "and")?;
    }
}

/// `name eq 'value'`, or `atScope()` and `assignedTo('value')`, and what comes after it.
fn condition<'a>(text: &'a str, names: &[&'static str]) -> Option<(Condition, &'a str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric())?;
    let (found, rest) = text.split_at(end);
    let name = names
        .iter()
        .copied()
        .find(|name| name.eq_ignore_ascii_case(found))?;
    let (value, rest) = match rest.strip_prefix('(') {
        Some(inside) => {
            let inside = inside.trim_start();
            let (value, rest) = if inside.starts_with(')') {
                (Cow::Borrowed(""), inside)
            } else {
                quoted(inside)?
            };
            (value, rest.strip_prefix(')')?)
        }
        None => quoted(word(rest, "eq")?)?,
    };
    let value = value.into_owned();
    Some((Condition { name, value }, rest.trim_start()))
}

/// What comes after a word.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (found, rest) = text.split_at_checked(word.len())?;
    (found.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

/// A text in quotes, where two of them are one, and what comes after it.
pub(crate) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inside = text.trim_start().strip_prefix('\'')?;
    let mut from = 0;
    loop {
        let end = from + inside[from..].find('\'')?;
        let rest = &inside[end + 1..];
        if !rest.starts_with('\'') {
            return Some((inside[..end].replace("''", "'").into(), rest.trim_start()));
        }
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["resourceType", "name", "atScope", "assignedTo"];

    fn read_as(text: &str) -> Option<Vec<(&'static str, String)>> {
        let conditions = read(text, &NAMES)?;
        Some(conditions.into_iter().map(|it| (it.name, it.value)).collect())
    }

    #[test]
    fn what_clients_send_is_understood() {
        let owned = |text: &str| text.to_owned();
        for (text, expected) in [
            ("name eq 'a'", vec![("name", owned("a"))]),
            (
                "RESOURCETYPE eq 'Microsoft.AzureStack/registrations' AND  name eq 'it''s'",
                vec![
                    ("resourceType", owned("Microsoft.AzureStack/registrations")),
                    ("name", owned("it's")),
                ],
            ),
            ("atScope()", vec![("atScope", owned(""))]),
            (
                "atScope() and assignedTo('x')",
                vec![("atScope", owned("")), ("assignedTo", owned("x"))],
            ),
        ] {
            assert_eq!(read_as(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_rather_than_passed_over() {
        for text in [
            "name ne 'a'",
            "name eq a",
            "name eq 'a",
            "name eq 'a')",
            "assignedTo('a'",
            "other eq 'a'",
            "name eq 'a' or name eq 'b'",
            "and",
            "name eq 'a' and",
            "ü eq 'a'",
        ] {
            assert_eq!(read_as(text), None, "{text}");
        }
    }
}

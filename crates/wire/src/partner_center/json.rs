//! Line items as JSON: a collection with its `items`, an array, or one after another.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    FIELDS, Present, Row, Rows, UnreadableLineItems, Written, few_enough, field_named, rejected_line,
};

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

pub(super) fn rows(text: &str) -> Result<Rows, UnreadableLineItems> {
    let mut found = Rows {
        written: Written::Json,
        header: None,
        present: Present::default(),
        rows: Vec::new(),
        rejected: Vec::new(),
    };
    let documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut line = 0;
    for document in documents {
        let document = document
            .map_err(|error| UnreadableLineItems::new(format!("expected JSON of line items: {error}")))?;
        for item in items(document)? {
            line += 1;
            few_enough(line)?;
            match serde_json::from_str::<Members<'_>>(item.get()) {
                Ok(members) => {
                    let row = row(line, item.get(), &members, &mut found.present);
                    found.rows.push(row);
                }
                Err(error) => {
                    let message = format!("expected an object: {error}");
                    found
                        .rejected
                        .push(rejected_line(line, "InvalidLineItem", message, item.get()));
                }
            }
        }
    }
    Ok(found)
}

/// The items of an array or a collection; something else is an item itself.
fn items(document: &RawValue) -> Result<Vec<&RawValue>, UnreadableLineItems> {
    let unreadable =
        |error: serde_json::Error| UnreadableLineItems::new(format!("expected line items: {error}"));
    let text = document.get();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(unreadable);
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(unreadable)?;
    let items = members
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("items"));
    match items {
        Some((_, items)) => serde_json::from_str(items.get()).map_err(unreadable),
        None => Ok(vec![document]),
    }
}

fn row(line: usize, text: &str, members: &Members<'_>, present: &mut Present) -> Row {
    let mut fields: [String; FIELDS] = std::array::from_fn(|_| String::new());
    for (name, value) in members {
        let Some(field) = field_named(name) else { continue };
        present.add(field);
        if let Some(text) = value_text(value) {
            fields[field as usize] = text;
        }
    }
    Row {
        line,
        fields,
        text: text.to_owned(),
    }
}

/// The text of a string, or a number as it is written.
fn value_text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

//! Records in a form that is the same whatever database keeps them: what is copied, compared and hashed.

use std::fmt;

use crate::error::StoreError;
use crate::transaction::Value;

// What a value begins with.
const NULL: u8 = 0;
const INTEGER: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const QUANTITY: u8 = 4;

/// One record of a table: its key, and then what it holds.
///
/// Each value says what it is and where it ends, so that no two records have the same bytes. Keys are numbers, and bytes of
/// one length, and their bytes are in the order that the databases have them in.
#[derive(Debug, Clone)]
pub(super) struct Record {
    bytes: Vec<u8>,
    /// How many of the bytes are the key.
    key: usize,
    /// How many rows it is, as the database counts them.
    pub(super) rows: u64,
}

impl Record {
    /// One that holds nothing yet.
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            key: 0,
            rows: 1,
        }
    }

    /// Adds a value.
    pub(super) fn put(&mut self, value: Value<'_>) {
        let out = &mut self.bytes;
        match value {
            Value::Null => out.push(NULL),
            Value::Integer(number) => {
                out.push(INTEGER);
                // In the order of numbers, those below zero first.
                out.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
            }
            Value::Bytes(bytes) => put_sized(out, BYTES, bytes),
            Value::Text(text) => put_sized(out, TEXT, text.as_bytes()),
            Value::Quantity(quantity) => {
                out.extend_from_slice(&[QUANTITY, quantity.scale()]);
                out.extend_from_slice(&quantity.coefficient().to_be_bytes());
            }
        }
    }

    /// What was added so far is the key.
    pub(super) fn end_key(&mut self) {
        self.key = self.bytes.len();
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.bytes[..self.key]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values of its key.
    pub(super) fn key_values(&self) -> Result<Vec<Value<'_>>, StoreError> {
        values(self.key())
    }

    /// All of its values.
    pub(super) fn values(&self) -> Result<Vec<Value<'_>>, StoreError> {
        values(&self.bytes)
    }
}

fn put_sized(out: &mut Vec<u8>, what: u8, bytes: &[u8]) {
    out.push(what);
    out.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn values(bytes: &[u8]) -> Result<Vec<Value<'_>>, StoreError> {
    let mut input = Input(bytes);
    let mut values = Vec::new();
    while !input.0.is_empty() {
        let value = input.value();
        values.push(value.ok_or_else(|| StoreError::corrupt("a record that is copied cannot be read"))?);
    }
    Ok(values)
}

struct Input<'r>(&'r [u8]);

impl<'r> Input<'r> {
    fn value(&mut self) -> Option<Value<'r>> {
        let [what] = self.array()?;
        Some(match what {
            NULL => Value::Null,
            INTEGER => Value::Integer(i64::from_be_bytes(self.array()?) ^ i64::MIN),
            BYTES => Value::Bytes(self.sized()?),
            TEXT => Value::Text(std::str::from_utf8(self.sized()?).ok()?),
            QUANTITY => {
                let [scale] = self.array()?;
                let coefficient = u128::from_be_bytes(self.array()?);
                Value::Quantity(domain::quantity::Quantity::new(coefficient, scale).ok()?)
            }
            _ => return None,
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn sized(&mut self) -> Option<&'r [u8]> {
        let length = usize::try_from(u64::from_be_bytes(self.array()?)).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// Its key.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, value) in self.key_values().unwrap_or_default().iter().enumerate() {
            f.write_str(if place > 0 { ", " } else { "" })?;
            match value {
                Value::Integer(number) => write!(f, "{number}")?,
                Value::Bytes(bytes) => f.write_str(&hex::encode(bytes))?,
                other => write!(f, "{other:?}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transaction::values;

    fn of(values: &[Value<'_>], key: usize) -> Record {
        let mut record = Record::new();
        for (place, value) in values.iter().enumerate() {
            if place == key {
                record.end_key();
            }
            record.put(*value);
        }
        record
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_their_numbers(one in any::<(i64, i32)>(), other in any::<(i64, i32)>()) {
            let record = |(a, b): (i64, i32)| of(&[Value::Integer(a), b.into(), "x".into()], 2);
            prop_assert_eq!(record(one).key().cmp(record(other).key()), one.cmp(&other));
        }

        #[test]
        fn records_read_back(number in any::<i64>(), text in any::<String>(), bytes in any::<Vec<u8>>(), coefficient in 0..10u128.pow(28)) {
            let quantity = domain::quantity::Quantity::new(coefficient, 7).unwrap();
            let put = [Value::Integer(number), Value::Null, (&text).into(), (&bytes).into(), quantity.into()];
            let record = of(&put, 1);
            prop_assert_eq!(format!("{:?}", record.values().unwrap()), format!("{put:?}"));
            prop_assert_eq!(record.to_string(), number.to_string());
        }
    }

    #[test]
    fn what_would_run_together_is_told_apart() {
        let different = [
            of(&values!["ab", "c"], 1),
            of(&values!["a", "bc"], 1),
            of(&values!["abc", ""], 1),
            of(&[Value::Text("abc"), Value::Null], 1),
            of(&[Value::Bytes(b"abc"), Value::Null], 1),
        ];
        for (place, one) in different.iter().enumerate() {
            for other in &different[place + 1..] {
                assert_ne!(one.bytes(), other.bytes());
            }
        }
    }
}

//! The members of a JSON object, each still text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The most members an object may have. Real ones have under twenty; a body of nothing but members would take many
/// times its size in memory.
const MEMBERS_MAX: usize = 256;

/// The members of an object in their order. Names compare without regard to case, as clients expect of Azure.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object, and nothing after it.
    pub(super) fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The member of this name. One that is `null` is as good as none.
    ///
    /// Says which member it is if it occurs more than once: which of them is meant cannot be known.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, String> {
        Ok(self.given(name)?.filter(|value| value.get() != "null"))
    }

    /// As [`Self::get`], though it be `null`.
    pub(super) fn given(&self, name: &str) -> Result<Option<&'a RawValue>, String> {
        let mut found = self
            .0
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| *value);
        match found.next() {
            None => Ok(value),
            Some(_) => Err(format!("{name} occurs more than once")),
        }
    }

    /// The names, as they are given.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {MEMBERS_MAX} members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    if members.len() == MEMBERS_MAX {
                        return Err(A::Error::invalid_length(MEMBERS_MAX + 1, &self));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A name, borrowed unless something in it is escaped.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

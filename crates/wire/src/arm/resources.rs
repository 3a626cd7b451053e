//! Resources of any type: lists of them, their tags, and moving them.

use domain::registration;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::azure_stack;

/// A resource, as lists of resources of any type show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its resource id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it lies.
    pub location: String,
    /// Its tags.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// When it was created, if that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<String>,
    /// When it was last changed, if that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_time: Option<String>,
    /// Always `Succeeded`, if that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<&'static str>,
}

impl Resource {
    /// A registration, with what else is asked for by `$expand`.
    #[must_use]
    pub fn of(registration: &registration::Registration, expand: &str) -> Self {
        let azure_stack::Registration {
            id,
            name,
            kind,
            location,
            tags,
            ..
        } = registration.into();
        let wants = |word: &str| {
            expand
                .split(',')
                .any(|part| part.trim().eq_ignore_ascii_case(word))
        };
        let time = |word: &str, at: domain::time::Timestamp| wants(word).then(|| at.to_string());
        Self {
            id,
            name,
            kind,
            location,
            tags,
            created_time: time("createdTime", registration.created.at),
            changed_time: time("changedTime", registration.updated.at),
            provisioning_state: wants("provisioningState").then_some("Succeeded"),
        }
    }
}

/// The tags of a resource, as a resource of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagsResource {
    /// Its resource id.
    pub id: String,
    /// Always `default`.
    pub name: &'static str,
    /// Always `Microsoft.Resources/tags`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The tags.
    pub properties: TagsOf,
}

/// The tags of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsOf {
    /// The tags.
    #[serde(default)]
    pub tags: Option<Tags>,
}

impl TagsResource {
    /// The tags of the resource with this id.
    #[must_use]
    pub fn of(resource_id: &str, tags: Tags) -> Self {
        Self {
            id: format!("{resource_id}/providers/Microsoft.Resources/tags/default"),
            name: "default",
            kind: "Microsoft.Resources/tags",
            properties: TagsOf { tags: Some(tags) },
        }
    }
}

/// All tags that a resource shall have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutTags {
    /// The tags.
    #[serde(default)]
    pub properties: TagsOf,
}

/// What is to be changed of a resource's tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchTags {
    /// How: `Merge`, `Replace` or `Delete`.
    pub operation: String,
    /// The tags.
    #[serde(default)]
    pub properties: TagsOf,
}

/// How tags change tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOperation {
    /// Those that are named get their value, the others stay.
    Merge,
    /// Those that are named are all there are.
    Replace,
    /// Those that are named with the value they have go.
    Delete,
}

impl TagOperation {
    /// The operation of this name, in any case.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        let all = [
            ("Merge", Self::Merge),
            ("Replace", Self::Replace),
            ("Delete", Self::Delete),
        ];
        let named = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        named.map(|(_, operation)| *operation)
    }

    /// The tags that come of it. Names compare without regard to case.
    #[must_use]
    pub fn apply(self, mut tags: Tags, named: Tags) -> Tags {
        if self == Self::Replace {
            return named;
        }
        for (name, value) in named {
            let known = tags
                .keys()
                .find(|known| known.eq_ignore_ascii_case(&name))
                .cloned();
            match (self, known) {
                (Self::Delete, Some(known)) if tags.get(&known) == Some(&value) => {
                    tags.remove(&known);
                }
                (Self::Delete, _) => {}
                (_, known) => {
                    tags.insert(known.unwrap_or(name), value);
                }
            }
        }
        tags
    }
}

/// Resources to be moved into another resource group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveResources {
    /// Their ids.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The id of the resource group that they shall be in.
    #[serde(default)]
    pub target_resource_group: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_merged_replaced_and_deleted_by_name_in_any_case() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let before = tags(&[("Room", "1"), ("rack", "a")]);
        for (operation, named, after) in [
            (
                "merge",
                tags(&[("room", "2"), ("new", "x")]),
                tags(&[("Room", "2"), ("rack", "a"), ("new", "x")]),
            ),
            ("Replace", tags(&[("new", "x")]), tags(&[("new", "x")])),
            (
                "DELETE",
                tags(&[("ROOM", "1"), ("rack", "other"), ("none", "")]),
                tags(&[("rack", "a")]),
            ),
        ] {
            let operation = TagOperation::from_name(operation).unwrap();
            assert_eq!(operation.apply(before.clone(), named), after, "{operation:?}");
        }
        assert_eq!(TagOperation::from_name("Add"), None);
    }
}

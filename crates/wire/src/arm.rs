//! Azure Resource Manager: what every resource has in common (errors, lists, tags, resource groups), and a module for
//! each of its own kinds of resource.

pub mod authorization;
pub mod metadata;
pub mod providers;
pub mod resources;
pub mod subscriptions;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error, in the envelope that Azure Resource Manager and our own API use. Its members are those of the contracts'
/// `ErrorResponse` and no others, since strict clients check: what would help, where a documented text does not say it,
/// travels in the header `x-meterbridge-hint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// A stable code.
    pub code: String,
    /// What happened, why, and what would be right.
    pub message: String,
    /// The member or parameter at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// The items.
    pub value: Vec<T>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A `$skipToken`: where a list goes on. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkipToken {
    /// The key of the last item that was sent.
    pub after: String,
}

/// A text that is no `$skipToken` of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the $skipToken of a nextLink, unchanged")]
pub struct InvalidSkipToken;

impl SkipToken {
    /// The token as text.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.after)
    }

    /// The token that a text is.
    ///
    /// # Errors
    /// [`InvalidSkipToken`].
    pub fn decode(text: &str) -> Result<Self, InvalidSkipToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSkipToken)?;
        String::from_utf8(bytes)
            .map(|after| Self { after })
            .map_err(|_| InvalidSkipToken)
    }
}

/// Tags; some clients send none as `null`.
pub type Tags = BTreeMap<String, String>;

/// The most tags a resource may have, as Azure Resource Manager documents it.
pub const TAGS_MAX: usize = 50;
/// The most characters of a tag's name.
pub const TAG_NAME_CHARACTERS_MAX: usize = 512;
/// The most characters of a tag's value.
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;

/// Tags that a resource cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected at most {TAGS_MAX} tags with names of 1 to {TAG_NAME_CHARACTERS_MAX} and values of up to \
     {TAG_VALUE_CHARACTERS_MAX} characters"
)]
pub struct InvalidTags;

/// Checks tags against their limits.
///
/// # Errors
/// [`InvalidTags`].
pub fn check_tags(tags: &Tags) -> Result<(), InvalidTags> {
    let fits = |(name, value): (&String, &String)| {
        (1..=TAG_NAME_CHARACTERS_MAX).contains(&name.chars().count())
            && value.chars().count() <= TAG_VALUE_CHARACTERS_MAX
    };
    if tags.len() <= TAGS_MAX && tags.iter().all(fits) {
        Ok(())
    } else {
        Err(InvalidTags)
    }
}

/// The most characters of a location. *(ours)*
pub const LOCATION_CHARACTERS_MAX: usize = 90;

/// A text that is no location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the name of a location, of 1 to {LOCATION_CHARACTERS_MAX} characters without control characters"
)]
pub struct InvalidLocation;

/// Checks a location against its limits.
///
/// # Errors
/// [`InvalidLocation`].
pub fn check_location(text: &str) -> Result<(), InvalidLocation> {
    let fits = text.chars().count() <= LOCATION_CHARACTERS_MAX;
    if fits && !text.trim().is_empty() && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(InvalidLocation)
    }
}

/// A resource group to be created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutResourceGroup {
    /// Where it is to be.
    pub location: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// What is to be changed of a resource group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchResourceGroup {
    /// All tags it shall have; those it has stay if none are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceGroup {
    /// Its resource id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Always `Microsoft.Resources/resourceGroups`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub location: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// Its state.
    pub properties: ResourceGroupProperties,
}

/// A resource group's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroupProperties {
    /// Always `Succeeded`.
    pub provisioning_state: String,
}

impl From<&domain::books::ResourceGroup> for ResourceGroup {
    fn from(group: &domain::books::ResourceGroup) -> Self {
        Self {
            id: format!(
                "/subscriptions/{}/resourceGroups/{}",
                group.subscription, group.name
            ),
            name: group.name.to_string(),
            kind: "Microsoft.Resources/resourceGroups".to_owned(),
            location: group.location.clone(),
            tags: group.tags.clone(),
            properties: ResourceGroupProperties {
                provisioning_state: "Succeeded".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_token_comes_back_as_it_went_and_anything_else_is_refused() {
        let token = SkipToken {
            after: "azurestack/AzureStack-ü".to_owned(),
        };
        assert_eq!(SkipToken::decode(&token.encode()), Ok(token));
        for text in ["%", "a b", "_w"] {
            assert_eq!(SkipToken::decode(text), Err(InvalidSkipToken), "{text}");
        }
    }

    #[test]
    fn an_error_has_no_member_that_it_has_no_use_for() {
        let body = ErrorBody {
            code: "RegistrationNotFound".to_owned(),
            message: "…".to_owned(),
            target: None,
        };
        let text = serde_json::to_string(&ErrorEnvelope { error: body }).unwrap();
        assert_eq!(text, r#"{"error":{"code":"RegistrationNotFound","message":"…"}}"#);
    }

    #[test]
    fn tags_have_limits() {
        let tag = |name: usize, value: usize| Tags::from([("n".repeat(name), "v".repeat(value))]);
        assert_eq!(check_tags(&tag(512, 256)), Ok(()));
        assert_eq!(check_tags(&tag(513, 1)), Err(InvalidTags));
        assert_eq!(check_tags(&tag(1, 257)), Err(InvalidTags));
        assert_eq!(check_tags(&tag(0, 1)), Err(InvalidTags));
        let many = (0..51).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(check_tags(&many), Err(InvalidTags));
    }

    #[test]
    fn a_location_is_short_and_readable() {
        for text in ["global", "West Central US", &"ü".repeat(90)] {
            assert_eq!(check_location(text), Ok(()), "{text}");
        }
        for text in ["", "  ", "west\n", "a\0b", &"x".repeat(91)] {
            assert_eq!(check_location(text), Err(InvalidLocation), "{text:?}");
        }
    }
}

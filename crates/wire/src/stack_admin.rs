//! The admin API of a stack: `Microsoft.Subscriptions.Admin`, as far as it says whose a local subscription is, and what
//! a reader of a stack's usage asks beside it.

use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::LocalSubscription;
use domain::ids::{LocalSubscriptionId, TenantId};
use domain::usage::RECORDS_PER_DELIVERY_MAX;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::InvalidMember;
use crate::usage::page_texts;

/// The most local subscriptions in one directory.
pub const LOCAL_SUBSCRIPTIONS_MAX: usize = 100_000;
/// The most characters of a text that a directory says of a local subscription. *(ours)*
pub const DIRECTORY_TEXT_CHARACTERS_MAX: usize = 256;

const TWO_TENANTS: &str = "expected one tenant for each local subscription; this one is listed with two";

/// What `Microsoft.Subscriptions.Admin/subscriptions` returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionList {
    /// The local subscriptions.
    pub value: Vec<AdminSubscription>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A local subscription. Its members lie flat in the object, unlike those of most resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AdminSubscription {
    /// Its resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its id.
    #[schema(required)]
    #[serde(deserialize_with = "empty_if_null")]
    pub subscription_id: String,
    /// The provider's subscription that offered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegated_provider_subscription_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its owner's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The directory tenant it belongs to.
    #[schema(required)]
    #[serde(deserialize_with = "empty_if_null")]
    pub tenant_id: String,
    /// The kind of resource manager behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_resource_manager_type: Option<String>,
    /// The offer it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_id: Option<String>,
    /// Its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl SubscriptionList {
    /// What the directory says, by local subscription. One that is listed twice alike is listed once.
    ///
    /// # Errors
    /// [`InvalidMember`] for an id that is none, a text that is too long, a local subscription listed twice with two
    /// tenants, or too many.
    pub fn into_domain(self) -> Result<Vec<(LocalSubscriptionId, LocalSubscription)>, InvalidMember> {
        if self.value.len() > LOCAL_SUBSCRIPTIONS_MAX {
            let message = format!("expected at most {LOCAL_SUBSCRIPTIONS_MAX} local subscriptions");
            return Err(InvalidMember::new("value", message));
        }
        let mut listed: BTreeMap<LocalSubscriptionId, LocalSubscription> = BTreeMap::new();
        for (index, it) in self.value.into_iter().enumerate() {
            let (id, local) = it.into_domain(index)?;
            let tenant = local.tenant;
            if let Some(other) = listed.insert(id, local)
                && other.tenant != tenant
            {
                return Err(InvalidMember::new(
                    format!("value[{index}].tenantId"),
                    TWO_TENANTS,
                ));
            }
        }
        Ok(listed.into_iter().collect())
    }

    /// The same without what [`Self::into_domain`] would refuse all of it for, and what that is and why. Of a local
    /// subscription with two tenants nothing is left: nobody can say which one it is.
    #[must_use]
    pub fn without_unreadable(self) -> (Self, Vec<(AdminSubscription, String)>) {
        let mut tenants: BTreeMap<LocalSubscriptionId, BTreeSet<TenantId>> = BTreeMap::new();
        let listed = self.value.into_iter().enumerate();
        let read: Vec<_> = listed
            .map(|(index, it)| (it.clone().into_domain(index), it))
            .collect();
        for (id, local) in read.iter().filter_map(|(domain, _)| domain.as_ref().ok()) {
            tenants.entry(*id).or_default().insert(local.tenant);
        }
        let (mut good, mut unreadable) = (Vec::new(), Vec::new());
        for (domain, it) in read {
            match domain {
                Err(error) => unreadable.push((it, error.to_string())),
                Ok((id, _)) if tenants.get(&id).is_some_and(|tenants| tenants.len() > 1) => {
                    unreadable.push((it, TWO_TENANTS.to_owned()));
                }
                Ok(_) => good.push(it),
            }
        }
        let good = Self {
            value: good,
            next_link: self.next_link,
        };
        (good, unreadable)
    }
}

impl AdminSubscription {
    /// What a list says of a local subscription at a place.
    fn into_domain(self, index: usize) -> Result<(LocalSubscriptionId, LocalSubscription), InvalidMember> {
        let at = |member: &str, error: &dyn std::fmt::Display| {
            InvalidMember::new(format!("value[{index}].{member}"), error.to_string())
        };
        let text = |member: &str, text: Option<String>| {
            bounded(text.unwrap_or_default()).map_err(|error| at(member, &error))
        };
        let id = self.subscription_id.parse();
        let id = id.map_err(|error| at("subscriptionId", &error))?;
        let tenant = self.tenant_id.parse();
        let local = LocalSubscription {
            tenant: tenant.map_err(|error| at("tenantId", &error))?,
            name: text("displayName", self.display_name)?,
            owner: text("owner", self.owner)?,
            state: text("state", self.state)?,
        };
        Ok((id, local))
    }
}

/// An id that is null is none, as an empty one is: it takes its entry with it, and not the whole page.
fn empty_if_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A text that is short enough to be kept.
fn bounded(text: String) -> Result<String, String> {
    if text.chars().count() > DIRECTORY_TEXT_CHARACTERS_MAX {
        return Err(format!(
            "expected at most {DIRECTORY_TEXT_CHARACTERS_MAX} characters"
        ));
    }
    Ok(text)
}

/// What `Microsoft.Subscriptions.Admin/directoryTenants` returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryTenantList {
    /// The guest directories that the stack admits.
    pub value: Vec<DirectoryTenant>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A guest directory that a stack admits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryTenant {
    /// Its resource id.
    pub id: String,
    /// Its domain name.
    pub name: String,
    /// Always `Microsoft.Subscriptions.Admin/directoryTenants`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stack's region.
    pub location: String,
    /// Its tenant.
    pub properties: DirectoryTenantProperties,
}

/// Which tenant a guest directory is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryTenantProperties {
    /// The tenant.
    pub tenant_id: String,
}

/// A guest directory as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdmitDirectory {
    /// The stack's region.
    pub location: String,
    /// Its tenant.
    pub properties: DirectoryTenantProperties,
}

/// A stack's `/metadata/endpoints`, as far as signing in needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AdminEndpoints {
    /// How to sign in.
    pub authentication: AdminSignIn,
}

/// How to sign in to a stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminSignIn {
    /// The authority: one that ends in `/adfs` is the stack's own AD FS.
    pub login_endpoint: String,
    /// For whom tokens are.
    pub audiences: Vec<String>,
}

/// `Microsoft.AzureBridge.Admin/activations/default`: under which registration the stack was activated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Activation {
    /// What it was activated with.
    pub properties: ActivationProperties,
}

/// What a stack was activated with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActivationProperties {
    /// The resource id of the registration.
    pub azure_registration_resource_identifier: Option<String>,
}

/// The subscriptions that a caller sees: `{"value":[…]}`, or the bare array that some builds return.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum VisibleSubscriptions {
    /// An object.
    Listed {
        /// The subscriptions.
        value: Vec<VisibleSubscription>,
    },
    /// An array.
    Bare(Vec<VisibleSubscription>),
}

impl VisibleSubscriptions {
    /// The subscriptions.
    #[must_use]
    pub fn into_vec(self) -> Vec<VisibleSubscription> {
        match self {
            Self::Listed { value } | Self::Bare(value) => value,
        }
    }
}

/// A subscription that a caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisibleSubscription {
    /// Its id.
    pub subscription_id: String,
    /// Its name.
    #[serde(default)]
    pub display_name: Option<String>,
}

/// The regions of a stack, `Microsoft.Subscriptions.Admin/locations`: it has one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AdminLocations {
    /// The regions.
    pub value: Vec<AdminLocation>,
}

/// A region of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AdminLocation {
    /// Its name.
    pub name: String,
}

/// What a reader of usage must understand of a page: how much is on it, and where the next one is. The records stay
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageOutline {
    /// How many records are on the page.
    pub records: usize,
    /// Where to go on, as the stack wrote it.
    pub next_link: Option<String>,
}

/// A body that is no page of usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsagePage {
    /// Not JSON, or cut off, or without the array of records.
    #[error("it is not a page of usage, {{\"value\": [...]}}: {0}")]
    NotAPage(String),
    /// More records than a delivery may have.
    #[error("it holds {0} records, and a delivery may have {RECORDS_PER_DELIVERY_MAX}")]
    TooManyRecords(usize),
}

impl UsageOutline {
    /// Reads the outline of a page. What it takes, [`crate::usage::parse_delivery`] takes.
    ///
    /// # Errors
    /// [`InvalidUsagePage`].
    pub fn read(body: &[u8]) -> Result<Self, InvalidUsagePage> {
        let page = page_texts(body).map_err(InvalidUsagePage::NotAPage)?;
        let records = page.records.len();
        if records > RECORDS_PER_DELIVERY_MAX {
            return Err(InvalidUsagePage::TooManyRecords(records));
        }
        Ok(Self {
            records,
            next_link: page.next_link.filter(|link| !link.trim().is_empty()),
        })
    }
}

/// The records of a page of usage, each as the stack wrote it: of every page that [`UsageOutline::read`] takes.
///
/// # Errors
/// [`InvalidUsagePage::NotAPage`].
pub fn records_of_page(body: &[u8]) -> Result<Vec<&RawValue>, InvalidUsagePage> {
    let page = page_texts(body).map_err(InvalidUsagePage::NotAPage)?;
    Ok(page.records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_cut_off_anywhere_is_no_page() {
        let page = r#"{"value":[{"properties":{}},{"properties":{}}],"nextLink":"https://a.example/?continuationToken=x"}"#;
        let whole = UsageOutline::read(page.as_bytes()).unwrap();
        assert_eq!((whole.records, whole.next_link.is_some()), (2, true));
        for length in 0..page.len() {
            assert!(
                UsageOutline::read(&page.as_bytes()[..length]).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn what_says_that_there_is_no_more_is_understood() {
        for page in [
            r#"{"value":[]}"#,
            r#"{"value":[],"nextLink":null}"#,
            "\u{feff}{\"nextLink\":\" \",\"value\":[]}",
        ] {
            let outline = UsageOutline::read(page.as_bytes()).unwrap();
            assert_eq!((outline.records, outline.next_link), (0, None), "{page}");
        }
        for body in [r#"{"error":{}}"#, r#"{"value":null}"#, "[]", ""] {
            assert!(UsageOutline::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(UsageOutline::read(b"{\"value\":[\"\xff\"]}").is_err());
    }

    #[test]
    fn what_a_caller_sees_is_read_in_both_forms() {
        let one = r#"{"subscriptionId":"s","displayName":"Default Provider Subscription","state":"Enabled"}"#;
        for text in [
            format!("[{one}]"),
            format!(r#"{{"value":[{one}],"nextLink":null}}"#),
        ] {
            let seen: VisibleSubscriptions = serde_json::from_str(&text).unwrap();
            assert_eq!(seen.into_vec()[0].subscription_id, "s", "{text}");
        }
    }

    fn list(text: &str) -> Result<Vec<(LocalSubscriptionId, LocalSubscription)>, InvalidMember> {
        serde_json::from_str::<SubscriptionList>(text)
            .unwrap()
            .into_domain()
    }

    #[test]
    fn a_directory_is_read_with_members_nobody_knows_yet() {
        let listed = list(
            r#"{"value":[{"subscriptionId":"5144634D-7E4D-443B-A304-D27E44220FC6","displayName":"web","owner":"o",
            "tenantId":"d9b782d5-d098-4374-8f2c-3907cc34611c","state":"Enabled","future":[1]}]}"#,
        )
        .unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].1.name, "web");
    }

    #[test]
    fn a_wrong_id_is_named_with_its_place() {
        let error =
            list(r#"{"value":[{"subscriptionId":"5144634d-7e4d-443b-a304-d27e44220fc6","tenantId":"x"}]}"#);
        assert_eq!(error.unwrap_err().target, "value[0].tenantId");
    }

    #[test]
    fn a_text_that_is_too_long_to_keep_is_named_with_its_place() {
        for member in ["displayName", "owner", "state"] {
            let with = |characters: usize| {
                let text = "ü".repeat(characters);
                list(&format!(
                    r#"{{"value":[{{"subscriptionId":"5144634d-7e4d-443b-a304-d27e44220fc6",
                    "tenantId":"d9b782d5-d098-4374-8f2c-3907cc34611c","{member}":"{text}"}}]}}"#
                ))
            };
            assert!(with(256).is_ok());
            assert_eq!(with(257).unwrap_err().target, format!("value[0].{member}"));
        }
    }

    #[test]
    fn a_local_subscription_with_two_tenants_is_refused() {
        let one = r#"{"subscriptionId":"5144634d-7e4d-443b-a304-d27e44220fc6","tenantId":"d9b782d5-d098-4374-8f2c-3907cc34611c"}"#;
        let other = one.replace("d9b7", "d9b8");
        assert_eq!(list(&format!(r#"{{"value":[{one},{one}]}}"#)).unwrap().len(), 1);
        assert!(list(&format!(r#"{{"value":[{one},{other}]}}"#)).is_err());
    }

    #[test]
    fn what_nobody_can_read_is_left_out_and_does_not_take_the_whole_directory_with_it() {
        let entry = |id: &str, tenant: &str, name: &str| {
            format!(
                r#"{{"subscriptionId":"{id}144634d-7e4d-443b-a304-d27e44220fc6","displayName":"{name}","tenantId":"{tenant}"}}"#
            )
        };
        let (one, other) = (
            "d9b782d5-d098-4374-8f2c-3907cc34611c",
            "d9b882d5-d098-4374-8f2c-3907cc34611c",
        );
        let entries = [
            entry("5", one, "web"),
            entry("6", one, &"x".repeat(257)),
            entry("7", "", "no tenant"),
            entry("z", one, "no id"),
            entry("8", one, "two tenants"),
            entry("8", other, "two tenants"),
            entry("9", one, "twice"),
            entry("9", one, "twice"),
            r#"{"subscriptionId":"a144634d-7e4d-443b-a304-d27e44220fc6","tenantId":null}"#.to_owned(),
            format!(r#"{{"subscriptionId":null,"tenantId":"{one}"}}"#),
        ];
        let listed: SubscriptionList =
            serde_json::from_str(&format!(r#"{{"value":[{}]}}"#, entries.join(","))).unwrap();
        let (good, unreadable) = listed.without_unreadable();
        let places: Vec<&str> = unreadable
            .iter()
            .map(|(_, why)| why.split(':').next().unwrap())
            .collect();
        assert_eq!(unreadable.len(), 7, "{places:?}");
        assert_eq!(places[1], "value[2].tenantId");
        let names = good.into_domain().unwrap().into_iter().map(|(_, it)| it.name);
        assert_eq!(names.collect::<Vec<_>>(), ["web", "twice"]);
    }
}

//! The activation key: which stack a delivery is of, and whether the stack that is read is that one.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{CloudId, RegistrationId};
use serde::Deserialize;
use wire::azure_stack::ActivationKeyClaims;
use wire::stack_admin::Activation;

use crate::files::small_text;
use crate::trouble::Trouble;

/// How many characters a GUID has.
const GUID_CHARS: usize = 36;

/// An activation key. The server checks its signature; here it is only read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ActivationKey {
    pub(crate) text: String,
    pub(crate) cloud_id: CloudId,
    /// This life of the registration, if it says so.
    pub(crate) registration_id: Option<RegistrationId>,
    /// The name of the platform's key that it is signed with: the thumbprint of its public part.
    pub(crate) signed_with: Option<String>,
    /// The resource id of the registration.
    registration: String,
}

/// What the head of a key says.
#[derive(Deserialize)]
struct Head {
    kid: Option<String>,
}

impl fmt::Debug for ActivationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivationKey({})", self.cloud_id)
    }
}

impl ActivationKey {
    /// Reads the key in a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Trouble> {
        let text = small_text(path)?;
        Self::in_text(&text).map_err(|why| {
            Trouble::new(
                "InvalidActivationKey",
                format!("{}{why}", path.display()),
                "Put the activation key of the stack's registration into it, and nothing else: it is the one line that \
                 `meterbridge registration activation-key` prints.",
            )
        })
    }

    /// The key that a text is, but for what editors and shells leave around it; else the rest of a sentence that begins
    /// with the name of the text. Nothing of it is repeated: it may be a key.
    fn in_text(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let Some((key, number)) = lines.next() else {
            return Err(" is empty: one line with the activation key was expected.".to_owned());
        };
        if let Some((_, second)) = lines.next() {
            return Err(format!(
                ", line {second}: an activation key is one line, and this is another one."
            ));
        }
        Self::parse(key).ok_or_else(|| {
            format!(", line {number}: that is no activation key, which begins with eyJ and has two points.")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains(char::is_whitespace) {
            return None;
        }
        let mut texts = text.split('.');
        let head = URL_SAFE_NO_PAD.decode(texts.next()?).ok()?;
        let head: Head = serde_json::from_slice(&head).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(texts.next()?).ok()?;
        let claims: ActivationKeyClaims = serde_json::from_slice(&claims).ok()?;
        Some(Self {
            text: text.to_owned(),
            cloud_id: claims.cloud_id.parse().ok()?,
            registration_id: claims.registration_id.parse().ok(),
            signed_with: head.kid,
            registration: format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.AzureStack/registrations/{}",
                claims.subscription_id, claims.resource_group_name, claims.registration_name
            ),
        })
    }

    /// Checks that the key is of this stack.
    pub(crate) fn must_be_of(&self, cloud_id: CloudId) -> Result<(), Trouble> {
        if self.cloud_id == cloud_id {
            return Ok(());
        }
        Err(Trouble::new(
            "ForeignKey",
            format!(
                "The activation key is for stack {}, and the bridge works for stack {cloud_id}.",
                self.cloud_id
            ),
            "Put the activation key of that stack's registration into the file, or give the other stack a [[stack]] of \
             its own.",
        ))
    }

    /// Checks that the stack that is read is the one that the key is for. A stack says under which registration it was
    /// activated: that is the key's own, or one whose name ends with the stack's cloud id, as names do by convention.
    /// Where it says neither, an operator may have `stated` the cloud id.
    pub(crate) fn must_match(
        &self,
        activation: Option<&Activation>,
        stated: Option<CloudId>,
    ) -> Result<(), Trouble> {
        let said = activation
            .and_then(|it| it.properties.azure_registration_resource_identifier.as_deref())
            .map(|id| id.trim_end_matches('/'));
        if said.is_some_and(|said| said.eq_ignore_ascii_case(&self.registration)) {
            return self.must_be_stated(stated);
        }
        let own = said.and_then(cloud_id_in);
        match own.or(stated) {
            Some(own) if own == self.cloud_id => self.must_be_stated(stated),
            Some(own) => Err(Trouble::new(
                "ForeignStack",
                format!(
                    "The stack at this endpoint is {own}, and the activation key is for stack {}: their usage is not \
                     mixed.",
                    self.cloud_id
                ),
                "Set `endpoint` and `activation-key-file` to those of the same stack.",
            )),
            None => Err(Trouble::new(
                "StackUnknown",
                said.map_or_else(
                    || "The stack at this endpoint was not activated, and does not say which one it is.".to_owned(),
                    |said| format!("The stack at this endpoint was activated under {said}, which does not say its cloud id."),
                ),
                format!(
                    "If it is the stack that the activation key is for, say so with `cloud-id = \"{}\"` of the stack.",
                    self.cloud_id
                ),
            )),
        }
    }

    fn must_be_stated(&self, stated: Option<CloudId>) -> Result<(), Trouble> {
        match stated {
            Some(stated) if stated != self.cloud_id => Err(Trouble::new(
                "ForeignKey",
                format!(
                    "The activation key is for stack {}, and `cloud-id` says {stated}.",
                    self.cloud_id
                ),
                "Set `cloud-id` and `activation-key-file` to those of the same stack.",
            )),
            _ => Ok(()),
        }
    }
}

/// The cloud id at the end of a registration's name.
fn cloud_id_in(resource_id: &str) -> Option<CloudId> {
    let start = resource_id.len().checked_sub(GUID_CHARS)?;
    resource_id.get(start..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::stack_admin::ActivationProperties;

    const CLOUD: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
    const OTHER: &str = "e6135d07-4efa-439c-b899-24e03cbac5f9";

    fn key() -> ActivationKey {
        ActivationKey {
            text: "secret".to_owned(),
            cloud_id: CLOUD.parse().unwrap(),
            registration_id: None,
            signed_with: None,
            registration:
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStack/registrations/plant"
                    .to_owned(),
        }
    }

    fn outcome(registration: Option<&str>, stated: Option<&str>) -> Result<(), String> {
        let activation = registration.map(|id| Activation {
            properties: ActivationProperties {
                azure_registration_resource_identifier: Some(id.to_owned()),
            },
        });
        let stated = stated.map(|it| it.parse().unwrap());
        key()
            .must_match(activation.as_ref(), stated)
            .map_err(|trouble| trouble.code.into_owned())
    }

    #[test]
    fn usage_of_one_stack_is_never_delivered_as_that_of_another() {
        let own = "/SUBSCRIPTIONS/s/resourcegroups/g/providers/Microsoft.AzureStack/registrations/Plant";
        let convention = |id: &str| {
            format!(
                "/subscriptions/x/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/AzureStack-{id}"
            )
        };
        let refused = |code: &str| Err(code.to_owned());
        for (registration, stated, expected) in [
            (Some(own.to_owned()), None, Ok(())),
            (Some(own.to_owned()), Some(CLOUD), Ok(())),
            (Some(own.to_owned()), Some(OTHER), refused("ForeignKey")),
            (Some(convention(CLOUD)), None, Ok(())),
            (Some(convention(OTHER)), None, refused("ForeignStack")),
            (Some(convention(OTHER)), Some(CLOUD), refused("ForeignStack")),
            (
                Some("/x/registrations/plant".to_owned()),
                None,
                refused("StackUnknown"),
            ),
            (Some("/x/registrations/plant".to_owned()), Some(CLOUD), Ok(())),
            (
                Some("/x/registrations/plant".to_owned()),
                Some(OTHER),
                refused("ForeignStack"),
            ),
            (None, None, refused("StackUnknown")),
            (None, Some(CLOUD), Ok(())),
        ] {
            assert_eq!(
                outcome(registration.as_deref(), stated),
                expected,
                "{registration:?} {stated:?}"
            );
        }
    }

    #[test]
    fn a_line_too_many_would_have_sent_somebody_to_look_for_a_wrong_url() {
        let claims = serde_json::json!({
            "cloudId": CLOUD, "subscriptionId": "s", "resourceGroupName": "g", "registrationName": "r",
            "registrationId": "i", "usageEndpoint": "u", "marketplaceEndpoint": "m", "usageResourceUri": "u",
            "marketplaceResourceUri": "m", "expires": "never", "billingModel": "PayAsYouUse", "regionNames": ["north"],
            "usageReportingEnabled": true, "marketplaceSyndicationEnabled": true, "issuer": "x", "version": "1",
        });
        let key = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        for around in ["KEY", "KEY\n", "KEY\r\n", "\u{feff}KEY\r\n\r\n", "\n  KEY \n \n"] {
            let read = ActivationKey::in_text(&around.replace("KEY", &key)).unwrap();
            assert_eq!(read.text, key, "{around:?}");
        }
        for (text, expected) in [
            ("KEY\nKEY\n", ", line 2: an activation key is one line"),
            ("KEY\r\n\r\nmore", ", line 3: an activation key is one line"),
            ("KEY KEY", ", line 1: that is no activation key"),
            ("\nhunter2\n", ", line 2: that is no activation key"),
            ("", " is empty"),
            ("\u{feff}\r\n", " is empty"),
        ] {
            let why = ActivationKey::in_text(&text.replace("KEY", &key)).unwrap_err();
            assert!(why.starts_with(expected), "{text:?}: {why}");
            assert!(!why.contains("hunter2") && !why.contains(&key), "{why}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_not_shown() {
        for text in ["", "a.b.c", "mbo_secret", "e30.e30.x"] {
            assert_eq!(ActivationKey::parse(text), None, "{text}");
        }
        assert!(!format!("{:?}", key()).contains("secret"));
    }
}

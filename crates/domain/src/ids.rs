//! Typed identifiers: a stack's id can never be passed where a tenant's is meant.
//!
//! Real deliveries spell one id in several ways (`B5C15376-6C94-…`, `b5c15376-…`, `F271A8A388C44D93956A063E1D2FA80B`),
//! so an id is its 128 bits: compared without regard to case or dashes, written in lower case with dashes.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text is not a GUID: neither 32 hexadecimal digits nor the same in groups of 8-4-4-4-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a GUID such as 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
pub struct InvalidGuid;

fn parse_guid(text: &str) -> Result<Uuid, InvalidGuid> {
    // The library also reads `{…}` and `urn:uuid:…`, which no contract allows.
    match text.len() {
        32 | 36 => Uuid::try_parse(text).map_err(|_| InvalidGuid),
        _ => Err(InvalidGuid),
    }
}

macro_rules! guid_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with these 128 bits.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id's 128 bits.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// The id with these 16 bytes, most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id's 16 bytes, most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = InvalidGuid;

            fn from_str(text: &str) -> Result<Self, InvalidGuid> {
                parse_guid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }
    )+};
}

guid_id! {
    /// One Azure Stack deployment: the id of a stack.
    CloudId;
    /// An identity directory.
    TenantId;
    /// A subscription that can be charged.
    SubscriptionId;
    /// A subscription that exists on one stack only; usage is emitted under it.
    LocalSubscriptionId;
    /// A Cloud Solution Provider.
    PartnerId;
    /// An end customer of a partner.
    CustomerId;
    /// One life of a registration, from its creation to its deletion. The name of a registration may come back
    /// after a deletion; this id does not.
    RegistrationId;
    /// What a stack measures.
    LocalMeterId;
    /// What a price list prices.
    BillingMeterId;
    /// One accepted delivery of usage records.
    BatchId;
    /// What somebody did at one time with records in quarantine.
    QuarantineActId;
    /// An account that operates the platform.
    OperatorId;
    /// An object in a directory: a user, a group, a service principal. What roles are given to.
    ObjectId;
    /// An application, unique over all directories. A client proves itself under this id, and acts as the service
    /// principal of the application.
    ApplicationId;
    /// A secret or a certificate of an application.
    CredentialId;
    /// A sign-in of a user with one client, with all tokens that followed from it.
    SessionId;
    /// What a role allows.
    RoleDefinitionId;
    /// A role given to somebody somewhere.
    RoleAssignmentId;
    /// Something that others are told.
    NoticeId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_id_are_equal_and_written_in_one_way() {
        let dashed: LocalMeterId = "F271A8A3-88C4-4D93-956A-063E1D2FA80B".parse().unwrap();
        let bare: LocalMeterId = "F271A8A388C44D93956A063E1D2FA80B".parse().unwrap();
        let lower: LocalMeterId = "f271a8a3-88c4-4d93-956a-063e1d2fa80b".parse().unwrap();
        assert_eq!(dashed, bare);
        assert_eq!(bare, lower);
        assert_eq!(dashed.to_string(), "f271a8a3-88c4-4d93-956a-063e1d2fa80b");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "x",
            "5bf881b2-6be7-42a1-9f47-d6fcb673774",
            "5bf881b2-6be7-42a1-9f47-d6fcb67377477",
            "{5bf881b2-6be7-42a1-9f47-d6fcb6737747}",
            "urn:uuid:5bf881b2-6be7-42a1-9f47-d6fcb6737747",
            "5bf881b26be7-42a1-9f47-d6fcb6737747-",
            "5bf881b2-6be7-42a1-9f47-d6fcb673774g",
        ] {
            assert_eq!(text.parse::<CloudId>(), Err(InvalidGuid), "{text}");
        }
    }
}

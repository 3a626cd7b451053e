//! Registering a stack: the object that ties one stack to one subscription and says who pays.
//!
//! The values are here; the rules are one module for each question: which subscription ([`advice`]), what the stack says
//! of itself ([`token`]), what a request comes to ([`register`]), who may end that a stack is paid for by usage
//! ([`billing_change`]), whose the hours without a registration are ([`between`]), and which subscription a tenant's
//! usage is charged to ([`tenants`]). All are functions of values that the caller looked up. Who may register is a
//! question of roles on the subscription: see [`crate::authorization`].

pub mod advice;
pub mod between;
pub mod billing_change;
#[cfg(test)]
mod fixture;
pub mod moving;
mod refusal;
pub mod register;
pub mod tenants;
pub mod token;
mod warning;

use std::collections::BTreeMap;
use std::fmt;

pub use refusal::{RefusalKind, RegistrationNotFound, RegistrationPath};
pub use warning::{DirectoryUse, Warning};

use crate::ids::{CloudId, ObjectId, RegistrationId, SubscriptionId};
use crate::resource_id::ResourceName;
use crate::timeline::Recorded;

/// How a registered stack is paid for. Part of the registration token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillingModel {
    /// By usage. The only model that allows more than one tenant, and that cannot switch reporting off.
    PayAsYouUse,
    /// By a yearly fee for each core, under an agreement; usage that still comes is kept and never charged.
    Capacity,
    /// Not at all: usage is rated at 0.00.
    Development,
    /// By an arrangement of its own, told apart by an asset tag; usage is rated as pay-as-you-use *(ours)*.
    Custom,
    /// Hardware for the field; usage is rated as pay-as-you-use *(ours)*.
    Ruggedized,
}

impl BillingModel {
    /// Every model.
    pub const ALL: [Self; 5] = [
        Self::PayAsYouUse,
        Self::Capacity,
        Self::Development,
        Self::Custom,
        Self::Ruggedized,
    ];

    /// The model as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayAsYouUse => "PayAsYouUse",
            Self::Capacity => "Capacity",
            Self::Development => "Development",
            Self::Custom => "Custom",
            Self::Ruggedized => "Ruggedized",
        }
    }

    /// Whether what is used is charged, at its price.
    #[must_use]
    pub const fn charges_usage(self) -> bool {
        match self {
            Self::PayAsYouUse | Self::Custom | Self::Ruggedized => true,
            Self::Capacity | Self::Development => false,
        }
    }

    /// The model written so, in any case.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|model| model.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for BillingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One physical machine of a stack, as its registration token lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareNode {
    /// Its name.
    pub name: String,
    /// The id its board reports.
    pub uuid: String,
    /// Its cores as the token states them; 0 when it does not. Real tokens state negative numbers too: see
    /// [`RegistrationToken::cores`] for what is reckoned from it.
    pub cores: i64,
    /// Fingerprints of its parts, by kind (`bios`, `nic`, `cpu`, `disk`, `memory`).
    pub parts: BTreeMap<String, Vec<String>>,
}

/// What a stack says of itself when it is registered: the content of the registration token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The stack.
    pub cloud_id: CloudId,
    /// The service principal of the stack's bridge, if the token names one.
    pub object_id: Option<ObjectId>,
    /// How it is paid for.
    pub billing_model: BillingModel,
    /// Whether marketplace items may be downloaded to the stack.
    pub marketplace_syndication_enabled: bool,
    /// Whether the stack will report usage.
    pub usage_reporting_enabled: bool,
    /// The capacity agreement.
    pub agreement_number: Option<String>,
    /// The asset tag of a custom arrangement.
    pub asset_tag: Option<String>,
    /// The stack's regions.
    pub region_names: Vec<String>,
    /// The stack's machines.
    pub hardware: Vec<HardwareNode>,
    /// Who made the token.
    pub issuer: String,
    /// The token's version.
    pub version: String,
}

impl RegistrationToken {
    /// The cores of the whole stack, if the token states a number above zero for each of its machines. A token that leaves
    /// one out says nothing that a fee could be reckoned from *(ours)*.
    #[must_use]
    pub fn cores(&self) -> Option<u32> {
        if self.hardware.is_empty() {
            return None;
        }
        self.hardware.iter().try_fold(0u32, |sum, node| {
            let cores = u32::try_from(node.cores).ok().filter(|cores| *cores > 0)?;
            sum.checked_add(cores)
        })
    }
}

/// A live or former registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// This life of the registration.
    pub id: RegistrationId,
    /// The subscription it was made under: its default subscription, which pays for whatever no mapping claims.
    pub subscription: SubscriptionId,
    /// Its resource group.
    pub resource_group: ResourceName,
    /// Its name; by convention `AzureStack-<cloud id>`, any legal name is allowed.
    pub name: ResourceName,
    /// Its location as sent; `global` when none was.
    pub location: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What the stack said of itself.
    pub token: RegistrationToken,
    /// Whether the platform operator approved it for multi-tenancy.
    pub multi_tenancy_approved: bool,
    /// How often its activation keys were revoked: those signed before that are good no more.
    pub key_generation: u32,
    /// Its creation.
    pub created: Recorded,
    /// Its last change.
    pub updated: Recorded,
}

impl Registration {
    /// The stack it is for.
    #[must_use]
    pub const fn cloud_id(&self) -> CloudId {
        self.token.cloud_id
    }

    /// Where it is found.
    #[must_use]
    pub fn path(&self) -> RegistrationPath {
        RegistrationPath {
            subscription: self.subscription.to_string(),
            resource_group: self.resource_group.to_string(),
            name: self.name.to_string(),
        }
    }
}

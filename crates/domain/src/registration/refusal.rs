//! What every refusal of this module has in common.

use std::fmt;

/// What sort of "no" a refusal is. The door turns it into a status of its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// What the request names does not exist.
    NotFound,
    /// It exists, and the caller or the thing itself is not entitled to this.
    Forbidden,
    /// It contradicts what holds now; after a change of that, the same request may succeed.
    Conflict,
    /// The request itself is wrong and will never succeed as it is.
    Invalid,
    /// Something that had to be asked did not answer; the same request may succeed later.
    UpstreamFailed,
}

/// Where a registration is looked for: the three names of its path, as the caller wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPath {
    /// The subscription's id.
    pub subscription: String,
    /// The resource group.
    pub resource_group: String,
    /// The registration's name.
    pub name: String,
}

impl fmt::Display for RegistrationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subscription,
            resource_group,
            name,
        } = self;
        write!(
            f,
            "/subscriptions/{subscription}/resourceGroups/{resource_group}\
             /providers/Microsoft.AzureStack/registrations/{name}"
        )
    }
}

/// There is no registration at this path. The text is the documented one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The provided registration was not found. Make sure the following information was provided correctly: \
     1. Subscription identifier (value provided: {}), 2. Resource group (value provided: {}), \
     3. Registration name (value provided: {}).",
    .0.subscription, .0.resource_group, .0.name
)]
pub struct RegistrationNotFound(pub RegistrationPath);

impl RegistrationNotFound {
    /// The stable code of this refusal.
    pub const CODE: &'static str = "RegistrationNotFound";

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        RefusalKind::NotFound
    }

    /// What would help.
    #[must_use]
    pub fn hint(&self) -> String {
        let subscription = &self.0.subscription;
        format!(
            "List the registrations of subscription {subscription} to find the name it was registered under; \
             by convention it is AzureStack- and the cloud id of the stack."
        )
    }
}

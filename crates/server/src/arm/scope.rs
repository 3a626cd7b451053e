//! What a route is about, for deciding whether the caller may do what its action says.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::authorization::Scope;
use domain::ids::SubscriptionId;
use domain::resource_id::ResourceName;

use crate::error::Failure;
use crate::params;

/// The scope that the parameters of a path name: the deepest of them that can be something. What cannot be a name is
/// refused by the handler in the words of its contract, after the caller was found to be allowed one level above.
pub(crate) fn of(path: &RawPathParams) -> Result<Scope, Failure> {
    let text = |name: &str| {
        path.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let name = |parameter: &str| text(parameter)?.parse::<ResourceName>().ok();
    let Some(subscription) = subscription(path)? else {
        return Ok(Scope::Root);
    };
    let Some(group) = name("resourceGroupName") else {
        return Ok(Scope::Subscription(subscription));
    };
    let above = Scope::ResourceGroup(subscription, group.clone());
    if let Some(linked) = name("linkedSubscriptionName") {
        let below = format!("{above}/providers/Microsoft.AzureStack/linkedSubscriptions/{linked}");
        return Ok(below.parse().unwrap_or(above));
    }
    let Some(registration) = name("registrationName") else {
        return Ok(above);
    };
    let above = Scope::registration(subscription, &group, &registration);
    Ok(match name("customerSubscriptionName") {
        None => above,
        Some(customer) => format!("{above}/customerSubscriptions/{customer}")
            .parse()
            .unwrap_or(above),
    })
}

/// The scope that the guard found a request to be about, for handlers of what exists at every scope.
///
/// There the names have to be right: nothing may be done one level above of what was meant.
pub(crate) struct At(pub(crate) Scope);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| params::unreadable(&error))?;
        for (parameter, code) in NAMES {
            if let Some((_, text)) = path.iter().find(|(known, _)| *known == parameter) {
                params::read::<ResourceName>(text, parameter, code)?;
            }
        }
        of(&path).map(Self)
    }
}

/// The names in scopes, and the codes by which they are refused.
const NAMES: [(&str, &str); 3] = [
    ("resourceGroupName", "InvalidResourceGroupName"),
    ("registrationName", "InvalidRegistrationName"),
    ("customerSubscriptionName", "InvalidCustomerSubscriptionId"),
];

/// The subscription in a path, if there is one.
pub(crate) fn subscription(path: &RawPathParams) -> Result<Option<SubscriptionId>, Failure> {
    let text = path
        .iter()
        .find(|(name, _)| *name == "subscriptionId")
        .map(|(_, value)| value);
    text.map(|text| params::read(text, "subscriptionId", "InvalidSubscriptionId"))
        .transpose()
}

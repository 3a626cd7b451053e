//! The little of Microsoft Graph that Azure's tools ask for when a role is given by name: which object a user's name or
//! an application's id stands for, and what an object is called. It is where `/metadata/endpoints` says that Graph is.

use std::sync::Arc;

use app::access::Caller;
use app::identity::{Account, AccountKind};
use axum::Json;
use axum::extract::State;
use domain::identity::UserName;
use domain::ids::{ApplicationId, ObjectId};
use wire::graph::{DirectoryObject, Found, GetByIds, Kind};

use crate::access::By;
use crate::arm::filter::quoted;
use crate::error::Failure;
use crate::limits::GRAPH_IDS_MAX;
use crate::query::{Query, excerpt};
use crate::{Door, body};

/// The user of a name: `userPrincipalName eq '…'`. The name of nobody finds nobody.
pub(crate) async fn users(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
) -> Result<Json<Found>, Failure> {
    let name = wanted(&query, "userPrincipalName eq '…'", |filter| {
        equals(filter, "userPrincipalName")
    })?;
    let name: Option<UserName> = name.parse().ok();
    Ok(found(name.and_then(|name| door.app.user_named(&caller, &name))))
}

/// What an application acts as: `servicePrincipalNames/any(c:c eq '…')`, or `appId eq '…'`.
pub(crate) async fn service_principals(
    State(door): State<Arc<Door>>,
    By(caller): By,
    query: Query,
) -> Result<Json<Found>, Failure> {
    let expected = "servicePrincipalNames/any(c:c eq '…') or appId eq '…'";
    let name = wanted(&query, expected, |filter| {
        any_equals(filter, "servicePrincipalNames").or_else(|| equals(filter, "appId"))
    })?;
    let application: Option<ApplicationId> = name.parse().ok();
    Ok(found(
        application.and_then(|id| door.app.service_principal_of(&caller, id)),
    ))
}

/// What there is of these objects. Those that do not exist for the caller are left out.
pub(crate) async fn get_by_ids(
    State(door): State<Arc<Door>>,
    By(caller): By,
    body::Json(asked): body::Json<GetByIds>,
) -> Result<Json<Found>, Failure> {
    if asked.ids.len() > GRAPH_IDS_MAX {
        let message = format!(
            "There are {} ids, and {GRAPH_IDS_MAX} is the most. Ask for them in several parts.",
            asked.ids.len()
        );
        return Err(Failure::invalid("TooManyIds", message).about("ids"));
    }
    let objects = asked.ids.iter().map(|text| object(&door, &caller, text));
    let mut value = Vec::new();
    for object in objects {
        value.extend(object?.filter(|object| asked.wants(&object.kind)));
    }
    Ok(Json(Found { value }))
}

fn object(door: &Door, caller: &Caller, text: &str) -> Result<Option<DirectoryObject>, Failure> {
    let id: ObjectId = text.parse().map_err(|error| {
        let message = format!("One of the ids is '{}': {error}.", excerpt(text));
        Failure::invalid("InvalidPrincipalId", message).about("ids")
    })?;
    Ok(door.app.account_of(caller, id).map(shown))
}

fn found(account: Option<Account>) -> Json<Found> {
    let value = account.map(shown).into_iter().collect();
    Json(Found { value })
}

fn shown(account: Account) -> DirectoryObject {
    DirectoryObject {
        id: account.id.to_string(),
        display_name: account.name,
        kind: match account.kind {
            AccountKind::User(name) => Kind::User {
                user_principal_name: name.to_string(),
            },
            AccountKind::ServicePrincipal(application) => Kind::ServicePrincipal {
                app_id: application.to_string(),
                service_principal_names: [application.to_string()],
            },
            AccountKind::Group => Kind::Group,
        },
    }
}

/// The value that `$filter` looks for. There has to be one: nobody is listed here.
fn wanted(
    query: &Query,
    expected: &str,
    read: impl FnOnce(&str) -> Option<String>,
) -> Result<String, Failure> {
    let filter = query.text("$filter")?.unwrap_or_default();
    read(filter.trim()).ok_or_else(|| {
        let message = format!(
            "The $filter '{}' cannot be answered. Expected {expected}: accounts are found one by one here, and GET \
             /api/v1/directories/{{directoryId}}/users and …/applications list them for whoever manages a directory.",
            excerpt(filter)
        );
        Failure::invalid("InvalidFilterInQueryString", message).about("$filter")
    })
}

/// The value of `name eq 'value'`.
fn equals(filter: &str, name: &str) -> Option<String> {
    let rest = filter.strip_prefix(name)?.trim_start().strip_prefix("eq")?;
    let (value, rest) = quoted(rest)?;
    rest.is_empty().then(|| value.into_owned())
}

/// The value of `name/any(c:c eq 'value')`.
fn any_equals(filter: &str, name: &str) -> Option<String> {
    let inside = filter
        .strip_prefix(name)?
        .strip_prefix("/any(")?
        .strip_suffix(')')?;
    let (variable, condition) = inside.split_once(':')?;
    equals(condition.trim(), variable.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_look_for_is_understood_and_nothing_else() {
        let user = |filter: &str| equals(filter, "userPrincipalName");
        assert_eq!(
            user("userPrincipalName eq 'o''neil@contoso.example'").as_deref(),
            Some("o'neil@contoso.example")
        );
        let program = |filter: &str| any_equals(filter, "servicePrincipalNames");
        for filter in [
            "servicePrincipalNames/any(c:c eq 'x')",
            "servicePrincipalNames/any(name: name eq 'x')",
        ] {
            assert_eq!(program(filter).as_deref(), Some("x"), "{filter}");
        }
        for filter in [
            "",
            "userPrincipalName",
            "userPrincipalName eq x",
            "userPrincipalName ne 'x'",
            "userPrincipalName eq 'x' or userPrincipalName eq 'y'",
            "servicePrincipalNames/any(c:d eq 'x')",
            "servicePrincipalNames/any(c:c eq 'x'",
            "servicePrincipalNames/all(c:c eq 'x')",
            "startswith(displayName,'x')",
        ] {
            assert_eq!((user(filter), program(filter)), (None, None), "{filter}");
        }
    }
}

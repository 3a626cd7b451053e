//! What is said of Microsoft Graph: finding the accounts that roles are given to.

use serde::{Deserialize, Serialize};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The objects, in no particular order.
    pub value: Vec<DirectoryObject>,
}

/// A user, a service principal or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryObject {
    /// Its id in the directory.
    pub id: String,
    /// Its name, for people.
    pub display_name: String,
    /// What it is, and what only such objects have.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@odata.type", rename_all_fields = "camelCase")]
pub enum Kind {
    /// A person.
    #[serde(rename = "#microsoft.graph.user")]
    User {
        /// The name that it signs in with.
        user_principal_name: String,
    },
    /// What an application acts as.
    #[serde(rename = "#microsoft.graph.servicePrincipal")]
    ServicePrincipal {
        /// The application.
        app_id: String,
        /// What it can be found by: the application's id.
        service_principal_names: [String; 1],
    },
    /// A group.
    #[serde(rename = "#microsoft.graph.group")]
    Group,
}

impl Kind {
    /// What `types` of [`GetByIds`] calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ServicePrincipal { .. } => "servicePrincipal",
            Self::Group => "group",
        }
    }
}

/// What is asked about several objects at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetByIds {
    /// Their ids.
    pub ids: Vec<String>,
    /// What they may be; without any, whatever they are. Kinds that do not exist here may be among them.
    #[serde(default)]
    pub types: Vec<String>,
}

impl GetByIds {
    /// Whether something of this kind is asked for.
    #[must_use]
    pub fn wants(&self, kind: &Kind) -> bool {
        let named = |name: &str| {
            name.eq_ignore_ascii_case(kind.name()) || name.eq_ignore_ascii_case("directoryObject")
        };
        self.types.is_empty() || self.types.iter().any(|name| named(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_look_as_clients_of_microsoft_graph_read_them() {
        let object = |kind| DirectoryObject {
            id: "7".to_owned(),
            display_name: "Anna".to_owned(),
            kind,
        };
        let found = Found {
            value: vec![
                object(Kind::User {
                    user_principal_name: "anna@contoso.example".to_owned(),
                }),
                object(Kind::ServicePrincipal {
                    app_id: "8".to_owned(),
                    service_principal_names: ["8".to_owned()],
                }),
                object(Kind::Group),
            ],
        };
        let written = serde_json::to_value(&found).unwrap();
        assert_eq!(serde_json::from_value::<Found>(written.clone()).unwrap(), found);
        assert_eq!(
            written,
            json!({ "value": [
                { "@odata.type": "#microsoft.graph.user", "id": "7", "displayName": "Anna",
                  "userPrincipalName": "anna@contoso.example" },
                { "@odata.type": "#microsoft.graph.servicePrincipal", "id": "7", "displayName": "Anna",
                  "appId": "8", "servicePrincipalNames": ["8"] },
                { "@odata.type": "#microsoft.graph.group", "id": "7", "displayName": "Anna" },
            ] })
        );
    }

    #[test]
    fn what_is_asked_for_by_type_is_all_that_is_wanted() {
        let wanted = |types: &[&str]| {
            let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
            GetByIds {
                ids: Vec::new(),
                types,
            }
            .wants(&Kind::Group)
        };
        assert!(wanted(&[]) && wanted(&["User", "Group"]) && wanted(&["directoryObject"]));
        assert!(!wanted(&["user", "directoryObjectPartnerReference"]));
    }
}

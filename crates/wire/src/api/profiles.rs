//! What paper says of those who sell and buy.

use domain::books::ProfileVersion;
use domain::profile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, member};

/// What is to stand on bills for whoever sells or buys, all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetProfile {
    /// The name that it does business under.
    pub legal_name: String,
    /// Its address, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    /// The number that it is taxed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// How numbers and dates are written on what it sells: `neutral` if it is not given, `en-US`, `en-GB`, `de-DE`,
    /// `de-AT`, `de-CH`, `fr-FR`, `nl-NL`, `es-ES`, `it-IT` or `ja-JP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

impl SetProfile {
    /// The profile. Whether paper can show it is for the books to say.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self) -> Result<profile::Profile, InvalidMember> {
        let locale = self.locale.map(|locale| member("locale", &locale)).transpose()?;
        Ok(profile::Profile {
            legal_name: self.legal_name,
            address: self.address,
            tax_number: self.tax_number,
            locale: locale.unwrap_or_default(),
        })
    }
}

/// What stands on bills for whoever sells or buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The name that it does business under.
    pub legal_name: String,
    /// Its address, line by line.
    pub address: Vec<String>,
    /// The number that it is taxed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// How numbers and dates are written on what it sells.
    pub locale: String,
    /// When it was set.
    pub set_at: String,
    /// Who set it.
    pub set_by: String,
}

impl From<&ProfileVersion> for Profile {
    fn from(version: &ProfileVersion) -> Self {
        let profile = version.profile.clone();
        Self {
            legal_name: profile.legal_name,
            address: profile.address,
            tax_number: profile.tax_number,
            locale: profile.locale.to_string(),
            set_at: version.recorded.at.to_string(),
            set_by: version.recorded.by.to_string(),
        }
    }
}

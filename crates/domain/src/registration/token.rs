//! What a stack says of itself: the rules of the registration token.
//!
//! A token is made on the stack by whoever operates it and is unsigned, so nothing of it is taken on trust: every
//! claim is read here. Its encoding is no matter of this module.

use std::collections::BTreeMap;

use super::{BillingModel, HardwareNode, RefusalKind, RegistrationToken};

/// The most bytes a text in a token may have.
pub const CLAIM_BYTES_MAX: usize = 256;
/// The most items a list in a token may have: regions, machines, kinds of parts of a machine, parts of a kind.
pub const CLAIM_ITEMS_MAX: usize = 256;

/// The claims of a token as they were decoded, none of them judged yet. A blank text counts as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// `billingModel`.
    pub billing_model: Option<String>,
    /// `cloudId`.
    pub cloud_id: Option<String>,
    /// `objectId`.
    pub object_id: Option<String>,
    /// `marketplaceSyndicationEnabled`.
    pub marketplace_syndication_enabled: Option<bool>,
    /// `usageReportingEnabled`.
    pub usage_reporting_enabled: Option<bool>,
    /// `agreementNumber`.
    pub agreement_number: Option<String>,
    /// `msAssetTag`.
    pub ms_asset_tag: Option<String>,
    /// `regionNames`; empty when there are none.
    pub region_names: Vec<String>,
    /// `hardwareInfo`; empty when there is none.
    pub hardware_info: Vec<HardwareClaims>,
    /// `issuer`.
    pub issuer: Option<String>,
    /// `version`.
    pub version: Option<String>,
}

/// The claims about one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HardwareClaims {
    /// `name`.
    pub name: Option<String>,
    /// `uuid`.
    pub uuid: Option<String>,
    /// `numCores`, whatever number it is.
    pub num_cores: Option<i64>,
    /// The other lists: `bios`, `nic`, `cpu`, `disk`, `memory`.
    pub parts: BTreeMap<String, Vec<String>>,
}

/// A token with which nothing can be registered. The texts name the claim and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// A claim that is needed is not there.
    #[error("The registration token has no {claim}: {because}. Make a new token that states it.")]
    Missing {
        /// The claim.
        claim: &'static str,
        /// Why it is needed.
        because: &'static str,
    },
    /// A claim is not what it should be.
    #[error("In the registration token, {claim} is '{given}'. Expected {expected}.")]
    Unreadable {
        /// The claim.
        claim: &'static str,
        /// What it says.
        given: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A text has too many bytes, or a list too many items.
    #[error(
        "In the registration token, {claim} is too large. At most {CLAIM_BYTES_MAX} bytes of text are taken, and \
             at most {CLAIM_ITEMS_MAX} items in a list."
    )]
    TooLarge {
        /// The claim.
        claim: &'static str,
    },
    /// Usage that pays for the stack would not be reported.
    #[error(
        "In the registration token, usageReportingEnabled is false and billingModel is PayAsYouUse. Paying by usage \
         needs the usage: make a token with usageReportingEnabled true, or with another billingModel."
    )]
    UsageReportingOff,
}

impl InvalidToken {
    /// The stable code of this refusal.
    pub const CODE: &'static str = "InvalidRegistrationToken";

    /// The claim that is wrong, as tokens spell it.
    #[must_use]
    pub const fn claim(&self) -> &'static str {
        match self {
            Self::Missing { claim, .. } | Self::Unreadable { claim, .. } | Self::TooLarge { claim } => claim,
            Self::UsageReportingOff => "usageReportingEnabled",
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }
}

impl RegistrationToken {
    /// Reads the claims of a token.
    ///
    /// Flags that are not there are on, except usage reporting under Capacity, which is off then. A token without a
    /// version has version 1.0 *(ours)*.
    ///
    /// Source: the cmdlet `New-RegistrationToken` and `RegisterWithAzure.psm1`.
    ///
    /// # Errors
    /// [`InvalidToken`] for the first claim that is wrong: stack and billing model first, then what the billing model
    /// asks for, then the rest.
    pub fn from_claims(claims: TokenClaims) -> Result<Self, InvalidToken> {
        let cloud_id = text("cloudId", claims.cloud_id)?.ok_or(InvalidToken::Missing {
            claim: "cloudId",
            because: "it says which stack is registered",
        })?;
        let cloud_id = guid("cloudId", cloud_id)?;
        let billing_model = billing_model(claims.billing_model)?;
        let agreement_number = text("agreementNumber", claims.agreement_number)?;
        let asset_tag = text("msAssetTag", claims.ms_asset_tag)?;
        let usage_reporting_enabled = claims
            .usage_reporting_enabled
            .unwrap_or(billing_model != BillingModel::Capacity);
        match billing_model {
            BillingModel::PayAsYouUse if !usage_reporting_enabled => {
                return Err(InvalidToken::UsageReportingOff);
            }
            BillingModel::Capacity if agreement_number.is_none() => {
                let because = "a stack with billingModel Capacity is paid for under an agreement";
                return Err(InvalidToken::Missing {
                    claim: "agreementNumber",
                    because,
                });
            }
            BillingModel::Custom if asset_tag.is_none() => {
                let because = "it tells which arrangement a stack with billingModel Custom is paid for by";
                return Err(InvalidToken::Missing {
                    claim: "msAssetTag",
                    because,
                });
            }
            _ => {}
        }
        Ok(Self {
            cloud_id,
            object_id: text("objectId", claims.object_id)?
                .map(|id| guid("objectId", id))
                .transpose()?,
            billing_model,
            marketplace_syndication_enabled: claims.marketplace_syndication_enabled.unwrap_or(true),
            usage_reporting_enabled,
            agreement_number,
            asset_tag,
            region_names: texts("regionNames", claims.region_names)?,
            hardware: limited("hardwareInfo", claims.hardware_info)?
                .into_iter()
                .map(hardware_node)
                .collect::<Result<_, _>>()?,
            issuer: text("issuer", claims.issuer)?.unwrap_or_default(),
            version: text("version", claims.version)?.unwrap_or_else(|| "1.0".into()),
        })
    }
}

fn billing_model(claim: Option<String>) -> Result<BillingModel, InvalidToken> {
    let claim = text("billingModel", claim)?.ok_or(InvalidToken::Missing {
        claim: "billingModel",
        because: "it says how the stack is paid for",
    })?;
    BillingModel::from_name(&claim).ok_or(InvalidToken::Unreadable {
        claim: "billingModel",
        given: claim,
        expected: "PayAsYouUse, Capacity, Development, Custom or Ruggedized",
    })
}

fn hardware_node(claims: HardwareClaims) -> Result<HardwareNode, InvalidToken> {
    if claims.parts.len() > CLAIM_ITEMS_MAX {
        return Err(InvalidToken::TooLarge {
            claim: "hardwareInfo",
        });
    }
    let mut parts = BTreeMap::new();
    for (kind, fingerprints) in claims.parts {
        let kind = text("hardwareInfo", Some(kind))?.unwrap_or_default();
        parts.insert(kind, texts("hardwareInfo", fingerprints)?);
    }
    Ok(HardwareNode {
        name: text("hardwareInfo.name", claims.name)?.unwrap_or_default(),
        uuid: text("hardwareInfo.uuid", claims.uuid)?.unwrap_or_default(),
        cores: claims.num_cores.unwrap_or(0),
        parts,
    })
}

fn guid<Id: std::str::FromStr>(claim: &'static str, given: String) -> Result<Id, InvalidToken> {
    let expected = "a GUID such as 5bf881b2-6be7-42a1-9f47-d6fcb6737747";
    given.parse().map_err(|_| InvalidToken::Unreadable {
        claim,
        given,
        expected,
    })
}

/// The text of a claim without the blanks around it; nothing when nothing is left.
fn text(claim: &'static str, given: Option<String>) -> Result<Option<String>, InvalidToken> {
    let given = given.unwrap_or_default();
    match given.trim() {
        "" => Ok(None),
        long if long.len() > CLAIM_BYTES_MAX => Err(InvalidToken::TooLarge { claim }),
        trimmed if trimmed.len() == given.len() => Ok(Some(given)),
        trimmed => Ok(Some(trimmed.to_owned())),
    }
}

fn texts(claim: &'static str, given: Vec<String>) -> Result<Vec<String>, InvalidToken> {
    limited(claim, given)?
        .into_iter()
        .filter_map(|item| text(claim, Some(item)).transpose())
        .collect()
}

fn limited<T>(claim: &'static str, given: Vec<T>) -> Result<Vec<T>, InvalidToken> {
    if given.len() > CLAIM_ITEMS_MAX {
        Err(InvalidToken::TooLarge { claim })
    } else {
        Ok(given)
    }
}

#[cfg(test)]
mod tests;

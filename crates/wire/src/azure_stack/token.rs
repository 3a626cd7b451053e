//! The registration token: plain base64 of JSON in UTF-8, made on the stack. It is not signed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::registration::RegistrationToken;
use domain::registration::token::{HardwareClaims, TokenClaims};
use serde_json::{Map, Value, json};

/// The most characters a token may have: it lists the hardware of every node.
pub const TOKEN_CHARACTERS_MAX: usize = 1024 * 1024;

/// Written with padding, read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A text that is no registration token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndecodableToken {
    /// Longer than any token.
    #[error("expected a registration token of at most {TOKEN_CHARACTERS_MAX} characters")]
    TooLong,
    /// Not base64.
    #[error("expected a registration token: base64 as New-RegistrationToken writes it; this is not base64")]
    NotBase64,
    /// Base64 of something else.
    #[error(
        "expected a registration token: base64 of a JSON object in UTF-8; this is base64 of something else"
    )]
    NotJson,
    /// A member that is not what it should be.
    #[error("expected '{0}' in the registration token to be {1}")]
    WrongType(&'static str, &'static str),
}

/// Reads the claims of a token. Its members are matched without regard to case: the stack's own tools do not agree
/// on it.
///
/// # Errors
/// [`UndecodableToken`]. Whether the claims make sense is for [`RegistrationToken::from_claims`] to say.
pub fn decode_registration_token(text: &str) -> Result<TokenClaims, UndecodableToken> {
    if text.len() > TOKEN_CHARACTERS_MAX {
        return Err(UndecodableToken::TooLong);
    }
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(text).map_err(|_| UndecodableToken::NotBase64)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        return Err(UndecodableToken::NotJson);
    };
    let claims = Claims(folded(members));
    let hardware = claims.list("hardwareInfo")?.into_iter().map(hardware);
    Ok(TokenClaims {
        billing_model: claims.text("billingModel")?,
        cloud_id: claims.text("cloudId")?,
        object_id: claims.text("objectId")?,
        marketplace_syndication_enabled: claims.flag("marketplaceSyndicationEnabled")?,
        usage_reporting_enabled: claims.flag("usageReportingEnabled")?,
        agreement_number: claims.text("agreementNumber")?,
        ms_asset_tag: claims.text("msAssetTag")?,
        region_names: texts("regionNames", claims.list("regionNames")?)?,
        hardware_info: hardware.collect::<Result<_, _>>()?,
        issuer: claims.text("issuer")?,
        version: claims.text("version")?,
    })
}

struct Claims(Map<String, Value>);

fn folded(members: Map<String, Value>) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

impl Claims {
    fn get(&self, name: &'static str) -> Option<&Value> {
        self.0
            .get(&name.to_ascii_lowercase())
            .filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, UndecodableToken> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.get(name)
            .map(|it| text(it).ok_or(UndecodableToken::WrongType(name, "a text")))
            .transpose()
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, UndecodableToken> {
        let flag = |value: &Value| {
            value
                .as_bool()
                .ok_or(UndecodableToken::WrongType(name, "true or false"))
        };
        self.get(name).map(flag).transpose()
    }

    fn list(&self, name: &'static str) -> Result<Vec<Value>, UndecodableToken> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.clone()),
            Some(_) => Err(UndecodableToken::WrongType(name, "a list")),
        }
    }
}

fn texts(name: &'static str, values: Vec<Value>) -> Result<Vec<String>, UndecodableToken> {
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        _ => Err(UndecodableToken::WrongType(name, "a list of texts")),
    };
    values.into_iter().map(text).collect()
}

fn hardware(node: Value) -> Result<HardwareClaims, UndecodableToken> {
    const NAME: &str = "hardwareInfo";
    let Value::Object(members) = node else {
        return Err(UndecodableToken::WrongType(NAME, "a list of objects"));
    };
    let node = Claims(folded(members));
    let mut parts = BTreeMap::new();
    for (name, value) in &node.0 {
        if let Value::Array(fingerprints) = value {
            parts.insert(name.clone(), texts(NAME, fingerprints.clone())?);
        }
    }
    Ok(HardwareClaims {
        name: node.text("name")?,
        uuid: node.text("uuid")?,
        num_cores: node.get("numCores").and_then(Value::as_i64),
        parts,
    })
}

/// Writes a token, as a stack would.
#[must_use]
pub fn encode_registration_token(token: &RegistrationToken) -> String {
    let hardware: Vec<Value> = token
        .hardware
        .iter()
        .map(|node| {
            let mut members = json!({ "name": node.name, "uuid": node.uuid, "numCores": node.cores });
            if let Value::Object(members) = &mut members {
                members.extend(
                    node.parts
                        .iter()
                        .map(|(kind, fingerprints)| (kind.clone(), json!(fingerprints))),
                );
            }
            members
        })
        .collect();
    let claims = json!({
        "billingModel": token.billing_model.as_str(),
        "cloudId": token.cloud_id.to_string(),
        "objectId": token.object_id.map(|id| id.to_string()),
        "marketplaceSyndicationEnabled": token.marketplace_syndication_enabled,
        "usageReportingEnabled": token.usage_reporting_enabled,
        "agreementNumber": token.agreement_number,
        "msAssetTag": token.asset_tag,
        "regionNames": token.region_names,
        "hardwareInfo": hardware,
        "issuer": token.issuer,
        "version": token.version,
    });
    BASE64.encode(claims.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::registration::BillingModel;

    const CLAIMS: &str = r#"{"BillingModel":"PayAsYouUse","CloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747",
        "objectId":"2dbdd5f4-daf3-442a-be35-b71c3debee5a","MarketplaceSyndicationEnabled":true,
        "hardwareInfo":[{"numCores":24,"Bios":["a"],"nic":["b","c"],"name":"node-1","uuid":"u","Memory":[]}],
        "regionNames":["north"],"issuer":"someone","version":"1.0","agreementNumber":null,"future":{"x":1}}"#;

    #[test]
    fn a_token_is_read_whatever_the_case_of_its_members() {
        for text in [
            BASE64.encode(CLAIMS),
            BASE64.encode(CLAIMS).trim_end_matches('=').to_owned(),
            format!(" {}\r\n", BASE64.encode(format!("\u{feff}{CLAIMS}"))),
        ] {
            let claims = decode_registration_token(&text).unwrap();
            assert_eq!(claims.hardware_info[0].num_cores, Some(24));
            assert_eq!(claims.hardware_info[0].parts["nic"], ["b", "c"]);
            let token = RegistrationToken::from_claims(claims).unwrap();
            assert_eq!(token.billing_model, BillingModel::PayAsYouUse);
            assert_eq!(token.region_names, ["north"]);
            let again = decode_registration_token(&encode_registration_token(&token)).unwrap();
            assert_eq!(RegistrationToken::from_claims(again), Ok(token));
        }
    }

    #[test]
    fn anything_else_is_refused_and_says_what_it_is_not() {
        for (text, error) in [
            ("", UndecodableToken::NotJson),
            ("not base64!", UndecodableToken::NotBase64),
            (&BASE64.encode("[]"), UndecodableToken::NotJson),
            (&BASE64.encode("{"), UndecodableToken::NotJson),
            (&BASE64.encode([0xff, 0xfe]), UndecodableToken::NotJson),
            (
                &BASE64.encode(r#"{"cloudId":1}"#),
                UndecodableToken::WrongType("cloudId", "a text"),
            ),
            (
                &BASE64.encode(r#"{"hardwareInfo":{}}"#),
                UndecodableToken::WrongType("hardwareInfo", "a list"),
            ),
            (&"A".repeat(TOKEN_CHARACTERS_MAX + 1), UndecodableToken::TooLong),
        ] {
            assert_eq!(decode_registration_token(text), Err(error));
        }
    }
}

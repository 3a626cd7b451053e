//! Issuers of tokens elsewhere (Entra ID, AD FS, Keycloak, any OpenID provider) that the operator trusts.
//!
//! Nothing is found out by looking at a token: an issuer, its audiences, the ways in which it signs, and the claims that
//! say who somebody is are configured. Only its keys are fetched.
//!
//! An issuer speaks for the directories that it was given, and no two speak for the same one. Whoever it describes is known
//! here under an id that follows from the directory and the id there ([`id_here`]), so no issuer can name somebody of
//! another one, or of this server, to whom roles were given.

mod key_set;
mod kind;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use app::identity::ExternalIdentity;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use domain::authorization::PrincipalKind;
use domain::ids::{ObjectId, TenantId};
use domain::time::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use self::key_set::KeySet;
pub(crate) use self::key_set::KeysHealth;
use super::jwt::{Bad, Jwt, OneOrMany, Times};

/// An issuer elsewhere that is trusted to say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalIssuer {
    /// Its name, exactly as its tokens have it in `iss`. What it publishes is found below this URL.
    pub issuer: String,
    /// The audiences whose tokens are accepted: each is one that was agreed with this issuer.
    pub audiences: Vec<String>,
    /// In which ways it signs.
    #[serde(default = "rs256")]
    pub algorithms: Vec<SigningAlgorithm>,
    /// The directories that it may speak for. Where its tokens name none, they are about the only one.
    #[serde(deserialize_with = "tenants")]
    pub tenant_ids: Vec<TenantId>,
    /// Which claims say who somebody is.
    #[serde(default)]
    pub claims: ClaimNames,
    /// Certificates (PEM) to trust when its keys are fetched, beside those of the operating system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl ExternalIssuer {
    /// Reads a list of issuers from JSON text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read_list(json: &str) -> Result<Vec<Self>, ExternalIssuerError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let issuers: Vec<Self> = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| ExternalIssuerError::Unreadable(error.to_string()))?;
        Self::check_all(&issuers)?;
        Ok(issuers)
    }

    /// Refuses a list of which one cannot be used, or two speak for the same directory.
    fn check_all(issuers: &[Self]) -> Result<(), ExternalIssuerError> {
        let mut speakers = BTreeMap::new();
        for issuer in issuers {
            issuer.check()?;
            for tenant in &issuer.tenant_ids {
                if let Some(other) = speakers.insert(tenant, &issuer.issuer) {
                    return Err(ExternalIssuerError::SharedTenant {
                        tenant: *tenant,
                        issuers: [other.clone(), issuer.issuer.clone()],
                    });
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ExternalIssuerError> {
        let refuse = |why| {
            Err(ExternalIssuerError::Useless {
                issuer: self.issuer.clone(),
                why,
            })
        };
        if !self.issuer.starts_with("https://") {
            return refuse("its name does not begin with https://, so its keys could be forged on their way");
        }
        if self.audiences.is_empty() {
            return refuse(
                "no audience is agreed with it, so a token that was made for others would be accepted",
            );
        }
        if self.tenant_ids.is_empty() {
            return refuse(
                "tenantIds names no directory that it may speak for, so no token would be accepted",
            );
        }
        if self.algorithms.is_empty() {
            return refuse("no algorithm is accepted of it, so no token would be");
        }
        Ok(())
    }
}

/// Why a list of issuers is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalIssuerError {
    /// It is no list of issuers.
    #[error("the list of issuers cannot be read: {0}")]
    Unreadable(String),
    /// An issuer could not be used.
    #[error("the issuer '{issuer}' cannot be used: {why}")]
    Useless {
        /// The issuer.
        issuer: String,
        /// Why not.
        why: &'static str,
    },
    /// Two would speak for the same directory, and each could name the other's people.
    #[error(
        "tenantIds has the directory {tenant} twice, of the issuers '{}' and '{}'. Expected one issuer for each directory",
        .issuers[0], .issuers[1]
    )]
    SharedTenant {
        /// The directory.
        tenant: TenantId,
        /// Both, in the order in which they are listed.
        issuers: [String; 2],
    },
    /// Its keys cannot be fetched.
    #[error("the keys of the issuer '{issuer}' cannot be fetched: {why}")]
    Client {
        /// The issuer.
        issuer: String,
        /// Why not.
        why: String,
    },
}

/// Names of claims.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClaimNames {
    /// The directory: a GUID.
    pub tenant: String,
    /// The user or service principal: a GUID.
    pub object: String,
    /// The application that acts: a GUID; where it is something else, none is known.
    pub application: String,
    /// What people call them.
    pub name: String,
    /// The groups that they are in: GUIDs.
    pub groups: String,
}

impl Default for ClaimNames {
    /// As Entra ID has them.
    fn default() -> Self {
        Self {
            tenant: "tid".to_owned(),
            object: "oid".to_owned(),
            application: "appid".to_owned(),
            name: "upn".to_owned(),
            groups: "groups".to_owned(),
        }
    }
}

/// A way of signing with a key whose public half can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SigningAlgorithm {
    /// RSA with PKCS #1 padding and SHA-256.
    Rs256,
    /// RSA with PKCS #1 padding and SHA-384.
    Rs384,
    /// RSA with PKCS #1 padding and SHA-512.
    Rs512,
    /// RSA with PSS padding and SHA-256.
    Ps256,
    /// RSA with PSS padding and SHA-384.
    Ps384,
    /// RSA with PSS padding and SHA-512.
    Ps512,
    /// The curve P-256 and SHA-256.
    Es256,
    /// The curve P-384 and SHA-384.
    Es384,
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::RS256,
            SigningAlgorithm::Rs384 => Self::RS384,
            SigningAlgorithm::Rs512 => Self::RS512,
            SigningAlgorithm::Ps256 => Self::PS256,
            SigningAlgorithm::Ps384 => Self::PS384,
            SigningAlgorithm::Ps512 => Self::PS512,
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::Es384 => Self::ES384,
        }
    }
}

fn rs256() -> Vec<SigningAlgorithm> {
    vec![SigningAlgorithm::Rs256]
}

fn tenants<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<TenantId>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let tenants = texts.iter().map(|text| text.parse());
    tenants
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

/// The id under which somebody, or a group, of a directory elsewhere is known here: the version 5 UUID (RFC 9562) of its id
/// there, written in lower case with dashes, in the name space of the directory's id.
fn id_here(tenant: TenantId, there: ObjectId) -> ObjectId {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(tenant.as_bytes());
    digest.update(there.to_string().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finish().as_ref()[..16]);
    let uuid: Uuid = uuid::Builder::from_sha1_bytes(bytes).into_uuid();
    ObjectId::from_uuid(uuid)
}

/// All issuers elsewhere that are trusted.
pub(super) struct ExternalIssuers(Vec<Trusted>);

struct Trusted {
    configured: ExternalIssuer,
    algorithms: Vec<Algorithm>,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: OneOrMany,
    #[serde(flatten)]
    times: Times,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl fmt::Debug for ExternalIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|trusted| &trusted.configured))
            .finish()
    }
}

impl ExternalIssuers {
    pub(super) fn new(configured: &[ExternalIssuer]) -> Result<Self, ExternalIssuerError> {
        ExternalIssuer::check_all(configured)?;
        let trusted = configured.iter().map(|issuer| {
            let keys = KeySet::new(&issuer.issuer, issuer.ca_file.as_deref()).map_err(|why| {
                ExternalIssuerError::Client {
                    issuer: issuer.issuer.clone(),
                    why,
                }
            })?;
            Ok(Trusted {
                configured: issuer.clone(),
                algorithms: issuer.algorithms.iter().copied().map(Algorithm::from).collect(),
                keys,
            })
        });
        trusted.collect::<Result<_, _>>().map(Self)
    }

    /// How it goes with the keys of each, by the issuer's name.
    pub(super) fn health(&self) -> impl Iterator<Item = (&str, KeysHealth)> {
        let all = self.0.iter();
        all.map(|trusted| (trusted.configured.issuer.as_str(), trusted.keys.health()))
    }

    /// Who a token of one of these issuers is for.
    pub(super) async fn verify(
        &self,
        token: &Jwt<'_>,
        now: Timestamp,
    ) -> Result<ExternalIdentity, NotProven> {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let Named { iss } = token.believe()?;
        let trusted = self.0.iter().find(|trusted| trusted.configured.issuer == iss);
        trusted.ok_or(Bad::Issuer)?.verify(token, now).await
    }
}

/// Why it is not known who a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotProven {
    Bad(Bad),
    /// The issuer's keys cannot be fetched, and none are known yet.
    KeysUnavailable,
}

impl From<Bad> for NotProven {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl Trusted {
    async fn verify(&self, token: &Jwt<'_>, now: Timestamp) -> Result<ExternalIdentity, NotProven> {
        // Before anything is fetched: a token that would be refused anyway shall cost the issuer nothing.
        let algorithm = token.algorithm(&self.algorithms)?;
        let id = token.header.kid.as_deref().ok_or(Bad::UnknownKey)?;
        let key = self.keys.find(id, now).await?;
        if !key.is_for(algorithm) {
            return Err(Bad::Algorithm.into());
        }
        let claims: Claims = token.verify(key.decoding(), &[algorithm])?;
        if !kind::is_access_token(token.header.typ.as_deref(), &claims.others) {
            return Err(Bad::Kind.into());
        }
        claims.times.check(now)?;
        let meant = |audience: &String| claims.aud.as_slice().contains(audience);
        if !self.configured.audiences.iter().any(meant) {
            return Err(Bad::Audience.into());
        }
        Ok(self.describe(&claims.others)?)
    }

    /// The directory that claims name, or the only one where they name none.
    fn tenant(&self, claims: &Map<String, Value>) -> Result<TenantId, Bad> {
        let spoken_for = &self.configured.tenant_ids;
        let named = claims
            .get(&self.configured.claims.tenant)
            .filter(|value| !value.is_null());
        let Some(named) = named else {
            return match spoken_for[..] {
                [only] => Ok(only),
                _ => Err(Bad::Claims),
            };
        };
        let tenant = named.as_str().and_then(|text| text.parse().ok());
        let tenant = tenant.ok_or(Bad::Claims)?;
        if spoken_for.contains(&tenant) {
            Ok(tenant)
        } else {
            Err(Bad::Tenant)
        }
    }

    fn describe(&self, claims: &Map<String, Value>) -> Result<ExternalIdentity, Bad> {
        let names = &self.configured.claims;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let tenant = self.tenant(claims)?;
        let there = text(&names.object).and_then(|text| text.parse().ok());
        let there: ObjectId = there.ok_or(Bad::Claims)?;
        let groups = claims.get(&names.groups).and_then(Value::as_array);
        let groups = groups.into_iter().flatten().filter_map(Value::as_str);
        let groups = groups.filter_map(|group| group.parse().ok());
        Ok(ExternalIdentity {
            id: id_here(tenant, there),
            kind: if text("idtyp") == Some("app") {
                PrincipalKind::ServicePrincipal
            } else {
                PrincipalKind::User
            },
            tenant,
            application: text(&names.application).and_then(|text| text.parse().ok()),
            name: text(&names.name).map_or_else(|| there.to_string(), str::to_owned),
            groups: groups.map(|group| id_here(tenant, group)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "d0000000-0000-4000-8000-0000000000ee";

    #[test]
    fn an_issuer_needs_little_to_be_configured_and_is_not_trusted_blindly() {
        let listed = |members: &str| format!(r#"[{{"tenantIds":["{TENANT}"],{members}}}]"#);
        let list = listed(r#""issuer":"https://login.example/t/v2.0","audiences":["api://bills"]"#);
        let issuers = ExternalIssuer::read_list(&list).unwrap();
        assert_eq!(issuers[0].algorithms, [SigningAlgorithm::Rs256]);
        assert_eq!(issuers[0].claims.object, "oid");
        let plain = r#""issuer":"https://x","audiences":["a"]"#;
        for (list, part) in [
            ("{}".to_owned(), "expected a sequence"),
            (listed(r#""issuer":"https://x""#), "audiences"),
            (listed(r#""issuer":"http://x","audiences":["a"]"#), "https://"),
            (listed(r#""issuer":"https://x","audiences":[]"#), "no audience"),
            (listed(&format!(r#"{plain},"algorithms":[]"#)), "no algorithm"),
            (listed(&format!(r#"{plain},"algorithms":["HS256"]"#)), "HS256"),
            (listed(&format!(r#"{plain},"algorithms":["none"]"#)), "none"),
            (listed(&format!(r#"{plain},"issuers":1"#)), "issuers"),
            (format!("[{{{plain}}}]"), "tenantIds"),
            (format!(r#"[{{{plain},"tenantIds":[]}}]"#), "no directory"),
            (format!(r#"[{{{plain},"tenantIds":["x"]}}]"#), "GUID"),
        ] {
            let error = ExternalIssuer::read_list(&list).unwrap_err().to_string();
            assert!(error.contains(part), "{list}: {error}");
        }
    }

    #[test]
    fn two_issuers_never_speak_for_the_same_directory() {
        let one = |name: &str, tenant: &str| {
            format!(r#"{{"issuer":"https://{name}","audiences":["a"],"tenantIds":["{tenant}"]}}"#)
        };
        let other = "d0000000-0000-4000-8000-0000000000ef";
        let list = format!("[{},{}]", one("a", TENANT), one("b", other));
        assert_eq!(ExternalIssuer::read_list(&list).unwrap().len(), 2);
        let list = format!("[{},{}]", one("a", TENANT), one("b", &TENANT.to_uppercase()));
        let error = ExternalIssuer::read_list(&list).unwrap_err().to_string();
        for part in [TENANT, "https://a", "https://b"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_id_of_somebody_elsewhere_is_what_any_tool_for_version_5_makes_of_it() {
        // uuidgen --sha1 --namespace d0000000-0000-4000-8000-0000000000ee --name 71b6f2d8-0a9c-4e35-b7d4-2c8e5f1a3096
        let there = "71b6f2d8-0a9c-4e35-b7d4-2c8e5f1a3096".parse().unwrap();
        let here = id_here(TENANT.parse().unwrap(), there);
        assert_eq!(here.to_string(), "1237f616-774a-5a7f-bad1-e5106f1b08ac");
    }
}

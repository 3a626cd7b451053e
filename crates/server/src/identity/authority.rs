//! Under which address somebody signs in, and whose tokens they get there.
//!
//! One server speaks in two shapes. `/adfs/…` is that of Active Directory Federation Services, which clients use without
//! asking anybody whether the authority is genuine; it names no directory. `/{directory}/…` is that of Entra ID, where
//! `organizations` and `common` leave the directory open.

use axum::http::Uri;
use domain::ids::TenantId;

use crate::arm::path::{is_arm, with_path};

/// The first segment of the path under which somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    /// `adfs`.
    Federation,
    /// `organizations` or `common`: whichever directory the user or application is in.
    Any,
    /// One directory.
    Directory(TenantId),
}

/// Which of the two forms of the protocol is spoken: they differ in paths, and in the issuer that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Authority {
    /// The authority that a segment names; `directory` finds one by its domain or id.
    pub(super) fn read(segment: &str, directory: impl Fn(&str) -> Option<TenantId>) -> Option<Self> {
        match segment.to_ascii_lowercase().as_str() {
            "adfs" => Some(Self::Federation),
            "organizations" | "common" => Some(Self::Any),
            _ => directory(segment).map(Self::Directory),
        }
    }

    /// The directory that somebody has to be in to sign in here.
    pub(super) const fn directory(self) -> Option<TenantId> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::Federation | Self::Any => None,
        }
    }

    /// The issuer of tokens for somebody in this directory.
    pub(super) fn issuer(self, version: Version, base: &str, tenant: TenantId) -> String {
        match (self, version) {
            (Self::Federation, _) => format!("{base}/adfs"),
            (Self::Any | Self::Directory(_), Version::V1) => format!("{base}/{tenant}/"),
            (Self::Any | Self::Directory(_), Version::V2) => format!("{base}/{tenant}/v2.0"),
        }
    }
}

/// Whether a token of somebody in this directory can have been issued here under this name.
pub(super) fn is_own_issuer(issuer: &str, base: &str, tenant: TenantId) -> bool {
    [
        Authority::Federation.issuer(Version::V1, base, tenant),
        Authority::Directory(tenant).issuer(Version::V1, base, tenant),
        Authority::Directory(tenant).issuer(Version::V2, base, tenant),
    ]
    .iter()
    .any(|own| own == issuer)
}

/// What follows the first segment of every path under which somebody signs in.
const SECOND_SEGMENTS: [&str; 4] = ["oauth2", "v2.0", "discovery", ".well-known"];

/// The URI with a path under which somebody signs in spelt as in the route table; any other URI as it is. Clients spell
/// these in any case, and some double the slashes.
pub(crate) fn canonical(uri: Uri) -> Uri {
    match canonical_path(uri.path()) {
        Some(path) => with_path(uri, &path),
        None => uri,
    }
}

fn canonical_path(path: &str) -> Option<String> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let (first, second) = (segments.next()?, segments.next()?);
    let known = SECOND_SEGMENTS
        .iter()
        .any(|known| second.eq_ignore_ascii_case(known));
    if is_arm(path) || first.eq_ignore_ascii_case("api") {
        return None;
    }
    if !known && !first.eq_ignore_ascii_case("adfs") {
        return None;
    }
    let all = path.split('/').filter(|segment| !segment.is_empty());
    Some(
        all.flat_map(|segment| ["/", segment])
            .collect::<String>()
            .to_ascii_lowercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_sign_in_is_the_same_in_any_case() {
        for (sent, canonical) in [
            (
                "/ADFS/.well-known/OpenID-Configuration",
                "/adfs/.well-known/openid-configuration",
            ),
            ("//adfs//oauth2/Token/", "/adfs/oauth2/token"),
            (
                "/Contoso.Example/OAuth2/v2.0/token",
                "/contoso.example/oauth2/v2.0/token",
            ),
            (
                "/organizations/V2.0/.well-known/openid-configuration",
                "/organizations/v2.0/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(canonical_path(sent).as_deref(), Some(canonical), "{sent}");
        }
        for other in [
            "/",
            "/api/v1/partners",
            "/subscriptions/oauth2",
            "/api/discovery",
            "/healthz",
            "/x/y/oauth2",
        ] {
            assert_eq!(canonical_path(other), None, "{other}");
        }
    }

    #[test]
    fn an_issuer_is_our_own_only_with_the_directory_of_the_token() {
        let (one, other) = (TenantId::from_bytes([1; 16]), TenantId::from_bytes([2; 16]));
        let base = "https://bills.example";
        for authority in [Authority::Federation, Authority::Any, Authority::Directory(one)] {
            for version in [Version::V1, Version::V2] {
                let issuer = authority.issuer(version, base, one);
                assert!(is_own_issuer(&issuer, base, one), "{issuer}");
                let named = authority != Authority::Federation;
                assert_eq!(is_own_issuer(&issuer, base, other), !named, "{issuer}");
            }
        }
    }
}

//! Assertions: tokens that a client signs with the key of its certificate, to prove itself (RFC 7523).

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::Thumbprint;
use domain::ids::ApplicationId;
use domain::time::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::jwt::{BASE64, Bad, CLOCK_SKEW, Header, Jwt, NumericDate, OneOrMany, Times};

/// The one type of assertion that is known here.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The most bytes of an assertion. Some hold the certificate with its chain.
const ASSERTION_BYTES_MAX: usize = 32 * 1024;
/// How far in the future an assertion may expire. Azure's clients make theirs for ten minutes.
const ASSERTION_LIFETIME_MAX: Duration = Duration::from_secs(60 * 60);
/// The ways of signing that Azure's clients use.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::PS256];

/// An assertion in its parts; nothing is proven before [`Assertion::verify`].
pub(super) struct Assertion<'a> {
    jwt: Jwt<'a>,
    algorithm: Algorithm,
    /// Which certificate it says it is signed with.
    pub(super) certificate: Thumbprint,
    /// Who it says has signed it.
    pub(super) client: ApplicationId,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: OneOrMany,
    #[serde(default)]
    jti: String,
    #[serde(flatten)]
    times: Times,
}

/// What a verified assertion can be told from others by.
#[derive(Debug)]
pub(super) struct Verified {
    /// Its id.
    pub(super) id: String,
    /// For how long it could be presented again.
    pub(super) life: Duration,
}

impl<'a> Assertion<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Bad> {
        if text.len() > ASSERTION_BYTES_MAX {
            return Err(Bad::TooLong);
        }
        let jwt = Jwt::split(text)?;
        let claims: Claims = jwt.believe()?;
        if claims.iss != claims.sub {
            return Err(Bad::Claims);
        }
        Ok(Self {
            algorithm: jwt.algorithm(&ALGORITHMS)?,
            certificate: certificate(&jwt.header).ok_or(Bad::UnknownKey)?,
            client: claims.sub.parse().map_err(|_| Bad::Claims)?,
            jwt,
        })
    }

    /// Checks it against the public key of the certificate (the DER form of SubjectPublicKeyInfo).
    pub(super) fn verify(
        &self,
        public_key: &[u8],
        is_meant: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<Verified, Bad> {
        let way = match self.algorithm {
            Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
            _ => &RSA_PKCS1_2048_8192_SHA256,
        };
        let signature = BASE64.decode(self.jwt.signature).map_err(|_| Bad::Unreadable)?;
        UnparsedPublicKey::new(way, public_key)
            .verify(self.jwt.signed.as_bytes(), &signature)
            .map_err(|_| Bad::Signature)?;
        let claims: Claims = self.jwt.believe()?;
        claims.times.check(now)?;
        let NumericDate(expires) = claims.times.exp.ok_or(Bad::Expired)?;
        let left = expires.saturating_sub(now.as_second());
        if left > ASSERTION_LIFETIME_MAX.as_secs().cast_signed() {
            return Err(Bad::Expired);
        }
        if !claims.aud.as_slice().iter().any(|audience| is_meant(audience)) {
            return Err(Bad::Audience);
        }
        if claims.jti.is_empty() {
            return Err(Bad::Claims);
        }
        let left = Duration::from_secs(left.max(0).cast_unsigned());
        Ok(Verified {
            id: claims.jti,
            life: left.saturating_add(CLOCK_SKEW),
        })
    }
}

/// Which certificate is meant: by one of its digests, or by itself.
fn certificate(header: &Header) -> Option<Thumbprint> {
    if let Some(text) = &header.x5t_s256 {
        return Some(Thumbprint::Sha256(BASE64.decode(text).ok()?.try_into().ok()?));
    }
    if let Some(text) = &header.x5t {
        return Some(Thumbprint::Sha1(BASE64.decode(text).ok()?.try_into().ok()?));
    }
    let der = STANDARD.decode(header.x5c.as_ref()?.first()?).ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    Some(Thumbprint::Sha256(digest.as_ref().try_into().ok()?))
}

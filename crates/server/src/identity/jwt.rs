//! Reading signed tokens (JWT), whoever signed them: in their parts, within limits, with the algorithm that the key is
//! for, and at a time when they are good.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The most bytes of a token. Ours have less than two thousand; one with many groups or a chain of certificates has more.
pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// By how much the clock of whoever signed may differ from ours.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Base64 as in URLs; some write the padding and some do not.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Bad {
    #[error("it has more than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("it is no signed token: expected three parts of base64, joined by dots")]
    Unreadable,
    #[error("it is signed in a way that is not accepted of this issuer")]
    Algorithm,
    #[error("its key is not one of the issuer's")]
    UnknownKey,
    #[error("the key that signed it is not used here any more; sign in again")]
    RetiredKey,
    #[error("its signature is not the issuer's")]
    Signature,
    #[error("it has expired, or does not say when it will")]
    Expired,
    #[error("it is not good yet")]
    NotYetGood,
    #[error("it is for another audience")]
    Audience,
    #[error("its issuer is not trusted here")]
    Issuer,
    #[error("its issuer does not speak for the directory that it names")]
    Tenant,
    #[error("it is no access token")]
    Kind,
    #[error("its claims do not say who it is for")]
    Claims,
}

/// What a token says of itself before anything is believed.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    /// The SHA-1 digest of the certificate.
    pub(super) x5t: Option<String>,
    /// The SHA-256 digest of the certificate.
    #[serde(rename = "x5t#S256")]
    pub(super) x5t_s256: Option<String>,
    /// The certificate with its chain.
    pub(super) x5c: Option<Vec<String>>,
    /// Extensions that have to be understood: none is.
    crit: Option<serde_json::Value>,
}

/// A token in its parts. Nothing in it is to be believed before [`Jwt::verify`].
#[derive(Debug)]
pub(super) struct Jwt<'a> {
    pub(super) header: Header,
    /// What is signed: the first two parts.
    pub(super) signed: &'a str,
    claims: Vec<u8>,
    /// The signature, still as text.
    pub(super) signature: &'a str,
}

impl<'a> Jwt<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Bad> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Bad::TooLong);
        }
        Self::split(text)
    }

    /// The same for a text whose length is limited already.
    pub(super) fn split(text: &'a str) -> Result<Self, Bad> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Bad::Unreadable)?;
        let (header, claims) = signed.split_once('.').ok_or(Bad::Unreadable)?;
        if claims.contains('.') {
            return Err(Bad::Unreadable);
        }
        let header: Header = json(&bytes(header)?)?;
        if header.crit.is_some() {
            return Err(Bad::Algorithm);
        }
        Ok(Self {
            header,
            signed,
            claims: bytes(claims)?,
            signature,
        })
    }

    /// The algorithm that the token names, if it is one of those.
    pub(super) fn algorithm(&self, accepted: &[Algorithm]) -> Result<Algorithm, Bad> {
        let named = self.header.alg.parse().map_err(|_| Bad::Algorithm)?;
        if accepted.contains(&named) {
            Ok(named)
        } else {
            Err(Bad::Algorithm)
        }
    }

    /// The claims, once the signature is seen to be made with the key in one of the ways that the key is for.
    pub(super) fn verify<T: DeserializeOwned>(
        &self,
        key: &DecodingKey,
        accepted: &[Algorithm],
    ) -> Result<T, Bad> {
        let algorithm = self.algorithm(accepted)?;
        let good = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm);
        if good.unwrap_or(false) {
            self.believe()
        } else {
            Err(Bad::Signature)
        }
    }

    /// The claims as they are. For finding the issuer's keys, and after the signature was verified elsewhere.
    pub(super) fn believe<T: DeserializeOwned>(&self) -> Result<T, Bad> {
        json(&self.claims).map_err(|_| Bad::Claims)
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, Bad> {
    BASE64.decode(part).map_err(|_| Bad::Unreadable)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Bad> {
    serde_json::from_slice(bytes).map_err(|_| Bad::Unreadable)
}

/// When a token is good.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Times {
    pub(super) exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
}

impl Times {
    /// Whether it is good now, give or take [`CLOCK_SKEW`].
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Bad> {
        let (now, skew) = (now.as_second(), CLOCK_SKEW.as_secs().cast_signed());
        let NumericDate(expires) = self.exp.ok_or(Bad::Expired)?;
        if expires.saturating_add(skew) <= now {
            return Err(Bad::Expired);
        }
        match self.nbf {
            Some(NumericDate(from)) if from.saturating_sub(skew) > now => Err(Bad::NotYetGood),
            _ => Ok(()),
        }
    }

    /// Whether it would be good now if it had been given this long to live, whatever its end says. Whoever makes a token
    /// with a stolen key can write any end into it.
    pub(super) fn check_lifetime(&self, life: Duration, now: Timestamp) -> Result<(), Bad> {
        let (now, skew) = (now.as_second(), CLOCK_SKEW.as_secs().cast_signed());
        let NumericDate(made) = self.iat.ok_or(Bad::Expired)?;
        if made.saturating_sub(skew) > now {
            return Err(Bad::NotYetGood);
        }
        let ends = made.saturating_add(life.as_secs().cast_signed());
        if ends.saturating_add(skew) <= now {
            return Err(Bad::Expired);
        }
        Ok(())
    }
}

/// Seconds since 1970. Some clients send a fraction, which is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumericDate(pub(super) i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        // The whole part of the text as sent: no float is needed to leave out a fraction.
        let text = number.to_string();
        let whole = text.split(['.', 'e', 'E']).next().unwrap_or_default();
        let small_enough = !text.contains(['e', 'E']);
        let seconds = whole.parse().ok().filter(|_| small_enough);
        seconds
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected a number of seconds since 1970"))
    }
}

/// One text or several, as `aud` may be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", BASE64.encode(header), BASE64.encode(claims))
    }

    #[test]
    fn what_is_not_a_token_in_three_parts_and_of_bounded_size_is_not_looked_into() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert!(Jwt::parse(&good).is_ok());
        for (text, bad) in [
            (String::new(), Bad::Unreadable),
            ("a.b".to_owned(), Bad::Unreadable),
            (format!("{good}.x"), Bad::Unreadable),
            (token("{}", "{}"), Bad::Unreadable),
            (token("[", "{}"), Bad::Unreadable),
            (token(r#"{"alg":"RS256","crit":["x"]}"#, "{}"), Bad::Algorithm),
            (format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), Bad::TooLong),
        ] {
            assert_eq!(Jwt::parse(&text).err(), Some(bad), "{text:.40}");
        }
    }

    #[test]
    fn only_the_ways_of_signing_that_a_key_is_for_are_accepted() {
        for (named, good) in [
            ("RS256", true),
            ("RS384", false),
            ("HS256", false),
            ("none", false),
            ("", false),
        ] {
            let text = token(&format!(r#"{{"alg":"{named}"}}"#), "{}");
            let jwt = Jwt::parse(&text).unwrap();
            assert_eq!(jwt.algorithm(&[Algorithm::RS256]).is_ok(), good, "{named}");
        }
    }

    #[test]
    fn a_token_that_was_given_ten_years_is_good_for_no_longer_than_tokens_are() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let hour = Duration::from_secs(3600);
        for (claims, expected) in [
            (r#"{"iat":1000000,"exp":315360000}"#, Ok(())),
            (r#"{"iat":996341,"exp":315360000}"#, Ok(())),
            (r#"{"iat":996340,"exp":315360000}"#, Err(Bad::Expired)),
            (r#"{"iat":1000061,"exp":315360000}"#, Err(Bad::NotYetGood)),
            (r#"{"exp":1000001}"#, Err(Bad::Expired)),
        ] {
            let times: Times = serde_json::from_str(claims).unwrap();
            assert_eq!(times.check_lifetime(hour, now), expected, "{claims}");
        }
    }

    #[test]
    fn a_token_is_good_within_its_times_give_or_take_a_minute() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (claims, expected) in [
            (r#"{"exp":1000001}"#, Ok(())),
            (r#"{"exp":999941}"#, Ok(())),
            (r#"{"exp":999940}"#, Err(Bad::Expired)),
            (r#"{"exp":1000001.75,"nbf":1000060.2}"#, Ok(())),
            (r#"{"exp":1000900,"nbf":1000061}"#, Err(Bad::NotYetGood)),
            ("{}", Err(Bad::Expired)),
        ] {
            let times: Times = serde_json::from_str(claims).unwrap();
            assert_eq!(times.check(now), expected, "{claims}");
        }
        for claims in [
            r#"{"exp":"1000001"}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":99999999999999999999}"#,
        ] {
            assert!(serde_json::from_str::<Times>(claims).is_err(), "{claims}");
        }
    }
}

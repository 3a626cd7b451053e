//! Codes that a browser carries from the sign-in page to the program that asked (RFC 6749, section 4.1; RFC 7636).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId};
use domain::time::Timestamp;

use super::audiences::Asked;
use super::expiring::Expiring;
use super::jwt::BASE64;
use super::refusal::Refusal;

/// How long a code is good: as long as a browser needs to carry it.
const CODE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The most codes at once.
const CODES_MAX: usize = 16 * 1024;
const CODE_BYTES: usize = 32;

/// The codes that are out.
pub(super) struct Codes(Mutex<Expiring<[u8; 32], Code>>);

/// What a code stands for.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) client: ApplicationId,
    pub(super) redirect_uri: String,
    /// The digest of a secret that the program keeps: whoever only saw the code does not know it.
    pub(super) challenge: String,
    pub(super) user: ObjectId,
    pub(super) since: u64,
    pub(super) asked: Asked,
    pub(super) nonce: Option<String>,
}

impl Codes {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Expiring::new(CODES_MAX)))
    }

    /// A new code.
    pub(super) fn issue(&self, code: Code, now: Timestamp, random: &dyn Random) -> Result<String, Refusal> {
        let mut secret = [0; CODE_BYTES];
        random.fill(&mut secret);
        let text = BASE64.encode(secret);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes
            .insert(digest(&text), code, now, CODE_LIFETIME)
            .map_err(|_| Refusal::later("Too many people are signing in. Try again later.", 60))?;
        Ok(text)
    }

    /// What a code stands for, once, for the program that it was made for. Whoever presents it wrongly has used it up.
    pub(super) fn redeem(
        &self,
        text: &str,
        client: ApplicationId,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Code, Refusal> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let code = codes.take(&digest(text), now).ok_or_else(|| {
            let text = "The code is not known here, was used before, or its time is over. Sign in again.";
            Refusal::grant(70_008, text)
        })?;
        if code.client != client {
            return Err(Refusal::grant(
                70_000,
                "The code was given to another client. Sign in again.",
            ));
        }
        if code.redirect_uri != redirect_uri {
            let text = "The redirect_uri is not the one that the code was asked for with. Sign in again.";
            return Err(Refusal::grant(50_011, text));
        }
        if challenge_of(verifier) != code.challenge {
            let text =
                "The code_verifier is not the one whose digest the code was asked for with. Sign in again.";
            return Err(Refusal::grant(501_481, text));
        }
        Ok(code)
    }
}

/// The challenge of a verifier (RFC 7636, section 4.2, `S256`).
pub(super) fn challenge_of(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    BASE64.encode(digest.as_ref())
}

fn digest(code: &str) -> [u8; 32] {
    blake3::hash(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Random for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_code_is_good_once_for_whom_it_was_made_for() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let client = ApplicationId::from_bytes([1; 16]);
        let code = Code {
            client,
            redirect_uri: "http://localhost:8400".to_owned(),
            challenge: challenge_of("secret"),
            user: ObjectId::from_bytes([2; 16]),
            since: 3,
            asked: Asked {
                audience: "a".to_owned(),
                scope: "a/.default".to_owned(),
                openid: true,
            },
            nonce: None,
        };
        let codes = Codes::new();
        let other = ApplicationId::from_bytes([9; 16]);
        for (client, redirect_uri, verifier, second, good) in [
            (client, "http://localhost:8400", "secret", 299, true),
            (client, "http://localhost:8400", "secret", 300, false),
            (other, "http://localhost:8400", "secret", 1, false),
            (client, "http://localhost:8401", "secret", 1, false),
            (client, "http://localhost:8400", "Secret", 1, false),
        ] {
            let text = codes.issue(code.clone(), at(0), &Zero).unwrap();
            let redeemed = codes.redeem(&text, client, redirect_uri, verifier, at(second));
            assert_eq!(redeemed.is_ok(), good, "{redirect_uri} {verifier} {second}");
            assert!(
                codes
                    .redeem(&text, code.client, &code.redirect_uri, "secret", at(1))
                    .is_err()
            );
        }
    }
}

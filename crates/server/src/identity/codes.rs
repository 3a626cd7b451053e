//! Codes that a browser carries from the sign-in page to the program that asked (RFC 6749, section 4.1; RFC 7636).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId, SessionId};
use domain::time::Timestamp;

use super::audiences::Asked;
use super::expiring::Expiring;
use super::jwt::BASE64;
use super::refusal::Refusal;

/// How long a code is good: as long as a browser needs to carry it.
const CODE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The most codes at once.
const CODES_MAX: usize = 16 * 1024;
/// The most codes of one user at once: with more, its oldest one is good no more. *(ours)*
const CODES_PER_USER_MAX: usize = 32;
const CODE_BYTES: usize = 32;

/// The codes that are out, and those that were used, until their time is over.
pub(super) struct Codes(Mutex<Expiring<[u8; 32], Issued>>);

/// A code that was made.
struct Issued {
    user: ObjectId,
    at: Timestamp,
    state: State,
}

enum State {
    Out(Box<Code>),
    Used(Use),
}

/// What became of a code.
#[derive(Clone, Copy, Default)]
struct Use {
    /// The sign-in that was begun with it.
    session: Option<(ObjectId, SessionId)>,
    /// Somebody presented it once more: one of the two has it from the other.
    again: bool,
}

/// Why nothing is given for a code.
#[derive(Debug)]
pub(super) struct NotRedeemed {
    pub(super) refusal: Box<Refusal>,
    /// The sign-in that was begun with this code before, to be ended (RFC 6749, section 4.1.2).
    pub(super) ends: Option<(ObjectId, SessionId)>,
}

impl From<Refusal> for NotRedeemed {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal: Box::new(refusal),
            ends: None,
        }
    }
}

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

    /// A new code. Who asks for many loses the oldest ones, and takes the place of nobody else.
    pub(super) fn issue(&self, code: Code, now: Timestamp, random: &dyn Random) -> Result<String, Refusal> {
        let mut secret = [0; CODE_BYTES];
        random.fill(&mut secret);
        let text = BASE64.encode(secret);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut codes, code.user, now);
        let issued = Issued {
            user: code.user,
            at: now,
            state: State::Out(Box::new(code)),
        };
        codes
            .insert(digest(&text), issued, now, CODE_LIFETIME)
            .map_err(|_| Refusal::later("Too many people are signing in. Try again later.", 60))?;
        Ok(text)
    }

    /// What a code stands for, once, for the program that it was made for. Whoever presents it wrongly has used it up, and
    /// whoever presents it again ends what was begun with it.
    pub(super) fn redeem(
        &self,
        text: &str,
        client: ApplicationId,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Code, NotRedeemed> {
        let code = self.use_up(text, now)?;
        if code.client != client {
            let text = "The code was given to another client. Sign in again.";
            return Err(Refusal::grant(70_000, text).into());
        }
        if code.redirect_uri != redirect_uri {
            let text = "The redirect_uri is not the one that the code was asked for with. Sign in again.";
            return Err(Refusal::grant(50_011, text).into());
        }
        if challenge_of(verifier) != code.challenge {
            let text =
                "The code_verifier is not the one whose digest the code was asked for with. Sign in again.";
            return Err(Refusal::grant(501_481, text).into());
        }
        Ok(code)
    }

    fn use_up(&self, text: &str, now: Timestamp) -> Result<Code, NotRedeemed> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Issued { state, .. }) = codes.get_mut(&digest(text), now) else {
            return Err(unknown().into());
        };
        match std::mem::replace(state, State::Used(Use::default())) {
            State::Out(code) => Ok(*code),
            State::Used(before) => {
                *state = State::Used(Use {
                    again: true,
                    ..before
                });
                Err(NotRedeemed {
                    refusal: Box::new(unknown()),
                    ends: before.session,
                })
            }
        }
    }

    /// A sign-in was begun with a code. It is refused if the code was presented once more in the meantime.
    pub(super) fn begun(
        &self,
        text: &str,
        user: ObjectId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), NotRedeemed> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Some((user, session));
        match codes.get_mut(&digest(text), now).map(|it| &mut it.state) {
            Some(State::Used(used)) if used.again => Err(NotRedeemed {
                refusal: Box::new(unknown()),
                ends: session,
            }),
            Some(State::Used(used)) => {
                used.session = session;
                Ok(())
            }
            Some(State::Out(_)) | None => Ok(()),
        }
    }
}

/// Takes the oldest code from a user who has as many as anybody may have. Looking through all of them costs next to nothing
/// beside the password that is checked before each.
fn make_room(codes: &mut Expiring<[u8; 32], Issued>, user: ObjectId, now: Timestamp) {
    let own = codes.entries(now).filter(|(_, it)| it.user == user);
    let own: Vec<_> = own.map(|(key, it)| (it.at, *key)).collect();
    if own.len() >= CODES_PER_USER_MAX
        && let Some((_, oldest)) = own.into_iter().min()
    {
        codes.take(&oldest, now);
    }
}

fn unknown() -> Refusal {
    let text = "The code is not known here, was used before, or its time is over. Sign in again.";
    Refusal::grant(70_008, text)
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
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Each code is another one.
    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    const CLIENT: ApplicationId = ApplicationId::from_bytes([1; 16]);
    const USER: ObjectId = ObjectId::from_bytes([2; 16]);
    const BACK: &str = "http://localhost:8400";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn code() -> Code {
        Code {
            client: CLIENT,
            redirect_uri: BACK.to_owned(),
            challenge: challenge_of("secret"),
            user: USER,
            since: 3,
            asked: Asked {
                audience: "a".to_owned(),
                scope: "a/.default".to_owned(),
                openid: true,
            },
            nonce: None,
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
        let (codes, random) = (Codes::new(), Counting::default());
        let other = ApplicationId::from_bytes([9; 16]);
        for (client, redirect_uri, verifier, second, good) in [
            (CLIENT, BACK, "secret", 299, true),
            (CLIENT, BACK, "secret", 300, false),
            (other, BACK, "secret", 1, false),
            (CLIENT, "http://localhost:8401", "secret", 1, false),
            (CLIENT, BACK, "Secret", 1, false),
        ] {
            let text = codes.issue(code(), at(0), &random).unwrap();
            let redeemed = codes.redeem(&text, client, redirect_uri, verifier, at(second));
            assert_eq!(redeemed.is_ok(), good, "{redirect_uri} {verifier} {second}");
            let again = codes.redeem(&text, CLIENT, BACK, "secret", at(second));
            assert!(again.is_err(), "{redirect_uri} {verifier} {second}");
        }
    }

    #[test]
    fn a_code_that_is_presented_again_ends_what_was_begun_with_it_even_in_the_same_moment() {
        let (codes, random) = (Codes::new(), Counting::default());
        let session = SessionId::from_bytes([3; 16]);
        let redeem = |text: &str| codes.redeem(text, CLIENT, BACK, "secret", at(1));

        let text = codes.issue(code(), at(0), &random).unwrap();
        redeem(&text).unwrap();
        codes.begun(&text, USER, session, at(1)).unwrap();
        for _ in 0..2 {
            assert_eq!(redeem(&text).unwrap_err().ends, Some((USER, session)));
        }

        let text = codes.issue(code(), at(0), &random).unwrap();
        redeem(&text).unwrap();
        assert_eq!(redeem(&text).unwrap_err().ends, None);
        let begun = codes.begun(&text, USER, session, at(1));
        assert_eq!(begun.unwrap_err().ends, Some((USER, session)));
    }

    #[test]
    fn one_user_who_asks_for_code_after_code_keeps_nobody_else_from_signing_in() {
        let (codes, random) = (Codes::new(), Counting::default());
        let other = Code {
            user: ObjectId::from_bytes([4; 16]),
            ..code()
        };
        let of_other = codes.issue(other, at(0), &random).unwrap();
        let made: Vec<String> = (1..=100)
            .map(|second| codes.issue(code(), at(second), &random).unwrap())
            .collect();
        assert_eq!(codes.0.lock().unwrap().entries(at(100)).count(), 33);
        let good = |text: &String| codes.redeem(text, CLIENT, BACK, "secret", at(101)).is_ok();
        assert!(good(&of_other));
        assert_eq!(made.iter().position(good), Some(100 - 32), "the newest stay");
    }
}

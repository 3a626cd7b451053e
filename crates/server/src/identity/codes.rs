//! Codes that a browser carries from the sign-in page to the program that asked (RFC 6749, section 4.1; RFC 7636).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId, SessionId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::audiences::Asked;
use super::expiring::Expiring;
use super::jwt::BASE64;
use super::kept::{Kept, Text};
use super::refusal::Refusal;

/// How long a code is good: as long as a browser needs to carry it.
const CODE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The most codes that one server has given out at once.
const CODES_MAX: usize = 16 * 1024;
/// The most codes that one server has given one user at once: with more, its oldest one is good no more. *(ours)*
const CODES_PER_USER_MAX: usize = 32;
const CODE_BYTES: usize = 32;

/// The digest of a code.
type Digest = [u8; 32];

/// The codes that are out, and those that were used, until their time is over.
pub(super) struct Codes {
    states: Kept<State>,
    /// Those that were given out here: to whom and when.
    given: Mutex<Expiring<Digest, (ObjectId, Timestamp)>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum State {
    Out(Box<Code>),
    Used(Use),
}

/// What became of a code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Use {
    /// The sign-in that was begun with it.
    session: Option<(Text<ObjectId>, Text<SessionId>)>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) client: Text<ApplicationId>,
    pub(super) redirect_uri: String,
    /// The digest of a secret that the program keeps: whoever only saw the code does not know it.
    pub(super) challenge: String,
    pub(super) user: Text<ObjectId>,
    pub(super) since: u64,
    pub(super) asked: Asked,
    pub(super) nonce: Option<String>,
}

impl Codes {
    pub(super) fn new(codes: &Arc<dyn store::Codes>) -> Self {
        Self {
            states: Kept::new(codes, "meterbridge sign-in in a browser"),
            given: Mutex::new(Expiring::new(CODES_MAX)),
        }
    }

    /// A new code. Who asks for many loses the oldest ones, and takes the place of nobody else.
    pub(super) async fn issue(
        &self,
        code: Code,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, Refusal> {
        let mut secret = [0; CODE_BYTES];
        random.fill(&mut secret);
        let text = BASE64.encode(secret);
        let key = digest(&text);
        if let Some(removed) = self.count(key, code.user.0, now)? {
            self.states.remove(&removed).await?;
        }
        let until = now.checked_add(CODE_LIFETIME).unwrap_or(Timestamp::MAX);
        let out = State::Out(Box::new(code));
        if self.states.put(&key, &out, until, now, random).await? {
            Ok(text)
        } else {
            Err(Refusal::internal("a code was drawn that is out already"))
        }
    }

    /// Counts a code of a user. The one that has to make room for it, if one has to.
    fn count(&self, key: Digest, user: ObjectId, now: Timestamp) -> Result<Option<Digest>, Refusal> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = make_room(&mut given, user, now);
        let counted = given.insert(key, (user, now), now, CODE_LIFETIME);
        counted.map_err(|_| Refusal::later("Too many people are signing in. Try again later.", 60))?;
        Ok(removed)
    }

    /// What a code stands for, once, for the program that it was made for. Whoever presents it wrongly has used it up, and
    /// whoever presents it again ends what was begun with it.
    pub(super) async fn redeem(
        &self,
        text: &str,
        client: ApplicationId,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Code, NotRedeemed> {
        let code = self.use_up(text, now, random).await?;
        if code.client.0 != client {
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

    async fn use_up(&self, text: &str, now: Timestamp, random: &dyn Random) -> Result<Code, NotRedeemed> {
        let key = digest(text);
        let used = self.states.change(&key, now, random, State::use_up);
        match used.await?.ok_or_else(unknown)? {
            Ok(code) => Ok(code),
            Err(Use { session, .. }) => Err(NotRedeemed {
                refusal: Box::new(unknown()),
                ends: session.map(|(user, session)| (user.0, session.0)),
            }),
        }
    }

    /// A sign-in was begun with a code. It is refused if the code was presented once more in the meantime, or another one was
    /// begun with it.
    pub(super) async fn begun(
        &self,
        text: &str,
        user: ObjectId,
        session: SessionId,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(), NotRedeemed> {
        let key = digest(text);
        let begun = self
            .states
            .change(&key, now, random, |state| state.begun(user, session));
        let not_redeemed = |refusal| NotRedeemed {
            refusal: Box::new(refusal),
            ends: Some((user, session)),
        };
        match begun.await.map_err(not_redeemed)? {
            Some(false) => Err(not_redeemed(unknown())),
            Some(true) | None => Ok(()),
        }
    }
}

impl State {
    /// What the code stands for, the first time; then what became of it.
    fn use_up(&mut self) -> Result<Code, Use> {
        match std::mem::replace(self, Self::Used(Use::default())) {
            Self::Out(code) => Ok(*code),
            Self::Used(before) => {
                *self = Self::Used(Use {
                    again: true,
                    ..before
                });
                Err(before)
            }
        }
    }

    /// A sign-in was begun with it. Whether nobody presented it once more, and no other one was begun.
    fn begun(&mut self, user: ObjectId, session: SessionId) -> bool {
        match self {
            Self::Used(used) if used.again || used.session.is_some() => false,
            Self::Used(used) => {
                used.session = Some((Text(user), Text(session)));
                true
            }
            Self::Out(_) => true,
        }
    }
}

/// Takes the oldest code from a user who has as many as anybody may have. Looking through all of them costs next to nothing
/// beside the password that is checked before each.
fn make_room(
    given: &mut Expiring<Digest, (ObjectId, Timestamp)>,
    user: ObjectId,
    now: Timestamp,
) -> Option<Digest> {
    let own = given.entries(now).filter(|(_, (of, _))| *of == user);
    let own: Vec<_> = own.map(|(key, (_, at))| (*at, *key)).collect();
    if own.len() < CODES_PER_USER_MAX {
        return None;
    }
    let (_, oldest) = own.into_iter().min()?;
    given.take(&oldest, now).map(|_| oldest)
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

fn digest(code: &str) -> Digest {
    blake3::hash(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    use store::StoreConfig;

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

    /// Codes in a store of the test's own.
    fn new() -> (Codes, Counting) {
        let directory = tempfile::tempdir().unwrap();
        let config = StoreConfig::Sqlite {
            directory: directory.path().to_owned(),
        };
        let store = store::open(&config).unwrap();
        (Codes::new(&store.codes), Counting::default())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn code() -> Code {
        Code {
            client: Text(CLIENT),
            redirect_uri: BACK.to_owned(),
            challenge: challenge_of("secret"),
            user: Text(USER),
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

    #[tokio::test]
    async fn a_code_is_good_once_for_whom_it_was_made_for() {
        let (codes, random) = new();
        let other = ApplicationId::from_bytes([9; 16]);
        for (client, redirect_uri, verifier, second, good) in [
            (CLIENT, BACK, "secret", 299, true),
            (CLIENT, BACK, "secret", 300, false),
            (other, BACK, "secret", 1, false),
            (CLIENT, "http://localhost:8401", "secret", 1, false),
            (CLIENT, BACK, "Secret", 1, false),
        ] {
            let text = codes.issue(code(), at(0), &random).await.unwrap();
            let redeemed = codes
                .redeem(&text, client, redirect_uri, verifier, at(second), &random)
                .await;
            assert_eq!(redeemed.is_ok(), good, "{redirect_uri} {verifier} {second}");
            let again = codes
                .redeem(&text, CLIENT, BACK, "secret", at(second), &random)
                .await;
            assert!(again.is_err(), "{redirect_uri} {verifier} {second}");
        }
    }

    #[tokio::test]
    async fn a_code_that_is_presented_again_ends_what_was_begun_with_it_even_in_the_same_moment() {
        let (codes, random) = new();
        let session = SessionId::from_bytes([3; 16]);
        let redeem = async |text: &str| codes.redeem(text, CLIENT, BACK, "secret", at(1), &random).await;

        let text = codes.issue(code(), at(0), &random).await.unwrap();
        redeem(&text).await.unwrap();
        codes.begun(&text, USER, session, at(1), &random).await.unwrap();
        for _ in 0..2 {
            assert_eq!(redeem(&text).await.unwrap_err().ends, Some((USER, session)));
        }

        let text = codes.issue(code(), at(0), &random).await.unwrap();
        redeem(&text).await.unwrap();
        codes.begun(&text, USER, session, at(1), &random).await.unwrap();
        let other = SessionId::from_bytes([4; 16]);
        let begun = codes.begun(&text, USER, other, at(1), &random).await;
        assert_eq!(
            begun.unwrap_err().ends,
            Some((USER, other)),
            "one code, one sign-in"
        );
        assert_eq!(redeem(&text).await.unwrap_err().ends, Some((USER, session)));

        let text = codes.issue(code(), at(0), &random).await.unwrap();
        redeem(&text).await.unwrap();
        assert_eq!(redeem(&text).await.unwrap_err().ends, None);
        let begun = codes.begun(&text, USER, session, at(1), &random).await;
        assert_eq!(begun.unwrap_err().ends, Some((USER, session)));
    }

    #[tokio::test]
    async fn one_user_who_asks_for_code_after_code_keeps_nobody_else_from_signing_in() {
        let (codes, random) = new();
        let other = Code {
            user: Text(ObjectId::from_bytes([4; 16])),
            ..code()
        };
        let of_other = codes.issue(other, at(0), &random).await.unwrap();
        let mut made = Vec::new();
        for second in 1..=100 {
            made.push(codes.issue(code(), at(second), &random).await.unwrap());
        }
        assert_eq!(codes.given.lock().unwrap().entries(at(100)).count(), 33);
        let good = async |text: &String| {
            let redeemed = codes.redeem(text, CLIENT, BACK, "secret", at(101), &random).await;
            redeemed.is_ok()
        };
        assert!(good(&of_other).await);
        for (number, text) in made.iter().enumerate() {
            assert_eq!(good(text).await, number >= 100 - 32, "{number}: the newest stay");
        }
    }
}

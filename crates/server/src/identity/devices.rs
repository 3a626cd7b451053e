//! Signing in on another device (RFC 8628): a program without a browser shows a code, somebody enters it here.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId, TenantId};
use domain::time::Timestamp;

use super::audiences::Asked;
use super::expiring::Expiring;
use super::jwt::BASE64;
use super::refusal::Refusal;

/// How long a code is good.
pub(super) const DEVICE_CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How many seconds a program waits between two questions.
pub(super) const POLL_INTERVAL_SECONDS: u64 = 5;
/// The most codes at once.
const DEVICE_CODES_MAX: usize = 16 * 1024;
/// The most codes at once that one address asked for, so that nobody takes them all.
const DEVICE_CODES_PER_ADDRESS_MAX: usize = 256;
/// The letters of a code that people type: no vowels, so that no words come of them.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LETTERS: usize = 8;
const DEVICE_CODE_BYTES: usize = 32;

/// The codes that are out.
pub(super) struct Devices(Mutex<Expiring<[u8; 32], Waiting>>);

struct Waiting {
    user_code: String,
    client: ApplicationId,
    directory: Option<TenantId>,
    asked: Asked,
    peer: IpAddr,
    polled: Option<Timestamp>,
    interval_seconds: u64,
    decision: Option<Decision>,
}

#[derive(Clone, Copy)]
enum Decision {
    Approved { user: ObjectId, since: u64 },
    Declined,
}

/// The codes that were given to a program.
pub(super) struct Begun {
    pub(super) device_code: String,
    pub(super) user_code: String,
}

/// Somebody signed in for a program.
#[derive(Debug)]
pub(super) struct Approved {
    pub(super) user: ObjectId,
    pub(super) since: u64,
    pub(super) asked: Asked,
}

impl Devices {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Expiring::new(DEVICE_CODES_MAX)))
    }

    /// A program asks for codes; `directory` is the one that whoever enters the code has to be in.
    pub(super) fn begin(
        &self,
        client: ApplicationId,
        directory: Option<TenantId>,
        asked: Asked,
        peer: IpAddr,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Begun, Refusal> {
        let mut secret = [0; DEVICE_CODE_BYTES];
        random.fill(&mut secret);
        let device_code = BASE64.encode(secret);
        let user_code = user_code(random);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = waiting
            .values_mut(now)
            .filter(|waiting| waiting.peer == peer)
            .count();
        let too_many = || {
            Refusal::later(
                "Too many sign-ins are waiting for their codes. Try again later.",
                60,
            )
        };
        if of_peer >= DEVICE_CODES_PER_ADDRESS_MAX {
            return Err(too_many());
        }
        let begun = Waiting {
            user_code: user_code.clone(),
            client,
            directory,
            asked,
            peer,
            polled: None,
            interval_seconds: POLL_INTERVAL_SECONDS,
            decision: None,
        };
        waiting
            .insert(digest(&device_code), begun, now, DEVICE_CODE_LIFETIME)
            .map_err(|_| too_many())?;
        Ok(Begun {
            device_code,
            user_code,
        })
    }

    /// A program asks whether somebody has entered its code.
    pub(super) fn poll(
        &self,
        device_code: &str,
        client: ApplicationId,
        now: Timestamp,
    ) -> Result<Approved, Refusal> {
        let key = digest(device_code);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = all.get_mut(&key, now) else {
            let text = "The device code is not known here, or its time is over. Begin again.";
            return Err(Refusal::new("expired_token", 70_020, text));
        };
        if waiting.client != client {
            return Err(Refusal::grant(
                70_000,
                "The device code was given to another client.",
            ));
        }
        match waiting.decision {
            None => Err(waiting.not_yet(now)),
            Some(Decision::Declined) => {
                all.take(&key, now);
                let text = "Somebody declined to sign in with this code.";
                Err(Refusal::new("authorization_declined", 70_021, text))
            }
            Some(Decision::Approved { user, since }) => {
                let asked = waiting.asked.clone();
                all.take(&key, now);
                Ok(Approved { user, since, asked })
            }
        }
    }

    /// The client that shows this code, and the directory that whoever enters it has to be in; nothing if the code is not
    /// out or was used.
    pub(super) fn find(&self, user_code: &str, now: Timestamp) -> Option<(ApplicationId, Option<TenantId>)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = undecided(&mut all, user_code, now);
        found.map(|waiting| (waiting.client, waiting.directory))
    }

    /// Somebody signed in with this code. Whether it was still out.
    pub(super) fn approve(&self, user_code: &str, user: ObjectId, since: u64, now: Timestamp) -> bool {
        self.decide(user_code, Decision::Approved { user, since }, now)
    }

    /// Somebody does not want to sign in with this code. Whether it was still out.
    pub(super) fn decline(&self, user_code: &str, now: Timestamp) -> bool {
        self.decide(user_code, Decision::Declined, now)
    }

    fn decide(&self, user_code: &str, decision: Decision, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = undecided(&mut all, user_code, now);
        found.map(|waiting| waiting.decision = Some(decision)).is_some()
    }
}

impl Waiting {
    /// Nobody has entered the code yet. Whoever asks too often waits longer (RFC 8628, section 3.5).
    fn not_yet(&mut self, now: Timestamp) -> Refusal {
        let since = self
            .polled
            .replace(now)
            .map(|polled| now.duration_since(polled).as_secs());
        // A question that is early by less than a second was on its way faster than the one before.
        let too_early = since.is_some_and(|since| since.unsigned_abs() + 1 < self.interval_seconds);
        if too_early {
            self.interval_seconds += POLL_INTERVAL_SECONDS;
            let text = format!("Asked too often. Ask every {} seconds.", self.interval_seconds);
            return Refusal::new("slow_down", 70_016, text);
        }
        Refusal::new(
            "authorization_pending",
            70_016,
            "Nobody has entered the code yet. Ask again.",
        )
    }
}

fn undecided<'a>(
    all: &'a mut Expiring<[u8; 32], Waiting>,
    user_code: &str,
    now: Timestamp,
) -> Option<&'a mut Waiting> {
    let typed = letters(user_code);
    let mut waiting = all.values_mut(now).filter(|waiting| waiting.decision.is_none());
    waiting.find(|waiting| letters(&waiting.user_code) == typed)
}

/// The letters of a code however it was typed: in any case, with or without the dash.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_uppercase()).collect()
}

fn digest(device_code: &str) -> [u8; 32] {
    blake3::hash(device_code.as_bytes()).into()
}

fn user_code(random: &dyn Random) -> String {
    let count = LETTERS.len();
    // Numbers from 0 up to a multiple of the count, so that each letter is as likely as any other.
    let fair = u8::MAX as usize / count * count;
    let mut code = String::with_capacity(USER_CODE_LETTERS + 1);
    let mut drawn = 0;
    while drawn < USER_CODE_LETTERS {
        let mut byte = [0];
        random.fill(&mut byte);
        let number = usize::from(byte[0]);
        if number >= fair {
            continue;
        }
        if drawn == USER_CODE_LETTERS / 2 {
            code.push('-');
        }
        code.push(char::from(LETTERS[number % count]));
        drawn += 1;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Default)]
    struct Counting(AtomicU64);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let drawn = self.0.fetch_add(1, Ordering::Relaxed);
            let digest = blake3::hash(&drawn.to_be_bytes());
            bytes.copy_from_slice(&digest.as_bytes()[..bytes.len()]);
        }
    }

    const CLIENT: ApplicationId = ApplicationId::from_bytes([1; 16]);
    const USER: ObjectId = ObjectId::from_bytes([2; 16]);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begin(devices: &Devices, random: &Counting, peer: u8) -> Result<Begun, Refusal> {
        let asked = Asked {
            audience: "a".to_owned(),
            scope: "a/.default".to_owned(),
            openid: true,
        };
        let peer = Ipv4Addr::new(192, 0, 2, peer).into();
        devices.begin(CLIENT, None, asked, peer, at(0), random)
    }

    #[test]
    fn a_program_waits_until_somebody_enters_its_code_and_gets_it_once() {
        let (devices, random) = (Devices::new(), Counting::default());
        let begun = begin(&devices, &random, 1).unwrap();
        let poll = |second| devices.poll(&begun.device_code, CLIENT, at(second));
        let error = |second| poll(second).unwrap_err().error;
        assert_eq!(error(0), "authorization_pending");
        assert_eq!(error(1), "slow_down");
        assert_eq!(error(7), "slow_down");
        assert_eq!(error(22), "authorization_pending");
        let other = ApplicationId::from_bytes([9; 16]);
        assert_eq!(
            devices.poll(&begun.device_code, other, at(60)).unwrap_err().error,
            "invalid_grant"
        );

        let typed = begun.user_code.to_lowercase().replace('-', " ");
        assert_eq!(devices.find("BBBB-BBBB", at(60)), None);
        assert_eq!(devices.find(&typed, at(60)), Some((CLIENT, None)));
        assert!(devices.approve(&typed, USER, 7, at(60)));
        assert!(!devices.decline(&typed, at(61)));
        let approved = poll(62).unwrap();
        assert_eq!((approved.user, approved.since), (USER, 7));
        assert_eq!(error(70), "expired_token");
    }

    #[test]
    fn a_declined_code_and_one_whose_time_is_over_are_told_apart() {
        let (devices, random) = (Devices::new(), Counting::default());
        let (one, other) = (
            begin(&devices, &random, 1).unwrap(),
            begin(&devices, &random, 1).unwrap(),
        );
        assert!(devices.decline(&one.user_code, at(10)));
        assert_eq!(
            devices.poll(&one.device_code, CLIENT, at(11)).unwrap_err().error,
            "authorization_declined"
        );
        assert_eq!(devices.find(&other.user_code, at(899)), Some((CLIENT, None)));
        assert_eq!(devices.find(&other.user_code, at(900)), None);
        assert_eq!(
            devices
                .poll(&other.device_code, CLIENT, at(900))
                .unwrap_err()
                .error,
            "expired_token"
        );
    }

    #[test]
    fn one_address_cannot_take_all_codes() {
        let (devices, random) = (Devices::new(), Counting::default());
        for _ in 0..DEVICE_CODES_PER_ADDRESS_MAX {
            begin(&devices, &random, 1).unwrap();
        }
        let refused = begin(&devices, &random, 1).err().unwrap();
        assert_eq!(refused.error, "temporarily_unavailable");
        assert!(begin(&devices, &random, 2).is_ok());
    }
}

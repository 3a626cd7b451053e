//! Signing in on another device (RFC 8628): a program without a browser shows a code, somebody enters it here.

mod guesses;
mod out;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId, TenantId};
use domain::time::Timestamp;

use self::guesses::Guesses;
pub(super) use self::guesses::Wait;
use self::out::{DeviceCode, Full, Out, UserCode};
use super::audiences::Asked;
use super::jwt::BASE64;
use super::refusal::Refusal;

/// How long a code is good.
pub(super) const DEVICE_CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How many seconds a program waits between two questions.
pub(super) const POLL_INTERVAL_SECONDS: u64 = 5;
/// How many sign-ins may fail with one code. Then it is spent, and whoever wants to go on begins again.
const FAILED_SIGN_INS_MAX: u32 = 10;
/// The letters of a code that people type: no vowels, so that no words come of them. Eight of them are one of 25.6
/// thousand million codes (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LETTERS: usize = 8;
const DEVICE_CODE_BYTES: usize = 32;

/// The codes that are out, and the wrong ones that were entered.
#[derive(Default)]
pub(super) struct Devices {
    out: Mutex<Out>,
    guesses: Mutex<Guesses>,
}

struct Waiting {
    device_code: DeviceCode,
    user_code: UserCode,
    client: ApplicationId,
    directory: Option<TenantId>,
    asked: Asked,
    /// From which network it was asked for, and when.
    network: IpAddr,
    begun: Timestamp,
    polled: Option<Timestamp>,
    interval_seconds: u64,
    failed: u32,
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

/// What is shown to whoever entered a code, before they sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The program that shows the code.
    pub(super) client: ApplicationId,
    /// The directory that whoever signs in has to be in.
    pub(super) directory: Option<TenantId>,
    /// From which network the code was asked for, and when.
    pub(super) network: IpAddr,
    pub(super) begun: Timestamp,
}

/// Somebody signed in for a program.
#[derive(Debug)]
pub(super) struct Approved {
    pub(super) user: ObjectId,
    pub(super) since: u64,
    pub(super) asked: Asked,
}

impl Devices {
    /// A program asks for codes; `directory` is the one that whoever enters the code has to be in.
    pub(super) fn begin(
        &self,
        client: ApplicationId,
        directory: Option<TenantId>,
        asked: Asked,
        network: IpAddr,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Begun, Refusal> {
        let mut secret = [0; DEVICE_CODE_BYTES];
        random.fill(&mut secret);
        let device_code = BASE64.encode(secret);
        let user_code = user_code(random);
        let begun = Waiting {
            device_code: digest(&device_code),
            user_code,
            client,
            directory,
            asked,
            network,
            begun: now,
            polled: None,
            interval_seconds: POLL_INTERVAL_SECONDS,
            failed: 0,
            decision: None,
        };
        self.out().insert(begun, now).map_err(|Full| too_many())?;
        Ok(Begun {
            device_code,
            user_code: written(&user_code),
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
        let mut out = self.out();
        let Some(waiting) = out.by_device_code(&key, now) else {
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
                out.remove(&key);
                let text = "Somebody declined to sign in with this code, or too many sign-ins with it failed. Begin again.";
                Err(Refusal::new("authorization_declined", 70_021, text))
            }
            Some(Decision::Approved { user, since }) => {
                let asked = waiting.asked.clone();
                out.remove(&key);
                Ok(Approved { user, since, asked })
            }
        }
    }

    /// Somebody at a peer enters a code, if they may now: who shows it; nothing if it is wrong.
    pub(super) fn enter(&self, user_code: &str, peer: IpAddr, now: Timestamp) -> Result<Option<Shown>, Wait> {
        // Held for as long as the code is looked up, so that many at once are not all the last one that is free.
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.may_enter(peer, now)?;
        let shown = self.find(user_code, now);
        if shown.is_none() {
            guesses.was_wrong(peer, now);
        }
        Ok(shown)
    }

    /// Who shows a code that was entered; nothing if it is not out or was used.
    pub(super) fn find(&self, user_code: &str, now: Timestamp) -> Option<Shown> {
        let mut out = self.out();
        let found = undecided(&mut out, user_code, now);
        found.map(|waiting| Shown {
            client: waiting.client,
            directory: waiting.directory,
            network: waiting.network,
            begun: waiting.begun,
        })
    }

    /// A sign-in with this code failed. After too many, the code is spent.
    pub(super) fn failed(&self, user_code: &str, now: Timestamp) {
        if let Some(waiting) = undecided(&mut self.out(), user_code, now) {
            waiting.failed += 1;
            if waiting.failed >= FAILED_SIGN_INS_MAX {
                waiting.decision = Some(Decision::Declined);
            }
        }
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
        let mut out = self.out();
        let found = undecided(&mut out, user_code, now);
        found.map(|waiting| waiting.decision = Some(decision)).is_some()
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
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

fn too_many() -> Refusal {
    let text = "Too many sign-ins are waiting for their codes. Try again later.";
    Refusal::later(text, 60)
}

fn undecided<'a>(out: &'a mut Out, user_code: &str, now: Timestamp) -> Option<&'a mut Waiting> {
    let waiting = out.by_user_code(&letters(user_code)?, now);
    waiting.filter(|waiting| waiting.decision.is_none())
}

/// The letters of a code however it was typed: in any case, with or without the dash. Nothing if they are no code.
fn letters(text: &str) -> Option<UserCode> {
    let mut letters = text.bytes().filter(u8::is_ascii_alphanumeric);
    let mut code = [0; USER_CODE_LETTERS];
    for letter in &mut code {
        *letter = letters.next()?.to_ascii_uppercase();
    }
    letters.next().is_none().then_some(code)
}

fn digest(device_code: &str) -> DeviceCode {
    blake3::hash(device_code.as_bytes()).into()
}

fn user_code(random: &dyn Random) -> UserCode {
    let count = LETTERS.len();
    // Numbers from 0 up to a multiple of the count, so that each letter is as likely as any other.
    let fair = u8::MAX as usize / count * count;
    let mut code = [0; USER_CODE_LETTERS];
    let mut drawn = 0;
    while drawn < USER_CODE_LETTERS {
        let mut byte = [0];
        random.fill(&mut byte);
        let number = usize::from(byte[0]);
        if number < fair {
            code[drawn] = LETTERS[number % count];
            drawn += 1;
        }
    }
    code
}

/// A code as it is shown: in two halves, which are easier to read.
fn written(code: &UserCode) -> String {
    let (one, other) = code.split_at(USER_CODE_LETTERS / 2);
    let half = |letters: &[u8]| {
        letters
            .iter()
            .map(|letter| char::from(*letter))
            .collect::<String>()
    };
    format!("{}-{}", half(one), half(other))
}

#[cfg(test)]
mod tests;

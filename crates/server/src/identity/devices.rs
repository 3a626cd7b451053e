//! Signing in on another device (RFC 8628): a program without a browser shows a code, somebody enters it here.

use std::collections::HashMap;
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
/// The most codes at once that one network asked for, so that nobody takes them all. This machine itself is none, since a
/// proxy on it speaks for everybody.
const DEVICE_CODES_PER_NETWORK_MAX: usize = 64;
/// The most codes at once for one program, so that there are always some for the others.
const DEVICE_CODES_PER_CLIENT_MAX: usize = DEVICE_CODES_MAX / 2;
/// How many sign-ins may fail with one code. Then it is spent, and whoever wants to go on begins again.
const FAILED_SIGN_INS_MAX: u32 = 10;
/// The letters of a code that people type: no vowels, so that no words come of them. Eight of them are one of 25.6
/// thousand million codes (RFC 8628, section 6.1).
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
    pub(super) fn new() -> Self {
        Self(Mutex::new(Expiring::new(DEVICE_CODES_MAX)))
    }

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
            user_code: user_code.clone(),
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
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !has_room(&mut all, client, network, now) {
            return Err(too_many());
        }
        all.insert(digest(&device_code), begun, now, DEVICE_CODE_LIFETIME)
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
                let text = "Somebody declined to sign in with this code, or too many sign-ins with it failed. Begin again.";
                Err(Refusal::new("authorization_declined", 70_021, text))
            }
            Some(Decision::Approved { user, since }) => {
                let asked = waiting.asked.clone();
                all.take(&key, now);
                Ok(Approved { user, since, asked })
            }
        }
    }

    /// Who shows this code; nothing if the code is not out or was used.
    pub(super) fn find(&self, user_code: &str, now: Timestamp) -> Option<Shown> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = undecided(&mut all, user_code, now);
        found.map(|waiting| Shown {
            client: waiting.client,
            directory: waiting.directory,
            network: waiting.network,
            begun: waiting.begun,
        })
    }

    /// A sign-in with this code failed. After too many, the code is spent.
    pub(super) fn failed(&self, user_code: &str, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = undecided(&mut all, user_code, now) {
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

fn too_many() -> Refusal {
    let text = "Too many sign-ins are waiting for their codes. Try again later.";
    Refusal::later(text, 60)
}

/// Whether a network may have one more code for a client. If there are too many codes, the network that has the most of
/// them loses its oldest one: nobody takes all of them with fewer networks than there are codes.
fn has_room(
    all: &mut Expiring<[u8; 32], Waiting>,
    client: ApplicationId,
    network: IpAddr,
    now: Timestamp,
) -> bool {
    let mut by_network: HashMap<IpAddr, usize> = HashMap::new();
    let mut of_client = 0;
    for (_, waiting) in all.entries(now) {
        *by_network.entry(waiting.network).or_default() += 1;
        of_client += usize::from(waiting.client == client);
    }
    let own = by_network.get(&network).copied().unwrap_or_default();
    if own >= DEVICE_CODES_PER_NETWORK_MAX && !network.is_loopback() {
        return false;
    }
    let client_is_full = of_client >= DEVICE_CODES_PER_CLIENT_MAX;
    if !client_is_full && !all.is_full(now) {
        return true;
    }
    let candidates = all
        .entries(now)
        .filter(|(_, waiting)| !client_is_full || waiting.client == client);
    let of_greediest = candidates.max_by_key(|(_, waiting)| {
        let count = by_network.get(&waiting.network).copied().unwrap_or_default();
        (count, std::cmp::Reverse(waiting.begun))
    });
    let greediest = of_greediest.map(|(key, waiting)| (*key, by_network.get(&waiting.network).copied()));
    match greediest {
        Some((key, Some(theirs))) if theirs > own + 1 => all.take(&key, now).is_some(),
        _ => false,
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
mod tests;

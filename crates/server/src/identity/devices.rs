//! Signing in on another device (RFC 8628): a program without a browser shows a code, somebody enters it here.

mod guesses;
mod out;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::environment::Random;
use base64::Engine as _;
use domain::ids::{ApplicationId, ObjectId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::Codes;

use self::guesses::Guesses;
pub(super) use self::guesses::Wait;
use self::out::{Full, Out};
use super::audiences::Asked;
use super::jwt::BASE64;
use super::kept::{Kept, Text};
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
/// What nobody knows of a code but the program that keeps it.
const SECRET_BYTES: usize = 32;

/// The letters of the code that people type.
type UserCode = [u8; USER_CODE_LETTERS];

/// The codes that are out, by the letters that people type, and the wrong ones that were entered here.
pub(super) struct Devices {
    waiting: Kept<Waiting>,
    out: Mutex<Out>,
    guesses: tokio::sync::Mutex<Guesses>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    /// The digest of the code that the program keeps.
    device_code: [u8; 32],
    client: Text<ApplicationId>,
    directory: Option<Text<TenantId>>,
    asked: Asked,
    /// From which network it was asked for, and when.
    network: IpAddr,
    begun: Text<Timestamp>,
    polled: Option<Text<Timestamp>>,
    interval_seconds: u64,
    failed: u32,
    decision: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Decision {
    Approved { user: Text<ObjectId>, since: u64 },
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
    pub(super) fn new(codes: &Arc<dyn Codes>) -> Self {
        Self {
            waiting: Kept::new(codes, "meterbridge sign-in on a device"),
            out: Mutex::default(),
            guesses: tokio::sync::Mutex::default(),
        }
    }

    /// A program asks for codes; `directory` is the one that whoever enters the code has to be in.
    pub(super) async fn begin(
        &self,
        client: ApplicationId,
        directory: Option<TenantId>,
        asked: Asked,
        network: IpAddr,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Begun, Refusal> {
        let code = user_code(random);
        let device_code = device_code(&code, random);
        let waiting = Waiting {
            device_code: digest(&device_code),
            client: Text(client),
            directory: directory.map(Text),
            asked,
            network,
            begun: Text(now),
            polled: None,
            interval_seconds: POLL_INTERVAL_SECONDS,
            failed: 0,
            decision: None,
        };
        let removed = self.out().insert(code, network, now).map_err(|Full| too_many())?;
        if let Some(removed) = removed {
            self.waiting.remove(&removed).await?;
        }
        let until = now.checked_add(DEVICE_CODE_LIFETIME).unwrap_or(Timestamp::MAX);
        match self.waiting.put(&code, &waiting, until, now, random).await {
            Ok(true) => Ok(Begun {
                device_code,
                user_code: written(&code),
            }),
            // Its letters are out, given by another server.
            Ok(false) => {
                self.out().remove(&code);
                Err(too_many())
            }
            Err(refusal) => {
                self.out().remove(&code);
                Err(refusal)
            }
        }
    }

    /// A program asks whether somebody has entered its code.
    pub(super) async fn poll(
        &self,
        device_code: &str,
        client: ApplicationId,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Approved, Refusal> {
        let code = letters_of(device_code).ok_or_else(over)?;
        let key = digest(device_code);
        let polled = self.waiting.change(&code, now, random, |waiting| {
            let its_own = waiting.device_code == key;
            its_own.then(|| waiting.poll(client, now))
        });
        let decision = polled.await?.flatten().ok_or_else(over)??;
        // Whoever uses it up, here or elsewhere, is answered: once.
        self.out().remove(&code);
        if !self.waiting.remove(&code).await? {
            return Err(over());
        }
        decision.ok_or_else(|| {
            let text =
                "Somebody declined to sign in with this code, or too many sign-ins with it failed. Begin again.";
            Refusal::new("authorization_declined", 70_021, text)
        })
    }

    /// Somebody at a peer enters a code, if they may now: who shows it; nothing if it is wrong.
    pub(super) async fn enter(
        &self,
        user_code: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Result<Option<Shown>, Wait>, Refusal> {
        // Held for as long as the code is looked up, so that many at once are not all the last one that is free.
        let mut guesses = self.guesses.lock().await;
        if let Err(wait) = guesses.may_enter(peer, now) {
            return Ok(Err(wait));
        }
        let shown = self.find(user_code, now).await?;
        if shown.is_none() {
            guesses.was_wrong(peer, now);
        }
        Ok(Ok(shown))
    }

    /// Who shows a code that was entered; nothing if it is not out or was used.
    pub(super) async fn find(&self, user_code: &str, now: Timestamp) -> Result<Option<Shown>, Refusal> {
        let Some(code) = letters(user_code) else {
            return Ok(None);
        };
        let found = self.waiting.get(&code, now).await?;
        let undecided = found.filter(|waiting| waiting.decision.is_none());
        Ok(undecided.map(|waiting| Shown {
            client: waiting.client.0,
            directory: waiting.directory.map(|Text(directory)| directory),
            network: waiting.network,
            begun: waiting.begun.0,
        }))
    }

    /// A sign-in with this code failed. After too many, the code is spent.
    pub(super) async fn failed(
        &self,
        user_code: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(), Refusal> {
        self.change(user_code, now, random, |waiting| {
            waiting.failed += 1;
            if waiting.failed >= FAILED_SIGN_INS_MAX {
                waiting.decision = Some(Decision::Declined);
            }
        })
        .await?;
        Ok(())
    }

    /// Somebody signed in with this code. Whether it was still out.
    pub(super) async fn approve(
        &self,
        user_code: &str,
        user: ObjectId,
        since: u64,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<bool, Refusal> {
        let approved = Decision::Approved {
            user: Text(user),
            since,
        };
        let approve = |waiting: &mut Waiting| waiting.decision = Some(approved);
        self.change(user_code, now, random, approve).await
    }

    /// Somebody does not want to sign in with this code. Whether it was still out.
    pub(super) async fn decline(
        &self,
        user_code: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<bool, Refusal> {
        let declined = |waiting: &mut Waiting| waiting.decision = Some(Decision::Declined);
        self.change(user_code, now, random, declined).await
    }

    /// Changes a code about which nothing was decided. Whether there was one.
    async fn change(
        &self,
        user_code: &str,
        now: Timestamp,
        random: &dyn Random,
        change: impl Fn(&mut Waiting) + Send + Sync,
    ) -> Result<bool, Refusal> {
        let Some(code) = letters(user_code) else {
            return Ok(false);
        };
        let changed = self.waiting.change(&code, now, random, |waiting| {
            let undecided = waiting.decision.is_none();
            if undecided {
                change(waiting);
            }
            undecided
        });
        Ok(changed.await?.unwrap_or_default())
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// A program asks: what was decided, approved or not, once something was.
    fn poll(&mut self, client: ApplicationId, now: Timestamp) -> Result<Option<Approved>, Refusal> {
        if self.client.0 != client {
            let text = "The device code was given to another client.";
            return Err(Refusal::grant(70_000, text));
        }
        match self.decision {
            None => Err(self.not_yet(now)),
            Some(Decision::Declined) => Ok(None),
            Some(Decision::Approved { user, since }) => Ok(Some(Approved {
                user: user.0,
                since,
                asked: self.asked.clone(),
            })),
        }
    }

    /// Nobody has entered the code yet. Whoever asks too often waits longer (RFC 8628, section 3.5).
    fn not_yet(&mut self, now: Timestamp) -> Refusal {
        let since = self
            .polled
            .replace(Text(now))
            .map(|Text(polled)| now.duration_since(polled).as_secs());
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

fn over() -> Refusal {
    let text = "The device code is not known here, or its time is over. Begin again.";
    Refusal::new("expired_token", 70_020, text)
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

/// A code for a program to keep: the letters that are out, by which it is found, and a secret.
fn device_code(code: &UserCode, random: &dyn Random) -> String {
    let mut bytes = [0; USER_CODE_LETTERS + SECRET_BYTES];
    bytes[..USER_CODE_LETTERS].copy_from_slice(code);
    random.fill(&mut bytes[USER_CODE_LETTERS..]);
    BASE64.encode(bytes)
}

/// The letters in a code that a program kept.
fn letters_of(device_code: &str) -> Option<UserCode> {
    let bytes = BASE64.decode(device_code).ok()?;
    bytes.first_chunk().copied()
}

fn digest(device_code: &str) -> [u8; 32] {
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

//! Codes that are out, where every server finds them, and what each stands for.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use app::environment::Random;
use domain::time::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use store::{CodeKey, Codes, StoreError};

use super::accounts::of_failure;
use super::refusal::Refusal;

/// How often a change is made again because another server wrote in between.
const CHANGES_MAX: usize = 16;

/// What is written of a code.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    what: T,
    /// Drawn for each attempt to write, as [`Codes`] wants it: all who redeem a code write that it was used.
    attempt: [u8; 16],
}

/// Codes of one kind. What they stand for is written as JSON.
pub(super) struct Kept<T> {
    codes: Arc<dyn Codes>,
    kind: &'static str,
    what: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Clone + PartialEq> Kept<T> {
    pub(super) fn new(codes: &Arc<dyn Codes>, kind: &'static str) -> Self {
        Self {
            codes: Arc::clone(codes),
            kind,
            what: PhantomData,
        }
    }

    fn key(&self, code: &[u8]) -> CodeKey {
        *blake3::Hasher::new_derive_key(self.kind)
            .update(code)
            .finalize()
            .as_bytes()
    }

    /// Gives a code out; false if it is out already.
    pub(super) async fn put(
        &self,
        code: &[u8],
        what: &T,
        until: Timestamp,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<bool, Refusal> {
        let body = written(what, random)?;
        let put = self.codes.put(self.key(code), body, until, now).await;
        put.map_err(refused)
    }

    /// What a code stands for, if it is out.
    pub(super) async fn get(&self, code: &[u8], now: Timestamp) -> Result<Option<T>, Refusal> {
        let found = self.codes.get(self.key(code), now).await.map_err(refused)?;
        found.map(|found| read(&found.body)).transpose()
    }

    /// Changes what a code stands for, if it is out, and answers what the change did: on what it stands for at that moment,
    /// so perhaps more than once.
    pub(super) async fn change<A>(
        &self,
        code: &[u8],
        now: Timestamp,
        random: &dyn Random,
        change: impl Fn(&mut T) -> A + Send,
    ) -> Result<Option<A>, Refusal> {
        let key = self.key(code);
        for _ in 0..CHANGES_MAX {
            let Some(found) = self.codes.get(key, now).await.map_err(refused)? else {
                return Ok(None);
            };
            let before: T = read(&found.body)?;
            let mut after = before.clone();
            let answer = change(&mut after);
            if after == before {
                return Ok(Some(answer));
            }
            let body = written(&after, random)?;
            let replaced = self.codes.replace(key, found.version, body).await;
            if replaced.map_err(refused)? {
                return Ok(Some(answer));
            }
        }
        Err(refused(StoreError::Busy))
    }

    /// Uses a code up. Whether it was out: one at most of all who use it up at once is told so.
    pub(super) async fn remove(&self, code: &[u8]) -> Result<bool, Refusal> {
        self.codes.remove(self.key(code)).await.map_err(refused)
    }
}

fn refused(error: StoreError) -> Refusal {
    of_failure(&error.into())
}

fn written<T: Serialize>(what: &T, random: &dyn Random) -> Result<Vec<u8>, Refusal> {
    let mut attempt = [0; 16];
    random.fill(&mut attempt);
    serde_json::to_vec(&Written { what, attempt })
        .map_err(|error| Refusal::internal(format!("a code was not written: {error}")))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let read = serde_json::from_slice(body).map(|Written { what, .. }| what);
    read.map_err(|error| Refusal::internal(format!("a code cannot be read: {error}")))
}

/// An id or a moment, written as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU8, Ordering};

    use async_trait::async_trait;
    use store::Code;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    /// Codes that somebody else is always faster to write.
    #[derive(Default)]
    struct Contended {
        out: Mutex<Vec<u8>>,
        tried: Mutex<Vec<Vec<u8>>>,
    }

    #[async_trait]
    impl Codes for Contended {
        async fn put(
            &self,
            _: CodeKey,
            body: Vec<u8>,
            _: Timestamp,
            _: Timestamp,
        ) -> Result<bool, StoreError> {
            *self.out.lock().unwrap() = body;
            Ok(true)
        }

        async fn get(&self, _: CodeKey, _: Timestamp) -> Result<Option<Code>, StoreError> {
            let body = self.out.lock().unwrap().clone();
            Ok(Some(Code { version: 1, body }))
        }

        async fn replace(&self, _: CodeKey, _: u64, body: Vec<u8>) -> Result<bool, StoreError> {
            self.tried.lock().unwrap().push(body);
            Ok(false)
        }

        async fn remove(&self, _: CodeKey) -> Result<bool, StoreError> {
            Ok(false)
        }
    }

    #[tokio::test]
    async fn two_who_write_the_same_of_a_code_would_both_have_used_it_up_if_nothing_told_them_apart() {
        let contended = Arc::new(Contended::default());
        let codes: Arc<dyn Codes> = contended.clone();
        let (kept, random) = (Kept::new(&codes, "tests"), Counting::default());
        let now = Timestamp::UNIX_EPOCH;
        kept.put(b"code", &false, now, now, &random).await.unwrap();
        for _ in 0..2 {
            let used_up = kept.change(b"code", now, &random, |used| *used = true).await;
            assert!(used_up.is_err(), "somebody else was faster each time");
        }
        let mut tried = contended.tried.lock().unwrap().clone();
        assert!(tried.iter().all(|body| read::<bool>(body).unwrap()));
        tried.sort_unstable();
        tried.dedup();
        assert_eq!(tried.len(), 2 * CHANGES_MAX, "each attempt is known by its own");
    }
}

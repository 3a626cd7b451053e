//! Listings of a stack's directory that wait for the server, on the disk, in the order in which they were read.
//!
//! Which tenant a local subscription belongs to decides who pays, from the hour in which it was read so. While the server
//! is away the stack goes on changing: each change waits here with the moment at which it was read, and is delivered with
//! it. Without that all of them would hold from the server's return.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::time::{Timestamp, parse_timestamp};

use crate::disk::Disk;
use crate::environment::Environment;

/// How many changes wait at most. At the limit the newest takes the place of the one before it, which costs the hours
/// between the two.
pub(crate) const LISTINGS_MAX: usize = 256;

/// A listing that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    number: u64,
    /// When it was read.
    pub(crate) read_at: Timestamp,
    /// What it says, as it is delivered.
    pub(crate) listing: Bytes,
}

/// The listings of one stack that wait.
pub(crate) struct Listings {
    directory: PathBuf,
    environment: Environment,
    waiting: VecDeque<Waiting>,
    next: u64,
}

impl Listings {
    /// Those that were left when the bridge was last ended. One that was damaged since is as if it had not been read: the
    /// next reading says what is so by then.
    pub(crate) async fn open(directory: PathBuf, environment: Environment) -> io::Result<Self> {
        let disk = Arc::clone(&environment.disk);
        let folder = directory.clone();
        let waiting = on_disk(move || read_all(&*disk, &folder)).await?;
        let next = waiting.back().map_or(1, |last| last.number + 1);
        Ok(Self {
            directory,
            environment,
            waiting,
            next,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// What was read last of what waits.
    pub(crate) fn last(&self) -> Option<&Bytes> {
        self.waiting.back().map(|last| &last.listing)
    }

    /// Has a listing that was read just now wait, durably.
    pub(crate) async fn push(&mut self, listing: Bytes) -> io::Result<()> {
        let replaced = (self.waiting.len() >= LISTINGS_MAX).then_some(self.waiting.back());
        let number = replaced.flatten().map_or(self.next, |last| last.number);
        let waiting = Waiting {
            number,
            read_at: self.environment.clock.now(),
            listing,
        };
        let (disk, path) = (Arc::clone(&self.environment.disk), self.path(number));
        let content = content(&waiting);
        on_disk(move || disk.replace(&path, &content)).await?;
        if number == self.next {
            self.next += 1;
        } else {
            self.waiting.pop_back();
        }
        self.waiting.push_back(waiting);
        Ok(())
    }

    /// Forgets the first one, which the server has.
    pub(crate) async fn pop(&mut self) -> io::Result<()> {
        if let Some(first) = self.waiting.front() {
            let (disk, path) = (Arc::clone(&self.environment.disk), self.path(first.number));
            on_disk(move || disk.remove(&path)).await?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(name(number))
    }
}

/// Works on the disk where nobody is held up.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn name(number: u64) -> String {
    format!("{number:020}.listing")
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".listing")?.parse().ok()
}

/// A file: when it was read, the BLAKE3 of that and of the listing, and the listing.
fn content(waiting: &Waiting) -> Vec<u8> {
    let read_at = waiting.read_at.to_string();
    let sum = sum(&read_at, &waiting.listing);
    let mut content = format!("{read_at} {sum}\n").into_bytes();
    content.extend_from_slice(&waiting.listing);
    content
}

fn sum(read_at: &str, listing: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(read_at.as_bytes()).update(b"\n").update(listing);
    hasher.finalize().to_hex().to_string()
}

fn read_all(disk: &dyn Disk, directory: &Path) -> io::Result<VecDeque<Waiting>> {
    disk.make_directory(directory)?;
    let mut numbers: Vec<u64> = disk
        .names(directory)?
        .iter()
        .filter_map(|it| number(it))
        .collect();
    numbers.sort_unstable();
    let mut all = VecDeque::new();
    for number in numbers {
        let path = directory.join(name(number));
        let length = disk.length(&path)?.unwrap_or_default();
        let bytes = disk.read(&path, 0, usize::try_from(length).unwrap_or(usize::MAX))?;
        match understood(number, &bytes) {
            Some(waiting) => all.push_back(waiting),
            None => disk.remove(&path)?,
        }
    }
    Ok(all)
}

fn understood(number: u64, bytes: &[u8]) -> Option<Waiting> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, listing) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
    let (read_at, said) = head.split_once(' ')?;
    (said == sum(read_at, listing)).then_some(())?;
    Some(Waiting {
        number,
        read_at: parse_timestamp(read_at).ok()?,
        listing: Bytes::copy_from_slice(listing),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    struct At(Timestamp);

    impl crate::environment::Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    struct Zeros;

    impl crate::environment::Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn environment(now: &str) -> Environment {
        Environment {
            clock: Arc::new(At(parse_timestamp(now).unwrap())),
            random: Arc::new(Zeros),
            timer: Arc::new(crate::environment::RuntimeTimer),
            disk: Arc::new(LocalDisk),
        }
    }

    async fn opened(folder: &Path, now: &str) -> Listings {
        Listings::open(folder.join("listings"), environment(now))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_waits_is_there_after_the_bridge_was_killed_in_its_order_and_with_its_moments() {
        let folder = tempfile::tempdir().unwrap();
        let (early, late) = ("2026-10-01T10:30:00Z", "2026-10-01T14:05:30Z");
        opened(folder.path(), early)
            .await
            .push("one".into())
            .await
            .unwrap();
        opened(folder.path(), late)
            .await
            .push("two".into())
            .await
            .unwrap();
        let mut again = opened(folder.path(), "2026-10-01T20:00:00Z").await;
        assert_eq!(again.last(), Some(&Bytes::from("two")));
        for (read_at, listing) in [(early, "one"), (late, "two")] {
            let first = again.first().unwrap();
            assert_eq!(
                (first.read_at, &*first.listing),
                (parse_timestamp(read_at).unwrap(), listing.as_bytes())
            );
            again.pop().await.unwrap();
        }
        assert!(again.is_empty());
        assert!(opened(folder.path(), late).await.is_empty());
    }

    #[tokio::test]
    async fn a_damaged_listing_would_have_given_usage_to_whoever_the_damage_names() {
        let folder = tempfile::tempdir().unwrap();
        let now = "2026-10-01T10:30:00Z";
        let mut listings = opened(folder.path(), now).await;
        listings.push("one".into()).await.unwrap();
        listings.push("two".into()).await.unwrap();
        let path = listings.path(1);
        let damaged = std::fs::read_to_string(&path).unwrap().replace("one", "own");
        std::fs::write(&path, damaged).unwrap();
        let again = opened(folder.path(), now).await;
        assert_eq!(again.waiting.len(), 1);
        assert_eq!(again.last(), Some(&Bytes::from("two")));
    }

    #[tokio::test]
    async fn a_server_that_never_returns_does_not_fill_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut listings = opened(folder.path(), "2026-10-01T10:30:00Z").await;
        for number in 0..LISTINGS_MAX + 3 {
            listings.push(number.to_string().into()).await.unwrap();
        }
        let again = opened(folder.path(), "2026-10-01T10:30:00Z").await;
        assert_eq!(again.waiting.len(), LISTINGS_MAX);
        assert_eq!(again.first().unwrap().listing, Bytes::from("0"));
        assert_eq!(again.last(), Some(&Bytes::from((LISTINGS_MAX + 2).to_string())));
    }
}

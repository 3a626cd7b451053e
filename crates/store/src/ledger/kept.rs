//! What is kept of a batch, as one digest: whoever changes a quantity, an hour or a series afterwards, and the totals with
//! it, has another one than the batch's receipt.
//!
//! Sayings never vanish: one that counts no more is an observation, one that counts again is in its sheet. So the same
//! ones can be read at any time, in the order of the sheets, which is the order in which a batch is recorded. A sum of
//! digests would need no order; it takes twice as long, and whoever may choose many quantities can find some with the
//! same sum, unless it has thousands of bits.

use domain::quantity::Quantity;
use domain::usage::Granularity;

use super::ids::SeriesKey;
use super::observations::Key;
use crate::receipt::Kept;

/// Hour, key of the series, granularity, scale and coefficient.
const SAYING_BYTES: usize = 4 + 16 + 1 + 1 + 16;
/// So much is hashed at one time. Whoever compares has as much for each batch whose sayings are not all read.
const BUFFER_BYTES: usize = 1024;

/// Takes in the sayings of one batch.
#[derive(Default)]
pub(super) struct KeptSayings {
    hasher: blake3::Hasher,
    /// What is not hashed yet.
    buffer: Vec<u8>,
    /// What was said about last.
    last: Option<Key>,
    /// What was said about it.
    about_last: Vec<[u8; SAYING_BYTES]>,
    count: u32,
}

impl KeptSayings {
    /// Takes one in. They come by hour and series; those about one key in any order.
    pub(super) fn add(&mut self, key: Key, of: &SeriesKey, granularity: Granularity, quantity: Quantity) {
        if self.last != Some(key) {
            self.settle();
            self.last = Some(key);
        }
        self.count = self.count.saturating_add(1);
        self.about_last.push(saying(key, of, granularity, quantity));
    }

    /// How many came.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Nobody says anything more about the last key.
    fn settle(&mut self) {
        if self.about_last.len() > 1 {
            self.about_last.sort_unstable();
        }
        self.buffer.extend_from_slice(self.about_last.as_flattened());
        self.about_last.clear();
        if self.buffer.len() >= BUFFER_BYTES {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// What is kept of a batch with this idempotency key and with these digests of texts in quarantine, each after its
    /// place in the delivery, in order.
    pub(super) fn finish(
        mut self,
        idempotency_key: Option<&str>,
        texts: impl Iterator<Item = (u32, [u8; 32])>,
    ) -> Kept {
        self.settle();
        self.hasher.update(&self.buffer);
        let mut all = blake3::Hasher::new();
        all.update(self.hasher.finalize().as_bytes());
        all.update(&self.count.to_be_bytes());
        match idempotency_key {
            None => all.update(&[0]),
            Some(key) => all.update(&[1]).update(blake3::hash(key.as_bytes()).as_bytes()),
        };
        for (place, text) in texts {
            all.update(&place.to_be_bytes()).update(&text);
        }
        Kept {
            sayings: self.count,
            digest: *all.finalize().as_bytes(),
        }
    }
}

fn saying(
    (_, hour): Key,
    of: &SeriesKey,
    granularity: Granularity,
    quantity: Quantity,
) -> [u8; SAYING_BYTES] {
    let mut bytes = [0; SAYING_BYTES];
    bytes[..4].copy_from_slice(&hour.epoch_hours().to_be_bytes());
    bytes[4..20].copy_from_slice(of);
    bytes[20] = match granularity {
        Granularity::Hour => 0,
        Granularity::Day => 1,
    };
    bytes[21] = quantity.scale();
    bytes[22..].copy_from_slice(&quantity.coefficient().to_be_bytes());
    bytes
}

/// What stands for the text of a record in quarantine.
pub(super) fn text_digest(raw: &str) -> [u8; 32] {
    *blake3::hash(raw.as_bytes()).as_bytes()
}

//! Chance that can be had again: the same seed decides the same.

use std::sync::Mutex;

/// A sequence of random numbers (SplitMix64), shared by whoever needs some.
pub(super) struct Chance(Mutex<u64>);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub(super) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `[from, to)`.
    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// Whether something happens that does so this often in a thousand.
    pub(super) fn happens(&self, per_mille: u64) -> bool {
        self.between(0, 1000) < per_mille
    }
}

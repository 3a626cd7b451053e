//! Deterministic randomness: the same seed gives the same stack on every machine.
//!
//! Both forms are SplitMix64. The sequence ([`Random`]) is drawn once, when a stack is built. What happens to one
//! record is a function of its place ([`draw`]), so that any hour can be made again without those before it.

use domain::time::Hour;

/// SplitMix64's step: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

const fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The number at this place of the sequence that starts at `seed`.
pub(crate) const fn draw(seed: u64, place: u64) -> u64 {
    finish(seed.wrapping_add(place.wrapping_add(1).wrapping_mul(STEP)))
}

/// The place of one series and hour in a sequence.
pub(crate) fn place(series: usize, hour: Hour) -> u64 {
    (series as u64) << 32 | u64::from(hour.epoch_hours().unsigned_abs())
}

/// A sequence of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    seed: u64,
    place: u64,
}

impl Random {
    /// The sequence that starts at `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, place: 0 }
    }

    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        let number = draw(self.seed, self.place);
        self.place += 1;
        number
    }

    /// A number in `[from, to)`; `from` if that is empty.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + scale(self.next(), to.saturating_sub(from))
    }

    /// Whether something happens that does so `per_mille` times in a thousand.
    pub(crate) fn happens(&mut self, per_mille: u64) -> bool {
        self.between(0, 1000) < per_mille
    }

    /// One of the items, none of no items.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.between(0, items.len() as u64)).ok()?;
        items.get(index)
    }

    /// The bytes of a random GUID (version 4).
    pub(crate) fn guid(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        *uuid::Builder::from_random_bytes(bytes).as_uuid().as_bytes()
    }
}

/// A number of 64 random bits brought into `[0, below)`; 0 if that is empty.
pub(crate) const fn scale(number: u64, below: u64) -> u64 {
    // The upper half of the product.
    ((number as u128 * below as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first numbers of SplitMix64 for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(7);
        assert!((0..1000).all(|_| (3..9).contains(&random.between(3, 9))));
        assert_eq!(random.between(5, 5), 5);
        assert!((0..100).all(|_| !random.happens(0) && random.happens(1000)));
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}

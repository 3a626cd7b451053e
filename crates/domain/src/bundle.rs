//! Bundles: usage of a stack without a connection, carried in files. What may follow what. *(ours)*
//!
//! The bundles of one life of a registration are numbered from 1, each names the digest of the one before, and its window
//! of reported time begins where that one's ended. So a bundle that was lost, left out, swapped or made anew is noticed,
//! on the platform's side ([`place`]) as on the stack's ([`Chain`]).

mod chain;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

pub use chain::{Chain, Made, NextBundle, State};

use crate::time::{Hour, HourInterval};

/// The most hours of reported time in one bundle: a year.
pub const BUNDLE_HOURS_MAX: i32 = 366 * 24;
/// The most parts of one bundle: each is one delivery.
pub const BUNDLE_PARTS_MAX: usize = 20_000;

/// BLAKE3 of something. That of a bundle is its manifest's, which holds the digests of everything in it. As text it is 64
/// hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a BLAKE3 digest, 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * bytes.len() {
            return Err(InvalidDigest);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidDigest)?;
            if !pair.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
                return Err(InvalidDigest);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidDigest)?;
        }
        Ok(Self(bytes))
    }
}

/// The name under which a part of a bundle is delivered, from 1: whoever delivers it again, it is the same delivery. The
/// one after the last declares how far the stack has reported.
#[must_use]
pub fn delivery_name(bundle: Digest, number: usize) -> String {
    format!("bundle-{bundle}-{number}")
}

/// A bundle, as far as order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// Its number among the bundles of this life of the stack's registration.
    pub sequence: NonZeroU32,
    /// What it is.
    pub digest: Digest,
    /// The bundle before; none for the first.
    pub previous: Option<Digest>,
    /// The hours of reported time that it holds completely.
    pub window: HourInterval,
}

impl AsRef<Self> for Bundle {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Where a bundle belongs that is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the next one.
    Next,
    /// It was taken in before: doing it again changes nothing.
    Taken,
}

/// Why a bundle is not taken in. The text says which one is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    /// Bundles before it have not arrived.
    #[error(
        "this is bundle {sequence} of the stack, and {} not arrived: import what is missing first, in order. If it was \
         lost, export again from there on, on the stack's side, with --restart, or, where that side has a receipt of it \
         (the platform was restored from a backup since), with --restart --after {}",
        missing(*.first, *.sequence),
        .first.saturating_sub(1)
    )]
    Missing {
        /// The first one that is missing.
        first: u32,
        /// The one at hand.
        sequence: NonZeroU32,
    },
    /// Another bundle with its number was taken in.
    #[error(
        "bundle {sequence} of the stack was taken in already, and it was another one, with digest {taken}. Bring the \
         receipt of the last one that was taken in, bundle {last}, to the stack's side (`meterbridge stack \
         bundle-receipt` prints it, `meterbridge bridge accept-receipt` takes it), and export again: the next bundle \
         follows it"
    )]
    AnotherTaken {
        /// The number.
        sequence: NonZeroU32,
        /// The one that was taken in.
        taken: Digest,
        /// The number of the last one that was taken in.
        last: NonZeroU32,
    },
    /// It follows another bundle than the last one that was taken in.
    #[error(
        "bundle {sequence} follows a bundle that is not the last one that was taken in, which has digest {last}. Bring \
         the receipt of that one to the stack's side (`meterbridge stack bundle-receipt` prints it, `meterbridge bridge \
         accept-receipt` takes it), and export again: the next bundle follows it"
    )]
    AnotherBefore {
        /// The number.
        sequence: NonZeroU32,
        /// The last one that was taken in.
        last: Digest,
    },
    /// The first bundle names one before it.
    #[error("the first bundle of a registration follows none, and this one names another before it")]
    FirstFollows,
    /// Its window does not begin where the last one's ended.
    #[error(
        "its window of reported time begins at {starts}, and the bundle before it ended at {expected}: the hours between \
         would be lost or read twice. Export again, from {expected} on"
    )]
    NotJoined {
        /// The hour with which it has to begin.
        expected: Hour,
        /// The hour with which it begins.
        starts: Hour,
    },
    /// It is the first one, and hours before it were neither reported nor given up.
    #[error(
        "it is the first bundle of the stack's registration, and its window of reported time begins at {starts}: what the \
         stack reported from {expected} on, the hour up to which it had reported before or in which the registration \
         began, would be left out. Export again on the stack's side, with --restart --from {expected}. Where those hours \
         cannot be had any more, begin later with --leave-out-earlier: then everybody sees that they are left out"
    )]
    BeginsLate {
        /// The hour with which it has to begin, or an earlier one.
        expected: Hour,
        /// The hour with which it begins.
        starts: Hour,
    },
}

fn missing(first: u32, sequence: NonZeroU32) -> String {
    let last = sequence.get() - 1;
    if first == last {
        format!("bundle {first} has")
    } else {
        format!("bundles {first} to {last} have")
    }
}

impl OutOfOrder {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "BundlesMissing",
            Self::AnotherTaken { .. } => "BundleSuperseded",
            Self::AnotherBefore { .. } | Self::FirstFollows => "BundlePredecessorDiffers",
            Self::NotJoined { .. } | Self::BeginsLate { .. } => "BundleNotJoined",
        }
    }
}

/// Where a bundle belongs among those that were taken in, which are all in order.
///
/// # Errors
/// [`OutOfOrder`] if it is neither one of them nor the next.
pub fn place<T: AsRef<Bundle>>(taken: &[T], bundle: &Bundle) -> Result<Place, OutOfOrder> {
    let sequence = bundle.sequence;
    let last = taken.last().map(AsRef::as_ref);
    let same = taken.iter().map(AsRef::as_ref).find(|it| it.sequence == sequence);
    if let Some(same) = same {
        return if same.digest == bundle.digest {
            Ok(Place::Taken)
        } else {
            Err(OutOfOrder::AnotherTaken {
                sequence,
                taken: same.digest,
                last: last.map_or(sequence, |last| last.sequence),
            })
        };
    }
    let first = last.map_or(1, |last| last.sequence.get().saturating_add(1));
    if sequence.get() != first {
        return Err(OutOfOrder::Missing { first, sequence });
    }
    match (last, bundle.previous) {
        (None, None) => Ok(Place::Next),
        (None, Some(_)) => Err(OutOfOrder::FirstFollows),
        (Some(last), previous) if previous != Some(last.digest) => Err(OutOfOrder::AnotherBefore {
            sequence,
            last: last.digest,
        }),
        (Some(last), _) if bundle.window.start() != last.window.end() => Err(OutOfOrder::NotJoined {
            expected: last.window.end(),
            starts: bundle.window.start(),
        }),
        (Some(_), _) => Ok(Place::Next),
    }
}

/// Whether the first bundle of a registration leaves no hour out, if this is the first one: it begins where the stack's
/// reports ended or, where there were none, with the registration, or earlier than that.
///
/// # Errors
/// [`OutOfOrder::BeginsLate`].
pub fn must_begin_by(expected: Hour, bundle: &Bundle) -> Result<(), OutOfOrder> {
    let starts = bundle.window.start();
    if bundle.sequence > NonZeroU32::MIN || starts <= expected {
        return Ok(());
    }
    Err(OutOfOrder::BeginsLate { expected, starts })
}

#[cfg(test)]
mod tests;

//! Records that are none: copies of a true one with one thing broken.

use domain::usage::QuarantineCode;

use crate::random;
use crate::record::{Names, Template};

/// What is broken in a malformed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformation {
    /// The usage start is a word.
    WordForTime,
    /// The usage start lies inside an hour.
    HalfHour,
    /// The quantity is a word.
    WordForQuantity,
    /// The quantity is below zero.
    NegativeQuantity,
    /// The quantity has more digits than can be kept.
    EndlessQuantity,
    /// The instance data ends in the middle.
    TornInstanceData,
    /// The subscription id is no GUID.
    BadSubscription,
    /// The meter id is no GUID.
    BadMeter,
}

impl Malformation {
    const ALL: [Self; 8] = [
        Self::WordForTime,
        Self::HalfHour,
        Self::WordForQuantity,
        Self::NegativeQuantity,
        Self::EndlessQuantity,
        Self::TornInstanceData,
        Self::BadSubscription,
        Self::BadMeter,
    ];

    /// One of them, by 64 random bits.
    pub(crate) fn by_chance(chance: u64) -> Self {
        let index = random::scale(chance, Self::ALL.len() as u64);
        usize::try_from(index)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
            .unwrap_or(Self::BadMeter)
    }

    /// The code under which a server quarantines it.
    pub(crate) const fn code(self) -> QuarantineCode {
        match self {
            Self::WordForTime | Self::HalfHour => QuarantineCode::InvalidUsageTime,
            Self::WordForQuantity | Self::NegativeQuantity => QuarantineCode::InvalidQuantity,
            Self::EndlessQuantity => QuarantineCode::QuantityNotExact,
            Self::TornInstanceData => QuarantineCode::InvalidInstanceData,
            Self::BadSubscription => QuarantineCode::InvalidSubscriptionId,
            Self::BadMeter => QuarantineCode::InvalidMeterId,
        }
    }

    /// Writes a record that is well-formed but for this. It remains JSON, so that its neighbours can be read.
    pub(crate) fn write(
        self,
        out: &mut String,
        names: Names<'_>,
        instance_data: &str,
        start: &str,
        end: &str,
    ) {
        let instance_data = match self {
            // Inside the resource URI, which is ASCII.
            Self::TornInstanceData => instance_data.get(..60).unwrap_or("{"),
            _ => instance_data,
        };
        let names = match self {
            Self::BadSubscription => Names {
                subscription: "local-subscription",
                ..names
            },
            Self::BadMeter => Names {
                meter: "6dab500f-a4fd-49c4-956d",
                ..names
            },
            _ => names,
        };
        let half_hour = start.replacen(":00:00", ":30:00", 1);
        let start = match self {
            Self::WordForTime => "yesterday",
            Self::HalfHour => &half_hour,
            _ => start,
        };
        let quantity = match self {
            Self::WordForQuantity => r#""plenty""#,
            Self::NegativeQuantity => "-1.5",
            Self::EndlessQuantity => "0.33333333333333333333333333333333",
            _ => "1.0",
        };
        Template::new(names, instance_data).write(out, start, end, |out| out.push_str(quantity));
    }
}

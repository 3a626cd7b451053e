//! Usage records: what a stack says was consumed, and which of several sayings about one hour counts.
//!
//! A record measures a series: (stack, local subscription, local meter, resource URI). Its natural key is (series,
//! usage start), and is permanent. Under one key the same quantity is a duplicate and another quantity a revision;
//! nothing else ever makes a record disappear.

use std::borrow::Cow;
use std::fmt;

use crate::ids::{LocalMeterId, LocalSubscriptionId};
use crate::quantity::Quantity;
use crate::time::{Hour, HourInterval, Timestamp};

/// The most records one delivery may hold.
pub const RECORDS_PER_DELIVERY_MAX: usize = 50_000;
/// The most bytes a record's location may have.
pub const LOCATION_BYTES_MAX: usize = 256;
/// The most bytes a record's tags, or its additional info, may have.
pub const ATTRIBUTE_BYTES_MAX: usize = 16 * 1024;
/// How many hours the clock of a stack may be ahead of the clock here. *(ours)*
pub const CLOCK_AHEAD_HOURS_MAX: i32 = 1;

/// The latest hour that what is received at a moment can be about: usage that begins later, or is said to have been
/// reported later, has not happened yet. Usage that has begun counts though it has not ended: a stack reports the part
/// of an hour or a day before the whole.
#[must_use]
pub fn latest_hour(received: Timestamp) -> Hour {
    Hour::containing(received).plus(CLOCK_AHEAD_HOURS_MAX)
}

/// How long the interval of a record is. A series has one granularity per UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// One UTC hour.
    Hour,
    /// One UTC day, from midnight to midnight.
    Day,
}

impl Granularity {
    /// The granularity of `[start, end)`, if it is one UTC hour or one UTC day.
    #[must_use]
    pub fn of(interval: HourInterval) -> Option<Self> {
        match interval.hours() {
            1 => Some(Self::Hour),
            24 if interval.start().day().first_hour() == interval.start() => Some(Self::Day),
            _ => None,
        }
    }

    /// How many hours one record covers.
    #[must_use]
    pub const fn hours(self) -> i32 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }
}

/// One record as the stack reported it, its texts borrowed from the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord<'a> {
    /// The local subscription the usage was emitted under.
    pub local_subscription: LocalSubscriptionId,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// The resource that consumed, in the case as sent.
    pub resource_uri: Cow<'a, str>,
    /// Where the resource is. An attribute of the series, as are the next two.
    pub location: Cow<'a, str>,
    /// The resource's tags: a text as sent (`""`, `"null"` and JSON text all occur).
    pub tags: Cow<'a, str>,
    /// What the resource provider adds: a text as sent, mostly JSON.
    pub additional_info: Cow<'a, str>,
    /// The hour in which the consumption began: the usage start.
    pub start: Hour,
    /// How long it lasted.
    pub granularity: Granularity,
    /// How much, in the local meter's unit.
    pub quantity: Quantity,
}

impl UsageRecord<'_> {
    /// The first hour after the consumption: the usage end.
    #[must_use]
    pub fn end(&self) -> Hour {
        self.start.plus(self.granularity.hours())
    }

    /// What its resource URI names as the subscription, if that is not the one it was emitted under. Where it names none,
    /// nothing contradicts.
    #[must_use]
    pub fn other_subscription(&self) -> Option<&str> {
        let mut parts = self.resource_uri.trim_start_matches('/').split('/');
        let named = parts
            .next()
            .filter(|part| part.eq_ignore_ascii_case("subscriptions"));
        let named = named.and(parts.next())?;
        (named.parse() != Ok(self.local_subscription)).then_some(named)
    }
}

/// Why a record was put into quarantine: a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuarantineCode {
    /// Not an object of the shape of a usage aggregate.
    MalformedRecord,
    /// A member that every record has is not there.
    MissingProperty,
    /// `subscriptionId` is not a GUID.
    InvalidSubscriptionId,
    /// `meterId` is not a GUID.
    InvalidMeterId,
    /// `usageStartTime` or `usageEndTime` is not a whole hour.
    InvalidUsageTime,
    /// The interval is neither one UTC hour nor one UTC day.
    InvalidUsageInterval,
    /// `usageStartTime` is later than [`latest_hour`].
    UsageInFuture,
    /// `quantity` is not a decimal number of zero or more.
    InvalidQuantity,
    /// `quantity` has more digits than can be kept exactly.
    QuantityNotExact,
    /// `instanceData` is not JSON of the documented shape, or names no resource.
    InvalidInstanceData,
    /// A text is longer than its limit.
    TextTooLong,
    /// The series has already been reported in the other granularity on that UTC day.
    GranularityConflict,
}

impl QuarantineCode {
    /// Every code.
    pub const ALL: [Self; 12] = [
        Self::MalformedRecord,
        Self::MissingProperty,
        Self::InvalidSubscriptionId,
        Self::InvalidMeterId,
        Self::InvalidUsageTime,
        Self::InvalidUsageInterval,
        Self::UsageInFuture,
        Self::InvalidQuantity,
        Self::QuantityNotExact,
        Self::InvalidInstanceData,
        Self::TextTooLong,
        Self::GranularityConflict,
    ];

    /// The code as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedRecord => "MalformedRecord",
            Self::MissingProperty => "MissingProperty",
            Self::InvalidSubscriptionId => "InvalidSubscriptionId",
            Self::InvalidMeterId => "InvalidMeterId",
            Self::InvalidUsageTime => "InvalidUsageTime",
            Self::InvalidUsageInterval => "InvalidUsageInterval",
            Self::UsageInFuture => "UsageInFuture",
            Self::InvalidQuantity => "InvalidQuantity",
            Self::QuantityNotExact => "QuantityNotExact",
            Self::InvalidInstanceData => "InvalidInstanceData",
            Self::TextTooLong => "TextTooLong",
            Self::GranularityConflict => "GranularityConflict",
        }
    }

    /// The code written so.
    #[must_use]
    pub fn from_code(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for QuarantineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A record that cannot be counted, with all that is needed to find out why and to release it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined<'a> {
    /// Its place in the delivery, from 0.
    pub index: u32,
    /// Why.
    pub code: QuarantineCode,
    /// What is wrong and what would be right, naming the member.
    pub message: String,
    /// The record's text as sent.
    pub raw: Cow<'a, str>,
}

/// What was said about one key at one reported time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The quantity.
    pub quantity: Quantity,
    /// The reported time: the start of the window the record was read from.
    pub reported: Hour,
}

/// The observation that counts: of the one with the newest reported time, and of equal ones the larger quantity (a
/// part of an hour reported before the whole).
///
/// A quantity's reported time is the *earliest* at which it was said *(ours)*. That makes the answer a function of
/// the set of observations: saying something again, in any order and at any later time, changes nothing.
///
/// Returns nothing only for no observations.
#[must_use]
pub fn that_counts(observations: &[Observation]) -> Option<Observation> {
    let first_said = |quantity: Quantity| {
        let sayings = observations
            .iter()
            .filter(move |other| other.quantity == quantity);
        sayings.map(|other| other.reported).min()
    };
    observations
        .iter()
        .filter_map(|it| first_said(it.quantity).map(|reported| Observation { reported, ..*it }))
        .max_by(|a, b| {
            a.reported
                .cmp(&b.reported)
                .then_with(|| a.quantity.cmp(&b.quantity))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(quantity: &str, reported: i32) -> Observation {
        Observation {
            quantity: quantity.parse().unwrap(),
            reported: Hour::from_epoch_hours(reported).unwrap(),
        }
    }

    #[test]
    fn the_newest_report_counts_and_of_equal_ones_the_larger() {
        for (name, observations, counts) in [
            ("one", vec![said("1", 5)], said("1", 5)),
            (
                "a later revision down",
                vec![said("2", 5), said("1", 6)],
                said("1", 6),
            ),
            (
                "the part of an hour before the whole",
                vec![said("0.4", 5), said("1", 5)],
                said("1", 5),
            ),
            (
                "late news of an older report",
                vec![said("1", 6), said("2", 5)],
                said("1", 6),
            ),
            (
                "an old report repeated later",
                vec![said("2", 5), said("1", 6), said("2", 9)],
                said("1", 6),
            ),
        ] {
            assert_eq!(that_counts(&observations), Some(counts), "{name}");
            let backwards: Vec<_> = observations.into_iter().rev().collect();
            assert_eq!(that_counts(&backwards), Some(counts), "{name}, backwards");
        }
        assert_eq!(that_counts(&[]), None);
    }

    #[test]
    fn an_interval_is_one_hour_or_one_utc_day() {
        let interval =
            |start: &str, end: &str| HourInterval::new(start.parse().unwrap(), end.parse().unwrap());
        let of = |start, end| Granularity::of(interval(start, end).unwrap());
        assert_eq!(
            of("2026-10-01T13:00:00Z", "2026-10-01T14:00:00Z"),
            Some(Granularity::Hour)
        );
        assert_eq!(
            of("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"),
            Some(Granularity::Day)
        );
        assert_eq!(of("2026-10-01T13:00:00Z", "2026-10-02T13:00:00Z"), None);
        assert_eq!(of("2026-10-01T13:00:00Z", "2026-10-01T15:00:00Z"), None);
    }

    #[test]
    fn usage_mended_to_one_subscription_with_the_resource_of_another_is_seen() {
        let other = |uri: &'static str| {
            let record = UsageRecord {
                local_subscription: "6f5e4d3c-2b1a-4e0f-9d8c-7b6a5f4e3d2c".parse().unwrap(),
                local_meter: LocalMeterId::from_bytes([1; 16]),
                resource_uri: Cow::Borrowed(uri),
                location: Cow::Borrowed(""),
                tags: Cow::Borrowed(""),
                additional_info: Cow::Borrowed(""),
                start: Hour::MIN,
                granularity: Granularity::Hour,
                quantity: "1".parse().unwrap(),
            };
            record.other_subscription().map(str::to_owned)
        };
        assert_eq!(
            other("/Subscriptions/6F5E4D3C-2B1A-4E0F-9D8C-7B6A5F4E3D2C/x/vm"),
            None
        );
        assert_eq!(
            other("/subscriptions/not-a-guid/x/vm").as_deref(),
            Some("not-a-guid")
        );
        for names_none in ["/vm", "", "/subscriptions", "/x/subscriptions/not-a-guid"] {
            assert_eq!(other(names_none), None, "{names_none}");
        }
    }

    #[test]
    fn a_clock_may_be_an_hour_ahead_and_no_more() {
        for (received, latest) in [
            ("2026-10-01T13:00:00Z", "2026-10-01T14:00:00Z"),
            ("2026-10-01T13:59:59.9Z", "2026-10-01T14:00:00Z"),
            ("2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let latest: Hour = latest.parse().unwrap();
            assert_eq!(latest_hour(received.parse().unwrap()), latest, "{received}");
        }
    }

    #[test]
    fn codes_are_stable_texts() {
        for code in QuarantineCode::ALL {
            assert_eq!(QuarantineCode::from_code(code.as_str()), Some(code));
        }
    }

    proptest! {
        #[test]
        fn repeating_and_reordering_changes_nothing(
            said in prop::collection::vec((0u128..4, 0i32..5), 1..8), repeat in 0usize..8, later in 0i32..5,
        ) {
            let mut observations: Vec<Observation> = said
                .into_iter()
                .map(|(quantity, reported)| Observation {
                    quantity: Quantity::new(quantity, 0).unwrap(),
                    reported: Hour::from_epoch_hours(reported).unwrap(),
                })
                .collect();
            let counts = that_counts(&observations);
            let again = observations[repeat % observations.len()];
            observations.insert(0, Observation { reported: again.reported.plus(later), ..again });
            prop_assert_eq!(that_counts(&observations), counts);
            observations.reverse();
            prop_assert_eq!(that_counts(&observations), counts);
        }
    }
}

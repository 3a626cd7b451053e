//! What is measured: one meter of one resource, hour after hour.

use std::num::NonZeroU16;
use std::sync::Arc;

use domain::time::{Hour, HourInterval};

use crate::amount::Amount;
use crate::meters::Meter;
use crate::random;
use crate::record::Template;

/// Bytes of a GB, as stacks count.
pub(crate) const GB: u64 = 1 << 30;
/// Bytes of a MB, as stacks count.
pub(crate) const MB: u64 = 1 << 20;

/// One meter of one resource.
#[derive(Debug)]
pub(crate) struct Series {
    /// The index of its local subscription.
    pub(crate) subscription: usize,
    pub(crate) meter: Meter,
    pub(crate) power: Power,
    pub(crate) rhythm: Rhythm,
    /// The times between which the resource was resized, one after the other.
    pub(crate) phases: Vec<Phase>,
}

/// A time in which a resource keeps its size.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) hours: HourInterval,
    pub(crate) measure: Measure,
    pub(crate) attributes: Arc<Attributes>,
    /// The JSON text that all records of the phase share.
    pub(crate) template: Template,
}

/// What a record says of its resource besides how much it used.
#[derive(Debug)]
pub(crate) struct Attributes {
    pub(crate) uri: String,
    pub(crate) location: String,
    pub(crate) tags: String,
    pub(crate) additional_info: String,
}

impl Series {
    /// The phase in which the series has a record for an hour, if it has one.
    pub(crate) fn phase_at(&self, hour: Hour) -> Option<&Phase> {
        let phase = self.phases.iter().find(|phase| phase.hours.contains(hour))?;
        self.is_measured(hour).then_some(phase)
    }

    /// How many records it has in all.
    pub(crate) fn records(&self) -> u64 {
        self.phases
            .iter()
            .map(|phase| hours_of(phase.hours).filter(|h| self.is_measured(*h)).count() as u64)
            .sum()
    }

    fn is_measured(&self, hour: Hour) -> bool {
        self.rhythm.beats(hour) && self.power.is_allocated(hour)
    }
}

/// The hours of an interval, in order.
pub(crate) fn hours_of(interval: HourInterval) -> impl Iterator<Item = Hour> {
    (0..interval.hours()).map(move |hours| interval.start().plus(hours))
}

/// In which hours anything is measured at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// The first of them,
    pub(crate) first: Hour,
    /// and how many hours lie from one to the next.
    pub(crate) hours_apart: NonZeroU16,
}

impl Rhythm {
    fn beats(self, hour: Hour) -> bool {
        let since = hour.epoch_hours() - self.first.epoch_hours();
        since % i32::from(self.hours_apart.get()) == 0
    }
}

/// When the machine behind a series is switched on. Only a deallocated machine uses nothing: a stopped one keeps its
/// place on the host and is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// Always on, or not a machine.
    Running,
    /// Stopped from inside every night.
    StoppedAtNight,
    /// Deallocated every night.
    DeallocatedAtNight,
    /// Deallocated on Saturdays and Sundays.
    DeallocatedAtWeekends,
}

impl Power {
    fn is_allocated(self, hour: Hour) -> bool {
        match self {
            Self::Running | Self::StoppedAtNight => true,
            Self::DeallocatedAtNight => (6..20).contains(&hour.epoch_hours().rem_euclid(24)),
            // The first day of the epoch was a Thursday.
            Self::DeallocatedAtWeekends => (hour.day().epoch_days() + 3).rem_euclid(7) < 5,
        }
    }
}

/// How a quantity comes about, always exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    /// So many in every hour: cores, machines, addresses.
    Count(u32),
    /// One thing as a part of the month: an hour of it.
    MonthShare,
    /// Bytes that are stored and become more, in a unit times hours.
    Stored { bytes: u64, growth: u64, unit: Unit },
    /// Something that goes by: up to `most` in an hour, counted in units of `per`.
    Flow { most: u64, per: u64 },
}

/// What stored bytes are measured in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// GB times hours.
    GbHours,
    /// GB times the month.
    GbMonths,
    /// MB times hours, with ten decimal places.
    MbHours,
}

impl Measure {
    /// The quantity of one hour. `chance` are 64 random bits of this series and hour, `age` the hours since the phase
    /// began.
    pub(crate) fn amount(self, chance: u64, age: u64, month_hours: u64) -> Amount {
        match self {
            Self::Count(number) => Amount::whole(number),
            Self::MonthShare => Amount::fraction(1, month_hours),
            Self::Flow { most, per } => Amount::fraction(1 + random::scale(chance, most), per),
            Self::Stored { bytes, growth, unit } => {
                let stored = bytes + growth * age + random::scale(chance, growth);
                match unit {
                    Unit::GbHours => Amount::fraction(stored, GB),
                    Unit::GbMonths => Amount::fraction(stored, GB * month_hours),
                    Unit::MbHours => Amount::with_places(stored, MB, 10),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_machine_is_measured_and_a_deallocated_one_is_not() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let (night, noon, saturday) = (
            "2026-10-01T03:00:00Z",
            "2026-10-01T12:00:00Z",
            "2026-10-03T12:00:00Z",
        );
        for (power, allocated) in [
            (Power::Running, [true, true, true]),
            (Power::StoppedAtNight, [true, true, true]),
            (Power::DeallocatedAtNight, [false, true, true]),
            (Power::DeallocatedAtWeekends, [true, true, false]),
        ] {
            assert_eq!(
                [night, noon, saturday].map(|text| power.is_allocated(hour(text))),
                allocated,
                "{power:?}"
            );
        }
    }
}

//! How many records of each hour count.

use std::collections::BTreeMap;

use crate::time::{Day, Hour};
use crate::usage::Granularity;

const HOURS_OF_DAY: usize = 24;

/// How many records of one day count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordsOfDay {
    /// Records of one hour, by that hour.
    pub of_hours: [u64; HOURS_OF_DAY],
    /// Records of the whole day. They cover each of its hours.
    pub of_day: u64,
}

impl RecordsOfDay {
    fn any(&self) -> bool {
        self.of_day > 0 || self.of_hours.iter().any(|count| *count > 0)
    }
}

/// How many records cover one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RecordsAt {
    pub(super) of_hour: u64,
    pub(super) of_day: u64,
}

impl RecordsAt {
    pub(super) const fn total(self) -> u64 {
        self.of_hour + self.of_day
    }
}

/// How many records of a stack count, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(BTreeMap<Day, RecordsOfDay>);

impl Records {
    /// Counts records that start in an hour.
    pub fn add(&mut self, start: Hour, granularity: Granularity, records: u64) {
        let of_day = self.0.entry(start.day()).or_default();
        match granularity {
            Granularity::Day => of_day.of_day += records,
            Granularity::Hour => {
                if let Some(of_hour) = of_day.of_hours.get_mut(hour_of_day(start)) {
                    *of_hour += records;
                }
            }
        }
    }

    /// The days with records, in order.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = (Day, &RecordsOfDay)> {
        self.0
            .iter()
            .map(|(day, records)| (*day, records))
            .filter(|(_, records)| records.any())
    }

    /// Only the records of these hours. A record of a day belongs to its first one.
    #[must_use]
    pub fn only(&self, is: impl Fn(Hour) -> bool) -> Self {
        let mut only = Self::default();
        for (day, records) in self.days() {
            let hours = (0i32..)
                .zip(records.of_hours)
                .map(|(after, count)| (day.first_hour().plus(after), count));
            for (hour, count) in hours.filter(|(hour, count)| *count > 0 && is(*hour)) {
                only.add(hour, Granularity::Hour, count);
            }
            if records.of_day > 0 && is(day.first_hour()) {
                only.add(day.first_hour(), Granularity::Day, records.of_day);
            }
        }
        only
    }

    /// The hours before one in which records start, in order, with how many.
    pub(super) fn starts_before(&self, hour: Hour) -> impl DoubleEndedIterator<Item = (Hour, u64)> {
        let of_day = |(day, records): (Day, &RecordsOfDay)| {
            let (first, of_day) = (day.first_hour(), records.of_day);
            let hours = (0i32..24).zip(records.of_hours);
            hours.map(move |(after, count)| {
                (first.plus(after), if after == 0 { count + of_day } else { count })
            })
        };
        let starts = self.days().flat_map(of_day);
        starts.filter(move |(start, count)| *start < hour && *count > 0)
    }

    /// Those that cover an hour.
    pub(super) fn at(&self, hour: Hour) -> RecordsAt {
        let of_day = self.0.get(&hour.day());
        of_day.map_or_else(RecordsAt::default, |records| {
            records_at(records, hour_of_day(hour))
        })
    }

    /// Whether there are any of a day.
    pub(super) fn any_on(&self, day: Day) -> bool {
        self.0.get(&day).is_some_and(RecordsOfDay::any)
    }

    /// The last hour in which a record starts.
    #[must_use]
    pub fn last_start(&self) -> Option<Hour> {
        let (day, records) = self.days().next_back()?;
        let last = records
            .of_hours
            .iter()
            .rposition(|count| *count > 0)
            .unwrap_or_default();
        Some(day.first_hour().plus(i32::try_from(last).unwrap_or_default()))
    }

    /// The end of the last hour that a record covers.
    #[must_use]
    pub fn covered_through(&self) -> Option<Hour> {
        let (day, records) = self.days().next_back()?;
        if records.of_day > 0 {
            Some(day.interval().end())
        } else {
            Some(self.last_start()?.plus(1))
        }
    }
}

fn records_at(records: &RecordsOfDay, hour_of_day: usize) -> RecordsAt {
    RecordsAt {
        of_hour: records.of_hours.get(hour_of_day).copied().unwrap_or_default(),
        of_day: records.of_day,
    }
}

fn hour_of_day(hour: Hour) -> usize {
    let after = hour.epoch_hours() - hour.day().first_hour().epoch_hours();
    usize::try_from(after).unwrap_or_default()
}

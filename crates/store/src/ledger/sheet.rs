//! Sheets: what is kept of 64 series of one local subscription for one hour, or for one day.
//!
//! Neighbouring series are delivered together and billed together, so they are kept together: one row of the
//! database for up to 64 records, with a third of the bytes and a fraction of the work of a row each. How a sheet
//! becomes a row is each back end's own.

use domain::quantity::Quantity;
use domain::time::{Day, Hour};
use domain::usage::Granularity;

use super::ids::{BatchRow, SLOTS};
use super::total::Total;

/// An entry per slot, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sheet<T>(Box<[Option<T>; SLOTS]>);

impl<T> Sheet<T> {
    pub(crate) fn empty() -> Self {
        Self(Box::new([const { None }; SLOTS]))
    }

    pub(crate) fn entry(&self, slot: usize) -> Option<&T> {
        self.0[slot].as_ref()
    }

    pub(crate) fn entry_mut(&mut self, slot: usize) -> &mut Option<T> {
        &mut self.0[slot]
    }

    /// The entries there are, with their slots.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &T)> + Clone {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    /// A bit for every slot whose entry is like this, the first slot lowest.
    pub(crate) fn mask(&self, is: impl Fn(&T) -> bool) -> u64 {
        let like = self.entries().filter(|(_, entry)| is(entry));
        like.fold(0, |mask, (slot, _)| mask | 1 << slot)
    }
}

/// The record of a series that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) quantity: Quantity,
    pub(crate) granularity: Granularity,
    /// The batch that said so at the earliest reported time.
    pub(crate) batch: BatchRow,
}

/// Records by their usage start.
pub(crate) type HourSheet = Sheet<Cell>;

impl HourSheet {
    /// The batches of its records, each once, in the order of the slots.
    pub(crate) fn batches(&self) -> Vec<BatchRow> {
        let mut batches = Vec::new();
        for (_, cell) in self.entries() {
            if !batches.contains(&cell.batch) {
                batches.push(cell.batch);
            }
        }
        batches
    }
}

/// Some of the 24 hours of a day, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HoursOfDay(u32);

impl HoursOfDay {
    const ALL: u32 = 0x00ff_ffff;

    /// The hours of these bits, the first hour lowest, if a day has as many.
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        (bits & !Self::ALL == 0).then_some(Self(bits))
    }

    /// A bit for every hour, the first hour lowest.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    fn bit(day: Day, hour: Hour) -> u32 {
        match u32::try_from(hour.epoch_hours() - day.first_hour().epoch_hours()) {
            Ok(of_day @ 0..24) => 1 << of_day,
            _ => 0,
        }
    }

    pub(crate) fn insert(&mut self, day: Day, hour: Hour) {
        self.0 |= Self::bit(day, hour);
    }

    pub(crate) fn contains(self, day: Day, hour: Hour) -> bool {
        self.0 & Self::bit(day, hour) != 0
    }

    pub(crate) fn union(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The hours of a day, in order.
    pub(crate) fn iter(self, day: Day) -> impl DoubleEndedIterator<Item = Hour> {
        let hours = (0..24).map(move |of_day| day.first_hour().plus(of_day));
        hours.filter(move |hour| self.contains(day, *hour))
    }
}

/// What a series has of one day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DayEntry {
    pub(crate) granularity: Granularity,
    /// The hours in which its records start.
    pub(crate) hours: HoursOfDay,
    pub(crate) total: Total,
}

impl DayEntry {
    /// What a series has of a day on which nothing is known of it yet.
    pub(crate) const fn empty(granularity: Granularity) -> Self {
        Self {
            granularity,
            hours: HoursOfDay(0),
            total: Total::ZERO,
        }
    }
}

/// Totals by day.
pub(crate) type DaySheet = Sheet<DayEntry>;

#[cfg(test)]
pub(crate) mod made_up {
    //! Sheets for the tests of the back ends' encodings.

    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn cell()(
            coefficient in 0..10u128.pow(28), scale in 0u8..=37, granularity in granularity(), batch in 1u64..5,
        ) -> Cell {
            let quantity = Quantity::new(coefficient, scale).unwrap();
            Cell { quantity, granularity, batch: BatchRow(batch * 1_000_000) }
        }
    }

    fn granularity() -> impl Strategy<Value = Granularity> {
        prop::sample::select(vec![Granularity::Hour, Granularity::Day])
    }

    /// A sheet of records and one of totals of the same quantities, some of them beyond 128 bits.
    pub(crate) fn sheets() -> impl Strategy<Value = (HourSheet, DaySheet)> {
        let entries = prop::collection::vec((0..SLOTS, cell(), 1u32..=HoursOfDay::ALL, 0..4usize), 0..100);
        entries.prop_map(|entries| {
            let (mut records, mut totals) = (HourSheet::empty(), DaySheet::empty());
            for (slot, cell, hours, more) in entries {
                *records.entry_mut(slot) = Some(cell);
                let mut entry = DayEntry::empty(cell.granularity);
                entry.hours = HoursOfDay(hours);
                entry.total.add_quantity(cell.quantity);
                let large = ["9999999999999999999999999999", "1e-37", "0.00000001"];
                for quantity in &large[..more.min(large.len())] {
                    entry.total.add_quantity(quantity.parse().unwrap());
                }
                *totals.entry_mut(slot) = Some(entry);
            }
            (records, totals)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_of_a_day_are_told_apart_and_other_days_have_none() {
        let day = Day::from_epoch_days(20_000);
        let mut hours = HoursOfDay::default();
        for of_day in [0, 7, 23, 24, -1] {
            hours.insert(day, day.first_hour().plus(of_day));
        }
        let of_day: Vec<i32> = hours
            .iter(day)
            .map(|hour| hour.epoch_hours() - day.first_hour().epoch_hours())
            .collect();
        assert_eq!((of_day.as_slice(), hours.count()), ([0, 7, 23].as_slice(), 3));
        assert_eq!(HoursOfDay::from_bits(hours.bits()), Some(hours));
        assert_eq!(HoursOfDay::from_bits(1 << 24), None, "no day has 25 hours");
    }
}

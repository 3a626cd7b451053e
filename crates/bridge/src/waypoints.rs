//! What the server has acknowledged, and by which receipts: so that it is known what to read again where it has them no
//! more, as after a restore from a backup.
//!
//! A receipt stands for all of the stack's receipts before it. Each delivery names those that were acknowledged last, and
//! is stored only where they are: so whoever has the newer ones has the older ones, too.

use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};
use wire::api::{KnownReceipt, KnownReceipts};

use crate::cursor::{InvalidCursor, hour};

/// The most waypoints of a level. What one of the next level stands for is twice as much: with eight, no more than a quarter
/// of a year too much is read again where a year was lost, in 80 waypoints.
const OF_A_LEVEL_MAX: usize = 8;
/// The level of a waypoint to which nothing is added any more.
const FINISHED: u32 = 1;
/// The most intervals of one waypoint: of more, gaps are closed.
const INTERVALS_MAX: usize = 32;

/// Hours of reported time, as intervals in order that neither meet nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hours(Vec<HourInterval>);

impl FromIterator<HourInterval> for Hours {
    fn from_iter<I: IntoIterator<Item = HourInterval>>(intervals: I) -> Self {
        let mut hours = Self::default();
        intervals.into_iter().for_each(|it| hours.add(it));
        hours
    }
}

impl Hours {
    pub(crate) fn add(&mut self, added: HourInterval) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let (mut start, mut end) = (added.start(), added.end());
        for it in self.0.drain(..) {
            if it.end() < start {
                before.push(it);
            } else if end < it.start() {
                after.push(it);
            } else {
                (start, end) = (start.min(it.start()), end.max(it.end()));
            }
        }
        before.extend(HourInterval::new(start, end));
        before.append(&mut after);
        self.0 = before;
    }

    pub(crate) fn add_all(&mut self, added: &Self) {
        added.0.iter().for_each(|it| self.add(*it));
    }

    /// Takes an interval out.
    pub(crate) fn remove(&mut self, removed: HourInterval) {
        let all = std::mem::take(&mut self.0).into_iter();
        let left = all.flat_map(|it| {
            let before = HourInterval::new(it.start(), it.end().min(removed.start()));
            let after = HourInterval::new(it.start().max(removed.end()), it.end());
            [before, after].into_iter().flatten()
        });
        self.0 = left.collect();
    }

    pub(crate) fn remove_all(&mut self, removed: &Self) {
        removed.0.iter().for_each(|it| self.remove(*it));
    }

    /// The hours of an interval that are among these.
    pub(crate) fn of(&self, interval: HourInterval) -> Self {
        let both = self.0.iter().filter_map(|it| it.intersect(interval));
        Self(both.collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many they are.
    pub(crate) fn number(&self) -> usize {
        let hours = self.0.iter().map(|it| it.hours().unsigned_abs());
        usize::try_from(hours.sum::<u32>()).unwrap_or(usize::MAX)
    }

    /// Each of them, in order.
    pub(crate) fn each(&self) -> impl Iterator<Item = Hour> {
        self.intervals()
            .flat_map(|it| (0..it.hours()).map(move |hour| it.start().plus(hour)))
    }

    pub(crate) fn contains(&self, hour: Hour) -> bool {
        self.0.iter().any(|it| it.contains(hour))
    }

    pub(crate) fn intervals(&self) -> impl Iterator<Item = HourInterval> {
        self.0.iter().copied()
    }

    /// Closes the smallest gaps until there are few intervals. More is read again then than has to be, and as little more
    /// as can be.
    fn close_gaps(&mut self) {
        while self.0.len() > INTERVALS_MAX {
            let gaps = self.0.windows(2).filter_map(|pair| match pair {
                [one, next] => HourInterval::new(one.end(), next.start()),
                _ => None,
            });
            let Some(smallest) = gaps.min_by_key(|gap| gap.hours()) else {
                return;
            };
            self.add(smallest);
        }
    }

    /// The intervals in the file of the cursor.
    pub(crate) fn stored(&self) -> Vec<(String, String)> {
        let stored = |it: HourInterval| (it.start().to_string(), it.end().to_string());
        self.intervals().map(stored).collect()
    }

    /// Reads what [`Self::stored`] gave.
    pub(crate) fn read(stored: &[(String, String)]) -> Result<Self, InvalidCursor> {
        let mut hours = Self::default();
        for (start, end) in stored {
            let interval = HourInterval::new(hour(start)?, hour(end)?);
            hours.add(interval.ok_or_else(InvalidCursor::backwards)?);
        }
        Ok(hours)
    }
}

/// What was acknowledged between two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waypoint {
    /// Whoever has all of these has everything that was acknowledged until then.
    receipts: Vec<KnownReceipt>,
    /// From which windows of reported time that was read.
    windows: Hours,
    /// 0 while more is added to it.
    level: u32,
}

/// What the server has acknowledged, from the beginning on, oldest first. Of what is long ago it is known less exactly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waypoints(Vec<Waypoint>);

impl Waypoints {
    /// The receipts that what is delivered next relies on.
    pub(crate) fn newest(&self) -> &[KnownReceipt] {
        self.0.last().map_or(&[], |newest| &newest.receipts)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes note that what was read from these windows was acknowledged with these receipts, by a server that had the
    /// newest ones then. `finishes` says whether a window is complete with it.
    pub(crate) fn acknowledged(
        &mut self,
        receipts: &[KnownReceipt],
        windows: impl Iterator<Item = Hour>,
        finishes: bool,
    ) {
        let known = self.newest();
        let newest_known = known.iter().map(|it| it.sequence).max().unwrap_or(0);
        // A delivery that had been stored before has an old receipt: what is known stands for it.
        let newer = receipts.iter().filter(|it| it.sequence > newest_known);
        let mut receipts: Vec<KnownReceipt> = newer.copied().collect();
        if receipts.is_empty() {
            receipts = known.to_vec();
        }
        if receipts.is_empty() {
            // An earlier version of the server names none.
            return;
        }
        let mut waypoint = match self.0.pop_if(|newest| newest.level < FINISHED) {
            Some(newest) => Waypoint { receipts, ..newest },
            None => Waypoint {
                receipts,
                windows: Hours::default(),
                level: 0,
            },
        };
        let windows = windows.filter_map(|hour| HourInterval::new(hour, hour.plus(1)));
        windows.for_each(|window| waypoint.windows.add(window));
        waypoint.windows.close_gaps();
        if finishes {
            waypoint.level = FINISHED;
        }
        self.0.push(waypoint);
        self.thin_out();
    }

    /// Makes one of each two that are older than the newest of their level.
    fn thin_out(&mut self) {
        let mut level = FINISHED;
        loop {
            let of_level = self.0.iter().filter(|it| it.level == level).count();
            let oldest = self.0.iter().position(|it| it.level == level);
            let Some(oldest) = oldest.filter(|_| of_level > OF_A_LEVEL_MAX) else {
                return;
            };
            let older = self.0.remove(oldest);
            if let Some(newer) = self.0.get_mut(oldest) {
                newer.windows.add_all(&older.windows);
                newer.windows.close_gaps();
                newer.level = level + 1;
            }
            level += 1;
        }
    }

    /// The server does not have the newest receipts: forgets them. Answers from which windows that was read for which it had
    /// acknowledged them.
    pub(crate) fn forget_newest(&mut self) -> Hours {
        self.0.pop().map(|newest| newest.windows).unwrap_or_default()
    }
}

/// A waypoint in the file of the cursor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredWaypoint {
    receipts: String,
    windows: Vec<(String, String)>,
    level: u32,
}

impl Waypoints {
    pub(crate) fn stored(&self) -> Vec<StoredWaypoint> {
        let stored = |it: &Waypoint| StoredWaypoint {
            receipts: KnownReceipts(it.receipts.clone()).to_string(),
            windows: it.windows.stored(),
            level: it.level,
        };
        self.0.iter().map(stored).collect()
    }

    pub(crate) fn read(stored: Vec<StoredWaypoint>) -> Result<Self, InvalidCursor> {
        let read = |it: StoredWaypoint| {
            let receipts: KnownReceipts = it
                .receipts
                .parse()
                .map_err(|error| InvalidCursor::Content(format!("{}: {error}", it.receipts)))?;
            Ok(Waypoint {
                receipts: receipts.0,
                windows: Hours::read(&it.windows)?,
                level: it.level,
            })
        };
        stored.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(hour: i32) -> Hour {
        Hour::from_epoch_hours(500_000 + hour).unwrap()
    }

    fn receipt(sequence: u64) -> KnownReceipt {
        KnownReceipt {
            sequence,
            chain: [1; 32],
        }
    }

    fn hours(hours: &Hours) -> BTreeSet<Hour> {
        let each = |it: HourInterval| (0..it.hours()).map(move |hour| it.start().plus(hour));
        hours.intervals().flat_map(each).collect()
    }

    proptest! {
        #[test]
        fn hours_that_are_added_and_taken_out_in_any_order_are_those_that_are_there(
            changes in prop::collection::vec((0i32..60, 1i32..6, any::<bool>()), 0..30),
        ) {
            let (mut all, mut expected) = (Hours::default(), BTreeSet::new());
            for (from, many, is_added) in changes {
                let (interval, each) = (HourInterval::new(at(from), at(from + many)).unwrap(), (from..from + many).map(at));
                if is_added {
                    all.add(interval);
                    expected.extend(each);
                } else {
                    all.remove(interval);
                    each.for_each(|hour| { expected.remove(&hour); });
                }
            }
            prop_assert_eq!(hours(&all), expected);
            let intervals: Vec<_> = all.intervals().collect();
            prop_assert!(intervals.is_sorted_by(|one, next| one.end() < next.start()));
        }

        #[test]
        fn a_window_whose_receipt_is_lost_would_not_be_read_again(
            windows in prop::collection::vec((0i32..400, any::<bool>()), 1..200), has in 0u64..200,
        ) {
            let mut waypoints = Waypoints::default();
            for (sequence, (window, finishes)) in (1..).zip(&windows) {
                waypoints.acknowledged(&[receipt(sequence)], [at(*window)].into_iter(), *finishes);
            }
            let kept = Waypoints::read(waypoints.stored()).unwrap();
            prop_assert_eq!(&kept, &waypoints);
            let mut lost = Hours::default();
            while waypoints.newest().iter().any(|it| it.sequence > has) {
                lost.add_all(&waypoints.forget_newest());
            }
            for (sequence, (window, _)) in (1..).zip(&windows) {
                prop_assert!(sequence <= has || lost.contains(at(*window)), "{sequence}");
            }
        }
    }

    #[test]
    fn a_year_fits_into_a_few_waypoints_and_of_the_last_hours_only_the_lost_ones_are_read_again() {
        let mut waypoints = Waypoints::default();
        for hour in 0..8784 {
            waypoints.acknowledged(
                &[receipt(hour + 1)],
                [at(i32::try_from(hour).unwrap())].into_iter(),
                true,
            );
        }
        assert!(waypoints.0.len() <= 96, "{}", waypoints.0.len());
        for (has, read_again_max) in [(8783, 1), (8779, 5), (8760, 30), (8040, 1000), (5000, 5000)] {
            let mut waypoints = waypoints.clone();
            let mut lost = Hours::default();
            while waypoints.newest().iter().any(|it| it.sequence > has) {
                lost.add_all(&waypoints.forget_newest());
            }
            let read_again = hours(&lost).len();
            assert!(read_again <= read_again_max, "{has}: {read_again}");
        }
    }

    #[test]
    fn the_receipt_of_a_delivery_that_had_been_stored_before_would_stand_for_what_it_does_not() {
        let mut waypoints = Waypoints::default();
        waypoints.acknowledged(&[receipt(8), receipt(9)], [at(0)].into_iter(), false);
        waypoints.acknowledged(&[receipt(7)], [at(0)].into_iter(), false);
        assert_eq!(waypoints.newest(), [receipt(8), receipt(9)]);
        // Any of those that were under way at once may be the one that is lost.
        waypoints.acknowledged(&[receipt(12), receipt(11)], [at(0)].into_iter(), true);
        assert_eq!(waypoints.newest(), [receipt(12), receipt(11)]);
        assert_eq!(hours(&waypoints.forget_newest()), [at(0)].into());
        assert!(waypoints.is_empty());
    }

    #[test]
    fn thousands_of_ranges_that_were_asked_for_take_no_more_room_than_a_few() {
        let mut waypoints = Waypoints::default();
        for range in 0..2000 {
            waypoints.acknowledged(&[receipt(1)], [at(3 * range)].into_iter(), false);
        }
        let lost = waypoints.forget_newest();
        assert!(lost.0.len() <= INTERVALS_MAX);
        assert!((0..2000).all(|range| lost.contains(at(3 * range))));
    }

    #[test]
    fn months_that_nobody_asked_for_would_be_read_and_declared_between_two_ranges() {
        let mut waypoints = Waypoints::default();
        // A range of last year, and this month every second hour.
        let far = -24 * 300;
        let every_second = (0..100).map(|hour| 2 * hour);
        for window in [far].into_iter().chain(every_second) {
            waypoints.acknowledged(&[receipt(1)], [at(window)].into_iter(), false);
        }
        let lost = waypoints.forget_newest();
        assert!(lost.contains(at(far)) && lost.contains(at(198)));
        assert!(!lost.contains(at(far + 1)) && !lost.contains(at(-1)));
    }
}

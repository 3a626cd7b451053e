//! In which rhythm a stack says how far it has reported.

use std::collections::BTreeMap;

use super::REPORTED_AFTER_HOURS;
use super::behind::Patience;
use crate::time::{Hour, HourInterval};

/// Of how many of the last arrivals the rhythm is looked at.
const ARRIVALS_LOOKED_AT: usize = 8;
/// With fewer of them nothing is known of it: the first ones after a stack was connected are those that catch up.
const ARRIVALS_MIN: usize = 3;
/// A stack whose news are older than these hours when they come is late, however regularly. So one that falls back a little
/// with every hour does not make a habit of it.
const HOURS_OLD_MAX: i32 = 6;

/// In which hours a stack said how far it has reported, and how far: each time further than ever before. *(ours)*
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals(Vec<Arrival>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arrival {
    received: Hour,
    through: Hour,
}

/// From the hours in which deliveries were received, and up to which hours they declared.
impl FromIterator<(Hour, Hour)> for Arrivals {
    fn from_iter<I: IntoIterator<Item = (Hour, Hour)>>(declared: I) -> Self {
        let mut by_hour: BTreeMap<Hour, Hour> = BTreeMap::new();
        for (received, through) in declared {
            let furthest = by_hour.entry(received).or_insert(through);
            *furthest = through.max(*furthest);
        }
        let mut arrivals: Vec<Arrival> = Vec::new();
        for (received, through) in by_hour {
            if arrivals.last().is_none_or(|last| last.through < through) {
                arrivals.push(Arrival { received, through });
            }
        }
        Self(arrivals)
    }
}

impl Arrivals {
    /// Only those that spoke of these hours.
    #[must_use]
    pub fn only(&self, hours: &(impl Iterator<Item = HourInterval> + Clone)) -> Self {
        let spoke_of = |through: Hour| {
            let mut reported = hours.clone();
            reported.any(|it| it.start() < through && through <= it.end().plus(REPORTED_AFTER_HOURS))
        };
        let theirs = self.0.iter().filter(|it| spoke_of(it.through));
        Self(theirs.copied().collect())
    }

    /// How far behind a stack may be that says so in this rhythm, if it has one.
    pub(super) fn patience(&self) -> Option<Patience> {
        let last = &self.0[self.0.len().saturating_sub(ARRIVALS_LOOKED_AT + 1)..];
        let hours = |from: Hour, to: Hour| to.epoch_hours() - from.epoch_hours();
        let apart = last.windows(2).map(|two| hours(two[0].received, two[1].received));
        let old = last.iter().skip(1).map(|it| hours(it.through, it.received));
        let is_known = last.len() > ARRIVALS_MIN;
        let (apart, old) = (median(apart.collect())?, median(old.collect())?);
        is_known.then(|| Patience::of(apart, old.clamp(0, HOURS_OLD_MAX)))
    }
}

/// The value in the middle; of two the smaller one.
fn median(mut values: Vec<i32>) -> Option<i32> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::tests::*;
    use super::super::{Facts, FindingKind, Silence, findings};
    use super::*;
    use crate::usage::Granularity;

    /// How far behind a stack may be whose declarations came so: received, and up to which hour.
    fn patience(arrivals: &[(i32, i32)]) -> Option<Patience> {
        let arrivals = arrivals
            .iter()
            .map(|(received, through)| (hour(*received), hour(*through)));
        arrivals.collect::<Arrivals>().patience()
    }

    #[test]
    fn a_stack_that_was_only_just_connected_would_not_be_missed_for_weeks() {
        // A month is caught up with, within hours.
        let catching_up = [(700, 200), (701, 500), (702, 690)];
        assert_eq!(patience(&catching_up), None);
        let by_the_hour = [&catching_up[..], &[(703, 702)]].concat();
        assert_eq!(patience(&by_the_hour), Some(Patience::of(1, 6)));
        // Its last file came long before.
        let after_a_file = [&[(100, 90)], &by_the_hour[..]].concat();
        assert_eq!(patience(&after_a_file), Some(Patience::of(1, 6)));
    }

    #[test]
    fn a_bridge_that_falls_back_a_little_with_every_hour_would_make_a_habit_of_it_and_never_be_told_of() {
        let slower: Vec<(i32, i32)> = (0..300).map(|it| (it, it - 2 - it / 10)).collect();
        assert_eq!(patience(&slower), Some(Patience::of(1, 6)));
    }

    #[test]
    fn what_is_read_again_and_what_comes_in_many_parts_is_no_rhythm() {
        let by_the_day: Vec<(i32, i32)> = (1..9).map(|day| (24 * day + 9, 24 * day)).collect();
        let expected = Some(Patience::of(24, 6));
        assert_eq!(patience(&by_the_day), expected);
        let with_more = by_the_day.iter().flat_map(|(received, through)| {
            [
                (*received, through - 20),
                (*received, *through),
                (received + 5, *through),
                (received + 6, through - 10),
            ]
        });
        assert_eq!(patience(&with_more.collect::<Vec<_>>()), expected);
    }

    #[test]
    fn nothing_of_the_rhythm_of_others_is_told() {
        let arrivals: Arrivals = (0..20).map(|it| (hour(10 * it + 3), hour(10 * it))).collect();
        let theirs = arrivals.only(&[hours(100, 150)].into_iter());
        let through: Vec<Hour> = theirs.0.iter().map(|it| it.through).collect();
        assert_eq!(through, [110, 120, 130, 140, 150].map(hour));
    }

    /// How a stack is heard of: every so many hours, with what was reported up to so many hours before; and how many hours
    /// later than usual its usage is reported.
    #[derive(Debug, Clone, Copy)]
    struct Rhythm {
        apart: i32,
        old: i32,
        late: i32,
    }

    const OF_HOURS: [i32; 3] = [1, 2, 3];

    /// The stack at moments, one before what comes in each hour and one after it, with what is away in some hours. Says how
    /// often each kind of finding began after `from`, and which are not over in the end.
    fn lived(
        rhythm: Rhythm,
        days: i32,
        away: &std::ops::Range<i32>,
        from: i32,
    ) -> (BTreeMap<FindingKind, u32>, Vec<FindingKind>) {
        let mut facts: Facts = stack([], None);
        let (mut arrivals, mut brought) = (Vec::new(), 0);
        let mut open: BTreeMap<FindingKind, u32> = BTreeMap::new();
        let mut is_open: Vec<FindingKind> = Vec::new();
        for at in 1..24 * days {
            for comes in [false, true] {
                let through = at - rhythm.old;
                if comes && at % rhythm.apart == 0 && through > 0 && !away.contains(&at) {
                    arrivals.push((hour(at), hour(through)));
                    facts.arrivals = arrivals.iter().copied().collect();
                    facts.declared = super::super::tests::through(Some(through));
                    let reported = brought..(through - 1 - rhythm.late).max(brought);
                    brought = reported.end;
                    for of in reported {
                        facts.records.add(hour(of), Granularity::Hour, 100);
                    }
                }
                let watched = facts.hours(hours((at - 16).max(0), at));
                let found = findings(&facts, &watched, &Silence::default(), now(at));
                for finding in &found {
                    if finding.begins && !is_open.contains(&finding.kind) {
                        is_open.push(finding.kind);
                        *open.entry(finding.kind).or_default() += u32::from(at >= from);
                    }
                }
                is_open.retain(|kind| found.iter().any(|it| it.kind == *kind));
            }
        }
        open.retain(|_, times| *times > 0);
        (open, is_open)
    }

    #[test]
    fn a_stack_whose_newest_hour_always_comes_an_hour_late_would_be_told_of_twice_an_hour() {
        for apart in OF_HOURS {
            for late in 0..=5 {
                for old in [0, 1, 5] {
                    let rhythm = Rhythm { apart, old, late };
                    let told = lived(rhythm, 6, &(0..0), old + 5 * apart);
                    assert_eq!(told, (BTreeMap::new(), Vec::new()), "{rhythm:?}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn no_stack_that_keeps_its_rhythm_is_told_of_again_and_again(
            apart in prop::sample::select(vec![1, 3, 6, 8, 12, 24, 36]), old in 0..60i32, late in 0..=5i32,
        ) {
            // The rhythm is known after four arrivals. What is late in any rhythm is told, once.
            let known = old + 5 * apart;
            let (began, open) = lived(Rhythm { apart, old, late }, 12, &(0..0), known);
            let times = began.get(&FindingKind::FellBehind).copied().unwrap_or_default();
            prop_assert!(times <= u32::from(old > 6), "{:?}", began);
            prop_assert!(began.keys().all(|kind| *kind == FindingKind::FellBehind), "{:?}", began);
            prop_assert!(old > 6 || open.is_empty(), "{:?}", open);
        }

        #[test]
        fn an_outage_is_told_once_and_over_when_the_stack_has_caught_up(
            apart in prop::sample::select(vec![1, 3, 8, 24]), old in 0..=6i32, late in 0..=5i32, visits in 3..8i32,
        ) {
            let away = 24 * 6..24 * 6 + (visits * apart).max(14);
            let (began, open) = lived(Rhythm { apart, old, late }, 18, &away, old + 5 * apart);
            prop_assert_eq!(began, BTreeMap::from([(FindingKind::FellBehind, 1)]));
            prop_assert_eq!(open, vec![]);
        }
    }
}

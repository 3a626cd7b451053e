//! Which hours of reported time a stack was read completely.

use crate::time::{Hour, HourInterval};

/// The hours of reported time that a stack was read completely, by what its deliveries declare. In which order they came
/// changes nothing. *(ours)*
///
/// A declaration speaks of what the delivery was read from: from the beginning of the window of reported time that it
/// names, or of everything there is before if it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared(Vec<HourInterval>);

/// The hours that a delivery declares: up to `through`, from the window on that it was read from.
#[must_use]
pub fn declared_hours(window: Option<HourInterval>, through: Hour) -> Option<HourInterval> {
    let named = window.map(HourInterval::start).filter(|start| *start < through);
    HourInterval::new(named.unwrap_or(Hour::MIN), through)
}

/// A declaration that speaks of what was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredOutside {
    /// It ends before the window begins, or where it does: it would be taken for everything there ever was.
    NotAfter(Hour),
    /// It ends after the window.
    After(Hour),
}

/// Whether a delivery that names its window, or a part of it, may declare the hours up to `through`: whoever declares that
/// hours are complete speaks of what was read, where it is said what that was. *(ours)*
///
/// # Errors
/// [`DeclaredOutside`].
pub fn may_declare(start: Option<Hour>, end: Option<Hour>, through: Hour) -> Result<(), DeclaredOutside> {
    match (start, end) {
        (Some(start), _) if through <= start => Err(DeclaredOutside::NotAfter(start)),
        (_, Some(end)) if through > end => Err(DeclaredOutside::After(end)),
        _ => Ok(()),
    }
}

impl FromIterator<HourInterval> for Declared {
    fn from_iter<I: IntoIterator<Item = HourInterval>>(hours: I) -> Self {
        let mut hours: Vec<HourInterval> = hours.into_iter().collect();
        hours.sort_unstable_by_key(|it| it.start());
        let mut merged: Vec<HourInterval> = Vec::new();
        for next in hours {
            match merged.last_mut() {
                Some(last) if next.start() <= last.end() => {
                    let end = last.end().max(next.end());
                    *last = HourInterval::new(last.start(), end).unwrap_or(*last);
                }
                _ => merged.push(next),
            }
        }
        Self(merged)
    }
}

impl Declared {
    /// The end of the last hour that was declared.
    #[must_use]
    pub fn through(&self) -> Option<Hour> {
        self.0.last().map(|last| last.end())
    }

    /// Whether an hour was.
    #[must_use]
    pub fn contains(&self, hour: Hour) -> bool {
        self.around(hour).is_some_and(|it| it.contains(hour))
    }

    /// Whether all of these hours were.
    #[must_use]
    pub fn covers(&self, hours: HourInterval) -> bool {
        self.around(hours.start())
            .is_some_and(|it| it.contains(hours.start()) && hours.end() <= it.end())
    }

    /// Only what was declared of these hours, and of the hour after each, in which the last of them is reported.
    #[must_use]
    pub fn only(&self, hours: impl IntoIterator<Item = HourInterval>) -> Self {
        let reported = hours
            .into_iter()
            .filter_map(|it| HourInterval::new(it.start(), it.end().plus(super::REPORTED_AFTER_HOURS)));
        reported
            .flat_map(|reported| self.0.iter().filter_map(move |it| it.intersect(reported)))
            .collect()
    }

    /// The first interval that ends after an hour.
    fn around(&self, hour: Hour) -> Option<HourInterval> {
        let next = self.0.partition_point(|it| it.end() <= hour);
        self.0.get(next).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::*;
    use super::super::*;
    use super::*;

    /// A stack of which these hours of reported time were read completely.
    fn read(counts: impl IntoIterator<Item = (i32, u64)>, read: &[(i32, i32)]) -> Facts {
        let windows = read.iter().map(|(start, end)| hours(*start, *end));
        Facts {
            declared: windows
                .filter_map(|it| declared_hours(Some(it), it.end()))
                .collect(),
            ..stack(counts, None)
        }
    }

    /// The hours of a state, as far as it goes.
    fn in_state(facts: &Facts, until: i32, state: HourState) -> Vec<i32> {
        let of_all = facts.hours(hours(0, until));
        let alike = of_all.iter().filter(|it| it.state == state);
        alike.map(|it| it.hour.epoch_hours() - FIRST).collect()
    }

    #[test]
    fn hours_before_the_bridge_began_to_read_are_not_called_complete_and_never_billed() {
        // Registered on the first day, and the bridge begins on the fifth: it brings the usage from then on, and what of the
        // hours before was reported late.
        let facts = read((95..240).map(|after| (after, 100)).chain([(90, 3)]), &[(96, 241)]);
        assert_eq!(
            in_state(&facts, 240, HourState::NotRead),
            (0..95).collect::<Vec<_>>()
        );
        assert_eq!(
            state(&facts, 95),
            HourState::Complete,
            "it is reported in the hour after it"
        );
        assert!(!are_complete(&facts.hours(hours(0, 240))));
        assert!(are_complete(&facts.hours(hours(95, 240))));
        let of_all = facts.hours(hours(0, 241));
        let found = findings(&facts, &of_all, &Silence::default(), now(241));
        let [missing] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            (missing.kind, missing.hours, missing.received),
            (FindingKind::NotRead, hours(0, 95), 3)
        );
        assert!(missing.kind.is_missing_usage());
        let command = format!(
            "`meterbridge bridge backfill STACK --from {} --to {}`",
            hour(0),
            hour(97)
        );
        assert!(missing.advice().contains(&command), "{}", missing.advice());
    }

    #[test]
    fn what_the_backfill_reads_that_is_advised_is_complete_and_the_finding_is_gone() {
        let before = read(every_hour(96..240), &[(96, 241)]);
        let missing = findings(
            &before,
            &before.hours(hours(0, 240)),
            &Silence::default(),
            now(241),
        )[0];
        let through = missing.until().epoch_hours() - FIRST + REPORTED_AFTER_HOURS;
        let after = read(every_hour(0..240), &[(0, through), (96, 241)]);
        assert_eq!(found(&after, 241), []);
        assert!(are_complete(&after.hours(hours(0, 240))));
    }

    #[test]
    fn a_hole_between_the_backfill_and_what_is_read_every_hour_is_told() {
        let facts = read(without(40..60, 0..240), &[(0, 40), (61, 241)]);
        // Of hour 39 something may have been reported in hour 40, which nobody read.
        assert_eq!(
            in_state(&facts, 240, HourState::NotRead),
            (39..60).collect::<Vec<_>>()
        );
        assert_eq!(found(&facts, 241)[0].0, "NotRead");
    }

    #[test]
    fn a_stack_that_is_read_from_its_registration_on_lacks_nothing() {
        let facts = read(every_hour(0..240), &[(0, 100), (100, 241)]);
        assert_eq!(found(&facts, 241), []);
        assert!(are_complete(&facts.hours(hours(0, 240))));
    }

    #[test]
    fn an_hour_that_has_only_just_been_declared_is_not_called_unread() {
        let facts = read(every_hour(0..239), &[(0, 240)]);
        assert_eq!(in_state(&facts, 250, HourState::NotRead), []);
        assert_eq!(state(&facts, 239), HourState::NotYetDue);
    }

    #[test]
    fn a_month_in_which_a_quiet_stack_was_handed_on_would_never_be_complete() {
        let handed_on = |declared: &[(i32, i32)]| Facts {
            duties: vec![(hours(0, 150), Duty::Reports)],
            ..read(every_hour(0..149), declared)
        };
        let facts = handed_on(&[(0, 150)]);
        assert_eq!(state(&facts, 149), HourState::Complete);
        assert!(are_complete(&facts.hours(hours(0, 200))));
        // What nobody declared is waited for, and what was left out is told.
        assert_eq!(state(&handed_on(&[(0, 149)]), 149), HourState::NotYetDue);
        let hole = handed_on(&[(0, 150), (155, 200)]);
        assert_eq!(state(&hole, 149), HourState::NotRead);
    }

    #[test]
    fn a_declaration_without_a_window_speaks_of_everything_before() {
        let window = Some(hours(10, 20));
        assert_eq!(declared_hours(window, hour(20)), Some(hours(10, 20)));
        assert_eq!(declared_hours(window, hour(30)), Some(hours(10, 30)));
        let all = HourInterval::new(Hour::MIN, hour(20));
        assert_eq!(declared_hours(None, hour(20)), all);
        // The window says nothing about what came before it.
        assert_eq!(
            declared_hours(window, hour(5)),
            HourInterval::new(Hour::MIN, hour(5))
        );
    }

    #[test]
    fn nothing_of_the_hours_of_others_is_shown_by_what_was_declared() {
        let declared: Declared = [hours(0, 10), hours(20, 30)].into_iter().collect();
        assert_eq!(declared.only([hours(5, 8)]), [hours(5, 9)].into_iter().collect());
        assert_eq!(declared.only([hours(25, 26)]).through(), Some(hour(27)));
        assert_eq!(declared.only([hours(12, 15)]), Declared::default());
    }

    #[test]
    fn a_stack_whose_machines_were_deleted_is_complete_again_after_a_week_and_not_never() {
        let until = 24 * 40;
        let facts = read(every_hour(0..240), &[(0, until)]);
        let gaps = in_state(&facts, until - 1, HourState::Gap);
        assert_eq!(gaps, (240..240 + 24 * 7).collect::<Vec<_>>());
        assert!(are_complete(&facts.hours(hours(240 + 24 * 7, until - 1))));
    }

    #[test]
    fn a_weekend_without_usage_is_asked_about_once_and_not_every_week() {
        let weekdays = every_hour(0..24 * 28).filter(|(after, _)| after / 24 % 7 < 5);
        let facts = read(weekdays, &[(0, 24 * 28 + 1)]);
        let days: std::collections::BTreeSet<i32> = in_state(&facts, 24 * 28, HourState::Gap)
            .iter()
            .map(|it| it / 24)
            .collect();
        assert_eq!(days.into_iter().collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn a_stack_with_a_few_records_now_and_then_has_no_gap_where_it_says_that_there_was_nothing() {
        let few = |missing: &[i32]| {
            let missing = missing.to_vec();
            (0..240).filter(move |it| !missing.contains(it)).map(|it| (it, 2))
        };
        // Hour 6 of one day had nothing either: once told of, it is no news.
        let facts = read(few(&[150, 198]), &[(0, 241)]);
        assert_eq!(in_state(&facts, 240, HourState::Gap), [150]);
        // Nobody says that there was nothing: later usage shows that it is due.
        let facts = stack(few(&[150, 198]), None);
        assert_eq!(in_state(&facts, 240, HourState::Gap), [150, 198]);
    }

    #[test]
    fn days_that_nobody_declared_are_never_taken_for_empty_ones() {
        let facts = read(without(96..240, 0..300), &[(0, 96), (240, 301)]);
        let usual = facts.hours(hours(290, 291))[0].usual;
        assert_eq!(usual.map(|it| it.of_hour), Some(100));
    }

    proptest! {
        #[test]
        fn what_was_declared_is_the_same_in_whichever_order_it_came(
            (windows, shuffled) in prop::collection::vec((0..300i32, 1..30i32), 0..30)
                .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        ) {
            let of = |windows: &[(i32, i32)]| -> Declared {
                windows.iter().map(|(start, length)| hours(*start, start + length)).collect()
            };
            let declared = of(&windows);
            prop_assert_eq!(&declared, &of(&shuffled));
            for after in 0..340 {
                let expected = windows.iter().any(|(start, length)| (*start..start + length).contains(&after));
                prop_assert_eq!(declared.contains(hour(after)), expected, "{}", after);
                prop_assert_eq!(declared.covers(hours(after, after + 1)), expected);
            }
            prop_assert_eq!(declared.through(), windows.iter().map(|(start, length)| hour(start + length)).max());
        }

        #[test]
        fn reading_more_never_makes_a_complete_hour_unread(
            windows in prop::collection::vec((0..200i32, 1..60i32), 1..8), more in (0..200i32, 1..60i32),
        ) {
            let of = |windows: &[(i32, i32)]| {
                let windows: Vec<_> = windows.iter().map(|(start, length)| (*start, start + length)).collect();
                read(every_hour(0..300), &windows)
            };
            let before = in_state(&of(&windows), 300, HourState::Complete);
            let facts = of(&[windows, vec![more]].concat());
            let after = in_state(&facts, 300, HourState::Complete);
            let last = facts.declared.through();
            for it in before {
                // The last hour declared is believed until the one is read in which it is reported.
                prop_assert!(after.contains(&it) || !facts.declared.contains(hour(it + 1)), "{} {:?}", it, last);
            }
        }
    }
}

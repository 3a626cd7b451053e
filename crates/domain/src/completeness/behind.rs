//! How far a stack is behind.

use super::{BundleRhythm, Duty, Facts, Finding, FindingKind, HourReport};
use crate::time::{Hour, HourInterval, Timestamp};

/// More hours than these behind is fallen behind, if it is more than the stack's rhythm is the reason of. A stack that is
/// read every hour is one or two hours behind.
pub const FELL_BEHIND_AFTER_HOURS: i32 = 6;
/// A stack that had fallen behind has caught up when it is not more hours behind than these, or than its rhythm is the
/// reason of. One that limps along at the edge is told of once, and not every hour.
pub const CAUGHT_UP_WITHIN_HOURS: i32 = 3;
/// A stack that is heard of less often than once in these hours is expected to be heard of as often: bills are made by the
/// month.
const HOURS_APART_MAX: i32 = 31 * 24;
/// How many times as long as usual nothing may come.
const TIMES_LATE: i32 = 2;

/// How far a stack may be behind.
///
/// One that is heard of every `apart` hours, with what was reported up to `old` hours before, is `old` hours behind then and
/// `old + apart` before the next time. Only where that is missed it has fallen behind; and it has caught up with what is no
/// more than that. So whoever keeps any rhythm is never both, in turns. *(ours)*
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    fell_behind_after: i32,
    caught_up_within: i32,
}

impl Patience {
    /// With a stack of which no rhythm is known.
    const USUAL: Self = Self {
        fell_behind_after: FELL_BEHIND_AFTER_HOURS,
        caught_up_within: CAUGHT_UP_WITHIN_HOURS,
    };

    /// With a stack of this rhythm.
    pub(super) fn of(apart: i32, old: i32) -> Self {
        let apart = apart.min(HOURS_APART_MAX);
        Self {
            fell_behind_after: (old + TIMES_LATE * apart).max(FELL_BEHIND_AFTER_HOURS),
            caught_up_within: (old + apart).max(CAUGHT_UP_WITHIN_HOURS),
        }
    }
}

impl Facts {
    /// The hour up to which something was heard of the stack: what it declared, or the end of the last hour with usage.
    #[must_use]
    pub fn heard_through(&self, now: Timestamp) -> Option<Hour> {
        let shown = self
            .records
            .covered_through()
            .map(|end| end.min(Hour::containing(now)));
        self.declared.through().max(shown)
    }

    /// How many hours the stack is behind, if it has to report now: since it was heard of last, or since it had to.
    #[must_use]
    pub fn behind(&self, now: Timestamp) -> Option<HourInterval> {
        self.since(self.heard_through(now), now)
    }

    /// By when the next bundle is expected of a stack that has to report and delivers by bundle: until then it is not
    /// called behind.
    #[must_use]
    pub fn next_bundle_by(&self, now: Timestamp) -> Option<Hour> {
        self.behind(now)?;
        let bundles = self.rhythm()?;
        Some(bundles.last.plus(bundles.patience().fell_behind_after))
    }

    fn patience(&self) -> Patience {
        let of_bundles = self.rhythm().map(BundleRhythm::patience);
        let known = of_bundles.or_else(|| self.arrivals.patience());
        known.unwrap_or(Patience::USUAL)
    }

    /// The rhythm of its bundles, unless something newer came in another way.
    fn rhythm(&self) -> Option<BundleRhythm> {
        self.bundles.filter(|it| self.declared.through() <= Some(it.last))
    }

    /// The hours with usage after all that was declared, if the stack has to report now.
    fn undeclared(&self, now: Timestamp) -> Option<HourInterval> {
        let since = self.since(self.declared.through(), now)?;
        HourInterval::new(since.start(), self.heard_through(now)?)
    }

    /// The hours from one on, or since the stack has to report, up to now.
    fn since(&self, hour: Option<Hour>, now: Timestamp) -> Option<HourInterval> {
        let this_hour = Hour::containing(now);
        let (hours, duty) = self.duty_of(this_hour)?;
        let since = hour.unwrap_or(Hour::MIN).max(hours.start());
        HourInterval::new(since, this_hour).filter(|_| duty == Duty::Reports)
    }
}

/// What is to be said of how far a stack is behind: that nothing was heard of it, and that it declares nothing though its
/// usage goes on.
pub(super) fn behind(facts: &Facts, hours: &[HourReport], now: Timestamp) -> impl Iterator<Item = Finding> {
    let patience = facts.patience();
    let told = [
        (FindingKind::FellBehind, facts.behind(now)),
        (FindingKind::NotDeclared, facts.undeclared(now)),
    ];
    told.into_iter().filter_map(move |(kind, of_these)| {
        let behind = of_these?;
        let begins = behind.hours() > patience.fell_behind_after;
        let goes_on = behind.hours() > patience.caught_up_within;
        let told = || hours.iter().filter(|it| behind.contains(it.hour));
        (begins || goes_on).then(|| Finding {
            stack: facts.stack,
            kind,
            hours: behind,
            expected: told().map(HourReport::expected).sum(),
            received: told().map(|it| it.received).sum(),
            next_bundle_by: facts.next_bundle_by(now),
            begins,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::super::{Silence, findings};
    use super::*;

    /// What is told of how far a stack is behind: kind, hours, and whether it begins.
    fn told(facts: &Facts, at: i32) -> Vec<(&'static str, i32, i32, bool)> {
        let after = |hour: Hour| hour.epoch_hours() - FIRST;
        findings(facts, &facts.hours(hours(0, at)), &Silence::default(), now(at))
            .iter()
            .filter(|it| matches!(it.kind, FindingKind::FellBehind | FindingKind::NotDeclared))
            .map(|it| (it.kind.code(), after(it.since()), after(it.until()), it.begins))
            .collect()
    }

    #[test]
    fn a_stack_whose_declaration_stands_still_is_told_of_though_records_keep_coming() {
        let facts = stack(every_hour(0..240), Some(150));
        assert_eq!(told(&facts, 241), [("NotDeclared", 150, 240, true)]);
        let found = &findings(&facts, &[], &Silence::default(), now(241))[0];
        assert!(found.kind.is_missing_usage());
        assert!(found.to_string().contains("90 hours"), "{found}");
        // One that never declared anything as well.
        assert_eq!(
            told(&stack(every_hour(0..240), None), 241),
            [("NotDeclared", 0, 240, true)]
        );
        assert_eq!(told(&stack(every_hour(0..240), Some(240)), 241), []);
    }

    #[test]
    fn a_stack_that_limps_along_at_the_edge_is_told_of_once_and_not_every_hour() {
        let behind_by = |hours| told(&stack(every_hour(0..240), Some(240)), 240 + hours);
        for hours in 0..=CAUGHT_UP_WITHIN_HOURS {
            assert_eq!(behind_by(hours), [], "{hours}");
        }
        for hours in CAUGHT_UP_WITHIN_HOURS + 1..=FELL_BEHIND_AFTER_HOURS {
            assert_eq!(
                behind_by(hours),
                [("FellBehind", 240, 240 + hours, false)],
                "{hours}"
            );
        }
        let hours = FELL_BEHIND_AFTER_HOURS + 1;
        assert_eq!(behind_by(hours), [("FellBehind", 240, 240 + hours, true)]);
    }

    /// A stack whose bundles end so many hours after the beginning.
    fn by_bundle(ends: &[i32]) -> Facts {
        let starts = [0].iter().chain(ends);
        let windows: Vec<_> = starts.zip(ends).map(|(start, end)| hours(*start, *end)).collect();
        let last = *ends.last().unwrap();
        Facts {
            bundles: BundleRhythm::of(&windows),
            ..stack(every_hour(0..last), Some(last))
        }
    }

    #[test]
    fn a_stack_that_delivers_by_bundle_is_not_called_behind_between_two_bundles() {
        let week = 24 * 7;
        // The first one held what had gathered.
        let facts = by_bundle(&[1000, 1000 + week, 1000 + 2 * week, 1000 + 3 * week]);
        let last = 1000 + 3 * week;
        assert_eq!(facts.next_bundle_by(now(last + 50)), Some(hour(last + 2 * week)));
        for after in [1, 10, week] {
            assert_eq!(told(&facts, last + after), [], "{after}");
        }
        // One that had fallen behind has not caught up yet; nobody else hears of it.
        for after in [week + 1, 2 * week] {
            let begins = told(&facts, last + after).iter().any(|it| it.3);
            assert!(!begins, "{after}");
        }
        let at = last + 2 * week + 1;
        assert_eq!(told(&facts, at), [("FellBehind", last, at, true)]);
        let found = findings(&facts, &[], &Silence::default(), now(at))[0];
        let said = format!("Its next bundle was expected by {}.", hour(last + 2 * week));
        assert!(found.to_string().ends_with(&said), "{found}");
        assert!(found.advice().contains("bridge export"), "{}", found.advice());
    }

    #[test]
    fn a_stack_that_was_connected_after_its_last_bundle_is_expected_every_hour() {
        let facts = Facts {
            declared: through(Some(510)),
            ..by_bundle(&[200, 400, 500])
        };
        assert_eq!(facts.next_bundle_by(now(520)), None);
        assert_eq!(told(&facts, 520), [("FellBehind", 510, 520, true)]);
    }

    #[test]
    fn one_bundle_tells_a_rhythm_and_hours_between_bundles_are_no_reason_for_an_alarm_each() {
        assert_eq!(by_bundle(&[48]).next_bundle_by(now(50)), Some(hour(48 + 96)));
        // However often they come, a stack is never more strictly held to it than one that is connected.
        let facts = by_bundle(&[1, 2, 3]);
        assert_eq!(
            facts.next_bundle_by(now(4)),
            Some(hour(3 + FELL_BEHIND_AFTER_HOURS))
        );
        // And a year of history in one bundle excuses no year.
        let facts = by_bundle(&[24 * 366]);
        assert_eq!(
            facts.next_bundle_by(now(24 * 366 + 1)),
            Some(hour(24 * (366 + 62)))
        );
    }
}

//! What becomes of a record on its way into the stack's usage system: when it is told, how often, and what is told
//! first.

use domain::time::Hour;

use crate::malformed::Malformation;
use crate::random;
use crate::spec::Faults;

/// Hours after the usage hour within which the last report of a record arrives.
pub const REPORTED_WITHIN_HOURS: i32 = LATE_MAX + 2 * APART_MAX;

/// The most hours after its usage hour a record is first reported.
const LATE_MAX: i32 = 30;
/// The most hours between one report of a record and the next.
const APART_MAX: i32 = 12;
/// Reports of a record that are whole.
pub(crate) const WHOLE: u8 = 100;

/// One report of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling {
    /// Hours after the usage hour.
    pub(crate) after: i32,
    /// How many hundredths of the true quantity it tells: [`WHOLE`] is the truth.
    pub(crate) hundredths: u8,
    pub(crate) kind: TellingKind,
}

/// What a report adds to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TellingKind {
    /// The key was not known.
    First,
    /// The key was known with another quantity.
    Revision,
    /// Key and quantity were known.
    Duplicate,
}

/// The chances of each fate, in parts of 65,536.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Odds {
    late: u64,
    revised: u64,
    revised_or_lowered: u64,
    duplicated: u64,
    malformed: u64,
    respelled: u64,
}

impl From<Faults> for Odds {
    fn from(faults: Faults) -> Self {
        let odds = |per_mille: u16| u64::from(per_mille) * 65_536 / 1000;
        Self {
            late: odds(faults.late_per_mille),
            revised: odds(faults.revised_per_mille),
            revised_or_lowered: odds(faults.revised_per_mille + faults.lowered_per_mille),
            duplicated: odds(faults.duplicated_per_mille),
            malformed: odds(faults.malformed_per_mille),
            respelled: odds(faults.respelled_per_mille),
        }
    }
}

/// What becomes of one record: 64 random bits, of which each fate looks at its own 16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate(u64);

impl Fate {
    /// The fate of a series' record of an hour.
    pub(crate) fn of(seed: u64, series: usize, hour: Hour) -> Self {
        Self(random::draw(seed, random::place(series, hour)))
    }

    const fn meets(self, odds: u64, part: u32) -> bool {
        self.bits(part) < odds
    }

    const fn bits(self, part: u32) -> u64 {
        self.0 >> (16 * part) & 0xFFFF
    }

    /// Whether all there is to tell is the truth, once, an hour later.
    pub(crate) const fn is_plain(self, odds: &Odds) -> bool {
        !(self.meets(odds.late, 0)
            || self.meets(odds.revised_or_lowered, 1)
            || self.meets(odds.duplicated, 2))
    }

    /// What is broken in the malformed copy beside the record, if there is one.
    pub(crate) fn malformed(self, odds: &Odds) -> Option<Malformation> {
        self.meets(odds.malformed, 3)
            .then(|| Malformation::by_chance(random::draw(self.0, 1)))
    }

    /// Whether the n-th report spells its ids in another way.
    pub(crate) const fn is_respelled(self, odds: &Odds, telling: u8) -> bool {
        random::draw(self.0, 2 + telling as u64) & 0xFFFF < odds.respelled
    }

    /// The reports, in order of time.
    pub(crate) fn tellings(self, odds: &Odds) -> impl Iterator<Item = Telling> {
        let chance = random::draw(self.0, 0);
        let some = |part: u32, from: i32, to: i32| {
            from + random::scale(chance << (16 * part), (to - from + 1).unsigned_abs().into()) as i32
        };
        let first_after = if self.meets(odds.late, 0) {
            some(0, 2, LATE_MAX)
        } else {
            1
        };
        let (first_hundredths, apart) = if self.meets(odds.revised, 1) {
            (some(1, 1, 99) as u8, Some(some(2, 0, APART_MAX)))
        } else if self.meets(odds.revised_or_lowered, 1) {
            (some(1, 101, 150) as u8, Some(some(2, 1, APART_MAX)))
        } else {
            (WHOLE, None)
        };
        let first = Telling {
            after: first_after,
            hundredths: first_hundredths,
            kind: TellingKind::First,
        };
        let revision = apart.map(|apart| Telling {
            after: first.after + apart,
            hundredths: WHOLE,
            kind: TellingKind::Revision,
        });
        let last = revision.unwrap_or(first);
        let duplicate = self.meets(odds.duplicated, 2).then(|| Telling {
            after: last.after + some(3, 0, APART_MAX),
            // Sometimes what comes again has been revised before.
            hundredths: if self.bits(2).is_multiple_of(4) {
                first.hundredths
            } else {
                last.hundredths
            },
            kind: TellingKind::Duplicate,
        });
        [Some(first), revision, duplicate].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates() -> impl Iterator<Item = Fate> {
        (0..20_000).map(|series| Fate::of(3, series, Hour::MIN))
    }

    #[test]
    fn without_faults_every_record_is_told_once_an_hour_later() {
        let odds = Odds::from(Faults::none());
        let plain = Telling {
            after: 1,
            hundredths: WHOLE,
            kind: TellingKind::First,
        };
        for fate in fates() {
            assert!(fate.is_plain(&odds) && fate.malformed(&odds).is_none() && !fate.is_respelled(&odds, 0));
            assert_eq!(fate.tellings(&odds).collect::<Vec<_>>(), [plain]);
        }
    }

    #[test]
    fn every_telling_arrives_in_order_and_within_the_bound() {
        let all = Faults {
            late_per_mille: 1000,
            duplicated_per_mille: 1000,
            ..Faults::usual()
        };
        for faults in [
            all,
            Faults {
                revised_per_mille: 1000,
                ..all
            },
            Faults {
                lowered_per_mille: 990,
                ..all
            },
        ] {
            let odds = Odds::from(faults);
            for tellings in fates().map(|fate| fate.tellings(&odds).collect::<Vec<_>>()) {
                assert!(tellings.is_sorted_by_key(|telling| telling.after));
                assert!(
                    tellings
                        .iter()
                        .all(|it| (1..=REPORTED_WITHIN_HOURS).contains(&it.after)),
                    "{tellings:?}"
                );
            }
        }
    }

    #[test]
    fn the_truth_is_what_counts_in_the_end() {
        let faults = Faults {
            revised_per_mille: 500,
            lowered_per_mille: 500,
            duplicated_per_mille: 500,
            ..Faults::usual()
        };
        let odds = Odds::from(faults);
        for fate in fates() {
            let tellings: Vec<_> = fate.tellings(&odds).collect();
            let truth = tellings
                .iter()
                .find(|telling| telling.hundredths == WHOLE)
                .unwrap();
            for other in tellings
                .iter()
                .filter(|telling| telling.kind == TellingKind::First)
            {
                assert!(
                    (other.after, other.hundredths) <= (truth.after, truth.hundredths),
                    "{tellings:?}: neither newer nor, at the same time, larger"
                );
            }
        }
    }

    #[test]
    fn the_shares_are_those_asked_for() {
        let odds = Odds::from(Faults::usual());
        let late = fates()
            .filter(|fate| fate.tellings(&odds).next().is_some_and(|first| first.after > 1))
            .count();
        assert!(
            (300..500).contains(&late),
            "20 in a thousand of 20,000 are 400, not {late}"
        );
    }
}

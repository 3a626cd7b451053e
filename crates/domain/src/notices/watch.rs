//! When a condition begins and ends, so that a value at the edge of what is usual raises no storm.

use std::collections::{BTreeMap, BTreeSet};

use super::Condition;

/// In how many looks in a row something has to be found before others are told. *(ours)*
const FOUND_BEFORE_BEGUN: u32 = 2;
/// In how many looks in a row it has to be missing before others are told that it has ended. *(ours)*
const MISSING_BEFORE_ENDED: u32 = 12;
/// For how many looks after its end nobody is told of it again. *(ours)*
const LOOKS_OF_REST: u32 = 12;

/// What has changed with a look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// What is there now.
    pub began: Vec<Condition>,
    /// What is there no more.
    pub ended: Vec<Condition>,
}

/// What was found in the last looks. It counts looks, not time: what is found and is gone again between two looks, as when a
/// clock jumps and is set right, begins and ends nothing. What is found is found by the platform's clock all the same.
///
/// What others were told already is not in here but with whoever keeps notices, and is given with each look: a watch
/// that is begun anew tells nothing twice, only a few looks later.
#[derive(Debug, Default)]
pub struct Watch {
    looks: BTreeMap<Condition, Looks>,
}

/// The last looks at one condition.
#[derive(Debug, Default)]
struct Looks {
    found_in_a_row: u32,
    missing_in_a_row: u32,
    rest: u32,
}

impl Watch {
    /// Takes in what was found now, where others were told of `open`. What is returned is returned again with the next
    /// look, if it could not be told.
    pub fn look(&mut self, found: &BTreeSet<Condition>, open: &BTreeSet<Condition>) -> Changes {
        for condition in found.union(open) {
            if !self.looks.contains_key(condition) {
                self.looks.insert(condition.clone(), Looks::default());
            }
        }
        let mut changes = Changes::default();
        self.looks.retain(|condition, looks| {
            looks.take_in(found.contains(condition));
            let is_open = open.contains(condition);
            if !is_open && looks.found_in_a_row >= FOUND_BEFORE_BEGUN && looks.rest == 0 {
                changes.began.push(condition.clone());
            }
            if is_open && looks.missing_in_a_row >= MISSING_BEFORE_ENDED {
                looks.rest = LOOKS_OF_REST;
                changes.ended.push(condition.clone());
            }
            is_open || looks.found_in_a_row > 0 || looks.rest > 0
        });
        changes
    }
}

impl Looks {
    fn take_in(&mut self, found: bool) {
        self.rest = self.rest.saturating_sub(1);
        if found {
            self.found_in_a_row = self.found_in_a_row.saturating_add(1);
            self.missing_in_a_row = 0;
        } else {
            self.missing_in_a_row = self.missing_in_a_row.saturating_add(1);
            self.found_in_a_row = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::CloudId;
    use crate::notices::NoticeKind;

    fn behind(stack: u8) -> Condition {
        Condition {
            kind: NoticeKind::StackBehind,
            stack: Some(CloudId::from_bytes([stack; 16])),
            partner: None,
            subject: String::new(),
        }
    }

    /// Looks, after each of which others are told; gives when what began and ended.
    fn told(found: impl IntoIterator<Item = bool>) -> Vec<(usize, bool)> {
        let (mut watch, mut open) = (Watch::default(), BTreeSet::new());
        let mut told = Vec::new();
        for (number, found) in found.into_iter().enumerate() {
            let found = BTreeSet::from_iter(found.then(|| behind(1)));
            let changes = watch.look(&found, &open);
            for began in changes.began {
                told.push((number, true));
                assert!(open.insert(began));
            }
            for ended in changes.ended {
                told.push((number, false));
                assert!(open.remove(&ended));
            }
        }
        told
    }

    #[test]
    fn what_stays_is_told_once_and_what_goes_for_good_once_more() {
        let looks = [[true; 20], [false; 20], [true; 20]].concat();
        assert_eq!(told(looks), [(1, true), (31, false), (43, true)]);
        assert_eq!(told([true, false, true, false]), []);
    }

    /// With a look every five minutes.
    #[test]
    fn what_comes_and_goes_with_every_hour_would_be_told_twice_an_hour() {
        for looks_found in [2, 6, 11] {
            let of_hour = (0..12).map(|look| look < looks_found);
            let day: Vec<bool> = of_hour.cycle().take(24 * 12).collect();
            assert_eq!(told(day), [(1, true)], "{looks_found}");
        }
    }

    #[test]
    fn what_could_not_be_told_is_said_again_with_the_next_look() {
        let mut watch = Watch::default();
        let (found, nothing) = (BTreeSet::from([behind(1)]), BTreeSet::new());
        watch.look(&found, &nothing);
        for _ in 0..3 {
            assert_eq!(watch.look(&found, &nothing).began, [behind(1)]);
        }
        for _ in 1..MISSING_BEFORE_ENDED {
            assert_eq!(watch.look(&nothing, &found), Changes::default());
        }
        for _ in 0..3 {
            assert_eq!(watch.look(&nothing, &found).ended, [behind(1)]);
        }
    }

    #[test]
    fn a_watch_that_is_begun_anew_neither_repeats_nor_forgets_what_was_told() {
        let mut watch = Watch::default();
        let open = BTreeSet::from([behind(1), behind(2)]);
        let found = BTreeSet::from([behind(1)]);
        for _ in 1..MISSING_BEFORE_ENDED {
            assert_eq!(watch.look(&found, &open), Changes::default());
        }
        assert_eq!(watch.look(&found, &open).ended, [behind(2)]);
    }

    #[test]
    fn what_is_over_takes_no_memory() {
        let mut watch = Watch::default();
        let nothing = BTreeSet::new();
        for stack in 0..100 {
            watch.look(&BTreeSet::from([behind(stack)]), &nothing);
        }
        watch.look(&nothing, &nothing);
        assert!(watch.looks.is_empty());
    }

    proptest! {
        #[test]
        fn however_a_value_flaps_no_storm_of_notices_follows(found in prop::collection::vec(any::<bool>(), 0..600)) {
            let looks = found.len();
            let told = told(found);
            for pair in told.windows(2) {
                prop_assert_ne!(pair[0].1, pair[1].1, "a beginning after an end, an end after a beginning");
            }
            let least = usize::try_from(LOOKS_OF_REST).unwrap();
            prop_assert!(told.len() <= 2 * (looks / least + 1), "{told:?}");
        }
    }
}

//! What was told of already, of findings whose first hour moves while usage comes in.

use crate::time::{Hour, HourInterval};

/// Under which first hour each of these findings is told, one for each, where others were told already of some that were
/// then of these hours. Both are of one stack and kind, and in order.
///
/// A gap that is filled from its beginning on begins at a later hour with each look, and is still the same one as long as it
/// begins inside the hours that were told: it goes on under the hour under which it was told of. A gap that is another one
/// is told of by itself. *(ours)*
#[must_use]
pub fn told_since(found: &[Hour], open: &[HourInterval]) -> Vec<Hour> {
    let mut told: Vec<Hour> = Vec::with_capacity(found.len());
    for since in found {
        let around = open.iter().rev().filter(|open| open.contains(*since));
        let goes_on = around
            .map(|open| open.start())
            .find(|start| start == since || !(found.contains(start) || told.contains(start)));
        told.push(goes_on.unwrap_or(*since));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: &[i32], open: &[(i32, i32)]) -> Vec<i32> {
        let hour = |it: i32| Hour::from_epoch_hours(500_000 + it).unwrap();
        let found: Vec<Hour> = found.iter().map(|it| hour(*it)).collect();
        let open = open
            .iter()
            .map(|(since, until)| HourInterval::new(hour(*since), hour(*until)).unwrap());
        let told = told_since(&found, &open.collect::<Vec<_>>());
        told.iter().map(|it| it.epoch_hours() - 500_000).collect()
    }

    #[test]
    fn two_gaps_of_one_day_are_each_told_and_a_gap_that_is_being_filled_is_told_once() {
        for (name, found, open, expected) in [
            ("new ones", &[3, 9][..], &[][..], &[3, 9][..]),
            ("known ones", &[3, 9], &[(3, 7), (9, 14)], &[3, 9]),
            ("a second one", &[3, 9], &[(3, 7)], &[3, 9]),
            ("filled from its beginning on", &[5], &[(3, 7)], &[3]),
            ("both are", &[5, 12], &[(3, 7), (9, 14)], &[3, 9]),
            ("the first is gone", &[12], &[(3, 7), (9, 14)], &[9]),
            ("torn in two", &[3, 5], &[(3, 7)], &[3, 5]),
            ("torn in two and begun later", &[4, 6], &[(3, 7)], &[3, 6]),
            ("one before", &[1, 3], &[(3, 7)], &[1, 3]),
            (
                "what is left of it after the middle",
                &[10, 15],
                &[(3, 20), (9, 12)],
                &[9, 3],
            ),
        ] {
            assert_eq!(told(found, open), expected, "{name}");
        }
    }

    #[test]
    fn a_gap_outside_of_the_hours_that_were_told_would_pass_for_the_one_that_was_filled_and_never_be_heard_of()
     {
        for (name, found, open, expected) in [
            ("right after it", &[5][..], &[(3, 5)][..], &[5][..]),
            ("weeks later", &[400], &[(3, 5)], &[400]),
            ("between two", &[7], &[(3, 5), (9, 14)], &[7]),
            ("both are gone", &[20], &[(3, 5), (9, 14)], &[20]),
            ("one goes on", &[4, 400], &[(3, 5)], &[3, 400]),
        ] {
            assert_eq!(told(found, open), expected, "{name}");
        }
    }
}

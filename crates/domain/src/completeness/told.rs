//! What was told of already, of findings whose first hour moves while usage comes in.

use crate::time::Hour;

/// Under which first hour each of these findings is told, one for each, where others were told already of some that began
/// in these hours. Both are of one stack and kind, and in order.
///
/// A gap that is filled from its beginning on begins at a later hour with each look, and is still the same one: it goes
/// on under the hour under which it was told of. A gap that is another one is told of by itself. *(ours)*
#[must_use]
pub fn told_since(found: &[Hour], open: &[Hour]) -> Vec<Hour> {
    let mut used: Option<Hour> = None;
    let told = found.iter().map(|since| {
        let before = open.iter().rev().find(|open| *open <= since).copied();
        let free = before.filter(|before| used < Some(*before));
        let told = match free {
            Some(before) if before == *since || !found.contains(&before) => before,
            _ => *since,
        };
        used = Some(told);
        told
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: &[i32], open: &[i32]) -> Vec<i32> {
        let hours = |of: &[i32]| -> Vec<Hour> {
            of.iter()
                .filter_map(|it| Hour::from_epoch_hours(500_000 + it))
                .collect()
        };
        let told = told_since(&hours(found), &hours(open));
        told.iter().map(|it| it.epoch_hours() - 500_000).collect()
    }

    #[test]
    fn two_gaps_of_one_day_are_each_told_and_a_gap_that_is_being_filled_is_told_once() {
        for (name, found, open, expected) in [
            ("new ones", &[3, 9][..], &[][..], &[3, 9][..]),
            ("known ones", &[3, 9], &[3, 9], &[3, 9]),
            ("a second one", &[3, 9], &[3], &[3, 9]),
            ("filled from its beginning on", &[5], &[3], &[3]),
            ("both are", &[5, 12], &[3, 9], &[3, 9]),
            ("the first is gone", &[12], &[3, 9], &[9]),
            ("torn in two", &[3, 5], &[3], &[3, 5]),
            ("torn in two and begun later", &[4, 6], &[3], &[3, 6]),
            ("one before", &[1, 3], &[3], &[1, 3]),
        ] {
            assert_eq!(told(found, open), expected, "{name}");
        }
    }
}

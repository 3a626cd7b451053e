//! Usage that they have on the day before or after.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::{Days, OfDay, quantity_tolerance};
use crate::time::Day;

/// Days in a row over which both have as much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) days: Days,
    /// Whether they have it later than we do; that of the first day decides.
    pub(super) later_there: bool,
}

/// All shifts among days, by their first day: from the first day that differs on, the fewest days in a row that have as
/// much on either side, with every unit on the day where the other side has it, or next to it.
pub(super) fn found(days: &BTreeMap<Day, OfDay>) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    for (day, of_day) in days {
        let is_in_last = shifts.last().is_some_and(|last| *day <= last.days.last);
        if is_in_last || of_day.has_same_quantity() {
            continue;
        }
        if let Some(last) = end_of_shift(days, *day) {
            shifts.push(Shift {
                days: Days { first: *day, last },
                later_there: of_day.more_there().is_negative(),
            });
        }
    }
    shifts
}

/// The last day of a shift that begins on a day, if one does.
fn end_of_shift(days: &BTreeMap<Day, OfDay>, first: Day) -> Option<Day> {
    let mut ahead = BigRational::zero();
    let mut tolerance = BigRational::zero();
    let mut before: Option<(Day, &OfDay)> = None;
    for (day, of_day) in days.range(first..) {
        if let Some((day_before, of_day_before)) = before {
            let is_next = day_before.epoch_days() + 1 == day.epoch_days();
            if !is_next || !can_move(&ahead, of_day_before, of_day, &tolerance) {
                return None;
            }
        }
        ahead += of_day.more_there();
        tolerance += quantity_tolerance(of_day.theirs.lines);
        if before.is_some() && ahead.abs() <= tolerance {
            return Some(*day);
        }
        before = Some((*day, of_day));
    }
    None
}

/// Whether what they have had more (or, below zero, less) of up to a day can all be on the other side of midnight:
/// it has
/// to be on the day itself on one side, and on the next on the other.
fn can_move(ahead: &BigRational, of_day: &OfDay, of_next: &OfDay, tolerance: &BigRational) -> bool {
    let moved = ahead.abs() - tolerance;
    let (from, to) = if ahead.is_negative() {
        (&of_day.ours, &of_next.theirs)
    } else {
        (&of_day.theirs, &of_next.ours)
    };
    moved <= from.quantity && moved <= to.quantity
}

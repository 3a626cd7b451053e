//! The days about which something was received when their month was over, or nearly.
//!
//! Nobody asks what counted on a day of the running month before its last receipts came. What counted when a month was closed is
//! asked for as long as anybody reads its invoices, and the totals of a day say what counts now. So of what comes about a month
//! from an hour before its end on, it is written down which days it was about: on all others the totals are what they were.

use std::collections::BTreeSet;

use domain::time::{Day, Hour, Timestamp};

use super::ids::{BatchRow, BlockId};
use crate::error::StoreError;
use crate::transaction::{Transaction, values};

/// What is received so many hours before the end of a month is late already: a month is closed an hour after it at the earliest,
/// by whatever clock that is told.
const BEFORE_THE_END_HOURS: i32 = 1;

/// What is received at an instant is late about every day before this one.
pub(super) fn before(received: Timestamp) -> Day {
    before_by_hour(Hour::containing(received))
}

/// As [`before`], for whatever is received in an hour.
pub(super) fn before_by_hour(received: Hour) -> Day {
    let period = received.plus(BEFORE_THE_END_HOURS).period();
    period.interval().start().day()
}

/// For each of some blocks, the days from `first` to `last` about which a batch after this one came late.
pub(super) fn days_after(
    transaction: &dyn Transaction,
    blocks: &[(BlockId, BatchRow)],
    (first, last): (Day, Day),
) -> Result<Vec<BTreeSet<Day>>, StoreError> {
    let mut days = vec![BTreeSet::new(); blocks.len()];
    let asked: Vec<_> = blocks
        .iter()
        .map(|(block, batch)| values![*block, first, last, *batch])
        .collect();
    transaction.each(
        "SELECT DISTINCT day FROM late_day WHERE block = ?1 AND day BETWEEN ?2 AND ?3 AND batch > ?4",
        &asked,
        &mut |place, row| {
            days[place].insert(row.get(0)?);
            Ok(())
        },
    )?;
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_the_last_hour_of_a_month_is_late_about_all_of_its_days_and_of_no_later_one() {
        for (received, first_day_in_time) in [
            ("2026-10-31T22:59:59.999Z", "2026-10-01T00:00:00Z"),
            ("2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-30T22:30:00Z", "2026-11-01T00:00:00Z"),
            ("2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let first: Hour = first_day_in_time.parse().unwrap();
            assert_eq!(before(received.parse().unwrap()), first.day(), "{received}");
        }
    }
}

//! Which series a record is of, where an earlier version made two of one by letter case alone.

use super::Group;
use crate::error::StoreError;
use crate::ledger::delivery::{Row, Said};
use crate::ledger::intern::Named;

impl Group<'_, '_> {
    /// The row of a record: in the series that has its hour already, so that it counts once however it is spelled; else in one that
    /// has its day in another granularity, which it conflicts with; else in the first.
    pub(super) fn row_among(&mut self, several: &[Named], said: Said) -> Result<Row, StoreError> {
        let (mut first, mut conflicting) = (None, None);
        for Named { series, key } in several {
            let (series, key) = (*series, *key);
            let row = Row { series, key, said };
            let day = self.recorded.sheets.day(self.transaction, &[row])?;
            match day.entry(series.slot()) {
                Some(entry) if entry.granularity != said.granularity => {
                    conflicting.get_or_insert(row);
                }
                Some(entry) if entry.hours.contains(said.start.day(), said.start) => return Ok(row),
                Some(_) | None => {}
            }
            first.get_or_insert(row);
        }
        let row = conflicting.or(first);
        row.ok_or_else(|| StoreError::corrupt("a series has no number"))
    }
}

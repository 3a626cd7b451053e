//! Records released from quarantine: a delivery of what was received before.

use std::collections::BTreeMap;

use domain::usage::QuarantineCode;

use super::{Conflicts, Group, Outcome, conflict};
use crate::error::StoreError;
use crate::ledger::delivery::{Delivery, OfRelease, Releasing, Row};
use crate::ledger::records::Tally;
use crate::ledger::{quarantine, receipts};
use crate::quarantine::{NotCounting, RefusedAgain};
use crate::receipt::Receipt;
use crate::usage::Appended;

impl<'d> Group<'_, 'd> {
    /// Records those of a release that wait and can be counted, and makes out a receipt if there are any. Why the others
    /// cannot is kept with them.
    pub(super) fn release(
        &mut self,
        delivery: &'d Delivery,
        release: &'d OfRelease,
        mut rows: Vec<Row>,
    ) -> Result<Outcome, StoreError> {
        let stack = self.stacks.get(delivery.stack)?.row;
        let waiting = quarantine::waiting(self.transaction, (stack, delivery.window.start), release)?;
        let mut released: BTreeMap<u32, &Releasing> = (0..).zip(&release.records).collect();
        released.retain(|index, _| usize::try_from(*index).is_ok_and(|place| waiting[place]));
        rows.retain(|row| released.contains_key(&row.said.index));
        let conflicts = self.conflicts(&rows)?;
        let refused: Vec<RefusedAgain> = conflicts
            .iter()
            .filter_map(|(index, granularity)| {
                Some(RefusedAgain {
                    position: released.remove(index)?.position,
                    code: QuarantineCode::GranularityConflict,
                    message: conflict(*granularity),
                })
            })
            .collect();
        quarantine::refuse_again(self.transaction, &refused)?;
        rows.retain(|row| !conflicts.contains_key(&row.said.index));
        if rows.is_empty() {
            return Ok(Outcome::Nothing);
        }
        self.count_released(delivery, release, &rows, &released)
    }

    fn count_released(
        &mut self,
        delivery: &'d Delivery,
        release: &'d OfRelease,
        rows: &[Row],
        released: &BTreeMap<u32, &'d Releasing>,
    ) -> Result<Outcome, StoreError> {
        let batch = self.next_batch()?;
        let Tally {
            mut counts,
            revised_not_counting,
            kept,
            late_days,
        } = self.record(batch, delivery, rows, &Conflicts::new())?;
        counts.received = u32::try_from(released.len()).unwrap_or(u32::MAX);
        super::check_nothing_lost(&counts)?;
        let texts = released.values().map(|it| (it.position, it.text_digest));
        let mut receipt = Receipt {
            digest: quarantine::digest_of_released(texts),
            released: true,
            revised_not_counting: Some(revised_not_counting),
            ..receipts::unlinked(delivery, counts, &[], kept.finish(None, std::iter::empty()))
        };
        let stack = self.stacks.get(delivery.stack)?;
        stack.link(&mut receipt);
        self.receipts.add(
            (batch, stack.row),
            delivery,
            receipt.clone(),
            [].as_slice().into(),
            late_days,
        );
        let marks = released.values().map(|it| (batch, release.act, *it));
        self.released.extend(marks);
        let position = |row: &Row| Some((*row, released.get(&row.said.index)?.position));
        self.released_rows.extend(rows.iter().filter_map(position));
        Ok(Outcome::Done(Appended::New(receipt)))
    }

    /// The records released so far whose quantities do not count, by position.
    pub(super) fn not_counting(&mut self) -> Result<Vec<NotCounting>, StoreError> {
        let mut not_counting = Vec::new();
        for (row, position) in &self.released_rows {
            if let Some(counts) = self.recorded.counting(self.transaction, row)?
                && counts.quantity != row.said.quantity
            {
                not_counting.push(NotCounting {
                    position: *position,
                    counts,
                });
            }
        }
        not_counting.sort_unstable_by_key(|it| it.position);
        Ok(not_counting)
    }
}

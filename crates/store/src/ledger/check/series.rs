//! What each series measures makes its key.

use std::sync::Arc;

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};

use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::delivery::{identify, series_key};
use crate::ledger::folding;
use crate::ledger::ids::{SeriesId, SeriesKey};
use crate::transaction::{Columns, Transaction, values};
use crate::usage::LocalSubscriptionKey;

/// Series read at one time.
const SERIES_PAGE: usize = 1000;

/// A series with what it refers to, as far as that is there.
struct Series {
    id: SeriesId,
    key: SeriesKey,
    folded_key: Option<SeriesKey>,
    resource_uri: Arc<str>,
    meter: Option<LocalMeterId>,
    subscription: Option<LocalSubscriptionId>,
    stack: Option<CloudId>,
}

impl Series {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            resource_uri: row.get(2)?,
            meter: row.optional(3)?,
            subscription: row.optional(4)?,
            stack: row.optional(5)?,
            folded_key: row.optional(6)?,
        })
    }

    /// The one of its keys that is not what it should be: found under `expected`, and stored under that or under the key that an
    /// earlier version made.
    fn differing_key(
        &self,
        expected: &SeriesKey,
        of: LocalSubscriptionKey,
        meter: LocalMeterId,
    ) -> Option<SeriesKey> {
        let Self { key, folded_key, .. } = self;
        let differs = |it: &&SeriesKey| *it != expected && !folding::is_pending(key, it);
        if let Some(found) = folded_key.as_ref().filter(differs) {
            return Some(*found);
        }
        let is_former = || folded_key.is_some() && *key == folding::former_key(of, meter, &self.resource_uri);
        (key != expected && !is_former()).then_some(*key)
    }

    fn at(&self) -> FoundAt {
        FoundAt {
            stack: self.stack,
            local_subscription: self.subscription,
            local_meter: self.meter,
            resource_uri: Some(self.resource_uri.to_string()),
            row: Some(format!("`series` {}", self.id.0)),
            ..FoundAt::default()
        }
    }
}

pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    let mut identity = Vec::new();
    read_all(
        SERIES_PAGE,
        |after, limit| {
            transaction.rows(
                "SELECT series.id, series.key, resource_uri, meter_id, subscription_id, cloud_id, folded_key
                 FROM series
                 LEFT JOIN local_meter ON local_meter.id = series.local_meter LEFT JOIN block ON block.id = series.id / 64
                 LEFT JOIN local_subscription ON local_subscription.id = block.local_subscription
                 LEFT JOIN stack ON stack.id = local_subscription.stack
                 WHERE series.id > ?1 ORDER BY series.id LIMIT ?2",
                &values![after.copied().unwrap_or(SeriesId(0)), limit],
                Series::from_row,
            )
        },
        |after| {
            let sql = "SELECT id FROM series WHERE id > ?1 ORDER BY id LIMIT 1";
            let after = after.copied().unwrap_or(SeriesId(0));
            transaction.row(sql, &values![after], |row| row.get(0))
        },
        |series: &Series| series.id,
        |read| {
            match read {
                Read::Rows(page) => {
                    for series in &page {
                        compare(transaction, series, &mut identity, checked)?;
                    }
                    watch(AuditStep::Done(page.len() as u64));
                }
                Read::Unreadable(series, error) => {
                    let at = FoundAt {
                        row: Some(format!("`series` {}", series.0)),
                        ..FoundAt::default()
                    };
                    checked.add_unreadable(at, &error);
                }
            }
            Ok(())
        },
    )
}

fn compare(
    transaction: &dyn Transaction,
    series: &Series,
    identity: &mut Vec<u8>,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    checked.examined += 1;
    let (Some(stack), Some(local_subscription), Some(meter)) =
        (series.stack, series.subscription, series.meter)
    else {
        checked.add(Finding::new(Difference::SeriesWithout, series.at()));
        return Ok(());
    };
    let of = LocalSubscriptionKey {
        stack,
        local_subscription,
    };
    identify(of, meter, &series.resource_uri, identity);
    let expected = series_key(identity);
    if let Some(found) = series.differing_key(&expected, of, meter) {
        let [expected, found] = [expected, found].map(hex::encode);
        checked.add(Finding::new(Difference::SeriesKey, series.at()).but(expected, found));
    } else if series.key != expected
        && let Some(other) = folding::others(transaction, &[(expected, series.id)])?[0]
    {
        let note = Finding::new(Difference::SeriesTwice, series.at());
        checked.note(Finding {
            found: Some(format!("`series` {}", other.0)),
            ..note
        });
    }
    Ok(())
}

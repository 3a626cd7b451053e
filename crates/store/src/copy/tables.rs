//! Every table there is, in the order in which records can be put there: what is referred to first.

use std::sync::LazyLock;

use super::record::Record;
use super::rows::{Changes, Column, Rows};
use super::sayings::Sayings;
use super::sheets;
use crate::error::StoreError;
use crate::transaction::Transaction;

/// A table: a list of records, in the order of their keys.
pub(super) trait Table: Send + Sync {
    /// What the databases call it.
    fn name(&self) -> &'static str;

    /// Whether a record that is there stays, and stays as it is.
    fn of_facts(&self) -> bool;

    /// How many rows there are, as the database counts them.
    fn count(&'static self, transaction: &dyn Transaction) -> Result<u64, StoreError>;

    /// The first records, or those after one, in order; none after the last.
    fn page(
        &'static self,
        transaction: &dyn Transaction,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, StoreError>;

    /// Whether it has no records.
    fn is_empty(&'static self, transaction: &dyn Transaction) -> Result<bool, StoreError> {
        Ok(self.page(transaction, None)?.is_empty())
    }

    /// Puts records there, instead of those with their keys unless these are facts.
    fn put(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError>;

    /// Takes records away, which are no facts.
    fn remove(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError>;
}

/// What was said once: entries, names, deliveries. Nobody changes it.
const FACTS: Changes = Changes::Never;
/// What the facts have come to so far.
const STATE: Changes = Changes::WithTime;

static ALL: LazyLock<[Box<dyn Table>; 18]> = LazyLock::new(|| {
    use Column::{Bytes, Integer, LongBytes, LongText, Text};
    [
        Box::new(Rows::new(
            "entry",
            FACTS,
            1,
            &[
                Integer("sequence"),
                Text("recorded_at"),
                Bytes("actor"),
                Bytes("body"),
                Bytes("chain"),
            ],
        )),
        Box::new(Rows::new(
            "stack",
            STATE,
            1,
            &[
                Integer("id"),
                Bytes("cloud_id"),
                Integer("sequence"),
                Bytes("chain"),
                Integer("reported_through"),
                Integer("attributes_sequence"),
            ],
        )),
        Box::new(Rows::new(
            "local_subscription",
            FACTS,
            1,
            &[Integer("id"), Integer("stack"), Bytes("subscription_id")],
        )),
        Box::new(Rows::new(
            "local_meter",
            FACTS,
            1,
            &[Integer("id"), Bytes("meter_id")],
        )),
        Box::new(Rows::new(
            "block",
            FACTS,
            1,
            &[Integer("id"), Integer("local_subscription")],
        )),
        // The first start of a new version gives some the keys under which they are found now.
        Box::new(Rows::new(
            "series",
            STATE,
            1,
            &[
                Integer("id"),
                Integer("local_meter"),
                Text("resource_uri"),
                Bytes("key"),
                Bytes("folded_key"),
            ],
        )),
        Box::new(Rows::new(
            "attributes",
            FACTS,
            1,
            &[
                Integer("id"),
                Text("location"),
                Text("tags"),
                Text("additional_info"),
                Bytes("key"),
            ],
        )),
        Box::new(Rows::new(
            "series_attributes",
            STATE,
            2,
            &[Integer("series"), Integer("from_hour"), Integer("attributes")],
        )),
        Box::new(Rows::new(
            "batch",
            FACTS,
            1,
            &[
                Integer("id"),
                Bytes("batch_id"),
                Integer("stack"),
                Integer("sequence"),
                Text("received_at"),
                Integer("reported_start"),
                Integer("reported_end"),
                Integer("reported_through"),
                Text("idempotency_key"),
                Bytes("digest"),
                Integer("received"),
                Integer("accepted"),
                Integer("duplicate"),
                Integer("revised"),
                Integer("quarantined"),
                Bytes("chain"),
                Integer("kept"),
                Bytes("kept_digest"),
                Integer("released"),
                Integer("still_quarantined"),
                Integer("revised_not_counting"),
                Integer("late_days"),
            ],
        )),
        Box::new(Rows::new(
            "late_day",
            FACTS,
            3,
            &[Integer("day"), Integer("block"), Integer("batch")],
        )),
        Box::new(Rows::new(
            "quarantine",
            STATE,
            1,
            &[
                Integer("position"),
                Integer("stack"),
                Integer("batch"),
                Integer("place"),
                Text("code"),
                Text("message"),
                LongText("raw"),
                Bytes("raw_digest"),
                Text("code_now"),
                Text("message_now"),
                LongText("mended"),
                Bytes("act"),
                Integer("released_by"),
                Integer("raw_bytes"),
            ],
        )),
        Box::new(sheets::OF_HOURS),
        Box::new(sheets::OF_DAYS),
        Box::new(Sayings),
        Box::new(Rows::new(
            "bill",
            FACTS,
            5,
            &[
                Integer("kind"),
                Integer("period"),
                Bytes("seller"),
                Bytes("buyer"),
                Bytes("currency"),
                Integer("size"),
                Bytes("digest"),
                Bytes("bound"),
                LongBytes("body"),
            ],
        )),
        Box::new(Rows::new(
            "catalog",
            FACTS,
            1,
            &[Bytes("digest"), Integer("size"), LongBytes("body")],
        )),
        Box::new(Rows::new(
            "session",
            STATE,
            1,
            &[
                Bytes("id"),
                Bytes("user"),
                Bytes("client"),
                Integer("valid_since"),
                Integer("begun"),
                Integer("number"),
                Integer("renewed"),
                Integer("ends"),
            ],
        )),
        Box::new(Rows::new(
            "operator_seen",
            STATE,
            1,
            &[Bytes("operator"), Integer("at")],
        )),
    ]
});

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static dyn Table> {
    ALL.iter().map(|table| &**table)
}

/// One by its name.
pub(super) fn named(names: &[&str]) -> impl Iterator<Item = &'static dyn Table> {
    all().filter(|table| names.contains(&table.name()))
}

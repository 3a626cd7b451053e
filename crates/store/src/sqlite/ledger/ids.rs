//! The ledger's own numbers for what it keeps: small where the ids of the outside are 16 bytes.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// The series of one block.
pub(super) const SLOTS: usize = 64;
const SLOT_BITS: u32 = SLOTS.ilog2();
const SLOT_MASK: u64 = 0x3f;

macro_rules! row_number {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) struct $name(pub(super) u64);

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                u64::column_result(value).map(Self)
            }
        }
    )+};
}

row_number! {
    /// A stack.
    StackRow;
    /// A local subscription.
    LocalSubscriptionRow;
    /// A local meter.
    MeterRow;
    /// A set of attributes.
    AttributesRow;
    /// A batch; of two batches the one stored later has the larger number.
    BatchRow;
    /// 64 series of one local subscription.
    BlockId;
    /// A series: its block and its slot therein.
    SeriesId;
}

impl SeriesId {
    pub(super) const fn block(self) -> BlockId {
        BlockId(self.0 >> SLOT_BITS)
    }

    pub(super) fn slot(self) -> usize {
        usize::from((self.0 & SLOT_MASK).to_le_bytes()[0])
    }
}

impl BlockId {
    /// The series in the first slot; the others follow.
    pub(super) const fn first_series(self) -> SeriesId {
        SeriesId(self.0 << SLOT_BITS)
    }

    /// The series in a slot.
    pub(super) fn series(self, slot: usize) -> SeriesId {
        SeriesId(self.first_series().0 + u64::try_from(slot).unwrap_or(SLOT_MASK))
    }
}

//! The ledger's own numbers for what it keeps: small where the ids of the outside are 16 bytes.

use crate::error::StoreError;
use crate::transaction::{Columns, FromColumn, Value};

/// The series of one block.
pub(crate) const SLOTS: usize = 64;
const SLOT_BITS: u32 = SLOTS.ilog2();
const SLOT_MASK: u64 = 0x3f;

macro_rules! row_number {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u64);

        impl From<$name> for Value<'_> {
            fn from(row: $name) -> Self {
                row.0.into()
            }
        }

        impl FromColumn for $name {
            fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
                Ok(row.optional(column)?.map(Self))
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
    /// A batch; of two batches of one stack the one stored later has the larger number.
    BatchRow;
    /// 64 series of one local subscription.
    BlockId;
    /// A series: its block and its slot therein.
    SeriesId;
}

/// What a series is stored under: BLAKE3 of what makes it this one and no other, 16 bytes of it.
pub(crate) type SeriesKey = [u8; 16];

/// Where a sheet stands: an hour or a day of a block.
pub(crate) type Place<T> = (T, BlockId);

impl SeriesId {
    pub(crate) const fn block(self) -> BlockId {
        BlockId(self.0 >> SLOT_BITS)
    }

    pub(crate) fn slot(self) -> usize {
        usize::from((self.0 & SLOT_MASK).to_le_bytes()[0])
    }
}

impl BlockId {
    /// The series in the first slot; the others follow.
    pub(crate) const fn first_series(self) -> SeriesId {
        SeriesId(self.0 << SLOT_BITS)
    }

    /// The series in a slot.
    pub(crate) fn series(self, slot: usize) -> SeriesId {
        SeriesId(self.first_series().0 + u64::try_from(slot).unwrap_or(SLOT_MASK))
    }
}

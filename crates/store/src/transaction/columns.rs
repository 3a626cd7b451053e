//! What the columns of a row hold, as the values of the domain.

use std::borrow::Cow;
use std::sync::Arc;

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId, ObjectId, QuarantineActId};
use domain::quantity::Quantity;
use domain::time::{Day, Hour, Timestamp};
use domain::usage::QuarantineCode;

use crate::error::StoreError;

/// The columns of a row, counted from 0. Nothing is read from one that is null.
pub(crate) trait Columns {
    fn integer(&self, column: usize) -> Result<Option<i64>, StoreError>;
    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError>;
    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, StoreError>;
    fn quantity(&self, column: usize) -> Result<Option<Quantity>, StoreError>;
}

impl dyn Columns + '_ {
    /// What a column holds.
    pub(crate) fn get<T: FromColumn>(&self, column: usize) -> Result<T, StoreError> {
        self.optional(column)?
            .ok_or_else(|| StoreError::corrupt(format!("column {column} of a row is empty")))
    }

    /// What a column holds, if anything.
    pub(crate) fn optional<T: FromColumn>(&self, column: usize) -> Result<Option<T>, StoreError> {
        T::from_column(self, column)
    }
}

/// What a column can hold.
pub(crate) trait FromColumn: Sized {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError>;
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl FromColumn for $integer {
            fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
                let number = row.integer(column)?;
                let fitting = |number: i64| {
                    Self::try_from(number).map_err(|_| StoreError::corrupt(format!("{number} is out of range")))
                };
                number.map(fitting).transpose()
            }
        }
    )+};
}

integers!(i32, i64, u32, u64);

impl<const N: usize> FromColumn for [u8; N] {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        let fitting = |bytes: &[u8]| {
            let length = bytes.len();
            Self::try_from(bytes)
                .map_err(|_| StoreError::corrupt(format!("{length} bytes where {N} are expected")))
        };
        row.bytes(column)?.map(fitting).transpose()
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.bytes(column)?.map(<[u8]>::to_vec))
    }
}

impl FromColumn for String {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.text(column)?.map(Cow::into_owned))
    }
}

impl FromColumn for Arc<str> {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.text(column)?.map(Self::from))
    }
}

impl FromColumn for Quantity {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        row.quantity(column)
    }
}

impl FromColumn for Hour {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        let hour = |hours| {
            Self::from_epoch_hours(hours)
                .ok_or_else(|| StoreError::corrupt(format!("{hours} hours after 1970 is no hour of usage")))
        };
        row.optional(column)?.map(hour).transpose()
    }
}

impl FromColumn for Day {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.optional(column)?.map(Self::from_epoch_days))
    }
}

impl FromColumn for Timestamp {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        let instant = |text: Cow<'_, str>| {
            text.parse()
                .map_err(|_| StoreError::corrupt(format!("{text:?} is no instant")))
        };
        row.text(column)?.map(instant).transpose()
    }
}

impl FromColumn for QuarantineCode {
    fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
        let code = |text: Cow<'_, str>| {
            Self::from_code(&text)
                .ok_or_else(|| StoreError::corrupt(format!("{text:?} is no code of the quarantine")))
        };
        row.text(column)?.map(code).transpose()
    }
}

macro_rules! ids {
    ($($id:ty),+) => {$(
        impl FromColumn for $id {
            fn from_column(row: &dyn Columns, column: usize) -> Result<Option<Self>, StoreError> {
                Ok(row.optional(column)?.map(Self::from_bytes))
            }
        }
    )+};
}

ids!(
    BatchId,
    CloudId,
    LocalMeterId,
    LocalSubscriptionId,
    ObjectId,
    QuarantineActId
);

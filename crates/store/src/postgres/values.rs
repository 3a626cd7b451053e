//! Values on their way into statements, and the columns of their answers.

use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut, BytesMut};
use domain::quantity::Quantity;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::failure::Failure;
use super::{numeric, text};
use crate::error::StoreError;
use crate::transaction::{Columns, Value};

type Unfit = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Unfit> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) if *ty == Type::INT8 => out.put_i64(*number),
            Self::Integer(number) if *ty == Type::INT4 => out.put_i32(i32::try_from(*number)?),
            Self::Bytes(bytes) if [Type::BYTEA, Type::UUID].contains(ty) => out.put_slice(bytes),
            Self::Text(text) if *ty == Type::TEXT => out.put_slice(text::written(text).as_bytes()),
            Self::Quantity(quantity) if *ty == Type::NUMERIC => {
                let mut bytes = Vec::with_capacity(24);
                numeric::put_quantity(*quantity, &mut bytes);
                out.put_slice(&bytes);
            }
            _ => return Err(format!("{self:?} is not of type {ty}").into()),
        }
        Ok(IsNull::No)
    }

    accepts!(INT4, INT8, BYTEA, UUID, TEXT, NUMERIC);
    to_sql_checked!();
}

/// Any integer.
pub(super) struct Integer(pub(super) i64);

impl<'a> FromSql<'a> for Integer {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Unfit> {
        Ok(Self(if *ty == Type::INT4 {
            i32::from_sql(ty, raw)?.into()
        } else {
            i64::from_sql(ty, raw)?
        }))
    }

    accepts!(INT4, INT8);
}

/// The bytes of a value, as they came.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Unfit> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What is in a column.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<Option<T>, StoreError> {
    row.try_get(column).map_err(|error| Failure::from(error).into())
}

impl Columns for Row {
    fn integer(&self, at: usize) -> Result<Option<i64>, StoreError> {
        Ok(column(self, at)?.map(|Integer(number)| number))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        Ok(column(self, at)?.map(|Raw(bytes)| bytes))
    }

    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, StoreError> {
        let unfit = || StoreError::corrupt("a text is not what was written");
        let written: Option<&str> = column(self, at)?;
        written.map(|it| text::read(it).ok_or_else(unfit)).transpose()
    }

    fn quantity(&self, at: usize) -> Result<Option<Quantity>, StoreError> {
        let unfit = || StoreError::corrupt("a quantity is not what was written");
        let number = column(self, at)?;
        number
            .map(|Raw(bytes)| numeric::quantity(bytes).ok_or_else(unfit))
            .transpose()
    }
}

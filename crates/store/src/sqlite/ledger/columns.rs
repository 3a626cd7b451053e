//! What columns hold, as the values of the domain.

use domain::quantity::Quantity;
use domain::time::{Hour, Timestamp};
use domain::usage::QuarantineCode;

use super::bytes::{from_be_bytes, trimmed};
use crate::error::StoreError;

pub(super) fn hour(epoch_hours: i32) -> Result<Hour, StoreError> {
    let hour = Hour::from_epoch_hours(epoch_hours);
    hour.ok_or_else(|| StoreError::corrupt(format!("{epoch_hours} hours after 1970 is no hour of usage")))
}

pub(super) fn instant(text: &str) -> Result<Timestamp, StoreError> {
    text.parse()
        .map_err(|_| StoreError::corrupt(format!("{text:?} is no instant")))
}

pub(super) fn quarantine_code(text: &str) -> Result<QuarantineCode, StoreError> {
    let code = QuarantineCode::from_code(text);
    code.ok_or_else(|| StoreError::corrupt(format!("{text:?} is no code of the quarantine")))
}

/// A quantity as one value: its scale, then its coefficient, most significant byte first.
pub(super) fn quantity_bytes(quantity: Quantity) -> Vec<u8> {
    let mut bytes = vec![quantity.scale()];
    bytes.extend_from_slice(trimmed(&quantity.coefficient().to_be_bytes()));
    bytes
}

pub(super) fn quantity(bytes: &[u8]) -> Result<Quantity, StoreError> {
    let read = bytes
        .split_first()
        .and_then(|(scale, rest)| Quantity::new(from_be_bytes(rest)?, *scale).ok());
    read.ok_or_else(|| StoreError::corrupt("the quantity of an observation cannot be read"))
}

//! How much is read at one time where texts may have any length: memory is bounded by bytes, not by rows.

/// The bytes of texts that are read at one time. One that is longer is read alone.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many rows with so many bytes are read at one time, in their order: one at the least, if there are any.
pub(crate) fn rows_at_once(bytes: impl IntoIterator<Item = u64>) -> usize {
    let mut room = BYTES_MAX;
    let mut rows = 0;
    for bytes in bytes {
        match room.checked_sub(bytes) {
            Some(left) => room = left,
            None if rows == 0 => return 1,
            None => break,
        }
        rows += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_are_read_and_never_more_of_them_than_fit() {
        for (bytes, rows) in [
            (vec![], 0),
            (vec![0, 0, 0], 3),
            (vec![BYTES_MAX + 1, 1], 1),
            (vec![1, BYTES_MAX, 1], 1),
            (vec![BYTES_MAX / 2, BYTES_MAX / 2, 0, 1], 3),
        ] {
            assert_eq!(rows_at_once(bytes.clone()), rows, "{bytes:?}");
        }
    }
}

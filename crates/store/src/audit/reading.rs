//! Reading a table from its beginning to its end, also past what cannot be read.

use crate::error::StoreError;

/// What comes next.
pub(crate) enum Read<T, K> {
    /// Rows, in order.
    Rows(Vec<T>),
    /// The key of a row that cannot be read, and why.
    Unreadable(K, StoreError),
}

/// Reads all rows, at most `limit` at one time. `page` reads the rows after a key, `next` the key of the first of them.
pub(crate) fn read_all<K, T>(
    limit: usize,
    page: impl Fn(Option<&K>, usize) -> Result<Vec<T>, StoreError>,
    next: impl Fn(Option<&K>) -> Result<Option<K>, StoreError>,
    key: impl Fn(&T) -> K,
    mut take: impl FnMut(Read<T, K>) -> Result<(), StoreError>,
) -> Result<(), StoreError>
where
    K: Clone,
{
    let (mut after, mut at_once) = (None, limit);
    loop {
        match page(after.as_ref(), at_once) {
            Ok(rows) => {
                let Some(last) = rows.last() else { return Ok(()) };
                after = Some(key(last));
                take(Read::Rows(rows))?;
            }
            // One by one up to the row that is the reason.
            Err(StoreError::Corrupt { .. }) if at_once > 1 => at_once = 1,
            Err(error @ StoreError::Corrupt { .. }) => {
                let Some(unreadable) = next(after.as_ref())? else {
                    return Err(error);
                };
                after = Some(unreadable.clone());
                at_once = limit;
                take(Read::Unreadable(unreadable, error))?;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_and_what_is_around_it_is_read() {
        let page = |after: Option<&u32>, limit: usize| {
            let from = after.map_or(0, |after| after + 1);
            let rows: Vec<u32> = (from..20).take(limit).collect();
            if rows.iter().any(|row| [0, 7, 8, 19].contains(row)) {
                return Err(StoreError::corrupt("seven"));
            }
            Ok(rows)
        };
        let next = |after: Option<&u32>| Ok(Some(after.map_or(0, |after| after + 1)).filter(|it| *it < 20));
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        let take = |next| {
            match next {
                Read::Rows(rows) => read.extend(rows),
                Read::Unreadable(key, _) => unreadable.push(key),
            }
            Ok(())
        };
        read_all(6, page, next, |row| *row, take).unwrap();
        assert_eq!(unreadable, [0, 7, 8, 19]);
        assert_eq!(read.len(), 16);
        assert!(read.is_sorted());
    }
}

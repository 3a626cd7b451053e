//! Doing the same for many accounts on all processor cores.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, scope};

/// What becomes of each of the items, in their order. Whoever is done with one takes the next, so that the few accounts that
/// are large hold up nobody but themselves. It is to be called where processor time may be taken: by `App::compute`.
pub(super) fn on_all_cores<T: Send, R: Send>(items: Vec<T>, each: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = available_parallelism().map_or(1, NonZero::get).min(items.len());
    if cores < 2 {
        return items.into_iter().map(each).collect();
    }
    let count = items.len();
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let done = Mutex::new(Vec::with_capacity(count));
    scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                let mut own = Vec::new();
                while let Some((place, item)) = next() {
                    own.push((place, each(item)));
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_to_something_once_and_in_order() {
        for count in [0, 1, 2, 1_000] {
            let done = on_all_cores((0..count).collect(), |item: u32| item * 2);
            let expected: Vec<u32> = (0..count).map(|item| item * 2).collect();
            assert_eq!(done, expected);
        }
    }

    #[test]
    #[should_panic = "a scoped thread panicked"]
    fn what_goes_wrong_for_one_is_not_passed_over() {
        on_all_cores(vec![1, 2, 3], |item| assert_ne!(item, 2));
    }
}

//! What is said of revisions that do not count.

use serde::Serialize;

use crate::figures::count;

/// What whoever corrects has to know where a revision does not count.
pub(super) const HOW_TO_MAKE_THEM_COUNT: &str = "What does not count is kept: for the same record a quantity counts that \
     was reported later, or in the same hour and is larger. If a correction to less was among them, import what it corrects once \
     more with an earlier --reported-start (\"Bringing usage in\" in docs/operating.md).";

/// How many revisions do not count; nothing where some of them are in a receipt of an earlier version, which does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct NotCounting(Option<u64>);

impl Default for NotCounting {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl NotCounting {
    /// Adds those of a batch with so many revisions.
    pub(super) fn add(&mut self, revised: u32, not_counting: Option<u32>) {
        let told = not_counting.or((revised == 0).then_some(0));
        self.0 = self.0.zip(told).map(|(sum, told)| sum + u64::from(told));
    }

    /// Whether nobody knows.
    pub(super) const fn is_unknown(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there are some.
    pub(super) fn any(self) -> bool {
        self.0.is_some_and(|some| some > 0)
    }

    /// What stands behind the number of revisions.
    pub(super) fn in_brackets(self) -> String {
        match self.0 {
            None | Some(0) => String::new(),
            Some(1) => " (1 does not count)".to_owned(),
            Some(some) => format!(" ({} do not count)", count(some)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_did_not_tell_is_not_taken_for_none() {
        let sum = |batches: &[(u32, Option<u32>)]| {
            let mut sum = NotCounting::default();
            for (revised, not_counting) in batches {
                sum.add(*revised, *not_counting);
            }
            sum
        };
        assert_eq!(sum(&[(0, None), (3, Some(2))]).in_brackets(), " (2 do not count)");
        assert_eq!(sum(&[(1, Some(1))]).in_brackets(), " (1 does not count)");
        let unknown = sum(&[(3, Some(2)), (1, None)]);
        assert!(unknown.is_unknown() && !unknown.any(), "{unknown:?}");
        for nothing in [unknown, sum(&[]), sum(&[(2, Some(0))])] {
            assert_eq!((nothing.in_brackets(), nothing.any()), (String::new(), false));
        }
    }
}

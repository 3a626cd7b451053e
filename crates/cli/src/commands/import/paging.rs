//! Whether the pages of an import are all there, as far as they tell.
//!
//! A page says that a further one follows (`nextLink`) and not which one it is itself. So a window whose pages are all
//! there has one page without a link and any number with one, in whatever order a shell lists their files.

use super::reading::Source;
use crate::delivery_file::Pages;
use crate::figures::counted;

/// What the pages of all files say of further ones.
#[derive(Debug, Default)]
pub(super) struct Paging {
    /// Pages that are the last one of their window.
    last_of_window: u64,
    /// Files that end with a page that says that a further one follows.
    files_with_more: u64,
    /// The first of those files.
    first_with_more: Option<String>,
}

impl Paging {
    /// Takes what the pages of the next file say.
    pub(super) fn add(&mut self, source: &Source, pages: Pages) {
        self.last_of_window += pages.last_of_window;
        if pages.more_follow {
            self.files_with_more += 1;
            self.first_with_more.get_or_insert_with(|| source.to_string());
        }
    }

    /// Why it is certain that pages are missing, or cannot be told that none is.
    ///
    /// With one last page, and files that announce more, the pages of one window are there in any order. With several,
    /// some window may be without its last page.
    pub(super) fn doubt(&self) -> Option<String> {
        let first = self.first_with_more.as_deref()?;
        let with_more = counted(self.files_with_more, "file");
        match self.last_of_window {
            0 => Some(format!(
                "There are more pages: {with_more} (the first is {first}) with a nextLink on the last page, and no page \
                 without one. Get them from the stack, until a page has no nextLink, and import them too."
            )),
            1 => None,
            windows => Some(format!(
                "Whether there are more pages cannot be told: {with_more} (the first is {first}) with a nextLink on \
                 the last page, and {windows} pages that end a window. Import the pages of one window at a time."
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The doubt about files, each with how many pages in it end a window and whether its last page announces another.
    fn doubt(files: &[(u64, bool)]) -> Option<String> {
        let mut paging = Paging::default();
        for (number, (last_of_window, more_follow)) in (1..).zip(files) {
            let pages = Pages {
                last_of_window: *last_of_window,
                more_follow: *more_follow,
            };
            paging.add(&Source::named(format!("{number}.json")), pages);
        }
        paging.doubt()
    }

    #[test]
    fn pages_in_the_order_of_a_shell_are_no_false_alarm() {
        const MORE: (u64, bool) = (0, true);
        const LAST: (u64, bool) = (1, false);
        for complete in [
            &[LAST][..],
            &[MORE, LAST],
            // page-1, page-10, page-2, page-3 …
            &[MORE, LAST, MORE, MORE],
            // Files that hold whole windows, and one that holds pages out of order.
            &[(2, false), LAST],
            &[(1, true)],
            // Records without pages.
            &[(0, false)],
            &[],
        ] {
            assert_eq!(doubt(complete), None, "{complete:?}");
        }
    }

    #[test]
    fn usage_on_pages_that_were_not_fetched_is_not_passed_over() {
        let missing = doubt(&[(0, false), (0, true), (0, true)]).unwrap();
        assert!(
            missing.starts_with("There are more pages: 2 files (the first is 2.json)"),
            "{missing}"
        );
        // The window of the first file is not complete, though that of the last one is.
        let untold = doubt(&[(0, true), (1, false), (1, false)]).unwrap();
        assert!(
            untold.starts_with("Whether there are more pages cannot be told: 1 file (the first is 1.json)"),
            "{untold}"
        );
        assert!(untold.contains("2 pages that end a window"), "{untold}");
    }
}

//! Answers of the usage API, page by page.

use std::iter::Peekable;

use domain::time::HourInterval;

use crate::reports::{HourlyReports, Position, Report};
use crate::stack::Stack;

/// About how long a record is, to make room for a page at once.
const RECORD_BYTES: usize = 1024;

/// One page of usage records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The answer's body: `{"value":[…]}`.
    pub body: String,
    /// How many records are in it, malformed ones among them.
    pub records: usize,
}

/// The pages of one window of reported time.
#[derive(Debug)]
pub struct Pages<'a> {
    stack: &'a Stack,
    reports: Peekable<HourlyReports<'a>>,
    page_size: usize,
    is_first: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(stack: &'a Stack, window: HourInterval, page_size: usize) -> Self {
        let reports = HourlyReports::new(stack, None, Position::start_of(window.start()), window.end());
        Self {
            stack,
            reports: reports.peekable(),
            page_size: page_size.max(1),
            is_first: true,
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Page;

    fn next(&mut self) -> Option<Page> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        if !is_first && self.reports.peek().is_none() {
            return None;
        }
        let mut page = open_page(self.stack, &mut self.reports, self.page_size);
        page.body.push('}');
        Some(page)
    }
}

/// A page of the next reports, whose body lacks the brace at its end.
pub(crate) fn open_page(stack: &Stack, reports: &mut impl Iterator<Item = Report>, page_size: usize) -> Page {
    let mut body = String::with_capacity(page_size.min(10_000) * RECORD_BYTES);
    body.push_str(r#"{"value":["#);
    let mut records = 0;
    for report in reports.take(page_size) {
        if records > 0 {
            body.push(',');
        }
        stack.write_report(&mut body, &report);
        records += 1;
    }
    body.push(']');
    Page { body, records }
}

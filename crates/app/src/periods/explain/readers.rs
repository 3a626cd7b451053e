//! What somebody who opens a line of a bill is told of who set what it is made by.
//!
//! A bill is read by who sells and who buys, and each has a side that is not the other's. So nothing is told here that the
//! caller would not read where it was set: of a price list what whoever reads it does, of a mapping what its history shows,
//! of terms who set them to those who act for the seller, of cores to the platform's operators. Of everything else that
//! decided, the bill itself says that it held: from when, and until when if that was within the period.

use domain::books::Books;
use domain::time::{Hour, Period};

use super::super::terms::acts_for;
use super::{Decided, Decision, Explained, PartIs};
use crate::App;
use crate::access::{Caller, View, view_of};
use crate::mappings::reads_version;
use crate::prices::is_read;

impl App {
    /// Takes away what the caller does not read of who set what, of a line of a period.
    pub(super) fn leave_to_reader(&self, caller: &Caller, period: Period, explained: &mut Explained) {
        self.read(|books| {
            let view = view_of(books, caller);
            // That a list follows another is said by that list: whoever does not read it knows of none behind it.
            let read = explained
                .decisions
                .iter()
                .take_while(|it| reads(books, &view, it));
            let read = read.count();
            if is_of_prices(explained) {
                explained.decisions.truncate(read.max(1));
            }
            let parts = explained.parts.iter_mut().chain([&mut explained.is]);
            let mappings = parts.filter_map(|part| match &mut part.what {
                PartIs::Stretch(stretch) => stretch.mapping.as_mut(),
                _ => None,
            });
            for decision in explained.decisions.iter_mut().chain(mappings) {
                withhold(books, &view, period.interval().end(), decision);
            }
        });
    }
}

/// The lists of prices are in the order in which each follows the next; other decisions stand for themselves.
fn is_of_prices(explained: &Explained) -> bool {
    let mut decisions = explained.decisions.iter();
    decisions.any(|it| matches!(it.what, Decided::Prices(_)))
}

/// Whether whoever has this view reads who set something, and when.
fn reads(books: &Books, view: &View, decision: &Decision) -> bool {
    match (&decision.what, decision.recorded) {
        (_, None) => false,
        (Decided::Prices(list), _) => is_read(view, list.scope),
        (Decided::Terms(seller, _), _) => acts_for(view, *seller),
        (Decided::Cores(_), _) => view.everything,
        (Decided::Mapping(registration, tenant), Some(recorded)) => {
            reads_version(books, view, (*registration, *tenant), recorded)
        }
    }
}

/// What comes after the period that was billed is not on the bill. A buyer reads all terms of its own, though not who set
/// them.
fn withhold(books: &Books, view: &View, end_of_period: Hour, decision: &mut Decision) {
    if reads(books, view, decision) {
        return;
    }
    decision.recorded = None;
    if !matches!(decision.what, Decided::Terms(_, Some(_))) {
        decision.until = decision.until.filter(|until| *until <= end_of_period);
    }
}

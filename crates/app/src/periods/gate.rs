//! The gate before a close: whether the usage of a period is complete.

use domain::books::{Books, Waiver};
use domain::ids::CloudId;
use domain::time::{Hour, Period};

use super::Waiting;
use crate::bills::stack_name;
use crate::{App, Error, Kind};

impl App {
    /// The stacks that a period waits for, by id: those that were registered in it to be paid for by usage and have not
    /// said that they have reported everything up to its end, or up to the end of their registration. Waived ones are
    /// among them.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn gate(&self, period: Period) -> Result<Vec<Waiting>, Error> {
        let expected = self.read(|books| expected(books, period));
        let mut waiting = Vec::new();
        for (stack, until, waived) in expected {
            let reported_through = self.usage.watermark(stack).await?;
            if reported_through.is_none_or(|through| through < until) {
                waiting.push(Waiting {
                    stack,
                    stack_name: self.read(|books| stack_name(books, stack)),
                    reported_through,
                    expected: until,
                    waived,
                });
            }
        }
        Ok(waiting)
    }

    /// Whether a period waits for nothing but what was waived.
    ///
    /// # Errors
    /// `PeriodIncomplete` naming the first stacks, or as the store.
    pub(super) async fn demand_complete(&self, period: Period) -> Result<(), Error> {
        let waiting = self.gate(period).await?;
        let missing: Vec<&Waiting> = waiting.iter().filter(|it| it.waived.is_none()).collect();
        let (count, Some(first)) = (missing.len(), missing.first()) else {
            return Ok(());
        };
        let through = first.reported_through.map_or_else(
            || "nothing".to_owned(),
            |through| format!("everything up to {through}"),
        );
        let stacks = if count == 1 { "stack" } else { "stacks" };
        let message = format!(
            "{period} waits for the usage of {count} {stacks}. Stack {} has reported {through}; expected everything up \
             to {}. Have it deliver the rest, or waive it by name and reason: what comes later becomes corrections.",
            first.stack, first.expected
        );
        Err(Error::new(Kind::Conflict, "PeriodIncomplete", message))
    }
}

/// Which stacks have to have reported everything up to which hour, and who waived that.
fn expected(books: &Books, period: Period) -> Vec<(CloudId, Hour, Option<Waiver>)> {
    let within = period.interval();
    let mut expected = Vec::new();
    for (stack, history) in books.stacks() {
        let segments = history.registration.segments(within).into_iter();
        let charged = segments.filter(|(_, terms)| {
            let terms = terms.and_then(|terms| terms.value);
            terms.is_some_and(|terms| terms.billing_model.charges_usage())
        });
        if let Some(until) = charged.map(|(hours, _)| hours.end()).max() {
            let waiver = books.periods().waiver(period, stack);
            expected.push((stack, until, waiver.cloned()));
        }
    }
    expected
}

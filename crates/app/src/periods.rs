//! Billing periods: closing them, the invoices that are issued then, and what is owed until then.
//!
//! There is one way to a bill: [`reckoning`] gathers what an account is charged for from books, usage and a catalog as
//! they are known at some point, and everybody goes it: a close, one that is taken up again, a replay, and what the
//! running month comes to so far.

mod all_cores;
mod as_closed;
mod backdating;
mod budgets;
mod closing;
mod explain;
mod forecast;
mod gate;
mod gathering;
mod invoices;
mod margins;
mod names;
mod papers;
mod parts;
mod places;
mod reckoning;
mod reconciliation;
mod replay;
mod running;
mod since;
mod terms;
mod what_if;

use domain::books::{Books, Closed, Waiver};
use domain::ids::{CloudId, ObjectId};
use domain::time::{Hour, Period, Timestamp};

use crate::access::{Caller, Right};
use crate::{App, Error};

pub(crate) use as_closed::AsClosed;
pub use backdating::{Backdating, BillDifference, MONTHS_MOVED_MAX, MovedUsage, Settled};
pub(crate) use budgets::PIECES_MAX as BUDGET_PIECES_MAX;
pub use budgets::{BudgetView, BudgetWatch, WRITE_BUDGETS};
pub use domain::chain::{Account, Buyer, Seller};
pub use explain::{Decided, Decision, Explained, Level, Opened, PARTS_PER_PAGE, Part, PartIs, Side, Stretch};
pub use forecast::{ACCOUNTS_FORECAST_MAX, AccountForecast, Forecast, PartForecast, StackForecast};
pub use invoices::InvoiceFilter;
pub use margins::{MarginRow, Margins};
pub use parts::BillPart;
pub(crate) use places::{Place, Places};
pub use places::{RECKONINGS_AT_ONCE_MAX, RECKONINGS_OF_A_DIRECTORY_MAX, RECKONINGS_WAITING_MAX};
pub use reconciliation::Reconciled;
pub use replay::Replay;
pub use running::{Running, RunningAccount};
pub use terms::AgreedTerms;
pub use what_if::{ACCOUNTS_COMPARED_MAX, AccountChange, Change, WhatIf};

/// A billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodView {
    /// The month.
    pub period: Period,
    /// How far it is.
    pub state: PeriodState,
    /// The stacks whose usage it waits for, or would have waited for, by id; none of a period that is closed or being
    /// closed.
    pub gate: Vec<Waiting>,
}

/// How far a billing period is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeriodState {
    /// Its bills are still made.
    Open,
    /// Everything that its invoices are made from is fixed, and they are being issued.
    Closing,
    /// Its invoices were issued.
    Closed {
        /// The digest over the digests of all its invoices, in order.
        digest: [u8; 32],
        /// How many there are.
        invoices: u64,
        /// When that was.
        closed_at: Timestamp,
        /// Who did it.
        by: ObjectId,
    },
}

/// A stack that has not said yet that it has reported everything of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The stack.
    pub stack: CloudId,
    /// The name of its registration, if it ever had one.
    pub stack_name: Option<String>,
    /// How far it says that it has reported everything.
    pub reported_through: Option<Hour>,
    /// How far it has to: to the end of the period, or of its registration.
    pub expected: Hour,
    /// Who said that the period may be closed without the rest, and why.
    pub waived: Option<Waiver>,
}

impl App {
    /// A billing period, with what it waits for. For the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, or as the store.
    pub async fn period(&self, caller: &Caller, period: Period) -> Result<PeriodView, Error> {
        self.authorize(caller, Right::Operate)?;
        self.period_view(period).await
    }

    async fn period_view(&self, period: Period) -> Result<PeriodView, Error> {
        let mut view = self.read(|books| without_gate(books, period));
        if view.state == PeriodState::Open {
            view.gate = self.gate(period).await?;
        }
        Ok(view)
    }

    /// The billing periods that were closed, and those after them up to the running month, the earliest first. Without
    /// any that was closed, the running month and the one before it. What they wait for is not among it. For the
    /// platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`.
    pub fn periods(&self, caller: &Caller) -> Result<Vec<PeriodView>, Error> {
        self.authorize(caller, Right::Operate)?;
        let this_month = self.this_hour().period();
        Ok(self.read(|books| {
            let periods = books.periods();
            let closed = periods.all_closed().map(|closed| closed.closing.period);
            let mut shown: Vec<Period> = closed.collect();
            let being_closed = periods.closing().map(|closing| closing.period);
            let first_open = periods.next_to_close().or(being_closed).or(this_month.previous());
            let mut open = first_open.filter(|first| *first <= this_month);
            while let Some(period) = open {
                shown.push(period);
                open = period.next().filter(|next| *next <= this_month);
            }
            let views = shown.into_iter().map(|period| without_gate(books, period));
            views.collect()
        }))
    }

    /// Lets a period be closed without the rest of what a stack used in it. What comes later becomes corrections. An
    /// act of the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`PeriodRefused`](domain::books::PeriodRefused), or as the store.
    pub async fn waive(
        &self,
        caller: &Caller,
        period: Period,
        stack: CloudId,
        reason: &str,
    ) -> Result<PeriodView, Error> {
        self.authorize(caller, Right::Operate)?;
        let now = self.this_hour();
        self.change(caller, |books| {
            let entry = books.waive(period, now, stack, reason)?;
            Ok((vec![entry], ()))
        })
        .await?;
        self.period_view(period).await
    }
}

fn without_gate(books: &Books, period: Period) -> PeriodView {
    let periods = books.periods();
    let state = match (periods.closed(period), periods.closing()) {
        (Some(closed), _) => state_of(closed),
        (None, Some(closing)) if closing.period == period => PeriodState::Closing,
        (None, _) => PeriodState::Open,
    };
    PeriodView {
        period,
        state,
        gate: Vec::new(),
    }
}

const fn state_of(closed: &Closed) -> PeriodState {
    PeriodState::Closed {
        digest: closed.digest,
        invoices: closed.invoices,
        closed_at: closed.recorded.at,
        by: closed.recorded.by,
    }
}

//! What a line of an invoice was reckoned from, as of what closing a period fixed.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::books::{Closing, DecidingTerms, PriceVersion};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::quantity::Rational;
use domain::reckoning::{
    Basis, Correction, LineKey, Made, ReckonedLine, Reckoning, Section, StatedCores, cores_deciding, reckon,
};
use domain::statement::Pricing;
use domain::terms::Terms;
use domain::time::{Hour, Period};
use store::{DocumentKey, bill_forms};

use super::super::gathering::{Inputs, Wanted};
use super::super::reckoning::missing;
use super::{Decided, Decision, Level, Opened, Part, PartIs, Side, contradicts, no_such_line};
use crate::access::Caller;
use crate::error::internal;
use crate::{App, Error};

/// A line, and what it was reckoned from.
pub(super) struct Source {
    pub(super) invoice: Arc<Invoice>,
    side: Side,
    pub(super) inputs: Inputs,
    reckoned: Arc<(Basis, Reckoning)>,
    key: LineKey,
    pub(super) line: ReckonedLine,
}

impl App {
    /// A line of the period of an invoice: what it was reckoned from is kept beside the invoice. It is reckoned again, and
    /// is the same: neither was changed by itself.
    pub(super) async fn source_of_line(&self, invoice: &Arc<Invoice>, key: LineKey) -> Result<Source, Error> {
        let line = invoice.lines.get(&key).ok_or_else(no_such_line)?.clone();
        let closing = self.closing_of(invoice.period)?;
        let inputs = self.inputs_of(&closing).await?;
        let document = DocumentKey::basis(invoice.period, invoice.account);
        let kept = async {
            let basis = self.bills.get(document).await?;
            let basis = basis.ok_or_else(|| missing(document))?;
            self.reckoned(&inputs, move || Ok(bill_forms::decode_basis(&basis)?))
                .await
        };
        let at = (closing.begun.entry, invoice.period, invoice.account);
        let reckoned = self.as_closed.accounts.get(at, kept).await?;
        let of = (reckoned.1.account, reckoned.1.period);
        if of != (invoice.account, invoice.period) || reckoned.1.lines.get(&key) != Some(&line) {
            return Err(contradicts("it is reckoned to something else"));
        }
        Ok(Source {
            invoice: Arc::clone(invoice),
            side: Side::Issued,
            inputs,
            reckoned,
            key,
            line,
        })
    }

    /// One side of a correction: it is reckoned as it was when the invoice was issued, or when the period before it was
    /// closed. Each close sets all earlier periods right, so that what was billed so far is what they cost at the last.
    ///
    /// # Errors
    /// `TooManyReckonings` while too many wait for theirs; or as the store.
    pub(super) async fn source_of_correction(
        &self,
        caller: &Caller,
        invoice: &Arc<Invoice>,
        correction: &Correction,
        side: Side,
    ) -> Result<Source, Error> {
        let (closed, amount) = match side {
            Side::Now | Side::Issued => (self.closing_of(invoice.period)?, correction.now),
            Side::Billed => (self.closing_before(invoice.period)?, correction.billed),
        };
        let inputs = self.inputs_of(&closed).await?;
        let account = invoice.account;
        let gathered = async {
            let app = self.place_to_reckon(caller).await?;
            let wanted = Wanted::named(BTreeSet::from([account]));
            let mut bases = app.gather(&inputs, correction.period, &wanted).await?;
            let basis = bases.remove(&account).ok_or_else(no_such_line)?;
            app.reckoned(&inputs, || Ok(basis)).await
        };
        let at = (closed.begun.entry, correction.period, account);
        let reckoned = self.as_closed.accounts.get(at, gathered).await?;
        let line = reckoned
            .1
            .lines
            .get(&correction.key)
            .ok_or_else(no_such_line)?
            .clone();
        if line.amount != amount {
            return Err(contradicts(
                "a side of a correction is reckoned to another amount",
            ));
        }
        Ok(Source {
            invoice: Arc::clone(invoice),
            side,
            inputs,
            reckoned,
            key: correction.key,
            line,
        })
    }

    async fn reckoned(
        &self,
        inputs: &Inputs,
        basis: impl FnOnce() -> Result<Basis, Error> + Send + 'static,
    ) -> Result<Arc<(Basis, Reckoning)>, Error> {
        let catalog = Arc::clone(&inputs.catalog);
        let reckoned = self.compute(move |_| {
            let basis = basis()?;
            let reckoning = reckon(&basis, &catalog)?;
            Ok(Arc::new((basis, reckoning)))
        });
        reckoned.await?
    }

    fn closing_of(&self, period: Period) -> Result<Closing, Error> {
        let closing = self.read(|books| Some(books.periods().closed(period)?.closing.clone()));
        closing.ok_or_else(|| internal("The period of an invoice is not closed."))
    }

    fn closing_before(&self, period: Period) -> Result<Closing, Error> {
        let before = self.read(|books| {
            let mut closed = books.periods().all_closed().map(|closed| &closed.closing);
            closed.rfind(|closing| closing.period < period).cloned()
        });
        before.ok_or_else(|| contradicts("it corrects a period, and none was closed before it"))
    }
}

impl Source {
    /// What the account of the line was reckoned from.
    pub(super) fn basis(&self) -> &Basis {
        &self.reckoned.0
    }

    pub(super) const fn opened(&self, level: Level) -> Opened {
        Opened {
            side: self.side,
            level,
        }
    }

    pub(super) const fn part(
        &self,
        level: Level,
        amount: Money,
        quantity: Option<Rational>,
        what: PartIs,
    ) -> Part {
        Part {
            opens: Some(self.opened(level)),
            amount,
            quantity,
            what,
        }
    }

    /// What is charged to the subscription of the line.
    pub(super) fn section(&self) -> Result<&Section, Error> {
        let section = self
            .key
            .subscription()
            .and_then(|subscription| self.basis().sections.get(&subscription));
        section.ok_or_else(|| contradicts("the subscription is not among what it was reckoned from"))
    }

    /// What the line is made by that somebody set: its price, with those that it follows; or the terms that say what it is,
    /// and the cores that were stated.
    pub(super) fn decisions(&self) -> Result<Vec<Decision>, Error> {
        Ok(match &self.line.made {
            Made::Usage(line) => match &line.pricing {
                Pricing::Development => Vec::new(),
                Pricing::Price { since, .. } => self.prices(*since)?,
            },
            Made::CapacityFee(_) => {
                let mut decisions = self.terms(|terms| terms.capacity_fee.is_some());
                decisions.extend(self.cores());
                decisions
            }
            Made::MinimumCommitment { .. } => self.terms(|terms| terms.minimum_commitment.is_some()),
            Made::Credit { .. } => self.terms(|terms| terms.credit.is_some()),
            Made::Tax { .. } => self.terms(|terms| terms.tax.is_some()),
        })
    }

    fn prices(&self, since: Hour) -> Result<Vec<Decision>, Error> {
        let mut parts = self.section()?.tariff.parts().iter();
        let part = parts.find(|part| part.hours.contains(since));
        let versions = part.map(|part| self.inputs.books.price_versions(&part.list, since));
        let versions = versions.into_iter().flatten();
        let decision = |it: PriceVersion| Decision::of(Decided::Prices(it.list), it.hours, it.recorded);
        Ok(versions.map(decision).collect())
    }

    /// The terms that decide one member of what holds between seller and buyer: the others have no part in the line.
    fn terms(&self, says: impl Fn(&Terms) -> bool) -> Vec<Decision> {
        let link = self.invoice.account.link();
        let periods = self.inputs.books.periods();
        let deciding = periods.terms_deciding(link, self.basis().period, says);
        let decision = |it: DecidingTerms<'_>| Decision {
            what: Decided::Terms(link.seller, it.buyer),
            from: it.from.interval().start(),
            until: it.until.map(|until| until.interval().start()),
            recorded: Some(it.version.recorded),
        };
        deciding.map(decision).into_iter().collect()
    }

    /// What was stated of the cores that the fee is for.
    fn cores(&self) -> Vec<Decision> {
        let LineKey::CapacityFee { subscription, stack } = self.key else {
            return Vec::new();
        };
        let books = &self.inputs.books;
        let (Some(history), Some(stated)) = (books.stack(stack), books.periods().stated_cores(stack)) else {
            return Vec::new();
        };
        let period = self.basis().period;
        let deciding = cores_deciding(history, stated, period, self.inputs.known, subscription).into_iter();
        let decision = |it: StatedCores| Decision::of(Decided::Cores(it.cores), it.hours, it.recorded);
        deciding.map(decision).collect()
    }
}

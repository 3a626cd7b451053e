//! What a line of an invoice was reckoned from, as of what closing a period fixed.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::books::Closing;
use domain::chain::Link;
use domain::invoice::Invoice;
use domain::money::Money;
use domain::quantity::Rational;
use domain::reckoning::{Basis, Correction, LineKey, Made, ReckonedLine, Reckoning, Section, reckon};
use domain::statement::Pricing;
use domain::time::Period;
use store::{DocumentKey, bill_forms};

use super::super::gathering::{Inputs, Wanted};
use super::super::reckoning::missing;
use super::{Decision, Level, Opened, Part, PartIs, Side, contradicts, no_such_line};
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
    /// A line of the period of an invoice: what it was reckoned from is kept beside the invoice. It is reckoned again
    /// from that: an invoice whose line is another one is not explained.
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
        if reckoned.1.lines.get(&key) != Some(&line) {
            return Err(contradicts("it is reckoned to another line"));
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

    /// Who set the prices or terms that the line is made by.
    pub(super) fn decisions(&self) -> Vec<Decision> {
        match &self.line.made {
            Made::Usage(line) => match &line.pricing {
                Pricing::Development => Vec::new(),
                Pricing::Price { since, .. } => {
                    let parts = self.section().map(|section| section.tariff.parts());
                    let mut parts = parts.unwrap_or_default().iter();
                    let part = parts.find(|part| part.hours.contains(*since));
                    let versions = part.map(|part| self.inputs.books.price_versions(&part.list, *since));
                    let decision = |(list, valid, recorded): (_, domain::time::HourInterval, _)| Decision {
                        list: Some(list),
                        from: valid.start(),
                        until: (valid.end() < domain::time::Hour::MAX).then(|| valid.end()),
                        recorded,
                    };
                    versions.into_iter().flatten().map(decision).collect()
                }
            },
            _ => {
                let Link { seller, buyer } = self.invoice.account.link();
                let periods = self.inputs.books.periods();
                let versions = [Some(buyer), None]
                    .into_iter()
                    .filter_map(|buyer| periods.terms_version(seller, buyer, self.basis().period));
                let decision = |(from, version): (Period, &domain::books::TermsVersion)| Decision {
                    list: None,
                    from: from.interval().start(),
                    until: None,
                    recorded: version.recorded,
                };
                versions.map(decision).collect()
            }
        }
    }
}

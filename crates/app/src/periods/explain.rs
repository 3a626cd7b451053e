//! Opening a line of an issued invoice, one level at a time: shares, the stretches of usage they are made of and why they
//! are charged, days, resources, and what each batch said about each record.
//!
//! Nothing is read but what one level needs: what the invoice was reckoned from is kept beside it, days and resources come
//! from totals, and records are read of one resource and day. All as of what closing the period fixed.
//!
//! A line that sets right an earlier period is what that costs now, less what was billed for it: each side opens as a line
//! of its own, the one as of closing the period of the invoice, the other as of the close before it. Whatever is below what
//! was billed is taken off: its amounts have the other sign.
//!
//! What is proven, and by what. The line is reckoned again from what is kept beside the invoice, and is the one on the
//! invoice. Quantities come from where the level above has not got them: stretches from what is kept, against the shares of
//! the invoice; days from the totals of the usage, against the stretches; resources from the totals of each series; records
//! from the records. Each level that is opened is compared with the one above it, up to the line. Amounts below the line
//! prove nothing more: tiers and rounding belong to the line, so each is its part of the line's by quantity.

mod readers;
mod source;

use std::sync::Arc;

use domain::attribution::{Reason, attribute};
use domain::catalog::PriceList;
use domain::chain::{Buyer, Seller};
use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId, RegistrationId, TenantId};
use domain::invoice::{Invoice, InvoiceNumber};
use domain::money::Money;
use domain::quantity::{QuantitySum, Rational};
use domain::reckoning::{Correction, LineKey, Made, ReckonedLine};
use domain::statement::{ChargedUsage, Line, Piece, Share, pieces_of};
use domain::time::{Day, Hour, HourInterval, Period};
use domain::timeline::Recorded;

use store::{LocalSubscriptionKey, RecordSaid, SeriesKey, Slice};

use self::source::Source;
use crate::access::Caller;
use crate::{App, Error};

/// How many parts of one level are shown at a time.
pub const PARTS_PER_PAGE: usize = 200;

/// As of when a line is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// As it is on its invoice.
    Issued,
    /// Of a correction: what was billed so far.
    Billed,
    /// Of a correction: what it costs as of the invoice that it is on.
    Now,
}

/// Which part of a line is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opened {
    /// As of when.
    pub side: Side,
    /// The part.
    pub level: Level,
}

/// A part of a line: a place for each level, from the line down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The line: its shares.
    Line,
    /// A share, by its place: the stretches of usage that it is made of.
    Share(usize),
    /// A stretch of usage of a share, by its place: its days.
    Stretch(usize, usize),
    /// A day of a stretch: its resources.
    Day(usize, usize, Day),
    /// A resource of a day, by its place: its records.
    Resource(usize, usize, Day, usize),
}

impl Opened {
    /// The line as its invoice has it.
    pub const LINE: Self = Self {
        side: Side::Issued,
        level: Level::Line,
    };
}

/// One level of a line, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The invoice that it is on.
    pub invoice: Arc<Invoice>,
    /// The line, with its price and tiers; none of a correction of which neither side is opened.
    pub line: Option<ReckonedLine>,
    /// The correction that the line is a side of.
    pub correction: Option<Correction>,
    /// What the line is made by, and who set that when: as far as the caller reads it.
    pub decisions: Vec<Decision>,
    /// What is opened.
    pub opened: Opened,
    /// What that is.
    pub is: Part,
    /// What it is made of: their amounts sum to its own, and their quantities do. A line that is made of no usage has none.
    pub parts: Vec<Part>,
    /// The place of the first part that is shown.
    pub from: usize,
    /// How many there are.
    pub of: usize,
}

/// Something that was set and that a line is made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it is.
    pub what: Decided,
    /// The first hour for which it holds.
    pub from: Hour,
    /// The hour after the last, if it has one and the caller may know it.
    pub until: Option<Hour>,
    /// Who said so, and when; none where the caller does not read that.
    pub recorded: Option<Recorded>,
}

/// What was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// A version of a price list: that of the line's own price, or one that it follows.
    Prices(PriceList),
    /// Terms of a seller: for one buyer, or for all of them.
    Terms(Seller, Option<Buyer>),
    /// So many cores of the stack, whatever its token says.
    Cores(u32),
    /// A mapping of a tenant in a registration, or its removal.
    Mapping(RegistrationId, TenantId),
}

impl Decision {
    /// What was set, for these hours, with who set it and when.
    fn of(what: Decided, hours: HourInterval, recorded: Recorded) -> Self {
        Self {
            what,
            from: hours.start(),
            until: (hours.end() < Hour::MAX).then(|| hours.end()),
            recorded: Some(recorded),
        }
    }
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// How to open it; records are not opened further.
    pub opens: Option<Opened>,
    /// What it adds to what is opened from the top: below what was billed so far, which is taken off, less than nothing.
    pub amount: Money,
    /// How much was used, in the billing meter's unit, exact, whatever the sign of the amount; none of a line that is made of
    /// no usage.
    pub quantity: Option<Rational>,
    /// What it is.
    pub what: PartIs,
}

/// What a part of a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartIs {
    /// The line.
    Line,
    /// A correction.
    Correction,
    /// What was billed so far of the line that it sets right: taken off.
    Billed,
    /// What that line costs now.
    Now,
    /// What one tenant of a stack used, for one reason.
    Share {
        /// The stack.
        stack: CloudId,
        /// The directory tenant, where known.
        tenant: Option<TenantId>,
        /// Why the payer is charged for it.
        reason: Reason,
    },
    /// Usage of one local meter by one local subscription, in hours in which it was charged alike.
    Stretch(Box<Stretch>),
    /// One day of it.
    Day(Day, QuantitySum),
    /// One resource.
    Resource(Arc<str>, QuantitySum),
    /// One record: everything that was said about it until the period was closed.
    Record(RecordSaid),
}

/// Usage of one local meter by one local subscription, and why it is charged to this payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The stack.
    pub stack: CloudId,
    /// Who used it.
    pub local_subscription: LocalSubscriptionId,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// The hours.
    pub interval: HourInterval,
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
    /// What one unit of it is in units of the billing meter.
    pub factor: Rational,
    /// The registration that was valid.
    pub registration: Option<RegistrationId>,
    /// The mapping that decided, or its removal.
    pub mapping: Option<Decision>,
}

impl App {
    /// Opens a line of an issued invoice, or a part of it, from a place among its parts on. For all who read the invoice; of
    /// who set what it is made by they are told what they read elsewhere.
    ///
    /// # Errors
    /// `InvoiceNotFound`; `LineNotFound` if it has no such line, or the line no such part; `UsageOlderThanClose` if what
    /// counted for it is not there; `StoreDamaged` if what it was reckoned from does not come to it; `TooManyReckonings` if
    /// a side of a correction is opened while too many wait for bills; or as the store.
    pub async fn explain(
        &self,
        caller: &Caller,
        number: InvoiceNumber,
        (period, key): (Period, LineKey),
        opened: Opened,
        from: usize,
    ) -> Result<Explained, Error> {
        let bill = self.key_of(caller, number).await?;
        let at = (bill.period, bill.account);
        let stored = async {
            let invoice = self.stored_invoice(at.0, at.1).await?;
            Ok(Arc::new(invoice.ok_or_else(no_such_line)?))
        };
        let invoice = self.as_closed.invoices.get(at, stored).await?;
        let mut corrections = invoice.corrections.iter();
        let correction = corrections
            .find(|it| (it.period, it.key) == (period, key))
            .cloned();
        let mut explained = match (opened.side, &correction) {
            (Side::Issued, None) if period == invoice.period => {
                let source = self.source_of_line(&invoice, key).await?;
                self.opened(source, opened.level).await?
            }
            (Side::Issued, Some(correction)) if opened.level == Level::Line => {
                sides(Arc::clone(&invoice), correction)
            }
            (side @ (Side::Billed | Side::Now), Some(correction)) => {
                let source = self
                    .source_of_correction(caller, &invoice, correction, side)
                    .await?;
                let mut explained = self.opened(source, opened.level).await?;
                if side == Side::Billed {
                    take_off(&mut explained);
                }
                explained
            }
            _ => return Err(no_such_line()),
        };
        adds_up(&explained.is, &explained.parts)?;
        explained.correction = correction;
        explained.of = explained.parts.len();
        explained.from = from;
        explained.parts.drain(..from.min(explained.of));
        explained.parts.truncate(PARTS_PER_PAGE);
        self.leave_to_reader(caller, period, &mut explained);
        Ok(explained)
    }

    async fn opened(&self, source: Source, level: Level) -> Result<Explained, Error> {
        let reckoned = source.line.clone();
        let (is, parts) = match &reckoned.made {
            Made::Usage(line) => self.of_usage(&source, line, level).await?,
            _ if level == Level::Line => (
                source.part(Level::Line, reckoned.amount, None, PartIs::Line),
                vec![],
            ),
            _ => return Err(no_such_line()),
        };
        Ok(Explained {
            correction: None,
            decisions: source.decisions()?,
            opened: source.opened(level),
            line: Some(reckoned),
            invoice: source.invoice,
            is,
            parts,
            from: 0,
            of: 0,
        })
    }

    async fn of_usage(&self, source: &Source, line: &Line, level: Level) -> Result<(Part, Vec<Part>), Error> {
        Ok(match level {
            Level::Line => (the_line(source, line), shares(source, line)),
            Level::Share(share) => of_share(source, line, share)?,
            Level::Stretch(share, place) => {
                let is = stretch(source, line, share, place)?;
                let parts = self.days(source, &is, (share, place)).await?;
                (is, parts)
            }
            Level::Day(share, stretch, day) => {
                let (is, of) = self.day(source, line, (share, stretch, day)).await?;
                let parts = self.resources(source, &is, &of, (share, stretch, day)).await?;
                (is, parts)
            }
            Level::Resource(share, stretch, day, resource) => {
                let at = (share, stretch, day);
                let (of_day, of) = self.day(source, line, at).await?;
                let resources = self.resources(source, &of_day, &of, at).await?;
                adds_up(&of_day, &resources)?;
                let is = resources.into_iter().nth(resource).ok_or_else(no_such_line)?;
                let parts = self.said(source, &is, &of).await?;
                (is, parts)
            }
        })
    }

    async fn days(&self, source: &Source, is: &Part, at: (usize, usize)) -> Result<Vec<Part>, Error> {
        let of = stretch_of(is)?;
        let first = of.interval.start().day();
        let ends = (first.epoch_days() + 1..).map(|day| Day::from_epoch_days(day).first_hour());
        let ends = ends.take_while(|hour| *hour < of.interval.end());
        let slices: Vec<Slice> = of
            .interval
            .split_at(ends)
            .into_iter()
            .map(|interval| Slice {
                of: user(of),
                interval,
            })
            .collect();
        let sums = self.usage.sums_at(&slices, &source.inputs.marks).await?;
        let sums = sums.into_iter().filter(|sum| sum.local_meter == of.local_meter);
        let days: Vec<(Day, QuantitySum)> = sums
            .filter_map(|sum| Some((slices.get(sum.slice)?.interval.start().day(), sum.quantity)))
            .collect();
        split(source, is.amount, &of.factor, days, |(day, quantity)| {
            (Some(Level::Day(at.0, at.1, day)), PartIs::Day(day, quantity))
        })
    }

    /// A day of a stretch, and the stretch in that day.
    async fn day(
        &self,
        source: &Source,
        line: &Line,
        (share, place, day): (usize, usize, Day),
    ) -> Result<(Part, Stretch), Error> {
        let whole = stretch(source, line, share, place)?;
        let days = self.days(source, &whole, (share, place)).await?;
        adds_up(&whole, &days)?;
        let opened = Some(source.opened(Level::Day(share, place, day)));
        let is = days
            .into_iter()
            .find(|part| part.opens == opened)
            .ok_or_else(no_such_line)?;
        let mut of = stretch_of(&whole)?.clone();
        let (start, end) = (day.first_hour(), day.first_hour().plus(24));
        let interval = HourInterval::new(start.max(of.interval.start()), end.min(of.interval.end()));
        of.interval = interval.ok_or_else(no_such_line)?;
        Ok((is, of))
    }

    async fn resources(
        &self,
        source: &Source,
        is: &Part,
        of: &Stretch,
        (share, stretch, day): (usize, usize, Day),
    ) -> Result<Vec<Part>, Error> {
        let slice = Slice {
            of: user(of),
            interval: of.interval,
        };
        let sums = self
            .usage
            .resource_sums_at(&[slice], &source.inputs.marks)
            .await?;
        let sums = sums.into_iter().filter(|sum| sum.local_meter == of.local_meter);
        let mut sums: Vec<(Arc<str>, QuantitySum)> =
            sums.map(|sum| (sum.resource_uri, sum.quantity)).collect();
        sums.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut place = 0..;
        split(source, is.amount, &of.factor, sums, |(resource, quantity)| {
            let opens = place
                .next()
                .map(|place| Level::Resource(share, stretch, day, place));
            (opens, PartIs::Resource(resource, quantity))
        })
    }

    async fn said(&self, source: &Source, is: &Part, of: &Stretch) -> Result<Vec<Part>, Error> {
        let PartIs::Resource(resource, _) = &is.what else {
            return Err(no_such_line());
        };
        let series = SeriesKey {
            of: user(of),
            local_meter: of.local_meter,
            resource_uri: Arc::clone(resource),
        };
        let said = self
            .usage
            .sayings_at(series, of.interval, &source.inputs.marks)
            .await?;
        let said = said.into_iter().filter_map(|record| {
            let counts = record.sayings.get(record.counts)?.quantity;
            Some((record, QuantitySum::from(counts)))
        });
        split(source, is.amount, &of.factor, said.collect(), |(record, _)| {
            (None, PartIs::Record(record))
        })
    }
}

fn user(of: &Stretch) -> LocalSubscriptionKey {
    LocalSubscriptionKey {
        stack: of.stack,
        local_subscription: of.local_subscription,
    }
}

fn stretch_of(part: &Part) -> Result<&Stretch, Error> {
    match &part.what {
        PartIs::Stretch(stretch) => Ok(stretch),
        _ => Err(no_such_line()),
    }
}

fn the_line(source: &Source, line: &Line) -> Part {
    let quantity = Some(line.quantity.clone());
    source.part(Level::Line, line.amount, quantity, PartIs::Line)
}

fn shares(source: &Source, line: &Line) -> Vec<Part> {
    let part = |(place, share): (usize, &Share)| {
        let what = PartIs::Share {
            stack: share.stack,
            tenant: share.tenant,
            reason: share.reason,
        };
        let quantity = Some(share.quantity.clone());
        source.part(Level::Share(place), share.amount, quantity, what)
    };
    line.shares.iter().enumerate().map(part).collect()
}

/// A share, and the stretches of usage that it is made of.
fn of_share(source: &Source, line: &Line, share: usize) -> Result<(Part, Vec<Part>), Error> {
    let mut shares = shares(source, line);
    adds_up(&the_line(source, line), &shares)?;
    let stretches = stretches(source, line, share)?;
    Ok((shares.swap_remove(share), stretches))
}

fn stretches(source: &Source, line: &Line, share: usize) -> Result<Vec<Part>, Error> {
    let of = line.shares.get(share).ok_or_else(no_such_line)?;
    let section = source.section()?;
    let pieces = pieces_of(
        (line, of),
        source.basis().period,
        &source.inputs.catalog,
        &section.tariff,
        &section.usage,
    )?;
    let part = |(place, piece): (usize, Piece)| {
        let what = PartIs::Stretch(Box::new(why(source, &section.usage[piece.index], piece.factor)));
        source.part(
            Level::Stretch(share, place),
            piece.amount,
            Some(piece.quantity),
            what,
        )
    };
    Ok(pieces.into_iter().enumerate().map(part).collect())
}

fn stretch(source: &Source, line: &Line, share: usize, place: usize) -> Result<Part, Error> {
    let (is, stretches) = of_share(source, line, share)?;
    adds_up(&is, &stretches)?;
    stretches.into_iter().nth(place).ok_or_else(no_such_line)
}

/// A stretch of usage, with what decided who pays for it.
fn why(source: &Source, used: &ChargedUsage, factor: Rational) -> Stretch {
    let history = source.inputs.books.stack(used.stack);
    let charge = history.and_then(|history| {
        let attributions = attribute(history, used.local_subscription, used.interval);
        attributions.first().and_then(|it| it.charge)
    });
    let mapping = history.zip(charge).and_then(|(history, charge)| {
        let recorded = charge.mapping?;
        let (registration, tenant) = (charge.registration, charge.tenant?);
        let assertions = history.mappings.get(&(registration, tenant))?.assertions().iter();
        let mut decided = assertions.filter(|it| it.recorded == recorded);
        let holds = decided.find(|it| it.valid.contains(used.interval.start()))?;
        let what = Decided::Mapping(registration, tenant);
        Some(Decision::of(what, holds.valid, recorded))
    });
    Stretch {
        stack: used.stack,
        local_subscription: used.local_subscription,
        local_meter: used.local_meter,
        interval: used.interval,
        quantity: used.quantity.clone(),
        factor,
        registration: charge.map(|charge| charge.registration),
        mapping,
    }
}

/// A correction: what a line costs now, less what was billed for it so far.
fn sides(invoice: Arc<Invoice>, correction: &Correction) -> Explained {
    let part = |side, amount: Money, what| Part {
        opens: (amount.minor_units() != 0).then_some(Opened {
            side,
            level: Level::Line,
        }),
        amount,
        quantity: None,
        what,
    };
    let now = part(Side::Now, correction.now, PartIs::Now);
    let mut billed = part(Side::Billed, correction.billed, PartIs::Billed);
    billed.amount = taken_off(correction.billed);
    Explained {
        invoice,
        line: None,
        correction: None,
        decisions: Vec::new(),
        opened: Opened::LINE,
        is: part(Side::Issued, correction.amount, PartIs::Correction),
        parts: vec![now, billed],
        from: 0,
        of: 0,
    }
}

/// What is opened of what was billed so far takes away from the correction, down to each record.
fn take_off(explained: &mut Explained) {
    for part in explained.parts.iter_mut().chain([&mut explained.is]) {
        part.amount = taken_off(part.amount);
    }
}

/// Amounts fit, and so do their opposites: a correction is made of one.
const fn taken_off(amount: Money) -> Money {
    Money::from_minor_units(amount.minor_units().saturating_neg(), amount.currency())
}

/// Parts by their quantities of a local meter: the amount is split among them as it is among shares.
fn split<T: WithQuantity>(
    source: &Source,
    amount: Money,
    factor: &Rational,
    parts: Vec<T>,
    mut told: impl FnMut(T) -> (Option<Level>, PartIs),
) -> Result<Vec<Part>, Error> {
    let quantities: Vec<Rational> = parts
        .iter()
        .map(|it| it.quantity().to_rational() * factor)
        .collect();
    let amounts = amount.split(&quantities)?;
    let parts = parts.into_iter().zip(quantities).zip(amounts);
    let part = |((part, quantity), amount)| {
        let (opens, what) = told(part);
        Part {
            opens: opens.map(|level| source.opened(level)),
            amount,
            quantity: Some(quantity),
            what,
        }
    };
    Ok(parts.map(part).collect())
}

/// Something of which there is so much.
trait WithQuantity {
    fn quantity(&self) -> &QuantitySum;
}

impl<T> WithQuantity for (T, QuantitySum) {
    fn quantity(&self) -> &QuantitySum {
        &self.1
    }
}

/// Whether parts sum to what they are parts of: a wrong tree is never shown. What is made of no usage but has no parts
/// either is its own arithmetic.
fn adds_up(is: &Part, parts: &[Part]) -> Result<(), Error> {
    if is.quantity.is_none() && parts.is_empty() {
        return Ok(());
    }
    let amounts = Money::checked_sum(is.amount.currency(), parts.iter().map(|part| part.amount))?;
    let mut quantities = parts.iter().filter_map(|part| part.quantity.as_ref()).peekable();
    let quantity =
        (is.quantity.is_some() || quantities.peek().is_some()).then(|| quantities.sum::<Rational>());
    if amounts == is.amount && is.quantity == quantity {
        return Ok(());
    }
    Err(contradicts("the parts do not sum to the whole"))
}

fn contradicts(detail: &str) -> Error {
    let detail = format!("a line of an invoice does not agree with what it was reckoned from: {detail}");
    store::StoreError::Corrupt { detail }.into()
}

fn no_such_line() -> Error {
    let message = "There is no such line on that invoice, or no such part of it. GET /api/v1/invoices/{number} lists the lines \
                   with their ids, and each level that is opened says how to open its parts.";
    Error::not_found("LineNotFound", message)
}

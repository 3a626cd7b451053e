//! Taking usage in, and showing what cannot be counted or charged as it should.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use domain::attribution::attribute;
use domain::books::Books;
use domain::completeness::{DeclaredOutside, may_declare};
use domain::ids::{BatchId, CloudId, LocalMeterId};
use domain::quantity::QuantitySum;
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{CLOCK_AHEAD_HOURS_MAX, QuarantineCode, Quarantined, latest_hour};
use store::{
    Appended, Batch, DeliveredRecord, Link, LocalSubscriptionKey, MeterTotal, Receipt, RecordCursor,
    ReportedWindow, Slice, StoredRecord,
};

use crate::access::{Caller, View, view_of};
use crate::error::not_stored;
use crate::registrations::stack_not_registered;
use crate::seen::READ_REGISTRATION;
use crate::tenure::tenures;
use crate::unmapped::is_read;
use crate::{App, Error, Kind};

/// The most bytes an idempotency key may have.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// How many receipts are read at a time where not all of them are the caller's.
const RECEIPTS_AT_ONCE: usize = 1000;

/// One delivery of a stack, parsed.
pub struct Delivery<'a> {
    /// The stack.
    pub stack: CloudId,
    /// The start of the reported-time window it was read from: the records' reported time.
    pub reported_start: Option<Hour>,
    /// The end of that window.
    pub reported_end: Option<Hour>,
    /// The stack has reported completely up to here.
    pub reported_through: Option<Hour>,
    /// The client's name for this delivery: the answer to a repeated one is the first answer.
    pub idempotency_key: Option<&'a str>,
    /// Receipts of the stack that the deliverer relies on: without one of them nothing is stored.
    pub known_receipts: &'a [Link],
    /// The digest of the body and of the parameters that came with it: whatever makes it another delivery.
    pub digest: [u8; 32],
    /// The records that could be read.
    pub records: &'a [DeliveredRecord<'a>],
    /// The records that could not.
    pub quarantined: &'a [Quarantined<'a>],
    /// The text of the record at an index.
    pub raw: &'a (dyn Fn(u32) -> String + Sync),
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its receipt: that of the first time, if it was repeated under its idempotency key.
    pub receipt: Receipt,
    /// Whether it was: then nothing was stored now.
    pub repeated: bool,
    /// Its usage of hours for which the stack has no registration, as of now.
    pub unregistered: Option<Unregistered>,
}

/// Usage that was taken in and is charged to nobody. As text it says so, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unregistered {
    /// The stack.
    pub stack: CloudId,
    /// How many records, known ones included.
    pub records: u32,
    /// The first hour in which such usage began.
    pub first: Hour,
}

impl Unregistered {
    /// The stable code.
    pub const CODE: &'static str = "UnregisteredUsage";
}

impl fmt::Display for Unregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stack,
            records,
            first,
        } = self;
        write!(
            f,
            "{records} records are about hours in which the stack was not registered, the first of them {first}: they \
             are kept and charged to nobody. If its registration shall pay for them, have an operator declare that it \
             held then: `meterbridge registration backdate {stack} --from {first}` (POST \
             /api/v1/registrations/{stack}/backdate)."
        )
    }
}

impl App {
    /// Takes in one delivery of usage: exactly once, durable before the answer. Records about the future are put into
    /// quarantine; delivered again in a new delivery when it has come, they count.
    ///
    /// # Errors
    /// `InvalidReportedWindow`, `InvalidReportedThrough`, `ReportedTimeInFuture`, `InvalidIdempotencyKey`, `IdempotencyKeyReused`, `ReceiptNotKnown`,
    /// or as the store; then nothing of the delivery was stored.
    pub async fn deliver_usage(&self, delivery: Delivery<'_>) -> Result<Delivered, Error> {
        let received_at = self.clock.now();
        let latest = latest_hour(received_at);
        let window = window(&delivery, Hour::containing(received_at), latest)?;
        if let Some(key) = delivery.idempotency_key
            && (key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX)
        {
            let message = format!("Expected an idempotency key of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes.");
            return Err(Error::new(Kind::Invalid, "InvalidIdempotencyKey", message).about("Idempotency-Key"));
        }
        let (records, quarantined) = without_the_future(&delivery, latest);
        let batch = Batch {
            id: BatchId::from_uuid(self.random.uuid()),
            stack: delivery.stack,
            received_at,
            window,
            idempotency_key: delivery.idempotency_key,
            known_receipts: delivery.known_receipts,
            digest: delivery.digest,
            records: &records,
            quarantined: &quarantined,
            raw: delivery.raw,
        };
        let answer = |receipt, repeated| Delivered {
            unregistered: self.unregistered(delivery.stack, &records, &receipt),
            receipt,
            repeated,
        };
        match self.usage.append(batch).await.map_err(not_stored)? {
            Appended::New(receipt) => Ok(answer(receipt, false)),
            Appended::Repeated(receipt) => Ok(answer(receipt, true)),
            Appended::KeyReused { first } => {
                let message = format!(
                    "This idempotency key came with batch {first}, whose body, Content-Type, reportedStart, reportedEnd \
                     or reportedThrough was another one. Send all of them as they were the first time, or a new key \
                     with what is new."
                );
                Err(Error::new(Kind::Conflict, "IdempotencyKeyReused", message).about("Idempotency-Key"))
            }
            Appended::ReceiptNotKnown {
                missing,
                last,
                reported_through,
            } => Err(receipt_not_known(missing, last, reported_through)),
        }
    }

    /// Which of a delivery's records are about hours for which the stack has no registration. Decided by hours: only
    /// where there are such hours are records looked at.
    fn unregistered(
        &self,
        stack: CloudId,
        records: &[DeliveredRecord<'_>],
        receipt: &Receipt,
    ) -> Option<Unregistered> {
        let starts = || records.iter().map(|it| it.record.start);
        let within = HourInterval::new(starts().min()?, starts().max()?.plus(1))?;
        let gaps = self.read(|books| {
            let history = books.stack(stack);
            history.map_or_else(|| vec![within], |history| history.unregistered(within))
        });
        if gaps.is_empty() {
            return None;
        }
        let refused: HashSet<u32> = receipt.problems.iter().map(|problem| problem.index).collect();
        let uncovered = records.iter().filter(|it| {
            let start = it.record.start;
            !refused.contains(&it.index) && gaps.iter().any(|gap| gap.contains(start))
        });
        let starts: Vec<Hour> = uncovered.map(|it| it.record.start).collect();
        Some(Unregistered {
            stack,
            records: u32::try_from(starts.len()).unwrap_or(u32::MAX),
            first: starts.into_iter().min()?,
        })
    }

    /// The receipts of a stack by sequence: those after `after`, `limit` at the most. Whoever reads a registration that
    /// the stack has or had reads those of what it delivered under that one, while the same subscription had it. A stack that has none and never
    /// had, and delivered nothing, is not known.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `AuthorizationFailed`, or as the store.
    pub async fn receipts(
        &self,
        caller: &Caller,
        stack: CloudId,
        mut after: u64,
        limit: usize,
    ) -> Result<Vec<Receipt>, Error> {
        let (any, caller_reads_all, read) = self.read(|books| {
            let view = view_of(books, caller);
            let any = tenures(books, stack).iter().any(|it| it.is_read(books, &view));
            (any, view.everything, receipts_read(books, &view, stack))
        });
        if !any {
            self.may_with_stack(caller, READ_REGISTRATION, stack)?;
        }
        // However few are asked for: what others delivered before is passed over, and there may be years of it.
        let at_once = if caller_reads_all {
            limit
        } else {
            limit.max(RECEIPTS_AT_ONCE)
        };
        let mut receipts = Vec::new();
        loop {
            let page = self.usage.receipts(stack, after, at_once).await?;
            if !any && after == 0 && page.is_empty() {
                return Err(stack_not_registered(stack));
            }
            let ended = page.len() < at_once;
            after = page.last().map_or(after, |last| last.sequence);
            receipts.extend(page.into_iter().filter(|it| read(it.received_at)));
            if ended || receipts.len() >= limit {
                receipts.truncate(limit);
                return Ok(receipts);
            }
        }
    }

    /// How far a stack says that it has reported completely. Where it was had by others whose registration the caller does
    /// not read, only what was certainly said after that.
    ///
    /// # Errors
    /// As the store.
    pub async fn reported_through(&self, caller: &Caller, stack: CloudId) -> Result<Option<Hour>, Error> {
        let said_before = self.read(|books| {
            let view = view_of(books, caller);
            let all = tenures(books, stack);
            let others = all.iter().any(|it| !it.is_read(books, &view));
            let last = all.last().filter(|_| others)?;
            Some(latest_hour(last.since))
        });
        let through = self.usage.watermark(stack).await?;
        Ok(through.filter(|through| said_before.is_none_or(|before| *through > before)))
    }

    /// The records of one local subscription by hour: those after `after`, `limit` at the most. They are those of the hours
    /// in which it is charged to subscriptions whose charges the caller reads, and of those without a registration after
    /// one that the caller sold to.
    ///
    /// # Errors
    /// `LocalSubscriptionNotFound` if there is no such hour, or as the store.
    pub async fn records(
        &self,
        caller: &Caller,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, Error> {
        let mut records = Vec::new();
        for hours in self.read(|books| hours_read(books, caller, slice.of))? {
            let Some(interval) = hours.intersect(slice.interval) else {
                continue;
            };
            let of_hours = Slice { interval, ..slice };
            records.extend(self.usage.records(of_hours, after, limit - records.len()).await?);
            if records.len() >= limit {
                break;
            }
        }
        Ok(records)
    }

    /// What the stacks measured in an interval, by stack and local meter, whoever pays for it: those after `after`,
    /// `limit` at the most. Only the stacks that these are of are summed.
    ///
    /// # Errors
    /// As the store.
    pub async fn measured_usage(
        &self,
        within: HourInterval,
        after: Option<(CloudId, LocalMeterId)>,
        limit: usize,
    ) -> Result<Vec<MeterTotal>, Error> {
        let mut users = self.usage.local_subscriptions(None, within).await?;
        users.sort_by_key(|user| user.stack);
        let mut totals = Vec::new();
        for of_stack in users.chunk_by(|a, b| a.stack == b.stack) {
            let Some(stack) = of_stack.first().map(|user| user.stack) else {
                continue;
            };
            if after.is_some_and(|(last, _)| stack < last) {
                continue;
            }
            let of_stack = self.measured_by(stack, of_stack, within).await?;
            totals.extend(of_stack.filter(|it| after.is_none_or(|after| (stack, it.local_meter) > after)));
            if totals.len() >= limit {
                break;
            }
        }
        totals.truncate(limit);
        Ok(totals)
    }

    /// What local subscriptions of one stack used, by local meter.
    async fn measured_by(
        &self,
        stack: CloudId,
        users: &[LocalSubscriptionKey],
        interval: HourInterval,
    ) -> Result<impl Iterator<Item = MeterTotal> + use<>, Error> {
        let slice = |of: &LocalSubscriptionKey| Slice { of: *of, interval };
        let slices: Vec<Slice> = users.iter().map(slice).collect();
        let mut totals: BTreeMap<LocalMeterId, MeterTotal> = BTreeMap::new();
        for sum in self.usage.sums(&slices).await? {
            let total = totals.entry(sum.local_meter).or_insert_with(|| MeterTotal {
                stack,
                local_meter: sum.local_meter,
                quantity: QuantitySum::default(),
                records: 0,
            });
            total.quantity.add(&sum.quantity);
            total.records += sum.records;
        }
        Ok(totals.into_values())
    }
}

/// At which moments a stack delivered what somebody reads the receipts of: what it delivered is theirs who had it then.
fn receipts_read(books: &Books, view: &View, stack: CloudId) -> impl Fn(Timestamp) -> bool + use<> {
    let everything = view.everything;
    let had: Vec<(Timestamp, bool)> = tenures(books, stack)
        .iter()
        .map(|it| (it.since, it.is_read(books, view)))
        .collect();
    move |received| {
        let last = had.iter().rev().find(|(at, _)| *at <= received);
        everything || last.is_some_and(|(_, read)| *read)
    }
}

/// The hours in which somebody reads what a local subscription used, in order.
pub(crate) fn hours_read(
    books: &Books,
    caller: &Caller,
    LocalSubscriptionKey {
        stack,
        local_subscription,
    }: LocalSubscriptionKey,
) -> Result<Vec<HourInterval>, Error> {
    let view = view_of(books, caller);
    if view.everything {
        return Ok(vec![HourInterval::from(Hour::MIN)]);
    }
    let history = books.stack(stack);
    let answers =
        history.map(|history| attribute(history, local_subscription, HourInterval::from(Hour::MIN)));
    let read = answers
        .into_iter()
        .flatten()
        .filter(|it| is_read(books, &view, stack, it.interval, it.charge));
    let hours: Vec<HourInterval> = read.map(|it| it.interval).collect();
    if hours.is_empty() {
        let message = format!("Local subscription {local_subscription} of stack {stack} does not exist.");
        return Err(Error::not_found("LocalSubscriptionNotFound", message).about("localSubscriptionId"));
    }
    Ok(hours)
}

/// A delivery's records and its quarantine, after what begins later than the latest hour has moved from one to the other.
fn without_the_future<'a>(
    delivery: &Delivery<'a>,
    latest: Hour,
) -> (Cow<'a, [DeliveredRecord<'a>]>, Cow<'a, [Quarantined<'a>]>) {
    let in_future = |it: &DeliveredRecord<'_>| it.record.start > latest;
    if !delivery.records.iter().any(in_future) {
        return (delivery.records.into(), delivery.quarantined.into());
    }
    let (future, records): (Vec<_>, Vec<_>) = delivery.records.iter().cloned().partition(in_future);
    let refused = future.iter().map(|it| Quarantined {
        index: it.index,
        code: QuarantineCode::UsageInFuture,
        message: format!(
            "properties.usageStartTime is {}, in the future: expected {latest} or earlier. Have it \
             released when that hour has come, or deliver it again then, under a new idempotency key: under the old one the \
             first answer is repeated",
            it.record.start
        ),
        raw: (delivery.raw)(it.index).into(),
    });
    let mut quarantined: Vec<_> = delivery.quarantined.iter().cloned().chain(refused).collect();
    quarantined.sort_by_key(|it| it.index);
    (records.into(), quarantined.into())
}

/// What to do about a time that has not come by the clock here.
pub(crate) fn clocks(latest: Hour) -> String {
    let now = latest.plus(-CLOCK_AHEAD_HOURS_MAX);
    format!(
        "By this server's clock it is the hour of {now}. A clock that is ahead by minutes makes no difference: the next hour is \
         taken, too. So look at the clock of the stack, of whoever delivers and of this server, and at the year. If all are right, \
         deliver it when that hour has come."
    )
}

/// What was acknowledged is not here.
fn receipt_not_known(missing: Link, last: u64, reported_through: Option<Hour>) -> Error {
    let has = match last {
        0 => "It has no receipt of this stack".to_owned(),
        last => format!("The last receipt that it has of this stack is {last}"),
    };
    let through = match reported_through {
        Some(through) => format!("as far as it knows the stack has reported through {through}"),
        None => "nothing was declared to it yet".to_owned(),
    };
    let message = format!(
        "This platform does not have receipt {} of this stack, with the chain value that came with it, though it has \
         acknowledged it: it was restored from a backup, or another database took over that lacks what came last. {has}; \
         {through}. Nothing of this delivery was stored. Deliver again what was acknowledged since, and this without that \
         receipt: what is here already is not counted twice.",
        missing.sequence
    );
    Error::new(Kind::Conflict, "ReceiptNotKnown", message).about("x-meterbridge-known-receipts")
}

/// A declaration speaks of what was read: [`may_declare`].
fn declares_of_window(through: Hour, start: Option<Hour>, end: Option<Hour>) -> Result<(), Error> {
    let Err(outside) = may_declare(start, end, through) else {
        return Ok(());
    };
    let expected = match outside {
        DeclaredOutside::NotAfter(start) => format!("an hour after the start of the window, {start}"),
        DeclaredOutside::After(end) => format!("the end of the window, {end}, or an hour before"),
    };
    let message = format!(
        "reportedThrough is {through}: expected {expected}. Declared is what was read, from reportedStart on."
    );
    Err(Error::new(Kind::Invalid, "InvalidReportedThrough", message).about("reportedThrough"))
}

/// The window a delivery was read from, checked.
fn window(delivery: &Delivery<'_>, now: Hour, latest: Hour) -> Result<ReportedWindow, Error> {
    let Delivery {
        reported_start,
        reported_end,
        reported_through,
        ..
    } = *delivery;
    let start = reported_start.unwrap_or(now);
    if let Some(end) = reported_end
        && (reported_start.is_none() || end <= start)
    {
        let message = "Expected reportedStart together with reportedEnd, and the end after the start: the window of \
                       reported time that the records were read from.";
        return Err(Error::new(Kind::Invalid, "InvalidReportedWindow", message).about("reportedEnd"));
    }
    for (target, hour) in [
        ("reportedStart", reported_start),
        ("reportedEnd", reported_end),
        ("reportedThrough", reported_through),
    ] {
        if let Some(hour) = hour.filter(|hour| *hour > latest) {
            let message = format!(
                "{target} is {hour}, in the future: nothing can have been reported there yet. Expected {latest} or \
                 earlier."
            );
            let error = Error::new(Kind::Invalid, "ReportedTimeInFuture", message).about(target);
            return Err(Error {
                hint: Some(clocks(latest)),
                ..error
            });
        }
    }
    if let Some(through) = reported_through {
        declares_of_window(through, reported_start, reported_end)?;
    }
    Ok(ReportedWindow {
        start,
        end: reported_end,
        through: reported_through,
    })
}

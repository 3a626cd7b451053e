//! Taking usage in, and showing what cannot be counted or charged as it should.

use domain::attribution::{Charge, Reason, attribute};
use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::QuantitySum;
use domain::time::{Hour, HourInterval};
use domain::usage::Quarantined;
use store::{
    Appended, Batch, DeliveredRecord, MeterTotal, QuarantinedRecord, Receipt, RecordCursor, ReportedWindow,
    Slice, StoredRecord,
};

use crate::{App, Error, Kind};

/// The most bytes an idempotency key may have.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

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
    /// The digest of the body.
    pub digest: [u8; 32],
    /// The records that could be read.
    pub records: &'a [DeliveredRecord<'a>],
    /// The records that could not.
    pub quarantined: &'a [Quarantined<'a>],
    /// The text of the record at an index.
    pub raw: &'a (dyn Fn(u32) -> String + Sync),
}

/// Usage that no tenant mapping claims.
#[derive(Debug, Clone)]
pub struct Unmapped {
    /// The stack.
    pub stack: CloudId,
    /// The local subscription.
    pub local_subscription: LocalSubscriptionId,
    /// The hours, inside those asked for, in which the answer is this.
    pub interval: HourInterval,
    /// Who pays for now and why; nobody where the stack was not registered.
    pub charge: Option<Charge>,
    /// What was used, per local meter.
    pub used: Vec<(LocalMeterId, QuantitySum)>,
    /// How many records that are.
    pub records: u64,
}

impl App {
    /// Takes in one delivery of usage: exactly once, durable before the answer.
    ///
    /// # Errors
    /// `InvalidReportedWindow`, `ReportedTimeInFuture`, `InvalidIdempotencyKey`, `IdempotencyKeyReused`, or as the
    /// store; then nothing of the delivery was stored.
    pub async fn deliver_usage(&self, delivery: Delivery<'_>) -> Result<Receipt, Error> {
        let received_at = self.clock.now();
        let window = window(&delivery, Hour::containing(received_at))?;
        if let Some(key) = delivery.idempotency_key
            && (key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX)
        {
            let message = format!("Expected an idempotency key of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes.");
            return Err(Error::new(Kind::Invalid, "InvalidIdempotencyKey", message).about("Idempotency-Key"));
        }
        let batch = Batch {
            id: BatchId::from_uuid(self.random.uuid()),
            stack: delivery.stack,
            received_at,
            window,
            idempotency_key: delivery.idempotency_key,
            digest: delivery.digest,
            records: delivery.records,
            quarantined: delivery.quarantined,
            raw: delivery.raw,
        };
        match self.usage.append(batch).await? {
            Appended::New(receipt) | Appended::Repeated(receipt) => Ok(receipt),
            Appended::KeyReused { first } => {
                let message = format!(
                    "This idempotency key came with batch {first}, whose body was another one. Send the same body \
                     again, or a new key with a new one."
                );
                Err(Error::new(Kind::Conflict, "IdempotencyKeyReused", message).about("Idempotency-Key"))
            }
        }
    }

    /// The receipts of a stack by sequence: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// As the store.
    pub async fn receipts(&self, stack: CloudId, after: u64, limit: usize) -> Result<Vec<Receipt>, Error> {
        Ok(self.usage.receipts(stack, after, limit).await?)
    }

    /// The quarantine by position: what came after `after`, `limit` records at the most.
    ///
    /// # Errors
    /// As the store.
    pub async fn quarantine(
        &self,
        stack: Option<CloudId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<QuarantinedRecord>, Error> {
        Ok(self.usage.quarantine(stack, after, limit).await?)
    }

    /// How far a stack says that it has reported completely.
    ///
    /// # Errors
    /// As the store.
    pub async fn reported_through(&self, stack: CloudId) -> Result<Option<Hour>, Error> {
        Ok(self.usage.watermark(stack).await?)
    }

    /// The records of one local subscription by hour: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// As the store.
    pub async fn records(
        &self,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, Error> {
        Ok(self.usage.records(slice, after, limit).await?)
    }

    /// What the stacks measured in an interval, by stack and local meter, whoever pays for it.
    ///
    /// # Errors
    /// As the store.
    pub async fn measured_usage(&self, within: HourInterval) -> Result<Vec<MeterTotal>, Error> {
        Ok(self.usage.meter_totals(within).await?)
    }

    /// Usage in an interval that no tenant mapping claims: it is charged to default subscriptions, or to nobody.
    ///
    /// # Errors
    /// As the store.
    pub async fn unmapped_usage(&self, within: HourInterval) -> Result<Vec<Unmapped>, Error> {
        let users = self.usage.local_subscriptions(None, within).await?;
        let mut slices = Vec::new();
        let mut unmapped = Vec::new();
        self.read(|books| {
            let nothing = domain::attribution::StackHistory::default();
            for user in users {
                let history = books.stack(user.stack).unwrap_or(&nothing);
                for answer in attribute(history, user.local_subscription, within) {
                    if answer
                        .charge
                        .is_some_and(|charge| charge.reason == Reason::TenantMapping)
                    {
                        continue;
                    }
                    let (stack, local_subscription) = (user.stack, user.local_subscription);
                    slices.push(Slice {
                        of: user,
                        interval: answer.interval,
                    });
                    unmapped.push(Unmapped {
                        stack,
                        local_subscription,
                        interval: answer.interval,
                        charge: answer.charge,
                        used: Vec::new(),
                        records: 0,
                    });
                }
            }
        });
        for sum in self.usage.sums(&slices).await? {
            if let Some(unmapped) = unmapped.get_mut(sum.slice) {
                unmapped.used.push((sum.local_meter, sum.quantity));
                unmapped.records += sum.records;
            }
        }
        unmapped.retain(|unmapped| unmapped.records > 0);
        Ok(unmapped)
    }
}

/// The window a delivery was read from, checked.
fn window(delivery: &Delivery<'_>, now: Hour) -> Result<ReportedWindow, Error> {
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
        // What was reported up to the end of the present hour can have been reported by now; more cannot.
        if hour.is_some_and(|hour| hour > now.plus(1)) {
            let message = format!("{target} is in the future; nothing can have been reported there yet.");
            return Err(Error::new(Kind::Invalid, "ReportedTimeInFuture", message).about(target));
        }
    }
    Ok(ReportedWindow {
        start,
        end: reported_end,
        through: reported_through,
    })
}

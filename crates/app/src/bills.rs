//! Statements at any moment, and the check that every law holds.

use domain::attribution::{Attribution, Reason, StackHistory, attribute};
use domain::books::Books;
use domain::catalog::Tariff;
use domain::ids::SubscriptionId;
use domain::laws::{self, RecordCounts, UsageByMeter, Violation};
use domain::money::Currency;
use domain::statement::{ChargedUsage, Statement, draw_up};
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Timeline;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use store::{Audit, LocalSubscriptionKey, Slice, SliceSum, StoreError};

use crate::accounts::subscription_not_found;
use crate::{App, Error, Kind};

/// What a check of the laws found.
#[derive(Debug, Clone)]
pub struct LawCheck {
    /// What became of all records ever received.
    pub records: RecordCounts,
    /// How many statements were drawn up.
    pub statements: usize,
    /// What does not hold; nothing, unless there is a defect or damage.
    pub violations: Vec<String>,
}

/// A payer with its prices.
struct Payer {
    subscription: SubscriptionId,
    tariff: Tariff,
    currency: Currency,
    changes: Vec<Hour>,
}

/// A stretch of usage that one payer is charged for.
struct Charged {
    payer: SubscriptionId,
    slice: Slice,
    attribution: Attribution,
}

impl App {
    /// The statement of a subscription for a period, as of now.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `NoPriceList`, or as the store.
    pub async fn statement(&self, subscription: SubscriptionId, period: Period) -> Result<Statement, Error> {
        let within = period.interval();
        let (payer, stacks) = self.read(|books| {
            let payer = payer(books, subscription, period)?;
            let charged = books
                .stacks()
                .filter(|(_, history)| may_charge(history, subscription));
            Ok::<_, Error>((payer, charged.map(|(stack, _)| stack).collect::<Vec<_>>()))
        })?;
        let mut users = Vec::new();
        for stack in stacks {
            users.extend(self.usage.local_subscriptions(Some(stack), within).await?);
        }
        let charged = self.read(|books| {
            let mut charged = charges(books, &users, within, |_| payer.changes.as_slice());
            charged.retain(|charged| charged.payer == subscription);
            charged
        });
        let sums = self.sums(&charged).await?;
        let usage: Vec<ChargedUsage> = sums
            .iter()
            .filter_map(|sum| charged_usage(&charged, sum))
            .collect();
        self.draw_up(&payer, period, &usage)
    }

    /// The statements of every subscription that is charged in a period, by subscription.
    ///
    /// # Errors
    /// `NoPriceList`, or as the store.
    pub async fn statements(&self, period: Period) -> Result<Vec<Statement>, Error> {
        let within = period.interval();
        let users = self.usage.local_subscriptions(None, within).await?;
        let (payers, charged) = self.read(|books| {
            let mut payers = BTreeMap::new();
            for charged in charges(books, &users, within, |_| &[]) {
                if let std::collections::btree_map::Entry::Vacant(slot) = payers.entry(charged.payer) {
                    slot.insert(payer(books, charged.payer, period)?);
                }
            }
            let changes = |payer| payers.get(&payer).map_or(&[][..], |payer: &Payer| &payer.changes);
            let charged = charges(books, &users, within, changes);
            Ok::<_, Error>((payers, charged))
        })?;
        let mut usage: BTreeMap<SubscriptionId, Vec<ChargedUsage>> = BTreeMap::new();
        for sum in self.sums(&charged).await? {
            if let Some(used) = charged_usage(&charged, &sum) {
                usage.entry(charged[sum.slice].payer).or_default().push(used);
            }
        }
        let statements = usage
            .iter()
            .filter_map(|(payer, usage)| Some((payers.get(payer)?, usage)));
        statements
            .map(|(payer, usage)| self.draw_up(payer, period, usage))
            .collect()
    }

    /// Checks the laws over everything received and over one period's usage, both as of one moment, and over the
    /// period's statements.
    ///
    /// # Errors
    /// `CheckRunning` while another check runs, or as [`App::statements`]. A law that does not hold is no error but
    /// in the answer.
    pub async fn check_laws(&self, period: Period) -> Result<LawCheck, Error> {
        let (audit, answers) = self.audit(period.interval()).await?;
        let records = RecordCounts {
            received: audit.counts.received,
            counted: audit.counts.counted,
            superseded: audit.counts.superseded,
            duplicate: audit.counts.duplicate,
            quarantined: audit.counts.quarantined,
        };
        let statements = self.statements(period).await?;
        let broken = [laws::no_record_lost(records), check_attribution(&audit, &answers)]
            .into_iter()
            .chain(statements.iter().map(laws::sums_agree))
            .filter_map(Result::err);
        let mut violations = audit.problems;
        violations.extend(broken.map(|violation| violation.to_string()));
        Ok(LawCheck {
            records,
            statements: statements.len(),
            violations,
        })
    }

    /// The ledger at one moment, its usage in an interval sliced up by who is charged for it; and for each slice, who.
    async fn audit(&self, within: HourInterval) -> Result<(Audit, Vec<Attribution>), Error> {
        let answers = Arc::new(OnceLock::new());
        let slicing = {
            let (books, answers) = (self.books.clone(), Arc::clone(&answers));
            move |users: &[LocalSubscriptionKey]| {
                let (slices, attributions) = books.read(|books| attributions(books, users, within));
                answers.get_or_init(|| attributions);
                slices
            }
        };
        let audit = match self.usage.audit(within, Box::new(slicing)).await {
            Err(StoreError::Busy) => {
                let message = "Another check of the laws is running. Ask again when it has ended.";
                return Err(Error::new(Kind::Busy, "CheckRunning", message));
            }
            audited => audited?,
        };
        Ok((audit, answers.get().cloned().unwrap_or_default()))
    }

    async fn sums(&self, charged: &[Charged]) -> Result<Vec<SliceSum>, Error> {
        let slices: Vec<Slice> = charged.iter().map(|charged| charged.slice).collect();
        Ok(self.usage.sums(&slices).await?)
    }

    fn draw_up(&self, payer: &Payer, period: Period, usage: &[ChargedUsage]) -> Result<Statement, Error> {
        let Payer {
            subscription,
            tariff,
            currency,
            ..
        } = payer;
        Ok(draw_up(
            *subscription,
            period,
            &self.catalog,
            tariff,
            *currency,
            usage,
        )?)
    }
}

fn payer(books: &Books, id: SubscriptionId, period: Period) -> Result<Payer, Error> {
    let subscription = books
        .subscription(id)
        .ok_or_else(|| subscription_not_found(&id.to_string()))?;
    let tariff = books.tariff_for(subscription, period.interval());
    let two = |error: domain::catalog::TwoCurrencies| {
        Error::new(Kind::Conflict, "PriceListsInTwoCurrencies", error.to_string())
    };
    let currency = tariff
        .currency()
        .map_err(two)?
        .ok_or_else(|| no_price_list(id, period))?;
    let changes = tariff.changes().collect();
    Ok(Payer {
        subscription: id,
        tariff,
        currency,
        changes,
    })
}

fn no_price_list(subscription: SubscriptionId, period: Period) -> Error {
    let message = format!(
        "No price list has a version for subscription {subscription} in {period}. Publish one for the platform, its \
         seller or itself with PUT /api/v1/price-lists/{{name}}."
    );
    Error::new(Kind::Conflict, "NoPriceList", message)
}

/// Whether a stack's usage was ever charged to a subscription.
fn may_charge(history: &StackHistory, subscription: SubscriptionId) -> bool {
    let registrations = history.registration.assertions().iter().filter_map(|it| it.value);
    let mappings = history.mappings.values().flat_map(Timeline::assertions);
    registrations
        .map(|terms| terms.default_subscription)
        .any(|it| it == subscription)
        || mappings.filter_map(|it| it.value).any(|it| it == subscription)
}

/// What is charged for the usage of these local subscriptions, cut where each payer's prices change.
fn charges<'a>(
    books: &Books,
    users: &[LocalSubscriptionKey],
    within: HourInterval,
    changes: impl Fn(SubscriptionId) -> &'a [Hour],
) -> Vec<Charged> {
    let mut charged = Vec::with_capacity(users.len());
    for user in users {
        let Some(history) = books.stack(user.stack) else {
            continue;
        };
        for attribution in attribute(history, user.local_subscription, within) {
            let Some(charge) = attribution.charge else {
                continue;
            };
            let parts = attribution
                .interval
                .split_at(changes(charge.payer).iter().copied());
            charged.extend(parts.into_iter().map(|interval| Charged {
                payer: charge.payer,
                slice: slice(user, interval),
                attribution,
            }));
        }
    }
    charged
}

/// Who is charged for the usage of these local subscriptions: for each slice of it, the answer.
fn attributions(
    books: &Books,
    users: &[LocalSubscriptionKey],
    within: HourInterval,
) -> (Vec<Slice>, Vec<Attribution>) {
    let nothing = StackHistory::default();
    let answers = users.iter().flat_map(|user| {
        let history = books.stack(user.stack).unwrap_or(&nothing);
        let answers = attribute(history, user.local_subscription, within);
        answers
            .into_iter()
            .map(|answer| (slice(user, answer.interval), answer))
    });
    answers.unzip()
}

/// Law 2, where each slice of the audit was charged as answered.
fn check_attribution(audit: &Audit, answers: &[Attribution]) -> Result<(), Violation> {
    let mut used = UsageByMeter::new();
    for total in &audit.meter_totals {
        used.entry(total.local_meter).or_default().add(&total.quantity);
    }
    let (mut mapped, mut defaulted, mut unregistered) =
        (UsageByMeter::new(), UsageByMeter::new(), UsageByMeter::new());
    for sum in &audit.sums {
        let charge = answers.get(sum.slice).and_then(|answer| answer.charge);
        let part = match charge.map(|charge| charge.reason) {
            None => &mut unregistered,
            Some(Reason::TenantMapping) => &mut mapped,
            Some(Reason::TenantNotMapped | Reason::LocalSubscriptionUnknown) => &mut defaulted,
        };
        part.entry(sum.local_meter).or_default().add(&sum.quantity);
    }
    laws::no_usage_lost(&used, &mapped, &defaulted, &unregistered)
}

fn slice(user: &LocalSubscriptionKey, interval: HourInterval) -> Slice {
    Slice { of: *user, interval }
}

fn charged_usage(charged: &[Charged], sum: &SliceSum) -> Option<ChargedUsage> {
    let Charged {
        slice, attribution, ..
    } = charged.get(sum.slice)?;
    let charge = attribution.charge?;
    Some(ChargedUsage {
        stack: slice.of.stack,
        local_subscription: slice.of.local_subscription,
        tenant: charge.tenant,
        reason: charge.reason,
        billing_model: charge.billing_model,
        interval: slice.interval,
        local_meter: sum.local_meter,
        quantity: sum.quantity.clone(),
    })
}

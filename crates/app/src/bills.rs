//! Statements at any moment, and the check that every law holds.

use domain::attribution::{Attribution, Reason, StackHistory, attribute};
use domain::books::Books;
use domain::catalog::Tariff;
use domain::ids::SubscriptionId;
use domain::laws::{self, RecordCounts, UsageByMeter};
use domain::money::Currency;
use domain::statement::{ChargedUsage, Statement, draw_up};
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Timeline;
use std::collections::BTreeMap;
use store::{LocalSubscriptionKey, Slice, SliceSum};

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

    /// Checks the laws over everything received and over one period's usage and statements.
    ///
    /// # Errors
    /// As [`App::statements`]. A law that does not hold is no error but in the answer.
    pub async fn check_laws(&self, period: Period) -> Result<LawCheck, Error> {
        let mut violations = self.usage.check().await?;
        let counts = self.usage.counts().await?;
        let records = RecordCounts {
            received: counts.received,
            counted: counts.counted,
            superseded: counts.superseded,
            duplicate: counts.duplicate,
            quarantined: counts.quarantined,
        };
        violations.extend(
            laws::no_record_lost(records)
                .err()
                .map(|violation| violation.to_string()),
        );
        violations.extend(self.check_attribution(period).await?);
        let statements = self.statements(period).await?;
        violations.extend(
            statements
                .iter()
                .filter_map(|it| laws::sums_agree(it).err())
                .map(|it| it.to_string()),
        );
        Ok(LawCheck {
            records,
            statements: statements.len(),
            violations,
        })
    }

    /// Law 2 for one period.
    async fn check_attribution(&self, period: Period) -> Result<Option<String>, Error> {
        let within = period.interval();
        let mut used = UsageByMeter::new();
        for total in self.usage.meter_totals(within).await? {
            used.entry(total.local_meter).or_default().add(&total.quantity);
        }
        let users = self.usage.local_subscriptions(None, within).await?;
        let answers: Vec<(Slice, Attribution)> = self.read(|books| {
            let nothing = StackHistory::default();
            let answers = users.iter().flat_map(|user| {
                let history = books.stack(user.stack).unwrap_or(&nothing);
                let answers = attribute(history, user.local_subscription, within);
                answers
                    .into_iter()
                    .map(|answer| (slice(user, answer.interval), answer))
            });
            answers.collect()
        });
        let slices: Vec<Slice> = answers.iter().map(|(slice, _)| *slice).collect();
        let (mut mapped, mut defaulted, mut unregistered) =
            (UsageByMeter::new(), UsageByMeter::new(), UsageByMeter::new());
        for sum in self.usage.sums(&slices).await? {
            let charge = answers.get(sum.slice).and_then(|(_, answer)| answer.charge);
            let part = match charge.map(|charge| charge.reason) {
                None => &mut unregistered,
                Some(Reason::TenantMapping) => &mut mapped,
                Some(Reason::TenantNotMapped | Reason::LocalSubscriptionUnknown) => &mut defaulted,
            };
            part.entry(sum.local_meter).or_default().add(&sum.quantity);
        }
        let checked = laws::no_usage_lost(&used, &mapped, &defaulted, &unregistered);
        Ok(checked.err().map(|violation| violation.to_string()))
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

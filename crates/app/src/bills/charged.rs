//! Who is charged for which usage, and by which prices.

use std::collections::BTreeMap;

use domain::attribution::{Attribution, StackHistory, attribute};
use domain::books::Books;
use domain::catalog::{Catalog, Tariff, TwoCurrencies};
use domain::ids::SubscriptionId;
use domain::money::Currency;
use domain::partner::Subscription;
use domain::statement::{ChargedUsage, Statement, draw_up};
use domain::time::{Hour, HourInterval, Period};
use store::{LocalSubscriptionKey, Slice, SliceSum};

use crate::{App, Error, Kind};

/// A payer with its prices.
pub(super) struct Payer {
    pub(super) subscription: SubscriptionId,
    pub(super) tariff: Tariff,
    currency: Result<Currency, TwoCurrencies>,
    changes: Vec<Hour>,
}

impl Payer {
    pub(super) fn of(books: &Books, subscription: &Subscription, period: Period) -> Self {
        let tariff = books.tariff_for(subscription, period.interval());
        let currency = tariff.currency();
        let currency =
            currency.map(|it| it.unwrap_or_else(|| currency_without_prices(books, subscription, period)));
        let changes = tariff.changes().collect();
        Self {
            subscription: subscription.id,
            tariff,
            currency,
            changes,
        }
    }

    /// What it is charged for, cut where its prices change.
    pub(super) fn cut(&self, charged: Vec<Charged>) -> Vec<Charged> {
        let parts = charged.into_iter().flat_map(|charged| {
            let slices = self.cut_slice(charged.slice);
            slices.map(move |slice| Charged { slice, ..charged })
        });
        parts.collect()
    }

    pub(super) fn cut_slice(&self, Slice { of, interval }: Slice) -> impl Iterator<Item = Slice> + use<> {
        let parts = interval.split_at(self.changes.iter().copied());
        parts.into_iter().map(move |interval| Slice { of, interval })
    }

    /// Its statement.
    ///
    /// # Errors
    /// `PriceListsInTwoCurrencies`.
    pub(super) fn draw_up(
        &self,
        catalog: &Catalog,
        period: Period,
        usage: &[ChargedUsage],
    ) -> Result<Statement, Error> {
        let currency = self
            .currency
            .as_ref()
            .map_err(|two| Error::new(Kind::Conflict, TWO_CURRENCIES, two.to_string()))?;
        Ok(draw_up(
            self.subscription,
            period,
            catalog,
            &self.tariff,
            *currency,
            usage,
        )?)
    }
}

/// The code of what keeps a payer from getting a statement.
pub(crate) const TWO_CURRENCIES: &str = "PriceListsInTwoCurrencies";

/// The currency of a statement for a period without prices, which charges nothing: that of the prices that are next to
/// it, earlier ones first; none if the payer never has any.
fn currency_without_prices(books: &Books, subscription: &Subscription, period: Period) -> Currency {
    let ever = books.tariff_for(subscription, HourInterval::ALWAYS);
    let (earlier, later): (Vec<_>, Vec<_>) = ever
        .parts()
        .iter()
        .partition(|part| part.hours.start() < period.interval().start());
    let next = earlier.last().or(later.first());
    next.map_or(Currency::NONE, |part| part.currency)
}

/// A stretch of usage that one payer is charged for.
#[derive(Clone, Copy)]
pub(super) struct Charged {
    pub(super) payer: SubscriptionId,
    pub(super) slice: Slice,
    attribution: Attribution,
}

/// Who is charged for a local subscription's usage in which hours; nobody where there is no payer.
pub(crate) fn attributions(
    books: &Books,
    user: LocalSubscriptionKey,
    within: HourInterval,
) -> Vec<(Slice, Attribution)> {
    let nothing = StackHistory::default();
    let history = books.stack(user.stack).unwrap_or(&nothing);
    let answers = attribute(history, user.local_subscription, within);
    let slice = |interval| Slice { of: user, interval };
    answers
        .into_iter()
        .map(|answer| (slice(answer.interval), answer))
        .collect()
}

impl Charged {
    pub(super) fn of(slice: Slice, attribution: Attribution) -> Option<Self> {
        let payer = attribution.charge?.payer;
        Some(Self {
            payer,
            slice,
            attribution,
        })
    }
}

impl App {
    /// What those payers that are wanted are charged for of the usage of these local subscriptions.
    pub(super) fn charges(
        &self,
        users: &[LocalSubscriptionKey],
        within: HourInterval,
        wanted: impl Fn(&Books, SubscriptionId) -> bool,
    ) -> BTreeMap<SubscriptionId, Vec<Charged>> {
        let mut by_payer: BTreeMap<SubscriptionId, Vec<Charged>> = BTreeMap::new();
        self.read_in_parts(users, |books, user| {
            for (slice, attribution) in attributions(books, *user, within) {
                if let Some(charged) = Charged::of(slice, attribution)
                    && wanted(books, charged.payer)
                {
                    by_payer.entry(charged.payer).or_default().push(charged);
                }
            }
        });
        by_payer
    }
}

/// What was used of a stretch.
pub(super) fn charged_usage(charged: &Charged, sum: &SliceSum) -> Option<ChargedUsage> {
    let Charged {
        slice, attribution, ..
    } = charged;
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

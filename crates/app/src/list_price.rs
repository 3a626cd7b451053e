//! What usage is worth at list price: at the platform's own prices, whatever anybody sells for.

use domain::attribution::Reason;
use domain::books::Books;
use domain::catalog::{Catalog, Tariff};
use domain::ids::{LocalMeterId, SubscriptionId};
use domain::money::{Currency, Money};
use domain::registration::BillingModel;
use domain::statement::{ChargedUsage, NotChargedBecause, draw_up};
use domain::time::Period;
use store::{Slice, SliceSum};
use uuid::Uuid;

use crate::access::View;
use crate::bills::TWO_CURRENCIES;
use crate::prices::reads_list_prices;
use crate::{App, Error, Kind};

/// What some usage of a period is worth: what a statement with nothing else on it would come to at list price, as used
/// by usage. What a price includes is free in it, and its tiers begin anew *(ours)*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListValue {
    /// What it is worth.
    pub amount: Money,
    /// What would be charged if it had a list price, and is worth nothing here.
    pub without_price: Vec<LocalMeterId>,
}

/// List prices in a period.
struct ListPrices {
    tariff: Tariff,
    currency: Currency,
    period: Period,
}

impl ListPrices {
    /// The prices, as far as whoever has this view reads them.
    ///
    /// # Errors
    /// `ListPricesNotShown`, `NoListPrices` or `PriceListsInTwoCurrencies`.
    fn of(books: &Books, view: &View, period: Period) -> Result<Self, Error> {
        if !reads_list_prices(view) {
            let message =
                "List prices are shown to the platform's operators and to those who act for a partner.";
            return Err(Error::new(Kind::Forbidden, "ListPricesNotShown", message));
        }
        let tariff = books.list_prices(period.interval());
        let currency = tariff
            .currency()
            .map_err(|two| Error::new(Kind::Conflict, TWO_CURRENCIES, two.to_string()))?;
        let currency = currency.ok_or_else(|| {
            let message = format!(
                "The platform's price list has no version for {period}: publish one with an effectiveFrom in that month \
                 or before it."
            );
            Error::new(Kind::NotFound, "NoListPrices", message)
        })?;
        Ok(Self {
            tariff,
            currency,
            period,
        })
    }

    /// A slice, cut where list prices change.
    fn cut(&self, Slice { of, interval }: Slice) -> impl Iterator<Item = Slice> + use<> {
        let parts = interval.split_at(self.tariff.changes());
        parts.into_iter().map(move |interval| Slice { of, interval })
    }

    fn value(&self, catalog: &Catalog, usage: &[ChargedUsage]) -> Result<ListValue, Error> {
        let payer = SubscriptionId::from_uuid(Uuid::nil());
        let worth = draw_up(payer, self.period, catalog, &self.tariff, self.currency, usage)?;
        let without_price = worth
            .not_charged
            .iter()
            .filter(|it| it.because == NotChargedBecause::NoPrice)
            .map(|it| it.local_meter);
        Ok(ListValue {
            amount: worth.total,
            without_price: without_price.collect(),
        })
    }
}

/// One piece of usage, as if somebody paid for it by usage.
fn as_charged(slice: Slice, sum: &SliceSum) -> ChargedUsage {
    ChargedUsage {
        stack: slice.of.stack,
        local_subscription: slice.of.local_subscription,
        tenant: None,
        reason: Reason::TenantNotMapped,
        billing_model: BillingModel::PayAsYouUse,
        interval: slice.interval,
        local_meter: sum.local_meter,
        quantity: sum.quantity.clone(),
    }
}

impl App {
    /// What each of these groups of usage is worth at list price, or why that cannot be said.
    ///
    /// # Errors
    /// As the store.
    pub(crate) async fn list_values(
        &self,
        view: &View,
        groups: &[Vec<Slice>],
        period: Period,
    ) -> Result<Vec<Result<ListValue, Error>>, Error> {
        let prices = match self.read(|books| ListPrices::of(books, view, period)) {
            Ok(prices) => prices,
            Err(none) => return Ok(vec![Err(none); groups.len()]),
        };
        let (mut slices, mut group_of) = (Vec::new(), Vec::new());
        for (group, of_group) in groups.iter().enumerate() {
            for slice in of_group.iter().flat_map(|slice| prices.cut(*slice)) {
                slices.push(slice);
                group_of.push(group);
            }
        }
        let mut usage: Vec<Vec<ChargedUsage>> = vec![Vec::new(); groups.len()];
        for sum in self.usage.sums(&slices).await? {
            let place = slices.get(sum.slice).zip(group_of.get(sum.slice));
            if let Some((slice, of_group)) =
                place.and_then(|(slice, group)| Some((slice, usage.get_mut(*group)?)))
            {
                of_group.push(as_charged(*slice, &sum));
            }
        }
        self.compute(move |app| {
            let values = usage.iter().map(|usage| prices.value(&app.catalog, usage));
            values.collect()
        })
        .await
    }
}

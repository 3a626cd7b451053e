//! What the platform charged, day by day, beside what somebody else says was charged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::books::Books;
use domain::catalog::{Billing, Catalog};
use domain::chain::{Account, Buyer, Seller};
use domain::ids::SubscriptionId;
use domain::money::Currency;
use domain::reckoning::Basis;
use domain::reconciliation::{Days, Known, Ours, Reconciliation, Theirs, reconcile};
use domain::statement::{ChargedUsage, amounts_of, draw_up};
use domain::time::{Day, Hour, HourInterval, Period};
use store::{LocalSubscriptionKey, Slice, SliceSum};

use super::gathering::{Inputs, Wanted};
use super::terms::reads_account;
use crate::access::{Caller, view_of};
use crate::bills::reads_charges;
use crate::error::internal;
use crate::{App, Error};

/// What came of comparing a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Whether it was compared with what the month's invoices were made from.
    pub closed: bool,
    /// What differs, and the totals.
    pub found: Reconciliation,
}

/// A piece of usage that is charged, and what charges it.
type Charged = (Account, SubscriptionId, ChargedUsage);

impl App {
    /// Compares what the platform charged in a month with what they say was charged: for each subscription, billing meter
    /// and day, as far as the caller reads the platform's bills. A month that is closed is compared as its invoices
    /// were reckoned, without what came later; any other as it is now. Nothing is stored.
    ///
    /// # Errors
    /// `AccountNotFound` if the caller reads no bills of the platform to the buyer that is named;
    /// `UsageOlderThanClose`; `TooManyReckonings` while too many wait for theirs; or as the store.
    pub async fn reconcile(
        &self,
        caller: &Caller,
        period: Period,
        buyer: Option<Buyer>,
        theirs: Vec<Theirs>,
    ) -> Result<Reconciled, Error> {
        self.demand_reconcilable(caller, buyer)?;
        let app = &self.place_to_reckon(caller).await?;
        let closing = app.read(|books| Some(books.periods().closed(period)?.closing.clone()));
        let inputs = match &closing {
            Some(closing) => app.inputs_of(closing).await?,
            None => {
                let so_far = HourInterval::new(Hour::MIN, app.this_hour().plus(1));
                app.inputs_now(so_far.unwrap_or(HourInterval::ALWAYS)).await?
            }
        };
        // Who reads what, the books say as they are now, whichever month it is.
        let now = Arc::new(app.read(Books::clone));
        let view = view_of(&now, caller);
        let wanted = Wanted::Where(Arc::new(move |account| {
            account.seller == Seller::Platform
                && buyer.is_none_or(|buyer| account.buyer == buyer)
                && reads_account(&now, &view, *account)
        }));
        let bases = app.gather(&inputs, period, &wanted).await?;
        let bases: Vec<Basis> = bases.into_values().collect();
        let view = app.view(caller);
        let (slices, charged) = by_day(&bases);
        let sums = app.usage.sums_at(&slices, &inputs.marks).await?;
        let named: BTreeSet<SubscriptionId> = theirs.iter().map(|line| line.subscription).collect();
        let sold: BTreeSet<SubscriptionId> = bases
            .iter()
            .flat_map(|basis| basis.sections.keys().copied())
            .collect();
        let known: BTreeSet<SubscriptionId> = app.read(|books| {
            let known = named
                .iter()
                .filter(|id| sold.contains(id) || reads_charges(books, &view, **id));
            known.copied().collect()
        });
        let found = app
            .compute(move |_| {
                let ours = ours(&inputs, period, &bases, &slices, &charged, &sums)?;
                let known = Known {
                    subscription: &|id| known.contains(&id),
                    meter: &|id| inputs.catalog.billing_meter(id).is_some(),
                };
                Ok::<_, Error>(reconcile(period, &ours, &theirs, &known))
            })
            .await??;
        if !found.adds_up() {
            return Err(internal(
                "What matches and what differs are not all there is; nothing of it can be relied on.",
            ));
        }
        Ok(Reconciled {
            closed: closing.is_some(),
            found,
        })
    }

    /// Nothing, if there are bills of the platform to this buyer that the caller may compare.
    ///
    /// # Errors
    /// `AccountNotFound`.
    pub fn demand_reconcilable(&self, caller: &Caller, buyer: Option<Buyer>) -> Result<(), Error> {
        let Some(buyer) = buyer else { return Ok(()) };
        let is_read = self.read(|books| {
            let account = Account {
                seller: Seller::Platform,
                buyer,
                currency: Currency::NONE,
            };
            is_known(books, buyer) && reads_account(books, &view_of(books, caller), account)
        });
        if is_read {
            return Ok(());
        }
        let message = format!("There are no bills of the platform to {buyer} for you to read.");
        Err(Error::not_found("AccountNotFound", message))
    }
}

fn is_known(books: &Books, buyer: Buyer) -> bool {
    match buyer {
        Buyer::Partner(partner) => books.partner_ever(partner).is_some(),
        Buyer::Subscription(subscription) => books.subscription_ever(subscription).is_some(),
    }
}

/// The hours in which each local subscription is charged, cut at midnight; and, for each of these slices, one of the
/// pieces of usage that it was cut from, as a pattern.
fn by_day(bases: &[Basis]) -> (Vec<Slice>, Vec<Charged>) {
    let mut cut: BTreeMap<(LocalSubscriptionKey, Hour), (Slice, Charged)> = BTreeMap::new();
    for basis in bases {
        for (subscription, section) in &basis.sections {
            for used in &section.usage {
                let of = LocalSubscriptionKey {
                    stack: used.stack,
                    local_subscription: used.local_subscription,
                };
                for interval in used.interval.split_at(midnights(basis.period)) {
                    cut.entry((of, interval.start())).or_insert_with(|| {
                        let pattern = ChargedUsage {
                            interval,
                            ..used.clone()
                        };
                        (Slice { of, interval }, (basis.account, *subscription, pattern))
                    });
                }
            }
        }
    }
    cut.into_values().unzip()
}

fn midnights(period: Period) -> impl Iterator<Item = Hour> {
    let Days { first, last } = Days::of(period);
    (first.epoch_days()..=last.epoch_days()).map(|day| Day::from_epoch_days(day).first_hour())
}

/// What was charged for each day: the shares of the lines of each bill, split once more by day, so that they sum to the
/// lines.
fn ours(
    inputs: &Inputs,
    period: Period,
    bases: &[Basis],
    slices: &[Slice],
    charged: &[Charged],
    sums: &[SliceSum],
) -> Result<Vec<Ours>, Error> {
    let catalog: &Arc<Catalog> = &inputs.catalog;
    let mut usage: BTreeMap<(Account, SubscriptionId), Vec<ChargedUsage>> = BTreeMap::new();
    for sum in sums {
        let (Some((account, subscription, pattern)), Some(slice)) =
            (charged.get(sum.slice), slices.get(sum.slice))
        else {
            continue;
        };
        let of = usage.entry((*account, *subscription)).or_default();
        of.push(ChargedUsage {
            interval: slice.interval,
            local_meter: sum.local_meter,
            quantity: sum.quantity.clone(),
            ..pattern.clone()
        });
    }
    let mut ours = Vec::new();
    for basis in bases {
        let account = basis.account;
        for (subscription, section) in &basis.sections {
            let Some(by_day) = usage.remove(&(account, *subscription)) else {
                continue;
            };
            let tariff = &section.tariff;
            let statement = draw_up(
                *subscription,
                period,
                catalog,
                tariff,
                account.currency,
                &section.usage,
            )?;
            let amounts = amounts_of(&statement, catalog, tariff, &by_day)?;
            for (used, amount) in by_day.iter().zip(amounts) {
                let local = catalog.local_meter(used.local_meter).map(|meter| &meter.billing);
                if let (Some(amount), Some(Billing::Charged { meter, conversion })) = (amount, local) {
                    ours.push(Ours {
                        subscription: *subscription,
                        meter: *meter,
                        day: used.interval.start().day(),
                        quantity: used.quantity.to_rational() * conversion.ratio(period),
                        amount,
                    });
                }
            }
        }
    }
    Ok(ours)
}

//! What a seller keeps of what it sold in a month.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::books::Books;
use domain::chain::{Account, Buyer, Seller};
use domain::ids::CloudId;
use domain::money::Currency;
use domain::reckoning::{Margin, MarginRefused, Reckoning, Sold, margins, reckon};
use domain::statement::Party;
use domain::time::{Hour, HourInterval, Period};

use super::gathering::Wanted;
use crate::access::Caller;
use crate::bills::stack_name;
use crate::{App, Error, Kind};

/// What a seller keeps of what it sold in a month, as far as that is known now: of a closed one with everything that came
/// after its close and is set right by corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Margins {
    /// Who sells.
    pub seller: Seller,
    /// Its name; the platform has none.
    pub seller_name: Option<String>,
    /// The month.
    pub period: Period,
    /// The currency of every amount.
    pub currency: Currency,
    /// Those by which amounts in other currencies were converted: what one unit of each came to in the last hour of the
    /// month that is known.
    pub rates: BTreeMap<Currency, domain::quantity::Quantity>,
    /// By subscription, stack and meter.
    pub rows: Vec<MarginRow>,
    /// All rows together.
    pub total: Margin,
}

/// What a seller keeps of the usage of one meter on one stack that one subscription pays for, or of the fee for its cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginRow {
    /// What was sold.
    pub sold: Sold,
    /// The name of the subscription.
    pub subscription_name: Option<String>,
    /// The customer that it belongs to.
    pub customer: Option<Party<domain::ids::CustomerId>>,
    /// The name of the stack.
    pub stack_name: Option<String>,
    /// The name of the meter; none for the fee for cores.
    pub meter_name: Option<String>,
    /// What it is sold and bought for.
    pub margin: Margin,
}

impl App {
    /// What a seller keeps, line by line: what it sells everything for in a month, less what it buys that for, each at the
    /// prices of its link of the chain of sale. The platform buys nothing. Commitments, credits and taxes belong to no line.
    /// Amounts in another currency are converted by rates that somebody stated, or not at all. For the seller's agents and
    /// the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`; `ExchangeRateMissing` if an amount has another currency and no rate leads from that;
    /// `TooManyReckonings` while too many wait for theirs; or as the store.
    pub async fn margins(
        &self,
        caller: &Caller,
        seller: Seller,
        period: Period,
        currency: Currency,
    ) -> Result<Margins, Error> {
        self.read(|books| self.demand_seller(books, caller, seller))?;
        let now = self.this_hour();
        let known = HourInterval::new(Hour::MIN, now.plus(1)).unwrap_or(HourInterval::ALWAYS);
        let app = &self.place_to_reckon(caller).await?;
        let inputs = app.inputs_now(known).await?;
        // Of everybody's bills these two sides and nothing else.
        let sides = move |account: &Account| account.seller == seller || is_bought_by(account, seller);
        let bases = app
            .gather(&inputs, period, &Wanted::Where(Arc::new(sides)))
            .await?;
        let at = now.min(period.interval().end().plus(-1));
        app.compute(move |_| {
            let books = &*inputs.books;
            let (mut selling, mut buying) = (Vec::new(), Vec::new());
            for (account, basis) in &bases {
                if account.seller == seller {
                    selling.push(reckon(basis, &inputs.catalog)?);
                } else if is_bought_by(account, seller) {
                    buying.push(reckon(basis, &inputs.catalog)?);
                }
            }
            let rate = |from| {
                let rate = books.periods().rate(from, currency, at)?;
                Some(rate.rate)
            };
            let sides = selling.iter().chain(&buying);
            let others: BTreeSet<Currency> = sides
                .filter(|reckoning| reckoning.account.currency != currency)
                .map(|reckoning| reckoning.account.currency)
                .collect();
            let rates = others
                .into_iter()
                .filter_map(|from| Some((from, rate(from)?)))
                .collect();
            let kept = margins(&all(&selling), &all(&buying), currency, rate)
                .map_err(|refused| refusal(refused, period, at))?;
            let mut total = Margin::nothing(currency);
            for margin in kept.values() {
                total = total.plus(margin)?;
            }
            let row = |(sold, margin)| named(books, &inputs.catalog, sold, margin);
            Ok(Margins {
                seller,
                seller_name: match seller {
                    Seller::Platform => None,
                    Seller::Partner(id) => books.partner_ever(id).map(|partner| partner.name.clone()),
                },
                period,
                currency,
                rates,
                rows: kept.into_iter().map(row).collect(),
                total,
            })
        })
        .await?
    }
}

fn is_bought_by(account: &Account, seller: Seller) -> bool {
    matches!((account.buyer, seller), (Buyer::Partner(it), Seller::Partner(own)) if it == own)
}

fn all(reckonings: &[Reckoning]) -> Vec<&Reckoning> {
    reckonings.iter().collect()
}

/// Whose prices they are reads what is sold, whoever used it: the customers on these rows are the seller's own, or those of
/// its resellers.
fn named(books: &Books, catalog: &domain::catalog::Catalog, sold: Sold, margin: Margin) -> MarginRow {
    let subscription = books.subscription_ever(sold.subscription);
    let customer = subscription.and_then(|subscription| books.customer_ever(subscription.customer?));
    let stack: CloudId = sold.stack;
    MarginRow {
        sold,
        subscription_name: subscription.map(|it| it.name.clone()),
        customer: customer.map(|it| Party {
            id: it.id,
            name: it.name.clone(),
        }),
        stack_name: stack_name(books, stack),
        meter_name: sold.meter.map(|meter| {
            catalog
                .billing_meter(meter)
                .map_or_else(|| meter.to_string(), |it| it.name.clone())
        }),
        margin,
    }
}

fn refusal(refused: MarginRefused, period: Period, at: Hour) -> Error {
    match refused {
        MarginRefused::NoRate { from, to } => {
            let message = format!(
                "Something in {period} is sold or bought in {from}, and there is no exchange rate from {from} to {to} at {at}: \
                 amounts are never converted by a rate that nobody stated, and none is taken the other way round. State one (PUT /api/v1/exchange-rates), or ask for \
                 the margins in another currency."
            );
            Error::new(Kind::Conflict, "ExchangeRateMissing", message)
        }
        MarginRefused::Money(error) => error.into(),
    }
}

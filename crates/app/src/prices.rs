//! Publishing price lists.

mod drafts;
mod repricing;

use std::fmt;

use domain::books::{Books, DerivationRefused, PublishedPriceList, Refused};
use domain::catalog::{Billing, PriceList, PriceListName, PriceListScope, Prices, Pricing};
use domain::ids::{BillingMeterId, LocalMeterId, ObjectId, PartnerId};
use domain::time::Hour;

use crate::access::{Caller, View, operators_only, publishers_only, view_of};
use crate::accounts::Created;
use crate::{App, Error, Kind};

pub use drafts::{KeptDraft, PriceDiff};
pub use repricing::{MONTHS_COMPARED_MAX, RepricedMonth, Repricing};

/// A version of a price list that was published, or would be.
#[derive(Debug, Clone)]
pub struct Published {
    /// Whether it is new.
    pub created: Created,
    /// The list with it.
    pub list: PublishedPriceList,
    /// What whoever published it should know.
    pub warnings: Vec<PriceListWarning>,
    /// What it changes about usage that there is already.
    pub repricing: Repricing,
}

/// Something about the prices that were published which whoever published them should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceListWarning {
    /// There are no prices at all.
    NothingPriced,
    /// Usage can be charged as these billing meters, and they have no price.
    MetersWithoutPrice(Vec<String>),
    /// Something else is charged for usage that there is already.
    UsageRepriced(Repricing),
}

impl PriceListWarning {
    /// The stable code of this warning.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NothingPriced => "PriceListEmpty",
            Self::MetersWithoutPrice(_) => "MetersWithoutPrice",
            Self::UsageRepriced(_) => "UsageRepriced",
        }
    }
}

impl fmt::Display for PriceListWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingPriced => f.write_str(
                "This version has no prices: while it applies, usage is shown on statements and none of it is \
                 charged. Publish a version with prices if that is not meant.",
            ),
            Self::MetersWithoutPrice(names) => write!(
                f,
                "This version has no price for billing meters that usage can be charged as. While it applies, their \
                 usage is shown on statements and not charged: {}. Each version holds all prices of its list; none \
                 are taken over from another.",
                names.join(", ")
            ),
            Self::UsageRepriced(repricing) => repricing.fmt(f),
        }
    }
}

impl App {
    /// Publishes a version of a price list, which prices all hours from one on. Publishing the same again changes
    /// nothing. Tells what will not be charged for want of a price, and what becomes of usage that there is already.
    ///
    /// # Errors
    /// `UnknownBillingMeter`, `AuthorizationFailed` for the platform's, [`Refused`], or as the store.
    pub async fn publish_price_list(
        &self,
        caller: &Caller,
        list: PriceList,
        pricing: impl Into<Pricing>,
        from: Hour,
    ) -> Result<Published, Error> {
        let pricing = pricing.into();
        let expected = self
            .try_price_list(caller, list.clone(), pricing.clone(), from)
            .await?;
        let may_publish = |books: &Books| {
            check_publisher(books, caller, list.scope)?;
            check_base(books, caller, &pricing)
        };
        let created = self
            .publish(caller.id(), may_publish, &list, &pricing, from)
            .await?;
        Ok(Published {
            created,
            list: self.price_list(caller, &list.name)?,
            ..expected
        })
    }

    /// Whether the caller publishes price lists at all, whosever they are.
    ///
    /// # Errors
    /// `AuthorizationFailed`.
    pub fn publishes_price_lists(&self, caller: &Caller) -> Result<(), Error> {
        let view = self.view(caller);
        match caller {
            Caller::Principal(principal) if !view.everything && view.agent_of.is_empty() => {
                Err(publishers_only(principal))
            }
            _ => Ok(()),
        }
    }

    /// What [`App::publish_price_list`] would answer, without publishing anything.
    ///
    /// # Errors
    /// As it.
    pub async fn try_price_list(
        &self,
        caller: &Caller,
        list: PriceList,
        pricing: impl Into<Pricing>,
        from: Hour,
    ) -> Result<Published, Error> {
        let pricing = pricing.into();
        self.check_meters(pricing.given())?;
        let name = list.name.clone();
        let mut would_be = Ok(Prices::new());
        let then = self.supposing(caller.id(), |books| {
            check_publisher(books, caller, list.scope)?;
            check_base(books, caller, &pricing)?;
            would_be = books.prices_from(&list.name, &pricing, from);
            Ok(books.publish_price_list(list, pricing, from)?)
        })?;
        let would_be = would_be.map_err(|refused| Refused::Derivation(Box::new(refused)))?;
        let mut warnings: Vec<PriceListWarning> = self.warning(&would_be).into_iter().collect();
        let Some(then) = then else {
            return Ok(Published {
                created: Created::Existing,
                list: self.price_list(caller, &name)?,
                warnings,
                repricing: Repricing::default(),
            });
        };
        let repricing = self.repricing(&then, caller, from).await?;
        if !repricing.months.is_empty() {
            warnings.push(PriceListWarning::UsageRepriced(repricing.clone()));
        }
        Ok(Published {
            created: Created::New,
            list: then.price_list(caller, &name)?,
            warnings,
            repricing,
        })
    }

    fn warning(&self, prices: &Prices) -> Option<PriceListWarning> {
        if prices.is_empty() {
            return Some(PriceListWarning::NothingPriced);
        }
        let missing = self.catalog.without_price(prices);
        let names: Vec<String> = missing.into_iter().map(|meter| meter.name.clone()).collect();
        (!names.is_empty()).then_some(PriceListWarning::MetersWithoutPrice(names))
    }

    fn check_meters(&self, prices: &Prices) -> Result<(), Error> {
        let mut meters = prices.keys();
        match meters.find(|meter| self.catalog.billing_meter(**meter).is_none()) {
            Some(unknown) => Err(self.unknown_billing_meter(*unknown)),
            None => Ok(()),
        }
    }

    fn unknown_billing_meter(&self, meter: BillingMeterId) -> Error {
        let local = self
            .catalog
            .local_meter(LocalMeterId::from_bytes(*meter.as_bytes()));
        let message = match local.map(|local| (&local.name, &local.billing)) {
            Some((name, Billing::Charged { meter: billed, .. })) => {
                let billed_as = self.catalog.billing_meter(*billed).map(|it| it.name.as_str());
                format!(
                    "{meter} is a local meter, {name}. Prices are per billing meter: this one is charged as {}, {billed}.",
                    billed_as.unwrap_or_default()
                )
            }
            Some((name, Billing::Informational { .. })) => format!(
                "{meter} is a local meter, {name}, which is informational and cannot have a price. Prices are per \
                 billing meter; list them with GET /api/v1/meters."
            ),
            None => format!(
                "Billing meter {meter} is not in the catalog. Prices are per billing meter, not per local meter; list \
                 them with GET /api/v1/meters."
            ),
        };
        Error::new(Kind::Invalid, "UnknownBillingMeter", message).about("prices")
    }

    /// Publishes the platform's price list in a store that has none, so that the first statement has prices.
    ///
    /// # Errors
    /// As [`App::publish_price_list`].
    pub async fn publish_first_price_list(
        &self,
        list: PriceList,
        prices: Prices,
        from: Hour,
    ) -> Result<(), Error> {
        if self.read(|books| books.price_lists().next().is_none()) {
            let nobody = ObjectId::from_bytes([0; 16]);
            self.publish(nobody, |_| Ok(()), &list, &prices.into(), from)
                .await?;
        }
        Ok(())
    }

    async fn publish(
        &self,
        by: ObjectId,
        may_publish: impl Fn(&Books) -> Result<(), Error> + Send + Sync,
        list: &PriceList,
        pricing: &Pricing,
        from: Hour,
    ) -> Result<Created, Error> {
        self.check_meters(pricing.given())?;
        self.enter(by, |books| {
            may_publish(books)?;
            let entry = books.publish_price_list(list.clone(), pricing.clone(), from)?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// A price list with its versions, if the caller reads it.
    ///
    /// # Errors
    /// `PriceListNotFound`.
    pub fn price_list(&self, caller: &Caller, name: &PriceListName) -> Result<PublishedPriceList, Error> {
        let list = self.read(|books| {
            let view = view_of(books, caller);
            books
                .price_list(name)
                .filter(|it| is_read(&view, it.list.scope))
                .cloned()
        });
        list.ok_or_else(|| {
            Error::not_found(
                "PriceListNotFound",
                format!("Price list '{name}' does not exist."),
            )
        })
    }

    /// The prices of a list in an hour, if the caller reads it and it has any then: those that follow from its base's for
    /// one that follows another, whether or not the caller reads that one.
    #[must_use]
    pub fn prices_of(&self, caller: &Caller, name: &PriceListName, hour: Hour) -> Option<Prices> {
        self.price_list(caller, name).ok()?;
        self.read(|books| books.prices_of(name, hour))
    }

    /// The price lists that the caller reads, by name.
    #[must_use]
    pub fn price_lists(&self, caller: &Caller) -> Vec<PublishedPriceList> {
        self.read(|books| {
            let view = view_of(books, caller);
            let read = books.price_lists().filter(|it| is_read(&view, it.list.scope));
            read.cloned().collect()
        })
    }
}

const fn seller(scope: PriceListScope) -> Option<PartnerId> {
    match scope {
        PriceListScope::Platform => None,
        PriceListScope::Seller(seller) | PriceListScope::Buyer(seller, _) => Some(seller),
    }
}

/// Whether somebody reads the price lists of a scope: those that they sell by, and the platform's if they act for a
/// partner, since the partner buys by it.
pub(crate) fn is_read(view: &View, scope: PriceListScope) -> bool {
    view.manages_prices_of(seller(scope)) || (scope == PriceListScope::Platform && !view.agent_of.is_empty())
}

/// Whether somebody reads the platform's price list.
pub(crate) fn reads_list_prices(view: &View) -> bool {
    is_read(view, PriceListScope::Platform)
}

/// Refuses a base that the caller does not read: it is as if it were not there.
fn check_base(books: &Books, caller: &Caller, pricing: &Pricing) -> Result<(), Error> {
    let Some(derivation) = pricing.derivation() else {
        return Ok(());
    };
    let view = view_of(books, caller);
    match books.price_list(&derivation.base) {
        Some(base) if is_read(&view, base.list.scope) => Ok(()),
        _ => {
            let refused = DerivationRefused::UnknownBase(derivation.base.clone());
            Err(Refused::Derivation(Box::new(refused)).into())
        }
    }
}

/// Refuses a price list that is not the caller's to publish: another seller is unknown to it, and so is what others sell.
fn check_publisher(books: &Books, caller: &Caller, scope: PriceListScope) -> Result<(), Error> {
    let view = view_of(books, caller);
    match (scope, caller) {
        (PriceListScope::Platform, Caller::Principal(principal)) if !view.everything => {
            return Err(operators_only(principal));
        }
        _ => {}
    }
    if let Some(partner) = seller(scope).filter(|_| !view.manages_prices_of(seller(scope))) {
        let member = "seller";
        return Err(Refused::UnknownPartner { partner, member }.into());
    }
    match scope {
        PriceListScope::Buyer(_, buyer)
            if !books
                .subscription(buyer)
                .is_some_and(|it| view.sees_subscription(it)) =>
        {
            Err(Refused::UnknownSubscription(buyer).into())
        }
        _ => Ok(()),
    }
}

//! Publishing price lists.

use domain::books::PublishedPriceList;
use domain::catalog::{PriceList, PriceListName, Prices};
use domain::ids::{BillingMeterId, ObjectId};
use domain::time::Hour;

use crate::access::Caller;
use crate::accounts::Created;
use crate::{App, Error, Kind};

impl App {
    /// Publishes a version of a price list, which prices all hours from one on. Publishing the same again changes
    /// nothing.
    ///
    /// # Errors
    /// `UnknownBillingMeter`, [`domain::books::Refused`], or as the store.
    pub async fn publish_price_list(
        &self,
        caller: &Caller,
        list: PriceList,
        prices: Prices,
        from: Hour,
    ) -> Result<Created, Error> {
        self.publish(caller.id(), list, prices, from).await
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
            self.publish(ObjectId::from_bytes([0; 16]), list, prices, from)
                .await?;
        }
        Ok(())
    }

    async fn publish(
        &self,
        by: ObjectId,
        list: PriceList,
        prices: Prices,
        from: Hour,
    ) -> Result<Created, Error> {
        if let Some(unknown) = prices
            .keys()
            .find(|meter| self.catalog.billing_meter(**meter).is_none())
        {
            return Err(unknown_billing_meter(*unknown));
        }
        self.enter(by, |books| {
            let entry = books.publish_price_list(list.clone(), prices.clone(), from)?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// A price list with its versions.
    ///
    /// # Errors
    /// `PriceListNotFound`.
    pub fn price_list(&self, name: &PriceListName) -> Result<PublishedPriceList, Error> {
        self.read(|books| books.price_list(name).cloned()).ok_or_else(|| {
            Error::not_found(
                "PriceListNotFound",
                format!("Price list '{name}' does not exist."),
            )
        })
    }

    /// Every price list, by name.
    #[must_use]
    pub fn price_lists(&self) -> Vec<PublishedPriceList> {
        self.read(|books| books.price_lists().cloned().collect())
    }
}

fn unknown_billing_meter(meter: BillingMeterId) -> Error {
    let message = format!(
        "Billing meter {meter} is not in the catalog. Prices are per billing meter, not per local meter; list them \
         with GET /api/v1/meters."
    );
    Error::new(Kind::Invalid, "UnknownBillingMeter", message).about("prices")
}

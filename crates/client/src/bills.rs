//! Meters, prices, statements, and what cannot be counted or charged as it should.

use bytes::Bytes;
use reqwest::Method;
use wire::api::{
    LawCheck, ListedStatement, MeasuredUsage, Meter, PriceList, PublishedPriceList, Statement,
    TenantSuggestion, UnmappedUsage,
};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

impl Client {
    /// Every local meter.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn meters(&self) -> Result<Vec<Meter>, ClientError> {
        self.list(&["api", "v1", "meters"], &[]).await
    }

    /// Every price list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn price_lists(&self) -> Result<Vec<PriceList>, ClientError> {
        self.list(&["api", "v1", "price-lists"], &[]).await
    }

    /// A price list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn price_list(&self, name: &str) -> Result<PriceList, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "price-lists", name]))
            .await
    }

    /// Publishes a version of a price list: the JSON of a [`wire::api::PublishPriceList`], as it is written.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_price_list(
        &self,
        name: &str,
        version: Bytes,
    ) -> Result<Answered<PublishedPriceList>, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "price-lists", name]);
        self.ask_with_warnings(call.body("application/json", version))
            .await
    }

    /// What [`Client::put_price_list`] would answer. Nothing is published.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn try_price_list(
        &self,
        name: &str,
        version: Bytes,
    ) -> Result<Answered<PublishedPriceList>, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "price-lists", name]).query("dryRun", Some("true"));
        self.ask_with_warnings(call.body("application/json", version))
            .await
    }

    /// The statement of a subscription for a period.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn statement(&self, subscription_id: &str, period: &str) -> Result<Statement, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "statements", subscription_id]);
        self.ask(call.query("period", Some(period))).await
    }

    /// The statements of every subscription that is charged in a period, or why one has none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn statements(&self, period: &str) -> Result<Vec<ListedStatement>, ClientError> {
        self.list(&["api", "v1", "statements"], &[("period", Some(period))])
            .await
    }

    /// Checks the laws over everything received and over a period's usage and statements.
    ///
    /// # Errors
    /// [`ClientError`]. A law that does not hold is no error but in the answer.
    pub async fn check_laws(&self, period: &str) -> Result<LawCheck, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "periods", period, "check"]))
            .await
    }

    /// Usage of a period that no tenant mapping claims.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unmapped_usage(&self, period: &str) -> Result<Vec<UnmappedUsage>, ClientError> {
        self.list(&["api", "v1", "usage", "unmapped"], &[("period", Some(period))])
            .await
    }

    /// The tenants that used a stack in a period and that no tenant mapping names now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tenant_suggestions(&self, period: &str) -> Result<Vec<TenantSuggestion>, ClientError> {
        self.list(&["api", "v1", "tenant-suggestions"], &[("period", Some(period))])
            .await
    }

    /// What each stack measured in a period, per local meter, whoever pays for it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn measured_usage(&self, period: &str) -> Result<Vec<MeasuredUsage>, ClientError> {
        self.list(&["api", "v1", "usage", "measured"], &[("period", Some(period))])
            .await
    }
}

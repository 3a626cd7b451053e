//! Meters, prices, statements, and what cannot be counted or charged as it should.

use bytes::Bytes;
use reqwest::Method;
use wire::api::{
    LawCheck, ListedStatement, MeasuredUsage, Meter, PriceImport, PriceList, PriceListDiff, PriceListDraft,
    PublishedPriceList, Statement, TenantSuggestion, UnmappedUsage,
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

    /// Every draft of a price list that the caller publishes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn price_list_drafts(&self) -> Result<Vec<PriceListDraft>, ClientError> {
        self.list(&["api", "v1", "price-list-drafts"], &[]).await
    }

    /// Drafts a version of a price list: the JSON of a [`wire::api::PublishPriceList`], as it is written.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn draft_price_list(&self, name: &str, version: Bytes) -> Result<PriceListDraft, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "price-list-drafts", name]);
        self.ask(call.body("application/json", version)).await
    }

    /// Reads prices as others write them and drafts a version of a price list of them. The query is that of the route.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn import_prices(
        &self,
        name: &str,
        query: &[(&'static str, Option<&str>)],
        prices: Bytes,
    ) -> Result<PriceImport, ClientError> {
        let path = ["api", "v1", "price-list-drafts", name, "import"];
        let call = Call::new(Method::POST, path).body("application/octet-stream", prices);
        let call = query
            .iter()
            .fold(call, |call, (name, value)| call.query(name, *value));
        self.ask(call).await
    }

    /// Gives up the draft of a price list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn discard_price_list_draft(&self, name: &str) -> Result<(), ClientError> {
        self.tell(Call::new(
            Method::DELETE,
            ["api", "v1", "price-list-drafts", name],
        ))
        .await
    }

    /// What publishing the draft of a price list would change.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn price_list_diff(&self, name: &str) -> Result<Answered<PriceListDiff>, ClientError> {
        let path = ["api", "v1", "price-list-drafts", name, "diff"];
        self.ask_with_warnings(Call::new(Method::GET, path)).await
    }

    /// Publishes the draft of a price list, if nothing was changed since the diff that had this etag.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish_price_list_draft(
        &self,
        name: &str,
        seen: &str,
    ) -> Result<Answered<PublishedPriceList>, ClientError> {
        let path = ["api", "v1", "price-list-drafts", name, "publish"];
        let call = Call::new(Method::POST, path).if_match(seen)?;
        self.ask_with_warnings(call).await
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

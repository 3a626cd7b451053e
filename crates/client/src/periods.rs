//! Billing periods, invoices, and what else bills are reckoned by.

use bytes::Bytes;
use reqwest::Method;
use wire::api::{
    AgreedTerms, BillingPeriod, ClosePeriod, ExchangeRate, Invoice, InvoiceReplay, InvoiceSummary,
    LineExplained, Margins, PeriodReplay, Reconciliation, RunningAccount, RunningStatement, SetExchangeRate,
    SetTerms, StateCores, StatedCores, WaiveStack,
};

use crate::call::Call;
use crate::{Client, ClientError};

/// Which invoices are asked for: those to which all that is named applies.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoicesOf<'a> {
    /// The calendar month.
    pub period: Option<&'a str>,
    /// `platform`, or the id of a partner.
    pub seller: Option<&'a str>,
    /// `partner:` or `subscription:` and an id.
    pub buyer: Option<&'a str>,
    /// A subscription that is charged by a line or a correction, or that buys.
    pub subscription: Option<&'a str>,
}

impl Client {
    /// The billing periods that were closed and those after them, without what they wait for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn periods(&self) -> Result<Vec<BillingPeriod>, ClientError> {
        self.list(&["api", "v1", "periods"], &[]).await
    }

    /// A billing period, with what it waits for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn period(&self, period: &str) -> Result<BillingPeriod, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "periods", period]))
            .await
    }

    /// Closes a period, perhaps one that is said to be the first that is ever closed. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn close_period(&self, period: &str, first: bool) -> Result<BillingPeriod, ClientError> {
        let call = Call::new(Method::POST, ["api", "v1", "periods", period, "close"]);
        self.ask(call.json(&ClosePeriod { first })?.repeatable()).await
    }

    /// Lets a period be closed without the rest of what a stack used in it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn waive_stack(&self, period: &str, waived: &WaiveStack) -> Result<BillingPeriod, ClientError> {
        let call = Call::new(Method::POST, ["api", "v1", "periods", period, "waivers"]);
        self.ask(call.json(waived)?).await
    }

    /// Reckons all invoices of a closed period again and compares them with what was issued.
    ///
    /// # Errors
    /// [`ClientError`]. That one differs is no error but in the answer.
    pub async fn replay_period(&self, period: &str) -> Result<PeriodReplay, ClientError> {
        let call = Call::new(Method::POST, ["api", "v1", "periods", period, "replay"]);
        self.ask(call.repeatable()).await
    }

    /// The accounts of an open period, with what their bills come to so far.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn running_accounts(&self, period: &str) -> Result<Vec<RunningAccount>, ClientError> {
        self.list(&["api", "v1", "periods", period, "running"], &[]).await
    }

    /// What the bill of one account for an open period comes to so far. The seller is `platform` or the id of a partner, the
    /// buyer `partner:` or `subscription:` and an id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn running_statement(
        &self,
        period: &str,
        seller: &str,
        buyer: &str,
        currency: &str,
    ) -> Result<RunningStatement, ClientError> {
        let path = ["api", "v1", "periods", period, "running", "statement"];
        let call = Call::new(Method::GET, path)
            .query("seller", Some(seller))
            .query("buyer", Some(buyer))
            .query("currency", Some(currency));
        self.ask(call).await
    }

    /// What a seller keeps of what it sold in a month. The seller is `platform` or the id of a partner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn margins(&self, period: &str, seller: &str, currency: &str) -> Result<Margins, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "periods", period, "margins"])
            .query("seller", Some(seller))
            .query("currency", Some(currency));
        self.ask(call).await
    }

    /// The invoices that the caller reads, by period, seller, buyer and currency.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn invoices(&self, of: InvoicesOf<'_>) -> Result<Vec<InvoiceSummary>, ClientError> {
        let query = [
            ("period", of.period),
            ("seller", of.seller),
            ("buyer", of.buyer),
            ("subscription", of.subscription),
        ];
        self.list(&["api", "v1", "invoices"], &query).await
    }

    /// An invoice, by its number.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn invoice(&self, number: &str) -> Result<Invoice, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "invoices", number]))
            .await
    }

    /// A line of an invoice, opened, or a part of it, from a place among its parts on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_line(
        &self,
        line: &str,
        open: Option<&str>,
        from: u64,
    ) -> Result<LineExplained, ClientError> {
        let from = (from > 0).then(|| from.to_string());
        let call = Call::new(Method::GET, ["api", "v1", "invoice-lines", line, "explain"])
            .query("open", open)
            .query("from", from.as_deref());
        self.ask(call).await
    }

    /// Reckons an invoice again and compares it with what was issued.
    ///
    /// # Errors
    /// [`ClientError`]. That it differs is no error but in the answer.
    pub async fn replay_invoice(&self, number: &str) -> Result<InvoiceReplay, ClientError> {
        let call = Call::new(Method::POST, ["api", "v1", "invoices", number, "replay"]);
        self.ask(call.repeatable()).await
    }

    /// The terms of the caller's sales and of what it buys.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn terms(&self) -> Result<Vec<AgreedTerms>, ClientError> {
        self.list(&["api", "v1", "terms"], &[]).await
    }

    /// Sets what a seller and a buyer, or all its buyers, agreed on, from a period on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_terms(&self, terms: &SetTerms) -> Result<AgreedTerms, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "terms"]);
        self.ask(call.json(terms)?).await
    }

    /// States how many cores a stack has in some hours, or that its registration token counts again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn state_cores(&self, cloud_id: &str, cores: &StateCores) -> Result<StatedCores, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "registrations", cloud_id, "cores"]);
        self.ask(call.json(cores)?).await
    }

    /// What units of currencies are in others.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn exchange_rates(&self) -> Result<Vec<ExchangeRate>, ClientError> {
        self.list(&["api", "v1", "exchange-rates"], &[]).await
    }

    /// Sets what one unit of a currency is in another from an hour on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_exchange_rate(&self, rate: &SetExchangeRate) -> Result<ExchangeRate, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "exchange-rates"]);
        self.ask(call.json(rate)?).await
    }

    /// Compares what the platform charged in a month with a file of Partner Center's. The query is that of the route.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reconcile(
        &self,
        query: &[(&'static str, Option<&str>)],
        file: Bytes,
    ) -> Result<Reconciliation, ClientError> {
        let path = ["api", "v1", "reconciliations"];
        let call = Call::new(Method::POST, path).body("application/octet-stream", file);
        let call = query
            .iter()
            .fold(call, |call, (name, value)| call.query(name, *value));
        // Nothing is stored: asking twice does no harm.
        self.ask(call.repeatable()).await
    }
}

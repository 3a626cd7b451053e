//! Bills on paper, and who is named on them.

use reqwest::Method;
use wire::api::{Profile, SetProfile};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// An invoice on paper: `csv`, `html` or `pdf`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn invoice_document(&self, number: &str, format: &str) -> Result<Vec<u8>, ClientError> {
        let path = ["api", "v1", "invoices", number, "document"];
        self.fetch(Call::new(Method::GET, path).query("format", Some(format)))
            .await
    }

    /// What the bill of an account for an open period comes to so far, on paper. The seller is `platform` or the id of
    /// a partner, the buyer `partner:` or `subscription:` and an id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn running_document(
        &self,
        period: &str,
        (seller, buyer, currency): (&str, &str, &str),
        format: &str,
    ) -> Result<Vec<u8>, ClientError> {
        let path = ["api", "v1", "periods", period, "running", "document"];
        let call = Call::new(Method::GET, path)
            .query("seller", Some(seller))
            .query("buyer", Some(buyer))
            .query("currency", Some(currency))
            .query("format", Some(format));
        self.fetch(call).await
    }

    /// What stands on bills for a seller: `platform`, or the id of a partner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn seller_profile(&self, seller: &str) -> Result<Profile, ClientError> {
        self.ask(Call::new(
            Method::GET,
            ["api", "v1", "sellers", seller, "profile"],
        ))
        .await
    }

    /// Sets what stands on bills for a seller.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_seller_profile(&self, seller: &str, new: &SetProfile) -> Result<Profile, ClientError> {
        let path = ["api", "v1", "sellers", seller, "profile"];
        self.ask(Call::new(Method::PUT, path).json(new)?).await
    }

    /// What stands on bills for a buyer: `partner:` or `subscription:` and an id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn buyer_profile(&self, buyer: &str) -> Result<Profile, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "buyers", buyer, "profile"]))
            .await
    }

    /// Sets what stands on bills for a buyer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_buyer_profile(&self, buyer: &str, new: &SetProfile) -> Result<Profile, ClientError> {
        let path = ["api", "v1", "buyers", buyer, "profile"];
        self.ask(Call::new(Method::PUT, path).json(new)?).await
    }
}

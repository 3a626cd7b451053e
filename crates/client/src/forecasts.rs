//! What months come to at their end, and what they would with other prices.

use reqwest::Method;
use wire::api::{Forecast, WhatIf};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// What a month comes to, and what it would with the draft of a price list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn what_if(&self, period: &str, draft: &str) -> Result<WhatIf, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "periods", period, "what-if"]);
        self.ask(call.query("draft", Some(draft))).await
    }

    /// What the bills of an open month come to at its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn forecast(&self, period: &str) -> Result<Forecast, ClientError> {
        self.ask(Call::new(
            Method::GET,
            ["api", "v1", "periods", period, "forecast"],
        ))
        .await
    }
}

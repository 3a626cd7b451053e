//! Webhooks.

use reqwest::Method;
use wire::api::{NoticeAsked, Page, PutWebhook, Webhook, WebhookDelivery, WebhookKey};

use crate::call::Call;
use crate::{Client, ClientError};

const PATH: [&str; 3] = ["api", "v1", "webhooks"];

impl Client {
    /// Every webhook, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, ClientError> {
        self.list(&PATH, &[]).await
    }

    /// Sets a webhook: a new one, or another form of one that is there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_webhook(&self, name: &str, webhook: &PutWebhook) -> Result<Webhook, ClientError> {
        let call = Call::new(Method::PUT, PATH.into_iter().chain([name])).json(webhook)?;
        self.ask(call).await
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_webhook(&self, name: &str) -> Result<(), ClientError> {
        let path = PATH.into_iter().chain([name]);
        self.tell(Call::new(Method::DELETE, path)).await
    }

    /// Has a webhook sent a notice that nothing happened. What became of it is in its deliveries.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn test_webhook(&self, name: &str) -> Result<NoticeAsked, ClientError> {
        let path = PATH.into_iter().chain([name, "test"]);
        self.ask(Call::new(Method::POST, path)).await
    }

    /// The last notices that were for a webhook, the one that was asked for last first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn webhook_deliveries(&self, name: &str) -> Result<Vec<WebhookDelivery>, ClientError> {
        let [api, version, webhooks] = PATH;
        let path = [api, version, webhooks, name, "deliveries"];
        self.list(&path, &[]).await
    }

    /// Has a notice sent to a webhook again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn redeliver_to_webhook(
        &self,
        name: &str,
        notice_id: &str,
    ) -> Result<NoticeAsked, ClientError> {
        let path = PATH
            .into_iter()
            .chain([name, "deliveries", notice_id, "redeliver"]);
        self.ask(Call::new(Method::POST, path)).await
    }

    /// The public keys that notices are signed with, the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn webhook_keys(&self) -> Result<Vec<WebhookKey>, ClientError> {
        let keys: Page<WebhookKey> = self
            .ask(Call::new(Method::GET, ["api", "v1", "webhook-keys"]))
            .await?;
        Ok(keys.value)
    }
}

//! Usage that is carried in files.

use reqwest::Method;
use wire::bundle::{
    AnnouncedBundle, CheckedBundle, RegisterBundleKey, RegisteredBundleKey, SignedReceipt, TakenBundle,
};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// Registers the key with which the bundles of a stack are signed: any other is good no more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn register_bundle_key(
        &self,
        cloud_id: &str,
        request: &RegisterBundleKey,
    ) -> Result<RegisteredBundleKey, ClientError> {
        let path = ["api", "v1", "registrations", cloud_id, "bundle-key"];
        self.ask(Call::new(Method::PUT, path).json(request)?).await
    }

    /// Whether a bundle may be delivered, and which of its deliveries are missing. The credential is the stack's
    /// activation key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn check_bundle(
        &self,
        cloud_id: &str,
        bundle: &AnnouncedBundle,
    ) -> Result<CheckedBundle, ClientError> {
        let path = ["api", "v1", "stacks", cloud_id, "bundles", "check"];
        let call = Call::new(Method::POST, path).json(bundle)?;
        self.ask(call.repeatable()).await
    }

    /// Says that all of a bundle has been delivered. The credential is the stack's activation key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn take_bundle(
        &self,
        cloud_id: &str,
        digest: &str,
        bundle: &AnnouncedBundle,
    ) -> Result<SignedReceipt, ClientError> {
        let path = ["api", "v1", "stacks", cloud_id, "bundles", digest];
        self.ask(Call::new(Method::PUT, path).json(bundle)?).await
    }

    /// The bundles of a stack that were taken in under the registration that it has now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn bundles(&self, cloud_id: &str) -> Result<Vec<TakenBundle>, ClientError> {
        self.list(&["api", "v1", "stacks", cloud_id, "bundles"], &[])
            .await
    }

    /// The receipt of one of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn bundle_receipt(&self, cloud_id: &str, digest: &str) -> Result<SignedReceipt, ClientError> {
        let path = ["api", "v1", "stacks", cloud_id, "bundles", digest];
        self.ask(Call::new(Method::GET, path)).await
    }
}

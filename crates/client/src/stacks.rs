//! Stacks, and what is said of their registrations beside the shapes of Azure Resource Manager.

use bytes::Bytes;
use reqwest::Method;
use wire::api::{
    ActivationKeysRevoked, Advice, BackdateRegistration, DirectoryTaken, MapTenant, MappingPreview,
    MappingVersion, MultiTenancyApproval, Receipt, Stack, StackCompleteness, StackCompletenessByHour,
};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

impl Client {
    /// Which kind of subscription a stack is best registered with, and why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn registration_advice(&self, operated_by: &str) -> Result<Advice, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "registration-advice"]);
        self.ask(call.query("operatedBy", Some(operated_by))).await
    }

    /// Every registered stack.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stacks(&self) -> Result<Vec<Stack>, ClientError> {
        self.list(&["api", "v1", "stacks"], &[]).await
    }

    /// What is here and what is missing of a month's usage of each stack that was registered in it; of this month without
    /// one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn completeness(&self, period: Option<&str>) -> Result<Vec<StackCompleteness>, ClientError> {
        self.list(&["api", "v1", "completeness"], &[("period", period)])
            .await
    }

    /// What is here and what is missing of a stack's usage of a month, hour by hour; of this month without one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn completeness_by_hour(
        &self,
        cloud_id: &str,
        period: Option<&str>,
    ) -> Result<StackCompletenessByHour, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "stacks", cloud_id, "completeness"]);
        self.ask(call.query("period", period)).await
    }

    /// The receipts of everything that a stack delivered, in their order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipts(&self, cloud_id: &str) -> Result<Vec<Receipt>, ClientError> {
        self.list(&["api", "v1", "stacks", cloud_id, "receipts"], &[])
            .await
    }

    /// Delivers a stack's directory: what its `Microsoft.Subscriptions.Admin/subscriptions` returns.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_directory(&self, cloud_id: &str, listing: Bytes) -> Result<DirectoryTaken, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "stacks", cloud_id, "subscriptions"]);
        self.ask(call.body("application/json", listing)).await
    }

    /// Delivers what a stack's directory listed when the file was made in which it was carried.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_carried_directory(
        &self,
        cloud_id: &str,
        listing: Bytes,
        as_of: &str,
    ) -> Result<DirectoryTaken, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "stacks", cloud_id, "subscriptions"]);
        let call = call.query("asOf", Some(as_of));
        self.ask(call.body("application/json", listing)).await
    }

    /// Approves a stack's registration for multi-tenancy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn approve_multi_tenancy(&self, cloud_id: &str) -> Result<MultiTenancyApproval, ClientError> {
        let path = ["api", "v1", "registrations", cloud_id, "approve-multi-tenancy"];
        self.ask(Call::new(Method::POST, path).repeatable()).await
    }

    /// Declares the activation keys that were given out for a stack so far good no more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_activation_keys(&self, cloud_id: &str) -> Result<ActivationKeysRevoked, ClientError> {
        let path = ["api", "v1", "registrations", cloud_id, "revoke-activation-keys"];
        self.ask(Call::new(Method::POST, path)).await
    }

    /// Declares a stack's registration valid from an earlier hour on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn backdate_registration(
        &self,
        cloud_id: &str,
        request: &BackdateRegistration,
    ) -> Result<Stack, ClientError> {
        let path = ["api", "v1", "registrations", cloud_id, "backdate"];
        self.ask(Call::new(Method::POST, path).json(request)?).await
    }

    /// Maps a tenant of a stack for stated hours, past ones too.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn map_tenant(
        &self,
        cloud_id: &str,
        request: &MapTenant,
    ) -> Result<Answered<MappingVersion>, ClientError> {
        let path = ["api", "v1", "registrations", cloud_id, "tenant-mappings"];
        self.ask_with_warnings(Call::new(Method::POST, path).json(request)?)
            .await
    }

    /// What mapping a tenant of a stack for stated hours would move and cost; nothing is changed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn preview_mapping(
        &self,
        cloud_id: &str,
        request: &MapTenant,
    ) -> Result<Answered<MappingPreview>, ClientError> {
        let path = [
            "api",
            "v1",
            "registrations",
            cloud_id,
            "tenant-mappings",
            "preview",
        ];
        self.ask_with_warnings(Call::new(Method::POST, path).json(request)?)
            .await
    }

    /// Every version of every tenant mapping of a stack, in the order of recording.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn mapping_history(&self, cloud_id: &str) -> Result<Vec<MappingVersion>, ClientError> {
        self.list(&["api", "v1", "registrations", cloud_id, "tenant-mappings"], &[])
            .await
    }
}

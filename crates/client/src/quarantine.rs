//! The quarantine.

use reqwest::Method;
use wire::api::{
    PurgeQuarantined, QuarantineAct, QuarantineCount, QuarantineFilter, QuarantinePurged, QuarantineReleased,
    QuarantinedRecord, ReleaseQuarantined,
};

use crate::call::Call;
use crate::{Client, ClientError, Pages};

/// Where it is.
const PATH: [&str; 3] = ["api", "v1", "quarantine"];

fn query<'q>(filter: &'q QuarantineFilter, state: Option<&'q str>) -> [(&'static str, Option<&'q str>); 7] {
    [
        ("cloudId", filter.cloud_id.as_deref()),
        ("state", state),
        ("code", filter.code.as_deref()),
        ("batchId", filter.batch_id.as_deref()),
        ("receivedFrom", filter.received_from.as_deref()),
        ("receivedTo", filter.received_to.as_deref()),
        ("containing", filter.containing.as_deref()),
    ]
}

impl Client {
    /// The records in quarantine that fit a filter: those in a state, or those that wait.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        state: Option<&str>,
    ) -> Result<Vec<QuarantinedRecord>, ClientError> {
        let query = query(filter, state);
        self.list(&PATH, &query).await
    }

    /// The same, page by page, for as many as there may be.
    #[must_use]
    pub fn quarantine_pages(
        &self,
        filter: &QuarantineFilter,
        state: Option<&str>,
    ) -> Pages<'_, QuarantinedRecord> {
        self.pages(&PATH, &query(filter, state))
    }

    /// The record at a position of the quarantine, whatever has become of it; nothing if there is none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn quarantined_at(&self, position: u64) -> Result<Vec<QuarantinedRecord>, ClientError> {
        let position = position.to_string();
        self.list(&PATH, &[("position", Some(&position))]).await
    }

    /// How many records wait in quarantine, by stack and reason.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn quarantine_summary(
        &self,
        cloud_id: Option<&str>,
    ) -> Result<Vec<QuarantineCount>, ClientError> {
        self.list(&["api", "v1", "quarantine", "summary"], &[("cloudId", cloud_id)])
            .await
    }

    /// What was done with records in quarantine, in the order of recording.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn quarantine_history(&self) -> Result<Vec<QuarantineAct>, ClientError> {
        self.list(&["api", "v1", "quarantine", "history"], &[]).await
    }

    /// Has records read again, and counted if they can be.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn release_quarantined(
        &self,
        request: &ReleaseQuarantined,
    ) -> Result<QuarantineReleased, ClientError> {
        let path = ["api", "v1", "quarantine", "release"];
        self.ask(Call::new(Method::POST, path).json(request)?).await
    }

    /// Has the texts of records removed for good.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn purge_quarantined(
        &self,
        request: &PurgeQuarantined,
    ) -> Result<QuarantinePurged, ClientError> {
        let path = ["api", "v1", "quarantine", "purge"];
        self.ask(Call::new(Method::POST, path).json(request)?).await
    }
}

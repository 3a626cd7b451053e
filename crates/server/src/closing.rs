//! Closing periods to the end, in the background: what somebody began and nobody finished.

use crate::Door;

/// Closes to its end what was begun, if anything was. What goes wrong is in the log, and is tried again.
pub(crate) async fn resume(door: &Door) {
    match door.app.resume_closing().await {
        Ok(None) => {}
        Ok(Some(closed)) => {
            tracing::info!(period = %closed.period, "what was begun of closing a period was finished");
        }
        Err(error) => {
            let detail = error.detail.as_deref().unwrap_or_default();
            tracing::error!(%error, detail, "a period whose closing was begun was not closed; it is tried again");
        }
    }
}

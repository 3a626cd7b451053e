//! For whoever runs the server.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::Door;
use crate::error::Failure;
use crate::metrics;

/// The path of the counters.
pub(crate) const METRICS: &str = "/metrics";

/// The process answers. Asks nothing else, so that a slow disk does not get it restarted.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The storage answers too.
pub(crate) async fn readyz(State(door): State<Arc<Door>>) -> Result<&'static str, Failure> {
    door.app.ready().await?;
    Ok("ready\n")
}

/// The counters.
pub(crate) async fn metrics(State(door): State<Arc<Door>>) -> impl IntoResponse {
    door.metrics.set_issuers(door.identity.issuers());
    door.metrics.stacks.refresh(&door.app);
    // The other figures are told though the storage does not answer.
    door.metrics
        .set_quarantine(door.app.quarantine_counts(None).await.ok().as_deref());
    let waiting = door.app.notices_waiting().into_iter();
    door.metrics
        .set_notices_waiting(waiting.map(|(webhook, count)| (webhook.to_string(), count)));
    ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], door.metrics.to_text())
}

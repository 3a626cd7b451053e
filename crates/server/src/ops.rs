//! For whoever runs the server.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::Door;
use crate::error::{Failure, STORE_DAMAGED};
use crate::metrics;

/// The path of the counters.
pub(crate) const METRICS: &str = "/metrics";

/// The process answers. Asks nothing else, so that a slow disk does not get it restarted.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The storage answers too, and nothing is damaged that every request or every delivery needs. What is damaged elsewhere is told
/// to those who need it, logged and counted: everybody else is served.
pub(crate) async fn readyz(State(door): State<Arc<Door>>) -> Result<&'static str, Failure> {
    match door.app.ready().await {
        Ok(()) => Ok("ready\n"),
        Err(error) if error.code == STORE_DAMAGED => Err(damaged().because(error.detail.unwrap_or_default())),
        Err(error) => Err(error.into()),
    }
}

fn damaged() -> Failure {
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        STORE_DAMAGED,
        "What the storage holds is damaged, as this server's log says. Verify it with `meterbridge audit verify`, and restore a backup.",
    )
}

/// The counters.
pub(crate) async fn metrics(State(door): State<Arc<Door>>) -> impl IntoResponse {
    door.metrics.set_issuers(door.identity.issuers());
    door.metrics.stacks.refresh(&door.app);
    door.metrics.quarantine.refresh(&door.app);
    let waiting = door.app.notices_waiting().into_iter();
    door.metrics
        .set_notices_waiting(waiting.map(|(webhook, count)| (webhook.to_string(), count)));
    ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], door.metrics.to_text())
}

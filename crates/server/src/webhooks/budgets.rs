//! Looking after budgets, where notices are sent from.

use std::sync::Arc;

use app::periods::BudgetWatch;
use tokio::sync::watch;

use super::on_duty;
use super::worker::GoodUntil;
use crate::Door;

/// Looks every few minutes which thresholds of budgets were reached, for as long as this server has the duty of sending.
/// It never ends by itself.
pub(super) async fn watch(door: Arc<Door>, good_until: watch::Receiver<GoodUntil>) {
    let mut watch = BudgetWatch::default();
    loop {
        tokio::time::sleep(door.webhooks.pace.watch).await;
        if !on_duty(&good_until) {
            continue;
        }
        let looked = door.app.look_after_budgets(&mut watch, || on_duty(&good_until));
        match looked.await {
            Ok(0) => {}
            Ok(raised) => {
                tracing::info!(raised, "thresholds of budgets were reached");
                door.webhooks.look_now();
            }
            Err(error) => {
                tracing::error!(%error, "what was reached of budgets was not found or not raised");
            }
        }
    }
}

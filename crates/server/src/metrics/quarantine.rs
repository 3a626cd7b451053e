//! How many records wait in quarantine.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use app::App;
use domain::usage::QuarantineCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use store::QuarantineCount;
use tokio::sync::Mutex;

/// Counting takes no more than one part in so many of the time, however much there is to count and however often somebody asks. *(ours)*
const PART_OF_TIME: u32 = 20;
/// Counted again not before so long after the last time.
const REFRESHED_AFTER: Duration = Duration::from_secs(1);

/// How many waited when they were counted last. Whoever asks does not wait for that.
#[derive(Clone, Default)]
pub(crate) struct QuarantineFigures {
    /// Nothing where it is not known.
    last: Arc<RwLock<Option<Vec<QuarantineCount>>>>,
    /// Held while they are counted; when they may be counted again.
    again_at: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

impl QuarantineFigures {
    /// Begins to count, unless it is being done or was done just now.
    pub(crate) fn refresh(&self, app: &App) {
        let Ok(mut again_at) = Arc::clone(&self.again_at).try_lock_owned() else {
            return;
        };
        if again_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let (last, app) = (Arc::clone(&self.last), app.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            let counts = app.quarantine_counts(None).await;
            if let Err(error) = &counts {
                tracing::warn!(%error, "the records in quarantine could not be counted");
            }
            *last.write().unwrap_or_else(PoisonError::into_inner) = counts.ok();
            let took = begun.elapsed();
            *again_at = Some(Instant::now() + (took * PART_OF_TIME).max(REFRESHED_AFTER));
        });
    }
}

impl fmt::Debug for QuarantineFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuarantineFigures").finish_non_exhaustive()
    }
}

impl Collector for QuarantineFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let Some(counts) = &*last else {
            return Ok(());
        };
        let family = Family::<CodeLabels, Gauge>::default();
        for code in QuarantineCode::ALL {
            let of_code = counts.iter().filter(|it| it.code == code);
            let records: u64 = of_code.map(|it| it.records).sum();
            let code = code.as_str();
            family
                .get_or_create(&CodeLabels { code })
                .set(i64::try_from(records).unwrap_or(i64::MAX));
        }
        let help = "Usage records that wait in quarantine, by why they cannot be counted";
        family.encode(encoder.encode_descriptor("quarantine_records", help, None, family.metric_type())?)
    }
}

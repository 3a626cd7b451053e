//! How it is with the usage of each stack.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use app::App;
use app::completeness::StackNow;
use domain::completeness::FindingKind;
use domain::time::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;
use tokio::sync::Mutex;

/// The figures are found out again when somebody asks and they are older than this. *(ours)*
const REFRESHED_AFTER: Duration = Duration::from_secs(60);
const SECONDS_PER_HOUR: i64 = 3600;

/// How it was with the stacks when it was last found out. Whoever asks does not wait for that.
#[derive(Clone, Default)]
pub(crate) struct StackFigures {
    last: Arc<RwLock<Option<Evaluation>>>,
    /// Held while it is found out; when that ended last.
    ended: Arc<Mutex<Option<Instant>>>,
}

struct Evaluation {
    at: Timestamp,
    stacks: Vec<StackNow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StackLabels {
    stack: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    stack: String,
    code: &'static str,
}

impl StackFigures {
    /// Begins to find out how it is with the stacks, unless it is being done or was done just now.
    pub(crate) fn refresh(&self, app: &App) {
        let Ok(mut ended) = Arc::clone(&self.ended).try_lock_owned() else {
            return;
        };
        if ended.is_some_and(|ended| ended.elapsed() < REFRESHED_AFTER) {
            return;
        }
        let (last, app) = (Arc::clone(&self.last), app.clone());
        tokio::spawn(async move {
            let at = app.clock().now();
            match app.completeness_now(at).await {
                Ok(stacks) => {
                    *last.write().unwrap_or_else(PoisonError::into_inner) = Some(Evaluation { at, stacks });
                }
                // The time of the last evaluation tells that there was no newer one.
                Err(error) => {
                    tracing::warn!(%error, "what is missing of the stacks' usage could not be found out");
                }
            }
            *ended = Some(Instant::now());
        });
    }
}

impl fmt::Debug for StackFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackFigures").finish_non_exhaustive()
    }
}

impl Collector for StackFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Evaluation { at, stacks }) = &*last else {
            return Ok(());
        };
        let evaluated: Gauge = Gauge::default();
        evaluated.set(at.as_second());
        let mut put = |name, help, unit: Option<&Unit>, metric: &dyn Encodes| {
            metric.put(&mut encoder, name, help, unit)
        };
        put(
            "stacks_evaluated_timestamp",
            "When it was found out how it is with the stacks",
            Some(&Unit::Seconds),
            &evaluated,
        )?;
        put(
            "stack_reported_through",
            "How far a stack says that it has reported its usage, as a timestamp",
            Some(&Unit::Seconds),
            &of_each(
                stacks
                    .iter()
                    .filter_map(|it| Some((it, it.reported_through?.start().as_second()))),
            ),
        )?;
        put(
            "stack_behind",
            "For how long nothing was heard of a stack that has to report",
            Some(&Unit::Seconds),
            &of_each(
                stacks
                    .iter()
                    .map(|it| (it, i64::from(it.behind_hours) * SECONDS_PER_HOUR)),
            ),
        )?;
        put(
            "stack_gap_hours",
            "Hours of the last five weeks without usage, where there usually is some",
            None,
            &of_each(
                stacks
                    .iter()
                    .map(|it| (it, i64::try_from(it.gap_hours).unwrap_or(i64::MAX))),
            ),
        )?;
        put(
            "stack_not_read_hours",
            "Hours of the last five weeks that were never read completely from a stack, though later ones were",
            None,
            &of_each(
                stacks
                    .iter()
                    .map(|it| (it, i64::try_from(it.not_read_hours).unwrap_or(i64::MAX))),
            ),
        )?;
        put(
            "stack_findings",
            "What is worth telling about a stack's usage, by code",
            None,
            &findings(stacks),
        )
    }
}

/// What can be written down as one metric.
trait Encodes {
    fn put(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
    ) -> Result<(), fmt::Error>;
}

impl<M: EncodeMetric> Encodes for M {
    fn put(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
    ) -> Result<(), fmt::Error> {
        self.encode(encoder.encode_descriptor(name, help, unit, self.metric_type())?)
    }
}

fn of_each<'a>(values: impl Iterator<Item = (&'a StackNow, i64)>) -> Family<StackLabels, Gauge> {
    let family = Family::<StackLabels, Gauge>::default();
    for (of, value) in values {
        let labels = StackLabels {
            stack: of.stack.to_string(),
        };
        family.get_or_create(&labels).set(value);
    }
    family
}

fn findings(stacks: &[StackNow]) -> Family<FindingLabels, Gauge> {
    let family = Family::<FindingLabels, Gauge>::default();
    for it in stacks {
        for kind in FindingKind::ALL {
            let found = it
                .findings
                .iter()
                .filter(|it| it.begins && it.kind == kind)
                .count();
            let labels = FindingLabels {
                stack: it.stack.to_string(),
                code: kind.code(),
            };
            family
                .get_or_create(&labels)
                .set(i64::try_from(found).unwrap_or(i64::MAX));
        }
    }
    family
}

//! What is counted, for whoever watches the server.

mod quarantine;
mod stacks;

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use store::BatchCounts;

use self::quarantine::QuarantineFigures;
use self::stacks::StackFigures;
use crate::identity::KeysHealth;

/// The media type of the text that [`Metrics::to_text`] makes.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const DURATION_BUCKETS_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    in_flight: Gauge,
    records: Family<OutcomeLabels, Counter>,
    batches: Counter,
    delivered_bytes: Counter,
    busy: Counter,
    damaged: Counter,
    resident_bytes: Gauge<u64, AtomicU64>,
    /// How many records wait in quarantine.
    pub(crate) quarantine: QuarantineFigures,
    issuer_keys_fetched: Family<IssuerLabels, Gauge>,
    issuer_fetches: Family<FetchLabels, Gauge<u64, AtomicU64>>,
    /// How it is with the stacks' usage.
    pub(crate) stacks: StackFigures,
    webhook_attempts: Family<AttemptLabels, Counter>,
    notices_waiting: Family<WebhookLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuerLabels {
    issuer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    issuer: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    webhook: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("meterbridge");
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS_SECONDS)),
            in_flight: Gauge::default(),
            records: Family::default(),
            batches: Counter::default(),
            delivered_bytes: Counter::default(),
            busy: Counter::default(),
            damaged: Counter::default(),
            resident_bytes: Gauge::default(),
            quarantine: QuarantineFigures::default(),
            issuer_keys_fetched: Family::default(),
            issuer_fetches: Family::default(),
            stacks: StackFigures::default(),
            webhook_attempts: Family::default(),
            notices_waiting: Family::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's headers to its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            metrics.in_flight.clone(),
        );
        registry.register(
            "usage_records",
            "Usage records received, by what became of them",
            metrics.records.clone(),
        );
        registry.register(
            "usage_batches",
            "Deliveries of usage acknowledged",
            metrics.batches.clone(),
        );
        registry.register_with_unit(
            "usage_delivered",
            "Deliveries of usage acknowledged, decompressed",
            Unit::Bytes,
            metrics.delivered_bytes.clone(),
        );
        registry.register(
            "deliveries_refused_busy",
            "Deliveries asked to come later",
            metrics.busy.clone(),
        );
        registry.register(
            "requests_refused_damaged",
            "Requests that cannot be answered because what is stored is damaged where they need it",
            metrics.damaged.clone(),
        );
        registry.register_with_unit(
            "process_resident_memory",
            "Memory of this process that is in RAM",
            Unit::Bytes,
            metrics.resident_bytes.clone(),
        );
        registry.register_with_unit(
            "external_issuer_keys_fetched_timestamp",
            "When the keys of an issuer elsewhere were fetched last; its tokens are refused a day later",
            Unit::Seconds,
            metrics.issuer_keys_fetched.clone(),
        );
        registry.register(
            "external_issuer_key_fetches",
            "Attempts to fetch the keys of an issuer elsewhere since the start, by what became of them",
            metrics.issuer_fetches.clone(),
        );
        registry.register(
            "webhook_attempts",
            "Attempts of this server to send a notice to a webhook, by what became of them",
            metrics.webhook_attempts.clone(),
        );
        registry.register(
            "notices_waiting",
            "Notices that wait for a webhook, whichever server sends them",
            metrics.notices_waiting.clone(),
        );
        registry.register_collector(Box::new(metrics.stacks.clone()));
        registry.register_collector(Box::new(metrics.quarantine.clone()));
        Self { registry, ..metrics }
    }

    /// Counts a request as being answered until what is returned is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn count_request(
        &self,
        route: &'static str,
        method: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let labels = RequestLabels {
            route,
            method,
            status: class(status),
        };
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&RouteLabels { route })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn count_batch(&self, counts: &BatchCounts, bytes: usize) {
        self.batches.inc();
        self.delivered_bytes
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        for (outcome, records) in [
            ("accepted", counts.accepted),
            ("duplicate", counts.duplicate),
            ("revised", counts.revised),
            ("quarantined", counts.quarantined),
        ] {
            self.records
                .get_or_create(&OutcomeLabels { outcome })
                .inc_by(records.into());
        }
    }

    /// How it goes with the keys of issuers elsewhere.
    pub(crate) fn set_issuers<'a>(&self, issuers: impl Iterator<Item = (&'a str, KeysHealth)>) {
        for (issuer, health) in issuers {
            let issuer = issuer.to_owned();
            if let Some(fetched) = health.fetched {
                let labels = IssuerLabels {
                    issuer: issuer.clone(),
                };
                self.issuer_keys_fetched
                    .get_or_create(&labels)
                    .set(fetched.as_second());
            }
            let succeeded = health.fetches.saturating_sub(health.failures);
            for (outcome, count) in [("succeeded", succeeded), ("failed", health.failures)] {
                let issuer = issuer.clone();
                self.issuer_fetches
                    .get_or_create(&FetchLabels { issuer, outcome })
                    .set(count);
            }
        }
    }

    /// A notice was sent to a webhook, and taken or not.
    pub(crate) fn count_webhook_attempt(&self, webhook: &str, taken: bool) {
        let webhook = webhook.to_owned();
        let outcome = if taken { "delivered" } else { "failed" };
        self.webhook_attempts
            .get_or_create(&AttemptLabels { webhook, outcome })
            .inc();
    }

    /// How many notices wait for each webhook that there is.
    pub(crate) fn set_notices_waiting(&self, waiting: impl Iterator<Item = (String, usize)>) {
        self.notices_waiting.clear();
        for (webhook, count) in waiting {
            self.notices_waiting
                .get_or_create(&WebhookLabels { webhook })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn count_busy(&self) {
        self.busy.inc();
    }

    pub(crate) fn count_damaged(&self) {
        self.damaged.inc();
    }

    /// Everything counted so far, as OpenMetrics text.
    pub(crate) fn to_text(&self) -> String {
        self.resident_bytes.set(resident_bytes().unwrap_or_default());
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            let _ = writeln!(text, "# the metrics could not be written");
        }
        text
    }
}

/// A request that is being answered.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

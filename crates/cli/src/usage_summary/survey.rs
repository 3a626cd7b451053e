//! What is in a summary.

use std::collections::BTreeMap;

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::QuantitySum;
use domain::time::Hour;
use domain::usage::Granularity;
use serde::Serialize;

use super::{Item, Record, Rejected};

/// How many local subscriptions, and meters, are kept apart. Of further ones only the records are counted.
pub(crate) const GROUPS_MAX: usize = 10_000;

/// What is in a summary, all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Survey {
    /// Lines that are records.
    pub(crate) records: u64,
    /// Records of one hour.
    pub(crate) hourly: u64,
    /// Records of one day.
    pub(crate) daily: u64,
    /// When the first usage begins.
    #[serde(serialize_with = "as_text")]
    pub(crate) from: Option<Hour>,
    /// When the last usage ends.
    #[serde(serialize_with = "as_text")]
    pub(crate) to: Option<Hour>,
    /// Records of hours that have not come: the server puts them into quarantine.
    pub(crate) in_future: u64,
    pub(crate) subscriptions: Vec<OfSubscription>,
    pub(crate) meters: Vec<OfMeter>,
    /// Records that are of none of these subscriptions or meters, of which there are too many.
    pub(crate) records_of_others: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_by_reason: Vec<RejectedFor>,
}

/// What is of one local subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfSubscription {
    pub(crate) local_subscription_id: String,
    pub(crate) records: u64,
}

/// What is of one meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfMeter {
    pub(crate) local_meter_id: String,
    /// What the script calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) records: u64,
    /// The sum of its quantities, exact.
    pub(crate) quantity: String,
}

/// Lines that are rejected for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RejectedFor {
    pub(crate) code: &'static str,
    pub(crate) lines: u64,
    pub(crate) first_line: u64,
    /// What is said of the first.
    pub(crate) first_reason: String,
}

fn as_text<S: serde::Serializer>(hour: &Option<Hour>, to: S) -> Result<S::Ok, S::Error> {
    hour.map(|hour| hour.to_string()).serialize(to)
}

/// A survey in the making.
#[derive(Debug, Default)]
pub(crate) struct Surveyor {
    survey: Survey,
    subscriptions: BTreeMap<LocalSubscriptionId, u64>,
    meters: BTreeMap<LocalMeterId, (Option<String>, u64, QuantitySum)>,
    rejected: BTreeMap<&'static str, RejectedFor>,
    /// The last hour in which usage may begin. None if any may be.
    latest: Option<Hour>,
}

impl Surveyor {
    /// One that tells apart what begins later than in this hour.
    pub(crate) fn with_latest(latest: Hour) -> Self {
        Self {
            latest: Some(latest),
            ..Self::default()
        }
    }

    /// Takes the next line.
    pub(crate) fn add(&mut self, item: &Item) {
        match item {
            Item::Record(record) => self.add_record(record),
            Item::Rejected(rejected) => self.add_rejected(rejected),
        }
    }

    fn add_record(&mut self, record: &Record) {
        let survey = &mut self.survey;
        survey.records += 1;
        survey.in_future += u64::from(self.latest.is_some_and(|latest| record.start > latest));
        match record.granularity {
            Granularity::Hour => survey.hourly += 1,
            Granularity::Day => survey.daily += 1,
        }
        let end = record.start.plus(record.granularity.hours());
        survey.from = Some(survey.from.map_or(record.start, |from| from.min(record.start)));
        survey.to = Some(survey.to.map_or(end, |to| to.max(end)));
        let has_room = |known: bool, groups: usize| known || groups < GROUPS_MAX;
        let (subscription, meter) = (record.local_subscription, record.local_meter);
        let subscriptions = &mut self.subscriptions;
        let meters = &mut self.meters;
        if !has_room(subscriptions.contains_key(&subscription), subscriptions.len())
            || !has_room(meters.contains_key(&meter), meters.len())
        {
            survey.records_of_others += 1;
            return;
        }
        *subscriptions.entry(subscription).or_default() += 1;
        let (name, records, sum) = meters.entry(meter).or_default();
        if name.is_none() && !record.meter_name.is_empty() {
            *name = Some(record.meter_name.clone());
        }
        *records += 1;
        sum.add(&record.quantity.into());
    }

    fn add_rejected(&mut self, Rejected { row, why }: &Rejected) {
        self.survey.rejected += 1;
        let reason = self.rejected.entry(why.code).or_insert_with(|| RejectedFor {
            code: why.code,
            lines: 0,
            first_line: row.line,
            first_reason: why.reason.clone(),
        });
        reason.lines += 1;
    }

    /// What came of it.
    pub(crate) fn done(self) -> Survey {
        let subscriptions = self.subscriptions.into_iter();
        let meters = self.meters.into_iter();
        let mut rejected: Vec<RejectedFor> = self.rejected.into_values().collect();
        rejected.sort_by_key(|it| std::cmp::Reverse(it.lines));
        Survey {
            subscriptions: subscriptions
                .map(|(id, records)| OfSubscription {
                    local_subscription_id: id.to_string(),
                    records,
                })
                .collect(),
            meters: meters
                .map(|(id, (name, records, sum))| OfMeter {
                    local_meter_id: id.to_string(),
                    name,
                    records,
                    quantity: sum.to_string(),
                })
                .collect(),
            rejected_by_reason: rejected,
            ..self.survey
        }
    }
}

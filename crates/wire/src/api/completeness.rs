//! What is missing of the stacks' usage.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is here of a stack's usage of a month, and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackCompleteness {
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration, if it ever had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The calendar month, UTC.
    pub period: String,
    /// How far the stack says that it has reported everything, by reported time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_through: Option<String>,
    /// The hour since which nothing was heard of the stack. None if it does not have to report now, and for months that
    /// ended long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_since: Option<String>,
    /// How many hours ago that is.
    pub behind_hours: i32,
    /// By when its next bundle is expected, of a stack that delivers by bundle. It has not fallen behind before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_bundle_by: Option<String>,
    /// Whether every hour is declared and none is missing.
    pub complete: bool,
    /// How many hours are in each state.
    pub hour_counts: HourCounts,
    /// The records that count, by the hours that they cover: a record of a day counts in each of its hours.
    pub received: u64,
    /// How many are usual in the hours that are due.
    pub expected: u64,
    /// What is worth telling, by kind and hour.
    pub findings: Vec<CompletenessFinding>,
    /// How many series used to report and say nothing any more.
    pub silent_series_count: u64,
}

/// How many hours of a month are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HourCounts {
    /// Declared by the stack, and nothing that is usual is missing altogether.
    pub complete: u64,
    /// With records, and not declared.
    pub received: u64,
    /// Never read completely, though later hours were.
    #[serde(default)]
    pub not_read: u64,
    /// Due and without any record, where comparable hours had some.
    pub gap: u64,
    /// Without any record, and none has to be there yet.
    pub not_yet_due: u64,
    /// Registered without having to report usage.
    pub not_asked: u64,
    /// Without a registration.
    pub not_registered: u64,
}

/// Something about a stack that is worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletenessFinding {
    /// What it is recognised by: found again, it has the same.
    pub id: String,
    /// A stable code: `FellBehind`, `NotDeclared`, `NotRead`, `Gap`, `Drop`, `Jump`, `Silent`, `Reappeared` or
    /// `NotRegistered`.
    pub code: String,
    /// Whether it says that usage is missing, until somebody brings it.
    pub missing_usage: bool,
    /// The first hour that it is about.
    pub since: String,
    /// The first hour after.
    pub until: String,
    /// What is usual: records, or series for `Silent`.
    pub expected: u64,
    /// What is here, likewise.
    pub received: u64,
    /// What was found, for people.
    pub message: String,
    /// What somebody may do about it.
    pub advice: String,
}

/// What is here of a stack's usage of a month, hour by hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackCompletenessByHour {
    /// What it comes to.
    #[serde(flatten)]
    pub summary: StackCompleteness,
    /// Every hour of the month.
    pub hours: Vec<HourCompleteness>,
    /// Series that used to report and say nothing any more, those that fell silent last first: some of them, as far as the
    /// caller reads what they say.
    pub silent_series: Vec<SilentSeries>,
}

/// How it is with an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum HourState {
    /// Declared by the stack, and nothing that is usual is missing altogether.
    Complete,
    /// With records, and not declared.
    Received,
    /// Never read completely, though later hours were.
    NotRead,
    /// Due and without any record, where comparable hours had some.
    Gap,
    /// Without any record, and none has to be there yet.
    NotYetDue,
    /// Registered without having to report usage.
    NotAsked,
    /// Without a registration.
    NotRegistered,
}

/// One hour of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HourCompleteness {
    /// The hour.
    pub hour: String,
    /// How it is with it.
    pub state: HourState,
    /// The records that count and cover it.
    pub received: u64,
    /// How many are usual; nothing where too little is known for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
}

/// A series that used to report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SilentSeries {
    /// The local subscription.
    pub local_subscription_id: String,
    /// What was measured.
    pub local_meter_id: String,
    /// Its name, if the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_meter_name: Option<String>,
    /// The resource.
    pub resource_uri: String,
    /// The last hour that it reported.
    pub last: String,
    /// How many hours it reported,
    pub hours_reported: u32,
    /// of how many, over the two weeks before.
    pub of_hours: u32,
    /// How many hours it has been silent while the stack went on.
    pub silent_hours: i32,
}

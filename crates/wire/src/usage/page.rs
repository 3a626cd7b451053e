//! What a delivery looks like, for the document of our API. The readers go through none of this: they take the text.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// A page of usage, as a stack's `Microsoft.Commerce.Admin/subscriberUsageAggregates` returns it. Members that are not
/// listed here are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsagePage {
    /// The records: 50,000 at the most.
    pub value: Vec<UsageAggregate>,
}

/// A usage record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageAggregate {
    /// What was used.
    pub properties: UsageProperties,
}

/// What was used: a quantity of a meter, by a resource, in an hour or a day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageProperties {
    /// The local subscription: a GUID.
    pub subscription_id: String,
    /// When the usage began: a whole hour, not in the future.
    pub usage_start_time: String,
    /// When it ended: one hour later or, from midnight to midnight, one day.
    pub usage_end_time: String,
    /// Which resource it was: JSON in a string, `{"Microsoft.Resources": {"resourceUri", "location", "tags",
    /// "additionalInfo"}}`.
    pub instance_data: String,
    /// How much: zero or more, at most 28 significant digits, read exactly as it is written.
    #[schema(schema_with = number)]
    pub quantity: serde_json::Number,
    /// The local meter: a GUID, with or without dashes.
    pub meter_id: String,
}

/// A number of any length.
fn number() -> Object {
    ObjectBuilder::new().schema_type(Type::Number).build()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, parse_delivery};
    use super::*;

    #[test]
    fn what_is_documented_is_what_is_read() {
        let record = UsageAggregate {
            properties: UsageProperties {
                subscription_id: "5144634d-7e4d-443b-a304-d27e44220fc6".to_owned(),
                usage_start_time: "2026-10-01T13:00:00Z".to_owned(),
                usage_end_time: "2026-10-01T14:00:00Z".to_owned(),
                instance_data: r#"{"Microsoft.Resources":{"resourceUri":"/subscriptions/s/vm1"}}"#.to_owned(),
                quantity: 3.into(),
                meter_id: "F271A8A388C44D93956A063E1D2FA80B".to_owned(),
            },
        };
        let page = serde_json::to_vec(&UsagePage { value: vec![record] }).unwrap();
        let read = parse_delivery(&page, Format::Json).unwrap();
        assert_eq!(read.quarantined, []);
        assert_eq!(read.records[0].record.resource_uri, "/subscriptions/s/vm1");
    }
}

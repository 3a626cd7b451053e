//! Stacks and readers for the tests.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::{InvalidQuantity, Quantity};
use domain::resource_id::folded;
use domain::time::{Hour, HourInterval};
use domain::usage::QuarantineCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use simulator::{Faults, Stack, StackSpec, TenantSpec};

/// A stack with a home directory and a guest, and enough of everything.
pub(crate) fn spec(faults: Faults) -> StackSpec {
    StackSpec {
        seed: 7,
        cloud_id: "0c9e0b47-36a7-4c4e-9d6b-2f8a5f6f8a11".parse().unwrap(),
        region: "north".to_owned(),
        month: "2026-10".parse().unwrap(),
        tenants: vec![
            TenantSpec {
                id: "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e01".parse().unwrap(),
                domain: "contoso.onmicrosoft.com".to_owned(),
                local_subscriptions: 2,
            },
            TenantSpec {
                id: "3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e02".parse().unwrap(),
                domain: "fabrikam.onmicrosoft.com".to_owned(),
                local_subscriptions: 1,
            },
        ],
        records_min: 12_000,
        hours_apart: NonZeroU16::MIN,
        faults,
    }
}

/// Faults that are frequent enough for every combination of them to happen.
pub(crate) fn many_faults() -> Faults {
    Faults {
        late_per_mille: 150,
        revised_per_mille: 100,
        lowered_per_mille: 50,
        duplicated_per_mille: 120,
        malformed_per_mille: 10,
        respelled_per_mille: 200,
    }
}

pub(crate) fn stack(faults: Faults) -> Stack {
    Stack::new(spec(faults)).unwrap()
}

/// The single hours in which anything is reported.
pub(crate) fn windows(stack: &Stack) -> impl Iterator<Item = HourInterval> {
    let reported = stack.reported_interval();
    (0..reported.hours()).map(move |hours| {
        let start = reported.start().plus(hours);
        HourInterval::new(start, start.plus(1)).unwrap()
    })
}

/// An answer of the usage API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    pub(crate) value: Vec<Item>,
    pub(crate) next_link: Option<String>,
}

/// A record as it is written, its quantity as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) r#type: String,
    pub(crate) properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Properties {
    pub(crate) subscription_id: String,
    pub(crate) usage_start_time: String,
    pub(crate) usage_end_time: String,
    pub(crate) instance_data: String,
    pub(crate) quantity: Box<RawValue>,
    pub(crate) meter_id: String,
    pub(crate) name: String,
}

/// What is inside the text `instanceData`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstanceData {
    #[serde(rename = "Microsoft.Resources")]
    pub(crate) resource: Resource,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resource {
    pub(crate) resource_uri: String,
    pub(crate) location: String,
    pub(crate) tags: String,
    pub(crate) additional_info: String,
}

pub(crate) fn body(text: &str) -> Body {
    serde_json::from_str(text).unwrap()
}

/// What identifies a record.
pub(crate) type Key = (LocalSubscriptionId, LocalMeterId, String, Hour);

impl Item {
    /// Reads the record as simply as can be, or says what is wrong with it.
    pub(crate) fn read(&self) -> Result<(Key, Quantity), QuarantineCode> {
        let properties = &self.properties;
        let subscription = properties
            .subscription_id
            .parse()
            .map_err(|_| QuarantineCode::InvalidSubscriptionId)?;
        let meter = properties
            .meter_id
            .parse()
            .map_err(|_| QuarantineCode::InvalidMeterId)?;
        let hour = |text: &str| text.parse::<Hour>().map_err(|_| QuarantineCode::InvalidUsageTime);
        let (start, end) = (
            hour(&properties.usage_start_time)?,
            hour(&properties.usage_end_time)?,
        );
        assert!(start < end);
        let instance = self.instance_data().ok_or(QuarantineCode::InvalidInstanceData)?;
        let quantity = properties.quantity.get().parse().map_err(|error| match error {
            InvalidQuantity::TooManyDigits => QuarantineCode::QuantityNotExact,
            _ => QuarantineCode::InvalidQuantity,
        })?;
        Ok((
            (
                subscription,
                meter,
                folded(&instance.resource_uri).into_owned(),
                start,
            ),
            quantity,
        ))
    }

    pub(crate) fn instance_data(&self) -> Option<Resource> {
        serde_json::from_str(&self.properties.instance_data)
            .ok()
            .map(|data: InstanceData| data.resource)
    }
}

/// The true quantities by key.
pub(crate) fn true_quantities(stack: &Stack) -> BTreeMap<Key, Quantity> {
    let mut quantities = BTreeMap::new();
    for record in stack.truth(HourInterval::ALWAYS) {
        let uri = folded(record.resource_uri).into_owned();
        let key = (record.local_subscription, record.local_meter, uri, record.hour);
        assert_eq!(
            quantities.insert(key, record.quantity),
            None,
            "a key of the truth occurs twice"
        );
    }
    quantities
}

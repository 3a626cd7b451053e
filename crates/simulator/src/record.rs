//! One usage aggregate as JSON text, written at speed.
//!
//! All records of a series and phase share their text but for the times and the quantity. So the text is made once,
//! cut at those places, and a record is its pieces copied one after the other.

use serde::Serialize;

use crate::series::Attributes;

/// The text of a record before, between and after what changes from hour to hour.
#[derive(Debug)]
pub(crate) struct Template {
    before_start: Box<str>,
    before_quantity: Box<str>,
    after_quantity: Box<str>,
}

/// What a template is made from: the texts that name the series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The subscription of the stack's operator, under which the records are listed.
    pub(crate) provider: &'a str,
    pub(crate) subscription: &'a str,
    pub(crate) meter: &'a str,
}

impl Template {
    /// The text of records with this instance data.
    pub(crate) fn new(names: Names<'_>, instance_data: &str) -> Self {
        let Names {
            provider,
            subscription,
            meter,
        } = names;
        let name = format!("{subscription}-{meter}");
        let before_start = format!(
            r#"{{"id":"/subscriptions/{provider}/providers/Microsoft.Commerce/UsageAggregate/{name}","name":"{name}","type":"Microsoft.Commerce/UsageAggregate","properties":{{"subscriptionId":"{subscription}","usageStartTime":""#
        );
        let before_quantity = format!(r#"","instanceData":{},"quantity":"#, quoted(instance_data));
        let after_quantity = format!(r#","meterId":"{meter}","name":"{name}"}}}}"#);
        Self {
            before_start: before_start.into(),
            before_quantity: before_quantity.into(),
            after_quantity: after_quantity.into(),
        }
    }

    /// Writes a record of the interval `[start, end)`, its quantity written by `quantity`.
    pub(crate) fn write(&self, out: &mut String, start: &str, end: &str, quantity: impl FnOnce(&mut String)) {
        out.push_str(&self.before_start);
        out.push_str(start);
        out.push_str(r#"","usageEndTime":""#);
        out.push_str(end);
        out.push_str(&self.before_quantity);
        quantity(out);
        out.push_str(&self.after_quantity);
    }
}

/// What a record says of its resource: a text of JSON, inside which the additional info is another one.
pub(crate) fn instance_data(attributes: &Attributes) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Resource<'a> {
        resource_uri: &'a str,
        location: &'a str,
        tags: &'a str,
        additional_info: &'a str,
    }
    #[derive(Serialize)]
    struct InstanceData<'a> {
        #[serde(rename = "Microsoft.Resources")]
        resource: Resource<'a>,
    }
    json(&InstanceData {
        resource: Resource {
            resource_uri: &attributes.uri,
            location: &attributes.location,
            tags: &attributes.tags,
            additional_info: &attributes.additional_info,
        },
    })
}

/// A value as JSON. Only texts, numbers and structures of them are ever passed, and those always can be written.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    json(&text)
}

//! What can be told of a record whatever is wrong with it: by which it is told from its neighbours.

/// What a record seems to be about. Nothing is decided by it: a record that cannot be read, or of which only the beginning
/// is there, is searched for the names of members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse<'a> {
    /// `usageStartTime`, as sent.
    pub start: Option<&'a str>,
    /// `meterId`, as sent.
    pub meter: Option<&'a str>,
    /// The last part of `resourceUri`: the name of the resource.
    pub resource: Option<&'a str>,
}

impl<'a> Glimpse<'a> {
    /// What the text of a record seems to be about.
    #[must_use]
    pub fn of(raw: &'a str) -> Self {
        let uri = value(raw, "resourceUri");
        Self {
            start: value(raw, "usageStartTime"),
            meter: value(raw, "meterId"),
            resource: uri.and_then(|uri| uri.rsplit('/').find(|part| !part.is_empty())),
        }
    }
}

/// What comes after the name of a member, however often its quotes are escaped.
fn value<'a>(raw: &'a str, name: &str) -> Option<&'a str> {
    let is_quoted = |at: usize| raw[..at].ends_with('"') && raw[at + name.len()..].starts_with(['"', '\\']);
    let (at, _) = raw.match_indices(name).find(|(at, _)| is_quoted(*at))?;
    let after = raw[at + name.len()..]
        .trim_start_matches(['\\', '"'])
        .trim_start();
    let written = after.strip_prefix(':')?.trim_start();
    let text = written.trim_start_matches('\\').strip_prefix('"');
    let value = match text {
        Some(text) => text.split(['"', '\\']).next(),
        None => written.split([',', '}', '\n']).next().map(str::trim_end),
    };
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_one_reason_are_told_apart_even_if_they_cannot_be_read() {
        let raw = r#"{"name":"a","properties":{"subscriptionId":"x","usageStartTime" : "2026-11-01T05:00:00+00:00","meterId":
            "fab6eb84","quantity":1,5,"instanceData":"{\"Microsoft.Resources\":{\"resourceUri\":\"/subscriptions/s/vm-17\"}}"}}"#;
        let seen = Glimpse {
            start: Some("2026-11-01T05:00:00+00:00"),
            meter: Some("fab6eb84"),
            resource: Some("vm-17"),
        };
        assert_eq!(Glimpse::of(raw), seen);
        assert_eq!(
            Glimpse::of(&raw[..100]).start,
            seen.start,
            "only the beginning is there"
        );
        assert_eq!(Glimpse::of(r#"{"meterId":7}"#).meter, Some("7"));
        for nothing in [
            "",
            "meterId",
            r#""meterId""#,
            r#"{"meterId":""}"#,
            r#"{"meterId":"#,
        ] {
            assert_eq!(Glimpse::of(nothing), Glimpse::default(), "{nothing}");
        }
    }
}

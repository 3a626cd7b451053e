//! `subscriberUsageAggregates`: what all subscribers used, by windows of reported time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::LocalSubscriptionId;
use domain::time::{Hour, HourInterval};
use domain::usage::Granularity;

use super::query::Query;
use super::refusal::Refusal;
use super::{AdminApi, USAGE_VERSION};
use crate::pages::open_page;
use crate::reports::{HourlyReports, Position, Report, daily_reports};

/// What is asked for.
struct Wanted {
    window: HourInterval,
    granularity: Granularity,
    subscriber: Option<LocalSubscriptionId>,
    from: Position,
}

/// The body of the answer.
pub(super) fn answer(api: &AdminApi, path: &str, query: &Query) -> Result<String, Refusal> {
    let wanted = Wanted::read(query)?;
    let now = (api.now)();
    if wanted.window.end().start() > now {
        return Err(Refusal::end_in_future(wanted.window.end()));
    }
    let subscription = wanted.subscriber.map(|wanted| find(api, wanted)).transpose()?;
    let (stack, end) = (&*api.stack, wanted.window.end());
    let mut reports: Box<dyn Iterator<Item = Report>> = match wanted.granularity {
        Granularity::Hour => Box::new(HourlyReports::new(stack, subscription, wanted.from, end)),
        Granularity::Day => Box::new(daily_reports(stack, subscription, wanted.from, end)),
    };
    let mut body = open_page(stack, &mut reports, api.page_size.max(1)).body;
    if let Some(next) = reports.next() {
        let link = wanted.next_link(&api.base_url, path, next.at);
        body.push_str(&format!(r#","nextLink":"{link}""#));
    }
    body.push('}');
    Ok(body)
}

fn find(api: &AdminApi, subscriber: LocalSubscriptionId) -> Result<usize, Refusal> {
    let position = api
        .stack
        .local_subscriptions()
        .iter()
        .position(|subscription| subscription.id == subscriber);
    position.ok_or_else(|| Refusal::not_a_subscriber(&subscriber.to_string()))
}

impl Wanted {
    fn read(query: &Query) -> Result<Self, Refusal> {
        let (start, end) = (query.hour("reportedStartTime")?, query.hour("reportedEndTime")?);
        let window = HourInterval::new(start, end)
            .ok_or_else(|| Refusal::property("reportedEndTime", "expected a time after reportedStartTime"))?;
        let granularity = match query.get("aggregationGranularity") {
            Some(given) if given.eq_ignore_ascii_case("Hourly") => Granularity::Hour,
            // The documented default.
            None => Granularity::Day,
            Some(given) if given.eq_ignore_ascii_case("Daily") => Granularity::Day,
            Some(given) => return Err(Refusal::granularity(given)),
        };
        if granularity == Granularity::Day {
            check_midnight("reportedStartTime", start)?;
            check_midnight("reportedEndTime", end)?;
        }
        let subscriber = query
            .get("subscriberId")
            .map(|given| given.parse().map_err(|_| Refusal::not_a_subscriber(given)))
            .transpose()?;
        let from = match query.get("continuationToken") {
            Some(token) => decode(token)
                .filter(|from| window.contains(from.reported))
                .ok_or_else(|| {
                    Refusal::property("continuationToken", "expected one from a link of this query")
                })?,
            None => Position::start_of(start),
        };
        Ok(Self {
            window,
            granularity,
            subscriber,
            from,
        })
    }

    /// The whole address of the next page. Nothing in it needs to be escaped: the path is as it came.
    fn next_link(&self, base_url: &str, path: &str, next: Position) -> String {
        let granularity = match self.granularity {
            Granularity::Hour => "Hourly",
            Granularity::Day => "Daily",
        };
        let (start, end, token) = (self.window.start(), self.window.end(), encode(next));
        let subscriber = self
            .subscriber
            .map(|id| format!("&subscriberId={id}"))
            .unwrap_or_default();
        format!(
            "{base_url}{path}?api-version={USAGE_VERSION}&reportedStartTime={start}&reportedEndTime={end}\
             &aggregationGranularity={granularity}{subscriber}&continuationToken={token}"
        )
    }
}

fn check_midnight(key: &str, hour: Hour) -> Result<(), Refusal> {
    if hour.day().first_hour() == hour {
        return Ok(());
    }
    Err(Refusal::property(
        key,
        "expected midnight UTC, because the aggregation granularity is daily",
    ))
}

/// A position as a token that says nothing to clients.
fn encode(
    Position {
        reported,
        usage,
        series,
        part,
    }: Position,
) -> String {
    let text = format!(
        "{}/{}/{series}/{part}",
        reported.epoch_hours(),
        usage.epoch_hours()
    );
    URL_SAFE_NO_PAD.encode(text)
}

fn decode(token: &str) -> Option<Position> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = text.split('/');
    let mut hour = || Hour::from_epoch_hours(parts.next()?.parse().ok()?);
    let (reported, usage) = (hour()?, hour()?);
    let (series, part) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(Position {
        reported,
        usage,
        series,
        part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_position() {
        let hour = |hours| Hour::from_epoch_hours(hours).unwrap();
        let position = Position {
            reported: hour(500_000),
            usage: hour(499_990),
            series: 12,
            part: 255,
        };
        assert_eq!(decode(&encode(position)), Some(position));
        for token in [
            "",
            "x",
            "%",
            &URL_SAFE_NO_PAD.encode("1/2/3"),
            &URL_SAFE_NO_PAD.encode("1/2/3/4/5"),
        ] {
            assert_eq!(decode(token), None, "{token}");
        }
    }
}

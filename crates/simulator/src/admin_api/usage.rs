//! `subscriberUsageAggregates`: what all subscribers used, by windows of reported time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::LocalSubscriptionId;
use domain::time::{Hour, HourInterval};
use domain::usage::Granularity;

use super::query::Query;
use super::refusal::Refusal;
use super::{AdminApi, USAGE_VERSION};
use crate::pages::open_page;
use crate::reports::{HourlyReports, Position, Report, daily_reports};

const CONTINUATION: &str = "continuationToken";

/// What is asked for.
struct Wanted {
    window: HourInterval,
    granularity: Granularity,
    subscriber: Option<LocalSubscriptionId>,
    from: Position,
}

/// A page of the answer, not yet closed.
#[derive(Debug)]
pub(super) struct UsagePage {
    /// `{"value":[…]`.
    pub(super) open: String,
    /// Where the next page is.
    pub(super) next_link: Option<String>,
}

impl UsagePage {
    /// The body of the answer.
    pub(super) fn close(self) -> String {
        let mut body = self.open;
        if let Some(link) = self.next_link {
            body.push_str(&format!(r#","nextLink":"{link}""#));
        }
        body.push('}');
        body
    }
}

/// Whether a query asks for a page that has others before it.
pub(super) fn is_later_page(query: &Query) -> bool {
    query.get(CONTINUATION).is_some()
}

/// What is asked for, or the first page of it.
pub(super) fn answer(
    api: &AdminApi,
    path: &str,
    query: &Query,
    first_page: bool,
) -> Result<UsagePage, Refusal> {
    let mut wanted = Wanted::read(query)?;
    if first_page {
        wanted.from = Position::start_of(wanted.window.start());
    }
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
    let open = open_page(stack, &mut reports, api.page_size.max(1)).body;
    let next = reports.next();
    Ok(UsagePage {
        open,
        next_link: next.map(|next| wanted.next_link(&api.base_url, path, next.at)),
    })
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
        let from = match query.get(CONTINUATION) {
            Some(token) => decode(token)
                .filter(|from| window.contains(from.reported))
                .ok_or_else(Refusal::continuation)?,
            None => Position::start_of(start),
        };
        Ok(Self {
            window,
            granularity,
            subscriber,
            from,
        })
    }

    /// The whole address of the next page. The path is as it came, and only the token needs to be escaped.
    fn next_link(&self, base_url: &str, path: &str, next: Position) -> String {
        let granularity = match self.granularity {
            Granularity::Hour => "Hourly",
            Granularity::Day => "Daily",
        };
        let (start, end) = (self.window.start(), self.window.end());
        let token = escaped(&encode(next));
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

/// Base64 as it stands in a query.
fn escaped(token: &str) -> String {
    token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// A position as a token that says nothing to clients, and that has something to escape in it, as those of real stacks.
fn encode(
    Position {
        reported,
        usage,
        series,
        part,
    }: Position,
) -> String {
    let mut text = format!(
        "{}/{}/{series}/{part}",
        reported.epoch_hours(),
        usage.epoch_hours()
    );
    while text.len() % 3 != 1 {
        text.push(' ');
    }
    STANDARD.encode(text)
}

fn decode(token: &str) -> Option<Position> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let mut parts = text.trim_end().split('/');
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
        assert!(escaped(&encode(position)).ends_with("%3D%3D"));
        for token in [
            "",
            "x",
            "%",
            &STANDARD.encode("1/2/3"),
            &STANDARD.encode("1/2/3/4/5"),
        ] {
            assert_eq!(decode(token), None, "{token}");
        }
    }
}

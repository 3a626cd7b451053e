//! What was understood of a summary, for somebody to look at before it counts.

use std::fmt::Write as _;

use serde::Serialize;

use crate::commands::minute;
use crate::figures::{aligned, count, counted, grouped};
use crate::table::{Table, left, right};
use crate::usage_summary::{DateOrder, Dates, DecimalMark, Proof, Survey, Understanding, Zones};

/// How many local subscriptions, meters and reasons are shown each; with JSON as output, all of them.
const SHOWN_MAX: usize = 20;

/// What importing a file would mean.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outlook<'a> {
    /// The stack, if it was named: a summary does not say which one it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stack: Option<&'a str>,
    pub(super) understood: &'a Understanding,
    pub(super) reported: Reported<'a>,
    pub(super) usage: &'a Survey,
}

/// At what time the records count as reported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "known")]
pub(super) enum Reported<'a> {
    /// That was said.
    Given { start: &'a str },
    /// It is the hour in which they are received.
    WhenReceived,
}

impl<'a> Reported<'a> {
    pub(super) fn at(start: Option<&'a str>) -> Self {
        start.map_or(Self::WhenReceived, |start| Self::Given { start })
    }

    fn in_words(&self) -> String {
        match self {
            Self::Given { start } => format!(
                "{start}, as said. Of different quantities of the same usage, the one reported last counts, and of those \
                 reported at the same time the largest"
            ),
            Self::WhenReceived => "the hour in which it is received: a summary does not say it. So its quantities win \
                                   over others that arrived before, and over those that arrive in the same hour only \
                                   where they are larger. Name the window with --reported-start"
                .to_owned(),
        }
    }
}

impl Outlook<'_> {
    pub(super) fn in_words(&self, file: &str) -> String {
        let Survey {
            records,
            hourly,
            daily,
            ..
        } = *self.usage;
        let mut text = String::new();
        let granularity = match (hourly, daily) {
            (0, _) => "daily".to_owned(),
            (_, 0) => "hourly".to_owned(),
            _ => format!(
                "{} hourly and {} daily: of a series that has both on one day, the server keeps what comes second in \
                 quarantine",
                count(hourly),
                count(daily)
            ),
        };
        let hour = |hour: Option<domain::time::Hour>| {
            hour.map_or_else(|| "-".to_owned(), |hour| minute(&hour.to_string()))
        };
        let span = format!("{} to {} UTC", hour(self.usage.from), hour(self.usage.to));
        let stack = self
            .stack
            .unwrap_or("not named: a summary does not say which stack it is of");
        for (name, said) in [
            ("File", file),
            ("Stack", stack),
            ("Encoding", &self.understood.encoding.to_string()),
            ("Separator", separator(self.understood.separator)),
            ("Dates", &dates(&self.understood.dates)),
            ("Time zone", &zones(&self.understood.time_zone)),
            ("Quantities", mark(self.understood.decimal_mark)),
            ("Granularity", &granularity),
            ("Usage", &span),
            ("Reported", &self.reported.in_words()),
            ("Records", &count(records)),
            ("Rejected", &counted(self.usage.rejected, "line")),
        ] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<13} {said}");
        }
        for table in [self.rejected(), self.subscriptions(), self.meters()]
            .into_iter()
            .flatten()
        {
            let _ = write!(text, "\n{table}");
        }
        text
    }

    /// What is taken for granted though nothing in the file proves it: to be said to those, too, who want to be told little.
    pub(super) fn assumed(&self, file: &str) -> Option<String> {
        matches!(self.understood.time_zone, Zones::Assumed).then(|| {
            format!(
                "{file}: its times are taken for UTC, which no line proves. If they are local, all of it counts in other \
                 hours: say in which zone they are with --time-zone."
            )
        })
    }

    fn rejected(&self) -> Option<String> {
        let reasons = &self.usage.rejected_by_reason;
        let mut table = Table::new(&[
            left("REJECTED FOR"),
            right("LINES"),
            right("FIRST"),
            left("REASON OF THE FIRST").wraps(),
        ]);
        for reason in reasons.iter().take(SHOWN_MAX) {
            table.row([
                reason.code.to_owned(),
                count(reason.lines),
                reason.first_line.to_string(),
                reason.first_reason.clone(),
            ]);
        }
        (!reasons.is_empty()).then(|| table.to_string())
    }

    fn subscriptions(&self) -> Option<String> {
        let all = &self.usage.subscriptions;
        let mut table = Table::new(&[left("LOCAL SUBSCRIPTION"), right("RECORDS")]);
        for of in all.iter().take(SHOWN_MAX) {
            table.row([of.local_subscription_id.clone(), count(of.records)]);
        }
        (!all.is_empty()).then(|| format!("{table}{}", more(all.len())))
    }

    fn meters(&self) -> Option<String> {
        let all = &self.usage.meters;
        let shown: Vec<_> = all.iter().take(SHOWN_MAX).collect();
        let quantities: Vec<String> = shown.iter().map(|of| grouped(&of.quantity)).collect();
        let mut table = Table::new(&[left("METER"), left("NAME"), right("RECORDS"), right("QUANTITY")]);
        for (of, quantity) in shown.iter().zip(aligned(quantities.iter().map(String::as_str))) {
            let name = of.name.clone().unwrap_or_else(|| "-".to_owned());
            table.row([of.local_meter_id.clone(), name, count(of.records), quantity]);
        }
        (!all.is_empty()).then(|| format!("{table}{}", more(all.len())))
    }
}

fn more(groups: usize) -> String {
    match groups.saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        more => format!("… and {more} more: --output json has them.\n"),
    }
}

const fn separator(separator: char) -> &'static str {
    match separator {
        ';' => "semicolon",
        '\t' => "tab",
        '|' => "vertical bar",
        _ => "comma",
    }
}

fn dates(dates: &Dates) -> String {
    match dates {
        Dates::Clear => "each can be read in one way only".to_owned(),
        Dates::Given { order } => format!("{}, as said", order_in_words(*order)),
        Dates::Proven { order, by } => format!(
            "{}: line {} is an hour or a day only so, {}",
            order_in_words(*order),
            by.line,
            by.text
        ),
    }
}

fn zones(zones: &Zones) -> String {
    match zones {
        Zones::Named => "each time names its own".to_owned(),
        Zones::Proven { by } => format!(
            "UTC: line {} is a day from midnight to midnight, as days of UTC are, {}",
            by.line, by.text
        ),
        Zones::Given { zone, proof } => format!(
            "{zone}, as said; {}. Times that name another are converted",
            held_against(proof)
        ),
        Zones::Assumed => {
            "UTC, assumed: no line proves it. Windows PowerShell writes the API's UTC, PowerShell 7 local \
                           times: if these are local, say in which zone with --time-zone"
                .to_owned()
        }
    }
}

/// What the file itself says of the zone that was said.
fn held_against(proof: &Proof) -> String {
    match proof {
        Proof::Proven { by } => format!("line {} is an hour or a day of UTC so, {}", by.line, by.text),
        Proof::SameAsUtc => {
            "the file's own times neither prove nor refute it, and need not: in these days clocks show UTC \
                             there, so they are the same hours either way"
                .to_owned()
        }
        Proof::Nothing => {
            "the file's own times neither prove nor refute it, since no day or hour of it is one only so"
                .to_owned()
        }
    }
}

const fn order_in_words(order: DateOrder) -> &'static str {
    match order {
        DateOrder::DayFirst => "the day comes first",
        DateOrder::MonthFirst => "the month comes first",
    }
}

const fn mark(mark: DecimalMark) -> &'static str {
    match mark {
        DecimalMark::Point => "with a decimal point",
        DecimalMark::Comma => "with a decimal comma",
    }
}

//! The page of a month: a row for each day, a character for each hour.

use wire::api::{
    CompletenessFinding, HourCompleteness, HourState, StackCompleteness, StackCompletenessByHour,
};

use crate::commands::{minute, minute_or_dash};
use crate::figures::{count, counted};
use crate::printer::Style;
use crate::statement::stack_in_words;
use crate::table::{Table, left, right};

const HOURS_PER_DAY: usize = 24;
/// How long the bar of a day is that has what is usual.
const BAR: u64 = 10;
/// The longest bar: more than this many times as much as usual is not drawn longer.
const BAR_MAX: u64 = 2 * BAR;

pub(super) fn heading(it: &StackCompleteness, style: Style) -> String {
    let behind = match &it.behind_since {
        Some(since) => format!(
            "{} behind, since {}",
            counted(it.behind_hours.unsigned_abs().into(), "hour"),
            minute(since)
        ),
        None => String::new(),
    };
    let bundle = match &it.next_bundle_by {
        Some(by) => format!("Next bundle       expected by {}\n", minute(by)),
        None => String::new(),
    };
    let verdict = if it.complete {
        style.good("complete")
    } else {
        style.caution("not complete")
    };
    format!(
        "Stack             {}\nMonth             {}, {verdict}\nReported through  {}\n{}{bundle}Records           {}, {} usual in \
         the hours that are due\n\n",
        stack_in_words(&it.cloud_id, it.stack_name.as_deref()),
        it.period,
        minute_or_dash(it.reported_through.as_deref()),
        if behind.is_empty() {
            behind
        } else {
            format!("Heard of          {behind}\n")
        },
        count(it.received),
        count(it.expected),
    )
}

/// How an hour is drawn.
const fn sign(state: HourState) -> char {
    match state {
        HourState::Complete => '#',
        HourState::Received => '+',
        HourState::NotRead => '?',
        HourState::Gap => '!',
        HourState::NotYetDue => '.',
        HourState::NotAsked => '-',
        HourState::NotRegistered => ' ',
    }
}

fn marked(style: Style, state: HourState, text: &str) -> String {
    match state {
        HourState::Complete => style.good(text),
        HourState::Received => style.caution(text),
        HourState::NotRead | HourState::Gap => style.bad(text),
        HourState::NotYetDue | HourState::NotAsked => style.subdued(text),
        HourState::NotRegistered => text.to_owned(),
    }
}

/// Days as rows, hours as columns.
pub(super) fn calendar(it: &StackCompletenessByHour, style: Style) -> String {
    let mut text = format!(
        "{:12}{:24}  {:>12}  OF WHAT IS USUAL\n",
        "", "0     6     12    18    ", "RECORDS"
    );
    for day in it.hours.chunks(HOURS_PER_DAY) {
        text.push_str(&row(day, style));
    }
    text.push('\n');
    text.push_str(&legend(&it.summary, style));
    text
}

fn row(day: &[HourCompleteness], style: Style) -> String {
    let date = day
        .first()
        .and_then(|first| first.hour.get(..10))
        .unwrap_or_default();
    let alike = day.chunk_by(|one, other| one.state == other.state);
    let hours: String = alike
        .filter_map(|run| {
            let state = run.first()?.state;
            Some(marked(style, state, &sign(state).to_string().repeat(run.len())))
        })
        .collect();
    let received: u64 = day.iter().map(|it| it.received).sum();
    let line = format!("{date}  {hours}  {:>12}  {}", count(received), bar(day));
    format!("{}\n", line.trim_end())
}

/// What came of a day, against what is usual in its hours that came or should have come. Nothing where nothing is usual.
fn bar(day: &[HourCompleteness]) -> String {
    let told = day
        .iter()
        .filter(|it| it.state != HourState::NotYetDue && it.expected.is_some());
    let (mut received, mut expected) = (0, 0);
    for hour in told {
        received += hour.received;
        expected += hour.expected.unwrap_or_default();
    }
    if expected == 0 {
        return String::new();
    }
    // Rounded up, so that only nothing is drawn as nothing.
    let length = (received * BAR).div_ceil(expected).min(BAR_MAX);
    let bar: String = (0..length.max(BAR))
        .map(|place| if place < length { '=' } else { '.' })
        .collect();
    format!("{bar} {} %", received * 100 / expected)
}

fn legend(it: &StackCompleteness, style: Style) -> String {
    let hours = it.hour_counts;
    let mut table = Table::new(&[left(""), right("HOURS"), left("")]);
    for (state, number, meaning) in [
        (
            HourState::Complete,
            hours.complete,
            "complete: declared by the stack, nothing missing that is usual",
        ),
        (
            HourState::Received,
            hours.received,
            "received, and not declared by the stack",
        ),
        (
            HourState::NotRead,
            hours.not_read,
            "never read completely from the stack, though later hours were",
        ),
        (
            HourState::Gap,
            hours.gap,
            "a gap: nothing came, where there usually is something",
        ),
        (
            HourState::NotYetDue,
            hours.not_yet_due,
            "nothing came so far, and the stack has not said that it reported them",
        ),
        (
            HourState::NotAsked,
            hours.not_asked,
            "registered with usage reporting switched off",
        ),
        (HourState::NotRegistered, hours.not_registered, "not registered"),
    ] {
        if number > 0 {
            table.row([sign(state).to_string(), count(number), meaning.to_owned()]);
        }
    }
    style.subdued(&table.to_string())
}

pub(super) fn findings(findings: &[CompletenessFinding], style: Style) -> String {
    if findings.is_empty() {
        return "\nNothing was found that is worth telling.\n".to_owned();
    }
    let mut text = String::new();
    for alike in findings.chunk_by(|one, other| one.code == other.code) {
        let Some(first) = alike.first() else { continue };
        let code = if first.missing_usage {
            style.bad(&first.code)
        } else {
            style.caution(&first.code)
        };
        text.push_str(&format!("\n{code}\n"));
        // What can be done may name the hours of each.
        for told in alike.chunk_by(|one, other| one.advice == other.advice) {
            for finding in told {
                text.push_str(&format!("  {}\n", finding.message));
            }
            let advice = told.first().map_or("", |first| &first.advice);
            text.push_str(&format!("  {}\n", style.subdued(advice)));
        }
    }
    text
}

/// The series that used to report.
pub(super) fn silent(it: &StackCompletenessByHour, style: Style) -> String {
    if it.silent_series.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        left("SILENT SINCE"),
        right("FOR"),
        right("REPORTED"),
        left("METER"),
        left("RESOURCE"),
    ]);
    for series in &it.silent_series {
        table.row([
            minute(&series.last),
            format!("{} h", count(series.silent_hours.unsigned_abs().into())),
            format!("{} of {} h", series.hours_reported, series.of_hours),
            series
                .local_meter_name
                .clone()
                .unwrap_or_else(|| series.local_meter_id.clone()),
            series.resource_uri.clone(),
        ]);
    }
    let (all, shown) = (count(it.summary.silent_series_count), it.silent_series.len());
    let title = style.bold(&format!(
        "Series that used to report and say nothing any more: {all}, {shown} shown"
    ));
    format!("\n{title}\n{table}")
}

#[cfg(test)]
mod tests {
    use wire::api::HourCounts;

    use super::*;

    /// Hours from the beginning of November on, in these states: ten records in each that has some.
    fn month(states: &[(HourState, usize)]) -> StackCompletenessByHour {
        let states = states.iter().flat_map(|(state, count)| vec![*state; *count]);
        let hour = |(number, state): (usize, HourState)| HourCompleteness {
            hour: format!("2026-11-{:02}T{:02}:00:00Z", number / 24 + 1, number % 24),
            state,
            received: if matches!(state, HourState::Complete | HourState::Received) {
                10
            } else {
                0
            },
            expected: Some(10),
        };
        let hours: Vec<_> = states.enumerate().map(hour).collect();
        let count = |state| hours.iter().filter(|it| it.state == state).count() as u64;
        StackCompletenessByHour {
            summary: StackCompleteness {
                cloud_id: "5bf881b2-6be7-42a1-9f47-d6fcb6737747".to_owned(),
                stack_name: Some("north".to_owned()),
                period: "2026-11".to_owned(),
                reported_through: Some("2026-11-02T20:00:00Z".to_owned()),
                behind_since: Some("2026-11-02T22:00:00Z".to_owned()),
                behind_hours: 1,
                next_bundle_by: None,
                complete: false,
                hour_counts: HourCounts {
                    complete: count(HourState::Complete),
                    received: count(HourState::Received),
                    not_read: count(HourState::NotRead),
                    gap: count(HourState::Gap),
                    not_yet_due: count(HourState::NotYetDue),
                    ..HourCounts::default()
                },
                received: 400,
                expected: 460,
                findings: Vec::new(),
                silent_series_count: 0,
            },
            hours,
            silent_series: Vec::new(),
        }
    }

    #[test]
    fn a_month_is_a_row_for_each_day_with_a_sign_for_each_hour_and_a_bar() {
        let month = month(&[
            (HourState::Complete, 30),
            (HourState::Gap, 6),
            (HourState::Complete, 8),
            (HourState::Received, 2),
            (HourState::NotYetDue, 2),
        ]);
        let drawn = calendar(&month, Style::new(false));
        let rows: Vec<&str> = drawn.lines().take(4).collect();
        assert_eq!(
            rows,
            [
                "            0     6     12    18           RECORDS  OF WHAT IS USUAL",
                "2026-11-01  ########################           240  ========== 100 %",
                "2026-11-02  ######!!!!!!########++..           160  ========.. 72 %",
                "",
            ]
        );
        for said in ["#", "+", "!", "."] {
            let legend: Vec<&str> = drawn
                .lines()
                .skip(4)
                .filter(|line| line.starts_with(said))
                .collect();
            assert_eq!(legend.len(), 1, "{said}\n{drawn}");
        }
        assert!(
            !drawn.contains("not registered"),
            "nothing is explained that is not there: {drawn}"
        );
        assert!(drawn.lines().all(|line| line.chars().count() <= 100), "{drawn}");
        let heading = heading(&month.summary, Style::new(false));
        assert!(
            heading.contains("2026-11, not complete\n")
                && heading.contains("1 hour behind, since 2026-11-02 22:00\n")
        );
    }

    #[test]
    fn on_a_terminal_a_gap_is_seen_at_once() {
        let drawn = calendar(&month(&[(HourState::Gap, 24)]), Style::new(true));
        assert!(
            drawn.contains(&format!("\x1b[31m{}\x1b[0m", "!".repeat(24))),
            "{drawn}"
        );
        assert!(drawn.contains(".......... 0 %"), "{drawn}");
    }
}

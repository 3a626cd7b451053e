//! `stack completeness`: what is here of the stacks' usage, and what is not.

mod month;

use client::Client;
use wire::api::{StackCompleteness, StackCompletenessByHour};

use super::minute_or_dash;
use crate::args::CompletenessArgs;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Style};
use crate::settings::period;
use crate::statement::stack_in_words;
use crate::table::{Listing, left, right};

const STACKS: Listing<StackCompleteness> = Listing(&[
    (left("STACK"), |it| it.cloud_id.clone()),
    (left("NAME").rank(1), |it| {
        super::or_dash(it.stack_name.as_deref())
    }),
    (left("REPORTED THROUGH"), |it| {
        minute_or_dash(it.reported_through.as_deref())
    }),
    (right("BEHIND"), |it| match it.behind_since {
        Some(_) => format!("{} h", it.behind_hours),
        None => "-".to_owned(),
    }),
    (right("COMPLETE"), |it| of_due(it)),
    (right("GAPS"), |it| count(it.hour_counts.gap)),
    (right("NOT READ").rank(1), |it| count(it.hour_counts.not_read)),
    (right("RECORDS").rank(2), |it| count(it.received)),
    (left("FINDINGS"), |it| codes(it)),
]);

/// Complete hours of those in which the stack has to report.
fn of_due(it: &StackCompleteness) -> String {
    let hours = it.hour_counts;
    let all = hours.complete + hours.received + hours.not_read + hours.gap + hours.not_yet_due;
    format!("{}/{all}", hours.complete)
}

/// Each code that was found, and how often if more than once.
fn codes(it: &StackCompleteness) -> String {
    let codes: Vec<String> = it
        .findings
        .chunk_by(|one, other| one.code == other.code)
        .filter_map(|alike| {
            let code = &alike.first()?.code;
            Some(if alike.len() > 1 {
                format!("{} {code}", alike.len())
            } else {
                code.clone()
            })
        })
        .collect();
    if codes.is_empty() {
        "-".to_owned()
    } else {
        codes.join(", ")
    }
}

pub(super) async fn completeness(
    client: &Client,
    args: &CompletenessArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let period = period(&args.period, &SystemClock);
    let missing = match &args.cloud_id {
        Some(cloud_id) => {
            let month = client.completeness_by_hour(cloud_id, Some(&period)).await;
            let month = month.map_err(|error| super::stacks::no_receipts(error, cloud_id))?;
            printer.show(&month, || of_one(&month, printer.style()))?;
            missing(std::slice::from_ref(&month.summary), &period)
        }
        None => {
            let stacks = client.completeness(Some(&period)).await?;
            if stacks.is_empty() {
                printer.note(&format!("No stack that you may see was registered in {period}."));
            }
            STACKS.show(&stacks, printer)?;
            missing(&stacks, &period)
        }
    };
    match missing {
        Some(missing) if args.check => Err(missing),
        None if args.check => {
            printer.note(&nothing_missing(&period));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What `--check` says if no usage is missing: of one month it knows that, and nothing of the others.
fn nothing_missing(period: &str) -> String {
    format!(
        "No usage of {period} is missing, as far as it is due. Other months were not looked at: --period names one."
    )
}

/// What `--check` fails with, if usage is missing.
fn missing(stacks: &[StackCompleteness], period: &str) -> Option<Failure> {
    let findings = |it: &StackCompleteness| it.findings.iter().filter(|it| it.missing_usage).count();
    let without = stacks.iter().filter(|it| findings(it) > 0);
    let names: Vec<String> = without
        .map(|it| stack_in_words(&it.cloud_id, it.stack_name.as_deref()))
        .collect();
    if names.is_empty() {
        return None;
    }
    let stacks = counted(names.len() as u64, "stack");
    let what = format!("Usage is missing of {stacks} in {period}.");
    let hint = format!(
        "`meterbridge stack completeness CLOUD-ID --period {period}` shows the hours of one, and what can be done about it."
    );
    let failure = Failure::new(what).coded("UsageMissing").hint(hint);
    Some(names.into_iter().fold(failure, Failure::because))
}

/// The page of one stack.
fn of_one(it: &StackCompletenessByHour, style: Style) -> String {
    let mut text = month::heading(&it.summary, style);
    text.push_str(&month::calendar(it, style));
    text.push_str(&month::findings(&it.summary.findings, style));
    text.push_str(&month::silent(it, style));
    text
}

//! `bridge backfill`: asks the bridge, which reads at its own pace, and watches it.

use std::path::Path;
use std::time::Duration;

use bridge::{
    BackfillStatus, BridgeStatus, StackState, StackStatus, read_status, request_backfill, waiting_backfill,
    waiting_withdrawal, withdraw_backfills,
};
use domain::time::{Hour, HourInterval};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use server::Clock as _;

use super::status::{named, names, no_stack, not_running};
use super::{configuration, refused};
use crate::args::BackfillArgs;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::{Printer, Progress};

/// How often it is looked how far it is.
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// The status says to the second when it was so.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

/// What was read again.
#[derive(Serialize)]
struct ReadAgain<'a> {
    stack: &'a str,
    from: String,
    to: String,
    hours: i32,
    /// Which of them the stack refused.
    refused: Vec<String>,
}

/// What is not read again any more.
#[derive(Serialize)]
struct TakenBack<'a> {
    stack: &'a str,
    stopped: bool,
}

/// Has a range read again, or takes all of them back.
///
/// # Errors
/// If there is no such stack, it was never read so far, or the bridge does not run; or the stack refused hours of it.
pub(super) async fn backfill(args: &BackfillArgs, printer: &Printer) -> Result<(), Failure> {
    let spool = configuration::spool(&args.bridge)?;
    let names = configuration::stack_names(&args.bridge)?;
    // Whether a bridge runs is not to the point for a stack that it does not have.
    if !names.is_empty() && !names.iter().any(|name| name.eq_ignore_ascii_case(&args.stack)) {
        return Err(no_stack(&args.stack, &names.join(", ")));
    }
    let status = running(&spool)?;
    let stack = stack_of(&status, &args.stack)?;
    let (Some(from), Some(to), false) = (&args.from, &args.to, args.stop) else {
        return take_back(&spool, stack, printer).await;
    };
    let range = range((from, to), stack, printer)?;
    let name = stack.name.clone();
    let begun = found(stack, range);
    if begun.is_none() && waiting_backfill(&spool, &name) != Some(range) {
        request_backfill(&spool, &name, range).map_err(refused)?;
        printer.note("The bridge is asked. Ctrl-C leaves it at it; the same command watches it again.");
    }
    let watch = Watch {
        spool: &spool,
        stack: &name,
        range,
        withdrawals: stack.withdrawals,
        printer,
    };
    let refused = watch.until_read(begun.map_or(0, hours_read)).await?;
    tell(&name, range, refused, printer)
}

/// Tells what was read of a range, and fails if the stack refused hours of it.
fn tell(name: &str, range: HourInterval, refused: Vec<String>, printer: &Printer) -> Result<(), Failure> {
    let read = ReadAgain {
        stack: name,
        from: range.start().to_string(),
        to: range.end().to_string(),
        hours: range.hours(),
        refused,
    };
    printer.show(&read, || {
        let hours = range.hours().unsigned_abs().saturating_sub(number_of(&read.refused));
        let hours = counted(u64::from(hours), "hour");
        format!("{hours} of {name} were read again. What was found there is delivered next: see `meterbridge bridge status`.")
    })?;
    if read.refused.is_empty() {
        return Ok(());
    }
    let hours = counted(u64::from(number_of(&read.refused)), "hour");
    Err(Failure::in_part(format!("Stack {name} refused {hours}: {}.", named(&read.refused)))
        .coded("HoursRefused")
        .because("they were left out, and are not declared as read; the log of the bridge says what the stack answered")
        .hint("Ask for them again when the stack has them, or import them from a file: `meterbridge usage import`."))
}

fn number_of(hours: &[String]) -> u32 {
    u32::try_from(hours.len()).unwrap_or(u32::MAX)
}

/// Has nothing read again that waits for a stack.
async fn take_back(spool: &Path, stack: &StackStatus, printer: &Printer) -> Result<(), Failure> {
    let (name, before) = (&stack.name, stack.withdrawals);
    withdraw_backfills(spool, name).map_err(refused)?;
    let mut gone_by: Option<Timestamp> = None;
    loop {
        let status = running(spool)?;
        if stack_of(&status, name)?.withdrawals != before {
            break;
        }
        match gone_by {
            None if !waiting_withdrawal(spool, name) => gone_by = Some(SystemClock.now()),
            // What the bridge removed was the request that was there a moment before.
            Some(moment) if is_after(&status, moment) => {
                withdraw_backfills(spool, name).map_err(refused)?;
                gone_by = None;
            }
            _ => {}
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    let taken_back = TakenBack {
        stack: name,
        stopped: true,
    };
    printer.show(&taken_back, || {
        format!("Nothing of {name} is read again any more. What was read of it stays.")
    })
}

/// How the bridge is, if it runs.
fn running(spool: &Path) -> Result<BridgeStatus, Failure> {
    let status = read_status(spool).map_err(refused)?;
    if status.is_of_a_running_bridge(SystemClock.now()) {
        return Ok(status);
    }
    Err(not_running(&status))
}

fn stack_of<'a>(status: &'a BridgeStatus, name: &str) -> Result<&'a StackStatus, Failure> {
    let mut stacks = status.stacks.iter();
    let found = stacks.find(|it| it.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| no_stack(name, &names(status)))
}

/// What is read again: as far as it was read before.
fn range((from, to): (&str, &str), stack: &StackStatus, printer: &Printer) -> Result<HourInterval, Failure> {
    let hour = |text: &str| {
        text.parse::<Hour>()
            .map_err(|error| Failure::usage(format!("{text} is no hour.")).because(error.to_string()))
    };
    let (from, to) = (hour(from)?, hour(to)?);
    let name = &stack.name;
    let Some(through) = stack.read_through.as_deref().map(hour).transpose()? else {
        return Err(Failure::new(format!("Stack {name} was not read yet."))
            .coded("NothingRead")
            .hint("See what it waits for with `meterbridge bridge status`."));
    };
    if to > through {
        printer.note(&format!(
            "From {through} on it was not read yet: the bridge comes to that by itself."
        ));
    }
    HourInterval::new(from, to.min(through)).ok_or_else(|| {
        Failure::new(format!("There is nothing to read again from {from} to {to}."))
            .coded("NothingToRead")
            .because(format!("stack {name} was read through {through}"))
            .hint("Give a range that ends after it begins, and begins before that hour.")
    })
}

fn found(stack: &StackStatus, range: HourInterval) -> Option<&BackfillStatus> {
    let (from, to) = (range.start().to_string(), range.end().to_string());
    stack.backfills.iter().find(|it| it.from == from && it.to == to)
}

fn hours_read(it: &BackfillStatus) -> u64 {
    u64::from(it.hours_read.unsigned_abs())
}

/// Somebody who watches a range being read.
struct Watch<'a> {
    spool: &'a Path,
    stack: &'a str,
    range: HourInterval,
    /// How often everything was taken back before.
    withdrawals: u32,
    printer: &'a Printer,
}

impl Watch<'_> {
    /// Watches until all of it was read, of which so many hours were read before. Answers which hours the stack refused.
    ///
    /// # Errors
    /// If the bridge does not run any more, or somebody took it back.
    async fn until_read(&self, before: u64) -> Result<Vec<String>, Failure> {
        let hours = u64::from(self.range.hours().unsigned_abs());
        let progress = self.printer.progress(Some(hours), "hours");
        progress.begin_at(before);
        let (mut taken_up_by, mut warned): (Option<Timestamp>, _) = (None, false);
        let refused = loop {
            // In this order: when the request is gone, whatever the bridge says afterwards takes account of it.
            if taken_up_by.is_none() && waiting_backfill(self.spool, self.stack).is_none() {
                taken_up_by = Some(SystemClock.now());
            }
            let status = running(self.spool)?;
            let stack = stack_of(&status, self.stack)?;
            match (found(stack, self.range), taken_up_by) {
                _ if stack.withdrawals != self.withdrawals => return Err(withdrawn(self.stack)),
                (Some(it), _) => progress.reach(hours_read(it)),
                (None, Some(moment)) if is_after(&status, moment) => break refused_in(stack, self.range),
                (None, _) => {}
            }
            self.say_what_is_wrong(stack, &progress, &mut warned);
            tokio::time::sleep(LOOKED_EVERY).await;
        };
        progress.finish();
        Ok(refused)
    }

    fn say_what_is_wrong(&self, stack: &StackStatus, progress: &Progress, warned: &mut bool) {
        let trouble = stack.troubles.first();
        progress.say(&trouble.map_or_else(String::new, |it| format!("({})", it.trouble.code)));
        if let Some(it) = trouble
            && stack.state() == StackState::Held
            && !*warned
        {
            *warned = true;
            self.printer
                .warning(&format!("{} {}", it.trouble.message, it.trouble.advice));
        }
    }
}

fn withdrawn(stack: &str) -> Failure {
    Failure::new(format!("What was to be read again of {stack} was taken back."))
        .coded("BackfillWithdrawn")
        .because("somebody asked for that with --stop")
        .hint("What was read of it stays. Ask for the range again, if it is wanted.")
}

/// Which hours of a range the stack refused.
fn refused_in(stack: &StackStatus, range: HourInterval) -> Vec<String> {
    let is_in = |text: &&String| text.parse::<Hour>().is_ok_and(|hour| range.contains(hour));
    stack.refused_hours.iter().filter(is_in).cloned().collect()
}

/// Whether the bridge said this after a moment.
fn is_after(status: &BridgeStatus, moment: Timestamp) -> bool {
    let at = status.at.parse::<Timestamp>();
    at.is_ok_and(|at| at.duration_since(moment) > ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    #[test]
    fn hours_that_were_left_out_would_have_been_taken_for_read() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let range = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-10-02T00:00:00Z")).unwrap();
        let stack = StackStatus {
            refused_hours: [
                "2026-09-30T23:00:00Z",
                "2026-10-01T05:00:00Z",
                "2026-10-02T00:00:00Z",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..StackStatus::default()
        };
        let refused = refused_in(&stack, range);
        assert_eq!(refused, ["2026-10-01T05:00:00Z"]);
        let (printer, said, _) = captured(Format::Table, false);
        let failure = tell("north", range, refused.clone(), &printer).unwrap_err();
        assert_eq!((failure.code(), failure.exit_code()), ("HoursRefused", 3));
        assert!(
            failure.what().contains("1 hour: 2026-10-01 05:00."),
            "{failure:?}"
        );
        assert!(
            said.text().contains("23 hours of north were read again."),
            "{}",
            said.text()
        );
        let (printer, said, _) = captured(Format::Json, false);
        tell("north", range, refused, &printer).unwrap_err();
        assert!(said.text().contains("\"refused\""), "{}", said.text());
        assert_eq!(tell("north", range, Vec::new(), &printer), Ok(()));
    }
}

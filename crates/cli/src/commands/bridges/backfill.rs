//! `bridge backfill`: asks the bridge, which reads at its own pace, and watches it.

use std::path::Path;
use std::time::Duration;

use bridge::{
    BackfillStatus, BridgeStatus, StackState, StackStatus, read_status, request_backfill, waiting_backfill,
};
use domain::time::{Hour, HourInterval};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use server::Clock as _;

use super::status::{names, no_stack, not_running};
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
}

/// Has a range read again.
///
/// # Errors
/// If there is no such stack, it was never read so far, or the bridge does not run.
pub(super) async fn backfill(args: &BackfillArgs, printer: &Printer) -> Result<(), Failure> {
    let spool = configuration::spool(&args.bridge)?;
    let status = running(&spool)?;
    let stack = stack_of(&status, &args.stack)?;
    let range = range(args, stack, printer)?;
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
        printer,
    };
    watch.until_read(begun.map_or(0, hours_read)).await?;
    let read = ReadAgain {
        stack: &name,
        from: range.start().to_string(),
        to: range.end().to_string(),
        hours: range.hours(),
    };
    printer.show(&read, || {
        let hours = counted(u64::from(range.hours().unsigned_abs()), "hour");
        format!("{hours} of {name} were read again. What was found there is delivered next: see `meterbridge bridge status`.")
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
fn range(args: &BackfillArgs, stack: &StackStatus, printer: &Printer) -> Result<HourInterval, Failure> {
    let hour = |text: &str| {
        text.parse::<Hour>()
            .map_err(|error| Failure::usage(format!("{text} is no hour.")).because(error.to_string()))
    };
    let (from, to) = (hour(&args.from)?, hour(&args.to)?);
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
    printer: &'a Printer,
}

impl Watch<'_> {
    /// Watches until all of it was read, of which so many hours were read before.
    async fn until_read(&self, before: u64) -> Result<(), Failure> {
        let hours = u64::from(self.range.hours().unsigned_abs());
        let progress = self.printer.progress(Some(hours), "hours");
        progress.begin_at(before);
        let (mut taken_up_by, mut warned): (Option<Timestamp>, _) = (None, false);
        loop {
            // In this order: when the request is gone, whatever the bridge says afterwards takes account of it.
            if taken_up_by.is_none() && waiting_backfill(self.spool, self.stack).is_none() {
                taken_up_by = Some(SystemClock.now());
            }
            let status = running(self.spool)?;
            let stack = stack_of(&status, self.stack)?;
            match (found(stack, self.range), taken_up_by) {
                (Some(it), _) => progress.reach(hours_read(it)),
                (None, Some(moment)) if is_after(&status, moment) => break,
                (None, _) => {}
            }
            self.say_what_is_wrong(stack, &progress, &mut warned);
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        progress.finish();
        Ok(())
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

/// Whether the bridge said this after a moment.
fn is_after(status: &BridgeStatus, moment: Timestamp) -> bool {
    let at = status.at.parse::<Timestamp>();
    at.is_ok_and(|at| at.duration_since(moment) > ROUNDING)
}

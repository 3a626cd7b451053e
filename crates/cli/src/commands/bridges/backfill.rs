//! `bridge backfill`: asks the bridge, which reads at its own pace, and watches it.

use std::path::Path;
use std::time::{Duration, Instant};

use bridge::{
    BackfillStatus, BridgeStatus, HoursStatus, Ongoing, Part, StackState, StackStatus, Trouble, give_up_lost,
    read_status, request_backfill, waiting_backfill, waiting_to_give_up, waiting_withdrawal,
    withdraw_backfills,
};
use domain::time::{Hour, HourInterval};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use server::Clock as _;

use super::status::{named, names, no_stack, not_running};
use super::{configuration, refused};
use crate::agreement::agreed;
use crate::args::BackfillArgs;
use crate::commands::minute;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::Printer;

/// How often it is looked how far it is.
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// The status says to the second when it was so.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

/// How long a bridge that was started a moment ago may take to say how far it is.
const STARTS_WITHIN: Duration = Duration::from_secs(15);
/// After how many looks without any progress it is told what is in the way: five seconds.
const LOOKS_IN_VAIN: u32 = 10;

/// What was read again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadAgain<'a> {
    stack: &'a str,
    from: String,
    to: String,
    hours: i32,
    /// Which of them the stack refused.
    refused: Vec<String>,
    /// How many bytes of the stack, of these hours or others, wait to be delivered.
    waiting_bytes: u64,
    /// Why they are not delivered now.
    not_delivered: Option<&'a Trouble>,
}

/// What is not read again any more.
#[derive(Serialize)]
struct TakenBack<'a> {
    stack: &'a str,
    stopped: bool,
}

/// What was lost and is not read again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GivenUp<'a> {
    stack: &'a str,
    /// How many hours were given up just now, of those that were shown.
    hours: i32,
    /// All that was given up and that nobody had read since.
    given_up: &'a [HoursStatus],
    /// What is to be read by itself still: it turned out to be lost after the hours were shown.
    still_lost: Vec<HoursStatus>,
}

/// Has a range read again, takes all of them back, or gives up what is read by itself.
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
    let status = started(&spool, &args.stack).await?;
    let stack = stack_of(&status, &args.stack)?;
    if args.give_up_lost {
        return give_up(&spool, stack, args.yes, printer).await;
    }
    let (Some(from), Some(to)) = (&args.from, &args.to) else {
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
    let stack = watch.until_read(begun.map_or(0, hours_read)).await?;
    tell(&stack, range, printer)
}

/// Tells what was read of a range, and fails if the stack refused hours of it.
fn tell(stack: &StackStatus, range: HourInterval, printer: &Printer) -> Result<(), Failure> {
    let name = &stack.name;
    let mut troubles = stack.troubles.iter();
    let read = ReadAgain {
        stack: name,
        from: range.start().to_string(),
        to: range.end().to_string(),
        hours: range.hours(),
        refused: refused_in(stack, range),
        waiting_bytes: stack.spool_bytes,
        not_delivered: troubles
            .find(|it| it.part == Part::Delivering)
            .map(|it| &it.trouble),
    };
    printer.show(&read, || {
        let hours = range.hours().unsigned_abs().saturating_sub(number_of(&read.refused));
        let hours = counted(u64::from(hours), "hour");
        format!("{hours} of {name} were read again. What was found there is delivered next: see `meterbridge bridge status`.")
    })?;
    if let Some(trouble) = read.not_delivered {
        printer.warning(&format!(
            "It is not delivered now: {} {}",
            trouble.message, trouble.advice
        ));
    }
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

/// Has nothing read again of what is read by itself of a stack, as it is shown: what the server lost, and before the
/// start.
async fn give_up(spool: &Path, stack: &StackStatus, yes: bool, printer: &Printer) -> Result<(), Failure> {
    let name = &stack.name;
    let shown = stack.read_by_itself();
    if !shown.is_empty() {
        printer.request(&what_is_given_up(name, &shown));
        agreed("Give them up?", yes)?;
        give_up_lost(spool, name, &shown).map_err(refused)?;
    }
    let mut gone_by: Option<Timestamp> = None;
    let status = loop {
        // In this order: when the request is gone, whatever the bridge says afterwards takes account of it.
        if gone_by.is_none() && !waiting_to_give_up(spool, name) {
            gone_by = Some(SystemClock.now());
        }
        let status = running(spool)?;
        if shown.is_empty() || gone_by.is_some_and(|moment| is_after(&status, moment)) {
            break status;
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    };
    tell_given_up(stack_of(&status, name)?, &shown, printer)
}

/// Tells what was given up of the hours that were shown, and what is lost besides.
fn tell_given_up(stack: &StackStatus, shown: &[HourInterval], printer: &Printer) -> Result<(), Failure> {
    let name = &stack.name;
    let hours = hours_in(&stack.given_up_of(shown));
    let still_lost = stack.read_by_itself();
    let told = GivenUp {
        stack: name,
        hours,
        given_up: &stack.given_up,
        still_lost: still_lost.iter().copied().map(HoursStatus::from).collect(),
    };
    printer.show(&told, || match hours {
        0 => format!("Of {name} nothing waits to be read by itself that was shown: nothing was given up."),
        _ => format!(
            "{} of {name} were given up. `meterbridge bridge status` names them until somebody has them read.",
            hours_of(hours)
        ),
    })?;
    if !still_lost.is_empty() {
        printer.warning(&format!(
            "{} of {name} that were not given up are still lost: {}.",
            hours_of(hours_in(&still_lost)),
            texts_of(&still_lost).join(", ")
        ));
    }
    Ok(())
}

fn what_is_given_up(stack: &str, shown: &[HourInterval]) -> String {
    format!(
        "This gives up {} of {stack}, which the server lost or which lie before the start, and which wait to be read \
         or were refused: {}. They are not read by themselves any more, and are not declared as read. Usage of them \
         that the server does not have is billed to nobody, unless somebody has them read (`meterbridge bridge backfill`) \
         or imports it.",
        hours_of(hours_in(shown)),
        texts_of(shown).join(", ")
    )
}

fn texts_of(hours: &[HourInterval]) -> Vec<String> {
    let text = |it: &HourInterval| {
        let (from, to) = (it.start().to_string(), it.end().to_string());
        format!("{} to {}", minute(&from), minute(&to))
    };
    hours.iter().map(text).collect()
}

fn hours_in(hours: &[HourInterval]) -> i32 {
    hours.iter().map(|it| it.hours()).sum()
}

fn hours_of(hours: i32) -> String {
    counted(u64::from(hours.unsigned_abs()), "hour")
}

/// How the bridge is, if it runs.
fn running(spool: &Path) -> Result<BridgeStatus, Failure> {
    let status = read_status(spool).map_err(refused)?;
    if status.is_of_a_running_bridge(SystemClock.now()) {
        return Ok(status);
    }
    Err(not_running(&status))
}

/// How the bridge is, if it runs. For one that was started a moment ago it is waited until it says how far it is.
async fn started(spool: &Path, name: &str) -> Result<BridgeStatus, Failure> {
    let began = Instant::now();
    loop {
        let status = running(spool)?;
        let is_starting = stack_of(&status, name)?.state() == StackState::Starting;
        if !is_starting || began.elapsed() > STARTS_WITHIN {
            return Ok(status);
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
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
        return Err(Failure::new(format!(
            "The bridge does not say yet how far stack {name} was read."
        ))
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
    /// Watches until all of it was read, of which so many hours were read before. Answers how the stack is then.
    ///
    /// # Errors
    /// If the bridge does not run any more, or somebody took it back.
    async fn until_read(&self, before: u64) -> Result<StackStatus, Failure> {
        let hours = u64::from(self.range.hours().unsigned_abs());
        let progress = self.printer.progress(Some(hours), "hours");
        progress.begin_at(before);
        let (mut taken_up_by, mut told): (Option<Timestamp>, _) = (None, Told::default());
        let stack = loop {
            // In this order: when the request is gone, whatever the bridge says afterwards takes account of it.
            if taken_up_by.is_none() && waiting_backfill(self.spool, self.stack).is_none() {
                taken_up_by = Some(SystemClock.now());
            }
            let status = running(self.spool)?;
            let stack = stack_of(&status, self.stack)?;
            match (found(stack, self.range), taken_up_by) {
                _ if stack.withdrawals != self.withdrawals => return Err(withdrawn(self.stack)),
                (Some(it), _) => progress.reach(hours_read(it)),
                (None, Some(moment)) if is_after(&status, moment) => break stack.clone(),
                (None, _) => {}
            }
            let trouble = stack.troubles.first();
            progress.say(&trouble.map_or_else(String::new, |it| format!("({})", it.trouble.code)));
            told.look(
                stack,
                found(stack, self.range).map_or(0, hours_read),
                self.printer,
            );
            tokio::time::sleep(LOOKED_EVERY).await;
        };
        progress.finish();
        Ok(stack)
    }
}

/// What somebody who waits was told of what is in the way.
#[derive(Default)]
struct Told {
    hours_read: u64,
    looks_in_vain: u32,
    codes: Vec<String>,
}

impl Told {
    /// Looks whether it goes on, and tells once what is in the way if it has not for a while, or does not until somebody sets
    /// it right.
    fn look(&mut self, stack: &StackStatus, hours_read: u64, printer: &Printer) {
        if hours_read > self.hours_read {
            *self = Self {
                hours_read,
                ..Self::default()
            };
        }
        self.looks_in_vain += 1;
        for Ongoing { held, trouble, .. } in &stack.troubles {
            let is_due = *held || self.looks_in_vain > LOOKS_IN_VAIN;
            if is_due && !self.codes.contains(&trouble.code.to_string()) {
                self.codes.push(trouble.code.to_string());
                printer.warning(&format!(
                    "{} {} [{}]",
                    trouble.message, trouble.advice, trouble.code
                ));
            }
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
        let mut stack = StackStatus {
            name: "north".to_owned(),
            refused_hours: [
                "2026-09-30T23:00:00Z",
                "2026-10-01T05:00:00Z",
                "2026-10-02T00:00:00Z",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..StackStatus::default()
        };
        assert_eq!(refused_in(&stack, range), ["2026-10-01T05:00:00Z"]);
        let (printer, said, _) = captured(Format::Table, false);
        let failure = tell(&stack, range, &printer).unwrap_err();
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
        tell(&stack, range, &printer).unwrap_err();
        assert!(said.text().contains("\"refused\""), "{}", said.text());
        stack.refused_hours.clear();
        assert_eq!(tell(&stack, range, &printer), Ok(()));
    }

    #[test]
    fn hours_that_were_lost_after_they_were_shown_would_have_been_said_to_be_given_up() {
        let from: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let hours = |start, end| HourInterval::new(from.plus(start), from.plus(end)).unwrap();
        let range = |hours: HourInterval, before_start| BackfillStatus {
            from: hours.start().to_string(),
            to: hours.end().to_string(),
            next: hours.start().plus(1).to_string(),
            hours: hours.hours(),
            hours_read: 1,
            before_start,
        };
        let mut stack = StackStatus {
            name: "north".to_owned(),
            lost: vec![range(hours(6, 8), false)],
            backfills: vec![range(hours(-9, -6), true), range(hours(20, 30), false)],
            refused_unasked: vec![hours(2, 3).into()],
            ..StackStatus::default()
        };
        let shown = stack.read_by_itself();
        assert_eq!(
            shown,
            [hours(-8, -6), hours(2, 3), hours(7, 8)],
            "and nothing that was asked for"
        );
        let asked = what_is_given_up("north", &shown);
        assert!(
            asked.contains("gives up 4 hours of north")
                && asked.contains("2026-10-01 02:00 to 2026-10-01 03:00"),
            "{asked}"
        );
        // One of them was read meanwhile, and another one was lost.
        stack.given_up = vec![hours(-30, -29).into(), hours(-8, -6).into(), hours(2, 3).into()];
        stack.backfills.remove(0);
        stack.refused_unasked.clear();
        stack.lost = vec![range(hours(10, 12), false)];
        let (printer, data, notes) = captured(Format::Json, false);
        tell_given_up(&stack, &shown, &printer).unwrap();
        let told: serde_json::Value = serde_json::from_str(&data.text()).unwrap();
        assert_eq!(told["hours"], 3, "{told}");
        assert_eq!(told["stillLost"][0]["from"], from.plus(11).to_string(), "{told}");
        assert!(
            notes
                .text()
                .contains("1 hour of north that were not given up are still lost: 2026-10-01 11:00"),
            "{}",
            notes.text()
        );
    }

    fn unreachable() -> Ongoing {
        Ongoing {
            part: Part::Delivering,
            since: "2026-10-01T00:00:00Z".to_owned(),
            failures: 3,
            next_attempt: "2026-10-01T00:01:00Z".to_owned(),
            held: false,
            trouble: Trouble::new("ServerUnreachable", "It cannot be reached.", "See the port."),
        }
    }

    #[test]
    fn a_script_would_have_taken_hours_for_delivered_that_only_wait_in_the_spool() {
        let from: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let range = HourInterval::new(from, from.plus(2)).unwrap();
        let stack = StackStatus {
            spool_bytes: 6_100,
            troubles: vec![unreachable()],
            ..StackStatus::default()
        };
        let (printer, data, notes) = captured(Format::Json, false);
        tell(&stack, range, &printer).unwrap();
        let told: serde_json::Value = serde_json::from_str(&data.text()).unwrap();
        assert_eq!(told["waitingBytes"], 6_100, "{told}");
        assert_eq!(told["notDelivered"]["code"], "ServerUnreachable", "{told}");
        assert!(
            notes.text().contains("It is not delivered now"),
            "{}",
            notes.text()
        );
    }

    #[test]
    fn who_waits_for_hours_would_wait_for_ever_and_never_learn_what_for() {
        let mut stack = StackStatus::default();
        stack.troubles.push(unreachable());
        let (printer, _, notes) = captured(Format::Json, false);
        let mut told = Told::default();
        for _ in 0..LOOKS_IN_VAIN {
            told.look(&stack, 3, &printer);
        }
        assert_eq!(notes.text(), "", "it may pass");
        for _ in 0..3 {
            told.look(&stack, 3, &printer);
        }
        let said = notes.text();
        assert_eq!(
            said.matches("It cannot be reached. See the port. [ServerUnreachable]")
                .count(),
            1,
            "{said}"
        );
    }
}

//! `bridge status`.

use bridge::{BackfillStatus, BridgeStatus, HoursStatus, Ongoing, StackState, StackStatus, read_status};
use domain::time::Timestamp;
use serde::Serialize;
use server::Clock as _;

use super::{configuration, refused};
use crate::args::BridgeStatusArgs;
use crate::commands::{minute, minute_or_dash, or_dash};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Style};
use crate::table::{Column, Table, left, right};

const COLUMNS: [Column; 8] = [
    left("STACK"),
    left("STATE"),
    left("READ THROUGH"),
    left("DELIVERED THROUGH"),
    right("LAG"),
    right("SPOOL"),
    right("DELIVERED").rank(1),
    right("QUARANTINED").rank(2),
];

/// The most ranges of what was lost that are shown one by one.
const LOST_SHOWN: usize = 3;

/// How a bridge is, for programs.
#[derive(Serialize)]
struct Shown<'a> {
    /// When it was so.
    at: &'a str,
    /// Whether the bridge runs.
    runs: bool,
    /// Whether it said that it was stopped.
    stopped: bool,
    stacks: Vec<ShownStack<'a>>,
}

#[derive(Serialize)]
struct ShownStack<'a> {
    state: StackState,
    #[serde(flatten)]
    status: &'a StackStatus,
}

/// Shows how a bridge is.
///
/// # Errors
/// If it never ran, does not run now, or waits for somebody.
pub(super) fn status(args: &BridgeStatusArgs, printer: &Printer) -> Result<(), Failure> {
    let spool = configuration::spool(&args.bridge)?;
    let mut status = read_status(&spool).map_err(refused)?;
    if let Some(name) = &args.stack {
        let names = names(&status);
        status.stacks.retain(|it| it.name.eq_ignore_ascii_case(name));
        if status.stacks.is_empty() {
            return Err(no_stack(name, &names));
        }
    }
    let now = SystemClock.now();
    let runs = status.is_of_a_running_bridge(now);
    let shown = Shown {
        at: &status.at,
        runs,
        stopped: status.stopped,
        stacks: status.stacks.iter().map(|it| shown(&status, it, now)).collect(),
    };
    printer.show(&shown, || text(&status, now, printer))?;
    if !runs {
        return Err(not_running(&status));
    }
    let held: Vec<&str> = status
        .stacks
        .iter()
        .filter(|it| it.state() == StackState::Held)
        .map(|it| it.name.as_str())
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("Held until somebody sets it right: {}.", held.join(", "))).coded("StackHeld"))
}

/// The names of the stacks of a bridge.
pub(super) fn names(status: &BridgeStatus) -> String {
    let names: Vec<&str> = status.stacks.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}

/// Hours, as far as they can be read at a glance.
pub(super) fn named(hours: &[String]) -> String {
    let hours: Vec<_> = hours.iter().map(|hour| minute(hour)).collect();
    some_of(&hours)
}

/// The first of some texts, and how many others there are.
pub(super) fn some_of(texts: &[String]) -> String {
    const SHOWN: usize = 8;
    let (shown, others) = texts.split_at(texts.len().min(SHOWN));
    let others = match others.len() {
        0 => String::new(),
        others => format!(" and {others} others"),
    };
    shown.join(", ") + &others
}

/// The failure that a bridge has no such stack.
pub(super) fn no_stack(name: &str, names: &str) -> Failure {
    Failure::new(format!("The bridge has no stack {name}."))
        .coded("NoSuchStack")
        .hint(format!("It has: {names}."))
}

/// The failure that a bridge does not run.
pub(super) fn not_running(status: &BridgeStatus) -> Failure {
    let at = &status.at;
    let (what, hint) = if status.stopped {
        (
            format!("The bridge does not run: it was stopped at {at}."),
            "Start it (`meterbridge bridge run`); it goes on where it was.",
        )
    } else if status.abandoned {
        (
            format!("The bridge does not run: it was killed. It said last how it is at {at}."),
            "Start it (`meterbridge bridge run`); it goes on where it was.",
        )
    } else {
        (
            format!("The bridge does not run: it said last how it is at {at}."),
            "Start it (`meterbridge bridge run`); it goes on where it was. Its log says why it ended.",
        )
    };
    Failure::new(what).coded("BridgeNotRunning").hint(hint)
}

fn shown<'a>(bridge: &BridgeStatus, status: &'a StackStatus, now: Timestamp) -> ShownStack<'a> {
    ShownStack {
        state: bridge.state_of(status, now),
        status,
    }
}

fn text(status: &BridgeStatus, now: Timestamp, printer: &Printer) -> String {
    let mut table = Table::new(&COLUMNS);
    for stack in &status.stacks {
        table.row(row(stack, status.state_of(stack, now)));
    }
    let mut text = table.within(printer.width());
    for stack in &status.stacks {
        if status.state_of(stack, now) == StackState::CatchingUp && stack.lost.is_empty() {
            text.push_str(&catching_up(stack));
        }
        text.push_str(&delivered_twice(stack));
        text.push_str(&read_again(stack));
        if !stack.refused_hours.is_empty() {
            text.push_str(&format!(
                "\n{}: the stack refused {} that were read again, left out until they are asked for: {}\n",
                stack.name,
                counted(
                    u64::try_from(stack.refused_hours.len()).unwrap_or(u64::MAX),
                    "hour"
                ),
                named(&stack.refused_hours),
            ));
        }
        if !stack.unlisted.is_empty() {
            text.push_str(&format!(
                "\n{}: left out of the stack's directory, as nobody can read them; the server keeps what it knows of \
                 them: {}\n",
                stack.name,
                some_of(&stack.unlisted),
            ));
        }
        for it in &stack.troubles {
            text.push_str(&trouble(&stack.name, it, printer.style()));
        }
    }
    text
}

/// What was delivered and changed nothing.
fn delivered_twice(stack: &StackStatus) -> String {
    let again = stack.delivered.duplicate;
    if again == 0 {
        return String::new();
    }
    format!(
        "\n{}: delivered again: {}, which the server had already and counts once\n",
        stack.name,
        counted(again, "record")
    )
}

/// What is read again, and what was lost and is not.
fn read_again(stack: &StackStatus) -> String {
    let mut text = String::new();
    let mut line = |it: &BackfillStatus, why: &str| {
        text.push_str(&format!(
            "\n{}: reads {} to {} again, {} of {} hours{why}\n",
            stack.name,
            minute(&it.from),
            minute(&it.to),
            it.hours_read,
            it.hours
        ));
    };
    for it in stack.lost.iter().take(LOST_SHOWN) {
        line(
            it,
            ": the server had acknowledged it and does not have it any more, as after a restore from a backup",
        );
    }
    for it in &stack.backfills {
        let why = if it.before_start {
            ", before the first one: the server knew the stack already, and usage may have come late"
        } else {
            ""
        };
        line(it, why);
    }
    let others = stack.lost.iter().skip(LOST_SHOWN);
    let hours: i32 = others.map(|it| it.hours - it.hours_read).sum();
    if hours > 0 {
        text.push_str(&format!(
            "\n{}: reads another {} again that the server lost, one by one as the stack answers\n",
            stack.name,
            counted(u64::from(hours.unsigned_abs()), "hour")
        ));
    }
    for (those, what) in [
        (
            &stack.refused_unasked,
            "that the server lost, or that lie before the start, were refused by the stack, and stay lost until they \
             are asked for and read, or given up",
        ),
        (
            &stack.given_up,
            "that the server lost, or that lie before the start, were given up, and are not declared as read until \
             somebody has them read",
        ),
    ] {
        text.push_str(&hours_that(&stack.name, those, what));
    }
    text
}

/// Hours, if there are any, and what became of them.
fn hours_that(stack: &str, those: &[HoursStatus], what: &str) -> String {
    if those.is_empty() {
        return String::new();
    }
    let ranges: Vec<_> = those
        .iter()
        .map(|it| format!("{} to {}", minute(&it.from), minute(&it.to)))
        .collect();
    let hours: i32 = those.iter().map(|it| it.hours).sum();
    let hours = counted(u64::from(hours.unsigned_abs()), "hour");
    format!("\n{stack}: {hours} {what}: {}\n", some_of(&ranges))
}

/// How much it has to catch up with, and how long that may take.
fn catching_up(stack: &StackStatus) -> String {
    let hours = u64::from(stack.due_hours.unwrap_or_default().unsigned_abs());
    let left = match stack.seconds_left {
        None => "it cannot be told yet how long that takes".to_owned(),
        Some(seconds) => format!("in about {} if it goes on like this", about(seconds)),
    };
    let hours = counted(hours, "hour");
    format!(
        "\n{}: catches up with {hours} that are over, {left}\n",
        stack.name
    )
}

/// A time as people say it, in one unit.
fn about(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..MINUTE => counted(seconds, "second"),
        MINUTE..HOUR => counted(seconds.div_ceil(MINUTE), "minute"),
        HOUR..DAY => counted(seconds.div_ceil(HOUR), "hour"),
        _ => counted(seconds.div_ceil(DAY), "day"),
    }
}

fn row(stack: &StackStatus, state: StackState) -> [String; 8] {
    let delivered = &stack.delivered;
    [
        stack.name.clone(),
        word(state).to_owned(),
        minute_or_dash(stack.read_through.as_deref()),
        minute_or_dash(stack.acknowledged_through.as_deref()),
        stack
            .lag_hours
            .map_or_else(|| or_dash(None), |hours| format!("{hours} h")),
        format!("{} of {}", bytes(stack.spool_bytes), bytes(stack.spool_bytes_max)),
        count(delivered.accepted + delivered.revised),
        count(delivered.quarantined),
    ]
}

const fn word(state: StackState) -> &'static str {
    match state {
        StackState::Starting => "starting",
        StackState::CatchingUp => "catching up",
        StackState::Working => "working",
        StackState::Retrying => "retrying",
        StackState::Held => "held",
        StackState::Stopped => "stopped",
    }
}

/// What is wrong, since when, and what to do.
fn trouble(stack: &str, it: &Ongoing, style: Style) -> String {
    let Ongoing {
        part,
        since,
        failures,
        next_attempt,
        held,
        trouble,
    } = it;
    let code = if *held {
        style.bad(&trouble.code)
    } else {
        style.caution(&trouble.code)
    };
    format!(
        "\n{stack}, {}: {code}\n  {}\n  {}\n  {} since {}, tried again at {}\n",
        part.name(),
        trouble.message,
        trouble.advice,
        counted(u64::from(*failures), "failure"),
        minute(since),
        second(next_attempt),
    )
}

/// A time to the second.
fn second(time: &str) -> String {
    time.trim_end_matches('Z').replace('T', " ")
}

/// Bytes as people read them: in powers of 1024, with one place.
fn bytes(bytes: u64) -> String {
    let mut tenths = bytes.saturating_mul(10);
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use bridge::{Part, Totals, Trouble};

    use super::*;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    #[test]
    fn bytes_are_read_at_a_glance() {
        for (number, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1_600_000, "1.5 MiB"),
            (10 * 1024 * 1024 * 1024, "10 GiB"),
            (u64::MAX, "1677721.5 TiB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn a_status_says_what_is_wrong_and_what_to_do() {
        let trouble = |part, held, code: &'static str| Ongoing {
            part,
            since: "2026-11-22T08:01:02Z".to_owned(),
            failures: 1,
            next_attempt: "2026-11-22T09:05:00Z".to_owned(),
            held,
            trouble: Trouble::new(code, "It is so.", "Do that."),
        };
        let north = StackStatus {
            name: "north".to_owned(),
            cloud_id: Some("5bf881b2-6be7-42a1-9f47-d6fcb6737747".to_owned()),
            read_through: Some("2026-11-22T08:00:00Z".to_owned()),
            acknowledged_through: Some("2026-11-22T07:00:00Z".to_owned()),
            lag_hours: Some(2),
            refused_hours: (0..10).map(|hour| format!("2026-10-01T0{hour}:00:00Z")).collect(),
            spool_bytes: 1 << 20,
            spool_bytes_max: 10 << 30,
            delivered: Totals {
                accepted: 1_234_567,
                quarantined: 3,
                ..Totals::default()
            },
            troubles: vec![
                trouble(Part::Reading, false, "StackBusy"),
                trouble(Part::Delivering, true, "AuthenticationFailed"),
            ],
            ..StackStatus::default()
        };
        let south = StackStatus {
            name: "south".to_owned(),
            ..StackStatus::default()
        };
        let west = StackStatus {
            name: "west".to_owned(),
            due_hours: Some(312),
            seconds_left: Some(200),
            ..StackStatus {
                troubles: Vec::new(),
                refused_hours: Vec::new(),
                ..north.clone()
            }
        };
        let status = BridgeStatus {
            at: "2026-11-22T09:00:00Z".to_owned(),
            stopped: false,
            stacks: vec![north, south, west],
            abandoned: false,
        };
        let now = status.at.parse().unwrap();
        let (printer, ..) = captured(Format::Table, false);
        insta::assert_snapshot!("status", text(&status, now, &printer));
        let long_after = "2026-11-23T09:00:00Z".parse().unwrap();
        for (stopped, abandoned, now) in [(true, false, now), (false, true, now), (false, false, long_after)]
        {
            let gone = BridgeStatus {
                stopped,
                abandoned,
                ..status.clone()
            };
            let shown = text(&gone, now, &printer);
            assert_eq!(shown.matches("  stopped  ").count(), 3, "{shown}");
            assert!(!shown.contains("catches up"), "{shown}");
        }
    }

    #[test]
    fn what_was_given_up_and_what_is_read_by_itself_would_pass_for_something_that_somebody_asked_for() {
        let range = |from: u32, before_start| BackfillStatus {
            from: format!("2026-11-0{from}T00:00:00Z"),
            to: format!("2026-11-0{from}T06:00:00Z"),
            next: format!("2026-11-0{from}T02:00:00Z"),
            hours: 6,
            hours_read: 2,
            before_start,
        };
        let stack = StackStatus {
            name: "north".to_owned(),
            lost: (1..6).map(|from| range(from, false)).collect(),
            given_up: vec![HoursStatus {
                from: "2026-11-07T00:00:00Z".to_owned(),
                to: "2026-11-07T03:00:00Z".to_owned(),
                hours: 3,
            }],
            refused_unasked: vec![HoursStatus {
                from: "2026-11-06T00:00:00Z".to_owned(),
                to: "2026-11-06T02:00:00Z".to_owned(),
                hours: 2,
            }],
            backfills: vec![range(8, false), range(9, true)],
            ..StackStatus::default()
        };
        insta::assert_snapshot!("read_again", read_again(&stack));
    }

    #[test]
    fn a_bridge_that_delivered_only_what_was_there_would_have_seemed_to_deliver_nothing() {
        let mut stack = StackStatus {
            name: "north".to_owned(),
            ..StackStatus::default()
        };
        assert_eq!(delivered_twice(&stack), "");
        stack.delivered.duplicate = 14_919;
        let told = delivered_twice(&stack);
        assert!(
            told.contains("north: delivered again: 14,919 records, "),
            "{told}"
        );
    }

    #[test]
    fn how_long_it_takes_is_said_in_one_unit_and_never_as_less() {
        for (seconds, expected) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (3_600, "1 hour"),
            (3_601, "2 hours"),
            (200_000, "3 days"),
        ] {
            assert_eq!(about(seconds), expected);
        }
    }
}

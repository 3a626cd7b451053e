//! Lines that could not be taken, and how they come in after all.

use std::path::Path;

use clap::ValueEnum as _;

use super::Examined;
use crate::args::ImportArgs;
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::Printer;
use crate::shell;
use crate::usage_summary::DecimalMark;

/// What was done with the lines that could be taken.
#[derive(Clone, Copy)]
pub(super) enum Done<'a> {
    /// Everything but to deliver them.
    DryRun,
    /// They were delivered to this stack.
    Delivered { to: &'a str },
}

/// Says of files that were looked at which lines importing them would reject. That is what was asked, and no failure.
pub(super) fn would_be_rejected(examined: &[Examined], printer: &Printer) {
    let rejected: u64 = examined.iter().map(|file| file.survey.rejected).sum();
    if rejected == 0 {
        return;
    }
    let lines = counted(rejected, "line");
    printer.warning(&format!(
        "{lines} would be rejected; this was a preview: nothing was delivered, and nothing written."
    ));
    printer.hint(
        "Mend them and look again; or import the file as it is: the other lines are taken then, and these are written to a file \
         of their own, to be mended there.",
    );
}

/// Every line of every file was taken, or would be.
///
/// # Errors
/// If not. What was taken counts, and this is not the failure of the import.
pub(super) fn none_rejected(examined: &[Examined], args: &ImportArgs, done: Done<'_>) -> Result<(), Failure> {
    let rejected: u64 = examined.iter().map(|file| file.survey.rejected).sum();
    if rejected == 0 {
        return Ok(());
    }
    let lines = counted(rejected, "line");
    let (what, because, hint) = match done {
        Done::DryRun => (
            format!("{lines} would be rejected."),
            "this was a dry run: the other lines would be delivered, and nothing was delivered or written",
            "Mend them and try again; or import the file as it is: the other lines are taken then, and these are written to a \
             file of their own, to be mended there."
                .to_owned(),
        ),
        Done::Delivered { to } => (
            format!("{lines} could not be taken."),
            "the other lines were; nothing is declared complete",
            mend(examined, args, to),
        ),
    };
    Err(Failure::in_part(what)
        .coded("LinesRejected")
        .because(because)
        .hint(hint))
}

/// How the rejected lines come in after all.
fn mend(examined: &[Examined], args: &ImportArgs, stack: &str) -> String {
    let mut hint = "Mend them in the file that holds them, and import that:".to_owned();
    for file in examined {
        if let Some(rejected) = &file.rejected_file {
            hint.push_str(&format!("\n  {}", import_of(rejected, file, args, stack)));
        }
    }
    hint.push_str(
        "\nOr mend the summary and import it again, as now: what was taken in already counts once.",
    );
    hint
}

/// The command that imports the rejected lines of a file as the file was imported: few lines prove less than all.
fn import_of(rejected: &Path, file: &Examined, args: &ImportArgs, stack: &str) -> String {
    let mut command = format!("meterbridge usage import --stack {stack}");
    let mut say = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            command.push_str(&format!(" {option} {}", shell::word(&value)));
        }
    };
    let understanding = file.summary.understanding();
    let order = understanding.dates.order().and_then(|it| it.to_possible_value());
    let key = args.key.activation_key_file.as_ref();
    say("--activation-key-file", key.map(|it| it.display().to_string()));
    say("--reported-start", args.reported_start.clone());
    say("--reported-end", args.reported_end.clone());
    say("--reported-through", args.reported_through.clone());
    say("--date-format", order.map(|it| it.get_name().to_owned()));
    say(
        "--time-zone",
        understanding.time_zone.given().map(ToString::to_string),
    );
    if understanding.decimal_mark == DecimalMark::Comma {
        command.push_str(" --decimal-comma");
    }
    format!("{command} {}", shell::word(&rejected.display().to_string()))
}

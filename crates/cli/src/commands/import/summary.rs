//! Usage summaries: looked at before anything is sent, then delivered as records of the provider usage API.
//!
//! A part of a file has an idempotency key that follows from the file: whoever repeats an import that was cut off, or
//! one that was not, gets the answers of the first time for what had arrived.

mod delivering;
mod preview;
mod rejections;
mod unusable;

use std::path::PathBuf;
use std::sync::Arc;

use client::Client;
use domain::time::Hour;
use serde::Serialize;
use server::Clock as _;

use self::delivering::deliver;
use self::preview::{Outlook, Reported};
use self::rejections::{Done, none_rejected, would_be_rejected};
use self::unusable::{Reached, rejected_file, unusable};
use super::outcome::{Imported, lists_quarantine};
use super::paging::Paging;
use super::reading::{Files, Source};
use super::sending::Sender;
use crate::args::{ImportArgs, ServerArgs};
use crate::commands::revisions::HOW_TO_MAKE_THEM_COUNT;
use crate::commands::stack_credential::{StackCredential, stack_credential};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::Printer;
use crate::usage_summary::{
    Choices, Item, RejectedLines, Summary, SummaryError, Survey, Surveyor, rejected_beside,
};

/// What came of one file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    file: String,
    #[serde(flatten)]
    outlook: Outlook<'a>,
    /// Where the rejected lines are; after a dry run, where they would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_file: Option<PathBuf>,
    /// What the server said; nothing if nothing was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<&'a Imported>,
}

/// A file that has been looked at.
struct Examined {
    source: Source,
    summary: Arc<Summary>,
    survey: Survey,
    /// What of it cannot be taken, unless it was only looked at.
    rejected: Option<RejectedLines>,
    /// Where that belongs, if there is any.
    rejected_file: Option<PathBuf>,
}

/// What becomes of lines that cannot be taken.
enum Rejects {
    /// They are counted.
    Counted,
    /// It is found out where they would be written to.
    Rehearsed(PathBuf),
    /// They are written there.
    Written(PathBuf),
}

/// Imports summaries, or shows what importing them would do.
///
/// # Errors
/// If a file cannot be understood or delivered, and with an exit code of its own if lines of one were rejected.
pub(super) async fn import_summaries(
    server: &ServerArgs,
    args: &ImportArgs,
    files: Files,
    printer: &Printer,
) -> Result<(), Failure> {
    if args.summary.rejected.is_some() && files.count() > 1 {
        return Err(
            Failure::usage("--rejected names one file, and several are imported.")
                .hint("Leave it out: the rejected lines of each file are written beside it."),
        );
    }
    let mut examined = Vec::new();
    for source in files.sources() {
        examined.push(examine(source.clone(), args, printer).await?);
    }
    if args.summary.preview {
        show(&examined, &[], args, printer)?;
        would_be_rejected(&examined, printer);
        return Ok(());
    }
    let StackCredential { client, cloud_id } =
        stack_credential(server, &args.key, args.cloud_id.as_deref()).await?;
    if args.summary.dry_run {
        show(&examined, &[], args, printer)?;
        printer.note(&format!(
            "This was a dry run: stack {cloud_id} would be delivered to, and nothing was."
        ));
        return none_rejected(&examined, args, Done::DryRun);
    }
    for file in &examined {
        let outlook = file.outlook(args);
        printer.note(&outlook.in_words(&file.source.to_string()));
        if let Some(warning) = outlook.assumed(&file.source.to_string()) {
            printer.warning(&warning);
        }
    }
    let mut imported = Vec::new();
    for file in &mut examined {
        let sender = Arc::new(file.sender(&client, &cloud_id, args));
        imported.push(deliver_one(file, &sender, args, printer).await?);
        file.keep_rejected()?;
    }
    show(&examined, &imported, args, printer)?;
    if imported.iter().any(Imported::some_do_not_count) {
        printer.hint(HOW_TO_MAKE_THEM_COUNT);
    }
    let some_wait = imported.iter().any(Imported::some_wait);
    if some_wait {
        printer.hint(&lists_quarantine(&cloud_id));
    }
    if args.fail_on_quarantine {
        imported.iter().try_for_each(Imported::none_quarantined)?;
    }
    none_rejected(&examined, args, Done::Delivered { to: &cloud_id })?;
    if some_wait && imported.iter().all(|it| it.is_nothing() || it.counts_nothing()) {
        return Err(
            Failure::in_part("No record counts: all of them are in quarantine.")
                .coded("Quarantined")
                .because("nothing was declared complete"),
        );
    }
    match (&args.reported_through, examined.last()) {
        (Some(through), Some(last)) => {
            let sender = last.sender(&client, &cloud_id, args);
            sender.declare_complete(through, &Paging::default()).await
        }
        _ => Ok(()),
    }
}

/// The last hour in which usage may begin that a server takes, if its clock is this machine's: as far as clocks may differ.
fn latest_hour() -> Hour {
    Hour::containing(SystemClock.now()).plus(1)
}

/// Looks at a whole file, and sets aside what of it cannot be taken.
async fn examine(source: Source, args: &ImportArgs, printer: &Printer) -> Result<Examined, Failure> {
    let choices = Choices {
        date_order: args.summary.date_format,
        zone: args.summary.time_zone.clone(),
        decimal_comma: args.summary.decimal_comma,
    };
    let target = || {
        let named = args.summary.rejected.clone();
        named.unwrap_or_else(|| rejected_beside(source.beside()))
    };
    let rejects = match (args.summary.preview, args.summary.dry_run) {
        (true, _) => Rejects::Counted,
        (false, true) => Rejects::Rehearsed(target()),
        (false, false) => Rejects::Written(target()),
    };
    let printer = printer.clone();
    let looking = tokio::task::spawn_blocking(move || look(source, choices, rejects, &printer));
    looking
        .await
        .unwrap_or_else(|error| Err(Failure::new("Reading ended.").because(error.to_string())))
}

/// Reads a file twice: how it is written, then what is in it.
fn look(source: Source, choices: Choices, rejects: Rejects, printer: &Printer) -> Result<Examined, Failure> {
    let failed = |error: SummaryError| unusable(&source, &error, Reached::Nothing);
    let progress = |total| {
        let progress = printer.progress(total, "lines");
        progress.say(&source.to_string());
        progress
    };
    let finding_out = progress(None);
    let summary =
        Summary::understood(source.path(), choices, |lines| finding_out.add(lines)).map_err(failed)?;
    finding_out.finish();
    let progress = progress(Some(summary.rows()));
    let mut surveyor = Surveyor::with_latest(latest_hour());
    let (target, begun) = match rejects {
        Rejects::Counted => (PathBuf::new(), Ok(None)),
        Rejects::Rehearsed(target) => (
            target.clone(),
            RejectedLines::rehearse(&summary, target).map(Some),
        ),
        Rejects::Written(target) => (target.clone(), RejectedLines::begin(&summary, target).map(Some)),
    };
    let unusable_target = |error| rejected_file(&target, &error, Reached::Nothing);
    let mut lines = begun.map_err(unusable_target)?;
    let mut unwritten = None;
    let read = summary.read(|item| {
        surveyor.add(&item);
        progress.add(1);
        if let (Item::Rejected(rejected), Some(lines)) = (&item, &mut lines)
            && let Err(error) = lines.add(rejected)
        {
            unwritten = Some(error);
        }
        unwritten.is_none()
    });
    read.map_err(failed)?;
    progress.finish();
    let place = match (unwritten, &mut lines) {
        (Some(error), _) => Err(error),
        (None, Some(lines)) => lines.place(),
        (None, None) => Ok(None),
    };
    let rejected_file = place.map_err(unusable_target)?;
    Ok(Examined {
        source,
        summary: Arc::new(summary),
        survey: surveyor.done(),
        rejected: lines,
        rejected_file,
    })
}

impl Examined {
    /// Writes what could not be taken to its file: now that the others have arrived, and not before the server was reached.
    fn keep_rejected(&mut self) -> Result<(), Failure> {
        let Some(rejected) = self.rejected.take() else {
            return Ok(());
        };
        let kept = rejected.keep();
        let place = self.rejected_file.take().unwrap_or_default();
        self.rejected_file = kept.map_err(|error| rejected_file(&place, &error, Reached::Deliveries))?;
        Ok(())
    }

    fn outlook<'a>(&'a self, args: &'a ImportArgs) -> Outlook<'a> {
        Outlook {
            stack: args.cloud_id.as_deref(),
            understood: self.summary.understanding(),
            reported: Reported::at(args.reported_start.as_deref()),
            usage: &self.survey,
        }
    }

    /// Sends parts of this file. Their keys follow from what decides about their content, and from the window: under
    /// another window they are other deliveries.
    fn sender(&self, client: &Client, cloud_id: &str, args: &ImportArgs) -> Sender {
        let window = [&args.reported_start, &args.reported_end].map(|hour| hour.as_deref().unwrap_or("-"));
        let identity = format!("{} {} {}", self.summary.identity(), args.batch, window.join(" "));
        Sender {
            client: client.clone(),
            cloud_id: cloud_id.to_owned(),
            run: format!("summary-{}", blake3::hash(identity.as_bytes()).to_hex()),
            reported_start: args.reported_start.clone(),
            reported_end: args.reported_end.clone(),
            compress: !args.no_compression,
        }
    }
}

async fn deliver_one(
    file: &Examined,
    sender: &Arc<Sender>,
    args: &ImportArgs,
    printer: &Printer,
) -> Result<Imported, Failure> {
    let progress = printer.progress(Some(file.survey.records), "records");
    progress.say(&file.source.to_string());
    let mut imported = Imported::default();
    let done = deliver(file, sender, args.batch, &progress, &mut imported).await;
    progress.finish();
    for text in imported.attention(&sender.cloud_id) {
        printer.warning(&text);
    }
    if done.is_err() && !imported.is_nothing() {
        printer.note(&format!("What has arrived: {}", imported.in_words()));
    }
    done.map(|()| imported).map_err(|failure| {
        if failure.hint_text().is_some() {
            return failure;
        }
        failure.hint(
            "Repeat the same command: what has arrived is answered as it was, and the rest is delivered.",
        )
    })
}

fn show(
    examined: &[Examined],
    imported: &[Imported],
    args: &ImportArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let reports: Vec<Report<'_>> = examined
        .iter()
        .enumerate()
        .map(|(place, file)| Report {
            file: file.source.name(),
            outlook: file.outlook(args),
            rejected_file: file.rejected_file.clone(),
            delivered: imported.get(place),
        })
        .collect();
    printer.show_list(&reports, || {
        let texts: Vec<String> = reports.iter().map(Report::in_words).collect();
        texts.join("\n")
    })?;
    for file in examined {
        if imported.is_empty() && file.survey.in_future > 0 {
            let in_future = counted(file.survey.in_future, "record");
            printer.warning(&format!(
                "{}: {in_future} of hours that have not come by this machine's clock, which would be put into quarantine. \
                 Look at the dates and the time zone.",
                file.source
            ));
        }
        if let Some(path) = &file.rejected_file {
            let (source, path) = (&file.source, path.display());
            let rejected = counted(file.survey.rejected, "line");
            printer.warning(&if args.summary.dry_run {
                format!("{source}: {rejected} would be rejected, and written to {path}.")
            } else {
                format!("{source}: {rejected} rejected, see {path}.")
            });
        }
    }
    Ok(())
}

impl Report<'_> {
    fn in_words(&self) -> String {
        self.delivered.map_or_else(
            || self.outlook.in_words(&self.file),
            |delivered| format!("{}: {}", self.file, delivered.in_words()),
        )
    }
}

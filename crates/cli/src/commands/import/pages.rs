//! Pages of the provider usage API, delivered as they are.
//!
//! One thread reads files and cuts them into parts; a few deliveries are on their way at a time. What a bill says does
//! not depend on the order in which they arrive.

use std::sync::Arc;

use server::Random as _;

use super::outcome::Imported;
use super::reading::{Files, read_files};
use super::sending::{Sender, send_all};
use crate::args::{ImportArgs, ServerArgs};
use crate::commands::stack_credential::{StackCredential, stack_credential};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::printer::Printer;

/// Imports files.
///
/// # Errors
/// If a file cannot be read, or a delivery does not arrive. What was delivered until then stays. Also if records are in
/// quarantine and that shall be a failure, or if a completeness that shall be declared is in doubt.
pub(super) async fn import_pages(
    server: &ServerArgs,
    args: ImportArgs,
    files: Files,
    printer: &Printer,
) -> Result<(), Failure> {
    let StackCredential { client, cloud_id } =
        stack_credential(server, &args.key, args.cloud_id.as_deref()).await?;
    let sender = Arc::new(Sender {
        client,
        cloud_id,
        // A name for this run, so that a delivery whose answer is lost can be sent again without counting twice, while
        // a later import of the same files is told that every record is a duplicate.
        run: SystemRandom.uuid().to_string(),
        reported_start: args.reported_start.clone(),
        reported_end: args.reported_end.clone(),
        compress: !args.no_compression,
    });
    if let Some(warning) = lost_corrections(args.reported_start.as_deref(), files.count()) {
        printer.warning(&warning);
    }
    let progress = printer.progress(None, "records");
    let mut imported = Imported::default();
    let (pieces, reading) = read_files(files, args.batch);
    let sent = send_all(&sender, pieces, &progress, &mut imported).await;
    progress.finish();
    let read = reading
        .await
        .unwrap_or_else(|error| Err(Failure::new("Reading ended.").because(error.to_string())));
    let done = sent.and(read);
    if done.is_ok() || !imported.is_nothing() {
        imported.report(&sender.cloud_id, printer)?;
    }
    let paging = done?;
    if args.fail_on_quarantine {
        imported.none_quarantined()?;
    }
    match &args.reported_through {
        Some(through) => sender.declare_complete(through, &paging).await,
        None => {
            paging.doubt().iter().for_each(|doubt| printer.warning(doubt));
            Ok(())
        }
    }
}

/// What to know if corrections could be lost in this import: of quantities that are reported at the same time the
/// largest counts, so a correction to less needs a window of its own.
fn lost_corrections(reported_start: Option<&str>, files: usize) -> Option<String> {
    match reported_start {
        None => Some(
            "Without --reported-start, records count as reported now. A correction that is imported in the same hour \
             as what it corrects cannot lower it: name the window with --reported-start."
                .to_owned(),
        ),
        Some(start) if files > 1 => Some(format!(
            "All {files} files count as reported at {start}. Where they hold different quantities of the same usage, \
             the largest counts: import files that were read from different windows one window at a time."
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::lost_corrections;

    #[test]
    fn only_one_file_with_its_window_is_taken_without_a_warning() {
        let start = Some("2026-10-01T13:00:00Z");
        assert_eq!(lost_corrections(start, 1), None);
        let several = lost_corrections(start, 3).unwrap();
        assert!(
            several.contains("3 files count as reported at 2026-10-01T13:00:00Z"),
            "{several}"
        );
        for files in [1, 3] {
            let unnamed = lost_corrections(None, files).unwrap();
            assert!(
                unnamed.contains("count as reported now") && unnamed.contains("--reported-start"),
                "{unnamed}"
            );
        }
    }
}

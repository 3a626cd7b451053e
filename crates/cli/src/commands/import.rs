//! `usage import`: usage from files, whatever kind of file holds it.

mod bundle;
mod kind;
mod outcome;
mod pages;
mod paging;
mod reading;
mod sending;
mod summary;
mod undelivered;

use self::kind::FileKind;
use self::reading::Files;
use crate::args::{ImportArgs, ServerArgs};
use crate::failure::Failure;
use crate::printer::Printer;

/// Imports files, all of one kind.
///
/// # Errors
/// If they are of different kinds or cannot be read, or as importing that kind of file.
pub(super) async fn import(
    server: &ServerArgs,
    mut args: ImportArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let files = Files::found(&std::mem::take(&mut args.files))?;
    match kind::of_all(&files)? {
        FileKind::Bundle => bundle::import_bundle(server, &args, &files, printer).await,
        FileKind::Pages | FileKind::UsageSummary if args.receipt.is_some() => Err(Failure::usage(
            "--receipt is for a bundle, and these files are none. Nothing was delivered.",
        )),
        FileKind::Pages => {
            kind::none_is_packed(&files, &args)?;
            args.summary.none_given()?;
            args.declares_of_its_window()?;
            declared_everything_before(&args, printer);
            pages::import_pages(server, args, files, printer).await
        }
        FileKind::UsageSummary => {
            args.declares_of_its_window()?;
            if !args.summary.preview && !args.summary.dry_run {
                declared_everything_before(&args, printer);
            }
            summary::import_summaries(server, &args, files, printer).await
        }
    }
}

/// Says before anything is sent what a declaration that names no window declares: hours that no file of this import holds.
fn declared_everything_before(args: &ImportArgs, printer: &Printer) {
    if let (Some(through), None) = (&args.reported_through, &args.reported_end) {
        printer.warning(&format!(
            "Every hour before {through} will be declared complete, whether this import has its usage or not. To declare \
             only the hours that were read, name their window: --reported-start and --reported-end."
        ));
    }
}

//! `bridge bundle-key`, `bridge export`, `bridge accept-receipt` and `bridge bundles`: the stack's side of usage that is
//! carried in files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bridge::Trouble;
use bridge::bundle::{BundleOnTheWay, Exported, Exporting, StackSide};
use domain::time::Hour;
use serde::Serialize;

use super::{configuration, environment, refused};
use crate::agreement::agreed;
use crate::args::{AcceptReceiptArgs, BridgeArgs, BundleKeyArgs, BundlesArgs, ExportArgs};
use crate::commands::minute;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::settings::document;
use crate::table::{Listing, left, right};

/// The program that makes bundles.
const MADE_BY: &str = concat!("meterbridge ", env!("CARGO_PKG_VERSION"));

/// What a key that was replaced costs.
const REPLACED: &str = "Bundles that are signed with the key before, also such as are on their way, are refused as soon as this \
                        one is registered. Those not taken in by then are made again: `meterbridge bridge export --restart`. \
                        `meterbridge bridge bundles` lists them.";

const BUNDLES: Listing<BundleOnTheWay> = Listing(&[
    (right("NO."), |it| it.sequence.to_string()),
    (left("FROM"), |it| minute(&it.reported_start)),
    (left("TO"), |it| minute(&it.reported_end)),
    (right("RECORDS"), |it| count(it.records)),
    (left("MADE").rank(1), |it| {
        crate::commands::minute_or_dash(it.made_at.as_deref())
    }),
    (left("STATE"), |it| it.state.to_owned()),
    (left("TAKEN IN").rank(2), |it| {
        crate::commands::minute_or_dash(it.taken_at.as_deref())
    }),
    (left("FILE").rank(3), |it| {
        it.file.clone().unwrap_or_else(|| "-".to_owned())
    }),
]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    public_key: &'a str,
    private_key_file: String,
    made: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    file: String,
    sequence: u32,
    digest: String,
    reported_start: String,
    reported_end: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_again_from: Option<String>,
    parts: usize,
    records: u64,
    bytes: u64,
}

impl From<Exported> for Made {
    fn from(made: Exported) -> Self {
        Self {
            file: made.file.display().to_string(),
            sequence: made.sequence,
            digest: made.digest.to_string(),
            reported_start: made.window.start().to_string(),
            reported_end: made.window.end().to_string(),
            read_again_from: made.read_again_from.map(|hour| hour.to_string()),
            parts: made.parts,
            records: made.records,
            bytes: made.bytes,
        }
    }
}

/// Makes the key, or shows it.
///
/// # Errors
/// If it cannot be made or written, or nobody agrees that the one that is there is replaced.
pub(super) fn key(args: BundleKeyArgs, printer: &Printer) -> Result<(), Failure> {
    let config = configuration::of_bridge(args.bridge)?;
    if args.replace && StackSide::has_key(&config, &environment()).map_err(refused)? {
        printer.request(REPLACED);
        agreed("Replace it?", args.yes)?;
    }
    let key = StackSide::make_key(&config, &environment(), args.replace).map_err(refused)?;
    if let Some(out) = &args.out {
        fs::write(out, &key.public_key).map_err(|error| Failure::file(out, &error))?;
    }
    let shown = Key {
        public_key: &key.public_key,
        private_key_file: key.private_key_file.display().to_string(),
        made: key.made,
    };
    let out = args.out.as_deref().map(Path::display);
    printer.show(&shown, || match &out {
        Some(out) => format!("The public key is in {out}."),
        None => key.public_key.clone(),
    })?;
    if key.made {
        printer.hint(
            "Have it registered on the platform's side: `meterbridge registration bundle-key CLOUD-ID --public-key FILE`.",
        );
    }
    Ok(())
}

/// Exports.
///
/// # Errors
/// If the stack does not give what is asked for, or the file cannot be written.
pub(super) async fn export(args: ExportArgs, printer: &Printer) -> Result<(), Failure> {
    let exporting = Exporting {
        from: hour(args.from.as_deref())?,
        to: hour(args.to.as_deref())?,
        out: args.out,
        made_by: MADE_BY.to_owned(),
        restart: args.restart,
        after: args.after,
        again: hour(args.again.as_deref())?,
        leave_out_earlier: args.leave_out_earlier,
    };
    let watching = printer.clone();
    let mut side = open(args.bridge)?.watched_by(Arc::new(move |trouble: &Trouble| {
        watching.warning(&waits(trouble));
    }));
    let mut progress = None;
    let made = side
        .export(&exporting, &mut |step| {
            let total = u64::try_from(step.hours).ok();
            let bar = progress.get_or_insert_with(|| printer.progress(total, "hours"));
            bar.reach(u64::try_from(step.hours_read).unwrap_or_default());
            bar.say(&counted(step.records, "record"));
        })
        .await;
    drop(progress);
    let made = made.map_err(refused)?;
    for warning in warnings(&made) {
        printer.warning(&warning);
    }
    let made = Made::from(made);
    printer.show(&made, || {
        let again = made.read_again_from.as_deref();
        let again = again.map(|from| format!(" (and from {} on again)", minute(from)));
        format!(
            "Bundle {} is in {}: {} from {} to {}{}, {} bytes.",
            made.sequence,
            made.file,
            counted(made.records, "record"),
            minute(&made.reported_start),
            minute(&made.reported_end),
            again.unwrap_or_default(),
            count(made.bytes),
        )
    })?;
    printer.hint(
        "Carry it to the platform's side, import it there with `meterbridge usage import FILE --receipt RECEIPT`, and bring \
         the receipt back to `meterbridge bridge accept-receipt`.",
    );
    Ok(())
}

/// What is said to whoever waits for a file: the work may go on for hours by itself, and looks as if it hung.
fn waits(trouble: &Trouble) -> String {
    format!(
        "{trouble} Ctrl-C ends it; the same command, given soon, goes on with what it has read that is still good."
    )
}

/// What somebody has to look at, though the bundle was made.
fn warnings(made: &Exported) -> Vec<String> {
    let taken_back = made.taken_back.iter().map(|number| {
        format!("Bundle {number} has a receipt and counts as not taken in from now on: what it held is exported again.")
    });
    let unlisted = made.unlisted.iter().map(|entry| {
        format!(
            "The stack's directory has an entry that cannot be read, {entry}. It was left out: where nothing is known of it \
             yet, its usage falls to the stack's default subscription."
        )
    });
    taken_back.chain(unlisted).collect()
}

/// Accepts a receipt.
///
/// # Errors
/// If it is not a good one, or of something else.
pub(super) fn accept(args: AcceptReceiptArgs, printer: &Printer) -> Result<(), Failure> {
    let text = String::from_utf8(document(&args.receipt)?).map_err(|error| {
        Failure::new(format!("{} is no receipt.", args.receipt.display()))
            .coded("InvalidReceipt")
            .because(error.to_string())
    })?;
    let accepted = open(args.bridge)?.accept_receipt(&text).map_err(refused)?;
    printer.show(&accepted, || {
        let still = match accepted.still_quarantined {
            0 => String::new(),
            some => format!(" (and {} since an earlier delivery)", count(some)),
        };
        format!(
            "Bundle {} was taken in at {}: {} received, {} of them in quarantine{still}. {} still outstanding.",
            accepted.sequence,
            minute(&accepted.taken_at),
            counted(accepted.received, "record"),
            count(accepted.quarantined),
            counted(accepted.outstanding as u64, "bundle"),
        )
    })?;
    if accepted.restored {
        printer.hint("That bundle was not known here. It is now, and the next export follows it.");
    }
    Ok(())
}

/// Lists what was made.
///
/// # Errors
/// If it cannot be read.
pub(super) fn list(args: BundlesArgs, printer: &Printer) -> Result<(), Failure> {
    let config = configuration::of_bridge(args.bridge)?;
    let bundles = StackSide::list(&config, &environment()).map_err(refused)?;
    BUNDLES.show(&bundles, printer)
}

fn open(args: BridgeArgs) -> Result<StackSide, Failure> {
    StackSide::open(&configuration::of_bridge(args)?, &environment()).map_err(refused)
}

/// An hour that the parser of arguments has read before.
fn hour(text: Option<&str>) -> Result<Option<Hour>, Failure> {
    let hour = text.map(str::parse::<Hour>).transpose();
    hour.map_err(|error| Failure::usage(error.to_string()))
}

//! A bundle: verified here and by the server before anything of it is delivered, then delivered part by part, then taken in
//! as a whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use bridge::Trouble;
use bridge::bundle::{BundleFile, Content, write_new};
use bytes::Bytes;
use client::{Client, ClientError, Delivery, Encoding, Format};
use domain::bundle::delivery_name;
use serde::Serialize;
use tokio::task::JoinSet;
use wire::bundle::{BundleReceipt, CheckedBundle, DECLARATION, Part, SignedReceipt};

use super::outcome::{charged_to_nobody, waiting_still};
use super::reading::{Files, Source};
use super::sending::IN_FLIGHT_MAX;
use crate::args::{ImportArgs, ServerArgs};
use crate::commands::revisions::{HOW_TO_MAKE_THEM_COUNT, NotCounting};
use crate::commands::stack_credential::{StackCredential, stack_credential};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Progress};

const GOES_ON: &str =
    "What was delivered stays. Import the same file again: it goes on with what is missing.";

/// What came of a bundle.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    cloud_id: String,
    sequence: u32,
    digest: String,
    reported_start: String,
    reported_end: String,
    /// From here on hours before were read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_again_from: Option<String>,
    /// Whether hours before, though nobody reported them, are left out.
    leaves_out_earlier: bool,
    parts: usize,
    /// Whether it was taken in before.
    taken_before: bool,
    /// How many deliveries are missing.
    missing: usize,
    dry_run: bool,
    records: u64,
    accepted: u64,
    duplicate: u64,
    revised: u64,
    #[serde(skip_serializing_if = "NotCounting::is_unknown")]
    revised_not_counting: NotCounting,
    quarantined: u64,
    /// Of the duplicates, those that wait in quarantine since an earlier delivery.
    still_quarantined: u64,
    /// Records of what was delivered now whose hours are before the registration, or after it.
    unregistered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// Imports a bundle.
///
/// # Errors
/// If it is broken, foreign or not the next one: then nothing of it was delivered. Or if a delivery does not arrive.
pub(super) async fn import_bundle(
    server: &ServerArgs,
    args: &ImportArgs,
    files: &Files,
    printer: &Printer,
) -> Result<(), Failure> {
    let [source] = files.sources() else {
        return Err(Failure::usage("One bundle is imported at a time.").hint(
            "Import them one after the other, in the order in which they were made. Nothing was delivered.",
        ));
    };
    nothing_else_said(args)?;
    let mut bundle = BundleFile::open(source.path()).map_err(refused)?;
    verify(&mut bundle, printer)?;
    let StackCredential { client, cloud_id } = credential(server, args, &bundle, source).await?;
    let checked = client.check_bundle(&cloud_id, bundle.announced()).await?;
    let receipt = args.receipt.as_deref();
    let receipt = receipt
        .map(|path| ReceiptFile::of(path, &checked.digest))
        .transpose()?;
    let mut outcome = described(&bundle, &checked, args.summary.dry_run);
    if !args.summary.dry_run {
        let import = Import {
            client,
            cloud_id,
            digest: checked.digest.clone(),
            unregistered: AtomicU64::new(0),
        };
        let (signed, unregistered) = import.deliver(&mut bundle, &checked, printer).await?;
        outcome.add(&signed)?;
        outcome.unregistered = unregistered;
        outcome.missing = 0;
        if let Some(receipt) = receipt {
            receipt.keep(&signed)?;
            outcome.receipt = Some(receipt.path.display().to_string());
        }
    }
    outcome.report(printer)
}

/// What a bundle says itself is not said beside it.
fn nothing_else_said(args: &ImportArgs) -> Result<(), Failure> {
    let said = [
        ("--reported-start", args.reported_start.is_some()),
        ("--reported-end", args.reported_end.is_some()),
        ("--reported-through", args.reported_through.is_some()),
        ("--no-compression", args.no_compression),
        ("--fail-on-quarantine", args.fail_on_quarantine),
    ];
    let said = said
        .into_iter()
        .filter(|(_, said)| *said)
        .map(|(option, _)| option);
    // Of what is said of summaries, this alone has a meaning here.
    let of_summaries = args.summary.given().filter(|option| *option != "--dry-run");
    match said.chain(of_summaries).next() {
        None => Ok(()),
        Some(option) => Err(Failure::usage(format!("{option} does not go with a bundle."))
            .hint("Leave it out: a bundle says itself what it holds. Nothing was delivered.")),
    }
}

/// Where the receipt is written to: where nothing is. If it is there already, a command that is repeated is done.
struct ReceiptFile<'p> {
    path: &'p Path,
    /// What is there: a receipt of this bundle.
    there: Option<SignedReceipt>,
}

impl<'p> ReceiptFile<'p> {
    /// Before anything is delivered.
    ///
    /// # Errors
    /// If anything else is there than a receipt of the bundle with this digest.
    fn of(path: &'p Path, digest: &str) -> Result<Self, Failure> {
        if path.symlink_metadata().is_err() {
            return Ok(Self { path, there: None });
        }
        let is_of_this = |signed: &SignedReceipt| {
            let receipt = serde_json::from_str::<BundleReceipt>(&signed.receipt);
            receipt.is_ok_and(|it| it.bundle.digest == digest)
        };
        let there = fs::read(path).ok();
        let there = there.and_then(|there| serde_json::from_slice(&there).ok());
        match there.filter(is_of_this) {
            Some(there) => Ok(Self {
                path,
                there: Some(there),
            }),
            None => Err(Self::exists(path).hint("Name another file with --receipt. Nothing was delivered.")),
        }
    }

    /// Writes the receipt, unless it is there.
    ///
    /// # Errors
    /// If it cannot be written, or another receipt of this bundle is there.
    fn keep(&self, signed: &SignedReceipt) -> Result<(), Failure> {
        const AGAIN: &str =
            "The bundle is taken in. `meterbridge stack bundle-receipt` prints its receipt again.";
        let Some(there) = &self.there else {
            return write_receipt(self.path, signed)
                .map_err(|error| Failure::file(self.path, &error).hint(AGAIN));
        };
        if there.receipt == signed.receipt {
            return Ok(());
        }
        Err(Self::exists(self.path)
            .because("it holds another receipt of this bundle, which the platform does not give any more")
            .hint(AGAIN))
    }

    fn exists(path: &Path) -> Failure {
        let what = format!("{} is there already, and is not overwritten.", path.display());
        Failure::new(what).coded("FileExists")
    }
}

/// Reads all of it before anything is delivered.
fn verify(bundle: &mut BundleFile, printer: &Printer) -> Result<(), Failure> {
    let parts = bundle.manifest().parts.len();
    let progress = printer.progress(u64::try_from(parts).ok(), "parts verified");
    bundle.directory().map_err(refused)?;
    for number in 1..=parts {
        bundle.part(number).map_err(refused)?;
        progress.add(1);
    }
    Ok(())
}

async fn credential(
    server: &ServerArgs,
    args: &ImportArgs,
    bundle: &BundleFile,
    source: &Source,
) -> Result<StackCredential, Failure> {
    let of = bundle.manifest().stack.to_string();
    if let Some(named) = args
        .cloud_id
        .as_deref()
        .filter(|named| !named.eq_ignore_ascii_case(&of))
    {
        return Err(
            Failure::new(format!("{source} is a bundle of stack {of}, not of {named}."))
                .coded("BundleOfAnotherStack")
                .hint("Leave --cloud-id out, or import the bundle of that stack. Nothing was delivered."),
        );
    }
    stack_credential(server, &args.key, Some(&of)).await
}

fn described(bundle: &BundleFile, checked: &CheckedBundle, dry_run: bool) -> Outcome {
    let manifest = bundle.manifest();
    Outcome {
        cloud_id: manifest.stack.to_string(),
        sequence: checked.sequence,
        digest: checked.digest.clone(),
        reported_start: manifest.window.start().to_string(),
        reported_end: manifest.window.end().to_string(),
        read_again_from: manifest.read_again_from.map(|hour| hour.to_string()),
        leaves_out_earlier: manifest.leaves_out_earlier,
        parts: manifest.parts.len(),
        taken_before: checked.taken,
        missing: checked.missing.len(),
        dry_run,
        records: manifest.records(),
        ..Outcome::default()
    }
}

/// One import under way.
struct Import {
    client: Client,
    cloud_id: String,
    digest: String,
    unregistered: AtomicU64,
}

impl Import {
    /// Returns the receipt, and how many records are of hours in which the stack was not registered.
    async fn deliver(
        self,
        bundle: &mut BundleFile,
        checked: &CheckedBundle,
        printer: &Printer,
    ) -> Result<(SignedReceipt, u64), Failure> {
        if !checked.taken
            && let Some(Content { bytes, .. }) = bundle.directory().map_err(refused)?
        {
            // Who was on the stack when the bundle was made, whenever it is imported.
            let as_of = format!("{:.0}", bundle.manifest().made_at);
            let taken = self.client.put_carried_directory(&self.cloud_id, bytes, &as_of);
            taken.await.map_err(broken_off)?;
        }
        let parts = bundle.manifest().parts.len();
        let missing = checked.missing.iter().copied().filter(|number| *number <= parts);
        let progress = printer.progress(u64::try_from(parts).ok(), "parts");
        progress.reach(u64::try_from(parts.saturating_sub(missing.clone().count())).unwrap_or_default());
        let import = Arc::new(self);
        deliver_parts(&import, bundle, missing, &progress).await?;
        progress.finish();
        import.declare(bundle).await?;
        let taken = import
            .client
            .take_bundle(&import.cloud_id, &import.digest, bundle.announced());
        let signed = taken.await.map_err(broken_off)?;
        Ok((signed, import.unregistered.load(Ordering::Relaxed)))
    }

    async fn part(&self, number: usize, part: Part, compressed: Bytes) -> Result<(), ClientError> {
        let (start, end) = (part.hour.to_string(), part.hour.plus(1).to_string());
        let name = self.name(number);
        let delivery = Delivery {
            body: compressed,
            format: Format::Ndjson,
            encoding: Some(Encoding::Zstd),
            reported_start: Some(&start),
            reported_end: Some(&end),
            reported_through: None,
            idempotency_key: Some(&name),
            known_receipts: None,
        };
        let delivered = self.client.deliver_usage(&self.cloud_id, delivery).await?;
        self.unregistered
            .fetch_add(delivered.unregistered.into(), Ordering::Relaxed);
        Ok(())
    }

    /// Says how far the stack has reported, when everything up to there has arrived.
    async fn declare(&self, bundle: &BundleFile) -> Result<(), Failure> {
        let manifest = bundle.manifest();
        let declared = manifest.declared();
        let (start, end) = (declared.start().to_string(), declared.end().to_string());
        let name = self.name(manifest.parts.len() + 1);
        let delivery = Delivery {
            body: Bytes::from_static(DECLARATION.as_bytes()),
            format: Format::Json,
            encoding: None,
            reported_start: Some(&start),
            reported_end: Some(&end),
            reported_through: Some(&end),
            idempotency_key: Some(&name),
            known_receipts: None,
        };
        let declared = self.client.deliver_usage(&self.cloud_id, delivery).await;
        declared.map(drop).map_err(broken_off)
    }

    fn name(&self, number: usize) -> String {
        // The server has said what the digest is, and it is one.
        self.digest
            .parse()
            .map_or_else(|_| String::new(), |digest| delivery_name(digest, number))
    }
}

async fn deliver_parts(
    import: &Arc<Import>,
    bundle: &mut BundleFile,
    missing: impl Iterator<Item = usize>,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut in_flight = JoinSet::new();
    for number in missing {
        while in_flight.len() >= IN_FLIGHT_MAX {
            arrived(in_flight.join_next().await, progress)?;
        }
        let (part, content) = bundle.part(number).map_err(refused)?;
        let import = Arc::clone(import);
        in_flight.spawn(async move { import.part(number, part, content.compressed).await });
    }
    while let Some(sent) = in_flight.join_next().await {
        arrived(Some(sent), progress)?;
    }
    Ok(())
}

fn arrived(
    sent: Option<Result<Result<(), ClientError>, tokio::task::JoinError>>,
    progress: &Progress,
) -> Result<(), Failure> {
    let Some(sent) = sent else { return Ok(()) };
    let sent = sent.map_err(|error| Failure::new("A delivery was cut off.").because(error.to_string()))?;
    sent.map_err(broken_off)?;
    progress.add(1);
    Ok(())
}

fn broken_off(error: ClientError) -> Failure {
    let failure = Failure::from(error);
    match failure.hint_text() {
        Some(hint) => {
            let hint = format!("{hint} {GOES_ON}");
            failure.hint(hint)
        }
        None => failure.hint(GOES_ON),
    }
}

fn refused(trouble: Trouble) -> Failure {
    Failure::new(trouble.message)
        .coded(trouble.code.into_owned())
        .hint(format!("{} Nothing of it was delivered.", trouble.advice))
}

fn write_receipt(path: &Path, signed: &SignedReceipt) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(signed)?;
    text.push(b'\n');
    write_new(path, &text)
}

impl Outcome {
    fn add(&mut self, signed: &SignedReceipt) -> Result<(), Failure> {
        let receipt: BundleReceipt = serde_json::from_str(&signed.receipt).map_err(|error| {
            Failure::new("The receipt of the server cannot be read.").because(error.to_string())
        })?;
        for batch in &receipt.batches {
            self.accepted += u64::from(batch.accepted);
            self.duplicate += u64::from(batch.duplicate);
            self.revised += u64::from(batch.revised);
            self.revised_not_counting
                .add(batch.revised, batch.revised_not_counting);
            self.quarantined += u64::from(batch.quarantined);
            self.still_quarantined += u64::from(batch.still_quarantined);
        }
        self.taken_at = Some(receipt.bundle.taken_at);
        Ok(())
    }

    fn report(&self, printer: &Printer) -> Result<(), Failure> {
        printer.show(self, || self.in_words())?;
        if self.leaves_out_earlier {
            printer.warning(&format!(
                "Whoever made it has said that nothing is reported of the hours before {}: they are left out for good.",
                self.reported_start
            ));
        }
        for text in self.attention() {
            printer.warning(&text);
        }
        if self.revised_not_counting.any() {
            printer.hint(HOW_TO_MAKE_THEM_COUNT);
        }
        match &self.receipt {
            Some(path) => printer.hint(&format!(
                "Bring {path} back to the stack's side, to `meterbridge bridge accept-receipt`."
            )),
            None if !self.dry_run => printer.hint(&format!(
                "The stack's side waits for the receipt: `meterbridge stack bundle-receipt {} {}` prints it.",
                self.cloud_id, self.sequence
            )),
            None => {}
        }
        Ok(())
    }

    /// What cannot be counted.
    fn attention(&self) -> Vec<String> {
        let mut texts = Vec::new();
        if self.quarantined > 0 {
            texts.push(format!(
                "{} could not be counted: `meterbridge usage quarantine --stack {}` lists them.",
                counted(self.quarantined, "record"),
                self.cloud_id
            ));
        }
        if self.still_quarantined > 0 {
            texts.push(waiting_still(self.still_quarantined));
        }
        if self.unregistered > 0 {
            texts.push(charged_to_nobody(self.unregistered, &self.cloud_id));
        }
        texts
    }

    fn in_words(&self) -> String {
        let Self {
            sequence,
            cloud_id,
            reported_start,
            reported_end,
            ..
        } = self;
        let parts = counted(self.parts as u64, "part");
        let records = counted(self.records, "record");
        let again = self.read_again_from.as_ref();
        let again = again.map_or_else(String::new, |from| format!(" (and from {from} on again)"));
        let what = format!(
            "Bundle {sequence} of stack {cloud_id}, {reported_start} to {reported_end}{again}: {records} in {parts}."
        );
        if self.dry_run {
            let then = if self.taken_before {
                "It was taken in before: importing it again changes nothing.".to_owned()
            } else {
                format!(
                    "It is whole, good and the next one. Deliveries that would be made: {}.",
                    self.missing
                )
            };
            return format!("{what}\n{then} Nothing was delivered.");
        }
        let [accepted, duplicate, revised, quarantined] =
            [self.accepted, self.duplicate, self.revised, self.quarantined].map(count);
        let taken = if self.taken_before {
            "It was taken in before"
        } else {
            "It is taken in"
        };
        format!(
            "{what}\n{taken}: {accepted} accepted, {duplicate} duplicate, {revised} revised{}, {quarantined} in quarantine.",
            self.revised_not_counting.in_brackets(),
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Import {
        #[command(flatten)]
        args: ImportArgs,
    }

    #[test]
    fn what_is_said_of_the_hours_of_a_bundle_would_be_passed_over_in_silence() {
        for (said, refused) in [
            ("--time-zone=+02:00", Some("--time-zone does not go")),
            ("--decimal-comma", Some("--decimal-comma does not go")),
            ("--no-compression", Some("--no-compression does not go")),
            ("--dry-run", None),
        ] {
            let import = Import::try_parse_from(["import", said, "a.bundle"]).unwrap();
            let answer = nothing_else_said(&import.args).map_err(|failure| format!("{failure:?}"));
            let why = answer.err();
            assert_eq!(why.is_some(), refused.is_some(), "{said}");
            assert!(
                why.unwrap_or_default().contains(refused.unwrap_or_default()),
                "{said}"
            );
        }
    }

    #[test]
    fn a_bundle_whose_records_wait_since_an_earlier_one_is_not_said_to_be_all_well() {
        let receipt = json!({"format": "", "cloudId": "", "registrationId": "", "sequence": 2, "digest": "",
            "reportedStart": "", "reportedEnd": "", "parts": 1, "records": 10, "takenAt": "2026-10-01T00:00:00Z",
            "batches": [{"batchId": "b", "sequence": 3, "receivedAt": "", "reportedStart": "", "received": 10, "accepted": 8,
                "duplicate": 2, "revised": 0, "quarantined": 0, "stillQuarantined": 2, "digest": "", "chain": ""}]});
        let signed = json!({"receipt": receipt.to_string(), "signature": "", "key": {"n": "", "e": ""}});
        let mut outcome = Outcome::default();
        outcome.add(&serde_json::from_value(signed).unwrap()).unwrap();
        outcome.unregistered = 3;
        let shown = serde_json::to_value(&outcome).unwrap();
        assert_eq!(
            (&shown["stillQuarantined"], &shown["unregistered"]),
            (&json!(2), &json!(3))
        );
        let texts = outcome.attention();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts[1].starts_with("3 records of hours in which the stack was not registered"),
            "{texts:?}"
        );
        assert!(
            texts[0].starts_with("2 records of the duplicates cannot be counted"),
            "{texts:?}"
        );
    }
}

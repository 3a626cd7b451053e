//! `usage quarantine`: what could not be counted, and what is done about it.

use client::Client;
use domain::quarantine::RECORDS_PER_ACT_MAX;
use domain::usage::QuarantineCode;
use wire::api::{
    MendedRecord, PurgeQuarantined, QuarantineAct, QuarantineCount, QuarantineFilter, QuarantinePurged,
    QuarantineReleased, QuarantineSelection, QuarantinedRecord, ReleaseQuarantined,
};
use wire::usage::{NotMended, with_member};

use super::minute;
use crate::agreement::agreed;
use crate::args::{ActArgs, PurgeArgs, QuarantineArgs, QuarantineCommand, ReleaseArgs, ServerArgs, StateArg};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::settings::{caller, document};
use crate::table::{Listing, left, right};

/// How much of a record is shown; with JSON as output, all of it.
const RAW_SHOWN_CHARS: usize = 60;

const RECORDS: Listing<QuarantinedRecord> = Listing(&[
    (right("NO."), |it| it.position.to_string()),
    (left("RECEIVED").rank(1), |it| minute(&it.received_at)),
    (left("STACK").rank(2), |it| it.cloud_id.clone()),
    (left("BATCH").rank(3), |it| it.batch_id.clone()),
    (right("INDEX"), |it| it.index.to_string()),
    (left("CODE"), |it| it.code.clone()),
    (left("MESSAGE").wraps(), |it| it.message.clone()),
    (left("RECORD").wraps(), |it| beginning(&it.raw)),
]);

const COUNTS: Listing<QuarantineCount> = Listing(&[
    (left("STACK"), |it| it.cloud_id.clone()),
    (left("CODE"), |it| it.code.clone()),
    (right("RECORDS"), |it| count(it.records)),
    (left("FIRST RECEIVED"), |it| minute(&it.first_received)),
    (left("LAST RECEIVED"), |it| minute(&it.last_received)),
]);

const HISTORY: Listing<QuarantineAct> = Listing(&[
    (left("AT"), |it| minute(&it.at)),
    (left("BY"), |it| {
        it.by_name.clone().unwrap_or_else(|| it.by.clone())
    }),
    (left("ACT"), |it| it.act.clone()),
    (right("DONE"), |it| {
        format!("{} of {}", count(it.done), count(it.named))
    }),
    (left("POSITIONS").wraps(), |it| it.positions.clone()),
    (left("REASON").wraps(), |it| it.reason.clone()),
]);

pub(super) async fn quarantine(
    server: &ServerArgs,
    args: QuarantineArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let client = caller(server).await?;
    match args.command {
        None => list(&client, &args.filter.filter(), args.state.as_str(), printer).await,
        Some(QuarantineCommand::Summary { stack }) => {
            let counts = client.quarantine_summary(stack.as_deref()).await?;
            COUNTS.show(&counts, printer)?;
            if !counts.is_empty() {
                printer.hint("`meterbridge usage quarantine --code CODE` lists the records.");
            }
            Ok(())
        }
        Some(QuarantineCommand::Release(args)) => release(&client, args, printer).await,
        Some(QuarantineCommand::Purge(args)) => purge(&client, &args, printer).await,
        Some(QuarantineCommand::History) => HISTORY.show(&client.quarantine_history().await?, printer),
    }
}

async fn list(
    client: &Client,
    filter: &QuarantineFilter,
    state: &str,
    printer: &Printer,
) -> Result<(), Failure> {
    let records = client.quarantine(filter, Some(state)).await?;
    RECORDS.show(&records, printer)?;
    if records.iter().any(|it| beginning(&it.raw).ends_with('…')) {
        printer.hint("RECORD is the beginning of what was sent; `--output json` has all of it, as `raw`.");
    }
    Ok(())
}

async fn release(client: &Client, args: ReleaseArgs, printer: &Printer) -> Result<(), Failure> {
    let positions = positions(client, &args.act).await?;
    let mended = mended(client, &args, &positions).await?;
    let request = |positions: &[u64], dry_run| ReleaseQuarantined {
        records: at(positions),
        mended: mended.clone(),
        reason: args.act.reason.clone(),
        dry_run,
    };
    if args.act.dry_run || !args.act.yes {
        let mut expected = Vec::new();
        for some in positions.chunks(RECORDS_PER_ACT_MAX) {
            expected.push(client.release_quarantined(&request(some, true)).await?);
        }
        if args.act.dry_run {
            printer.show_list(&expected, || released_in_words("would be released", &expected))?;
            return all_released(&expected);
        }
        printer.request(&released_in_words("would be released", &expected));
        agreed("Release them?", false)?;
    }
    let mut released = Vec::new();
    for some in positions.chunks(RECORDS_PER_ACT_MAX) {
        released.push(client.release_quarantined(&request(some, false)).await?);
    }
    printer.show_list(&released, || released_in_words("released", &released))?;
    all_released(&released)
}

/// No record waits on.
///
/// # Errors
/// If some do: what to do about them depends on why.
fn all_released(released: &[QuarantineReleased]) -> Result<(), Failure> {
    let waiting = || released.iter().flat_map(|it| &it.waiting);
    let because = |code: QuarantineCode| waiting().any(|it| it.code == code.as_str());
    if waiting().next().is_none() {
        return Ok(());
    }
    let hint = if because(QuarantineCode::UsageInFuture) {
        "What is in the future counts when its hour has come: release it again then. If the stack's clock or the year was \
         wrong, give both times with --set properties.usageStartTime=HOUR and --set properties.usageEndTime=HOUR, or purge it."
    } else if because(QuarantineCode::GranularityConflict) {
        "The series is on that day what came first, by the hour or as a whole. If that was wrong, \"When the wrong \
         granularity came first\" in docs/usage.md says how to set the day right."
    } else {
        "Release one with --set or --mended, deliver it again as it should be, or purge it."
    };
    let waiting = counted(waiting().count() as u64, "record");
    Err(Failure::in_part(format!("{waiting} still cannot be counted."))
        .coded("StillInQuarantine")
        .hint(hint))
}

async fn purge(client: &Client, args: &PurgeArgs, printer: &Printer) -> Result<(), Failure> {
    let positions = positions(client, &args.act).await?;
    let request = |positions: &[u64], dry_run| PurgeQuarantined {
        records: at(positions),
        reason: args.act.reason.clone(),
        dry_run,
    };
    if args.act.dry_run || !args.act.yes {
        let mut expected = Vec::new();
        for some in positions.chunks(RECORDS_PER_ACT_MAX) {
            expected.push(client.purge_quarantined(&request(some, true)).await?);
        }
        if args.act.dry_run {
            return printer.show_list(&expected, || purged_in_words("would be purged", &expected));
        }
        printer.request(&purged_in_words("would be purged", &expected));
        agreed("Remove their texts for good?", false)?;
    }
    let mut purged = Vec::new();
    for some in positions.chunks(RECORDS_PER_ACT_MAX) {
        purged.push(client.purge_quarantined(&request(some, false)).await?);
    }
    printer.show_list(&purged, || purged_in_words("purged", &purged))
}

fn at(positions: &[u64]) -> QuarantineSelection {
    QuarantineSelection {
        positions: positions.to_vec(),
        ..QuarantineSelection::default()
    }
}

/// The positions of the records that are meant: as many as expected, if a number is.
async fn positions(client: &Client, args: &ActArgs) -> Result<Vec<u64>, Failure> {
    let filter = args.filter.filter();
    let positions = match &args.positions {
        Some(positions) => positions.as_slice().to_vec(),
        None if filter == QuarantineFilter::default() && !args.all => {
            return Err(Failure::usage("It is not said which records are meant.")
                .hint("Give their numbers, such as 3-7,9, or what they have in common, such as --code; or say --all."));
        }
        None => {
            let found = client.quarantine(&filter, None).await?;
            found.iter().map(|it| it.position).collect()
        }
    };
    let found = positions.len() as u64;
    if let Some(expected) = args.expect.filter(|expected| *expected != found) {
        let are = counted(found, "record");
        let failure = Failure::new(format!("Nothing was done: it is {are}, not {expected}."));
        return Err(failure
            .coded("QuarantineCountDiffers")
            .hint("Look at them with `meterbridge usage quarantine` and the same options."));
    }
    Ok(positions)
}

/// The text to read the one record from instead of its own, if one is given.
async fn mended(
    client: &Client,
    args: &ReleaseArgs,
    positions: &[u64],
) -> Result<Vec<MendedRecord>, Failure> {
    if args.mended.is_none() && args.set.is_empty() {
        return Ok(Vec::new());
    }
    let &[position] = positions else {
        return Err(Failure::usage("One record at a time can be mended.").hint("Give its number alone."));
    };
    let record = match &args.mended {
        Some(file) => String::from_utf8(document(file)?)
            .map_err(|_| Failure::new(format!("{} is no text in UTF-8.", file.display())))?,
        None => {
            let found = client.quarantined_at(position).await?;
            // What is released or purged already has nothing that could be mended: the server says so.
            let waits = |it: &QuarantinedRecord| it.state == StateArg::Waiting.as_str();
            let Some(waiting) = found.into_iter().find(waits) else {
                return Ok(Vec::new());
            };
            args.set
                .iter()
                .try_fold(waiting.raw, |raw, set| with_set(&raw, set))?
        }
    };
    Ok(vec![MendedRecord { position, record }])
}

/// A record with another value for one member.
fn with_set(raw: &str, set: &str) -> Result<String, Failure> {
    let Some((member, value)) = set.split_once('=') else {
        return Err(Failure::usage(format!("--set {set} names no value."))
            .hint("Say it as in --set properties.quantity=1.5"));
    };
    with_member(raw, member, value).map_err(|error| not_set(&error))
}

fn not_set(error: &NotMended) -> Failure {
    let mended = "the whole record as it should have been goes with --mended FILE.";
    match error {
        NotMended::Unknown { member, nearest } => {
            let hint = nearest.as_ref().map_or_else(
                || format!("If it shall have one, {mended}"),
                |nearest| format!("Is it {nearest}? If the record shall have another member, too, {mended}"),
            );
            Failure::new(format!(
                "The record has no member {member}, and nothing would read one."
            ))
            .coded("UnknownMember")
            .hint(hint)
        }
        NotMended::NoPlace { member } => Failure::new(format!("The record has no place for one {member}."))
            .hint(format!("If it shall have one, {mended}")),
    }
}

fn released_in_words(done: &str, all: &[QuarantineReleased]) -> String {
    let batches = || all.iter().flat_map(|it| &it.batches);
    let sum = |of: fn(&wire::api::ReleasedBatch) -> u32| count(batches().map(|it| u64::from(of(it))).sum());
    let released: u64 = all.iter().map(|it| u64::from(it.released)).sum();
    let mut text = format!(
        "{} {done}: {} accepted, {} duplicate, {} revised",
        counted(released, "record"),
        sum(|it| it.accepted),
        sum(|it| it.duplicate),
        sum(|it| it.revised),
    );
    for it in all.iter().flat_map(|it| &it.waiting) {
        text.push_str(&format!(
            "\n  {} waits on, {}: {}",
            it.position, it.code, it.message
        ));
    }
    gone_in_words(&mut text, all.iter().flat_map(|it| &it.gone));
    text
}

fn purged_in_words(done: &str, all: &[QuarantinePurged]) -> String {
    let purged: usize = all.iter().map(|it| it.purged.len()).sum();
    let mut text = format!("{} {done}", counted(purged as u64, "record"));
    gone_in_words(&mut text, all.iter().flat_map(|it| &it.gone));
    text
}

fn gone_in_words<'g>(text: &mut String, gone: impl Iterator<Item = &'g u64>) {
    for position in gone {
        text.push_str(&format!("\n  {position} had been released or purged before"));
    }
}

/// The beginning of a record as it was sent, with its white space drawn together.
fn beginning(raw: &str) -> String {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut beginning: String = text.chars().take(RAW_SHOWN_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_recognised_by_its_beginning() {
        assert_eq!(beginning("{\n  \"q\": \"x\"\n}"), "{ \"q\": \"x\" }");
        let long = beginning(&"é".repeat(RAW_SHOWN_CHARS + 1));
        assert_eq!(long, format!("{}…", "é".repeat(RAW_SHOWN_CHARS)));
    }

    #[test]
    fn what_to_do_about_a_record_that_waits_on_depends_on_why() {
        let released = |code: &str| QuarantineReleased {
            act_id: None,
            dry_run: true,
            released: 0,
            batches: Vec::new(),
            waiting: vec![wire::api::StillWaiting {
                position: 1,
                code: code.to_owned(),
                message: "…".to_owned(),
            }],
            gone: Vec::new(),
        };
        for (code, hint) in [
            ("UsageInFuture", "when its hour has come"),
            ("GranularityConflict", "docs/usage.md"),
            ("InvalidQuantity", "--set or --mended"),
        ] {
            let failure = all_released(&[released(code)]).unwrap_err();
            assert!(failure.hint_text().unwrap().contains(hint), "{code}: {failure:?}");
        }
        all_released(&[]).unwrap();
    }

    #[test]
    fn a_value_that_is_no_json_is_a_text() {
        let raw = r#"{"properties":{"quantity":"1,5","meterId":1}}"#;
        let with = |set| with_set(raw, set).unwrap();
        assert_eq!(
            with("properties.quantity=1.5"),
            r#"{"properties":{"quantity":1.5,"meterId":1}}"#
        );
        assert_eq!(
            with("properties.meterId=b5c1"),
            r#"{"properties":{"quantity":"1,5","meterId":"b5c1"}}"#
        );
        assert!(with_set(raw, "quantity").is_err() && with_set("[]", "properties=1").is_err());
        let unknown = with_set(raw, "quantity=1.5").unwrap_err();
        assert_eq!(unknown.code(), "UnknownMember");
        assert!(
            unknown.hint_text().unwrap().contains("properties.quantity"),
            "{unknown:?}"
        );
        let nowhere = with_set("[]", "properties=1").unwrap_err();
        assert!(
            nowhere.hint_text().unwrap().contains("--mended FILE"),
            "{nowhere:?}"
        );
    }
}

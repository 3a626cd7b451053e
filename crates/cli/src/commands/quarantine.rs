//! `usage quarantine`: what could not be counted, and what is done about it.

mod acting;

use client::Client;
use domain::quarantine::Positions;
use domain::usage::QuarantineCode;
use wire::api::{
    MendedRecord, PurgeQuarantined, QuarantineAct, QuarantineCount, QuarantineFilter, QuarantineSelection,
    QuarantinedRecord, ReleaseQuarantined,
};
use wire::usage::{Glimpse, NotMended, with_member};

use self::acting::{Sums, Words, act};
use super::minute;
use crate::args::{PurgeArgs, QuarantineArgs, QuarantineCommand, ReleaseArgs, ServerArgs, StateArg};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;
use crate::settings::{caller, document};
use crate::table::{Listing, left, right};

/// How much of a record, or of something that it says, is shown; with JSON as output, all of it.
const SHOWN_CHARS: usize = 60;

/// What to do about usage of hours that have not come.
const IN_FUTURE: &str = "What is in the future counts when its hour has come: release it then. Clocks that differ by less than an hour \
                         put nothing here, so look at the stack's clock and at this server's, and at the year. If the times are \
                         wrong, give both with --set properties.usageStartTime=HOUR and --set properties.usageEndTime=HOUR, or \
                         purge it.";

/// With what a record is told from others of the same reason, and the record in the last column.
macro_rules! records {
    ($record:expr) => {
        Listing(&[
            (right("NO."), |it| it.position.to_string()),
            (left("RECEIVED").rank(1), |it| minute(&it.received_at)),
            (left("STACK").rank(2), |it| it.cloud_id.clone()),
            (left("BATCH").rank(3), |it| it.batch_id.clone()),
            (right("INDEX").rank(4), |it| it.index.to_string()),
            (left("CODE"), |it| it.code.clone()),
            (left("HOUR"), |it| told(Glimpse::of(&it.raw).start.map(hour))),
            (left("RESOURCE").wraps(), |it| {
                told(Glimpse::of(&it.raw).resource.map(str::to_owned))
            }),
            (left("METER").rank(5), |it| {
                told(Glimpse::of(&it.raw).meter.map(str::to_owned))
            }),
            (left("MESSAGE").wraps(), |it| it.message.clone()),
            (left("RECORD").rank(6), $record),
        ])
    };
}

/// Where lines are as long as they have to be, nothing is left out.
const RECORDS: Listing<QuarantinedRecord> = records!(|it| it.raw.clone());
const RECORDS_ON_TERMINAL: Listing<QuarantinedRecord> = records!(|it| beginning_of_unknown(&it.raw));

/// What is known of it, or a sign that nothing is.
fn told(seen: Option<String>) -> String {
    seen.map_or_else(|| "-".to_owned(), |seen| beginning(&seen))
}

/// A time as it was sent, as short as other times are shown.
fn hour(sent: &str) -> String {
    let of_utc = sent.strip_suffix("+00:00").map(|time| format!("{time}Z"));
    minute(of_utc.as_deref().unwrap_or(sent))
}

/// All records of a stack begin alike: the beginning is shown only of one that is told from others by nothing else.
fn beginning_of_unknown(raw: &str) -> String {
    let seen = Glimpse::of(raw);
    if seen.resource.is_some() || seen.meter.is_some() {
        return String::new();
    }
    beginning(raw)
}

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
    let on_terminal = printer.width().is_some();
    let listing = if on_terminal { RECORDS_ON_TERMINAL } else { RECORDS };
    let (mut pages, mut table) = (
        client.quarantine_pages(filter, Some(state)),
        listing.growing(printer),
    );
    let (mut any, mut in_future, mut beginnings) = (false, false, false);
    while let Some(records) = pages.next().await? {
        any |= !records.is_empty();
        in_future |= records
            .iter()
            .any(|it| it.code == QuarantineCode::UsageInFuture.as_str());
        beginnings |= records.iter().any(|it| it.raw_bytes.is_some());
        table.add(&records)?;
    }
    table.end()?;
    if in_future {
        printer.hint(IN_FUTURE);
    }
    if on_terminal && any {
        printer.hint("`--output json` has all of each record, as `raw`.");
    }
    if beginnings {
        printer.hint("Of records that are too long only the beginning is kept: to release one, give all of it with --mended.");
    }
    Ok(())
}

async fn release(client: &Client, args: ReleaseArgs, printer: &Printer) -> Result<(), Failure> {
    let mended = mended(client, &args).await?;
    let ask = async |positions: Vec<u64>, dry_run| {
        let request = ReleaseQuarantined {
            records: at(positions),
            mended: mended.clone(),
            reason: args.act.reason.clone(),
            dry_run,
        };
        client.release_quarantined(&request).await
    };
    let words = Words {
        done: "released",
        question: "Release them?",
    };
    let released = act(client, &args.act, printer, &words, ask).await?;
    if released.is_outdone() {
        printer.hint(
            "What is released counts as reported when it was delivered first: a quantity that was reported later counts \
             instead, or one that was reported in the same hour and is larger. If that one is wrong, import the file it came \
             in once more with an earlier --reported-start (\"When the wrong granularity came first\" in docs/usage.md).",
        );
    }
    all_released(&released)
}

/// No record waits on.
///
/// # Errors
/// If some do: what to do about them depends on why.
fn all_released(released: &Sums) -> Result<(), Failure> {
    if released.waiting == 0 {
        return Ok(());
    }
    let because = |code: QuarantineCode| released.codes.contains(code.as_str());
    let hint = if because(QuarantineCode::UsageInFuture) {
        IN_FUTURE
    } else if because(QuarantineCode::GranularityConflict) {
        "The series is on that day what came first, by the hour or as a whole. If that was wrong, \"When the wrong \
         granularity came first\" in docs/usage.md says how to set the day right."
    } else {
        "Release one with --set or --mended, deliver it again as it should be, or purge it."
    };
    let waiting = counted(released.waiting, "record");
    Err(Failure::in_part(format!("{waiting} still cannot be counted."))
        .coded("StillInQuarantine")
        .hint(hint))
}

async fn purge(client: &Client, args: &PurgeArgs, printer: &Printer) -> Result<(), Failure> {
    let ask = async |positions: Vec<u64>, dry_run| {
        let request = PurgeQuarantined {
            records: at(positions),
            reason: args.act.reason.clone(),
            dry_run,
        };
        client.purge_quarantined(&request).await
    };
    let words = Words {
        done: "purged",
        question: "Remove their texts for good?",
    };
    act(client, &args.act, printer, &words, ask).await.map(drop)
}

fn at(positions: Vec<u64>) -> QuarantineSelection {
    QuarantineSelection {
        positions,
        ..QuarantineSelection::default()
    }
}

/// The text to read the one record from instead of its own, if one is given.
async fn mended(client: &Client, args: &ReleaseArgs) -> Result<Vec<MendedRecord>, Failure> {
    if args.mended.is_none() && args.set.is_empty() {
        return Ok(Vec::new());
    }
    let positions = args.act.positions.as_ref();
    let &[position] = positions.map_or(&[][..], Positions::as_slice) else {
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
            if let Some(bytes) = waiting.raw_bytes {
                return Err(only_the_beginning(bytes));
            }
            args.set
                .iter()
                .try_fold(waiting.raw, |raw, set| with_set(&raw, set))?
        }
    };
    Ok(vec![MendedRecord { position, record }])
}

/// There is no text that a member could be set in.
fn only_the_beginning(bytes: u64) -> Failure {
    let what = format!(
        "Only the beginning of the record is kept, as it has {} bytes: no member of it can be set.",
        count(bytes)
    );
    Failure::new(what)
        .coded("RecordNotKept")
        .hint("Give the whole record as it should have been with --mended FILE, or have it delivered again.")
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

/// The beginning of a text as it was sent, with its white space drawn together.
fn beginning(raw: &str) -> String {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut beginning: String = text.chars().take(SHOWN_CHARS).collect();
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
        let long = beginning(&"é".repeat(SHOWN_CHARS + 1));
        assert_eq!(long, format!("{}…", "é".repeat(SHOWN_CHARS)));
    }

    #[test]
    fn on_a_terminal_every_record_would_show_the_same_beginning_and_none_could_be_told_from_another() {
        let sent =
            |meter: &str| format!(r#"{{"id":"/subscriptions/s","properties":{{"meterId":"{meter}"}}}}"#);
        assert_eq!(beginning_of_unknown(&sent("fab6eb84")), "");
        assert_eq!(beginning_of_unknown("no record at all"), "no record at all");
        assert_eq!(hour("2024-03-05T13:00:00+00:00"), "2024-03-05 13:00");
        assert_eq!(hour("2024-03-05T13:00:00+02:00"), "2024-03-05T13:00:00+02:00");
        let long = told(Glimpse::of(&sent(&"a".repeat(200_000))).meter.map(str::to_owned));
        assert_eq!(
            long.chars().count(),
            SHOWN_CHARS + 1,
            "one would make the column of all others as wide"
        );
    }

    #[test]
    fn what_to_do_about_a_record_that_waits_on_depends_on_why() {
        for (code, hint) in [
            ("UsageInFuture", "when its hour has come"),
            ("GranularityConflict", "docs/usage.md"),
            ("InvalidQuantity", "--set or --mended"),
        ] {
            let mut released = Sums::default();
            released.waiting = 1;
            released.codes.insert(code.to_owned());
            let failure = all_released(&released).unwrap_err();
            assert!(failure.hint_text().unwrap().contains(hint), "{code}: {failure:?}");
        }
        all_released(&Sums::default()).unwrap();
    }

    #[test]
    fn whoever_looks_a_code_up_would_find_nothing_of_what_to_do() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/usage.md");
        let document = std::fs::read_to_string(document).unwrap();
        let section = document.split("## What cannot be counted").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
        let of = |code: &str| {
            let named = format!("`{code}`");
            let rows = rows.iter().filter(move |row| row[0].contains(&named));
            rows.cloned().collect::<Vec<_>>()
        };
        for code in QuarantineCode::ALL {
            let rows = of(code.as_str());
            assert_eq!(rows.len(), 1, "{}", code.as_str());
            assert!(rows[0].len() == 3 && rows[0][2].len() > 20, "{rows:?}");
        }
        let named = rows.iter().flat_map(|row| row[0].matches('`'));
        assert_eq!(
            named.count(),
            2 * QuarantineCode::ALL.len(),
            "codes that there are not"
        );
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

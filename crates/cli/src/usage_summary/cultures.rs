//! Summaries as the script writes them on machines of every kind, and what becomes of them.

mod local_times;
mod rejected;

use std::fs;
use std::io::Write as _;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// How a machine writes.
#[derive(Debug, Clone, Copy)]
struct Culture {
    name: &'static str,
    /// In the words of `strftime`.
    time: &'static str,
    comma: bool,
    separator: char,
    encode: fn(&str) -> Vec<u8>,
    /// What stands before the header.
    preamble: &'static str,
}

fn utf_8(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn marked(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").into_bytes()
}

fn little_endian(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn big_endian(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect()
}

fn zstd_compressed(text: &str) -> Vec<u8> {
    zstd::bulk::compress(text.as_bytes(), 1).unwrap()
}

const CULTURES: [Culture; 8] = [
    Culture {
        name: "en-US, PowerShell 7",
        time: "%-m/%-d/%Y %-I:%M:%S\u{202f}%p",
        comma: false,
        separator: ',',
        encode: utf_8,
        preamble: "",
    },
    Culture {
        name: "en-US, Windows PowerShell with its type",
        time: "%-m/%-d/%Y %-I:%M:%S %p",
        comma: false,
        separator: ',',
        encode: utf_8,
        preamble: "#TYPE System.Management.Automation.PSCustomObject\r\n",
    },
    Culture {
        name: "en-GB, -Encoding UTF8",
        time: "%d/%m/%Y %H:%M:%S",
        comma: false,
        separator: ',',
        encode: marked,
        preamble: "",
    },
    Culture {
        name: "de-DE, -Encoding Unicode",
        time: "%d.%m.%Y %H:%M:%S",
        comma: true,
        separator: ',',
        encode: little_endian,
        preamble: "",
    },
    Culture {
        name: "fr-FR, saved by a spreadsheet",
        time: "%d/%m/%Y %H:%M",
        comma: true,
        separator: ';',
        encode: marked,
        preamble: "sep=;\r\n",
    },
    Culture {
        name: "sv-SE, -Encoding BigEndianUnicode",
        time: "%Y-%m-%d %H:%M:%S",
        comma: true,
        separator: '\t',
        encode: big_endian,
        preamble: "",
    },
    Culture {
        name: "ja-JP, compressed",
        time: "%Y/%m/%d %-H:%M:%S",
        comma: false,
        separator: ',',
        encode: zstd_compressed,
        preamble: "",
    },
    Culture {
        name: "strings of the API",
        time: "%Y-%m-%dT%H:%M:%S+00:00",
        comma: false,
        separator: '|',
        encode: utf_8,
        preamble: "",
    },
];

/// Usage as the API has it: start, hours, quantity, and what is in `Microsoft.Resources`.
#[derive(Debug, Clone, PartialEq)]
struct Usage {
    subscription: String,
    meter: String,
    start: DateTime,
    hours: i64,
    quantity: String,
    resource_uri: String,
    location: String,
    tags: String,
    additional_info: String,
}

const SUBSCRIPTION: &str = "2B94E7D0-8c13-4f6a-b5e2-0a7d3c9f1e68";
const METER: &str = "F271A8A388C44D93956A063E1D2FA80B";

fn usage(day: i8, hour: i8, hours: i64, quantity: &str) -> Usage {
    Usage {
        subscription: SUBSCRIPTION.to_owned(),
        meter: METER.to_owned(),
        start: jiff::civil::date(2026, 10, day).at(hour, 0, 0, 0),
        hours,
        quantity: quantity.to_owned(),
        resource_uri: format!(
            "/subscriptions/{SUBSCRIPTION}/resourcegroups/Laden/providers/Microsoft.Network/p/ip \"1\""
        ),
        location: "Zürich, Süd".to_owned(),
        tags: "{\"RG\":\"laden\",\"zweck\":\"東京\"}".to_owned(),
        additional_info: "a\r\nb;c|d\te".to_owned(),
    }
}

impl Culture {
    /// A file with these lines as `Export-Csv` writes them.
    fn file(&self, lines: &[String]) -> Vec<u8> {
        let names: Vec<String> = columns::COLUMNS.iter().map(|(_, name)| quoted(name)).collect();
        let header = names.join(&self.separator.to_string());
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        (self.encode)(&format!("{}{header}\r\n{lines}", self.preamble))
    }

    /// The line that the script writes about this.
    fn line(&self, usage: &Usage) -> String {
        let time = |hours: i64| {
            let time = usage.start + jiff::SignedDuration::from_hours(hours);
            let zoned = time.to_zoned(TimeZone::UTC).unwrap();
            zoned.strftime(self.time).to_string()
        };
        let parts: Vec<&str> = usage.resource_uri.split('/').collect();
        let part = |place: usize| parts.get(place).copied().unwrap_or_default().to_owned();
        let quantity = if self.comma {
            usage.quantity.replace('.', ",")
        } else {
            usage.quantity.clone()
        };
        let fields = [
            time(0),
            time(usage.hours),
            "Static IP Address Usage".to_owned(),
            quantity,
            part(7),
            usage.location.clone(),
            part(4),
            part(8),
            "owner@example.org".to_owned(),
            usage.tags.clone(),
            usage.meter.clone(),
            usage.additional_info.clone(),
            part(2),
            usage.resource_uri.clone(),
        ];
        fields
            .map(|field| quoted(&field))
            .join(&self.separator.to_string())
    }

    fn write(&self, folder: &TempDir, lines: &[String]) -> PathBuf {
        let path = folder.path().join("usage.csv");
        fs::write(&path, self.file(lines)).unwrap();
        path
    }
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// What a record says, as the API said it.
fn said(record: &Record) -> Usage {
    let aggregate: Value = serde_json::from_slice(&record.delivered).unwrap();
    let properties = &aggregate["properties"];
    let text = |member: &str| properties[member].as_str().unwrap().to_owned();
    let instance: Value = serde_json::from_str(&text("instanceData")).unwrap();
    let resource = |member: &str| {
        instance["Microsoft.Resources"][member]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let time = |member: &str| text(member).parse::<jiff::Timestamp>().unwrap();
    let start = time("usageStartTime");
    // The text of the number, which is not to go through a float.
    let delivered = String::from_utf8(record.delivered.clone()).unwrap();
    let quantity = delivered.split("\"quantity\":").nth(1).unwrap();
    Usage {
        subscription: text("subscriptionId"),
        meter: text("meterId"),
        start: start.to_zoned(TimeZone::UTC).datetime(),
        hours: (time("usageEndTime").as_second() - start.as_second()) / 3600,
        quantity: quantity.split(',').next().unwrap().to_owned(),
        resource_uri: resource("resourceUri"),
        location: resource("location"),
        tags: resource("tags"),
        additional_info: resource("additionalInfo"),
    }
}

fn understood(path: &Path) -> Result<Summary, SummaryError> {
    Summary::understood(path, Choices::default(), |_| {})
}

/// The records of a file, and the codes of its rejected lines.
fn read(summary: &Summary) -> (Vec<Record>, Vec<(u64, &'static str)>) {
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    summary
        .read(|item| {
            match item {
                Item::Record(record) => records.push(*record),
                Item::Rejected(line) => rejected.push((line.row.line, line.why.code)),
            }
            true
        })
        .unwrap();
    (records, rejected)
}

fn surveyed(summary: &Summary) -> Survey {
    let mut surveyor = Surveyor::default();
    summary
        .read(|item| {
            surveyor.add(&item);
            true
        })
        .unwrap();
    surveyor.done()
}

#[test]
fn the_same_usage_is_read_whatever_machine_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let expected = [
        usage(1, 13, 1, "16.461425899527967"),
        usage(31, 23, 1, "6.36465847492218E-06"),
        usage(2, 0, 24, "2.4000000000"),
        usage(3, 0, 1, "7"),
    ];
    for culture in CULTURES {
        let lines = expected.each_ref().map(|usage| culture.line(usage));
        let path = culture.write(&folder, &lines);
        assert!(is_summary(&fs::read(&path).unwrap(), &path) || culture.name.contains("compressed"));
        let (records, rejected) = read(&understood(&path).unwrap());
        let found: Vec<Usage> = records.iter().map(said).collect();
        assert_eq!(rejected, [], "{}", culture.name);
        assert_eq!(found, expected, "{}", culture.name);
    }
}

#[test]
fn what_is_in_a_file_is_summed_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let [culture, ..] = CULTURES;
    let lines = [
        usage(31, 23, 1, "6.36465847492218E-06"),
        usage(1, 13, 1, "16.461425899527967"),
        usage(2, 0, 24, "2.4000000000"),
    ]
    .map(|usage| culture.line(&usage));
    let survey = surveyed(&understood(&culture.write(&folder, &lines)).unwrap());
    assert_eq!((survey.records, survey.hourly, survey.daily), (3, 2, 1));
    assert_eq!(
        serde_json::to_value(&survey).unwrap(),
        json!({
            "records": 3, "hourly": 2, "daily": 1,
            "from": "2026-10-01T13:00:00Z", "to": "2026-11-01T00:00:00Z", "inFuture": 0,
            "subscriptions": [{ "localSubscriptionId": SUBSCRIPTION.to_lowercase(), "records": 3 }],
            "meters": [{
                "localMeterId": "f271a8a3-88c4-4d93-956a-063e1d2fa80b", "name": "Static IP Address Usage",
                "records": 3, "quantity": "18.86143226418644192218",
            }],
            "recordsOfOthers": 0, "rejected": 0, "rejectedByReason": [],
        })
    );
}

/// A line of each kind that cannot be taken, with its code.
fn bad_lines(culture: &Culture) -> Vec<(String, &'static str)> {
    let with = |change: &dyn Fn(&mut Usage)| {
        let mut usage = usage(5, 3, 1, "1");
        usage.additional_info.clear();
        change(&mut usage);
        culture.line(&usage)
    };
    let good = with(&|_| {});
    let separator = culture.separator;
    vec![
        (
            good.replace("05/10/2026 03:00:00", "the fifth"),
            "InvalidUsageTime",
        ),
        (with(&|it| it.hours = 2), "InvalidUsageInterval"),
        (
            with(&|it| {
                it.hours = 24;
            }),
            "DayNotUtc",
        ),
        (with(&|it| it.quantity = "many".to_owned()), "InvalidQuantity"),
        (with(&|it| it.quantity = "-1".to_owned()), "InvalidQuantity"),
        (
            with(&|it| it.quantity = "1.2345678901234567890123456789".to_owned()),
            "QuantityNotExact",
        ),
        (
            with(&|it| it.meter = "Custom Worker Tiers".to_owned()),
            "InvalidMeterId",
        ),
        (
            with(&|it| it.resource_uri = "/a/b/c".to_owned()),
            "InvalidSubscriptionId",
        ),
        (
            // The resource of no line, and the subscription of the line before.
            with(&|it| it.resource_uri = "/subscriptions/x".to_owned()).replace("/subscriptions/x", ""),
            "NoResource",
        ),
        (
            good.replacen(SUBSCRIPTION, "0d34b398-d29c-428c-aac3-07d9d24775ef", 1),
            "SubscriptionMismatch",
        ),
        (with(&|it| it.tags = "t".repeat(20_000)), "TextTooLong"),
        (format!("{good}{separator}"), "FieldCount"),
        (good.trim_end_matches('"').to_owned(), "UnclosedQuote"),
    ]
}

#[test]
fn a_line_that_cannot_be_taken_costs_no_other_and_says_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[2];
    let good = |hour| culture.line(&usage(20, hour, 1, "1"));
    // That a day begins at midnight UTC is what a day at another hour is wrong against.
    let mut lines = vec![culture.line(&usage(20, 0, 24, "1"))];
    let bad = bad_lines(&culture);
    lines.extend(bad.iter().map(|(line, _)| line.clone()));
    lines.push(good(2));
    let summary = understood(&culture.write(&folder, &lines)).unwrap();
    let (records, rejected) = read(&summary);
    assert_eq!(records.len(), 2);
    let codes: Vec<&str> = rejected.iter().map(|(_, code)| *code).collect();
    let expected: Vec<&str> = bad.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, expected);
    let survey = surveyed(&summary);
    assert_eq!(survey.rejected, bad.len() as u64);
    let reason = |code: &str| {
        let of = survey
            .rejected_by_reason
            .iter()
            .find(|it| it.code == code)
            .unwrap();
        of.first_reason.clone()
    };
    assert_eq!(
        reason("InvalidUsageTime"),
        "UsageStartTime is \"the fifth\": expected a time such as 31/10/2026 13:00:00"
    );
    assert!(reason("InvalidMeterId").starts_with("MeterId is \"Custom Worker Tiers\""));
    assert!(reason("QuantityNotExact").starts_with("Quantity is 1.2345"));
    assert!(reason("DayNotUtc").contains("expected midnight UTC"));
    let as_it_stands = "The line says \"05/10/2026 03:00:00\" to \"05/10/2026 05:00:00\"";
    let interval = reason("InvalidUsageInterval");
    assert!(
        interval.contains(as_it_stands)
            && interval.ends_with("read as 2026-10-05T03:00:00Z to 2026-10-05T05:00:00Z"),
        "nobody finds in the file what it was converted to: {interval}"
    );
}

#[test]
fn what_the_file_leaves_open_is_asked_for_and_part_of_what_it_is_known_by() {
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[4];
    let path = culture.write(&folder, &[culture.line(&usage(5, 3, 1, "1.500"))]);
    let error = understood(&path).unwrap_err();
    assert!(
        matches!(error, SummaryError::Dates(DateError::Ambiguous(_))),
        "{error}"
    );
    let with = |date_order, decimal_comma| {
        let choices = Choices {
            date_order: Some(date_order),
            decimal_comma,
            ..Choices::default()
        };
        Summary::understood(&path, choices, |_| {})
    };
    let error = with(DateOrder::DayFirst, false).unwrap_err();
    assert!(
        matches!(error, SummaryError::Mark(MarkError::Ambiguous(_))),
        "{error}"
    );
    let day_first = with(DateOrder::DayFirst, true).unwrap();
    let month_first = with(DateOrder::MonthFirst, true).unwrap();
    assert_eq!(said(&read(&day_first).0[0]), usage(5, 3, 1, "1.500"));
    assert_eq!(
        said(&read(&month_first).0[0]).start,
        jiff::civil::date(2026, 5, 10).at(3, 0, 0, 0)
    );
    assert_ne!(day_first.identity(), month_first.identity());
    assert_eq!(
        day_first.identity(),
        with(DateOrder::DayFirst, true).unwrap().identity()
    );
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[2];
    let path = culture.write(&folder, &[culture.line(&usage(20, 1, 1, "1"))]);
    let summary = understood(&path).unwrap();
    let line = culture.line(&usage(20, 2, 1, "1"));
    writeln!(fs::OpenOptions::new().append(true).open(&path).unwrap(), "{line}").unwrap();
    let error = summary.read(|_| true).unwrap_err();
    assert!(matches!(error, SummaryError::Changed), "{error}");
}

#[test]
fn files_are_recognised_by_what_is_in_them() {
    let culture = CULTURES[0];
    let summary = culture.file(&[]);
    for (content, name, expected) in [
        (&summary[..], "usage", true),
        (&summary[..], "usage.json", true),
        (b"a,b\n1,2\n", "costs.csv", true),
        (b"a,b\n1,2\n", "costs.txt", false),
        (b"{\"value\":[]}", "usage.csv", false),
        (b"", "usage.csv", true),
        (b"", "usage.json", false),
        (b"\xff\xfe{\0", "usage.json", false),
    ] {
        assert_eq!(is_summary(content, Path::new(name)), expected, "{name}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Z0-9 ,;|\t\"\r\n{}:äß東\u{1d11e}]{0,24}").unwrap()
}

prop_compose! {
    fn any_usage()(
        subscription in any::<u128>(),
        meter in any::<u128>(),
        (day, hour, is_day) in (1i8..29, 0i8..24, any::<bool>()),
        (coefficient, places) in (any::<u64>(), 0usize..18),
        (group, name) in ("[a-zA-Z0-9ä \"]{1,8}", any_text()),
        (location, tags, additional_info) in (any_text(), any_text(), any_text()),
    ) -> Usage {
        let guid = |number: u128| {
            let hex = format!("{number:032x}");
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        };
        let digits = format!("{coefficient:019}");
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        let name = name.replace('/', "");
        Usage {
            resource_uri: format!("/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Compute/vm/{name}", guid(subscription)),
            subscription: guid(subscription),
            meter: guid(meter),
            start: jiff::civil::date(2026, 10, day).at(if is_day { 0 } else { hour }, 0, 0, 0),
            hours: if is_day { 24 } else { 1 },
            quantity: format!("{whole}{point}{fraction}"),
            location,
            tags,
            additional_info,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// From a file to records and from these to the file again, letter by letter.
    #[test]
    fn no_letter_of_a_record_is_lost(
        usages in proptest::collection::vec(any_usage(), 1..12),
        culture in proptest::sample::select(&CULTURES[..]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<String> = usages.iter().map(|usage| culture.line(usage)).collect();
        let path = culture.write(&folder, &lines);
        let month_first = culture.time.starts_with("%-m");
        let choices = Choices {
            date_order: Some(if month_first { DateOrder::MonthFirst } else { DateOrder::DayFirst }),
            decimal_comma: culture.comma,
            zone: None,
        };
        let summary = Summary::understood(&path, choices, |_| {}).unwrap();
        let (records, rejected) = read(&summary);
        prop_assert_eq!(rejected, vec![]);
        let found: Vec<Usage> = records.iter().map(said).collect();
        prop_assert_eq!(&found, &usages);
        let again: Vec<String> = found.iter().map(|usage| culture.line(usage)).collect();
        prop_assert_eq!(culture.file(&again), fs::read(&path).unwrap());
    }
}

//! Usage summaries, the CSV of Azure Stack's script, through the command line: looked at, delivered once, and billed as the
//! same usage from the API is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Outcome, meterbridge, run, run_with};
use crate::real_usage::{HOUR, REAL_HOUR, STACK, server_of_one_stack, used};
use crate::server::Server;

const COLUMNS: [&str; 14] = [
    "UsageStartTime",
    "UsageEndTime",
    "MeterName",
    "Quantity",
    "resourceType",
    "location",
    "resourceGroup",
    "resourceName",
    "subowner",
    "tags",
    "MeterId",
    "additionalInfo",
    "subscription",
    "resourceUri",
];

/// The numbers of a page's quantities as they are written: a float would not keep them.
fn quantities(page: &str) -> Vec<String> {
    let ends = |text: &str| text.find([',', '}']).unwrap_or(text.len());
    let after = page.split("\"quantity\":").skip(1).map(str::trim_start);
    after
        .map(|text| text[..ends(text)].trim().trim_matches('"').to_owned())
        .collect()
}

/// The file that the script writes of this page where days come first and a comma is decimal, as Windows PowerShell encodes
/// it.
fn summary_of(page: &str) -> Vec<u8> {
    let read: Value = serde_json::from_str(page).unwrap();
    let items = read["value"].as_array().unwrap();
    let quantities = quantities(page);
    assert_eq!(items.len(), quantities.len());
    let quoted = |fields: &[String]| {
        let fields = fields
            .iter()
            .map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
        format!("{}\r\n", fields.collect::<Vec<_>>().join(";"))
    };
    let mut text = quoted(&COLUMNS.map(str::to_owned));
    for (item, quantity) in items.iter().zip(quantities) {
        let properties = &item["properties"];
        let instance = match &properties["instanceData"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            instance => instance.clone(),
        };
        let resource = |member: &str| match &instance["Microsoft.Resources"][member] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let time = |member: &str| {
            let text = properties[member].as_str().unwrap();
            let (date, time) = text.split_once('T').unwrap();
            let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else {
                panic!("{text}");
            };
            format!("{day}/{month}/{year} {}", &time[..8])
        };
        let uri = resource("resourceUri");
        let part = |place: usize| uri.split('/').nth(place).unwrap_or_default().to_owned();
        text.push_str(&quoted(&[
            time("usageStartTime"),
            time("usageEndTime"),
            "Some meter".to_owned(),
            quantity.replace('.', ","),
            part(7),
            resource("location"),
            part(4),
            part(8),
            "owner@example.org".to_owned(),
            resource("tags"),
            properties["meterId"].as_str().unwrap().to_owned(),
            resource("additionalInfo"),
            part(2),
            uri.clone(),
        ]));
    }
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn import(server: &Server, options: &str, file: &Path) -> Outcome {
    let command = format!("usage import --stack {STACK} --date-format day-first {options}");
    run(server.command(&command, &[]).arg(file))
}

/// A small file: one line of each hour of a day in October, with these quantities.
fn summary(quantities: &[&str]) -> String {
    let subscription = "2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68";
    let mut text = format!("{}\r\n", COLUMNS.join(","));
    for (hour, quantity) in quantities.iter().enumerate() {
        text.push_str(&format!(
            "31/03/2024 {hour:02}:00:00,31/03/2024 {:02}:00:00,Static IP,{quantity},p,north,g,ip,o,,\
             F271A8A388C44D93956A063E1D2FA80B,,{subscription},/subscriptions/{subscription}/resourceGroups/g/providers/n/p/ip\r\n",
            hour + 1
        ));
    }
    text
}

/// What a page comes to, imported as the API returned it and as the script writes it.
fn same_bill(page: &str, since: &str, period: &str, reported: &str) {
    let folder = Folder::new();
    let (of_json, of_csv) = (server_of_one_stack(since), server_of_one_stack(since));
    let json = folder.file("page.json", page);
    let imported = format!("--reported-start {reported}");
    run(of_json
        .0
        .command(&format!("usage import {imported} --cloud-id {STACK}"), &[])
        .arg(&json))
    .done();
    let csv = folder.file("usage.csv", summary_of(page));
    let outcome = import(&of_csv.0, &format!("{imported} --batch 50 --output json"), &csv).json();
    let records = quantities(page).len();
    assert_eq!(outcome[0]["delivered"]["accepted"], records, "{outcome}");
    assert_eq!(outcome[0]["understood"]["encoding"], "UTF-16LE");
    assert_eq!(outcome[0]["understood"]["decimalMark"], "comma");
    let bill = |(server, subscription): &(Server, String)| {
        let mut statement = server.json(&format!("statement show --period {period}"), &[subscription]);
        // Both servers made ids of their own.
        let members = statement.as_object_mut().unwrap();
        members.retain(|name, _| ["total", "currency", "lines", "notCharged"].contains(&name.as_str()));
        statement
    };
    assert_eq!(bill(&of_csv), bill(&of_json));
    let unmapped =
        |(server, _): &(Server, String)| server.json(&format!("usage unmapped --period {period}"), &[]);
    let (csv, json) = (unmapped(&of_csv), unmapped(&of_json));
    assert_eq!(used(&csv), used(&json));
}

#[test]
fn usage_from_a_summary_comes_to_the_same_bill_as_from_the_api() {
    let page = fs::read_to_string(HOUR).unwrap();
    same_bill(&page, "2024-03-01", "2024-03", "2024-03-05T15:00:00Z");
}

#[test]
fn an_hour_of_real_usage_from_a_summary_comes_to_the_same_bill_as_from_the_api() {
    let Ok(page) = fs::read_to_string(REAL_HOUR) else {
        eprintln!(
            "\n*** NOT RUN: an_hour_of_real_usage_from_a_summary_comes_to_the_same_bill_as_from_the_api: {REAL_HOUR} is not \
             there ***\n"
        );
        return;
    };
    same_bill(&page, "2019-12-01", "2019-12", "2019-12-10T20:00:00Z");
}

#[test]
fn a_summary_is_looked_at_without_a_server_and_delivered_once_however_often_it_is_imported() {
    let folder = Folder::new();
    let file = folder.file("usage.csv", summary(&["1.5", "many", "2"]));
    let preview = run(meterbridge().args(["usage", "import", "--preview"]).arg(&file));
    assert_eq!(
        preview.code,
        Some(0),
        "whoever only looked would take it for a failure: {preview:?}"
    );
    assert!(!preview.notes.contains("error:"), "{preview:?}");
    for expected in [
        "the day comes first: line 2 is an hour or a day only so",
        "UTC, assumed: no line proves it",
        "PowerShell 7 local times: if these are local, say in which zone with --time-zone",
        "2024-03-31 00:00 to 2024-03-31 03:00 UTC",
        "InvalidQuantity",
        "3.5",
        "the hour in which it is received",
    ] {
        assert!(preview.data.contains(expected), "{expected}: {}", preview.data);
    }
    assert!(
        !folder.0.path().join("usage.rejected.csv").exists(),
        "looking changes nothing"
    );
    says_what_would_be(&preview, "this was a preview: nothing was delivered");

    let (server, _) = server_of_one_stack("2024-03-01");
    let dry = import(&server, "--dry-run --output json", &file);
    assert_eq!(dry.code, Some(3), "{dry:?}");
    let receipts = server.json("stack receipts", &[STACK]);
    assert_eq!(receipts, serde_json::json!([]), "a dry run delivers nothing");
    says_what_would_be(&dry, "this was a dry run: the other lines would be delivered");
    let place = folder.0.path().join("usage.rejected.csv");
    let told: Value = serde_json::from_str(&dry.data).unwrap();
    assert_eq!(told[0]["rejectedFile"], place.to_str().unwrap(), "{told}");
    assert!(!place.exists(), "a dry run writes nothing");
    nothing_is_written_before_the_server_is_reached(&server, &file);
    assert!(
        !place.exists(),
        "whoever mends it would look for the other lines on the server"
    );

    for again in ["", ", answered as the first time"] {
        let imported = import(&server, "", &file);
        assert_eq!(imported.code, Some(3), "{imported:?}");
        let told = format!("2 records: 2 accepted, 0 duplicate, 0 revised, 0 quarantined{again}\n");
        assert!(imported.data.ends_with(&told), "{imported:?}");
        assert!(
            imported.notes.contains("1 line could not be taken."),
            "{imported:?}"
        );
    }
    let receipts = server.json("stack receipts", &[STACK]);
    assert_eq!(
        receipts.as_array().unwrap().len(),
        1,
        "the second time was answered as the first"
    );
    let rejected = fs::read_to_string(&place).unwrap();
    assert!(rejected.contains("\"3\",\"InvalidQuantity\""), "{rejected}");

    let mended = folder.file("mended.csv", rejected.replace("many", "4"));
    import(&server, "", &mended).done();
    let unmapped = server.json("usage unmapped --period 2024-03", &[]);
    assert_eq!(unmapped[0]["used"][0]["quantity"], "7.5", "{unmapped}");
}

#[test]
fn a_later_hour_can_be_declared_with_a_file_that_was_imported_before() {
    let folder = Folder::new();
    let summary = folder.file("usage.csv", summary(&["1.5", "2"]));
    let nothing = folder.file("nothing.json", r#"{"value": []}"#);
    let (server, _) = server_of_one_stack("2024-03-01");
    let declared = || {
        let receipts = server.json("stack receipts", &[STACK]);
        let receipts = receipts.as_array().unwrap().iter();
        let mut declared: Vec<String> = receipts
            .filter_map(|it| it["reportedThrough"].as_str().map(str::to_owned))
            .collect();
        declared.sort();
        declared
    };
    let [first, second, third] = [
        "2024-03-31T03:00:00Z",
        "2024-03-31T05:00:00Z",
        "2024-04-01T00:00:00Z",
    ];
    for through in [first, first, second] {
        import(&server, &format!("--reported-through {through}"), &summary).done();
    }
    assert_eq!(declared(), [first, second]);
    // Pages are delivered anew each time, and one of nothing declares as well.
    for through in [second, third] {
        let command = format!("usage import --stack {STACK} --reported-through {through}");
        run(server.command(&command, &[]).arg(&nothing)).done();
    }
    assert_eq!(declared(), [first, second, second, third]);
}

/// With a server that does not answer, as an operator and with the stack's key.
fn nothing_is_written_before_the_server_is_reached(server: &Server, file: &Path) {
    let key = server.run("registration activation-key", &[STACK]).done();
    for by in [None, Some(key.trim())] {
        for options in ["--dry-run", ""] {
            let command = format!("usage import --stack {STACK} --date-format day-first {options}");
            let mut command = server.command(&command, &[]);
            command.args(["--url", "https://localhost:1"]).arg(file);
            if let Some(key) = by {
                command.env("METERBRIDGE_ACTIVATION_KEY", key);
            }
            let outcome = run(&mut command);
            // With a key in hand a dry run has nothing to ask the server.
            let expected = if by.is_some() && !options.is_empty() { 3 } else { 1 };
            assert_eq!(outcome.code, Some(expected), "{outcome:?}");
        }
    }
}

/// Nothing was taken, and nobody is told that something was.
fn says_what_would_be(outcome: &Outcome, expected: &str) {
    let notes = &outcome.notes;
    assert!(
        notes.contains("1 line would be rejected") && notes.contains(expected),
        "{notes}"
    );
    for wrong in ["the other lines were", "has arrived", "was taken in already"] {
        assert!(!notes.contains(wrong), "{wrong}: {notes}");
    }
}

/// Runs a command that was printed, in a shell as somebody pastes it there.
fn paste(server: &Server, folder: &Folder, command: &str) -> Outcome {
    let known = server.command("", &[]);
    let script = format!(
        "meterbridge() {{ '{}' \"$@\"; }}; {command}",
        env!("CARGO_BIN_EXE_meterbridge")
    );
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", &script])
        .current_dir(folder.0.path())
        .env_clear();
    for (name, value) in known.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    run(&mut shell)
}

/// The printed commands that import rejected lines.
fn suggested_imports(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.notes.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("meterbridge usage import "));
    commands.map(str::to_owned).collect()
}

/// Look at what was rejected, mend it where it stands, import again: nothing is in the way, and no usage is lost.
#[test]
fn usage_of_rejected_lines_would_be_lost_because_a_mended_file_cannot_be_imported_again() {
    let folder = Folder::new();
    let (server, _) = server_of_one_stack("2024-03-01");
    let used = || {
        let unmapped = server.json("usage unmapped --period 2024-03", &[]);
        unmapped[0]["used"][0]["quantity"].as_str().unwrap().to_owned()
    };
    let content = |name: &str| fs::read_to_string(folder.0.path().join(name)).unwrap();
    let file = folder.file("usage of march.csv", summary(&["1", "two", "three", "four"]));
    let first = import(&server, "", &file);
    assert_eq!(first.code, Some(3), "{first:?}");
    let rejected = content("usage of march.rejected.csv");

    // One line is mended in the summary. What nobody touched is in nobody's way.
    folder.file("usage of march.csv", summary(&["1", "2", "three", "four"]));
    let second = import(&server, "", &file);
    assert_eq!(second.code, Some(3), "{second:?}");
    assert!(
        second
            .data
            .ends_with("2 records: 1 accepted, 1 duplicate, 0 revised, 0 quarantined\n"),
        "{second:?}"
    );
    assert_eq!(
        content("usage of march.rejected.csv"),
        rejected,
        "it stays as it was"
    );
    assert_eq!(used(), "3");

    // Another one in the file that holds it, by the command that is printed.
    let name = "usage of march.rejected-2.csv";
    folder.file(name, content(name).replace("three", "3"));
    let [command] = &suggested_imports(&second)[..] else {
        panic!("{second:?}");
    };
    assert!(command.contains("--date-format day-first"), "{command}");
    let third = paste(&server, &folder, command);
    assert_eq!(third.code, Some(3), "{third:?}");
    assert_eq!(used(), "6");

    // And the last one where it is rejected then.
    let name = "usage of march.rejected-3.csv";
    assert_eq!(content(name).lines().count(), 2, "{}", content(name));
    folder.file(name, content(name).replace("four", "4"));
    paste(&server, &folder, &suggested_imports(&third)[0]).done();
    assert_eq!(used(), "10");
}

#[test]
fn a_summary_that_comes_in_on_standard_input_is_taken_as_from_a_file() {
    let folder = Folder::new();
    let (server, _) = server_of_one_stack("2024-03-01");
    let command = format!("usage import --stack {STACK} -");
    let mut import = server.command(&command, &[]);
    let outcome = run_with(
        import.current_dir(folder.0.path()),
        &summary(&["1.5", "many", "2"]),
    );
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.data.contains("2 records: 2 accepted"), "{outcome:?}");
    assert!(
        outcome.notes.contains("standard input: 1 line rejected"),
        "{outcome:?}"
    );
    let rejected = folder.0.path().join("standard-input.rejected.csv");
    let mended = fs::read_to_string(&rejected).unwrap().replace("many", "4");
    fs::write(&rejected, mended).unwrap();
    paste(&server, &folder, &suggested_imports(&outcome)[0]).done();
    let unmapped = server.json("usage unmapped --period 2024-03", &[]);
    assert_eq!(unmapped[0]["used"][0]["quantity"], "7.5", "{unmapped}");
    // And pages are still read as they come in.
    let page = fs::read_to_string(HOUR).unwrap();
    let outcome = run_with(&mut server.command(&command, &[]), &page);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn hours_of_a_machine_elsewhere_would_be_charged_as_if_they_were_utc() {
    let folder = Folder::new();
    let preview = |content: &str, options: &[&str]| {
        let file = folder.file("usage.csv", content);
        run(meterbridge()
            .args(["usage", "import", "--preview"])
            .args(options)
            .arg(&file))
    };
    let hourly = summary(&["1"]);
    let day = hourly
        .replace("31/03/2024 00:00:00", "30/03/2024 02:00:00")
        .replace("31/03/2024 01:00:00", "31/03/2024 02:00:00");
    let refused = preview(&day, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for expected in [
        "is a day, and days begin at midnight UTC",
        "--time-zone +02:00",
        "Nothing was delivered",
    ] {
        assert!(refused.notes.contains(expected), "{expected}: {}", refused.notes);
    }
    for (content, option, expected) in [
        (
            &day,
            "--utc-offset=+02:00",
            "2024-03-30 00:00 to 2024-03-31 00:00 UTC",
        ),
        (&hourly, "--time-zone=-05:30", "+"),
        (
            &hourly,
            "--time-zone=-05:00",
            "2024-03-31 05:00 to 2024-03-31 06:00 UTC",
        ),
    ] {
        let outcome = preview(content, &[option]);
        if expected == "+" {
            let refused = "expected the start of an hour";
            assert!(outcome.done().contains(refused), "half an hour is no hour");
            continue;
        }
        let outcome = outcome.done();
        assert!(
            outcome.contains(expected) && outcome.contains(", as said"),
            "{outcome}"
        );
    }
    // What was said is not called proven by hours that fit any zone.
    let said = preview(&hourly, &["--time-zone", "+02:00"]).done();
    assert!(said.contains("neither prove nor refute it"), "{said}");
    let said = preview(&day, &["--time-zone", "+02:00"]).done();
    assert!(said.contains("is an hour or a day of UTC so"), "{said}");
    let refuted = preview(&day, &["--time-zone", "-05:00"]);
    assert!(refuted.notes.contains("not in -05:00"), "{refuted:?}");
    let unknown = preview(&day, &["--time-zone", "Nowhere"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    let refuted = preview(&hourly, &["--date-format", "month-first"]);
    assert_eq!(refuted.code, Some(1), "{refuted:?}");
    assert!(refuted.notes.contains("--date-format day-first"), "{refuted:?}");
}

#[test]
fn what_of_a_summary_the_server_keeps_in_quarantine_is_named_by_its_line() {
    let folder = Folder::new();
    let hourly = summary(&["1"]);
    let daily = hourly
        .lines()
        .nth(1)
        .unwrap()
        .replace("31/03/2024 01:00:00", "01/04/2024 00:00:00");
    let file = folder.file("usage.csv", format!("{hourly}{daily}\r\n"));
    let (server, _) = server_of_one_stack("2024-03-01");
    let outcome = import(&server, "--fail-on-quarantine", &file);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.notes.contains("usage.csv, line 3: "), "{outcome:?}");
    assert!(outcome.notes.contains("[GranularityConflict]"), "{outcome:?}");
}

#[test]
fn a_summary_of_which_nothing_counts_would_be_taken_for_imported() {
    let folder = Folder::new();
    let future = summary(&["1", "2"]).replace("/2024", "/2099");
    let file = folder.file("usage.csv", &future);
    let (server, _) = server_of_one_stack("2024-03-01");
    for looked in ["--preview", "--dry-run"] {
        let outcome = import(&server, looked, &file);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let told = "2 records of hours that have not come";
        assert!(outcome.notes.contains(told), "{outcome:?}");
    }
    let lists = format!("`meterbridge usage quarantine --stack {STACK}` lists");
    let outcome = import(&server, "", &file);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    for part in [&lists, "No record counts", "nothing was declared complete"] {
        assert!(outcome.notes.contains(part), "{part}: {outcome:?}");
    }

    // What counts beside it is an import that was done.
    let good = summary(&["1"]);
    let both = folder.file(
        "both.csv",
        format!("{good}{}\r\n", future.lines().nth(2).unwrap()),
    );
    let outcome = import(&server, "", &both);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.notes.contains(&lists), "{outcome:?}");
}

#[test]
fn a_file_that_cannot_be_understood_is_refused_as_a_whole_with_what_to_do() {
    let folder = Folder::new();
    let good = summary(&["1"]);
    let other = folder.file("page.json", "{\"value\":[]}");
    for (content, code, expected) in [
        (good.replace("31/03/2024", "03/03/2024"), 0, ""),
        (
            good.replace("31/03/2024", "04/03/2024"),
            1,
            "--date-format day-first",
        ),
        (good.replace("MeterId", "Meter"), 1, "no column MeterId"),
        (
            good.replace(",subowner,", ",subowner,cost,"),
            1,
            "unknown column cost",
        ),
        (good.replace(",1,p,", ",\"1,500\",p,"), 1, "--decimal-comma"),
        (
            String::from("date,cost\n1,2\n"),
            1,
            "Expected what the usage summary script",
        ),
    ] {
        let file = folder.file("usage.csv", content);
        let outcome = run(meterbridge().args(["usage", "import", "--preview"]).arg(&file));
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
    let mixed = run(meterbridge()
        .args(["usage", "import"])
        .args([&folder.file("usage.csv", &good), &other]));
    assert_eq!(mixed.code, Some(2), "{mixed:?}");
    assert!(
        mixed.notes.contains("of each kind with a command of its own"),
        "{mixed:?}"
    );
    let wrong = run(meterbridge().args(["usage", "import", "--preview"]).arg(&other));
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(
        wrong.notes.contains("--preview is for usage summaries"),
        "{wrong:?}"
    );
}

#[test]
fn whoever_wants_to_be_told_little_would_count_local_times_in_other_hours() {
    let folder = Folder::new();
    let file = folder.file("usage.csv", summary(&["1", "2"]));
    let (server, _) = server_of_one_stack("2024-03-01");
    let warned = "its times are taken for UTC, which no line proves";
    let quiet = import(&server, "--quiet", &file);
    assert!(quiet.notes.contains(warned), "{quiet:?}");
    quiet.done();
    let said = import(&server, "--quiet --time-zone +00:00", &file);
    assert!(!said.notes.contains(warned), "{said:?}");
}

/// What is suggested can be pasted. Who was added from now on is still suggested for what it used before, and then no more.
#[test]
fn a_suggested_tenant_is_added_by_the_commands_that_are_suggested() {
    let folder = Folder::new();
    let (server, _) = server_of_one_stack("2024-03-01");
    import(&server, "", &folder.file("usage.csv", summary(&["1", "2"]))).done();
    let tenant = "9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f";
    let listed = format!(
        "{{\"value\":[{{\"subscriptionId\":\"2b94e7d0-8c13-4f6a-b5e2-0a7d3c9f1e68\",\"tenantId\":\"{tenant}\",\"displayName\":\"Shop\"}}]}}"
    );
    let directory = folder.file("subscriptions.json", listed);
    server
        .run("stack directory", &[STACK, directory.to_str().unwrap()])
        .done();
    let suggestions = server.json("tenant suggest --period 2024-03", &[]);
    let suggested = &suggestions[0];
    assert_eq!(suggested["tenantId"], tenant, "{suggestions}");
    assert_eq!(suggested["refused"]["code"], "UnauthorizedCspRegistration");
    assert!(suggested["listValue"]["amount"].is_string(), "{suggested}");
    let mut commands: Vec<&str> = suggested["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command.as_str().unwrap())
        .collect();
    assert_eq!(
        commands.len(),
        4,
        "approve, customer, subscription, tenant: {commands:?}"
    );
    let add = commands.pop().unwrap();
    for command in commands {
        paste(&server, &folder, &command.replace("[NAME]", "Shop & sons")).done();
    }
    let backdating = |suggested: &Value| suggested["backdatingCommands"][0].as_str().unwrap().to_owned();
    assert!(!backdating(suggested).contains("--to"), "{suggested}");
    // It is added from now on: then only what it used before is still to be assigned.
    paste(&server, &folder, add).done();
    let suggestions = server.json("tenant suggest --period 2024-03", &[]);
    let suggested = &suggestions[0];
    assert_eq!(suggested["commands"], serde_json::json!([]), "{suggested}");
    assert!(
        backdating(suggested).ends_with(" --from 2024-03-31T00:00:00Z --to 2024-04-01T00:00:00Z"),
        "{suggested}"
    );
    paste(&server, &folder, &backdating(suggested)).done();
    assert_eq!(
        server.json("tenant suggest --period 2024-03", &[]),
        serde_json::json!([])
    );
    assert_eq!(
        server.json("usage unmapped --period 2024-03", &[]),
        serde_json::json!([]),
        "the backdated mapping claims all of it"
    );
}

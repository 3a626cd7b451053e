//! What was charged, beside what Microsoft billed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{MARCH, cents, direct, on_both_back_ends};
use crate::server::Server;

const HEADER: &str = "SubscriptionId;MeterId;UsageDate;Quantity;BillingPreTaxTotal;BillingCurrency";

fn compared(server: &Server, file: &Path) -> Value {
    server.json("bill reconcile", &[file.to_str().unwrap(), "--period", MARCH])
}

/// The file of somebody who charged just what is missing there, as a spreadsheet of a German culture writes it.
fn lines_of(found: &Value) -> Vec<String> {
    let missing = found["differences"].as_array().unwrap().iter();
    let lines = missing.map(|it| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (_, month_and_day) = it["from"].as_str().unwrap().split_once('-').unwrap();
        let (month, day) = month_and_day.split_once('-').unwrap();
        format!(
            "{};{};{day}.{month}.2024 00:00;{};{};USD",
            text(&it["subscriptionId"]),
            text(&it["meterId"]),
            text(&it["ours"]["quantity"]).replace('.', ","),
            text(&it["ours"]["amount"]).replace('.', ","),
        )
    });
    lines.collect()
}

fn write(file: &Path, lines: &[String]) {
    fs::write(file, format!("\u{feff}{HEADER}\r\n{}\r\n", lines.join("\r\n"))).unwrap();
}

#[test]
fn usage_that_microsoft_has_a_day_later_is_disputed_twice() {
    on_both_back_ends(|server| {
        let it = direct(server);
        let usage = [
            ("2024-03-05T23", "80.5"),
            ("2024-03-14T02", "40"),
            ("2024-03-20T02", "10"),
        ];
        it.reports(&usage, "2024-03-31T23:00:00Z", Some("2024-04-01T00:00:00Z"));
        it.closes(MARCH);
        let bought = it.invoice(MARCH, &format!("partner:{}", it.partner)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("march.csv");
        write(&file, &[]);
        let empty = compared(server, &file);
        assert_eq!(empty["amounts"][0]["total"]["ours"], bought["subtotal"]);
        let lines = lines_of(&empty);
        assert_eq!(lines.len(), 3, "{empty:#}");
        write(&file, &lines);
        let same = compared(server, &file);
        assert_eq!(same["differences"], json!([]), "{same:#}");
        assert_eq!(same["file"]["decimalMark"], "comma");

        let mut changed = lines.clone();
        changed[0] = lines[0].replace("05.03.2024", "06.03.2024");
        changed[1] = lines[1].replace(";40;", ";41;");
        changed.push(format!("{};nonsense", lines[2]));
        write(&file, &changed);
        let differences = folder.path().join("differences.csv");
        let asked = [
            MARCH,
            file.to_str().unwrap(),
            "--differences",
            differences.to_str().unwrap(),
        ];
        let outcome = server.run("bill reconcile --period", &asked);
        assert_eq!(outcome.code, Some(3), "a line was not understood: {outcome:?}");
        for told in [
            "daily rated usage",
            "a decimal comma",
            "shifted day",
            "quantity",
            "matched",
            "exactly",
        ] {
            assert!(outcome.data.contains(told), "{told}: {}", outcome.data);
        }
        let written = fs::read_to_string(&differences).unwrap();
        let rows: Vec<&str> = written.lines().collect();
        assert_eq!(rows.len(), 3, "{written}");
        assert!(
            rows[1].contains("2024-03-05,2024-03-06,shifted day,Shifted"),
            "{written}"
        );
        assert!(
            rows[2].contains("2024-03-14,2024-03-14,quantity,MoreThere"),
            "{written}"
        );
        let rejected = fs::read_to_string(folder.path().join("march.rejected.csv")).unwrap();
        assert!(
            rejected.contains("\"5\";\"InvalidLine\";") && rejected.contains(&changed[3]),
            "{rejected}"
        );

        let again = server.run("bill reconcile --period", &asked);
        assert_eq!(
            again.code,
            Some(1),
            "what was written is not written over: {again:?}"
        );
        let found = compared_in_part(server, &file);
        let amounts = &found["amounts"][0];
        let of = |member: &str| cents(&amounts["total"][member]);
        let classes = amounts["classes"].as_array().unwrap();
        let parts: i64 = classes.iter().map(|it| cents(&it["ours"])).sum();
        assert_eq!(parts + cents(&amounts["matched"]["ours"]), of("ours"));
        assert_eq!(of("ours"), cents(&bought["subtotal"]));
    });
}

/// The answer for a file of which lines are rejected.
fn compared_in_part(server: &Server, file: &Path) -> Value {
    let asked = [MARCH, file.to_str().unwrap(), "--replace"];
    let outcome = server.run("bill reconcile --output json --period", &asked);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    serde_json::from_str(&outcome.data).unwrap()
}

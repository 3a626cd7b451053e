//! Lines of invoices, opened at the command line.

use serde_json::{Value, json};

use super::{APRIL, MARCH, assert_refused, direct, on_both_back_ends, to};

#[test]
fn a_finance_team_has_to_believe_a_line_that_nobody_can_open() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.5" }), "2024-01-01");
        let usage = [("2024-03-14T22", "3"), ("2024-03-15T00", "20")];
        it.reports(&usage, "2024-03-31T23:00:00Z", Some("2024-04-01T00:00:00Z"));
        it.closes(MARCH);
        let invoice = it.invoice(MARCH, &to(&it.first)).unwrap();
        let line = invoice["lines"][0]["id"].as_str().unwrap();
        // Down to the records, along the only way there is on the 14th.
        let mut open = String::new();
        for (kind, amounts) in [
            ("share", vec!["11.50"]),
            ("stretch", vec!["11.50"]),
            ("day", vec!["1.50", "10.00"]),
            ("resource", vec!["1.50"]),
            ("record", vec!["1.50"]),
        ] {
            let args: Vec<&str> = if open.is_empty() {
                vec![line]
            } else {
                vec![line, "--open", &open]
            };
            let level = server.json("bill explain", &args);
            let parts = level["parts"].as_array().unwrap();
            assert!(parts.iter().all(|part| part["kind"] == kind), "{level:#}");
            let shown: Vec<_> = parts
                .iter()
                .map(|part| part["amount"].as_str().unwrap())
                .collect();
            assert_eq!(shown, amounts, "{level:#}");
            open = parts[0]["open"].as_str().unwrap_or_default().to_owned();
            if kind == "stretch" {
                let mapping = &parts[0]["stretch"]["mapping"];
                assert!(
                    mapping["setBy"].is_string() && mapping["setAt"].is_string(),
                    "{level:#}"
                );
            }
            if kind == "record" {
                assert_eq!(parts[0]["said"][0]["counts"], true);
                assert_eq!(parts[0]["said"][0]["receipt"], 1);
            }
        }
        let tree = server.run("bill explain --depth 6", &[line]).data;
        for text in [
            "2024-03-14",
            "counts: 3 in receipt 1",
            "mapped from",
            "prices of",
            "Sum",
        ] {
            assert!(tree.contains(text), "{text}:\n{tree}");
        }
        let all = server.json("bill explain --depth 6", &[line]);
        assert_eq!(
            all["below"]["0"]["below"]["0.0"]["parts"]
                .as_array()
                .map(Vec::len),
            Some(2)
        );

        // Usage comes late: the correction opens to both its sides.
        let late = [("2024-03-15T01", "4")];
        it.reports(&late, "2024-04-30T23:00:00Z", Some("2024-05-01T00:00:00Z"));
        it.closes(APRIL);
        let invoice = it.invoice(APRIL, &to(&it.first)).unwrap();
        let correction = invoice["corrections"][0]["id"].as_str().unwrap();
        let level = server.json("bill explain", &[correction]);
        let shown: Vec<&Value> = level["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["amount"])
            .collect();
        assert_eq!(shown, ["13.50", "-11.50"]);
        let days = server.json("bill explain", &[correction, "--open", "now.0.0"]);
        let shown: Vec<&Value> = days["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["amount"])
            .collect();
        assert_eq!(shown, ["1.50", "12.00"]);
        // What was billed is taken off, day by day, too.
        let days = server.json("bill explain", &[correction, "--open", "billed.0.0"]);
        let shown: Vec<&Value> = days["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["amount"])
            .collect();
        assert_eq!(shown, ["-1.50", "-10.00"]);
        assert_eq!(days["is"]["amount"], "-11.50");
        let billed = server.run("bill explain", &[correction, "--open", "billed"]).data;
        assert!(billed.contains("11.50 USD, as it was billed"), "{billed}");
        assert_refused(
            &server.run("bill explain --output json", &[line, "--open", "7"]),
            "LineNotFound",
            "no such part",
        );
        assert_refused(
            &server.run("bill explain --output json", &["MB-1"]),
            "InvalidLineId",
            "lineId",
        );
    });
}

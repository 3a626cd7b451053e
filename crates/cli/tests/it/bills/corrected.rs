//! What sets right months that are closed.

use serde_json::{Value, json};

use super::{APRIL, Estate, MARCH, assert_adds_up, cents, direct, on_both_back_ends, to};

const END_OF_MARCH: (&str, Option<&str>) = ("2024-03-31T23:00:00Z", Some("2024-04-01T00:00:00Z"));
const END_OF_APRIL: (&str, Option<&str>) = ("2024-04-30T23:00:00Z", Some("2024-05-01T00:00:00Z"));
const END_OF_MAY: (&str, Option<&str>) = ("2024-05-31T23:00:00Z", Some("2024-06-01T00:00:00Z"));

fn march_is_closed(it: &Estate<'_>, usage: &[(&str, &str)]) {
    it.reports(usage, END_OF_MARCH.0, END_OF_MARCH.1);
    it.closes(MARCH);
}

fn corrections(invoice: &Value) -> Vec<(&str, &str, i64)> {
    assert_adds_up(invoice);
    let corrections = invoice["corrections"].as_array().unwrap().iter();
    corrections
        .map(|it| {
            let text = |member: &str| it[member].as_str().unwrap();
            (text("period"), text("cause"), cents(&it["amount"]))
        })
        .collect()
}

#[test]
fn late_usage_changes_an_issued_invoice() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.125" }), "2024-01-01");
        march_is_closed(&it, &[("2024-03-05T13", "100")]);
        let issued = it.shown();
        // Late, and the same again.
        let late = [("2024-03-06T00", "4"), ("2024-04-01T00", "8")];
        it.reports(&late, END_OF_APRIL.0, END_OF_APRIL.1);
        it.reports(&late, END_OF_APRIL.0, END_OF_APRIL.1);
        assert_eq!(it.shown(), issued, "what was issued stays as it is");
        it.closes(APRIL);
        assert_eq!(it.shown()[..issued.len()], issued);
        let april = it.invoice(APRIL, &to(&it.first)).unwrap();
        assert_eq!(corrections(&april), [(MARCH, "lateUsage", 50)]);
        assert_eq!(april["total"], "1.50");
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 1300);

        // The stack reports less of an hour that was billed twice already.
        it.reports(&[("2024-03-05T13", "92")], END_OF_MAY.0, END_OF_MAY.1);
        it.closes("2024-05");
        let may = it.invoice("2024-05", &to(&it.first)).unwrap();
        assert_eq!(corrections(&may), [(MARCH, "revision", -100)]);
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 1200);
        it.is_billed_as_if_closed_now(APRIL, &it.first);
        it.all_replay();
    });
}

#[test]
fn tier_reset_by_price_change() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "1", "10": "0.1" }), "2024-01-01");
        it.sells(&json!({ "0": "2", "10": "0.2" }), "2024-03-16");
        march_is_closed(&it, &[("2024-03-01T00", "8"), ("2024-03-20T00", "8")]);
        // 8 at 1; then 2 at 2 and 6 at 0.2: the steps go on where the first price left them.
        let march = it.invoice(MARCH, &to(&it.first)).unwrap();
        let amounts: Vec<_> = march["lines"].as_array().unwrap().iter().collect();
        assert_eq!(
            amounts
                .iter()
                .map(|line| cents(&line["amount"]))
                .collect::<Vec<_>>(),
            [800, 520],
            "{march:#}"
        );
        assert_eq!(amounts[1]["usage"]["tierPosition"], "8");
        // Usage that comes late takes the place of what was used after it.
        it.reports(&[("2024-03-02T00", "4")], END_OF_APRIL.0, END_OF_APRIL.1);
        it.closes(APRIL);
        let april = it.invoice(APRIL, &to(&it.first)).unwrap();
        let amounts: Vec<i64> = corrections(&april).iter().map(|it| it.2).collect();
        assert_eq!(amounts, [220, -360], "{april:#}");
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 1180);
        it.all_replay();
    });
}

#[test]
fn a_credit_note_loses_a_cent() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.333" }), "2024-01-01");
        march_is_closed(&it, &[("2024-03-05T13", "3"), ("2024-03-20T13", "2")]);
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 167);

        it.maps(&it.second, "2024-03-16");
        it.reports(&[], END_OF_APRIL.0, END_OF_APRIL.1);
        let open = server.json("bill running --period 2024-04", &["--seller", &it.partner]);
        let open: Vec<_> = open
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["buyer"]["id"].clone())
            .collect();
        let both = [&it.first, &it.second];
        assert!(
            both.iter().all(|id| open.contains(&json!(id))),
            "they owe corrections alone: {open:?}"
        );
        it.closes(APRIL);
        let credited = it.invoice(APRIL, &to(&it.first)).unwrap();
        assert_eq!(corrections(&credited), [(MARCH, "attribution", -67)]);
        assert_eq!(
            (&credited["isCreditNote"], &credited["total"]),
            (&json!(true), &json!("-0.67"))
        );
        let text = server
            .run("bill show", &[credited["number"].as_str().unwrap()])
            .done();
        assert!(
            text.starts_with("Credit note ") && text.contains("owed to the buyer"),
            "{text}"
        );
        let charged = it.invoice(APRIL, &to(&it.second)).unwrap();
        assert_eq!(corrections(&charged), [(MARCH, "attribution", 67)]);
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 100);
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.second), 67);

        // It had been right before.
        it.maps(&it.first, "2024-03-16");
        it.reports(&[], END_OF_MAY.0, END_OF_MAY.1);
        it.closes("2024-05");
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 167);
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.second), 0);
        it.all_replay();
    });
}

#[test]
fn a_price_that_is_set_right_reaches_no_bill_that_was_issued() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.5" }), "2024-01-01");
        march_is_closed(&it, &[("2024-03-05T13", "10"), ("2024-03-25T13", "10")]);
        it.sells(&json!({ "0": "0.05" }), "2024-03-01");
        it.reports(&[("2024-04-01T00", "10")], END_OF_APRIL.0, END_OF_APRIL.1);
        let open = ["--period", APRIL, "--buyer", &to(&it.first)];
        let running = server.json("bill running", &open);
        it.closes(APRIL);
        let april = it.invoice(APRIL, &to(&it.first)).unwrap();
        assert_eq!(
            running["bill"]["total"], april["total"],
            "what was running was issued"
        );
        assert_eq!(running["bill"]["status"], "open");
        assert_eq!(april["total"], "-8.50", "{april:#}");
        let causes: Vec<_> = corrections(&april).iter().map(|it| it.1).collect();
        assert!(causes.iter().all(|cause| *cause == "prices"), "{april:#}");
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 100);
        it.all_replay();
    });
}

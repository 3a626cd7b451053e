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
fn closed_months_are_set_right_by_a_slip_that_nobody_was_asked_about() {
    let server = crate::server::Server::start();
    let it = direct(&server);
    it.sells(&json!({ "0": "0.125" }), "2024-01-01");
    march_is_closed(&it, &[("2024-03-05T13", "100")]);
    let tenant = ["--tenant", super::FJORDBANK];
    let known = server.json("tenant history", &[super::STACK]);
    let slips = [
        (
            format!("tenant map {} --unmapped --from 2024-03-01", super::STACK),
            &tenant[..],
            "corrections in the open month",
        ),
        (
            "bill set-terms --seller platform --from 2024-03 --capacity-fee 144 --currency USD".to_owned(),
            &[],
            "which are closed: 2024-03. 1 invoice issued for them",
        ),
        (
            format!("bill set-cores {} --cores 8 --from 2024-03-01", super::STACK),
            &[],
            "which are closed: 2024-03. Invoices that were issued",
        ),
    ];
    for (command, more, told) in &slips {
        let unasked = server.run(command, more);
        assert_eq!(unasked.code, Some(1), "{unasked:?}");
        for told in [told, "there is nobody at a terminal", "say --yes"] {
            assert!(unasked.notes.contains(told), "{told}: {}", unasked.notes);
        }
    }
    assert_eq!(server.json("tenant history", &[super::STACK]), known);
    assert_eq!(server.json("bill terms", &[]), json!([]));
    for (command, more, _) in &slips {
        server.run(&format!("{command} --yes"), more).done();
    }
    assert_ne!(server.json("tenant history", &[super::STACK]), known);
    // Of the open month nobody is asked.
    server
        .run("bill set-terms --seller platform --from 2024-04 --nothing", &[])
        .done();
    let open = ["--from", "2024-04-01", "--tenant", super::FJORDBANK, "--unmapped"];
    server.run(&format!("tenant map {}", super::STACK), &open).done();
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
        let listed = server.json("bill running --period 2024-04", &[]);
        let mut listed = listed.as_array().unwrap().iter();
        let listed = listed.find(|of| of["buyer"]["id"] == it.first.as_str()).unwrap();
        for sum in ["subtotal", "tax", "total"] {
            assert_eq!(listed[sum], running["bill"][sum], "{listed:#}");
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("so-far.csv");
        let printed = [&open[..], &["--running", "--file", file.to_str().unwrap()]].concat();
        server.run("bill print", &printed).done();
        let printed = std::fs::read_to_string(&file).unwrap();
        assert!(
            printed.contains("RunningStatement") && printed.contains("-8.50"),
            "{printed}"
        );
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

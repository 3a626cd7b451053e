//! Closing a month, and what is issued then.

use serde_json::{Value, json};

use super::{
    APRIL, FJORDBANK, LOCAL_SUBSCRIPTION, MARCH, STACK, assert_refused, cents, direct, on_both_back_ends, to,
};
use crate::process::run;
use crate::server::Server;

#[test]
fn customer_moved_mid_month_pays_twice() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.5" }), "2024-01-01");
        it.maps(&it.second, "2024-03-15");
        let usage = [
            ("2024-03-14T22", "3"),
            ("2024-03-14T23", "10"),
            ("2024-03-15T00", "20"),
        ];
        it.reports(&usage, "2024-03-31T23:00:00Z", Some("2024-04-01T00:00:00Z"));
        it.closes(MARCH);
        let [first, second] = [&it.first, &it.second].map(|id| it.invoice(MARCH, &to(id)).unwrap());
        for (invoice, quantity, total) in [(&first, "13", "6.50"), (&second, "20", "10.00")] {
            let lines = invoice["lines"].as_array().unwrap();
            assert_eq!(lines.len(), 1, "{invoice:#}");
            assert_eq!(lines[0]["usage"]["quantity"], quantity);
            assert_eq!(invoice["total"], total);
        }
        // The partner buys the same 33 hours at the platform's price, once.
        let bought = it.invoice(MARCH, &format!("partner:{}", it.partner)).unwrap();
        let lines = bought["lines"].as_array().unwrap().iter();
        let quantity: u32 = lines
            .map(|line| {
                line["usage"]["quantity"]
                    .as_str()
                    .unwrap()
                    .parse::<u32>()
                    .unwrap()
            })
            .sum();
        assert_eq!(quantity, 33, "{bought:#}");
        it.all_replay();
    });
}

#[test]
fn closing_twice_bills_twice() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.reports(
            &[("2024-03-05T13", "1000")],
            "2024-03-31T23:00:00Z",
            Some("2024-04-01T00:00:00Z"),
        );
        let closing: Vec<_> = (0..2)
            .map(|_| {
                let mut close = server.command("bill close --output json", &[MARCH, "--first"]);
                std::thread::spawn(move || run(&mut close).json())
            })
            .collect();
        let closed: Vec<Value> = closing.into_iter().map(|close| close.join().unwrap()).collect();
        let shown = it.shown();
        let again = it.closes(MARCH);
        assert_eq!(closed[0], closed[1]);
        assert_eq!(again, closed[0]);
        assert_eq!(it.shown(), shown);
        let numbers: Vec<_> = shown.iter().map(|it| it["number"].as_str().unwrap()).collect();
        assert_eq!(numbers.len(), 2, "{numbers:?}");
        assert_eq!(again["invoices"], 2);

        it.reports(
            &[("2024-04-05T13", "1000")],
            "2024-04-30T23:00:00Z",
            Some("2024-05-01T00:00:00Z"),
        );
        it.closes(APRIL);
        let of_platform = server.json("bill list --seller platform", &[]);
        let of_platform = of_platform.as_array().unwrap().iter();
        let numbers: Vec<_> = of_platform.map(|it| it["number"].clone()).collect();
        assert_eq!(numbers, ["MB-000001", "MB-000002"], "numbers have no gap");
    });
}

#[test]
fn a_month_is_left_out_and_never_billed() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.reports(
            &[("2024-04-05T13", "1000")],
            "2024-05-31T23:00:00Z",
            Some("2024-06-01T00:00:00Z"),
        );
        let slip = it.tries_to_close(APRIL);
        assert_refused(&slip, "FirstPeriod", "--first");
        let next = server.run("bill period", &[APRIL]).notes;
        assert!(next.contains("bill close 2024-04 --first"), "{next}");
        assert_eq!(server.json("bill list", &[]), json!([]), "nothing was done");
        it.closes(MARCH);
        let after_next = it.tries_to_close("2024-05");
        assert_refused(&after_next, "PeriodNotNext", "bill periods");
        let not_over = it.tries_to_close("2099-01");
        assert_eq!(not_over.code, Some(1), "{not_over:?}");
        for refused in [slip, after_next, not_over] {
            assert!(
                !refused.notes.contains("Closing"),
                "nothing was begun: {refused:?}"
            );
        }
        let waive = ["2099-01", "--stack", STACK, "--reason", "out of order"];
        let waived = server.run("bill waive --output json", &waive);
        assert_refused(&waived, "PeriodNotOver", "bill running --period 2099-01");
        let before = server.run("bill period", &["2024-02"]);
        assert!(
            before
                .data
                .contains("before 2024-03, the first month that was closed")
                && before.notes.is_empty(),
            "{before:?}"
        );
        it.closes(APRIL);
        let periods = server.json("bill periods", &[]);
        let states = |period: &str| {
            let mut all = periods.as_array().unwrap().iter();
            all.find(|it| it["period"] == period).unwrap()["state"].clone()
        };
        let states = [MARCH, APRIL, "2024-05"].map(states);
        assert_eq!(states, ["closed", "closed", "open"]);
    });
}

#[test]
fn a_stack_that_is_down_holds_the_bills_of_everybody_or_its_usage_is_lost() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.reports(
            &[("2024-03-05T13", "1000")],
            "2024-03-20T05:00:00Z",
            Some("2024-03-20T06:00:00Z"),
        );
        let incomplete = server.run("bill close --output json --first", &[MARCH]);
        assert_refused(&incomplete, "PeriodIncomplete", "2024-03-20 06:00");
        assert_refused(
            &incomplete,
            "PeriodIncomplete",
            &format!("bill waive {MARCH} --stack {STACK}"),
        );
        let open = server.run("bill period", &[MARCH]);
        assert!(open.notes.contains("stack completeness"), "{open:?}");
        assert!(open.done().contains("waits for the usage of 1 stack"));

        let reason = ["--stack", STACK, "--reason", "out of order since the 20th"];
        let waived = server.json("bill waive", &[&[MARCH][..], &reason].concat());
        let waiver = &waived["waitsFor"][0]["waived"];
        assert_eq!(waiver["reason"], "out of order since the 20th");
        it.closes(MARCH);
        let before = it.shown();

        // It had run all the same.
        it.reports(
            &[("2024-03-25T10", "500"), ("2024-04-02T00", "1")],
            "2024-04-30T23:00:00Z",
            Some("2024-05-01T00:00:00Z"),
        );
        it.closes(APRIL);
        let april = it.invoice(APRIL, &to(&it.first)).unwrap();
        let correction = &april["corrections"][0];
        assert_eq!(
            (&correction["period"], &correction["cause"], &correction["billed"]),
            (&json!(MARCH), &json!("lateUsage"), &before[1]["total"]),
            "{april:#}"
        );
        assert_eq!(it.is_billed_as_if_closed_now(MARCH, &it.first), 1200);
    });
}

#[test]
fn who_closed_a_month_reads_what_was_issued_and_what_to_do_next() {
    let server = Server::start();
    let it = direct(&server);
    it.sells(&json!({ "0": "0.5", "10": "0.25" }), "2024-01-01");
    let through = Some("2024-04-01T00:00:00Z");
    it.reports(&[("2024-03-05T13", "12")], "2024-03-31T23:00:00Z", through);
    let closed = server.run("bill close --first", &[MARCH]);
    for told in ["warning: Sample prices", "pay-as-you-use-usd", "Closing 2024-03"] {
        assert!(closed.notes.contains(told), "{told}: {}", closed.notes);
    }
    assert!(
        closed.notes.contains("bill list --period 2024-03"),
        "{}",
        closed.notes
    );
    let closed = closed.done();
    for told in [
        "2024-03: closed\n",
        "with 2 invoices.",
        "MB-000001",
        "5.50",
        "0.10",
    ] {
        assert!(closed.contains(told), "{told}: {closed}");
    }
    let sold = it.invoice(MARCH, &to(&it.first)).unwrap();
    let number = sold["number"].as_str().unwrap();
    let shown = server.run("bill show", &[number]).done();
    for told in [
        &format!("Invoice {number} for 2024-03")[..],
        "Northwind",
        "Fjordbank",
        "of it from 10 on",
        sold["lines"][0]["id"].as_str().unwrap(),
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let line = format!("{number}.{MARCH}.usage.{}.", it.first);
    assert!(
        sold["lines"][0]["id"].as_str().unwrap().starts_with(&line),
        "{sold:#}"
    );
    let replayed = server.run("bill replay", &[number]).done();
    assert!(replayed.contains("same bytes"), "{replayed}");
    let of_march = server.json("bill replay --period 2024-03", &[]);
    assert_eq!(of_march["same"], true);

    let unknown = server.run("bill show --output json", &["MB-999999"]);
    assert_refused(&unknown, "InvoiceNotFound", "MB-999999");
    let running = server.run(
        "bill running --output json",
        &["--period", MARCH, "--buyer", &to(&it.first)],
    );
    assert_refused(
        &running,
        "PeriodClosed",
        "`meterbridge bill list --period 2024-03`",
    );
    assert!(!running.notes.contains("/api/v1"), "{}", running.notes);
    let statement = server.run("statement show --period 2024-03", &[&it.first]);
    assert!(
        statement.data.contains(&format!("invoiced as {number}: "))
            && statement.notes.contains("bill list --period 2024-03"),
        "{statement:?}"
    );
    let nothing = ["--buyer", &to(&it.first), "--file", "nothing.pdf"];
    let nothing = server.run("bill print --running --period 2024-04 --output json", &nothing);
    assert_refused(&nothing, "AccountNotFound", "bill running --period 2024-04");
    let accounts = server.json("bill running --period 2024-04", &[]);
    assert_eq!(accounts, json!([]), "nothing was used in it");
    assert!(shown.contains(&it.first) && !shown.contains(FJORDBANK) && !shown.contains(LOCAL_SUBSCRIPTION));
    assert_eq!(cents(&sold["total"]), 550);
}

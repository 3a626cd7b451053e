//! Commitments, credits, taxes, and stacks that pay by capacity.

use serde_json::{Value, json};

use super::{APRIL, MARCH, assert_adds_up, cents, direct, on_both_back_ends, to};

/// A stack that pays by its cores.
const SEALED: &str = "5e4c1a3d-8e22-4b5b-9d2f-1a5c4a1b8e66";

fn amounts(invoice: &Value, member: &str) -> Vec<(String, i64)> {
    assert_adds_up(invoice);
    let lines = invoice[member].as_array().unwrap().iter();
    lines
        .map(|it| (it["kind"].as_str().unwrap().to_owned(), cents(&it["amount"])))
        .collect()
}

fn of(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let expected = expected.iter();
    expected
        .map(|(kind, amount)| ((*kind).to_owned(), *amount))
        .collect()
}

#[test]
fn a_commitment_is_charged_beside_the_late_usage_that_meets_it() {
    on_both_back_ends(|server| {
        let it = direct(server);
        it.sells(&json!({ "0": "0.5" }), "2024-01-01");
        let buyer = to(&it.first);
        let terms = [
            "--seller",
            &it.partner,
            "--buyer",
            &buyer,
            "--from",
            MARCH,
            "--currency",
            "USD",
            "--minimum-commitment",
            "100",
            "--credit",
            "10",
            "--tax",
            "25",
            "--tax-label",
            "VAT",
        ];
        let set = server.run("bill set-terms", &terms);
        assert!(!set.notes.contains("warning"), "{set:?}");
        set.done();
        it.reports(
            &[("2024-03-05T13", "80")],
            "2024-03-31T23:00:00Z",
            Some("2024-04-01T00:00:00Z"),
        );
        it.closes(MARCH);
        let march = it.invoice(MARCH, &buyer).unwrap();
        let expected = [
            ("usage", 4000),
            ("minimumCommitment", 6000),
            ("credit", -1000),
            ("tax", 2250),
        ];
        assert_eq!(amounts(&march, "lines"), of(&expected));
        assert_eq!(
            (&march["subtotal"], &march["total"]),
            (&json!("90.00"), &json!("112.50"))
        );
        let text = server
            .run("bill show", &[march["number"].as_str().unwrap()])
            .done();
        assert!(
            text.contains("Short of the minimum commitment of 100.00, reached 40.00"),
            "{text}"
        );
        assert!(text.contains("VAT: 25 % of 90.00"), "{text}");

        // 150 hours in all meet the commitment with 75; from April on nothing is agreed on.
        it.reports(
            &[("2024-03-06T13", "70")],
            "2024-04-30T23:00:00Z",
            Some("2024-05-01T00:00:00Z"),
        );
        let gone = [
            "--seller",
            &it.partner,
            "--buyer",
            &buyer,
            "--from",
            APRIL,
            "--nothing",
        ];
        let gone = server.run("bill set-terms", &gone);
        for what in ["minimum commitment", "credit", "tax"] {
            let warned = format!("The {what} that was agreed on before does not hold from 2024-04 on");
            assert!(gone.notes.contains(&warned), "{gone:?}");
        }
        gone.done();
        it.closes(APRIL);
        let april = it.invoice(APRIL, &buyer).unwrap();
        assert_eq!(amounts(&april, "lines"), of(&[]));
        let expected = [("usage", 3500), ("minimumCommitment", -3500)];
        assert_eq!(amounts(&april, "corrections"), of(&expected));
        assert_eq!(april["total"], "0.00", "{april:#}");
        it.all_replay();
    });
}

#[test]
fn a_capacity_stack_pays_for_every_record() {
    on_both_back_ends(|server| {
        let it = direct(server);
        let by_capacity = ["--billing-model", "capacity", "--agreement-number", "4711"];
        it.registers(SEALED, &by_capacity);
        // 2024 has 366 days, so that a core costs 1 a day.
        let fee = "bill set-terms --seller platform --from 2024-03 --capacity-fee 366 --currency USD";
        server.run(fee, &[]).done();
        let local = "15d8f3c2-6a7b-4e90-8d1c-9b0a8f7e6d5c";
        it.reports_as(
            SEALED,
            local,
            &[("2024-03-05T13", "1000")],
            "2024-03-31T23:00:00Z",
            None,
        );
        it.reports(&[], "2024-03-31T23:00:00Z", Some("2024-04-01T00:00:00Z"));
        let buyer = format!("partner:{}", it.partner);
        let unknown = server.json("bill running --period 2024-03", &["--buyer", &buyer]);
        assert_eq!(unknown["withoutFee"][0]["because"], "coresUnknown", "{unknown:#}");
        assert_eq!(unknown["notCharged"][0]["notCharged"][0]["because"], "capacity");
        server
            .run("bill set-cores --cores 4 --from 2024-03-01", &[SEALED])
            .done();
        it.closes(MARCH);
        let march = it.invoice(MARCH, &buyer).unwrap();
        assert_eq!(
            amounts(&march, "lines"),
            of(&[("capacityFee", 12_400)]),
            "{march:#}"
        );
        let text = server
            .run("bill show", &[march["number"].as_str().unwrap()])
            .done();
        assert!(text.contains("4 cores for 31 days"), "{text}");

        // There had been twice as many.
        server
            .run("bill set-cores --cores 8 --from 2024-03-01 --yes", &[SEALED])
            .done();
        it.reports(&[], "2024-04-30T23:00:00Z", Some("2024-05-01T00:00:00Z"));
        it.closes(APRIL);
        let april = it.invoice(APRIL, &buyer).unwrap();
        assert_eq!(amounts(&april, "lines"), of(&[("capacityFee", 24_000)]));
        assert_eq!(amounts(&april, "corrections"), of(&[("capacityFee", 12_400)]));
        it.all_replay();
    });
}

#[test]
fn what_cannot_be_agreed_on_is_refused_and_says_what_can() {
    let server = crate::server::Server::start();
    let it = direct(&server);
    let seller = ["--seller", it.partner.as_str(), "--from", MARCH];
    let set = |more: &[&str]| {
        let said = [&seller[..], more].concat();
        server.run("bill set-terms --output json", &said)
    };
    let alone = set(&["--minimum-commitment", "5", "--currency", "USD"]);
    assert_eq!(alone.code, Some(2), "a commitment is of one buyer: {alone:?}");
    let nothing = set(&[]);
    assert_eq!(
        nothing.code,
        Some(2),
        "nothing is agreed on by a slip: {nothing:?}"
    );
    let too_much = set(&["--tax", "101", "--tax-label", "VAT"]);
    assert_eq!(too_much.code, Some(1), "{too_much:?}");
    assert!(too_much.notes.contains("InvalidTerms"), "{too_much:?}");
    assert_eq!(server.json("bill terms", &[]), json!([]));

    let since = ["EUR", "USD", "1.0825", "--since", "2024-03-01"];
    let rate = server.json("bill set-rate", &since);
    assert_eq!(
        (&rate["rate"], &rate["since"]),
        (&json!("1.0825"), &json!("2024-03-01T00:00:00Z"))
    );
    assert_eq!(server.json("bill rates", &[]), json!([rate]));
    let same = server.run("bill set-rate --since 2024-03-01 USD usd 1 --output json", &[]);
    assert!(same.notes.contains("InvalidRate"), "{same:?}");
}

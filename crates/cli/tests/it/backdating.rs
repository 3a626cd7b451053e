//! Adding a tenant from a past hour on: nobody moves usage without having been shown which.

use crate::server::Server;
use crate::whole_job::{STACK, deliver, open_accounts, register};

#[test]
fn a_tenant_is_added_for_past_hours_after_it_was_shown_what_that_moves_and_costs() {
    let server = Server::start();
    let accounts = open_accounts(&server);
    register(&server, &accounts);
    deliver(&server);
    let csp = accounts.csp();
    let add = "tenant add --effective-from 2024-03-01";
    let shown = server.json(&format!("{add} --dry-run"), &[STACK, csp]);
    let moved = &shown["moved"][0];
    assert_eq!(
        (&moved["period"], &moved["toSubscriptionName"]),
        (&"2024-03".into(), &"Fjordbank CSP".into()),
        "{shown}"
    );
    let bills = shown["differences"].as_array().unwrap();
    let sold = bills.iter().find(|it| it["buyer"]["id"] == csp).unwrap();
    assert_eq!(
        [
            &sold["settled"],
            &sold["before"],
            &sold["after"],
            &sold["difference"]
        ],
        ["runningBill", "0.00", "0.19", "0.19"]
    );

    let unasked = server.run(add, &[STACK, csp]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    for expected in [
        "Usage that somebody else would pay for",
        "Northwind stacks",
        "Bills that would change",
        "its running bill",
        "there is nobody at a terminal",
        "say --yes",
    ] {
        assert!(unasked.notes.contains(expected), "{expected}: {}", unasked.notes);
    }
    let history = server.json("tenant history", &[STACK]);
    assert_eq!(
        history.as_array().unwrap().len(),
        0,
        "nothing was entered: {history}"
    );

    let added = server.run(&format!("{add} --yes"), &[STACK, csp]);
    assert!(added.notes.contains("Bills that would change"), "{}", added.notes);
    assert!(added.done().contains("Fjordbank CSP"));
    let of_csp = server.json("statement show --period 2024-03", &[csp]);
    assert_eq!(of_csp["total"], sold["after"]);

    // There is nothing to agree to where nothing moves.
    let again = server.run(add, &[STACK, csp]);
    assert!(
        again.notes.contains("Nothing that was used so far"),
        "{}",
        again.notes
    );
    assert!(
        again.notes.contains("warning: MappingUnchanged: "),
        "{}",
        again.notes
    );
    again.done();
    let from = "--from 2024-03-01 --dry-run --unmapped --tenant c2d7a9f4-1b6e-4c3d-9e8f-5a4b3c2d1e0f";
    let taken_back = server.run(&format!("tenant map {STACK} {from}"), &[]).done();
    assert!(taken_back.contains("-0.19"), "{taken_back}");
}

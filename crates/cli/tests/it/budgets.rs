//! Budgets on the command line.

use crate::server::Server;
use crate::whole_job::open_accounts;

#[test]
fn a_budget_is_set_shown_with_its_bar_changed_and_removed() {
    let server = Server::start();
    let accounts = open_accounts(&server);
    let csp = accounts.csp();
    let none = server.run("budget list", &[]);
    assert!(
        none.notes.contains("meterbridge budget set --help"),
        "{}",
        none.notes
    );
    assert_eq!(server.json("budget list", &[]), serde_json::json!([]));

    let set = server.run(
        "budget set fjordbank --amount 1500 --currency USD --at 80,100",
        &["--subscription", csp],
    );
    let set = set.done();
    for expected in [
        "fjordbank",
        "Fjordbank CSP",
        "0.00",
        "1,500.00 USD",
        "░░░░░░░░░░",
        "80, 100",
        "OWNER",
        "platform",
    ] {
        assert!(set.contains(expected), "{expected}: {set}");
    }
    let buyer = format!("subscription:{csp}");
    let seller = server.json("partner list", &[])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let tagged = "budget set web-prod --amount 20 --currency USD --tag env=prod --from 2026-01";
    let tagged = server.json(tagged, &["--buyer", &buyer, "--seller", &seller]);
    assert_eq!(
        (&tagged["tag"], &tagged["thresholds"], &tagged["from"]),
        (
            &serde_json::json!({ "name": "env", "value": "prod" }),
            &serde_json::json!([50, 80, 100]),
            &"2026-01".into()
        ),
        "{tagged}"
    );
    let listed = server.run("budget list", &[]).done();
    assert!(
        listed.contains("Fjordbank CSP from Northwind, tag env=prod"),
        "{listed}"
    );
    let changed = server.json(
        "budget set fjordbank --amount 2000 --currency USD",
        &["--subscription", csp],
    );
    assert_eq!(changed["amount"]["amount"], "2000.00");
    assert_eq!(server.json("budget show fjordbank", &[]), changed);

    assert_eq!(changed["owner"], "platform");
    let named = server.json("budget show fjordbank --owner platform", &[]);
    assert_eq!(named, changed);
    let nobodys = server.run("budget show fjordbank", &["--owner", &buyer]);
    assert!(nobodys.notes.contains("BudgetNotFound"), "{}", nobodys.notes);
    let others = server.run(
        "budget set fjordbank --amount 2000 --currency USD",
        &["--subscription", csp, "--owner", &buyer],
    );
    assert!(others.notes.contains("AuthorizationFailed"), "{}", others.notes);

    let other = server.run(
        "budget set fjordbank --amount 2000 --currency EUR",
        &["--subscription", csp],
    );
    assert_eq!(other.code, Some(1));
    assert!(other.notes.contains("BudgetOfSomethingElse"), "{}", other.notes);
    let neither = server.run("budget set fjordbank --amount 2000 --currency EUR", &[]);
    assert_eq!(neither.code, Some(2), "{}", neither.notes);

    let removed = server.run("budget remove fjordbank", &[]).done();
    assert_eq!(removed, "Budget fjordbank is removed.\n");
    let gone = server.run("budget show fjordbank", &[]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.notes.contains("BudgetNotFound"), "{}", gone.notes);
    assert_eq!(server.json("budget list", &[]).as_array().unwrap().len(), 1);
}

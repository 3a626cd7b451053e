//! Deleting what is not needed any more, from the inside out.

use crate::process::run_with;
use crate::server::Server;
use crate::signed_in::PASSWORD;

const TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";

#[test]
fn what_somebody_depends_on_is_not_deleted_and_the_refusal_says_what_to_delete_first() {
    let server = Server::start();
    let id = |value: serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let partner = id(server.json("partner create --kind direct-bill --name Northwind", &[]));
    let of_partner = ["--partner", &partner];
    let directory = [&["--domain", "northwind.example"][..], &of_partner].concat();
    let directory = id(server.json("directory create --name Northwind", &directory));
    let anna = ["anna@northwind.example", "--password-file", "-"];
    run_with(&mut server.command("user create", &anna), PASSWORD).done();
    let inside = ["--directory", "northwind.example"];
    let program = id(server.json("application create --name Nightly", &inside));
    let group = id(server.json("group create --name Desk", &inside));
    let bought = [&["--tenant", TENANT][..], &of_partner].concat();
    let customer = id(server.json("customer create --name Fjordbank", &bought));
    let sold = [&bought[..], &["--customer", &customer]].concat();
    let sold = id(server.json("subscription create --kind csp --name Fjordbank", &sold));

    let in_order = [
        (
            "subscription",
            sold.as_str(),
            "customer",
            customer.as_str(),
            "SubscriptionsRemain",
        ),
        ("customer", &customer, "partner", &partner, "CustomersRemain"),
        (
            "user",
            "anna@northwind.example",
            "directory",
            "northwind.example",
            "UsersRemain",
        ),
        (
            "application",
            &program,
            "directory",
            "northwind.example",
            "ApplicationsRemain",
        ),
        ("group", &group, "directory", &directory, "GroupsRemain"),
        (
            "directory",
            "northwind.example",
            "partner",
            &partner,
            "DirectoriesRemain",
        ),
    ];
    for (what, name, needed_by, whose, code) in in_order {
        let refused = server.run(&format!("{needed_by} delete"), &[whose]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.notes.contains(code), "{needed_by}: {}", refused.notes);
        let deleted = server.json(&format!("{what} delete"), &[name]);
        assert_eq!(deleted["deleted"], true, "{what}");
    }
    let said = server.run("partner delete", &[&partner]).done();
    assert!(said.contains("is deleted"), "{said}");
    assert_eq!(server.json("partner list", &[]), serde_json::json!([]));
    let again = server.run("partner delete", &[&partner]);
    assert!(again.notes.contains("PartnerNotFound"), "{}", again.notes);
}

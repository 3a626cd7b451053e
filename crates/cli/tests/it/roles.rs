//! Roles and locks: what is given is seen, what is taken away is not, and what is locked stays.

use crate::process::{Outcome, meterbridge, run, run_with};
use crate::server::Server;
use crate::signed_in::{PASSWORD, Somebody};

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const ANNA: &str = "anna@northwind.example";

#[track_caller]
fn assert_failed(outcome: &Outcome, expected: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
}

/// A partner with a registered stack, and a user of its directory who may do nothing yet. Gives the subscription.
fn northwind(server: &Server) -> String {
    let id = |value: serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let partner = id(server.json("partner create --kind direct-bill --name Northwind", &[]));
    let directory = ["--domain", "northwind.example", "--partner", &partner];
    server.run("directory create --name Northwind", &directory).done();
    let create = [ANNA, "--password-file", "-"];
    run_with(&mut server.command("user create", &create), PASSWORD).done();
    let own = ["--tenant", TENANT, "--partner", &partner];
    let subscription = id(server.json(
        "subscription create --kind partner-shared-services --name Stacks",
        &own,
    ));
    server
        .run(
            "registration register",
            &["--subscription", &subscription, "--cloud-id", STACK],
        )
        .done();
    subscription
}

#[test]
fn a_role_that_is_given_shows_a_subscription_and_taken_away_hides_it_again() {
    let server = Server::start();
    let subscription = northwind(&server);
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let assignments = ["--subscription", &subscription];
    assert_failed(
        &anna.run("role assignments", &assignments),
        &["404 SubscriptionNotFound"],
    );

    let owner = ["--role", "owner", "--subscription", &subscription, "--user", ANNA];
    let given = server.json("role assign", &owner);
    assert_eq!(
        (&given["roleName"], &given["properties"]["principalType"]),
        (&"Owner".into(), &"User".into())
    );
    assert_failed(&server.run("role assign", &owner), &["RoleAssignmentExists"]);
    let seen = anna.json("role assignments", &assignments);
    assert_eq!(seen[0]["roleName"], "Owner");
    assert_eq!(
        anna.json("whoami", &[])["roleAssignments"][0]["scope"],
        format!("/subscriptions/{subscription}")
    );
    let listed = server.run("role assignments", &assignments).done();
    assert!(
        listed.contains("Owner") && listed.contains(&format!("/subscriptions/{subscription}")),
        "{listed}"
    );

    server.run("role unassign", &owner).done();
    assert_failed(
        &anna.run("role assignments", &assignments),
        &["404 SubscriptionNotFound"],
    );
    assert_failed(
        &server.run("role unassign", &owner),
        &["Nothing was changed", "role assignments"],
    );
}

#[test]
fn what_is_given_to_a_group_its_members_have() {
    let server = Server::start();
    let subscription = northwind(&server);
    let group = server.json("group create --directory northwind.example --name Desk", &[]);
    let group = group["id"].as_str().unwrap();
    let reader = [
        "--role",
        "Reader",
        "--subscription",
        &subscription,
        "--group",
        group,
    ];
    server.run("role assign", &reader).done();
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let locks = ["--subscription", &subscription];
    assert_failed(&anna.run("lock list", &locks), &["SubscriptionNotFound"]);
    server.run("group add-member", &[group, ANNA]).done();
    anna.run("lock list", &locks).done();
    let refused = anna.run("lock create keep --level cannot-delete", &locks);
    assert_failed(&refused, &["403 AuthorizationFailed", ANNA]);
    let shown = server.run("group show", &[group]).done();
    assert!(shown.contains("Desk"), "{shown}");
    server.run("group remove-member", &[group, ANNA]).done();
    assert_failed(&anna.run("lock list", &locks), &["SubscriptionNotFound"]);
    assert_failed(
        &server.run("group remove-member", &[group, ANNA]),
        &["was not in group"],
    );
}

#[test]
fn one_wrong_digit_gives_a_role_to_nobody_and_is_refused() {
    const NOBODY: &str = "1237f616-774a-5a7f-bad1-e5106f1b08ad";
    let server = Server::start();
    let subscription = northwind(&server);
    let owner = |whom: &[&'static str]| {
        let role = ["--role", "Owner", "--subscription", &subscription];
        server.run("role assign", &[&role[..], whom].concat())
    };
    for (option, what) in [("--user", "user"), ("--group", "group")] {
        assert_failed(
            &owner(&[option, NOBODY]),
            &[
                &format!("There is no {what} with the id"),
                &format!("--principal {NOBODY} --principal-kind {what}"),
            ],
        );
        assert_failed(
            &server.run("role assign --platform-operator", &[option, NOBODY]),
            &["There is no"],
        );
    }
    let assignments = server.json("role assignments", &["--subscription", &subscription]);
    assert_eq!(assignments, serde_json::json!([]));
    // Of whom an issuer elsewhere speaks, nobody here knows.
    let elsewhere = owner(&["--principal", NOBODY, "--principal-kind", "user"]);
    assert!(elsewhere.notes.contains("has the id"), "{elsewhere:?}");
    elsewhere.done();
    owner(&["--user", ANNA]).done();
    let listed = server
        .run("role assignments --subscription", &[&subscription])
        .done();
    assert!(listed.contains(ANNA) && listed.contains(NOBODY), "{listed}");
    assert_failed(
        &owner(&["--user", "kari@fjordbank.example"]),
        &["--principal OBJECT-ID --principal-kind user"],
    );
}

#[test]
fn a_program_is_taken_into_a_group_by_the_id_that_people_know() {
    let server = Server::start();
    northwind(&server);
    let inside = ["--directory", "northwind.example"];
    let group = server.json("group create --name Desk", &inside);
    let program = server.json("application create --name Nightly", &inside);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (group, application) = (text(&group["id"]), text(&program["id"]));
    let principal = text(&program["servicePrincipalId"]);
    server.run("group add-member", &[&group, ANNA]).done();
    let shown = server.run("group add-member", &[&group, &application]).done();
    for known in [&principal, "Nightly", ANNA] {
        assert!(shown.contains(known), "{known}: {shown}");
    }
    server.run("group remove-member", &[&group, &application]).done();
    let left = server.json("group show", &[&group]);
    assert_eq!(left["members"].as_array().unwrap().len(), 1, "{left}");
}

#[test]
fn a_lock_is_not_made_weaker_by_setting_one_of_its_name() {
    let server = Server::start();
    let subscription = northwind(&server);
    let create = |level: &str, more: &[&str]| {
        let lock = ["--subscription", &subscription, "--level", level];
        server.run("lock create keep", &[&lock[..], more].concat())
    };
    create("read-only", &[]).done();
    create("read-only", &["--notes", "Closed."]).done();
    let refused = create("cannot-delete", &[]);
    assert_failed(
        &refused,
        &["changing and deleting", "Nothing was changed", "--replace"],
    );
    let locks = || server.json("lock list", &["--subscription", &subscription]);
    assert_eq!(locks()[0]["properties"]["level"], "ReadOnly");
    create("cannot-delete", &["--replace"]).done();
    assert_eq!(locks()[0]["properties"]["level"], "CanNotDelete");
}

#[test]
fn roles_in_the_trade_are_listed_and_taken_away() {
    const KARI: &str = "kari@meterbridge.local";
    let server = Server::start();
    northwind(&server);
    let create = [KARI, "--password-file", "-"];
    run_with(&mut server.command("user create", &create), PASSWORD).done();
    let given = server
        .run("role assign --platform-operator --user", &[KARI])
        .done();
    assert!(
        given.contains("operator of the platform") && given.contains(KARI),
        "{given}"
    );
    let kari = Somebody::at(&server).signed_in_as(KARI);
    let listed = kari.json("role partner-roles", &[]);
    assert_eq!(
        (&listed[0]["role"], &listed[0]["principalName"]),
        (&"platformOperator".into(), &KARI.into())
    );
    server
        .run("role unassign --platform-operator --user", &[KARI])
        .done();
    assert_failed(&kari.run("check --period 2026-10", &[]), &["403"]);
    let again = server.run("role unassign --platform-operator --user", &[KARI]);
    assert_failed(&again, &["404 PartnerRoleNotFound"]);
    // Whoever manages Anna's directory could act by such a role.
    let stranger = server.run("role assign --platform-operator --user", &[ANNA]);
    assert_failed(&stranger, &["403 PrincipalDirectoryNotTrusted"]);
}

#[test]
fn a_role_of_ones_own_is_defined_given_and_deleted() {
    let server = Server::start();
    let subscription = northwind(&server);
    let scope = format!("/subscriptions/{subscription}");
    let create = [
        "--name",
        "Registrar",
        "--action",
        "Microsoft.AzureStack/registrations/*",
        "--assignable",
        &scope,
    ];
    let made = server.json("role create", &create);
    let again = [
        &create[..],
        &["--not-action", "Microsoft.AzureStack/registrations/delete"],
    ]
    .concat();
    assert_eq!(
        server.json("role create", &again)["name"],
        made["name"],
        "it is defined anew"
    );
    let shown = server.run("role show Registrar", &["--scope", &scope]).done();
    assert!(
        shown.contains("But not          Microsoft.AzureStack/registrations/delete"),
        "{shown}"
    );
    let listed = server.run("role list", &["--scope", &scope]).done();
    assert!(
        listed.contains("Registrar") && listed.contains("Contributor"),
        "{listed}"
    );

    let give = ["--role", "Registrar", "--scope", &scope, "--user", ANNA];
    server.run("role assign", &give).done();
    assert_failed(
        &server.run("role delete Registrar", &["--scope", &scope]),
        &["RoleDefinitionHasAssignments"],
    );
    server.run("role unassign", &give).done();
    server.run("role delete Registrar", &["--scope", &scope]).done();
    assert_failed(
        &server.run("role show Registrar", &["--scope", &scope]),
        &["There is no role Registrar", "role list"],
    );
}

#[test]
fn what_is_locked_is_not_deleted_until_the_lock_is_removed() {
    let server = Server::start();
    let subscription = northwind(&server);
    let group = ["--subscription", &subscription, "--resource-group", "azurestack"];
    server
        .run("lock create keep --level cannot-delete --notes Keep", &group)
        .done();
    let listed = server.run("lock list", &group).done();
    assert!(listed.contains("keep") && listed.contains("deleting"), "{listed}");
    assert_failed(&server.run("registration delete", &[STACK]), &["409 ScopeLocked"]);
    server.run("lock delete keep", &group).done();
    assert_failed(
        &server.run("lock delete keep", &group),
        &["There is no lock keep"],
    );
    server.run("registration delete", &[STACK]).done();
}

#[test]
fn a_role_is_only_given_where_somebody_and_something_is_named() {
    let server = Server::start();
    for arguments in [
        "role assign --role Owner --user anna@northwind.example",
        "role assign --role Owner --scope /",
        "role assign --platform-operator --scope / --user anna@northwind.example",
        "role assign --platform-operator --role Owner --scope / --user a@b.example",
        "role assign --platform-operator --principal 5bf881b2-6be7-42a1-9f47-d6fcb6737747",
        "role assign --role Owner --scope /subscriptions/north --user a@b.example",
        "lock create keep --level cannot-delete",
    ] {
        let outcome = server.run(arguments, &[]);
        assert_eq!(outcome.code, Some(2), "{arguments}: {outcome:?}");
    }
    for arguments in ["directory show nix", "user show anna"] {
        let outcome = server.run(arguments, &[]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.notes.contains("northwind.example"), "{outcome:?}");
    }
    let nobody = server.run("role assign --platform-operator --user anna@nowhere.example", &[]);
    assert_failed(&nobody, &["no directory with the domain nowhere.example"]);
}

#[test]
fn one_of_each_is_shown_by_its_id() {
    let server = Server::start();
    let subscription = northwind(&server);
    assert_eq!(
        server.json("subscription show", &[&subscription])["id"],
        subscription
    );
    let partner = server.json("subscription show", &[&subscription])["ownerPartnerId"].clone();
    assert_eq!(
        server.json("partner show", &[partner.as_str().unwrap()])["name"],
        "Northwind"
    );
    assert_failed(&server.run("partner show", &[STACK]), &["404"]);
    assert_failed(&server.run("customer show", &[STACK]), &["404"]);
    assert_failed(
        &server.run("tenant show", &[STACK, &subscription]),
        &["404 CustomerSubscriptionNotFound"],
    );
    assert_eq!(
        server.json("directory show northwind.example", &[])["domain"],
        "northwind.example"
    );
    let users = server.json("user list --directory northwind.example", &[]);
    assert_eq!(
        server.json("user show", &[users[0]["id"].as_str().unwrap()])["name"],
        ANNA
    );
}

/// The actions that the help's own example of a role allows.
fn actions_of_the_example() -> Vec<String> {
    let help = run(meterbridge().args(["role", "create", "--help"])).done();
    let example = help.split("Example").nth(1).unwrap();
    let actions = example
        .split("--action ")
        .skip(1)
        .map(|rest| rest.split_whitespace().next().unwrap());
    actions
        .map(|action| action.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn who_has_the_role_of_the_help_registers_a_stack() {
    let server = Server::start();
    let subscription = northwind(&server);
    let scope = format!("/subscriptions/{subscription}");
    let actions = actions_of_the_example();
    let actions: Vec<&str> = actions.iter().flat_map(|it| ["--action", it]).collect();
    let create = ["--name", "Stack registrar", "--assignable", &scope];
    server
        .run("role create", &[&create, &actions[..]].concat())
        .done();
    // Without a word about resource groups it is enough where the group is there.
    let create = ["--name", "Here only", "--assignable", &scope, "--action"];
    let only = [&create[..], &["Microsoft.AzureStack/registrations/*"]].concat();
    server.run("role create", &only).done();

    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let register = |group: &str, stack: &str| {
        let at = ["--subscription", &subscription, "--resource-group", group];
        anna.run(
            "registration register",
            &[&at[..], &["--cloud-id", stack]].concat(),
        )
    };
    let role = |command: &str, name: &str| {
        let given = ["--role", name, "--subscription", &subscription, "--user", ANNA];
        server.run(&format!("role {command}"), &given).done();
    };
    role("assign", "Here only");
    register("azurestack", "5e4c1a3d-8e22-4b5b-9d2f-1a5c4a1b8e66").done();
    assert_failed(
        &register("elsewhere", "6f5d2b4e-9f33-4c6c-8e30-2b6d5b2c9f77"),
        &["AuthorizationFailed"],
    );
    role("unassign", "Here only");
    role("assign", "Stack registrar");
    register("elsewhere", "6f5d2b4e-9f33-4c6c-8e30-2b6d5b2c9f77").done();
}

#[test]
fn who_does_not_operate_the_platform_lists_a_stacks_directory_with_its_key() {
    let server = Server::start();
    let subscription = northwind(&server);
    let owner = ["--role", "Owner", "--subscription", &subscription, "--user", ANNA];
    server.run("role assign", &owner).done();
    let anna = Somebody::at(&server).signed_in_as(ANNA);
    let listing = anna.home().join("subscriptions.json");
    std::fs::write(&listing, r#"{"value":[]}"#).unwrap();
    let list = [STACK, listing.to_str().unwrap()];
    assert_failed(
        &anna.run("stack directory", &list),
        &["403 AuthorizationFailed", "--activation-key-file"],
    );
    let key = anna.run("registration activation-key", &[STACK]).done();
    let file = anna.home().join("stack.key");
    std::fs::write(&file, key).unwrap();
    let with_key = [&list[..], &["--activation-key-file", file.to_str().unwrap()]].concat();
    let mut command = anna.command("stack directory", &with_key);
    run(command.env("METERBRIDGE_CA", server.ca())).done();
    let other = [&["6f5d2b4e-9f33-4c6c-8e30-2b6d5b2c9f77"][..], &with_key[1..]].concat();
    assert_failed(
        &anna.run("stack directory", &other),
        &["The activation key is of stack"],
    );
}

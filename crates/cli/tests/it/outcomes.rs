//! What commands say of what they did, to people and to programs.

use crate::process::{meterbridge, run, run_with};
use crate::server::Server;

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const OTHER_STACK: &str = "4b5b2d2f-1a5c-4a1b-8e66-7b4c1a3d8e22";
const TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const CUSTOMER_TENANT: &str = "c2d7a9f4-1b6e-4c3d-9e8f-5a4b3c2d1e0f";

/// The default subscription of a registered stack, and a customer's whose tenant may be added.
fn registered(server: &Server) -> [String; 2] {
    let id = |value: serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let partner = id(server.json("partner create --kind direct-bill --name Northwind", &[]));
    let customer = ["--partner", &partner, "--tenant", CUSTOMER_TENANT];
    let customer = id(server.json("customer create --name Fjordbank", &customer));
    let default = ["--tenant", TENANT, "--partner", &partner];
    let default = id(server.json(
        "subscription create --kind partner-shared-services --name Stacks",
        &default,
    ));
    let csp = [
        "--tenant",
        CUSTOMER_TENANT,
        "--partner",
        &partner,
        "--customer",
        &customer,
    ];
    let csp = id(server.json("subscription create --kind csp --name Fjordbank", &csp));
    let made = server.run(
        "registration register",
        &["--subscription", &default, "--cloud-id", STACK],
    );
    assert!(
        made.notes
            .starts_with("Made resource group azurestack.\nRegistered.\n"),
        "{}",
        made.notes
    );
    made.done();
    server.run("registration approve", &[STACK]).done();
    [default, csp]
}

#[test]
fn a_tenant_that_was_not_mapped_is_not_said_to_be_removed() {
    let server = Server::start();
    let [default, csp] = registered(&server);
    let remove = || server.run("tenant remove", &[STACK, &csp]);
    let told = remove();
    assert_eq!((told.code, told.data.as_str()), (Some(1), ""), "{told:?}");
    assert!(
        told.notes.contains("was not mapped") && told.notes.contains("tenant list"),
        "{}",
        told.notes
    );

    server.run("tenant add", &[STACK, &csp]).done();
    let removed = server.json("tenant remove", &[STACK, &csp]);
    assert_eq!(
        (&removed["removed"], &removed["defaultSubscriptionId"]),
        (&true.into(), &default.into())
    );
    let told = server.run("tenant remove -o json", &[STACK, &csp]);
    let error: serde_json::Value = serde_json::from_str(&told.notes).unwrap();
    assert_eq!(
        (told.code, &error["error"]["code"]),
        (Some(1), &"CustomerSubscriptionNotFound".into())
    );
    assert_eq!(told.data, "");
}

#[test]
fn what_changes_a_registration_is_answered_in_json_too() {
    let server = Server::start();
    registered(&server);
    let backdated = server.json("registration backdate --from 2024-03-01", &[STACK]);
    assert_eq!(backdated["cloudId"], STACK);
    let deleted = server.run("registration delete -o json", &[STACK]);
    assert!(
        deleted.notes.contains("StackLeftUnregistered"),
        "a stack that still runs is charged to nobody: {}",
        deleted.notes
    );
    let deleted: serde_json::Value = serde_json::from_str(&deleted.done()).unwrap();
    assert_eq!(
        (&deleted["deleted"], &deleted["cloudId"]),
        (&true.into(), &STACK.into())
    );
    let again = server.run("registration delete --output ndjson", &[STACK]);
    let error: serde_json::Value = serde_json::from_str(&again.notes).unwrap();
    assert_eq!(
        (again.code, &error["error"]["code"]),
        (Some(1), &"StackNotRegistered".into())
    );
}

#[test]
fn who_revokes_a_leaked_key_is_told_how_the_stack_goes_on() {
    let server = Server::start();
    registered(&server);
    let key = || server.run("registration activation-key", &[STACK]).done();
    let leaked = key();
    let told = server.run("registration revoke-activation-keys", &[STACK]);
    assert!(
        told.notes
            .contains(&format!("registration activation-key {STACK}")),
        "{}",
        told.notes
    );
    assert!(told.done().contains("good no more"));
    assert_ne!(key(), leaked);
    let revoked = server.json("registration revoke-activation-keys", &[STACK]);
    assert_eq!(revoked["cloudId"], STACK);
}

#[test]
fn a_refused_registration_is_not_told_as_if_it_had_begun_well() {
    let server = Server::start();
    let [_, csp] = registered(&server);
    let refused = [
        "--subscription",
        &csp,
        "--cloud-id",
        STACK,
        "--resource-group",
        "second",
    ];
    let told = server.run("registration register", &refused);
    assert_eq!((told.code, told.data.as_str()), (Some(1), ""), "{told:?}");
    assert!(told.notes.starts_with("error: "), "{}", told.notes);
    assert!(told.notes.contains("the server answered 409 "), "{}", told.notes);
    assert!(
        told.notes
            .contains("resource group second, which was made for it, is removed again"),
        "{}",
        told.notes
    );
    // A group that was there before stays.
    let there = [
        "--subscription",
        &csp,
        "--cloud-id",
        OTHER_STACK,
        "--resource-group",
        "second",
    ];
    let made = server.run("registration register", &there);
    assert!(
        made.notes.starts_with("Made resource group second."),
        "{}",
        made.notes
    );
    let again = server.run("registration register", &refused);
    assert!(
        again.code == Some(1) && !again.notes.contains("resource group second"),
        "{}",
        again.notes
    );
    assert_eq!(
        server.json("registration show", &[OTHER_STACK])["cloudId"],
        OTHER_STACK
    );
}

#[test]
fn a_tag_that_is_changed_leaves_the_billing_model_and_the_other_tags_alone() {
    let server = Server::start();
    let [default, _] = registered(&server);
    let register = |more: &[&str]| {
        let at = ["--subscription", &default, "--cloud-id", OTHER_STACK];
        server.json("registration register", &[&at, more].concat())
    };
    let made = register(&["--billing-model", "development", "--tag", "site=Bergen"]);
    assert_eq!(made["properties"]["billingModel"], "Development");
    let tagged = register(&["--tag", "rack=4"]);
    assert_eq!(tagged["properties"]["billingModel"], "Development");
    assert_eq!(
        tagged["tags"],
        serde_json::json!({ "site": "Bergen", "rack": "4" })
    );
    assert_eq!(register(&[]), tagged);
    let charged = register(&["--billing-model", "pay-as-you-use"]);
    assert_eq!(charged["properties"]["billingModel"], "PayAsYouUse");
    assert_eq!(charged["tags"], tagged["tags"]);
}

#[test]
fn who_backdates_to_a_later_hour_is_told_from_when_the_registration_holds() {
    let server = Server::start();
    registered(&server);
    let backdate = |from: &str| server.run("registration backdate -o json", &[STACK, "--from", from]);
    assert_eq!(backdate("2024-03-01").json()["validFrom"], "2024-03-01T00:00:00Z");
    for later in ["2024-03-02", "2199-01-01"] {
        let refused = backdate(later);
        assert_eq!((refused.code, refused.data.as_str()), (Some(1), ""), "{later}");
        assert!(
            refused.notes.contains("holds from 2024-03-01T00:00:00Z already"),
            "{}",
            refused.notes
        );
    }
    assert_eq!(backdate("2024-03-01").json()["validFrom"], "2024-03-01T00:00:00Z");
    let shown = server.run("registration show", &[STACK]).done();
    assert!(
        shown.contains("Holds from            2024-03-01T00:00:00Z"),
        "{shown}"
    );
    let listed = server.run("registration list", &[]).done();
    assert!(
        listed.contains("HOLDS FROM") && listed.contains("2024-03-01 00:00"),
        "{listed}"
    );
}

#[test]
fn a_cloud_id_that_nobody_knows_is_not_taken_for_a_stack_without_deliveries() {
    let server = Server::start();
    registered(&server);
    let listing = server.data().join("subscriptions.json");
    std::fs::write(&listing, r#"{"value":[]}"#).unwrap();
    let list = |stack: &str| server.run("stack directory", &[stack, listing.to_str().unwrap()]);
    for (stack, doubted) in [(STACK, false), (OTHER_STACK, true)] {
        let taken = list(stack);
        assert_eq!(taken.notes.contains("Check the cloud id"), doubted, "{taken:?}");
        taken.done();
    }
    server.run("stack receipts", &[STACK]).done();
    let unknown = server.run("stack receipts", &[OTHER_STACK]);
    assert_eq!(
        (unknown.code, unknown.data.as_str()),
        (Some(1), ""),
        "{unknown:?}"
    );
    assert!(
        unknown.notes.contains("404 RegistrationNotFound") && unknown.notes.contains("Check the cloud id"),
        "{}",
        unknown.notes
    );
}

#[test]
fn a_subscription_that_was_deleted_keeps_its_name_where_it_was_mapped() {
    let server = Server::start();
    let [_, csp] = registered(&server);
    server
        .run("registration backdate --from 2024-03-01", &[STACK])
        .done();
    let past = "2024-03-01 --to 2024-03-02";
    let map = [STACK, "--tenant", CUSTOMER_TENANT, "--subscription", &csp];
    server.run(&format!("tenant map --from {past}"), &map).done();
    server.run("subscription delete", &[&csp]).done();
    let history = server.json("tenant history", &[STACK]);
    assert_eq!(
        (&history[0]["subscriptionId"], &history[0]["subscriptionName"]),
        (&csp.as_str().into(), &"Fjordbank".into())
    );
    let statement = [csp.as_str(), "--period", "2024-03"];
    let shown = server.run("statement show", &statement).done();
    assert!(
        shown.contains("Fjordbank") && shown.contains("deleted since"),
        "{shown}"
    );
    assert_eq!(
        server.json("statement show", &statement)["subscriptionDeleted"],
        true
    );
}

#[test]
fn who_sees_nothing_is_not_told_that_all_is_claimed() {
    let server = Server::start();
    for command in ["usage unmapped", "statement list"] {
        let told = server.run(command, &["--period", "2024-03"]).done();
        assert!(told.contains("2024-03 that you may read"), "{command}: {told}");
        let listed = server.json(command, &["--period", "2024-03"]);
        assert_eq!(listed, serde_json::json!([]), "{command}");
    }
}

#[test]
fn an_error_of_the_server_keeps_its_code_and_target_for_programs() {
    let server = Server::start();
    let unknown = server.run("subscription suspend -o json", &[TENANT]);
    let error: serde_json::Value = serde_json::from_str(&unknown.notes).unwrap();
    let error = &error["error"];
    assert_eq!(
        (unknown.code, unknown.data.as_str()),
        (Some(1), ""),
        "{unknown:?}"
    );
    assert_eq!(error["code"], "SubscriptionNotFound");
    assert!(error["message"].as_str().unwrap().contains(TENANT), "{error}");
    assert!(error["causes"][0].as_str().unwrap().contains("404"), "{error}");
}

#[test]
fn who_calls_the_server_in_a_wrong_way_is_told_the_right_one() {
    let server = Server::start();
    let plain = server.url.replacen("https:", "http:", 1);
    let told = server.run("partner list", &["--url", &plain]);
    assert!(
        told.notes.contains(&format!("Try --url {}.", server.url)),
        "{}",
        told.notes
    );
    let mut untrusting = meterbridge();
    untrusting.args([
        "partner",
        "list",
        "--credential",
        &server.credential,
        "--url",
        &server.url,
    ]);
    let told = run(&mut untrusting);
    assert_eq!(told.code, Some(1));
    assert!(
        told.notes.contains("--ca FILE or METERBRIDGE_CA"),
        "{}",
        told.notes
    );
    let told = server.run("partner list --credential mbo_wrong", &[]);
    assert!(
        told.notes.contains("init --data DIRECTORY --new-credential"),
        "{}",
        told.notes
    );
}

#[test]
fn a_data_directory_that_is_named_as_an_option_wins_over_the_ca_of_the_environment() {
    let server = Server::start();
    let other = server.data().with_file_name("other.pem");
    std::fs::write(&other, "no certificate").unwrap();
    let list = |options: &[(&str, &std::path::Path)]| {
        let mut command = server.command("partner list", &[]);
        command.env("METERBRIDGE_CA", &other);
        for (option, value) in options {
            command.arg(option).arg(value);
        }
        run(&mut command)
    };
    let (data, ca) = (server.data(), server.ca());
    list(&[("--data", &data)]).done();
    list(&[("--ca", &ca)]).done();
    // Both are options: the one that says it of itself.
    assert_eq!(list(&[("--data", &data), ("--ca", &other)]).code, Some(1));
    assert_eq!(list(&[]).code, Some(1));
}

#[test]
fn a_server_tells_programs_where_it_answers() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let made = run(meterbridge().args(["init", "-o", "json", "--data"]).arg(&data)).json();
    assert!(made["credential"].as_str().unwrap().starts_with("mbo_"), "{made}");
    let mut serve = meterbridge()
        .args(["serve", "-o", "ndjson", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(serve.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    serve.kill().unwrap();
    serve.wait().unwrap();
    let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(
        listening["url"]
            .as_str()
            .unwrap()
            .starts_with("https://localhost:"),
        "{listening}"
    );
    assert_eq!(listening["caCertificate"], made["caCertificate"]);
}

#[test]
fn a_customer_is_not_charged_for_another_by_a_slip_of_the_hand() {
    const RIVALS: &str = "4d0e6b7c-1f2a-4b3c-8d5e-6f7a8b9c0d1e";
    let server = Server::start();
    let [_, csp] = registered(&server);
    let partner = server.json("partner list", &[])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let rival = ["--name", "Rival", "--partner", &partner, "--tenant", RIVALS];
    server.run("customer create", &rival).done();
    server.run("tenant add", &[STACK, &csp]).done();
    let map = [
        "--tenant",
        RIVALS,
        "--subscription",
        &csp,
        "--from",
        "2024-03-01",
        "--to",
        "2024-03-02",
    ];
    let map = format!("tenant map {STACK} {}", map.join(" "));
    for command in [format!("tenant add {STACK} {csp} --tenant {RIVALS}"), map.clone()] {
        let told = server.run(&command, &[]);
        assert_eq!((told.code, told.data.as_str()), (Some(1), ""), "{told:?}");
        for said in ["customer Rival", "customer Fjordbank", "--allow-other-customer"] {
            assert!(told.notes.contains(said), "{said}: {}", told.notes);
        }
    }
    let tenants = server.json("tenant list", &[STACK]);
    assert_eq!(
        tenants[0]["properties"]["tenantId"], CUSTOMER_TENANT,
        "it was not ended"
    );

    let told = server.run(&map, &["--allow-other-customer"]);
    assert!(
        told.notes.contains("warning: TenantOfAnotherCustomer: "),
        "{}",
        told.notes
    );
    told.done();
    let open = format!("tenant map {STACK} --tenant {RIVALS} --subscription {csp} --from 2024-03-01");
    let told = server.run(&open, &["--allow-other-customer"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(
        told.notes.contains("with `meterbridge tenant map --to`") && !told.notes.contains("validTo"),
        "{}",
        told.notes
    );
}

#[test]
fn the_history_of_a_stacks_tenants_outlives_its_registration() {
    let server = Server::start();
    let [_, csp] = registered(&server);
    server
        .run("registration backdate --from 2024-03-01", &[STACK])
        .done();
    server.run("tenant add", &[STACK, &csp]).done();
    server.run("registration delete", &[STACK]).done();
    let history = server.json("tenant history", &[STACK]);
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!(history[0]["registration"]["live"], false);
    let table = server.run("tenant history", &[STACK]).done();
    assert!(
        table.contains("IN REGISTRATION") && table.contains("2024-03-01 00:00 to "),
        "{table}"
    );
}

#[test]
fn a_single_tenant_registration_is_not_sent_to_an_approval_that_is_refused() {
    let server = Server::start();
    let made = "subscription create --kind enterprise-agreement --name Own";
    let own = server.json(made, &["--tenant", CUSTOMER_TENANT])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let register = [
        "--subscription",
        &own,
        "--cloud-id",
        STACK,
        "--operated-by",
        "end-user",
    ];
    let told = server.run("registration register", &register);
    for code in ["SingleTenantOnly", "SubscriptionKindNotAdvised"] {
        assert!(
            told.notes.contains(&format!("warning: {code}: ")),
            "{code}: {}",
            told.notes
        );
    }
    assert!(!told.notes.contains("registration approve"), "{}", told.notes);
    told.done();

    let listed = run_with(
        &mut server.command("stack directory", &[STACK, "-"]),
        r#"{"value":[]}"#,
    );
    assert!(listed.notes.contains("nothing was changed"), "{}", listed.notes);
    assert_eq!(listed.done(), "0 local subscriptions: 0 new, 0 changed\n");
}

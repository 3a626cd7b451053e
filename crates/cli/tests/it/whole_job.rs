//! From an empty directory to a bill.

use std::fs;

use crate::process::{meterbridge, run, run_with};
use crate::server::Server;
use crate::store_elsewhere::database;

pub(crate) const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
/// Whom the operator's subscription is of, and who rents machines from it.
const PARTNER_TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const FJORDBANK: &str = "c2d7a9f4-1b6e-4c3d-9e8f-5a4b3c2d1e0f";
const PAGE: &str = include_str!("fixtures/usage-page.json");
const DIRECTORY: &str = include_str!("fixtures/directory.json");

/// The ids of what was made.
pub(crate) struct Accounts {
    partner: String,
    shared_services: String,
    csp: String,
}

impl Accounts {
    /// The customer's subscription.
    pub(crate) fn csp(&self) -> &str {
        &self.csp
    }
}

fn text(value: &serde_json::Value, member: &str) -> String {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("no text {member} in {value}"))
        .to_owned()
}

pub(crate) fn open_accounts(server: &Server) -> Accounts {
    let partner = server.json("partner create --kind direct-bill", &["--name", "Northwind"]);
    let partner = text(&partner, "id");
    let customer = [
        "--name",
        "Fjordbank",
        "--partner",
        &partner,
        "--tenant",
        FJORDBANK,
    ];
    let customer = text(&server.json("customer create", &customer), "id");
    let sold = [
        "--name",
        "Fjordbank CSP",
        "--partner",
        &partner,
        "--customer",
        &customer,
        "--tenant",
        FJORDBANK,
    ];
    let csp = text(&server.json("subscription create --kind csp", &sold), "id");
    let own = [
        "--name",
        "Northwind stacks",
        "--partner",
        &partner,
        "--tenant",
        PARTNER_TENANT,
    ];
    let shared_services = server.json("subscription create --kind partner-shared-services", &own);
    Accounts {
        shared_services: text(&shared_services, "id"),
        partner,
        csp,
    }
}

pub(crate) fn register(server: &Server, accounts: &Accounts) {
    let arguments = [
        "--subscription",
        &accounts.shared_services,
        "--cloud-id",
        STACK,
        "--operated-by",
        "direct-partner",
    ];
    let registered = server.json("registration register", &arguments);
    assert_eq!(registered["properties"]["cloudId"], STACK);
    assert_eq!(registered["name"], format!("AzureStack-{STACK}"));
    server
        .run("registration backdate --from 2024-03-01", &[STACK])
        .done();
    server.run("registration approve", &[STACK]).done();
}

/// Adds the tenant, too late, and puts that right for the hours that have passed.
fn add_tenant(server: &Server, accounts: &Accounts) {
    server.run("tenant add", &[STACK, &accounts.csp]).done();
    let mapped = ["--tenant", FJORDBANK, "--subscription", &accounts.csp];
    server
        .run(&format!("tenant map {STACK} --from 2024-03-01"), &mapped)
        .done();
    let tenants = server.json("tenant list", &[STACK]);
    assert_eq!(tenants[0]["properties"]["tenantId"], FJORDBANK);
    let history = server.json("tenant history", &[STACK]);
    assert_eq!(history.as_array().unwrap().len(), 2);
}

pub(crate) fn deliver(server: &Server) {
    let directory = run_with(&mut server.command("stack directory", &[STACK, "-"]), DIRECTORY).done();
    assert_eq!(directory, "2 local subscriptions: 2 new, 0 changed\n");

    let window = "usage import --reported-start 2024-03-05T14:00:00Z";
    let imported = run_with(&mut server.command(window, &["--cloud-id", STACK, "-"]), PAGE);
    assert!(
        imported.notes.contains("warning: -, index 4: "),
        "{}",
        imported.notes
    );
    assert!(!imported.notes.contains("--reported-start"), "{}", imported.notes);
    assert_eq!(
        imported.done(),
        "5 records: 4 accepted, 0 duplicate, 0 revised, 1 quarantined\n"
    );

    let complete = "usage import --reported-through 2024-03-05T15:00:00Z";
    let again = run_with(&mut server.command(complete, &["--cloud-id", STACK, "-"]), PAGE);
    assert!(
        again.notes.contains("warning: Without --reported-start"),
        "{}",
        again.notes
    );
    let all = "Every hour before 2024-03-05T15:00:00Z will be declared complete";
    assert!(again.notes.contains(all), "{}", again.notes);
    assert_eq!(
        again.done(),
        "5 records: 0 accepted, 5 duplicate, 0 revised, 0 quarantined\n"
    );
    let stacks = server.json("stack list", &[]);
    assert_eq!(stacks[0]["reportedThrough"], "2024-03-05T15:00:00Z");
}

fn assert_bills(server: &Server, accounts: &Accounts) {
    let of_csp = server.json("statement show --period 2024-03", &[&accounts.csp]);
    // 8 + 4 vCPU hours at 0.008 and 2 at 0.046: 0.096 and 0.092, each rounded once.
    assert_eq!(
        (&*text(&of_csp, "total"), &*text(&of_csp, "currency")),
        ("0.19", "USD")
    );
    let lines = of_csp["lines"].as_array().unwrap();
    assert!(
        lines.iter().all(|line| line["reason"] == "tenantMapping"),
        "{of_csp}"
    );

    let of_default = server.json("statement show --period 2024-03", &[&accounts.shared_services]);
    // 16 vCPU hours of the partner's own.
    assert_eq!(text(&of_default, "total"), "0.13");
    assert_eq!(of_default["lines"][0]["reason"], "tenantNotMapped");

    let bill = server
        .run("statement show --period 2024-03", &[&accounts.csp])
        .done();
    assert!(
        bill.contains("\nTotal ") && bill.contains("tenant mapping"),
        "{bill}"
    );
    let all = server.json("statement list --period 2024-03", &[]);
    assert_eq!(all.as_array().unwrap().len(), 2);
}

/// The partner sells at prices of its own.
fn assert_own_prices(server: &Server, accounts: &Accounts) {
    let meters = server.json("meter list", &[]);
    let base = meters
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "Base VM Size Hours")
        .unwrap();
    let prices = serde_json::json!({
        "currency": "EUR", "seller": accounts.partner, "effectiveFrom": "2024-01-01T00:00:00Z",
        "prices": [{ "meterId": base["billing"]["billingMeterId"], "rates": { "0": "0.5", "10": "0.25" } }],
    });
    let prices = prices.to_string();
    assert_past_is_changed_on_purpose_only(server, accounts, &prices);
    let put = run_with(
        &mut server.command("price-list put northwind-eur - --yes", &[]),
        &prices,
    );
    assert!(
        put.notes.contains("warning: MetersWithoutPrice: ") && put.notes.contains("Windows VM vCPU"),
        "{}",
        put.notes
    );
    let put = put.done();
    assert!(put.starts_with("Price list northwind-eur, in EUR, of "), "{put}");
    let lists = server.json("price-list list", &[]);
    assert_eq!(lists.as_array().unwrap().len(), 2);
    let statement = server.json("statement show --period 2024-03", &[&accounts.csp]);
    // 10 hours at 0.5 and 2 at 0.25; for Windows there is no price.
    assert_eq!(
        (&*text(&statement, "total"), &*text(&statement, "currency")),
        ("5.50", "EUR")
    );
    assert_eq!(statement["notCharged"][0]["because"], "noPrice");
}

/// March 2024 is over and has been charged: its bill does not change by a slip.
fn assert_past_is_changed_on_purpose_only(server: &Server, accounts: &Accounts, prices: &str) {
    let bill = || server.json("statement show --period 2024-03", &[&accounts.csp]);
    let before = bill();
    let put = |more: &[&str]| {
        run_with(
            &mut server.command("price-list put northwind-eur -", more),
            prices,
        )
    };
    let shown = put(&["--dry-run"]).done();
    assert!(
        shown.starts_with("Nothing was published.")
            && shown.contains("\n2024-03 ")
            && shown.contains("EUR 5.50"),
        "{shown}"
    );
    let shown = put(&["--dry-run", "--output", "json"]).json();
    assert_eq!(
        (&shown["repriced"][0]["isOver"], &shown["repriced"][0]["after"]),
        (
            &true.into(),
            &serde_json::json!([{ "currency": "EUR", "total": "5.50" }])
        )
    );
    let refused = put(&[]);
    assert_eq!(
        (refused.code, refused.data.as_str()),
        (Some(1), ""),
        "{refused:?}"
    );
    let total = text(&before, "total");
    for expected in [
        "error: Nothing was published",
        "2024-03: ",
        &format!("USD {total} before"),
        "EUR 5.50 after, of 1 subscription",
        "--yes",
    ] {
        assert!(refused.notes.contains(expected), "{expected}: {}", refused.notes);
    }
    assert_eq!(bill(), before, "nothing was published");
    assert_eq!(server.json("price-list list", &[]).as_array().unwrap().len(), 1);
}

/// An own list begins with the prices that there are: none is left out by accident.
fn assert_published_prices_are_a_starting_point(server: &Server, accounts: &Accounts) {
    let file = server
        .run("price-list show pay-as-you-use-usd --as-file", &[])
        .done();
    let put = |name: &str, file: &str| {
        let command = format!("price-list put {name} - --dry-run --output json");
        run_with(&mut server.command(&command, &[]), file)
    };
    let again = put("pay-as-you-use-usd", &file);
    assert_eq!(again.notes, "", "every meter has its price");
    let mut own: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert!(own["prices"].as_array().unwrap().len() > 30, "{file}");
    assert!(own["prices"][0]["meterName"].is_string(), "{file}");
    // Otherwise a customer's statement calls the seller's own price a sample, made up for trying out.
    assert!(!file.contains("\"source\""), "{file}");
    own["seller"] = accounts.partner.clone().into();
    let own = put("northwind-usd", &own.to_string());
    assert_eq!(own.notes, "", "every meter has its price, and no bill changes");
    assert_eq!(own.json()["seller"], *accounts.partner);
    let local = serde_json::json!({ "currency": "USD", "effectiveFrom": "2099-01-01T00:00:00Z",
        "prices": [{ "meterId": "fab6eb84-500b-4a09-a8ca-7358f8bbaea5", "rates": { "0": "1" } }] });
    let refused = run_with(
        &mut server.command("price-list put pay-as-you-use-usd -", &[]),
        &local.to_string(),
    );
    for expected in [
        "is a local meter, Base VM Size Hours",
        "charged as Base VM vCPU",
        "`meterbridge meter list`",
    ] {
        assert!(refused.notes.contains(expected), "{expected}: {}", refused.notes);
    }
}

/// Prices for later hours are drafted, compared and published, and imported ones say what was left out.
fn assert_a_draft_is_published_as_it_was_seen(server: &Server) {
    let name = "pay-as-you-use-usd";
    let file = server
        .run(&format!("price-list show {name} --as-file"), &[])
        .done();
    let mut file: serde_json::Value = serde_json::from_str(&file).unwrap();
    file["effectiveFrom"] = "2099-01-01T00:00:00Z".into();
    file["prices"][0]["rates"] = serde_json::json!({ "0": "77" });
    let draft = |file: &serde_json::Value| {
        let mut command = server.command(&format!("price-list draft {name} -"), &[]);
        run_with(&mut command, &file.to_string()).done()
    };
    assert!(draft(&file).contains("price-list diff"));
    assert_eq!(server.json("price-list drafts", &[])[0]["name"], name);
    let table = server.run(&format!("price-list diff {name}"), &[]).done();
    assert!(
        table.contains("CHANGE") && table.contains(" 77 ") && table.contains("--seen "),
        "{table}"
    );
    let seen = server.json(&format!("price-list diff {name}"), &[]);
    assert_eq!(seen["meters"].as_array().unwrap().len(), 1, "{seen}");
    let etag = seen["draft"]["etag"]
        .as_str()
        .unwrap()
        .trim_matches('"')
        .to_owned();

    file["prices"][0]["rates"] = serde_json::json!({ "0": "78" });
    draft(&file);
    let publish = |etag: &str| server.run(&format!("price-list publish {name} --seen {etag}"), &[]);
    let stale = publish(&etag);
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.notes.contains("PreconditionFailed"), "{}", stale.notes);
    let seen = server.json(&format!("price-list diff {name}"), &[]);
    publish(seen["draft"]["etag"].as_str().unwrap().trim_matches('"')).done();
    assert!(
        server
            .json("price-list drafts", &[])
            .as_array()
            .unwrap()
            .is_empty()
    );

    let meter = file["prices"][0]["meterId"].as_str().unwrap();
    let table = format!("meterId,from,unitPrice\n{meter},0,0.5\nvm,0,1\n");
    let import = |more: &str| {
        let command = format!(
            "price-list import {name} - --format csv --currency USD --effective-from 2099-02-01T00:00:00Z {more}"
        );
        run_with(&mut server.command(&command, &[]), &table)
    };
    let refused = import("");
    assert!(refused.notes.contains("PricesLeftOut"), "{}", refused.notes);
    let shown = import("--dry-run").done();
    assert!(
        shown.contains("Row 3 rejected: InvalidMeterId") && shown.contains("Nothing was drafted."),
        "{shown}"
    );
    import("--leave-out").done();
    let gone = server.json(&format!("price-list discard {name}"), &[]);
    assert_eq!(gone["discarded"], true);
    assert!(
        server
            .json("price-list drafts", &[])
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_operator_gets_from_an_empty_directory_to_a_bill() {
    do_the_whole_job(Server::start());
}

#[test]
fn an_operator_gets_from_an_empty_database_of_postgresql_to_a_bill() {
    if let Some(database) = database() {
        do_the_whole_job(Server::start_on(&database.url()));
    }
}

fn do_the_whole_job(server: Server) {
    let accounts = open_accounts(&server);
    let advice = server
        .run("registration advise --operated-by directPartner", &[])
        .done();
    assert!(
        advice.starts_with("Use a partner shared services subscription: "),
        "{advice}"
    );
    register(&server, &accounts);
    add_tenant(&server, &accounts);
    deliver(&server);
    assert_bills(&server, &accounts);

    let unmapped = server.json("usage unmapped --period 2024-03", &[]);
    assert_eq!(unmapped[0]["chargedTo"], *accounts.shared_services);
    assert_eq!(server.json("usage quarantine", &[])[0]["code"], "InvalidQuantity");
    assert_eq!(server.json("stack receipts", &[STACK])[0]["accepted"], 4);
    assert_eq!(server.json("check --period 2024-03", &[])["holds"], true);
    assert_published_prices_are_a_starting_point(&server, &accounts);
    assert_a_draft_is_published_as_it_was_seen(&server);
    assert_own_prices(&server, &accounts);

    let suspended = server.json("subscription suspend", &[&accounts.csp]);
    assert_eq!(suspended["state"], "suspended");
    server.run("registration delete", &[STACK]).done();
    assert!(
        server
            .run("registration show", &[STACK])
            .notes
            .contains("is not registered")
    );

    let (code, _) = server.stop();
    assert_eq!(code, Some(0), "a server that is asked to stop leaves in order");
}

#[test]
fn what_init_prints_is_the_only_place_where_the_credential_is_ever_seen() {
    let server = Server::start();
    let credential = server.credential.clone();
    assert!(credential.starts_with("mbo_"), "{:?}", server.initialised);
    assert_eq!(
        server.initialised.data,
        format!("{credential}\n"),
        "the credential is the only line of data"
    );
    assert!(!server.initialised.notes.contains(&credential));

    let mut said = String::new();
    for (command, more) in [
        ("partner list", vec![]),
        ("partner list --output json", vec![]),
        ("partner list --help", vec![]),
        ("statement show", vec![STACK]),
        ("partner list --url https://localhost:1", vec![]),
        ("partner list --period", vec![]),
        ("meter list --ca", vec!["Cargo.lock"]),
    ] {
        let outcome = server.run(command, &more);
        said.push_str(&outcome.data);
        said.push_str(&outcome.notes);
    }
    let again = run(meterbridge().arg("init").arg("--data").arg(server.data()));
    assert_eq!(
        (again.code, again.data.as_str()),
        (Some(1), ""),
        "an initialised directory stays as it is"
    );
    assert!(again.notes.contains("is initialised already"), "{}", again.notes);
    let in_use = run(meterbridge()
        .args(["init", "--new-credential", "--data"])
        .arg(server.data()));
    assert_eq!((in_use.code, in_use.data.as_str()), (Some(1), ""), "{in_use:?}");
    let wrong = server.run("partner list --credential mbo_wrong", &[]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.notes.contains("AuthenticationFailed") && wrong.notes.contains("hint:"),
        "{}",
        wrong.notes
    );

    let (_, log) = server.stop();
    for text in [said, again.notes, in_use.notes, wrong.notes, log] {
        assert!(!text.contains(&credential[4..]), "{text}");
    }
}

#[test]
fn a_further_credential_is_as_good_as_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let init = |more: &[&str]| {
        run(meterbridge()
            .args(["init", "--data"])
            .arg(directory.path())
            .args(more))
        .done()
    };
    let (first, second) = (
        init(&[]),
        init(&["--new-credential", "--operator", "Night shift"]),
    );
    assert!(first != second && second.starts_with("mbo_"), "{second}");
    let stored = fs::read_dir(directory.path()).unwrap().count();
    assert!(stored > 0);
}
